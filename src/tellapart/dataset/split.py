"""Which pictures are kept back for testing, which fold each of the others is in, and which to take
where not all can be looked at.

A picture's side is decided by a hash of what it is tied to, so adding pictures moves an old one
only where `kept_back` says so, or where they tie two old groups. Content hashes are all it needs,
but where pictures are copies, so anyone can repeat it from the files.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from .joining import Joining

TO_SPARE = 10  # with fewer pictures of a label, or groups of them, none is kept back for testing


def tie(digests: Sequence[str], groups: Sequence[str | None]) -> list[str]:
    """A key for each picture; pictures of equal content or of one group get the same key.

    The key is the smallest name of all that is tied together: group names before digests.
    """
    if not any(groups):
        return [f"1/{digest}" for digest in digests]
    joining = Joining[str]()
    for digest, group in zip(digests, groups, strict=True):
        if group:
            joining.join(f"1/{digest}", f"0/{group}")
    return [joining.first(f"1/{digest}") for digest in digests]


def bind(keys: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """The same keys, but one for both pictures of each pair: the smaller."""
    joining = Joining[str]()
    for one, other in pairs:
        joining.join(keys[one], keys[other])
    return [joining.first(key) for key in keys]


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
    pairs = set(zip(keys, labels, strict=True))
    different = Counter(label for _, label in pairs)
    needed = {key for key, label in pairs if different[label] < TO_SPARE}
    place = {key: position(key, salt) for key in keys}
    chosen = {key for key, at in place.items() if at < fraction and key not in needed}
    lowest: dict[str, str] = {}
    for key, label in sorted(pairs, key=lambda pair: place[pair[0]], reverse=True):
        if key not in needed:
            lowest[label] = key
    chosen |= set(lowest.values())  # of most labels it is below the fraction already
    return np.array([key in chosen for key in keys], dtype=bool)


def folds(keys: Sequence[str], labels: Sequence[str], count: int, seed: int = 0) -> np.ndarray:
    """A fold number for each picture, int `[N]`: stratified, tied pictures in one fold.

    Within each label the keys are dealt out in turn, in the order of their salted hashes.
    """
    own: dict[str, set[str]] = {}
    for key, label in zip(keys, labels, strict=True):
        own.setdefault(label, set()).add(key)
    fold_of: dict[str, int] = {}
    dealt = 0
    for label in sorted(own):
        others = own[label] - fold_of.keys()
        for key in sorted(others, key=lambda key: position(key, f"{seed}/")):
            fold_of[key] = dealt % count
            dealt += 1
    return np.array([fold_of[key] for key in keys], dtype=np.int64)


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
            place[key] = (-1.0 if rank < 2 else (rank + 0.5) / len(ranked), at)
    order = sorted(range(len(keys)), key=lambda i: (place[keys[i]], keys[i], i))
    return np.array(order, dtype=np.int64)
