"""A folder of unlabelled pictures -> piles of pictures that look alike, each to be named.

Nothing is written here: `sorting/piles.py` places the pictures in folders.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..backbones.embed import Embedder, embed_all
from ..backbones.graph import network_of
from ..backbones.rows import quality as quality_row
from ..dataset.sources import SkippedFile, pictures_below
from ..dataset.stored.containers import check_are_files
from ..errors import DatasetError, PictureError, UsageError
from ..files.reading import read_head
from ..health.piles import MOST_PILES, pile_up
from ..text import several, shown
from ..workers.local import one_thread_each

TABLE = "piles.csv"  # in a folder of piles, and its columns
COLUMNS = ("path", "pile", "typical", "placed_as")
HIDDEN = ".tellapart-piles"  # beside it, the journal
_HOLDS_PILES = "piles that were made before: their pictures would count twice"


@dataclass(frozen=True)
class PiledPicture:
    """A picture in a pile.

    Attributes:
        name: its path below the folder.
        path: where it is.
        digest: the sha256 of its content, hex.
        typical: how typical of its pile it is; 1 at most.
    """

    name: str
    path: Path
    digest: str
    typical: float


@dataclass(frozen=True)
class Pile:
    """Pictures that look alike, the most typical first, and the name of their folder."""

    name: str
    pictures: tuple[PiledPicture, ...]


@dataclass(frozen=True)
class Piles:
    """Unlabelled pictures in piles; the largest pile comes first.

    Attributes:
        source: the folder of the pictures.
        piles: groups of pictures that look alike.
        apart: pictures that are unlike every pile, the strangest first.
        chosen: whether tellapart chose how many piles there are.
        unreadable: files that could not be read, with the reason.
        hidden: how many files of the system were passed over.
        destination: the folder they were placed in; None if nothing was written.
        placed: how many pictures were placed there by this run.
        before: how many were placed there by a run before.
        copied: whether they were copied, because links cannot be made there.
        page: the contact sheets; None if nothing was written.
        table: the CSV file that names the pile of each picture; None if nothing was written.
        asked: how many piles were asked for.
        moved: how many of those placed before are no longer where they were put.
    """

    source: Path
    piles: tuple[Pile, ...]
    apart: tuple[PiledPicture, ...]
    chosen: bool
    unreadable: tuple[SkippedFile, ...]
    hidden: int
    destination: Path | None = None
    placed: int = 0
    before: int = 0
    copied: bool = False
    page: Path | None = None
    table: Path | None = None
    asked: int | None = None
    moved: int = 0

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return len(self.apart) + sum(len(pile.pictures) for pile in self.piles)

    @property
    def words(self) -> str:
        """How many piles there are, and how sure that is."""
        if self.chosen:
            how = (
                "about as many as there seem to be, a rough guess: the kinds of pictures may be "
                "far fewer, or over twice as many"
            )
        elif self.asked is not None and self.asked > len(self.piles):
            how = f"{self.asked:,} were asked for, but the pictures do not differ in so many ways"
        else:
            how = "as many as were asked for"
        return f"{several(self.count, 'picture')} in {several(len(self.piles), 'pile')} ({how})."


def in_piles(
    heap: str | os.PathLike[str],
    count: int | None = None,
    *,
    quality: str = "good",
    without: Path | None = None,
    follow_links: bool = False,
    cache: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Piles:
    """Group the pictures below a folder by look; what is below `without` is left out.

    Raises:
        UsageError: a count that is not from 1 to `MOST_PILES`, or larger than the heap; or pictures
            that are no files.
        DatasetError: the folder is none, or holds no two pictures that can be read.
    """
    if count is not None and not 1 <= count <= MOST_PILES:
        raise UsageError(
            f"The count must be 1 to {MOST_PILES:,}, not {count:,}.",
            hint="Leave it out to have it chosen.",
        )
    check_are_files(heap)
    root = Path(heap)
    if not os.path.isdir(root):
        raise DatasetError(
            f"{shown(root)} is not a folder.", hint="Give the folder of pictures to make piles of."
        )
    files, skipped, hidden = pictures_below(root, follow_links=follow_links)
    if without is not None:
        real = Path(os.path.realpath(without))
        files = [one for one in files if not _is_below(one[0], real)]
        skipped = [one for one in skipped if not _is_below(root / one.name, real)]
    files, piled_before = _without_piles(root, files)
    skipped += piled_before
    embedder = Embedder(network_of(quality_row(quality)), None if cache is None else Path(cache))
    found = embed_all(
        [path for path, _ in files],
        embedder,
        progress=(lambda done: progress(done, len(files))) if progress else None,
    )
    skipped += [SkippedFile(files[at][1], why) for at, why in found.unreadable.items()]
    different = len(set(found.digests))
    if different < 2:
        raise DatasetError(
            f"{shown(root)} has {several(different, 'different picture')} that can be read, and "
            "piles need two.",
            hint="Give the folder of pictures to make piles of.",
        )
    if count is not None and count > different:
        raise UsageError(
            f"{several(different, 'different picture')} cannot be {count:,} piles.",
            hint="Ask for fewer, or leave the count out to have it chosen.",
        )
    with one_thread_each():
        piled = pile_up(found.vectors, found.digests, count)
    pictures = [
        PiledPicture(files[at][1], files[at][0], digest, float(typical))
        for at, digest, typical in zip(
            found.positions.tolist(), found.digests, piled.typical, strict=True
        )
    ]

    def of(pile: int, sign: int) -> tuple[PiledPicture, ...]:
        rows = np.flatnonzero(piled.pile == pile).tolist()
        ordered = sorted(
            rows,
            key=lambda row: (
                sign * round(float(piled.typical[row]), 9),
                pictures[row].digest,
                pictures[row].name,
            ),
        )
        return tuple(pictures[row] for row in ordered)

    number = int(piled.pile.max()) + 1
    digits = max(2, len(str(number)))
    return Piles(
        source=root,
        piles=tuple(Pile(f"pile-{k + 1:0{digits}d}", of(k, -1)) for k in range(number)),
        apart=of(-1, 1),
        chosen=count is None,
        asked=count,
        unreadable=tuple(skipped),
        hidden=hidden,
    )


def _without_piles(
    root: Path, files: list[tuple[Path, str]]
) -> tuple[list[tuple[Path, str]], list[SkippedFile]]:
    """The pictures that are in no folder of piles below `root`, and those folders."""

    @cache
    def piles_of(name: str) -> str:
        """The outermost folder of piles that a folder is in; empty if it is in none."""
        above = name.rpartition("/")[0]
        found = piles_of(above) if above else ""
        return found or (name if _holds_piles(root / name) else "")

    kept, passed_over = [], {}
    for one in files:
        folder = one[1].rpartition("/")[0]
        if found := piles_of(folder) if folder else "":
            passed_over[found] = SkippedFile(found, _HOLDS_PILES)
        else:
            kept.append(one)
    return kept, list(passed_over.values())


def _holds_piles(folder: Path) -> bool:
    if (folder / HIDDEN).is_dir():
        return True
    try:
        head = read_head(folder / TABLE)
    except (OSError, PictureError):
        return False
    return head.startswith(",".join(f'"{name}"' for name in COLUMNS).encode())


def _is_below(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path.parent)).is_relative_to(folder)
