"""Finds a small rectangle that brings a value above 0, while measuring as few as can be.

The picture is a grid of cells, and a rectangle's value is taken to be nearly a sum over its cells:
    value(rectangle) = start + sum of the cells' effects + what this leaves out.
The effects are a Gaussian process whose mean is the evidence map and whose neighbouring cells are
alike (Rasmussen & Williams 2006, chapter 2). Every measurement teaches it, and what to measure next
is drawn by Thompson sampling (1933): draw effects that all measurements so far allow, and take the
smallest rectangle that would do if they were true. What is found was always measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

GRID = 16  # cells a side
LONGEST = 4  # of a rectangle's sides, in the other one
_REACH = 2.0  # cells over which effects are alike
_DOUBT = 0.15  # the part of a measured change that is not a sum over cells, as a deviation
_FIRST = 4  # rectangles a side that are measured first, without overlap

Measure = Callable[[np.ndarray], np.ndarray]
"""Rectangles `[M,4]` -> their values `[M]`."""


@dataclass(frozen=True)
class Measured:
    """All rectangles that were measured, `[M,4]`, and their values `[M]`."""

    rectangles: np.ndarray
    values: np.ndarray

    def best_first(self) -> np.ndarray:
        """Those above 0, the smallest first, `[m,4]`."""
        done = self.rectangles[self.values > 0]
        return np.asarray(done[np.argsort(areas(done), kind="stable")])

    def closest(self) -> np.ndarray:
        """The one with the highest value, `[4]`."""
        return np.asarray(self.rectangles[self.values.argmax()])


def all_rectangles(grid: int = GRID, largest: float = 1.0) -> np.ndarray:
    """Each rectangle of cells as top, bottom, left, right `[R,4]`, the last ones excluded.

    None covers more than a fraction `largest` of the grid or is longer than `LONGEST` times its
    width.
    """
    top, bottom = np.triu_indices(grid + 1, 1)
    rows, columns = np.meshgrid(np.arange(len(top)), np.arange(len(top)), indexing="ij")
    found = np.stack([top[rows], bottom[rows], top[columns], bottom[columns]], axis=-1)
    found = found.reshape(-1, 4)
    down, across = found[:, 1] - found[:, 0], found[:, 3] - found[:, 2]
    slim = np.maximum(down, across) <= LONGEST * np.minimum(down, across)
    return np.asarray(found[slim & (down * across <= largest * grid**2)])


def areas(rectangles: np.ndarray) -> np.ndarray:
    """In cells, `[R]`."""
    top, bottom, left, right = rectangles.T
    return np.asarray((bottom - top) * (right - left))


def sums(cells: np.ndarray, rectangles: np.ndarray) -> np.ndarray:
    """The sum of `cells` `[G,G]` in each rectangle `[R]`, by a summed-area table (Crow 1984)."""
    table = np.zeros((cells.shape[0] + 1, cells.shape[1] + 1))
    table[1:, 1:] = cells.cumsum(axis=0).cumsum(axis=1)
    top, bottom, left, right = rectangles.T
    return np.asarray(
        table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
    )


def smallest(
    measure: Measure,
    start: float,
    guide: np.ndarray,
    *,
    rounds: int,
    batch: int,
    largest: float = 1.0,
    seed: int = 0,
) -> Measured:
    """Measure up to `rounds` times `batch` rectangles, in search of the smallest above 0.

    `start` is the value of an empty rectangle, below 0, and `guide` `[G,G]` what is thought of each
    cell beforehand. None covers more than a fraction `largest`. The same seed, the same search.
    """
    lot = np.random.default_rng(seed)
    grid = len(guide)
    open_ones = all_rectangles(grid, largest)
    measured = Measured(np.zeros((0, 4), int), np.zeros(0))
    for number in range(rounds):
        chosen = _most(guide, _first(grid), batch // 2) if number == 0 else measured.rectangles[:0]
        found = measured.best_first()
        if len(found):
            open_ones = open_ones[areas(open_ones) < areas(found[:1])]
            chosen = _trimmed(found[0])
        chosen = _without(chosen, measured.rectangles)
        drawn = _drawn(lot, max(batch - len(chosen), 0), guide, start, measured)
        fresh = _without(open_ones, np.concatenate([measured.rectangles, chosen]))
        chosen = np.concatenate([chosen, _proposed(drawn, fresh, start)])
        if not len(chosen):
            break
        values = measure(chosen)
        measured = Measured(
            np.concatenate([measured.rectangles, chosen]),
            np.concatenate([measured.values, values]),
        )
    return measured


def _drawn(
    lot: np.random.Generator, count: int, guide: np.ndarray, start: float, measured: Measured
) -> np.ndarray:
    """Effects that may be true, `[count,G,G]`, by all that was measured.

    Drawn as if nothing were known, and then corrected by what is (Matheron's rule; Wilson et al.
    2020, arXiv:2002.09309). The kernel is a product of one down and one across.
    """
    grid = len(guide)
    place = np.arange(grid)
    alike = np.exp(-np.square(place[:, None] - place) / (2 * _REACH**2))
    quarter = grid // _FIRST
    scale = abs(start) / alike[:quarter, :quarter].sum()  # a quarter of a side may do it all
    root = np.linalg.cholesky(alike + 1e-9 * np.eye(grid))
    free = guide + scale * (root @ lot.standard_normal((count, grid, grid)) @ root.T)
    if not (count and len(measured.values)):
        return np.asarray(free)
    inside = _coverage(measured.rectangles, grid)
    shared = scale**2 * (alike @ inside @ alike)
    inside, shared = (maps.reshape(len(inside), -1) for maps in (inside, shared))
    changes = measured.values - start
    doubt = _DOUBT * np.maximum(np.abs(changes), np.abs(changes).mean()) + 1e-9
    noise = doubt * lot.standard_normal((count, len(changes)))
    missed = changes - free.reshape(count, -1) @ inside.T - noise
    weights = np.linalg.solve(inside @ shared.T + np.diag(doubt**2), missed.T)
    return np.asarray(free + (weights.T @ shared).reshape(free.shape))


def _proposed(drawn: np.ndarray, rectangles: np.ndarray, start: float) -> np.ndarray:
    """For each map of effects the smallest rectangle that it brings above 0, or the closest."""
    chosen: list[int] = []
    sizes = areas(rectangles)
    for effects in drawn:
        values = start + sums(effects, rectangles)
        values[chosen] = -np.inf
        if len(chosen) == len(rectangles):
            break
        enough = values > 0
        surest = np.where(
            enough & (sizes == sizes[enough].min(initial=sizes.max())), values, -np.inf
        )
        chosen.append(int((surest if enough.any() else values).argmax()))
    return np.asarray(rectangles[chosen])


def _first(grid: int) -> np.ndarray:
    """The grid in `_FIRST` x `_FIRST` equal rectangles."""
    edges = np.linspace(0, grid, _FIRST + 1).round().astype(int)
    spans = list(pairwise(edges))
    return np.array([(*rows, *columns) for rows in spans for columns in spans])


def _most(guide: np.ndarray, rectangles: np.ndarray, count: int) -> np.ndarray:
    """The `count` rectangles that the guide expects most of."""
    order = np.argsort(-sums(guide, rectangles), kind="stable")
    return np.asarray(rectangles[order[:count]])


def _trimmed(rectangle: np.ndarray) -> np.ndarray:
    """The rectangle less one row or column at each of its sides, where any is left."""
    steps = np.array([(1, 0, 0, 0), (0, -1, 0, 0), (0, 0, 1, 0), (0, 0, 0, -1)])
    trimmed = rectangle + steps
    return np.asarray(trimmed[areas(trimmed) > 0])


def _without(rectangles: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Those that are not among the others."""
    keys = np.array([GRID**3 * 8, GRID**2 * 4, GRID * 2, 1])
    return np.asarray(rectangles[~np.isin(rectangles @ keys, others @ keys)])


def _coverage(rectangles: np.ndarray, grid: int) -> np.ndarray:
    """Which cells lie in each rectangle, as 0 and 1, `[M,G,G]`."""
    place = np.arange(grid)
    top, bottom, left, right = (edge[:, None] for edge in rectangles.T)
    rows = (place >= top) & (place < bottom)
    columns = (place >= left) & (place < right)
    return np.asarray(rows[:, :, None] & columns[:, None], float)
