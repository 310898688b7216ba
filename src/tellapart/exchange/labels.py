"""The labels of a data set -> a file in the form of another tool.

One row a form. What a form has no place for (splits, groups) stands under a key of ours where the
tool lets that pass, so that each file read again is the same data set.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote_from_bytes

from ..dataset.annotations import LOCAL, OURS
from ..dataset.in_python import Source, read_source
from ..dataset.mended import digest_of
from ..dataset.paths import trimmed
from ..dataset.sources import Dataset, Item, SkippedFile
from ..errors import DestinationError, UsageError
from ..files.atomic import check_file_writable, check_free, write_new
from ..text import first_few, several, shown
from ..workers.local import Each, batches_of, local_map

_BATCH = 16  # pictures a thread reads at a time
_METADATA = ("metadata.csv", "metadata.jsonl")  # the names that Hugging Face looks for


@dataclass(frozen=True)
class Labelled:
    """A picture as it goes out.

    Attributes:
        item: the picture, with decisions applied.
        path: from the folder of the file that is written; whole where no way leads there.
        below: its name below the folder of the pictures.
        digest: the sha256 of its content; empty where the form does not want it.
        decision: "relabel", "keep" or "group", if one of these was decided of it.
        old_label: its label before that, if it was relabelled.
    """

    item: Item
    path: str
    below: str
    digest: str
    decision: str
    old_label: str


@dataclass(frozen=True)
class Form:
    """One form: how a file of it ends, whether it wants contents hashed, what writes it, and what
    to do with it then."""

    name: str
    endings: tuple[str, ...]
    hashed: bool
    write: Callable[[Sequence[Labelled], Path, Path], str]  # pictures, their folder, the file
    then: str


@dataclass(frozen=True)
class LabelsWritten:
    """What was written.

    Attributes:
        file: where.
        form: in which form.
        counts: the pictures of each label.
        notes: sentences on what to know, and what to do with the file.
        skipped: files of the source that were passed over, with the reason.
    """

    file: Path
    form: str
    counts: Mapping[str, int]
    notes: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def write_labels(
    source: Source, form: str, file: str | os.PathLike[str], *, follow_links: bool = False
) -> LabelsWritten:
    """Write the labels of a source, with the decisions about them, in the form of another tool.

    >>> written = tellapart.write_labels("photos/", "csv", "photos/labels.csv")
    >>> written.total
    60

    `form` is "csv", "jsonl", "imagefolder" (Hugging Face), "labelstudio" or "fiftyone". The file
    names pictures from its own folder on, and can be given to `train` in place of the source.

    Raises:
        UsageError: there is no such form, or its files are called otherwise.
        DatasetError: the source holds no labelled pictures.
        DestinationError: something is there already, or it cannot be written.
    """
    if form not in FORMS:
        raise UsageError(f"There is no form {form!r}.", hint=f"Choose one of: {', '.join(FORMS)}.")
    row, place = FORMS[form], Path(file)
    if not place.name.lower().endswith(row.endings):
        raise UsageError(
            f"{shown(place)} is no name for {row.name}.",
            hint=f"Give a name that ends in {' or '.join(row.endings)}.",
        )
    check_file_writable(place)
    check_free(place)
    dataset = read_source(source, follow_links=follow_links, at_least=1)
    if any(dataset.place_of(item.name) != item.path for item in dataset.items[:1]):
        raise UsageError(
            f"{dataset.subject} has no files that other programs could read.",
            hint="Unpack it, or save the pictures as files, and give the folder.",
        )
    root, folder = _root(dataset), Path(os.path.realpath(place.parent))
    labelled = list(_labelled(dataset, root, folder, row.hashed))
    if form == "imagefolder" and (out := [one.path for one in labelled if _outside(one.path)]):
        raise DestinationError(
            f"{shown(place)} would name pictures outside its folder, which Hugging Face does not "
            f"read, such as {shown(out[0])}.",
            hint=f"Write it into the folder of the pictures: {shown(root / place.name)}.",
        )
    text = row.write(labelled, root, folder / place.name)
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"A picture's name is not text, and {row.name} cannot hold it: "
            f"{shown(error.object[max(0, error.start - 40) : error.end + 20])!r}.",
            hint="Rename the picture, or choose the form jsonl.",
        ) from error
    write_new(place, content)
    return LabelsWritten(
        place,
        form,
        dataset.counts,
        (
            *dataset.notes,
            *_notes(labelled, spaces_lost=place.suffix.lower() == ".csv"),
            row.then.format(root=shown(root), file=shown(place), folder=shown(folder)),
        ),
        dataset.skipped,
    )


def _notes(labelled: Sequence[Labelled], *, spaces_lost: bool) -> Iterator[str]:
    bare = sorted({one.item.label for one in labelled if trimmed(one.item.label) != one.item.label})
    if bare and spaces_lost:
        yield (f"Spaces around these labels are lost when train reads it: {first_few(bare)}.")
    if groups := len({one.item.group for one in labelled} - {None}):
        yield f"{several(groups, 'group')} of pictures that may not be parted are noted too."


def _labelled(dataset: Dataset, root: Path, folder: Path, hashed: bool) -> Iterator[Labelled]:
    before = {item.name: item for item in dataset.unmended}
    digests: Iterator[str] | list[str] = [""] * len(dataset.items)
    if hashed:
        paths = [item.path for item in dataset.items]
        digests = local_map(Each(digest_of), batches_of(paths, _BATCH))
    for item, digest in zip(dataset.items, digests, strict=True):
        path = Path(os.path.realpath(item.file.parent)) / item.file.name
        old = before.get(item.name, item)
        relabelled = old.label != item.label
        kind = "relabel" if relabelled else "keep" if item.name in dataset.kept else ""
        yield Labelled(
            item,
            _from(path, folder),
            _from(path, root),
            digest,
            kind or ("group" if old.group != item.group else ""),
            old.label if relabelled else "",
        )


def _root(dataset: Dataset) -> Path:
    """The folder that all pictures are below: the source's, or one above it."""
    root = Path(os.path.realpath(dataset.roots[0] if dataset.roots else Path.cwd()))
    folders = {os.path.realpath(item.file.parent) for item in dataset.items}
    try:
        return Path(os.path.commonpath([root, *folders]))
    except ValueError:  # on other drives of Windows
        return root


def _from(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.as_posix()


def _outside(path: str) -> bool:
    return path.startswith("../") or os.path.isabs(path)


def _said(one: Labelled) -> dict[str, str]:
    """All that is known of a picture, by the names of columns that `train` reads."""
    return {
        "path": one.path,
        "label": one.item.label,
        "split": one.item.split or "",
        "group": one.item.group or "",
        "sha256": one.digest,
        "decision": one.decision,
        "old_label": one.old_label,
    }


def _metadata(one: Labelled) -> dict[str, str]:
    """What Hugging Face reads: the picture's file_name, and the columns of its features."""
    said = _said(one)
    return {"file_name": said["path"], **{k: said[k] for k in ("label", "split", "group")}}


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    stream = io.StringIO()
    odd = any(cell[:1] == " " or "\r" in cell for row in rows for cell in row.values())
    quoting: Literal[0, 1] = csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL
    writer = csv.DictWriter(stream, [*rows[0]], lineterminator="\n", quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _jsonl(rows: Sequence[Mapping[str, str]]) -> str:
    """What a picture does not have is left out."""
    kept = ({key: value for key, value in row.items() if value} for row in rows)
    return "".join(f"{json.dumps(row)}\n" for row in kept)


def _write_imagefolder(labelled: Sequence[Labelled], root: Path, file: Path) -> str:
    rows = [_metadata(one) for one in labelled]
    return _csv(rows) if file.suffix.lower() == ".csv" else _jsonl(rows)


def _write_labelstudio(labelled: Sequence[Labelled], root: Path, file: Path) -> str:
    """Tasks that are annotated already. The document root is the folder above the pictures."""
    tasks = []
    for number, one in enumerate(labelled, start=1):
        address = quote_from_bytes(os.fsencode(f"{root.name}/{one.below}"), safe="/")
        said = {key: value for key, value in _said(one).items() if value and key != "label"}
        result = {
            "from_name": "label",
            "to_name": "image",
            "type": "choices",
            "value": {"choices": [one.item.label]},
        }
        tasks.append(
            {
                "id": number,
                "data": {"image": f"{LOCAL}{address}", **said},
                "annotations": [{"result": [result]}],
            }
        )
    return json.dumps(tasks, indent=1) + "\n"


def _write_fiftyone(labelled: Sequence[Labelled], root: Path, file: Path) -> str:
    """Labels by the pictures' names without their suffixes; by whole names where two have one."""
    stems = Counter(os.path.splitext(one.below)[0] for one in labelled)
    whole = {one.below for one in labelled}
    keys = []
    for one in labelled:
        stem = os.path.splitext(one.below)[0]
        keys.append(stem if stems[stem] == 1 and stem not in whole else one.below)
    classes = sorted({one.item.label for one in labelled})
    place = {label: number for number, label in enumerate(classes)}
    pairs = list(zip(keys, labelled, strict=True))
    ours = {
        "data": _from(root, file.parent),
        "split": {key: one.item.split for key, one in pairs if one.item.split},
        "group": {key: one.item.group for key, one in pairs if one.item.group},
    }
    labels = {key: place[one.item.label] for key, one in pairs}
    return json.dumps({"classes": classes, "labels": labels, OURS: ours}, indent=1) + "\n"


FORMS: Mapping[str, Form] = {
    row.name: row
    for row in (
        Form(
            "csv",
            (".csv",),
            True,
            lambda labelled, root, file: _csv([_said(one) for one in labelled]),
            "Every command reads {file} in place of the pictures' folder.",
        ),
        Form(
            "jsonl",
            (".jsonl", ".ndjson"),
            True,
            lambda labelled, root, file: _jsonl([_said(one) for one in labelled]),
            "Every command reads {file} in place of the pictures' folder.",
        ),
        Form(
            "imagefolder",
            _METADATA,
            False,
            _write_imagefolder,
            'Hugging Face: load_dataset("imagefolder", data_dir="{folder}")',
        ),
        Form(
            "labelstudio",
            (".json",),
            False,
            _write_labelstudio,
            "Label Studio: serve local files with the folder above {root} as document root, import "
            '{file}, and label with <View><Image name="image" value="$image"/><Choices name='
            '"label" toName="image"> and a <Choice value="..."/> for each label. Export as JSON, '
            "and give that to tellapart labels --from.",
        ),
        Form(
            "fiftyone",
            (".json",),
            False,
            _write_fiftyone,
            "FiftyOne: Dataset.from_dir(dataset_type=fiftyone.types.FiftyOneImageClassification"
            'Dataset, data_path="{root}", labels_path="{file}")',
        ),
    )
}
