"""Whether a picture is there already: the same bytes, or the same picture saved another time.

Saved again, resized or in another format, a picture keeps its 64-bit hash but for a few bits, and
16 x 16 small pixels keep their colours; `benchmarks/collecting.py` measures both. Cropped and
mirrored pictures are others here: they say something new to who learns from them, and
`tellapart check` names those that are near.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..images.properties import hash_of

_BITS_APART = 6  # of 64, at most, in copies
_MEAN_APART = 6.0  # of 255: of the small pixels, at most, in copies
_MOST_APART = 42  # the same of the one that differs most: a small thing in a still scene
_SIDE = 16
_BIT_COUNTS = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


@dataclass(frozen=True)
class Look:
    """A picture in so few numbers: a hash of 64 bits, and small pixels uint8 `[16,16,3]`."""

    hash: int
    small: np.ndarray


def look_of(pixels: np.ndarray) -> Look:
    """The look of upright sRGB pixels, uint8 `[H,W,3]`."""
    from PIL import Image

    image = Image.fromarray(pixels)
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return Look(hash_of(image.convert("L")), np.asarray(small))


class Seen:
    """The pictures that are there, by their bytes and by their looks."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._by_bytes: dict[str, str] = {}
        self._hashes = np.empty(64, np.uint64)
        self._small = np.empty((64, _SIDE, _SIDE, 3), np.uint8)

    def add(self, name: str, sha256: str, look: Look) -> None:
        """One picture more."""
        self._by_bytes.setdefault(sha256, name)
        count = len(self._names)
        if count == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)])
            self._small = np.concatenate([self._small, np.empty_like(self._small)])
        self._hashes[count], self._small[count] = look.hash, look.small
        self._names.append(name)

    def of_bytes(self, sha256: str) -> str:
        """The picture that has these bytes; empty if none has."""
        return self._by_bytes.get(sha256, "")

    def of_look(self, look: Look) -> str:
        """The first picture that looks the same; empty if none does."""
        differing = self._hashes[: len(self._names)] ^ np.uint64(look.hash)
        apart = _BIT_COUNTS[differing.view(np.uint8)].reshape(-1, 8).sum(axis=1)
        for place in np.flatnonzero(apart <= _BITS_APART):
            differs = np.abs(self._small[place].astype(np.int16) - look.small)
            if differs.mean() <= _MEAN_APART and differs.max() <= _MOST_APART:
                return self._names[place]
        return ""
