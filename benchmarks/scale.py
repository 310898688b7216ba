"""How much of its detail a network sees of a big picture, which is read at a half, a quarter and so
on (`images/decode.py`), by the side of the network's square.

Pictures are noise with the spectrum of photographs (amplitudes fall as 1 / frequency). Both ways
end in the network's square: read as tellapart reads, or resized from all pixels at once. Detail is
what the square loses if it is made four times smaller, and the share kept is by least squares.

    python benchmarks/scale.py
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from tellapart.images.decode import read_picture

PICTURES = ((720, 960), (1080, 1440), (1439, 1900), (1440, 1920), (3000, 4000))  # height, width
SQUARES = (224, 260, 299, 384, 512, 600)


def noise(height: int, width: int) -> Image.Image:
    """A picture of noise with the spectrum of photographs."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    white = np.random.default_rng(1).normal(size=(height, width))
    pink = np.fft.irfft2(np.fft.rfft2(white) / frequency, (height, width))
    grey = 127 + 50 * (pink - pink.mean()) / pink.std()
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def square(picture: Image.Image, side: int) -> np.ndarray:
    """The network's square, as the model's graph resizes it."""
    resized = picture.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(resized.convert("L"), dtype=np.float64)


def detail(pixels: np.ndarray) -> np.ndarray:
    """What is lost if a square is made four times smaller."""
    side = len(pixels)
    small = Image.fromarray(pixels.astype(np.float32)).resize(
        (side // 4, side // 4), Image.Resampling.BOX
    )
    lost: np.ndarray = pixels - np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))
    return lost


def main() -> None:
    print("picture      read at     " + "".join(f"{side:>7}" for side in SQUARES))
    for height, width in PICTURES:
        whole = noise(height, width)
        read = Image.fromarray(read_picture(whole))
        kept = []
        for side in SQUARES:
            seen, there = detail(square(read, side)), detail(square(whole, side))
            kept.append(f"{(seen * there).sum() / (there**2).sum():7.0%}")
        print(f"{width:>4} x {height:<6}{read.width:>4} x {read.height:<6}" + "".join(kept))


if __name__ == "__main__":
    main()
