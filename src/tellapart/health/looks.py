"""Image properties -> the pictures that look bad: dark, overexposed, blurred, tiny and so on.

A picture has to be bad in itself and among its own kind: a limit that few good pictures reach, and
another that moves with the middle of all pictures. What most pictures of a label are like is no
fault either: night scenes are dark, and pictures of an empty road are empty. On the 2,650 pictures
of four real sets (heroes, flowers, clothing, groceries) none is named; of 96 of them made bad in
each way nearly all are (benchmarks/duplicates.py), but for enlarged ones, of which many are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..images.properties import PROPERTIES

_SHARP = 0.42  # the sharpness that hardly any good picture is below
_FINE = 0.45  # the detail that hardly any is
_LESS = 0.75  # of what those in the middle have: less is far less
_LIGHT = 0.3  # luma that a dark picture hardly reaches anywhere
_PALE = 0.6  # luma that an overexposed one is hardly below anywhere
_BRIGHT = 0.85  # its mean luma
_PLAIN = 0.004  # share of steps that are edges, in a nearly empty picture
_FLAT = 0.08  # its contrast
_TINY = 64  # pixels of the shorter side
_SMALLER = 0.5  # of what those in the middle have
_LARGE = 384  # pixels of the longer side, from which detail is seen closer than sharpness
_STRETCHED = 3.5  # long side over short
_UNUSUAL = 2.0  # times as wide, or as narrow, as those in the middle
_BANDS = 7  # lines of text, or of what a screen shows
_EQUAL = 0.45  # share of equal neighbours of a screenshot
_NATURE = 0.5  # of a label's pictures: what more of them are like is no fault
_CALLED = re.compile(
    r"screen[ _-]?(shot|cap|grab)|bildschirmfoto|capture[ _-]d.{0,3}cran"
    r"|captura[ _-]de[ _-]pantalla",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Bad:
    """Pictures that look bad in one way: their rows, the worst first, and how bad they are, from 0
    (just so) to 1."""

    kind: str
    rows: tuple[int, ...]
    strengths: tuple[float, ...]


def find_bad(properties: np.ndarray, names: Sequence[str], truth: np.ndarray) -> tuple[Bad, ...]:
    """What is bad about pictures with `properties` `[N,T]`, whose labels are `truth` `[N]`.

    A picture is named once, under the first of the kinds that it is of.
    """
    columns = dict(zip(PROPERTIES, properties.astype(np.float64).T, strict=True))
    left = np.ones(len(properties), bool)
    found = []
    for kind, measure in _MEASURES.items():
        strength, unusual = measure(columns, names)
        bad = _no_nature((strength > 0) & left, truth) & unusual
        left &= strength <= 0
        rows = np.flatnonzero(bad)
        if rows.size:
            order = rows[np.argsort(-strength[rows], kind="stable")]
            worst = np.minimum(strength[order], 1.0)
            found.append(Bad(kind, tuple(order.tolist()), tuple(worst.tolist())))
    return tuple(found)


def _no_nature(bad: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Without those of labels most of whose pictures are like that."""
    counts = np.bincount(truth)
    shares = np.bincount(truth, bad) / np.maximum(counts, 1)
    return np.asarray(bad & (shares <= _NATURE)[truth])


_Columns = Mapping[str, np.ndarray]
_Judged = tuple[np.ndarray, np.ndarray]


def _below(values: np.ndarray, limit: float, share: float = 1.0) -> _Judged:
    """Above 0 for what is below a limit, 1 at none; and what is below a `share` of the middle."""
    return np.asarray(1 - values / limit), np.asarray(values < share * np.median(values))


def _where(chosen: np.ndarray, strength: np.ndarray) -> _Judged:
    """The strength of those chosen, which are all unusual."""
    return np.where(chosen, strength, 0.0), np.ones(len(chosen), bool)


def _dark(columns: _Columns, names: Sequence[str]) -> _Judged:
    return _below(columns["lightest"], _LIGHT)


def _bright(columns: _Columns, names: Sequence[str]) -> _Judged:
    shows = (columns["brightness"] >= _BRIGHT) & (columns["edges"] > 0)
    return _where(shows, (columns["darkest"] - _PALE) / (1 - _PALE))


def _empty(columns: _Columns, names: Sequence[str]) -> _Judged:
    flat = columns["contrast"] < _FLAT
    return _where(flat, 1 - columns["edges"] / _PLAIN)


def _tiny(columns: _Columns, names: Sequence[str]) -> _Judged:
    return _below(np.minimum(columns["width"], columns["height"]), _TINY, _SMALLER)


def _aspect(columns: _Columns, names: Sequence[str]) -> _Judged:
    wide = np.log(columns["width"] / columns["height"])
    odd = np.abs(wide - np.median(wide)) >= np.log(_UNUSUAL)
    return 1 - _STRETCHED / np.exp(np.abs(wide)), np.asarray(odd)


def _screenshot(columns: _Columns, names: Sequence[str]) -> _Judged:
    looks = (columns["bands"] >= _BANDS) & (columns["flat"] >= _EQUAL)
    called = np.array([bool(_CALLED.search(name.rsplit("/", 1)[-1])) for name in names])
    return _where(looks | called, np.where(called, 1.0, columns["flat"]))


def _blurred(columns: _Columns, names: Sequence[str]) -> _Judged:
    return _below(columns["sharpness"], _SHARP, _LESS)


def _enlarged(columns: _Columns, names: Sequence[str]) -> _Judged:
    strength, unusual = _below(columns["detail"], _FINE, _LESS)
    large = np.maximum(columns["width"], columns["height"]) >= _LARGE
    return np.where(large, strength, 0.0), unusual


_MEASURES: Mapping[str, Callable[[_Columns, Sequence[str]], _Judged]] = {
    "dark": _dark,
    "bright": _bright,
    "empty": _empty,
    "tiny": _tiny,
    "aspect": _aspect,
    "screenshot": _screenshot,
    "blurred": _blurred,
    "enlarged": _enlarged,
}
"""Each gives how bad pictures are, `[N]`: above 0 where they are; and which are so among all, bool
`[N]`."""
