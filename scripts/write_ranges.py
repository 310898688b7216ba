"""Writes src/tellapart/backbones/ranges.py: how far activations reach on pictures drawn here.

The pictures are no one's: noise of several spectra, overlapping leaves with textures and shades
(whose edges and sizes are distributed as in photographs), strokes like text, gratings, and the
characters of the demo in all styles. With --check it only says whether the file is in step.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tellapart.backbones.graph import Network
from tellapart.backbones.rows import BACKBONES
from tellapart.backbones.runtime import open_session
from tellapart.backbones.untrusted import parse_onnx
from tellapart.demo.walk import draw_demo
from tellapart.images.decode import read_picture

TARGET = Path(__file__).parents[1] / "src" / "tellapart" / "backbones" / "ranges.py"
NAMES = ("lite0", "lite2")
SIDE = 256  # pixels
EACH = 12  # pictures of each kind
HEAD = '''"""How far activations that can be negative reach on drawn pictures, to either side of 0.

Written by `scripts/write_ranges.py`; do not edit.
"""

from collections.abc import Mapping

RANGES: Mapping[str, Mapping[str, int]] = {
'''


def noise(lot: np.random.Generator, exponent: float) -> np.ndarray:
    """Noise whose waves get weaker with their frequency to the `exponent`, `[SIDE,SIDE,3]`."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(lot.normal(size=(3, SIDE, SIDE))) / frequency**exponent
    waves = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
    waves /= waves.std(axis=(1, 2), keepdims=True)
    grey = lot.uniform()
    waves = grey * waves[:1] + (1 - grey) * waves
    image = lot.uniform(60, 200, (3, 1, 1)) + lot.uniform(15, 80) * waves
    return np.asarray(image.transpose(1, 2, 0))


def leaves(lot: np.random.Generator) -> np.ndarray:
    """Ovals and boxes, many small and few large, one over the other."""
    image = noise(lot, lot.uniform(0.8, 1.6))
    down, across = np.mgrid[:SIDE, :SIDE]
    for _ in range(lot.integers(15, 120)):
        radius = min(4 / lot.uniform(0.015, 1), SIDE * 0.6)
        y, x = lot.uniform(0, SIDE, 2)
        angle, flat = lot.uniform(0, np.pi), lot.uniform(0.4, 1)
        along = ((across - x) * np.cos(angle) + (down - y) * np.sin(angle)) / radius
        beside = ((down - y) * np.cos(angle) - (across - x) * np.sin(angle)) / (flat * radius)
        oval = lot.uniform() < 0.7
        inside = along**2 + beside**2 < 1 if oval else np.maximum(abs(along), abs(beside)) < 1
        fill = lot.uniform(0, 255, 3) * (1 + lot.uniform(-0.5, 0.5) * along[..., None])
        if lot.uniform() < 0.25:
            fill = (fill + noise(lot, lot.uniform(0.5, 1.5))) / 2
        image[inside] = fill[inside]
    return image


def strokes(lot: np.random.Generator) -> np.ndarray:
    """Lines of signs of a few strokes each, on a soft ground."""
    image = Image.fromarray(pixels(noise(lot, lot.uniform(1, 2))))
    draw = ImageDraw.Draw(image)
    for _ in range(lot.integers(3, 14)):
        x, y, size = lot.uniform(0, SIDE / 3), lot.uniform(0, SIDE), lot.uniform(5, 40)
        ink = tuple(int(value) for value in lot.integers(0, 256, 3))
        for _ in range(lot.integers(3, 20)):
            points = lot.uniform(0, size, (lot.integers(2, 6), 2)) * (0.6, 1) + (x, y)
            draw.line([tuple(point) for point in points], fill=ink, width=max(1, int(size / 8)))
            x += size * 0.75
    return np.asarray(image, np.float64)


def gratings(lot: np.random.Generator) -> np.ndarray:
    """Stripes, hard or soft, of any width and direction, over one another."""
    down, across = np.mgrid[:SIDE, :SIDE] / SIDE
    image = np.full((SIDE, SIDE, 3), lot.uniform(60, 190, 3))
    for _ in range(lot.integers(1, 4)):
        angle, frequency = lot.uniform(0, np.pi), 2 ** lot.uniform(0, 6.3)
        way = across * np.cos(angle) + down * np.sin(angle)
        wave = np.sin(2 * np.pi * (frequency * way + lot.uniform()))
        wave = np.sign(wave) if lot.uniform() < 0.5 else wave
        image += wave[..., None] * lot.uniform(-80, 80, 3)
    return image


def grains(lot: np.random.Generator) -> np.ndarray:
    """One colour under white noise."""
    noise = lot.normal(size=(SIDE, SIDE, 3))
    return np.asarray(lot.uniform(0, 255, 3) + lot.uniform(5, 90) * noise)


KINDS: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (
    lambda lot: noise(lot, lot.uniform(0.5, 2)),
    leaves,
    leaves,
    strokes,
    gratings,
    grains,
)


def pixels(image: np.ndarray) -> np.ndarray:
    """As uint8."""
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def pictures() -> Iterator[np.ndarray]:
    """All pictures `[H,W,3]` uint8; some are blurred as a lens does."""
    for number, kind in enumerate(KINDS):
        for each in range(EACH):
            lot = np.random.default_rng([number, each])
            image = Image.fromarray(pixels(kind(lot)))
            if lot.uniform() < 0.4:
                image = image.filter(ImageFilter.GaussianBlur(lot.uniform(0.5, 3)))
            yield np.asarray(image)
    with tempfile.TemporaryDirectory() as folder:
        demo = draw_demo(Path(folder, "demo"), pictures=4 * EACH)
        for path in sorted(demo.photos.rglob("*.jpg")):
            yield read_picture(path)


def ranges(name: str, images: list[np.ndarray]) -> dict[str, int]:
    """How far each activation that can be negative reaches, as a whole number: in the picture where
    it reaches furthest, but for one value in ten thousand."""
    model = parse_onnx(Network(name, (BACKBONES[name].trunk(),), ("squash",)).content)
    nodes = [node.output[0] for node in model.graph.node if node.output[0].startswith(f"{name}/")]
    wanted = [output for output in nodes if output.endswith(("._project_conv", ".sum"))]
    template = model.graph.output.pop()
    for output in wanted:
        value = model.graph.output.add()
        value.CopyFrom(template)
        value.name = output
        value.type.tensor_type.ClearField("shape")
    session = open_session(model.SerializeToString())
    reached = np.max(
        [
            [
                np.percentile(abs(maps), 99.99)
                for maps in session.run(wanted, {"image": image[None]})
            ]
            for image in images
        ],
        axis=0,
    )
    return {
        output.removeprefix(f"{name}/"): int(np.ceil(most))
        for output, most in zip(wanted, reached, strict=True)
    }


def page() -> str:
    """The module."""
    images, written = list(pictures()), io.StringIO()
    written.write(HEAD)
    for name in NAMES:
        written.write(f'    "{name}": {{\n')
        for output, most in ranges(name, images).items():
            written.write(f'        "{output}": {most},\n')
        written.write("    },\n")
    written.write("}\n")
    return written.getvalue()


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv:
        sys.exit(
            0 if TARGET.read_text() == text else f"{TARGET.name} is not in step: write it anew."
        )
    TARGET.write_text(text)
