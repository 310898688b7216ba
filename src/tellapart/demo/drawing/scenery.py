"""The places the demo's pictures are taken in. Both characters are drawn in all of them, by day
and by night alike, so that no background can tell them apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw

from .brush import Color, blend, darker, gradient, lighter, vary, zigzag

Size = tuple[int, int]
Scenery = Callable[[Size, Random], Image.Image]

CHEERFUL: tuple[Color, ...] = (
    (238, 92, 84), (250, 190, 60), (92, 184, 112), (70, 150, 214),
    (150, 104, 190), (240, 138, 170), (244, 240, 228), (52, 60, 92), (128, 200, 196),
)  # fmt: skip

FOREST_LIGHTS: tuple[tuple[Color, Color], ...] = (
    ((214, 232, 206), (40, 104, 60)),
    ((248, 214, 150), (150, 84, 40)),
    ((60, 84, 96), (12, 34, 36)),
    ((222, 232, 240), (70, 106, 122)),
)
"""Mist and leaves: summer, autumn, night, winter."""

MOUNTAIN_LIGHTS: tuple[tuple[Color, Color], ...] = (
    ((140, 196, 240), (120, 142, 176)),
    ((246, 190, 196), (128, 110, 156)),
    ((40, 50, 92), (62, 72, 112)),
)
"""Sky and rock: day, dusk, night."""

SUNSET_LIGHTS: tuple[tuple[Color, Color], ...] = (
    ((90, 60, 130), (255, 170, 90)),
    ((240, 110, 90), (255, 224, 140)),
    ((60, 90, 150), (255, 190, 170)),
)
"""The sky above and at the horizon."""


def studio(size: Size, random: Random) -> Image.Image:
    """Hang a photographer's paper backdrop, white or charcoal, with a soft pool of light."""
    paper = vary(random.choice(((246, 246, 244), (232, 228, 222), (58, 58, 64))), random, 6)
    backdrop = gradient(size, lighter(paper, 0.1), paper)
    floor = gradient((size[0], size[1] // 4), darker(paper, 0.16), lighter(paper, 0.06))
    backdrop.paste(floor, (0, size[1] - floor.height))
    return backdrop


def flat(size: Size, random: Random) -> Image.Image:
    """Fill all with one colour."""
    return Image.new("RGB", size, vary(random.choice(CHEERFUL), random, 20))


def fade(size: Size, random: Random) -> Image.Image:
    """Draw a gradient between two colours, sometimes with big soft confetti."""
    width, height = size
    top, bottom = random.sample(CHEERFUL, 2)
    picture = gradient(size, vary(top, random, 20), vary(bottom, random, 20))
    canvas = ImageDraw.Draw(picture)
    for _ in range(random.choice((0, 0, 9, 14))):
        x, y = random.random() * width, random.random() * height
        tone = lighter(blend(top, bottom, y / height), 0.25)
        _disc(canvas, x, y, height * 0.03, tone)
    return picture


def night(size: Size, random: Random) -> Image.Image:
    """Draw a starry sky with a moon above dark hills."""
    width, height = size
    sky = random.choice(((16, 20, 56), (30, 16, 60), (10, 34, 58)))
    picture = gradient(size, sky, lighter(sky, 0.22))
    canvas = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y = random.random() * width, random.random() * height * 0.8
        _disc(canvas, x, y, random.choice((1, 1, 2, 3)), (240, 236, 200))
    moon = random.uniform(0.1, 0.9) * width
    _disc(canvas, moon, height * 0.18, height * 0.09, (250, 244, 214))
    _hills(canvas, size, darker(sky, 0.4), random, 0.8)
    return picture


def castle(size: Size, random: Random) -> Image.Image:
    """Draw a hall of stone with pointed windows, banners and a chequered floor."""
    width, height = size
    stone = vary(random.choice(((176, 168, 158), (112, 108, 122), (70, 64, 84))), random)
    outside = random.choice(((150, 206, 240), (250, 196, 120), (34, 40, 86)))
    picture = gradient(size, darker(stone, 0.3), stone)
    canvas = ImageDraw.Draw(picture)
    course, mortar = height // 12, darker(stone, 0.3)
    for row in range(10):
        y = row * course
        canvas.line((0, y, width, y), fill=mortar, width=2)
        for joint in range((row % 2) * course, width, course * 2):
            canvas.line((joint, y, joint, y + course), fill=mortar, width=2)

    bay, wide, shift = height * 0.55, height * 0.16, random.random() * height * 0.5
    top, high, low = height * 0.1, height * 0.25, height * 0.58
    for number in range(-1, math.ceil(width / bay) + 1):
        x = number * bay + shift
        for frame, tone in ((8, lighter(stone, 0.2)), (0, outside)):
            left, right, sill = x - frame, x + wide + frame, low + frame
            arch = [(left, sill), (left, high), (x + wide / 2, top - frame), (right, high)]
            canvas.polygon([*arch, (right, sill)], fill=tone)
        x += bay / 2
        cloth = [(x, top), (x + wide, top), (x + wide, height * 0.52), (x, height * 0.52)]
        canvas.polygon(
            [*cloth[:3], (x + wide / 2, height * 0.45), cloth[3]], random.choice(CHEERFUL)
        )

    floor, near, far, middle = height * 0.78, width * 0.16, width * 0.07, width / 2
    canvas.rectangle((0, floor, width, height), fill=darker(stone, 0.15))
    for tile in range(-12, 13, 2):
        back = [(middle + tile * far, floor), (middle + (tile + 1) * far, floor)]
        front = [(middle + (tile + 1) * near, height), (middle + tile * near, height)]
        canvas.polygon([*back, *front], fill=lighter(stone, 0.15))
    return picture


def _disc(canvas: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: Color) -> None:
    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _hills(
    canvas: ImageDraw.ImageDraw, size: Size, color: Color, random: Random, top: float
) -> None:
    """Cover the ground with a rolling hill whose ridge is near `top` (a fraction of the height)."""
    width, height = size
    phase, swing = random.random() * 6, height * 0.04
    ridge = [
        (x, top * height + swing * math.sin(phase + 7 * x / width))
        for x in range(0, width + 20, 20)
    ]
    canvas.polygon([(0, height), *ridge, (width, height)], fill=color)


def forest(size: Size, random: Random) -> Image.Image:
    """Draw rows of firs in mist, paler the farther away they stand."""
    width, height = size
    mist, leaf = random.choice(FOREST_LIGHTS)
    picture = gradient(size, mist, lighter(mist, 0.1))
    canvas = ImageDraw.Draw(picture)
    for row in range(3):
        tone = vary(blend(mist, leaf, 0.35 + 0.3 * row), random, 6)
        ground = 0.74 + 0.07 * row
        foot = height * ground
        for _ in range(9 - 2 * row):
            x = random.random() * width
            tall = height * random.uniform(0.4, 0.62) * (1 + 0.2 * row)
            for tier in range(3):
                half, low = tall * (0.12 + 0.05 * tier), foot - tall * (0.62 - 0.27 * tier)
                canvas.polygon([(x - half, low), (x, low - tall * 0.36), (x + half, low)], tone)
            canvas.rectangle((x - 4, foot - tall * 0.1, x + 4, foot), fill=darker(tone, 0.4))
        _hills(canvas, size, darker(tone, 0.05 + 0.05 * row), random, ground)
    return picture


def mountains(size: Size, random: Random) -> Image.Image:
    """Draw snowy peaks, snow on the ground and flakes in the air, by day or at dusk."""
    width, height = size
    sky, rock = random.choice(MOUNTAIN_LIGHTS)
    snow = blend((246, 250, 255), sky, 0.2)
    picture = gradient(size, sky, lighter(sky, 0.45))
    canvas = ImageDraw.Draw(picture)
    foot, half = height * 0.8, height * 0.5
    for number in range(4):
        x, top = (
            width * (number * 0.3 + random.uniform(-0.1, 0.2)),
            height * random.uniform(0.15, 0.4),
        )
        canvas.polygon([(x - half, foot), (x, top), (x + half, foot)], fill=vary(rock, random))
        cap, drop = half * 0.36, (foot - top) * 0.36
        jagged = zigzag((x + cap, top + drop), (x - cap, top + drop), 3, cap * 0.5)
        canvas.polygon([(x, top), *jagged], fill=snow)
    _hills(canvas, size, snow, random, 0.74)
    _hills(canvas, size, lighter(snow, 0.4), random, 0.86)
    for _ in range(random.choice((0, 30, 60))):
        _disc(canvas, random.random() * width, random.random() * height, 3, (255, 255, 255))
    return picture


def sunset(size: Size, random: Random) -> Image.Image:
    """Draw a low sun over water."""
    width, height = size
    top, glow = random.choice(SUNSET_LIGHTS)
    picture = gradient(size, top, glow)
    canvas = ImageDraw.Draw(picture)
    shore, x, radius = round(height * 0.66), random.uniform(0.2, 0.8) * width, height * 0.16
    _disc(canvas, x, shore - radius * 0.3, radius, (255, 246, 204))
    water = gradient((width, height - shore), blend(glow, top, 0.45), darker(top, 0.2))
    picture.paste(water, (0, shore))
    for number in range(1, 8):
        y, half = shore + number * height * 0.035, radius * random.uniform(0.4, 1.1)
        canvas.line((x - half, y, x + half, y), fill=(255, 232, 180), width=4)
    _hills(canvas, size, darker(top, 0.5), random, 0.9)
    return picture


def shelf(size: Size, random: Random) -> Image.Image:
    """Draw a toy shop's shelf: bright boxes and balls behind the figure."""
    width, height = size
    wood = vary(random.choice(((214, 172, 122), (240, 236, 228), (110, 74, 54))), random)
    picture = gradient(size, darker(wood, 0.35), darker(wood, 0.2))
    canvas = ImageDraw.Draw(picture)
    for board in (0.32, 0.62, 0.94):
        base, x = height * board, random.uniform(-40, 10)
        while x < width:
            wide, tall = height * random.uniform(0.08, 0.2), height * random.uniform(0.1, 0.24)
            color = darker(vary(random.choice(CHEERFUL), random, 20), 0.12)
            shine, half = lighter(color, 0.45), wide / 2
            if random.random() < 0.25:
                _disc(canvas, x + half, base - half, half, color)
                _disc(canvas, x + half * 0.65, base - half * 1.45, half * 0.25, shine)
            else:
                canvas.rectangle((x, base - tall, x + wide, base), fill=color)
                picture_on_box = (
                    x + wide * 0.2,
                    base - tall * 0.8,
                    x + wide * 0.8,
                    base - tall * 0.45,
                )
                canvas.rectangle(picture_on_box, fill=shine)
            x += wide + random.uniform(0, 16)
        edge = base + height * 0.06
        canvas.rectangle((0, base, width, edge), fill=wood)
        canvas.line((0, edge, width, edge), fill=darker(wood, 0.5), width=3)
    return picture


SCENERY: tuple[Scenery, ...] = (
    studio, flat, fade, night, castle, forest, mountains, sunset, shelf,
)  # fmt: skip
