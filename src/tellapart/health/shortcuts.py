"""Can a label be told by something that has nothing to do with it: light, border, size, folder?

One image property alone predicts each label against all others, cross-validated in the head's own
folds. Numbers are put into bins, as many as the pictures allow; kinds of things have a bin each. A
picture gets the label if a larger fraction of the label's pictures than of the others is in its
bin. A model can take such a shortcut: it is then right on all pictures that share the property,
test pictures too, and wrong elsewhere (Geirhos et al. 2020, arXiv:2004.07780).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.metrics import Z_95, Estimate
from ..images.kinds import FORMATS
from ..images.properties import PROPERTIES
from ..text import label_words, percent, shown

TELLS = 0.75  # half-way from chance to always right: the interval must lie above to warn
BEYOND_CHANCE = 4.0  # standard errors: of a thousand meaningless properties, none reaches this
SHOWN = 3  # pictures of each sort
_BINS = 16
_MOST_CELLS = 20_000_000  # kinds of things times labels: of more, a kind has hardly any pictures
_IN_A_BIN = 5  # pictures at least, on average: with few bins, one lies across the boundary


@dataclass(frozen=True)
class Kind:
    """An image property. Numbers have words for low and high values; kinds of things do not."""

    name: str
    what: str  # that the model may be looking at
    advice: str
    low: str = ""
    high: str = ""


KINDS = (
    Kind(
        "brightness",
        "the light",
        "Take pictures of each label in the same light.",
        "darkest",
        "brightest",
    ),
    Kind(
        "border",
        "the border",
        "Cut borders off, or give every label the same border.",
        "darkest at the border",
        "brightest at the border",
    ),
    Kind(
        "plain border",
        "the border",
        "Cut borders off, or give every label the same border.",
        "plainest at the border",
        "most varied at the border",
    ),
    Kind(
        "size",
        "how sharp a picture of that size is",
        "Take pictures of each label in the same sizes.",
        "smallest",
        "largest",
    ),
    Kind(
        "aspect",
        "the shape of the picture",
        "Take pictures of each label upright as often as across.",
        "narrowest",
        "widest",
    ),
    Kind(
        "file type",
        "traces of how a picture was saved",
        "Take all pictures from the same sources, or save all of them in one way.",
    ),
    Kind(
        "source folder",
        "the place or the occasion",
        "Take pictures of each label from the same sources.",
    ),
)
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True)
class Shortcut:
    """A label that one image property alone tells from all `others`, and how often.

    Attributes:
        shortcut: the property, a name in `KINDS`.
        label: the label that it tells.
        others: the labels that it tells this one from.
        told: the mean of the recall of this label and of the others; 0.5 is chance.
        direction: "low" or "high", or the kind of thing that the label has, such as a file type.
        typical: pictures of the label that show the property.
        opposite: pictures of the others that show its opposite.
        contrary: pictures that contradict it.
    """

    shortcut: str
    label: str
    others: tuple[str, ...]
    told: Estimate
    direction: str
    typical: tuple[str, ...]
    opposite: tuple[str, ...]
    contrary: tuple[str, ...]

    @property
    def rest(self) -> str:
        """The labels that this one is told from, in words."""
        return label_words(self.others[0]) if len(self.others) == 1 else "all others"

    @property
    def words(self) -> str:
        """What was found and what it means, in a sentence."""
        return (
            f"{self.shortcut.capitalize()} alone tells {label_words(self.label)} from {self.rest} "
            f"{percent(self.told.value, 0)} of the time (50 % is chance). The model may be looking "
            f"at {BY_NAME[self.shortcut].what}, not at the thing itself."
        )

    @property
    def advice(self) -> str:
        return BY_NAME[self.shortcut].advice

    @property
    def shelves(self) -> dict[str, tuple[str, ...]]:
        """The pictures that show the shortcut, by what they show."""
        kind, label = BY_NAME[self.shortcut], label_words(self.label)
        if kind.low:
            ends = (kind.low, kind.high) if self.direction == "low" else (kind.high, kind.low)
            of = " of" if len(self.others) > 1 else ""
            heads = (f"{ends[0]} {label}", f"{ends[1]}{of} {self.rest}")
        else:
            heads = (f"{label}, {shown(self.direction)}", self.rest)
        shelves = {
            heads[0]: self.typical,
            heads[1]: self.opposite,
            "against it": self.contrary,
        }
        return {head[0].upper() + head[1:]: names for head, names in shelves.items() if names}


def find_shortcuts(
    properties: np.ndarray,
    names: Sequence[str],
    truth: np.ndarray,
    labels: Sequence[str],
    fold: np.ndarray,
) -> tuple[Shortcut, ...]:
    """The shortcuts, the surest first: at most one per property, for the label it tells best.

    `properties` `[N,T]` are image properties, in the order of `PROPERTIES`. `names` are the paths
    of the pictures below their source; `truth` int `[N]` are indices into `labels`, and `fold` int
    `[N]` are the folds of the cross-validation.
    """
    found: dict[str, Shortcut] = {}
    for tried in try_shortcuts(properties, names, truth, labels, fold):
        what = tried.kind.what
        known = found.get(what)
        if tried.is_telling and (known is None or tried.told.value > known.told.value):
            found[what] = _shortcut(tried, names, truth == tried.label, labels)
    return tuple(sorted(found.values(), key=lambda shortcut: -shortcut.told.value))


@dataclass(frozen=True)
class Tried:
    """How well one image property tells the label that it tells best, for N pictures.

    Attributes:
        kind: the property.
        label: the index of that label.
        told: as in `Shortcut`.
        errors: how many standard errors `told` is above chance.
        values: the property of each picture, `[N]`; for kinds of things, indices into `words`.
        words: the kinds of things.
        given: which pictures got the label by the property alone, bool `[N]`.
    """

    kind: Kind
    label: int
    told: Estimate
    errors: float
    values: np.ndarray
    words: Sequence[str]
    given: np.ndarray

    @property
    def is_telling(self) -> bool:
        """Whether it tells more than chance explains, and enough to matter."""
        return self.told.interval[0] >= TELLS and self.errors >= BEYOND_CHANCE


def try_shortcuts(
    properties: np.ndarray,
    names: Sequence[str],
    truth: np.ndarray,
    labels: Sequence[str],
    fold: np.ndarray,
) -> Iterator[Tried]:
    """All properties, whether they tell anything or not; see `find_shortcuts`."""
    if len(np.unique(fold)) < 2 or len(np.unique(truth)) < 2:
        return
    for kind, values, words in _all_shortcuts(properties, names, [labels[k] for k in truth]):
        if len(words) * len(labels) > _MOST_CELLS:
            continue
        given = _given(values, len(words), truth, len(labels), fold)
        told, errors = _told(given, np.bincount(truth, minlength=len(labels)))
        k = int(np.argmax([one.value for one in told]))
        yield Tried(kind, k, told[k], errors[k], values, words, given.of(k))


def sources_of(names: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The folders of each picture below the first folder that has the name of a label.

    Empty if each folder stands for one label under another name, as in a table. Also empty if the
    pictures of one label are directly in its folder and those of another in folders below: they may
    only be filed differently.
    """
    known = set(labels)
    inside = [name.split("/")[:-1] for name in names]
    found, called_after = [], False
    for folders in inside:
        at = next((at for at, folder in enumerate(folders) if folder in known), -1)
        called_after |= at >= 0
        found.append("/".join(folders[at + 1 :]))
    pairs = set(zip(found, labels, strict=True))
    if not called_after and len(pairs) == len(set(found)) == len(set(labels)):
        return [""] * len(names)
    filed = {label for folder, label in pairs if folder}
    return found if not called_after or filed == set(labels) else [""] * len(names)


def _all_shortcuts(
    properties: np.ndarray, names: Sequence[str], labels: Sequence[str]
) -> list[tuple[Kind, np.ndarray, list[str]]]:
    """Each property with its values `[N]`; for kinds of things, indices into their words."""
    column = dict(zip(PROPERTIES, properties.astype(np.float64).T, strict=True))
    brightness, contrast = column["brightness"], np.maximum(column["contrast"], 1e-3)
    values = {
        "brightness": brightness,
        "border": column["border brightness"] - brightness,
        "plain border": column["border contrast"] / contrast,
        "size": column["width"] * column["height"],
        "aspect": column["width"] / np.maximum(column["height"], 1),
    }
    folders, where = np.unique(sources_of(names, labels), return_inverse=True)
    kinds = {
        "file type": (column["file type"].astype(np.int64), list(FORMATS)),
        "source folder": (where.astype(np.int64), [str(folder) or "none" for folder in folders]),
    }
    return [
        (BY_NAME[name], *kinds[name]) if name in kinds else (BY_NAME[name], values[name], [])
        for name in BY_NAME
    ]


@dataclass(frozen=True)
class _Given:
    """Which of N pictures are given each label by one property alone, each out of fold: in tables
    of places and labels, as there may be many of both pictures and labels.

    Attributes:
        tables: of each fold the rows of its pictures, the place of each, and which labels a place
            gives, bool `[P,K]`.
        right: of each label, how many of its own pictures are given it, `[K]`.
        every: how many pictures are given each label, `[K]`.
    """

    tables: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
    right: np.ndarray
    every: np.ndarray

    def of(self, label: int) -> np.ndarray:
        """Which pictures are given a label, bool `[N]`."""
        given = np.zeros(sum(len(rows) for rows, *_ in self.tables), bool)
        for rows, place, larger in self.tables:
            given[rows] = larger[place, label]
        return given


def _given(
    values: np.ndarray, kinds: int, truth: np.ndarray, labels: int, fold: np.ndarray
) -> _Given:
    """By values that are numbers, or indices of so many `kinds`."""
    tables = []
    right, every = np.zeros((2, labels), np.int64)
    for number in np.unique(fold):
        outside = fold == number
        inside = ~outside
        place, rows = values, kinds
        if not kinds:
            edges = _edges(values[inside])
            place, rows = np.searchsorted(edges, values, side="right"), len(edges) + 1
        cells = place * labels + truth
        table, tested = (
            np.bincount(cells[side], minlength=rows * labels).reshape(rows, labels)
            for side in (inside, outside)
        )
        per_label = table.sum(axis=0)
        rest = table.sum(axis=1, keepdims=True) - table
        with np.errstate(invalid="ignore", divide="ignore"):
            larger = table / per_label > rest / (inside.sum() - per_label)
        right += np.sum(tested, axis=0, where=larger)
        every += tested.sum(axis=1) @ larger
        tables.append((np.flatnonzero(outside), place[outside], larger))
    return _Given(tables, right, every)


def _edges(values: np.ndarray) -> np.ndarray:
    """Between bins of equally many values; equal values are never parted."""
    count = max(2, min(_BINS, len(values) // _IN_A_BIN))
    return np.unique(np.quantile(values, np.arange(1, count) / count))


def _told(given: _Given, own: np.ndarray) -> tuple[list[Estimate], list[float]]:
    """How often each label, of which there are `own` pictures `[K]`, is told, and by how many
    standard errors of chance that is above 0.5."""
    told, errors = [], []
    pictures = int(own.sum())
    neither = pictures - own - given.every + given.right
    for right, n, right_others in zip(
        given.right.tolist(), own.tolist(), neither.tolist(), strict=True
    ):
        counts = [(right, max(1, n)), (right_others, max(1, pictures - n))]
        value = sum(hits / of for hits, of in counts) / 2
        reach = Z_95 * math.sqrt(sum(_variance(hits, of) for hits, of in counts)) / 2
        told.append(Estimate(value, (max(0.0, value - reach), min(1.0, value + reach))))
        errors.append((value - 0.5) / (math.sqrt(sum(0.25 / of for _, of in counts)) / 2))
    return told, errors


def _variance(right: int, n: int) -> float:
    """Of a fraction, as if two more were right and two wrong (Agresti & Coull 1998): never none."""
    fraction = (right + 2) / (n + 4)
    return fraction * (1 - fraction) / (n + 4)


def _shortcut(
    tried: Tried, names: Sequence[str], own: np.ndarray, labels: Sequence[str]
) -> Shortcut:
    """A shortcut with the pictures that show it most, and those that contradict it most."""
    values, given = tried.values, tried.given
    if tried.words:
        commonest = int(np.bincount(values[own & given]).argmax())
        direction, rank = tried.words[commonest], np.where(values == commonest, 0.0, 1.0)
    else:
        high = np.median(values[own]) > np.median(values[~own])
        direction, rank = ("high", -values) if high else ("low", values)

    def first(rows: np.ndarray, by: np.ndarray) -> tuple[str, ...]:
        order = np.argsort(by, kind="stable")
        return tuple(names[i] for i in order[rows[order]][:SHOWN])

    label = labels[tried.label]
    return Shortcut(
        shortcut=tried.kind.name,
        label=label,
        others=tuple(other for other in labels if other != label),
        told=tried.told,
        direction=direction,
        typical=first(own & given, rank),
        opposite=first(~own & ~given, -rank),
        contrary=first(given != own, np.where(own, -rank, rank)),
    )
