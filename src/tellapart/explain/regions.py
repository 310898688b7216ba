"""Places in a picture, in fractions of its sides: the same place in a picture of any size.

    10%,20%,30%x40%             a region: left, top, width x height
    oval:10%,20%,30%x40%        the oval that fits into it
    outside:10%,20%,30%x40%     all but a place
    like:#546a73                all that is nearly of a colour: a plain background

`parse_place` reads this notation, and `str` writes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

import numpy as np

from ..errors import UsageError
from ..text import shown

Color: TypeAlias = tuple[int, int, int]

_HINT = "Write LEFT,TOP,WIDTHxHEIGHT in percent of the picture, such as 10%,20%,30%x40%."
_DIGITS = 6  # of a fraction: a millionth of a side is finer than any pixel
_NUMBER = r"\s*(\d+\.?\d*|\.\d+)\s*%\s*"
_REGION = re.compile(f"{_NUMBER},{_NUMBER},{_NUMBER}x{_NUMBER}", re.ASCII)


class Place(Protocol):
    """Where a change happens."""

    def mask(self, pixels: np.ndarray) -> np.ndarray:
        """The place in a picture uint8 `[H,W,3]`, bool `[H,W]`."""
        ...


@dataclass(frozen=True)
class Region:
    """A rectangle in fractions of the picture's sides, from 0 to 1, kept to six decimals.

    Raises:
        UsageError: it has no size, or reaches beyond the picture.
    """

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        for name in ("left", "top", "width", "height"):
            object.__setattr__(self, name, round(float(getattr(self, name)), _DIGITS))
        slack = 2 * 10**-_DIGITS  # what rounding may have added
        for begin, size in ((self.left, self.width), (self.top, self.height)):
            if not size > 0:
                raise UsageError(f"The region {self} has no size.", hint=_HINT)
            if not (begin >= 0 and begin + size <= 1 + slack):
                raise UsageError(f"The region {self} reaches beyond the picture.", hint=_HINT)

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read `10%,20%,30%x40%`.

        Raises:
            UsageError: it is not written so, or lies not within the picture.
        """
        found = _REGION.fullmatch(text)
        if not found:
            raise UsageError(f"{shown(text)!r} is not a region.", hint=_HINT)
        return cls(*(float(number) / 100 for number in found.groups()))

    def __str__(self) -> str:
        left, top, width, height = map(_percent, (self.left, self.top, self.width, self.height))
        return f"{left},{top},{width}x{height}"

    @property
    def area(self) -> float:
        """The fraction of the picture that it covers."""
        return self.width * self.height

    def box(self, height: int, width: int) -> tuple[slice, slice]:
        """Its rows and columns in a picture of that many pixels, at least one of each.

        Edges are rounded to the nearest pixel, so regions that touch leave no gap.
        """
        return _span(self.top, self.height, height), _span(self.left, self.width, width)

    def mask(self, pixels: np.ndarray) -> np.ndarray:
        inside = np.zeros(pixels.shape[:2], bool)
        inside[self.box(*pixels.shape[:2])] = True
        return inside


@dataclass(frozen=True)
class Oval:
    """The ellipse that touches all four sides of a region."""

    region: Region

    def __str__(self) -> str:
        return f"oval:{self.region}"

    def mask(self, pixels: np.ndarray) -> np.ndarray:
        inside = self.region.mask(pixels)
        rows, columns = self.region.box(*pixels.shape[:2])
        down, across = (_from_middle(span) for span in (rows, columns))
        inside[rows, columns] = down[:, None] ** 2 + across[None] ** 2 <= 1
        return inside


@dataclass(frozen=True)
class Outside:
    """All of the picture but a place."""

    place: Place

    def __str__(self) -> str:
        return f"outside:{self.place}"

    def mask(self, pixels: np.ndarray) -> np.ndarray:
        return ~self.place.mask(pixels)


@dataclass(frozen=True)
class Alike:
    """All that is nearly of a colour: no channel is further from it than `REACH` of 255."""

    color: Color
    REACH: ClassVar[int] = 24

    def __str__(self) -> str:
        return f"like:{color_text(self.color)}"

    def mask(self, pixels: np.ndarray) -> np.ndarray:
        apart = np.abs(pixels.astype(np.int16) - np.array(self.color, np.int16))
        return np.asarray((apart <= self.REACH).all(axis=2))


WHOLE = Region(0, 0, 1, 1)


def parse_place(text: str) -> Place:
    """Read a place as it is written on the command line.

    Raises:
        UsageError: it is no place; the hint shows how one is written.
    """
    kind, colon, rest = text.partition(":")
    if not colon:
        return Region.parse(text)
    match kind.strip():
        case "oval":
            return Oval(Region.parse(rest))
        case "outside":
            return Outside(parse_place(rest))
        case "like":
            return Alike(parse_color(rest))
    raise UsageError(
        f"{shown(text)!r} is not a place in a picture.",
        hint="Write a region such as 10%,20%,30%x40%, or oval:REGION, outside:PLACE, like:COLOUR.",
    )


def parse_color(text: str) -> Color:
    """Read a colour: a name such as `white`, or `#rrggbb`.

    Raises:
        UsageError: there is no such colour.
    """
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(text.strip())[:3]
    except ValueError:
        raise UsageError(
            f"{shown(text)!r} is not a colour.", hint="Write a name such as white, or #rrggbb."
        ) from None
    return red, green, blue


def color_text(color: Color) -> str:
    """A colour as `#rrggbb`."""
    return "#" + "".join(f"{channel:02x}" for channel in color)


def _percent(fraction: float) -> str:
    digits = f"{100 * fraction:.{_DIGITS - 2}f}"
    return f"{digits.rstrip('0').rstrip('.')}%"


def _span(begin: float, size: float, pixels: int) -> slice:
    """The pixels of one side that lie between two fractions of it."""
    first = min(round(begin * pixels), pixels - 1)
    return slice(first, max(min(round((begin + size) * pixels), pixels), first + 1))


def _from_middle(span: slice) -> np.ndarray:
    """The middle of each pixel of a span as seen from the span's middle, in half its lengths."""
    count = span.stop - span.start
    return np.asarray((np.arange(count) + 0.5) * 2 / count - 1)
