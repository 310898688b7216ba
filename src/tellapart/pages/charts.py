"""Figures -> inline SVG: small pure functions, drawn in the colours of the page they stand in.

Every chart says in words what it shows, for those who cannot see it. Classes name the parts (axis,
grid, line, whisker, dot, forecast); the page's style gives them colours, light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ..evaluation.coverage import Coverage, Covered
from ..evaluation.learning_curve import LearningCurve
from ..evaluation.metrics import CalibrationBin, wilson

DOT, CAP = 3.5, 6.5  # units; half the width of a point, and of a whisker's ends
FEW, FIRST, POINTS = 10, 0.05, 120  # of coverage's curve: where it begins, and its points at most
WIDTH = 360  # units; about the pixels of a phone, so that text stays legible there


@dataclass(frozen=True)
class Frame:
    """A plotting area in a drawing that is `WIDTH` wide.

    Attributes:
        left: its left edge.
        top: its top edge.
        right: its right edge.
        bottom: its bottom edge.
        x_range: the values at its left and right edge.
        y_range: the values at its bottom and top edge.
    """

    left: float
    top: float
    right: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def score_bar(score: float) -> str:
    """A bar from 0 to 1; the figure stands beside it, so it says nothing by itself."""
    return (
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="6"/>'
        f'<rect class="fill" width="{_n(100 * min(max(score, 0.0), 1.0))}" height="6"/></svg>'
    )


def reliability_diagram(bins: Sequence[CalibrationBin]) -> str:
    """How sure against how often right, with 95 % intervals; below, the pictures of each bin."""
    frame = Frame(44, 26, 350, 226, (0, 1), (0, 1))
    floor, tall = 298.0, 34.0
    most = max(row.n for row in bins)
    parts = [
        *_y_axis(frame, (0, 0.25, 0.5, 0.75, 1)),
        *(_text(frame.x(v), 314, _percent(v), "middle") for v in (0, 0.25, 0.5, 0.75, 1)),
        _line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), "ideal"),
        _text(8, 10, "how often it was right"),
        _text(350, 334, "how sure it was, and how many pictures", "end"),
    ]
    for row in bins:
        low, high = wilson(round(row.accuracy * row.n), row.n)
        at = frame.x(row.confidence)
        parts += [
            _whisker(frame, at, low, high),
            _circle(at, frame.y(row.accuracy), 3 + 3 * math.sqrt(row.n / most), "dot"),
        ]
        height = max(tall * row.n / most, 1.0)
        x, width = frame.x(row.low) + 2, frame.x(row.high) - frame.x(row.low) - 4
        parts.append(
            f'<rect class="count" x="{_n(x)}" y="{_n(floor - height)}" width="{_n(width)}" '
            f'height="{_n(height)}"/>'
        )
        parts.append(_text(x + width / 2, floor - height - 4, f"{row.n:,}", "middle", "small"))
    points = "; ".join(
        f"{row.n:,} at {_percent(row.confidence)} were right {_percent(row.accuracy)} of the time"
        for row in bins
    )
    return _drawing(342, f"How sure against how often right. {points}.", parts)


def learning_chart(curve: LearningCurve) -> str:
    """Accuracy after learning from ever more pictures, with 95 % intervals and the forecast."""
    points = [(p.n, p.accuracy.value, p.accuracy.interval) for p in curve.points]
    last, known = points[-1][0], points[-1][1]
    whiskers = [bound for _, _, interval in points for bound in interval]
    if curve.gain:
        whiskers += [min(1.0, known + bound) for bound in curve.gain.interval]
    marks = ticks(min(whiskers), min(1.0, max(whiskers)))
    sizes = [n for n, _, _ in points]
    furthest = last + curve.more if curve.gain else last
    frame = Frame(48, 26, 340, 256, (0, furthest * 1.02), (marks[0], marks[-1]))
    parts = [
        *_y_axis(frame, marks),
        *(_text(frame.x(n), 274, f"{n:,}", "middle") for n in _apart(frame, (*sizes, furthest))),
        _text(340, 294, "pictures learnt from", "end"),
        _text(8, 10, "how often it was right"),
        '<polyline class="line" points="'
        + " ".join(f"{_n(frame.x(n))},{_n(frame.y(value))}" for n, value, _ in points)
        + '"/>',
    ]
    for n, value, (low, high) in points:
        at = frame.x(n)
        parts += [
            _circle(at, frame.y(value), DOT, "dot"),
            _whisker(frame, at, low, high),
        ]
    words = ", ".join(f"{_percent(value, 1)} with {n:,}" for n, value, _ in points)
    if curve.gain:
        at, value = frame.x(furthest), min(1.0, known + curve.gain.value)
        low, high = (min(1.0, known + bound) for bound in curve.gain.interval)
        parts += [
            _line(frame.x(last), frame.y(known), at, frame.y(value), "forecast"),
            _circle(at, frame.y(value), DOT, "hollow"),
            _whisker(frame, at, low, high),
        ]
        words += f"; expected {_percent(value, 1)} with {furthest:,}"
    return _drawing(302, f"Accuracy by pictures learnt from: {words}.", parts)


def coverage_chart(curve: Coverage, chosen: Covered | None) -> str:
    """How right it is on the pictures it is surest of, for every fraction of all pictures, with its
    95 % interval as a band; `chosen` is marked. Of fewer than `FEW` pictures nothing is drawn."""
    fractions, right = curve.fractions
    kept = np.flatnonzero((curve.covered >= max(FEW, FIRST * curve.n)) | (fractions == 1))
    kept = kept[
        np.unique(np.linspace(0, len(kept) - 1, min(len(kept), POINTS)).round().astype(int))
    ]
    bands = [wilson(int(curve.right[i]), int(curve.covered[i])) for i in kept]
    marks = ticks(min(low for low, _ in bands), 1.0)
    frame = Frame(48, 26, 340, 216, (0, 1), (marks[0], marks[-1]))
    across = [frame.x(float(fractions[i])) for i in kept]
    upper = [(x, frame.y(high)) for x, (_, high) in zip(across, bands, strict=True)]
    lower = [(x, frame.y(low)) for x, (low, _) in zip(across, bands, strict=True)]
    line = [(x, frame.y(float(right[i]))) for x, i in zip(across, kept, strict=True)]
    parts = [
        *_y_axis(frame, marks),
        *(_text(frame.x(v), 234, _percent(v), "middle") for v in (0, 0.25, 0.5, 0.75, 1)),
        _text(8, 10, "how often it was right"),
        _text(340, 254, "of pictures, the surest ones", "end"),
        f'<polygon class="band" points="{_points([*upper, *reversed(lower)])}"/>',
        f'<polyline class="line" points="{_points(line)}"/>',
    ]
    words = [
        f"{_percent(float(right[i]), 1)} of the surest {_percent(float(fractions[i]))}"
        for i in kept[np.unique(np.linspace(0, len(kept) - 1, 5).round().astype(int))]
    ]
    if chosen and chosen.coverage.correct:
        x, y = frame.x(chosen.coverage.value), frame.y(chosen.accuracy.value)
        parts += [
            _line(x, y, x, frame.bottom, "ideal"),
            _circle(x, y, DOT + 1.5, "dot"),
            _text(x, frame.bottom - 6, f"{_percent(chosen.coverage.value)} ", *_beside(frame, x)),
        ]
        words.append(f"marked: {_percent(chosen.coverage.value)}")
    return _drawing(262, f"How often it was right: {'; '.join(words)}.", parts)


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in places)


def _beside(frame: Frame, x: float) -> tuple[str, str]:
    """Where a text beside a vertical line goes: to its left, where there is room, and its kind."""
    return ("end" if x - frame.left > 50 else "start"), "axis"


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round values from at most `low` to at least `high`, about so many steps apart."""
    span = max(high - low, 1e-3)
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m * about >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * k, 10) for k in range(first, max(last, first + 1) + 1)]


def _apart(frame: Frame, values: Iterable[int]) -> list[int]:
    """The x values that can be written without touching each other, the last ones first."""
    kept: list[int] = []
    for n in sorted(set(values), reverse=True):
        if not kept or frame.x(kept[-1]) - frame.x(n) > 34:
            kept.append(n)
    return kept


def _y_axis(frame: Frame, values: Iterable[float]) -> list[str]:
    parts = []
    for value in values:
        at = frame.y(value)
        digits = 0 if abs(100 * value - round(100 * value)) < 1e-6 else 1
        parts.append(_line(frame.left, at, frame.right, at, "grid"))
        parts.append(_text(frame.left - 6, at + 4, _percent(value, digits), "end"))
    return parts


def _drawing(height: float, words: str, parts: Iterable[str]) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {_n(height)}" role="img" '
        f'aria-label="{escape(words)}">{"".join(parts)}</svg>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    ends = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
    return f'<line class="{kind}" {ends}/>'


def _whisker(frame: Frame, x: float, low: float, high: float) -> str:
    """A 95 % interval; its ends are wider than the dot, so that a short one is still seen."""
    top, bottom = frame.y(high), frame.y(low)
    ends = "".join(f"M{_n(x - CAP)} {_n(y)}H{_n(x + CAP)}" for y in (top, bottom))
    return f'<path class="whisker" d="{ends}M{_n(x)} {_n(top)}V{_n(bottom)}"/>'


def _circle(x: float, y: float, radius: float, kind: str) -> str:
    return f'<circle class="{kind}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"/>'


def _text(x: float, y: float, words: str, anchor: str = "start", kind: str = "axis") -> str:
    place = f'x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(words)}</text>'


def _percent(fraction: float, digits: int = 0) -> str:
    return f"{100 * fraction:.{digits}f} %"


def _n(value: float) -> str:
    """A coordinate to a tenth of a unit, as short as it can be written."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
