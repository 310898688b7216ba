"""Whether a picture is there already: the same bytes, or the same picture saved another time.

Saved again, resized or in another format, a picture keeps its 64 signs of a gradient (whether each
of 9 x 8 blocks is darker than the one on its right: the difference hash) but for a few, and 16 x 16
small pixels keep their colours. Cropped and mirrored pictures are others here: they say something
new to who learns from them, and `tellapart check` names those that are near.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BITS_APART = 6  # of 64, at most, in copies
_MEAN_APART = 5.0  # of 255: of the small pixels, at most, in copies
_MOST_APART = 40.0  # the same of the one that differs most: a small thing in a still scene
_SIDE = 16
_BIT_COUNTS = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


@dataclass(frozen=True)
class Look:
    """A picture in so few numbers: hash uint8 `[8]`, small pixels uint8 `[16,16,3]`."""

    hash: np.ndarray
    small: np.ndarray


def look_of(pixels: np.ndarray) -> Look:
    """The look of upright sRGB pixels, uint8 `[H,W,3]`."""
    from PIL import Image

    image = Image.fromarray(pixels)
    grey = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    small = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    return Look(np.packbits((grey[:, 1:] > grey[:, :-1]).ravel()), small)


class Seen:
    """The pictures that are there, by their bytes and by their looks."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._by_bytes: dict[str, str] = {}
        self._hashes = np.empty((64, 8), np.uint8)
        self._small = np.empty((64, _SIDE, _SIDE, 3), np.uint8)

    def add(self, name: str, sha256: str, look: Look | None) -> None:
        """A picture; of one that cannot be decoded only the bytes are known."""
        self._by_bytes.setdefault(sha256, name)
        if look is None:
            return
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
        count = len(self._names)
        apart = _BIT_COUNTS[self._hashes[:count] ^ look.hash].sum(axis=1)
        for place in np.flatnonzero(apart <= _BITS_APART):
            differs = np.abs(self._small[place].astype(np.int16) - look.small)
            if differs.mean() <= _MEAN_APART and differs.max() <= _MOST_APART:
                return self._names[place]
        return ""
