"""A heap of unlabelled pictures -> a folder for each pile, to be renamed after what it shows.

The pictures are placed by the journal (`files/journal/`): as links, or as copies where links
cannot be made. Nothing is overwritten; the same call goes on where a run was stopped, and leaves
alone what was renamed or moved since. `undo` takes back what was done.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from ..assess.piling import COLUMNS, HIDDEN, TABLE, PiledPicture, Piles, in_piles
from ..dataset.filenames import folded, kept_stem, longest_name, named, suffix_of
from ..dataset.walk import SET_ASIDE
from ..errors import DestinationError, UsageError, option
from ..files.journal.journal import Journal, writing
from ..files.journal.record import Placement
from ..files.journal.state import opened
from ..files.journal.undo import UndoResult
from ..files.journal.undo import undo as undo_
from ..files.on_disk import check_written_here
from ..files.purpose import Purpose
from ..files.skipped import SkippedFile
from ..files.transfer import can_link
from ..report.piles_page import piles_page
from ..text import csv_cell, shown

PAGE = "index.html"
PILING = Purpose(
    hidden=HIDDEN,
    done="piled",
    joint="into",
    if_damaged="Nothing was changed. Move that file away to make piles anew.",
    if_stopped="No picture was lost. Do the same again to go on, or take back what was done with "
    f"{option('undo')}.",
    if_refused="Nothing was done. Choose another folder to make piles in.",
    if_nothing="Give the folder that the piles are in.",
)


def piles(
    heap: str | os.PathLike[str],
    destination: str | os.PathLike[str] | None = None,
    count: int | None = None,
    *,
    quality: str = "good",
    follow_links: bool = False,
    cache: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Piles:
    """Group the unlabelled pictures below a folder into piles that look alike.

    >>> found = tellapart.piles("inbox/", "piles/", 2)
    >>> [pile.name for pile in found.piles]
    ['pile-01', 'pile-02']

    There are `count` piles, or as many as there seem to be. With a `destination`, each is a folder
    there, of links to the pictures or of copies, with contact sheets in `index.html` and a table in
    `piles.csv`; rename the folders, and `train` reads them. What is unlike every pile is in
    `set-aside/`, which is no label.

    Raises:
        UsageError: there cannot be so many piles, or the heap is the destination.
        DatasetError: the folder is none, or holds no two pictures that can be read.
        DestinationError: the destination is full, cannot be written to, is in use, or holds piles
            of other pictures.
    """
    if destination is None:
        return in_piles(
            heap,
            count,
            quality=quality,
            follow_links=follow_links,
            cache=cache,
            progress=progress,
        )
    check_written_here(destination)
    root, folder = Path(os.path.realpath(heap)), Path(os.path.realpath(destination))
    if folder == root:
        raise UsageError(
            f"The piles of {shown(heap)} cannot be in that folder itself.",
            hint="Give a new folder; it may be one inside.",
        )
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise DestinationError(
            f"{shown(destination)} is a file, and piles are made in a folder.",
            hint="Choose another name.",
        )
    found = in_piles(
        heap,
        count,
        quality=quality,
        without=folder,
        follow_links=follow_links,
        cache=cache,
        progress=progress,
    )
    made = _place(found, root, folder)
    given = Path(destination)  # as it was typed, for what is to be typed next
    return replace(
        made,
        destination=given,
        page=given / made.page.name if made.page else None,
        table=given / made.table.name if made.table else None,
    )


def undo(destination: str | os.PathLike[str]) -> UndoResult:
    """Take back what `piles` did in a folder, and nothing else: see `files/journal/`.

    Raises:
        UsageError: no piles were made there.
        DestinationError: the journal is damaged, or another run is at work.
    """
    return undo_(destination, PILING)


def _place(found: Piles, root: Path, folder: Path) -> Piles:
    """Place the pictures in their folders, and write the page and the table beside these."""
    pictures = [(pile.name, one) for pile in found.piles for one in pile.pictures]
    pictures += [(SET_ASIDE, one) for one in found.apart]
    request = _request(found, root, pictures)
    links = can_link(pictures[0][1].path, folder, PILING)
    with opened(
        folder,
        PILING,
        request=request,
        root=str(root),
        how="link" if links else "copy",
        check=lambda journal: _check_same(journal, request),
    ) as journal:
        there = {entry.source for entry in journal.entries}
        moved = sum(not os.path.lexists(journal.target(e)) for e in journal.entries)
        taken = {folded(entry.target) for entry in journal.entries}
        names = _Names(folder, taken)
        unreadable, placed = list(found.unreadable), 0
        steps = (names.placement(pile, one) for pile, one in pictures if one.name not in there)
        for done in journal.carry_out(steps, names.renamed):
            if isinstance(done, SkippedFile):
                unreadable.append(done)
            else:
                placed += 1
        target_of = {entry.source: entry.target for entry in journal.entries}
        with writing(folder, PILING):
            table = journal.write_table(TABLE, lambda stream: _rows(stream, pictures, target_of))
            result = replace(
                found,
                unreadable=tuple(unreadable),
                destination=folder,
                placed=placed,
                before=len(there),
                moved=moved,
                copied=journal.how == "copy",
                table=table,
            )
            sheets = piles_page(result)
            page = journal.write_table(PAGE, lambda stream: _text(stream, sheets))
    return replace(result, page=page)


class _Names:
    """Gives each picture its own name in the folder of its pile, or the next number of it."""

    def __init__(self, folder: Path, taken: set[str]) -> None:
        self.folder = folder
        self.taken = taken
        self.longest = longest_name(folder)

    def placement(self, pile: str, one: PiledPicture) -> Placement:
        return self._free(pile, one.name, one.path)

    def renamed(self, taken: Placement) -> Placement:
        """Another, where the name is taken by something that has appeared."""
        return self._free(taken.group, taken.source, Path(taken.source))

    def _free(self, pile: str, name: str, path: Path) -> Placement:
        suffix = suffix_of(path)
        stem, number = kept_stem(path, suffix), 1
        while True:
            ending = f"-{number}{suffix}" if number > 1 else suffix
            target = f"{pile}/{named(stem, ending, self.longest)}"
            if folded(target) not in self.taken and not os.path.lexists(self.folder / target):
                self.taken.add(folded(target))
                return Placement(name, target, group=pile)
            number += 1


def _request(
    found: Piles, root: Path, pictures: list[tuple[str, PiledPicture]]
) -> dict[str, object]:
    """What a run is known by: where the pictures are, which they are, and in which pile each is."""
    lines = sorted(f"{one.name}\0{one.digest}\0{pile}" for pile, one in pictures)
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    return {"heap": str(root), "piles": len(found.piles), "content": digest}


def _check_same(journal: Journal, request: dict[str, object]) -> None:
    """Refuse to add to piles of other pictures: a picture more can change them all."""
    if dict(journal.request) == request:
        return
    before = journal.request
    what = (
        f"piles of {shown(str(before['heap']))}"
        if before["heap"] != request["heap"]
        else f"other piles of {shown(str(before['heap']))}"
    )
    raise DestinationError(
        f"{shown(journal.folder)} already holds {what}.",
        hint=f"Choose another folder, or take those back first with {option('undo')}.",
    )


def _rows(
    stream: TextIO, pictures: list[tuple[str, PiledPicture]], target_of: dict[str, str]
) -> None:
    """One row a picture, the piles in order and the most typical of each first."""
    table = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writerow(COLUMNS)
    for pile, one in pictures:
        cells = (one.name, pile, f"{one.typical:.5f}", target_of.get(one.name, ""))
        table.writerow([csv_cell(shown(cell)) for cell in cells])


def _text(stream: TextIO, text: str) -> None:
    stream.write(text)
