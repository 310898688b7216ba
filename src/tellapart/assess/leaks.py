"""Pictures tested that are copies of ones learnt from: embeddings find them, pixels prove it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import PictureError
from ..files.stored import Place
from ..head.blocks import Vectors
from ..health.copies import COPY, SURE, THUMBNAIL, likeness, near_pairs, thumbnail
from ..images.decode import read_picture
from ..text import several, shown
from ..workers.local import Each, batches_of, local_map, one_thread_each

NAMED = 3  # pairs of pictures that a note names
_BATCH = 8  # pictures a thread takes at a time


@dataclass(frozen=True)
class Known:
    """Pictures by their rows: `vectors` `[N,D]`, names, sha256 digests, and where they are; those
    that cannot be found have no place."""

    vectors: Vectors
    names: Sequence[str]
    digests: Sequence[str]
    paths: Mapping[int, Place]


@dataclass(frozen=True)
class Leaks:
    """(name of a picture tested, name of the picture learnt from that it is a copy of).

    `copies` are saved again, resized, cropped or mirrored, as their pixels prove; `alike` are so by
    their embeddings, as the pixels of one cannot be had. The same file twice is neither.
    """

    copies: tuple[tuple[str, str], ...] = ()
    alike: tuple[tuple[str, str], ...] = ()

    def words(self, what: str) -> Iterator[str]:
        """A sentence for each kind, with the first few by name; `what`: "held out" or "tested"."""
        for pairs, one, many in (
            (self.copies, "is a copy", "are copies"),
            (self.alike, "looks like a copy", "look like copies"),
        ):
            if pairs:
                count = several(len(pairs), "picture")
                named = [f"{shown(name)} of {shown(other)}" for name, other in pairs]
                yield (
                    f"{count} {what} {one if len(pairs) == 1 else many} of training pictures "
                    f"(saved again, resized, cropped or mirrored), so the test is too optimistic: "
                    f"{first_pairs(named)}."
                )


def first_pairs(pairs: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    rest = f"; and {len(pairs) - NAMED:,} more" if len(pairs) > NAMED else ""
    return "; ".join(pairs[:NAMED]) + rest


@dataclass(frozen=True)
class Near:
    """Rows of pictures tested and learnt from whose embeddings have this cosine."""

    tested: int
    learnt: int
    cosine: float


def near(tested: Known, learnt: Known) -> list[Near]:
    """The pairs that may be copies, the nearest of each picture tested first."""
    return [
        Near(row, column, cosine)
        for row, column, cosine in near_pairs(tested.vectors, learnt.vectors)
        if tested.digests[row] != learnt.digests[column]
    ]


def find_leaks(tested: Known, learnt: Known, pairs: Sequence[Near]) -> Leaks:
    """Which of the pairs are copies. Only their pictures are read."""
    there = _thumbnails(learnt.paths, {pair.learnt for pair in pairs})
    here = _thumbnails(tested.paths, {pair.tested for pair in pairs if pair.learnt in there})
    copies: dict[int, int] = {}
    alike: dict[int, int] = {}
    with one_thread_each():  # such small products are quickest so
        for pair in pairs:
            i, j = pair.tested, pair.learnt
            if i in here and j in there:
                if i not in copies and likeness(here[i], there[j]) >= COPY:
                    copies[i] = j
            elif pair.cosine >= SURE:
                alike.setdefault(i, j)
    return Leaks(
        tuple((tested.names[i], learnt.names[j]) for i, j in copies.items()),
        tuple((tested.names[i], learnt.names[j]) for i, j in alike.items() if i not in copies),
    )


def _thumbnails(paths: Mapping[int, Place], wanted: set[int]) -> dict[int, np.ndarray]:
    """Of those wanted that can be read."""
    rows = [row for row in sorted(wanted) if row in paths]
    made = local_map(Each(_thumbnail), batches_of((paths[row] for row in rows), _BATCH))
    return {row: small for row, small in zip(rows, made, strict=True) if small is not None}


def _thumbnail(path: Place) -> np.ndarray | None:
    try:
        return thumbnail(read_picture(path, enough=3 * THUMBNAIL))
    except PictureError:
        return None
