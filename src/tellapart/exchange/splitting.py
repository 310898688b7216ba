"""A data set -> the same pictures in folders for learning, validation and testing.

    out/train/<label>/<name>, out/val/..., out/test/..., out/labels.csv

Each file is written into the journal (`files/journal/`) before it is placed, so a run that was
killed goes on, a later one adds what is new, and `undo` takes back what was done and nothing else.
No picture is decoded: the content's sha256 decides, and the first bytes tell what is no picture.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from ..assess.check.mending import walk
from ..dataset import split as splits
from ..dataset.filenames import safe_name
from ..dataset.groups import successive
from ..dataset.in_python import Source, read_source
from ..dataset.labels import ordered
from ..dataset.sources import Dataset, Item, SkippedFile
from ..errors import DestinationError, PictureError, UsageError, option
from ..files.journal.journal import Journal, writing
from ..files.journal.record import Entry, Placement
from ..files.journal.state import opened
from ..files.journal.undo import UndoResult
from ..files.journal.undo import undo as undo_
from ..files.on_disk import check_written_here
from ..files.purpose import Purpose
from ..files.reading import read_head
from ..files.transfer import content_of, reason_of
from ..images.kinds import EMPTY, FORMATS, misnamed, sniff
from ..text import csv_text, first_few, several, shown
from ..workers.local import Each, batches_of, local_map
from .parts import PARTS, Parted, parted
from .places import Places

SPLITTING = Purpose(
    hidden=".tellapart-split",
    done="split",
    joint="into",
    if_damaged="Nothing was changed. Move that file away to split anew.",
    if_stopped="No picture was lost. Do the same again to go on, or take back what was done with "
    f"{option('undo')}.",
    if_refused="Nothing was done. Choose another folder to split into.",
    if_nothing="Give the folder that the pictures were split into.",
    if_no_links=f"Without {option('how=link')}, pictures are copied.",
)
TABLE = "labels.csv"
_SHARE = 0.10  # of all pictures, for each of the two
_BATCH = 16  # pictures a thread takes at a time


@dataclass(frozen=True)
class SplitResult:
    """What is split now, by this run and those before it.

    Attributes:
        destination: the folder that the parts are in.
        counts: the pictures of each label, by part: "train", "val", "test".
        already_there: how many of the counted pictures were there before this run.
        skipped: files that were passed over, with the reason.
        hidden: hidden and system files, not looked at.
        notes: sentences on what to know.
        table: the table of all pictures, with label, split, group and sha256.
    """

    destination: Path
    counts: Mapping[str, Mapping[str, int]]
    already_there: int
    skipped: tuple[SkippedFile, ...]
    hidden: int
    notes: tuple[str, ...]
    table: Path

    @property
    def total(self) -> int:
        return sum(sum(of.values()) for of in self.counts.values())


def split(
    source: Source,
    destination: str | os.PathLike[str],
    *,
    test: float | None = None,
    validation: float | None = None,
    how: Literal["copy", "link"] = "copy",
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SplitResult:
    """Place the pictures of a labelled source in folders to learn from, to validate and to test on.

    >>> result = tellapart.split("photos/", "parts/")
    >>> result.counts["test"]
    {'dark_knight': 5, 'ice_queen': 3}

    The pictures' contents decide, as in `train`: `test` and `validation` are shares of all, a tenth
    if not given, where the source does not say itself what is for that. Equal files and groups are
    never parted, and what the source marks as test stays test. A "link" is a hard one, which takes
    no room and outlives its original, and across disks a symbolic one. Calling again adds what is
    new in the source, and moves nothing that is there. `progress` is called with the files dealt
    with so far and with those there are.

    Raises:
        UsageError: the shares leave nothing to learn from, or the source says itself what is for
            that; the destination lies in the source or around it; the source is an archive.
        DatasetError: the source holds no labelled pictures.
        DestinationError: the destination cannot be written to, is in use, or holds a split that
            was asked for something else. No picture is lost.
    """
    check_written_here(destination)
    dataset = read_source(source, follow_links=follow_links, at_least=1)
    folder = Path(os.path.realpath(destination))
    _check_places(dataset, folder)
    test, validation = _shares(dataset, test, validation)
    request = {"source": dataset.place, "how": how, "test": test, "validation": validation}
    work = _Work(dataset, test, validation, progress or (lambda done, total: None))
    with opened(
        folder,
        SPLITTING,
        request=request,
        root=str(Path.cwd() if dataset.given else dataset.roots[0]),
        how=how,
        check=lambda journal: _check_same(journal, request),
    ) as journal:
        return work.run(journal)


def undo(destination: str | os.PathLike[str]) -> UndoResult:
    """Take back what `split` did in a folder, and nothing else: see `files/journal/`.

    Raises:
        UsageError: nothing was split into it.
        DestinationError: the journal is damaged, or another run is at work.
    """
    return undo_(destination, SPLITTING)


class _Work:
    """A split under way."""

    def __init__(
        self,
        dataset: Dataset,
        test: float,
        validation: float,
        progress: Callable[[int, int], None],
    ) -> None:
        self.dataset = dataset
        self.test = test
        self.validation = validation
        self.progress = progress
        self.skipped: list[SkippedFile] = []
        self.notes: list[str] = []

    def run(self, journal: Journal) -> SplitResult:
        total = len(self.dataset.items)
        items, digests = self._known()
        placed = {entry.source: entry for entry in journal.live()}
        already = len(placed)
        keys = splits.tie(digests, [item.group for item in items])
        sources = [_source(item, journal) for item in items]
        there = {
            row: placed[source]
            for row, source in enumerate(sources)
            if source in placed and placed[source].content.sha256 == digests[row]
        }
        found = parted(
            keys,
            [item.label for item in items],
            [item.split for item in items],
            self.test,
            self.validation,
            self._before(keys, digests, journal.live()),
        )
        self._say(items, found, there, journal)
        names = Places(journal)
        done = len(there) + len(self.skipped)
        extras = {
            row: {"label": item.label, "tied": item.group or ""} for row, item in enumerate(items)
        }
        steps = (
            Placement(
                source,
                names.free(found.parts[row], items[row].label, items[row].file),
                group=found.parts[row],
                extra=extras[row],
            )
            for row, source in enumerate(sources)
            if row not in there
        )
        for one in journal.carry_out(steps, names.another):
            if isinstance(one, SkippedFile):
                self.skipped.append(one)
            done += 1
            self.progress(done, total)
        with writing(journal.folder, SPLITTING):
            rows = list(_rows(journal))
            table = journal.write_table(TABLE, lambda stream: _write_rows(rows, stream))
        counts = Counter((row["split"], row["label"]) for row in rows)
        labels = ordered({row["label"] for row in rows})
        return SplitResult(
            destination=journal.folder,
            counts={
                part: {label: counts[part, label] for label in labels if counts[part, label]}
                for part in PARTS
            },
            already_there=already,
            skipped=(*self.dataset.skipped, *self.skipped),
            hidden=self.dataset.hidden,
            notes=(*self.dataset.notes, *self.dataset.words_on_empty, *self.notes),
            table=table,
        )

    def _known(self) -> tuple[list[Item], list[str]]:
        """The items that can be read, and the sha256 of each."""
        items, digests = [], []
        found = local_map(Each(_digest), batches_of(self.dataset.items, _BATCH))
        for item, digest in zip(self.dataset.items, found, strict=True):
            if isinstance(digest, SkippedFile):
                self.skipped.append(digest)
            else:
                items.append(item)
                digests.append(digest)
        return items, digests

    def _before(
        self, keys: Sequence[str], digests: Sequence[str], live: Sequence[Entry]
    ) -> dict[str, str]:
        """The part of each key that an earlier run has placed something of."""
        part_of = {entry.content.sha256: entry.group for entry in live}
        before: dict[str, set[str]] = {}
        for key, digest in zip(keys, digests, strict=True):
            if digest in part_of:
                before.setdefault(key, set()).add(part_of[digest])
        if torn := sum(len(parts) > 1 for parts in before.values()):
            self.notes.append(
                f"{several(torn, 'group')} of pictures lie in two parts since an earlier run, "
                "because what ties them was not known then. To mend that, take the split back and "
                "split again."
            )
        return {key: max(parts, key=PARTS.index) for key, parts in before.items()}

    def _say(
        self, items: Sequence[Item], found: Parted, there: Mapping[int, Entry], journal: Journal
    ) -> None:
        if _look_like_bursts(items):
            mend = walk(self.dataset, "burst")
            self.notes.append(
                "Many names follow one another, as those of pictures taken in a burst do. Files "
                "go by their contents, and only copies and the groups that the source names stay "
                "together: bursts without a group are parted."
                + (f" To group them first: {mend}" if mend else "")
            )
        if found.moved:
            names = first_few([items[row].name for row in found.moved], 3)
            self.notes.append(
                f"{several(len(found.moved), 'picture')} not in the part that the source says, "
                f"because copies of them, or others of their group, are in another: {names}."
            )
        relabelled = [
            items[row].name
            for row, entry in there.items()
            if journal.extra(entry)["label"] != items[row].label
        ]
        if relabelled:
            self.notes.append(
                f"{several(len(relabelled), 'picture')} have another label than when they were "
                f"split, and were left where they are: {first_few(relabelled, 3)}. To move them, "
                "take the split back and split again."
            )
        changed = sorted({label for label in (i.label for i in items) if safe_name(label) != label})
        if changed:
            self.notes.append(
                f"Not every system takes these labels as names of folders: {first_few(changed)}. "
                f"{TABLE} has them as they are."
            )


def _look_like_bursts(items: Sequence[Item]) -> bool:
    """Whether at least half of the pictures have no group and a name that follows another one's."""
    alone = [item for item in items if item.group is None]
    pairs = successive([item.name for item in alone], [item.label for item in alone])
    return 2 * len(np.unique(np.concatenate(pairs))) >= len(items)


def _digest(item: Item) -> str | SkippedFile:
    """The sha256 of a file's content, or why it is no picture."""
    try:
        content = content_of(item.file)
        head = read_head(item.file)
    except PictureError as error:
        return SkippedFile(item.name, error.message)
    except OSError as error:
        return SkippedFile(item.name, f"cannot be opened: {reason_of(error)}")
    if not content.size:
        return SkippedFile(item.name, EMPTY)
    kind = sniff(head)
    if kind not in FORMATS:
        return SkippedFile(item.name, misnamed(kind, item.file.suffix))
    return content.sha256


def _rows(journal: Journal) -> Iterator[dict[str, str]]:
    """What the table says of each picture that is there."""
    for entry in sorted(journal.live(), key=lambda entry: entry.target):
        said: dict[str, Any] = journal.extra(entry)
        yield {
            "path": entry.target,
            "label": said["label"],
            "split": entry.group,
            "group": said["tied"],
            "sha256": entry.content.sha256,
        }


def _write_rows(rows: Sequence[Mapping[str, str]], stream: TextIO) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "label", "split", "group", "sha256"])
    writer.writerows([csv_text(value) for value in row.values()] for row in rows)


def _source(item: Item, journal: Journal) -> str:
    """An item below the journal's root; its whole path where it lies elsewhere."""
    path, root = Path(os.path.abspath(item.file)), Path(journal.root)
    above = Path(os.path.realpath(path.parent))  # the file itself may be a link
    path = above / path.name
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _shares(dataset: Dataset, test: float | None, validation: float | None) -> tuple[float, float]:
    """The shares that were asked for, or a tenth each."""
    said = set(dataset.items.splits)
    for share, part in ((test, "test"), (validation, "validation")):
        if share is not None and part in said:
            raise UsageError(
                f"{dataset.subject} already says which pictures are for "
                f"{'testing' if part == 'test' else part}.",
                hint="Leave out that share.",
            )
    test = _SHARE if test is None else test
    validation = _SHARE if validation is None else validation
    if not (test >= 0 and validation >= 0 and test + validation < 1):
        raise UsageError(
            f"Shares of {test:g} for testing and {validation:g} for validation leave nothing to "
            "learn from.",
            hint="Give two shares that are less than 1 together, such as 10% and 10%.",
        )
    return test, validation


def _check_places(dataset: Dataset, folder: Path) -> None:
    first = dataset.items[0]
    if dataset.place_of(first.name) != first.path:
        raise UsageError(
            f"{dataset.subject} cannot be split: that needs a file for each picture.",
            hint="Unpack it, or save the pictures as files, and give the folder.",
        )
    for root in (Path(dataset.place),) if dataset.place else ():
        if root.is_dir() and (folder.is_relative_to(root) or root.is_relative_to(folder)):
            raise UsageError(
                f"{shown(folder)} and {shown(dataset.source)} lie in one another.",
                hint="Choose a folder beside the pictures to split them into.",
            )


def _check_same(journal: Journal, request: Mapping[str, object]) -> None:
    before = journal.request
    if before.get("source") != request["source"]:
        what = f"pictures of {shown(str(before.get('source')))}"
    elif dict(before) != dict(request):
        was = ", ".join(
            f"{name}: {value}" for name, value in before.items() if value != request[name]
        )
        what = f"pictures that were split with other options ({was})"
    else:
        return
    raise DestinationError(
        f"{shown(journal.folder)} already holds {what}.",
        hint=f"Choose another folder, or take that split back first with {option('undo')}.",
    )
