"""Labels that come back from another tool -> decisions about the pictures of a data set.

Nothing of the data changes: what differs is written into `tellapart.csv` as by `decide`.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..dataset.decision import is_table_of_decisions, place_of_decisions
from ..dataset.decision_table import DecisionTable
from ..dataset.decisions import decide, undo_decisions
from ..dataset.labels import Labels, check_not_ours, distinct
from ..dataset.mended import digest_of, locate
from ..dataset.paths import Finder
from ..dataset.sources import Dataset, Item, SkippedFile, read_dataset
from ..dataset.tables import Row, read_table
from ..errors import DatasetError
from ..text import shown
from ..workers.local import Each, batches_of, local_map

_BATCH = 16  # pictures a thread reads at a time
_AMISS = "no such picture in the data"


@dataclass(frozen=True)
class LabelsRead:
    """What the labels of a file changed.

    Attributes:
        file: where they were.
        relabelled: how many pictures were relabelled, by their new label.
        grouped: how many pictures were put into another group.
        dropped: how many pictures were dropped; only a table of decisions says that.
        kept: how many pictures were said to be right as they are; the same.
        taken_back: how many pictures have their own label again: the decision on it was taken back.
        same: how many pictures have the label of the file already.
        new_labels: labels that no picture had before.
        skipped: lines of the file that are about no picture of the data, with the reason.
    """

    file: Path
    relabelled: Mapping[str, int]
    grouped: int
    dropped: int
    kept: int
    taken_back: int
    same: int
    new_labels: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]

    @property
    def decided(self) -> int:
        return (
            sum(self.relabelled.values())
            + self.grouped
            + self.dropped
            + self.kept
            + self.taken_back
        )


def read_labels(
    source: str | os.PathLike[str], file: str | os.PathLike[str], *, follow_links: bool = False
) -> LabelsRead:
    """Take over corrected labels, or somebody's decisions, for the pictures of a source.

    >>> written = tellapart.write_labels("photos/", "labelstudio", "tasks.json")
    >>> read = tellapart.read_labels("photos/", "tasks.json")  # as people have left it
    >>> read.same, read.relabelled
    (60, {})

    The file is what `write_labels` writes, after people have worked on it: a table, or an export of
    Label Studio or FiftyOne; or another `tellapart.csv`. Its pictures are looked for from the
    folder of the source on, then from the file's own, then by the sha256 that it says. Where a
    label differs, a decision is written beside the data, as by `decide`, which `undo_decisions`
    takes back. No file is changed.

    Raises:
        DatasetError: the file holds no labels, none of its pictures is in the source, or a label is
            easy to confuse with another.
        DestinationError: the decisions cannot be written.
    """
    dataset = read_dataset(source, follow_links=follow_links, at_least=1)
    place = Path(file)
    wanted = _Wanted(dataset)
    if is_table_of_decisions(place.name):
        wanted.take_decisions(place)
    else:
        wanted.take_rows(place)
    if not wanted.found:
        raise DatasetError(
            f"{shown(place)} names no picture of {dataset.called}."
            + (f" Its first is {shown(wanted.skipped[0].name)}." if wanted.skipped else ""),
            hint="Write paths from the folder of the pictures on, or from that of the file.",
        )
    labels = [label for kind, label in wanted.of if kind == "relabel"]
    check_not_ours(labels)
    known = Labels(dataset.labels)
    known.known(labels, place, "a label of the data")
    new = sorted({label for label in labels if known.same(label) is None})
    distinct(new)
    back = 0 if is_table_of_decisions(place.name) else _take_back(dataset, wanted)
    for (kind, value), names in wanted.of.items():
        why = f"from {place.name}"
        if kind == "relabel":
            decide(source, names, relabel=value, why=why)
        elif kind == "group":
            decide(source, names, group=value, why=why)
        else:
            decide(source, names, drop=kind == "drop", keep=kind == "keep", why=why)
    counts = Counter({key: len(names) for key, names in wanted.of.items()})
    return LabelsRead(
        place,
        {label: n for (kind, label), n in sorted(counts.items()) if kind == "relabel"},
        sum(n for (kind, _), n in counts.items() if kind == "group"),
        counts["drop", ""],
        counts["keep", ""],
        back,
        wanted.same,
        tuple(new),
        tuple(wanted.skipped),
    )


def _take_back(dataset: Dataset, wanted: _Wanted) -> int:
    """Take back the decisions that gave pictures another label, where the file has the one that the
    source gives them: to keep it would say that somebody has looked, and found it right."""
    found = dataset.as_found
    own = {item.name: item.label for item in found.items}
    names = {
        name
        for (kind, label), those in wanted.of.items()
        for name in those
        if kind == "relabel" and Labels([own[name]]).same(label) is not None
    }
    done: set[str] = set()
    while names:
        rows = DecisionTable.read(place_of_decisions(dataset.source)).decisions
        held = locate(found.items, [one for one in rows if one.in_force]).held
        about = {
            name: [one for one in held.get(name, ()) if one.decision == "relabel"] for name in names
        }
        if not (relabelled := {one for those in about.values() for one in those}):
            break
        undo_decisions(dataset.source, rows=relabelled)  # one before may be in force again
        done |= {name for name, those in about.items() if those}
    for key in [key for key in wanted.of if key[0] == "relabel"]:
        wanted.of[key] = [name for name in wanted.of[key] if name not in done]
        if not wanted.of[key]:
            del wanted.of[key]
    return len(done)


class _Wanted:
    """What a file wants of a data set: by (decision, label or group), the names of pictures."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.of: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.skipped: list[SkippedFile] = []
        self.same = 0
        self.found = 0

    def take_rows(self, file: Path) -> None:
        """Take in a table of labels, or what an annotation tool wrote."""
        pairs, rest = self._best(file)
        self.skipped += rest
        known = Labels(self.dataset.labels)
        for item, row in pairs:
            self.found += 1
            label = known.same(row.written) or row.label  # spaces around it may be the data's own
            if Labels([item.label]).same(label) is not None:
                self.same += 1
            else:
                self.of["relabel", label].append(item.name)
            if row.group and row.group != item.group:
                self.of["group", row.group].append(item.name)

    def take_decisions(self, file: Path) -> None:
        """Take in another table of decisions, by the contents of the pictures."""
        if not file.is_file():
            raise DatasetError(f"{shown(file)} does not exist.", hint="Give a file of labels.")
        decisions = [one for one in DecisionTable.read(file).decisions if one.in_force]
        where = locate(self.dataset.unmended or self.dataset.items, decisions)
        mended = {item.name: item for item in self.dataset.items}
        for name, held in where.held.items():
            item = mended.get(name)
            for one in held:
                self.found += 1
                done = item and one.new_label == (
                    item.group if one.matter == "group" else item.label
                )
                kept = one.decision == "keep" and name in self.dataset.kept
                if (one.decision in ("relabel", "group") and done) or kept:
                    self.same += 1
                elif one.decision != "drop" or item:
                    self.of[one.decision, one.new_label].append(name)
                else:
                    self.same += 1
        self.skipped += [SkippedFile(one.path, _AMISS) for one in (*where.stale, *where.unclear)]
        self.skipped += [SkippedFile(name, "decided in several ways") for name in where.conflicts]

    def _best(self, file: Path) -> tuple[Sequence[tuple[Item, Row]], Sequence[SkippedFile]]:
        """The pictures that lines are about: from the folder on by which the most are found."""
        if not file.is_file():
            raise DatasetError(f"{shown(file)} does not exist.", hint="Give a file of labels.")
        best: tuple[list[tuple[Item, Row]], list[SkippedFile]] | None = None
        error: DatasetError | None = None
        for folder in dict.fromkeys((self.dataset.roots[0], file.resolve().parent)):
            try:
                rows, faults = read_table(file, folder=folder)
            except DatasetError as one:
                error = error or one
                continue
            skipped = [SkippedFile(f"{file.name}, {one.place}", one.reason) for one in faults]
            pairs = list(self._matched(rows, Finder(folder), skipped))
            if best is None or len(pairs) > len(best[0]):
                best = pairs, skipped
        if best is None:
            assert error
            raise error
        return best

    def _matched(
        self, rows: Sequence[Row], finder: Finder, skipped: list[SkippedFile]
    ) -> Iterator[tuple[Item, Row]]:
        by_path = {os.path.realpath(item.file): item for item in self.dataset.items}
        for row in rows:
            path = finder.find(row.path)
            item = by_path.get(os.path.realpath(path)) if path else None
            if item is None and row.digest:
                item = self._of_content(row)
            if item:
                yield item, row
            else:
                skipped.append(SkippedFile(row.path, _AMISS))

    def _of_content(self, row: Row) -> Item | None:
        """The picture of a content; of several copies, the one with the name of that file."""
        found = self._by_content.get(row.digest, [])
        if len(found) > 1:
            name = row.path.replace("\\", "/").rpartition("/")[2]
            found = [item for item in found if item.file.name == name]
        return found[0] if len(found) == 1 else None

    @cached_property
    def _by_content(self) -> Mapping[str, list[Item]]:
        """The pictures by the sha256 of their contents, for what is not where a file says."""
        items = self.dataset.items
        digests = local_map(Each(digest_of), batches_of([item.path for item in items], _BATCH))
        of: dict[str, list[Item]] = defaultdict(list)
        for item, digest in zip(items, digests, strict=True):
            of[digest].append(item)
        return of
