"""Where on a map the evidence lies, and what the picture is like there: numbers -> plain words.

Everything is counted on the map's own cells, `[h,w]`; each word has a threshold with a name.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

STRONGEST = 0.5  # a place is told of by the cells that hold so much of the evidence
SPREAD = 0.3  # of all cells: evidence that takes more of them to hold so much is spread
MOSTLY = 0.6  # of the strongest evidence within a third of the picture: it lies there
IN_A_HALF = 0.8  # the same within a half
AT_THE_EDGES = 0.8  # the same within the outermost ring of cells

DARK, BRIGHT = 0.25, 0.75  # of brightness 0 to 1
COLOURED = 0.25  # of the largest difference of red, green and blue in the mean colour, 0 to 1
PLAIN, CONTRASTY = 0.04, 0.22  # deviation of brightness within a cell

SEVERAL = "in several places"
_DOWN = ("at the top", "in the middle", "at the bottom")
_ACROSS = ("on the left", "in the middle", "on the right")
_CORNERS = ("at the top left", "at the top right", "at the bottom left", "at the bottom right")


@dataclass(frozen=True)
class _Colour:
    """A word for a colour, and the colours that it is for; saturation and brightness are from 0 to
    1.

    Attributes:
        name: the word.
        begin: the first hue, in degrees.
        end: the last hue, in degrees.
        saturation: the lowest saturation.
        darkest: the lowest brightness.
        brightest: the highest brightness.
    """

    name: str
    begin: float
    end: float
    saturation: float
    darkest: float = 0.0
    brightest: float = 1.0


_COLOURS = (
    _Colour("brown", 12, 45, 0.75, brightest=0.6),
    _Colour("orange", 12, 38, 0.75, darkest=0.6),
    _Colour("yellow", 38, 66, 0.67, darkest=0.5),
    _Colour("green", 66, 165, 0.4),
    _Colour("turquoise", 165, 200, 0.35),
    _Colour("blue", 200, 260, 0.35),
    _Colour("purple", 260, 300, 0.35),
    _Colour("pink", 300, 345, 0.4),
    _Colour("red", 345, 372, 0.6),
)
"""Chosen by looking at the places of real pictures: skin, faded petals and a red flower among
leaves have the hue of orange, and are not."""


@dataclass(frozen=True)
class Appearance:
    """What a picture is like in each cell of a map: `colours` `[h,w,3]` are mean red, green and
    blue from 0 to 1, `contrast` `[h,w]` is the deviation of brightness within the cell."""

    colours: np.ndarray
    contrast: np.ndarray


def appearance_of(pixels: np.ndarray, height: int, width: int) -> Appearance:
    """What a picture uint8 `[H,W,3]` is like in each cell of a map `[height,width]`."""
    from PIL import Image

    image = Image.fromarray(pixels)
    colours = np.asarray(image.resize((width, height), Image.Resampling.BOX), np.float64) / 255
    grey = Image.fromarray(np.float32(np.asarray(image.convert("L")))).resize(
        (16 * width, 16 * height), Image.Resampling.BOX
    )
    cells = (np.asarray(grey, np.float64) / 255).reshape(height, 16, width, 16)
    return Appearance(colours, cells.std(axis=(1, 3)))


def strongest(evidence: np.ndarray) -> np.ndarray:
    """The fewest cells that hold `STRONGEST` of what lies above 0, and their equals, `[h,w]`."""
    positive = np.sort(np.maximum(evidence, 0), axis=None)[::-1]
    held = np.cumsum(positive)
    least = positive[int(np.searchsorted(held, STRONGEST * held[-1]))]
    return np.asarray((evidence >= least) & (evidence > 0))


def place(evidence: np.ndarray) -> str:
    """Where the strongest of what lies above 0 is: "at the top left"; empty where it is spread."""
    chosen = strongest(evidence)
    if not chosen.any() or chosen.mean() > SPREAD:
        return ""
    weight = np.where(chosen, evidence, 0)
    weight = weight / weight.sum()
    down, across = _third(weight.sum(axis=1)), _third(weight.sum(axis=0))
    if down is not None and across is not None:
        if down != 1 and across != 1:
            return _CORNERS[down + across // 2]
        if down == across == 1:
            return "in the middle"
        return _DOWN[down] if across == 1 else _ACROSS[across]
    ring = np.ones(weight.shape, bool)
    ring[1:-1, 1:-1] = False
    if weight[ring].sum() >= AT_THE_EDGES:
        if down in (0, 2):
            return f"along the {'top' if down == 0 else 'bottom'} edge"
        if across in (0, 2):
            return f"along the {'left' if across == 0 else 'right'} edge"
        return "along the edges"
    if down is not None:
        return ("across the top", "across the middle", "across the bottom")[down]
    if across is not None:
        return ("down the left side", "down the middle", "down the right side")[across]
    for side, name in (("upper", weight), ("lower", weight[::-1]), ("left", weight.T)):
        if name[: name.shape[0] // 2].sum() >= IN_A_HALF:
            return f"in the {side} half"
    if weight.T[::-1][: weight.shape[1] // 2].sum() >= IN_A_HALF:
        return "in the right half"
    return SEVERAL


def _third(profile: np.ndarray) -> int | None:
    """Which third of a profile holds `MOSTLY` of it; cells across a border count by length."""
    edges = np.linspace(0, 1, len(profile) + 1)
    total = np.concatenate([[0.0], np.cumsum(profile)])
    parts = np.diff(np.interp([0, 1 / 3, 2 / 3, 1], edges, total))
    best = int(parts.argmax())
    return best if parts[best] >= MOSTLY * total[-1] else None


def described(evidence: np.ndarray, appearance: Appearance) -> tuple[str, str]:
    """What the picture is like where the strongest of the evidence lies, and its colour: "dark,
    plain" and "blue"; empty where nothing stands out."""
    chosen = strongest(evidence)
    if not chosen.any():
        return "", ""
    red, green, blue = appearance.colours[chosen].mean(axis=0)
    found = []
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    if brightness < DARK:
        found.append("dark")
    elif brightness > BRIGHT:
        found.append("bright")
    contrast = appearance.contrast[chosen].mean()
    if contrast < PLAIN:
        found.append("plain")
    elif contrast > CONTRASTY:
        found.append("high-contrast")
    coloured = max(red, green, blue) - min(red, green, blue) > COLOURED
    return ", ".join(found), _colour(red, green, blue) if coloured else ""


def _colour(red: float, green: float, blue: float) -> str:
    """The word that fits; empty where none does."""
    turn, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    hue = 360 * turn if 360 * turn >= _COLOURS[0].begin else 360 * (turn + 1)
    fitting = (
        one.name
        for one in _COLOURS
        if one.begin <= hue < one.end
        and saturation >= one.saturation
        and one.darkest <= value <= one.brightest
    )
    return next(fitting, "")
