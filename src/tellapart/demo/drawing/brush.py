"""Colours, and a pen that draws in figure units, so that a character is described once for
every size, crop, tilt and direction. Flows: shapes around (0, 0) in, pixels of one image out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from PIL import Image, ImageDraw

Color = tuple[int, int, int]
Point = tuple[float, float]

OVERSAMPLING = 2
"""Layers are drawn this many times too large and then reduced, which smooths their edges."""


def blend(first: Color, second: Color, fraction: float) -> Color:
    """Mix two colours; `fraction` (0 to 1) is how much of the second."""
    red, green, blue = (round(a + (b - a) * fraction) for a, b in zip(first, second, strict=True))
    return red, green, blue


def lighter(color: Color, fraction: float = 0.3) -> Color:
    """Mix a colour with white."""
    return blend(color, (255, 255, 255), fraction)


def darker(color: Color, fraction: float = 0.3) -> Color:
    """Mix a colour with a blue black: shadows that are not grey look painted, not dirty."""
    return blend(color, (12, 10, 30), fraction)


def vary(color: Color, random: Random, amount: int = 12) -> Color:
    """Move each channel by up to `amount`, so that no two pictures share an exact colour."""
    red, green, blue = (
        min(255, max(0, channel + random.randint(-amount, amount))) for channel in color
    )
    return red, green, blue


def gradient(size: tuple[int, int], top: Color, bottom: Color) -> Image.Image:
    """Fill an image from one colour at its top to another at its bottom."""
    ramp = np.linspace(top, bottom, 64).round().astype(np.uint8)[:, None, :]
    return Image.fromarray(ramp).resize(size, Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class Camera:
    """What the picture shows: the figure point (x, y) in its middle, `height` units from top to
    bottom. A figure stands on (0, 0) and its head ends near (0, -100).
    """

    x: float
    y: float
    height: float
    tilt: float = 0.0
    mirrored: bool = False


class Pen:
    """Draws filled shapes, given in figure units, on one layer as a camera sees them.

    `ink` is the colour of outlines, None for none, and `ink_width` their width in figure units.
    """

    def __init__(
        self, layer: Image.Image, camera: Camera, ink: Color | None = None, ink_width: float = 0.8
    ) -> None:
        self.camera = camera
        self.ink = ink
        self.ink_width = ink_width
        self.scale = layer.height / camera.height
        # A close-up must not get the fat lines that its scale asks for.
        self.ink_pixels = max(2, round(min(ink_width * self.scale, layer.height / 70)))
        self._layer = layer
        self._canvas = ImageDraw.Draw(layer)
        self._middle = np.array([layer.width / 2, layer.height / 2])

    def enlarged(self, times: float, around: Point) -> Pen:
        """Give a pen for the same layer that draws larger; `around` stays where it is."""
        x = around[0] + (self.camera.x - around[0]) / times
        y = around[1] + (self.camera.y - around[1]) / times
        camera = replace(self.camera, x=x, y=y, height=self.camera.height / times)
        return Pen(self._layer, camera, self.ink, self.ink_width / times)

    def place(self, points: Sequence[Point]) -> np.ndarray:
        """Turn figure points into pixels, as an array [N, 2]."""
        angle = math.radians(self.camera.tilt)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        moved = (np.asarray(points, dtype=float) - (self.camera.x, self.camera.y)) @ turn
        if self.camera.mirrored:
            moved[:, 0] = -moved[:, 0]
        pixels: np.ndarray = moved * self.scale + self._middle
        return pixels

    def shape(self, points: Sequence[Point], fill: Color, *, inked: bool = True) -> None:
        """Fill a polygon with straight sides."""
        self._fill(self.place(points), fill, inked)

    def box(
        self, left: float, top: float, right: float, bottom: float, fill: Color, inked: bool = True
    ) -> None:
        """Fill a rectangle."""
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.shape(corners, fill, inked=inked)

    def curve(self, points: Sequence[Point], fill: Color, *, inked: bool = True) -> None:
        """Fill a smooth outline through all the points (a closed Catmull-Rom spline)."""
        corners = self.place(points)
        before, after, beyond = (np.roll(corners, shift, axis=0) for shift in (1, -1, -2))
        step = np.linspace(0, 1, 7)[:-1, None, None]
        smooth = corners + 0.5 * step * (
            after
            - before
            + step * (2 * before - 5 * corners + 4 * after - beyond)
            + step**2 * (3 * (corners - after) + beyond - before)
        )
        self._fill(smooth.transpose(1, 0, 2).reshape(-1, 2), fill, inked)

    def oval(
        self, x: float, y: float, across: float, down: float, fill: Color, *, inked: bool = True
    ) -> None:
        """Fill an ellipse around (x, y) with these two radii."""
        angles = np.linspace(0, 2 * math.pi, 29)[:-1]
        ring = np.stack([x + across * np.cos(angles), y + down * np.sin(angles)], axis=1)
        self._fill(self.place(ring.tolist()), fill, inked)

    def limb(
        self, points: Sequence[Point], width: float, fill: Color, *, inked: bool = True
    ) -> None:
        """Draw a thick bent line with round ends: arms, legs, poles."""
        joints = self.place(points)
        if self.ink is not None and inked:
            self._round_line(joints, width * self.scale + 2 * self.ink_pixels, self.ink)
        self._round_line(joints, width * self.scale, fill)

    def shadow(self, x: float, y: float, across: float, down: float) -> None:
        """Darken the ground below a figure; draw it first, for it replaces what is there."""
        box = self.place([(x - across, y - down), (x + across, y + down)])
        (left, top), (right, bottom) = np.sort(box, axis=0).tolist()
        self._canvas.ellipse((left, top, right, bottom), fill=(10, 8, 26, 80))

    def _fill(self, pixels: np.ndarray, fill: Color, inked: bool) -> None:
        outline = [(x, y) for x, y in pixels.tolist()]
        self._canvas.polygon(outline, fill=fill)
        if self.ink is not None and inked:
            self._canvas.line([*outline, *outline[:2]], fill=self.ink, width=self.ink_pixels)

    def _round_line(self, joints: np.ndarray, pixels: float, fill: Color) -> None:
        line = [(x, y) for x, y in joints.tolist()]
        self._canvas.line(line, fill=fill, width=max(1, round(pixels)))
        for x, y in line:
            half = pixels / 2
            self._canvas.ellipse((x - half, y - half, x + half, y + half), fill=fill)


def both_sides(left: Sequence[Point]) -> list[Point]:
    """Complete the left half of an outline that is the same on its right."""
    return [*left, *((-x, y) for x, y in reversed(left))]


def zigzag(left: Point, right: Point, teeth: int, depth: float) -> list[Point]:
    """Make the points of a jagged edge between two points: torn hems, icicles, tree tops."""
    points: list[Point] = []
    for step in range(2 * teeth + 1):
        fraction = step / (2 * teeth)
        x = left[0] + (right[0] - left[0]) * fraction
        y = left[1] + (right[1] - left[1]) * fraction
        points.append((x, y - depth * (step % 2)))
    return points


def star(x: float, y: float, radius: float, arms: int, inner: float = 0.35) -> list[Point]:
    """Make the points of a star: sparkles with four arms, snow crystals with six."""
    return [
        (
            x + radius * (inner if step % 2 else 1) * math.sin(math.pi * step / arms),
            y - radius * (inner if step % 2 else 1) * math.cos(math.pi * step / arms),
        )
        for step in range(2 * arms)
    ]
