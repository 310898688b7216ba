"""Which pictures are kept back for testing, which fold each of the others is in, and which to take
where not all can be looked at.

A picture's side is decided by a hash of what it is tied to, so adding pictures moves an old one
only where `kept_back` says so, or where they tie two old groups. Content hashes are all it needs,
but where pictures are copies, so anyone can repeat it from the files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from ..files.columns import Column, Numbered, numbered
from .joining import Joining

OF_EACH = 2  # pictures of a label, or keys, come before all others in a sample
TO_SPARE = 10  # with fewer pictures of a label, or groups of them, none is kept back for testing


def tie(digests: Sequence[str], *groups: Sequence[str | None]) -> Numbered:
    """A key for each picture; pictures of equal content or of one group get the same key.

    The key is the smallest name of all that is tied together: group names before digests.
    """
    own = numbered(digests)
    named = sorted({group for column in groups for group in column if group})
    nodes = _Nodes(named, own.names)
    if not named:
        return Numbered(nodes, own.numbers)
    joining = Joining[int]()
    place = {group: at for at, group in enumerate(named)}
    for column in groups:
        for number, group in zip(own.numbers, column, strict=True):
            if group:
                joining.join(len(named) + int(number), place[group])
    firsts = np.fromiter(map(joining.first, range(len(nodes))), np.int32, len(nodes))
    return Numbered(nodes, firsts[len(named) :][own.numbers])


class _Nodes(Column[str]):
    """What can be tied together, in the order of the keys: groups, and then contents."""

    def __init__(self, groups: Sequence[str], digests: Sequence[str]) -> None:
        self._groups, self._digests = groups, digests

    def __len__(self) -> int:
        return len(self._groups) + len(self._digests)

    def _row(self, at: int) -> str:
        content = at - len(self._groups)
        return f"1/{self._digests[content]}" if content >= 0 else f"0/{self._groups[at]}"


def bind(keys: Numbered, pairs: Iterable[tuple[int, int]]) -> Numbered:
    """The same keys, but one for both pictures of each pair: the smaller."""
    joining = Joining[int]()
    for one, other in pairs:
        joining.join(int(keys.numbers[one]), int(keys.numbers[other]))
    bound = np.fromiter(map(joining.first, range(len(keys.names))), np.int32, len(keys.names))
    return Numbered(keys.names, bound[keys.numbers])


def position(key: str, salt: str = "") -> float:
    """A fixed place in [0, 1) for a key: the first 8 bytes of its sha256."""
    digest = hashlib.sha256(f"{salt}{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def kept_back(
    keys: Sequence[str], labels: Sequence[str], fraction: float, salt: str = ""
) -> np.ndarray:
    """Which pictures are kept back for testing, bool `[N]`: about `fraction` of each label.

    A label of fewer than `TO_SPARE` different keys keeps none back, nor what is tied to them. Any
    other keeps back the keys whose position is below the fraction; where none is, the lowest, so
    that no label goes untested by chance. Adding pictures moves an old one only where a label comes
    to have `TO_SPARE` keys, or where its lowest key was kept back and it gets a lower one: then
    that one key is learnt from.
    """
    if fraction <= 0:
        return np.zeros(len(keys), bool)
    place, key, label = _placed(keys, labels, salt)
    pairs = np.unique(np.stack([key, label]), axis=1)
    different = np.bincount(pairs[1])
    needed = np.zeros(len(place), bool)
    needed[pairs[0, different[pairs[1]] < TO_SPARE]] = True
    chosen = (place < fraction) & ~needed
    spared = pairs[:, ~needed[pairs[0]]]
    spared = spared[:, np.lexsort((place[spared[0]], spared[1]))]
    lowest = np.unique(spared[1], return_index=True)[1]
    chosen[spared[0, lowest]] = True  # of most labels it is below the fraction already
    return np.asarray(chosen[key])


def folds(keys: Sequence[str], labels: Sequence[str], count: int, seed: int = 0) -> np.ndarray:
    """A fold number for each picture, int `[N]`: stratified, tied pictures in one fold.

    Within each label the keys are dealt out in turn, in the order of their salted hashes.
    """
    place, key, label = _placed(keys, labels, f"{seed}/")
    first = np.full(len(place), len(labels))
    np.minimum.at(first, key, label)
    fold = np.empty(len(place), np.int64)
    fold[np.lexsort((place, first))] = np.arange(len(place)) % count
    return np.asarray(fold[key])


def _placed(
    keys: Sequence[str], labels: Sequence[str], salt: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The position of each different key, in their order; and of each picture which key it has, and
    which label, among the different ones in order."""
    known = numbered(keys)
    numbers, own = known.used()
    places = (position(known.names[number], salt) for number in numbers)
    found = np.fromiter(places, np.float64, len(numbers))
    return found, own, numbered(labels).used()[1]


def in_sample_order(keys: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """An order of N pictures, int `[N]`, whose every beginning is a stratified sample.

    Tied pictures follow one another. Two keys of each label come first; then each label has its
    part of every beginning. Within a label the keys are in the order of their salted hashes, so
    pictures that are added do not change the order of the others.
    """
    own: dict[str, set[str]] = {}
    label_of: dict[str, str] = {}
    for key, label in zip(keys, labels, strict=True):
        label_of[key] = min(label, label_of.get(key, label))
    for key, label in label_of.items():
        own.setdefault(label, set()).add(key)
    place: dict[str, tuple[float, float]] = {}
    for label in own:
        ranked = sorted((position(key, "sample/"), key) for key in own[label])
        for rank, (at, key) in enumerate(ranked):
            place[key] = (-1.0 if rank < OF_EACH else (rank + 0.5) / len(ranked), at)
    order = sorted(range(len(keys)), key=lambda i: (place[keys[i]], keys[i], i))
    return np.array(order, dtype=np.int64)


def sample_order_by_lot(lot: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Likewise of very many pictures that are not tied, with labels int `[N]`, each drawn by its
    number, `lot` `[N]`."""
    order = np.lexsort((lot, truth))
    sizes = np.bincount(truth)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.where(rank < OF_EACH, -1.0, (rank + 0.5) / sizes[truth])
    return np.lexsort((lot, place))
