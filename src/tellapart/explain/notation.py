"""Changes as they are written on the command line: `blank 10%,20%,30%x40%`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import PictureError, UsageError, option
from ..images.decode import read_picture
from ..text import shown
from .changes import BLUR, Blank, Blur, Brightness, Change, Crop, Paint, Paste
from .regions import Region, parse_color, parse_place


def parse_change(kind: str, text: str) -> Change:
    """Read a change: its kind, a key of `KINDS`, and what is said of it.

    Raises:
        UsageError: it is not written as it should be; the hint shows how.
        PictureError: a picture to be pasted cannot be read.
    """
    return KINDS[kind](text)


def _blank(text: str) -> Change:
    place, equals, color = text.partition("=")
    return Blank(parse_place(place), parse_color(color) if equals else None)


def _blur(text: str) -> Change:
    place, equals, radius = text.partition("=")
    return Blur(parse_place(place), _radius(radius) if equals else BLUR)


def _paint(text: str) -> Change:
    place, equals, color = text.partition("=")
    if not equals:
        raise UsageError(
            f"{option(f'paint={shown(text)}')} has no colour.",
            hint="Write it after a =, such as 10%,20%,30%x40%=white.",
        )
    return Paint(parse_place(place), parse_color(color))


def _paste(text: str) -> Change:
    region, equals, file = text.partition("=")
    if not equals:
        raise UsageError(
            f"{option(f'paste={shown(text)}')} has no picture.",
            hint="Write its file after a =, such as 10%,20%,30%x40%=face.jpg.",
        )
    where = Region.parse(region)
    try:
        return Paste(where, read_picture(Path(file)))
    except PictureError as error:
        raise error.about(shown(file)) from error


def _radius(text: str) -> float:
    number, percent, rest = text.strip().partition("%")
    try:
        return float(number) / (100 if percent and not rest else 0)
    except (ValueError, ZeroDivisionError):
        raise UsageError(
            f"{shown(text)!r} is not the radius of a blur.",
            hint="Write it in percent of the picture's shorter side, such as 20%.",
        ) from None


def _brightness(text: str) -> Change:
    try:
        factor = float(text)
    except ValueError:
        factor = -1.0
    if factor < 0:
        raise UsageError(
            f"{shown(text)!r} is not a factor for the brightness.",
            hint="Give a number such as 0.7 for darker or 1.3 for lighter.",
        )
    return Brightness(factor)


KINDS: Mapping[str, Callable[[str], Change]] = {
    "blank": _blank,
    "blur": _blur,
    "paint": _paint,
    "brightness": _brightness,
    "crop": lambda text: Crop(Region.parse(text)),
    "paste": _paste,
}
"""How each kind of change is read."""
