"""Pictures in a terminal: as pixels where it can show them, and otherwise in coloured half-blocks.

A cell is taken to be twice as high as it is wide, so that a half-block is a square. Kitty's
protocol: https://sw.kovidgoyal.net/kitty/graphics-protocol; iTerm2's:
https://iterm2.com/documentation-images.html.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len, set_cell_size

from ...errors import PictureError
from ...files.stored import Place
from ...images.decode import read_picture
from ...pages.overlays import png

if TYPE_CHECKING:
    from rich.console import Console

KITTY, ITERM, TRUE_COLOUR, COLOURS_256 = "kitty", "iterm", "truecolor", "256"
_BLOCKS = (TRUE_COLOUR, COLOURS_256)
_INLINE = frozenset({"iTerm.app", "WezTerm", "mintty"})  # that show iTerm2's
_WIDE, _HIGH = 10, 20  # pixels of a cell, where a picture is shown as pixels
_PIECE = 4096  # letters of one command of kitty's
_UPPER, _DIM, _END = "\u2580", "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True)
class Words:
    """A line of words at a place in a block of cells; it is cut after `width` cells."""

    left: int
    top: int
    width: int
    text: str
    dim: bool = True


@dataclass(frozen=True)
class Framed:
    """A picture at a place in a block of cells: as large as fits, in its own shape.

    Attributes:
        left: the first of its columns.
        top: the first of its rows.
        width: how many columns it may take.
        height: how many rows.
        path: where it is.
        cut: whether only its middle is shown, in the shape of the place.
    """

    left: int
    top: int
    width: int
    height: int
    path: Place
    cut: bool = False

    @cached_property
    def pixels(self) -> np.ndarray | None:
        """uint8 `[H,W,3]`, of more than are shown; None if it cannot be read."""
        try:
            whole = read_picture(self.path, enough=max(_WIDE * self.width, _HIGH * self.height))
        except PictureError:
            return None
        if not self.cut:
            return whole
        height, width = whole.shape[:2]
        scale = max(self.width / width, 2 * self.height / height)
        wide = min(width, max(1, round(self.width / scale)))
        high = min(height, max(1, round(2 * self.height / scale)))
        top, left = (height - high) // 2, (width - wide) // 2
        return whole[top : top + high, left : left + wide]

    @property
    def cells(self) -> tuple[int, int]:
        """How many cells the picture takes, across and down; 0 if it cannot be read."""
        if self.pixels is None:
            return 0, 0
        height, width = self.pixels.shape[:2]
        scale = min(self.width / width, 2 * self.height / height)
        return max(1, round(width * scale)), max(1, round(height * scale / 2))

    def scaled(self, across: int, down: int) -> np.ndarray:
        """Its pixels, so many of them for each cell."""
        from PIL import Image

        assert self.pixels is not None
        columns, rows = self.cells
        image = Image.fromarray(self.pixels)
        size = (columns * across, rows * down)
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3))


def way_to_show(console: Console, environment: Mapping[str, str] | None = None) -> str:
    """How this terminal can show a picture; empty if it cannot."""
    said = os.environ if environment is None else environment
    kind, program = said.get("TERM", ""), said.get("TERM_PROGRAM", "")
    if not console.is_terminal or kind == "dumb":
        return ""
    inside = "TMUX" in said or kind.startswith("screen")  # which lets no pixels through
    if not inside and ("KITTY_WINDOW_ID" in said or kind in ("xterm-kitty", "xterm-ghostty")):
        return KITTY
    if not inside and (program in _INLINE or said.get("LC_TERMINAL") == "iTerm2"):
        return ITERM
    if said.get("NO_COLOR") or not console.encoding.lower().startswith("utf"):
        return ""
    if said.get("COLORTERM") in ("truecolor", "24bit") or "WT_SESSION" in said:
        return TRUE_COLOUR
    return COLOURS_256 if "256" in kind else ""


def show_block(console: Console, placed: Sequence[Words | Framed], way: str) -> None:
    """Print words, and pictures the way that the terminal can show them, in as few lines as hold
    them."""
    height = max(one.top + (1 if isinstance(one, Words) else one.cells[1] or 1) for one in placed)
    lines: list[list[tuple[int, int, str]]] = [[] for _ in range(height)]
    framed = [one for one in placed if isinstance(one, Framed)]
    for one in placed:
        if isinstance(one, Words):
            text = _cut(one.text, one.width)
            dim = one.dim and not console.no_color and not os.environ.get("NO_COLOR")
            said = f"{_DIM}{text}{_END}" if dim else text
            lines[one.top].append((one.left, cell_len(text), said))
        elif one.pixels is None:
            said = _cut("cannot be read", one.width)
            lines[one.top].append((one.left, len(said), said))
        elif way in _BLOCKS:
            for at, line in enumerate(half_blocks(one.scaled(1, 2), way == TRUE_COLOUR)):
                lines[one.top + at].append((one.left, one.cells[0], line))
    for parts in lines:
        console.file.write(f"{_joined(parts)}\n")
    if way in (KITTY, ITERM):
        for one in framed:
            if one.pixels is not None:
                right = f"\x1b[{one.left}C" if one.left else ""
                up = f"\x1b[{height - one.top}A"
                console.file.write(f"\x1b7{up}{right}{''.join(_as_pixels(one, way))}\x1b8")
    console.file.flush()


def half_blocks(pixels: np.ndarray, true_colour: bool = True) -> Iterator[str]:
    """Pixels uint8 `[2h,w,3]` as h lines of w half-blocks: the upper pixel is the letter's colour,
    the lower one the ground's."""
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        line, last = "", ""
        for letter, ground in zip(upper.tolist(), lower.tolist(), strict=True):
            colours = f"\x1b[{_colour(38, letter, true_colour)};{_colour(48, ground, true_colour)}m"
            line += (colours if colours != last else "") + _UPPER
            last = colours
        yield line + _END


def _colour(plane: int, rgb: Sequence[int], true_colour: bool) -> str:
    if true_colour:
        return f"{plane};2;{rgb[0]};{rgb[1]};{rgb[2]}"
    red, green, blue = (round(one / 255 * 5) for one in rgb)
    if max(rgb) - min(rgb) < 12:  # a grey: there are 24 of them
        return f"{plane};5;{232 + round(sum(rgb) / 3 / 255 * 23)}"
    return f"{plane};5;{16 + 36 * red + 6 * green + blue}"


def _as_pixels(one: Framed, way: str) -> Iterator[str]:
    columns, rows = one.cells
    data = base64.b64encode(png(one.scaled(_WIDE, _HIGH))).decode()
    if way == ITERM:
        yield f"\x1b]1337;File=inline=1;width={columns};height={rows}:{data}\x07"
        return
    for at in range(0, len(data), _PIECE):
        more = int(at + _PIECE < len(data))
        first = f"a=T,f=100,c={columns},r={rows},C=1,q=2," if at == 0 else ""
        yield f"\x1b_G{first}m={more};{data[at : at + _PIECE]}\x1b\\"


def _joined(parts: Sequence[tuple[int, int, str]]) -> str:
    """Parts of a line, each at its place: (left, cells, text)."""
    line, at = "", 0
    for left, width, text in sorted(parts):
        line += " " * (left - at) + text
        at = max(at, left) + width
    return line


def _cut(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(1, width - 1)).rstrip() + "\u2026"
