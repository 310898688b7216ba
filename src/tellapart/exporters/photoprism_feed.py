"""A picture as PhotoPrism gives it to a model: its thumbnail of 720 pixels, on a black square.

This file is also copied beside the program of the export, so it needs Pillow and numpy alone.
Followed: internal/thumb (vips.go, sizes.go, quality.go, image_ops.go) and internal/ai/classify
(model.go) of PhotoPrism in October 2026. libvips makes the thumbnails there, with Lanczos too.
"""

import io

import numpy as np
from PIL import Image

SIDE = 720  # pixels: its smallest thumbnail that shows the whole picture, fit_720
QUALITY = 83  # of the JPEG that keeps it, unless PhotoPrism's settings say otherwise


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """Pixels [h,w,3] uint8 of a picture [height,width,3]: never enlarged, once through JPEG."""
    height, width = picture.shape[:2]
    scale = min(SIDE / width, SIDE / height, 1)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)
    kept = io.BytesIO()
    small.save(kept, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(kept).convert("RGB"))


def on_black(pixels: np.ndarray) -> np.ndarray:
    """What the model takes, [1,720,720,3] float32, of a thumbnail [h,w,3]: `Mode: pad`."""
    height, width = pixels.shape[:2]
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    square = np.zeros((1, SIDE, SIDE, 3), np.float32)
    square[0, top : top + height, left : left + width] = pixels
    return square
