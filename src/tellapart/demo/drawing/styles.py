"""How a picture is made: as a cartoon, a pencil sketch, a brick toy, pixels, crayon, a photograph
or a poster. A background and a figure with transparency go in, one finished picture comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps

from .brush import Color

Finish = Callable[[Image.Image, Image.Image, Random], Image.Image]


def _together(background: Image.Image, figure: Image.Image) -> Image.Image:
    picture = background.copy()
    picture.paste(figure, (0, 0), figure)
    return picture


def _grain(size: tuple[int, int], random: Random) -> np.ndarray:
    """Make reproducible noise with mean 0 and deviation 1, float32 [height, width, 1]."""
    generator = np.random.default_rng(random.getrandbits(64))
    return generator.standard_normal((size[1], size[0], 1), dtype=np.float32)


def _from_array(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def cartoon(background: Image.Image, figure: Image.Image, _: Random) -> Image.Image:
    """Leave it as it was drawn."""
    return _together(background, figure)


def sticker(background: Image.Image, figure: Image.Image, _: Random) -> Image.Image:
    """Put a white cut-out border around the figure."""
    border = (
        figure.getchannel("A")
        .filter(ImageFilter.BoxBlur(5))
        .point(lambda alpha: min(255, alpha * 12))
    )
    picture = background.copy()
    picture.paste((255, 255, 255), (0, 0), border)
    return _together(picture, figure)


def sketch(background: Image.Image, figure: Image.Image, random: Random) -> Image.Image:
    """Draw with pencil on paper: dividing by a blur keeps the edges; a little colour stays."""
    picture = _together(background, figure)
    grey = picture.convert("L")
    blurred = grey.filter(ImageFilter.GaussianBlur(random.uniform(2, 5)))
    pencil = np.asarray(grey, np.float32) * 252 / np.maximum(np.asarray(blurred, np.float32), 1)
    lines = _from_array(pencil**1.6 / 255**0.6)
    paper = Image.merge("RGB", (lines, lines, lines))
    wash = Image.blend(
        picture, Image.new("RGB", picture.size, (255, 252, 244)), random.uniform(0.35, 0.8)
    )
    return ImageChops.multiply(paper, wash)


def toy(background: Image.Image, figure: Image.Image, random: Random) -> Image.Image:
    """Photograph a toy: a background out of focus, and light from one side on shiny plastic."""
    far = background.filter(ImageFilter.BoxBlur(random.uniform(1, 4)))
    light = ImageChops.offset(figure.getchannel("A"), 4 * random.choice((-1, 1)), 3)
    light = light.filter(ImageFilter.BoxBlur(3)).point(lambda alpha: 150 + alpha * 105 // 255)
    lit = ImageChops.multiply(figure.convert("RGB"), Image.merge("RGB", (light, light, light)))
    far.paste(lit, (0, 0), figure)
    return far


def pixels(background: Image.Image, figure: Image.Image, random: Random) -> Image.Image:
    """Make pixel art: few, big, square dots and few colours."""
    picture = _together(background, figure)
    dot = random.choice((3, 3, 4))
    small = picture.resize((picture.width // dot, picture.height // dot), Image.Resampling.BOX)
    few = small.quantize(20, dither=Image.Dither.NONE).convert("RGB")
    return few.resize(picture.size, Image.Resampling.NEAREST)


def crayon(background: Image.Image, figure: Image.Image, random: Random) -> Image.Image:
    """Rub wax on rough paper, whose hollows stay white."""
    picture = np.asarray(_together(background, figure), np.float32)
    strokes = _grain((picture.shape[1], picture.shape[0]), random)
    lean = random.choice((-1, 1))
    for step in (1, 2, 4):  # each pass makes the strokes twice as long
        strokes = (strokes + np.roll(strokes, (step, lean * step), (0, 1))) / 2**0.5
    missing = np.clip(strokes - random.uniform(0.6, 1.3), 0, 1) * 0.55
    wax = picture * 0.92 + 20 + 7 * strokes
    return _from_array(wax + (np.float32(250) - wax) * missing)


def photograph(background: Image.Image, figure: Image.Image, random: Random) -> Image.Image:
    """Photograph it badly: soft focus, darker corners, noise."""
    picture = _together(background.filter(ImageFilter.BoxBlur(random.uniform(0.5, 3))), figure)
    picture = picture.filter(ImageFilter.BoxBlur(random.uniform(0.2, 1.3)))
    across = np.linspace(-1, 1, picture.width, dtype=np.float32)[None, :, None]
    down = np.linspace(-1, 1, picture.height, dtype=np.float32)[:, None, None]
    corners = (
        1.08
        - random.uniform(0.1, 0.35) * (across**2 + down**2)
        + random.uniform(-0.2, 0.2) * across
    )
    noise = random.uniform(4, 14) * _grain(picture.size, random)
    return _from_array(np.asarray(picture, np.float32) * corners + noise)


INKS: tuple[tuple[Color, Color, Color], ...] = (
    ((20, 34, 66), (222, 66, 58), (250, 238, 204)),
    ((44, 20, 66), (240, 120, 120), (255, 240, 200)),
    ((10, 52, 66), (64, 170, 160), (248, 240, 210)),
    ((40, 30, 28), (230, 150, 40), (252, 244, 224)),
    ((26, 26, 80), (110, 130, 220), (240, 244, 255)),
)


def poster(background: Image.Image, figure: Image.Image, random: Random) -> Image.Image:
    """Print a poster in three inks: light and dark are all that is left of the colours, so that a
    white border has to keep the figure apart from its background.
    """
    grey = ImageOps.autocontrast(sticker(background, figure, random).convert("L"), cutoff=2)
    steps = ImageOps.posterize(grey.filter(ImageFilter.MedianFilter(3)), 2).point(
        lambda tone: tone * 4 // 3
    )
    dark, middle, light = random.choice(INKS)
    return ImageOps.colorize(steps, dark, light, mid=middle)


@dataclass(frozen=True)
class Style:
    """A way of making pictures: its finish, whether the figure is a brick toy, whether its shapes
    have outlines, and the JPEG qualities it is stored with.
    """

    finish: Finish
    bricks: bool = False
    outlined: bool = True
    quality: tuple[int, int] = (84, 92)


STYLES = (
    Style(cartoon),
    Style(cartoon, outlined=False),
    Style(sticker),
    Style(sketch),
    Style(toy, bricks=True, outlined=False),
    Style(photograph, bricks=True, outlined=False, quality=(40, 80)),
    Style(pixels),
    Style(crayon, quality=(70, 85)),
    Style(photograph, outlined=False, quality=(30, 75)),
    Style(poster),
)
