"""What annotation tools write as JSON -> rows, each with a path and a label.

    Label Studio    [{"data": {"image": ...}, "annotations": [{"result": [...]}]}, ...]
    its JSON-MIN    [{"image": ..., "choice": ...}, ...]
    FiftyOne        {"classes": [...], "labels": {"name without suffix": number or label}}
    any list        [{"path": ..., "label": ...}, ...]

These tools know pictures by addresses and names of their own; they are looked for among the files
below a folder. What is not found, or not decided, is said and never guessed.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

LOCAL = "/data/local-files/?d="  # Label Studio's address of a file below its document root
_UPLOADED = re.compile(r"/data/upload/(?:\d+/)?(?:[0-9a-f]{8}-)?([^/?]+)$")
_PICTURE = ("image", "img", "path", "file_name", "picture")
_LABEL = ("label", "choice", "choices", "class", "category")
_OTHERS = frozenset(  # keys of JSON-MIN that are no question of the user's
    {"id", "annotation_id", "annotator", "created_at", "updated_at", "lead_time", "split", "group"}
)
OURS = "tellapart"  # the key under which we write what the form has no place for

Fields: TypeAlias = "Mapping[str, object]"


def records(value: object, folder: Path) -> Iterator[Fields | str] | None:
    """The fields `path`, `label`, and perhaps `split` and `group` of each picture, or a reason why
    there are none; None where a file's content is none of these forms. Paths are below `folder`.
    """
    if isinstance(value, dict) and isinstance(value.get("labels"), dict):
        return _of_fiftyone(value, folder)
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        if all(isinstance(one.get("data"), dict) for one in value):
            return _of_tasks(value, _Addresses([_picture(one["data"]) for one in value], folder))
        if all(_picture(one) for one in value):
            return _of_rows(value, _Addresses([_picture(one) for one in value], folder))
    return None


def _of_tasks(tasks: Sequence[Any], addresses: _Addresses) -> Iterator[Fields | str]:
    for task in tasks:
        data = task["data"]
        label, reason = _chosen(task)
        found = addresses.find(data.get("path"), _picture(data))
        if reason or found.reason:
            yield reason or found.reason
        else:
            more = {key: data[key] for key in ("split", "group") if data.get(key)}
            yield {"path": found.path, "label": label, **more}


def _chosen(task: Mapping[str, Any]) -> tuple[str, str]:
    """The label that people gave, or why there is none."""
    done = [
        one
        for one in task.get("annotations") or task.get("completions") or ()
        if isinstance(one, dict) and not one.get("was_cancelled")
    ]
    done = [one for one in done if one.get("ground_truth")] or done
    answers = set()
    for one in done:
        chosen: dict[str, list[str]] = {}
        for result in one.get("result") or ():
            value = result.get("value") if isinstance(result, dict) else None
            if isinstance(value, dict) and isinstance(value.get("choices"), list):
                chosen[str(result.get("from_name"))] = [str(label) for label in value["choices"]]
        names = [name for name in _LABEL if name in chosen] or sorted(chosen)
        answers.add(tuple(chosen[names[0]]) if names else ())
    labels = sorted({answer[0] for answer in answers if len(answer) == 1})
    if not any(answers):
        return "", "has no label: nobody has annotated it"
    if any(len(answer) > 1 for answer in answers):
        return "", "has several labels"
    if len(answers) > 1:
        return "", f"has labels that differ from annotator to annotator: {', '.join(labels)}"
    return labels[0], ""


def _of_rows(rows: Sequence[Any], addresses: _Addresses) -> Iterator[Fields | str]:
    for row in rows:
        asked = [key for key in _LABEL if key in row] or [
            key for key in row if key not in _OTHERS and key not in _PICTURE
        ]
        given = row[asked[0]] if asked else ""
        if isinstance(given, dict):
            given = given.get("choices") or ""
        labels = given if isinstance(given, list) else [given]
        found = addresses.find(row.get("path"), _picture(row))
        if len(labels) > 1 or found.reason:
            yield found.reason or "has several labels"
        else:
            label = "" if not labels or labels[0] is None else labels[0]
            yield {**row, "path": found.path, "label": label}


def _of_fiftyone(value: Mapping[str, Any], folder: Path) -> Iterator[Fields | str]:
    ours = value.get(OURS) if isinstance(value.get(OURS), dict) else {}
    said = ours.get("data") if isinstance(ours, dict) else None
    places = [folder / said] if isinstance(said, str) else []
    root = next((place for place in (*places, folder / "data") if place.is_dir()), folder)
    below = _Below(root)
    classes = value.get("classes") or ()
    for key, target in value["labels"].items():
        if isinstance(target, list):
            target = target[0] if len(target) == 1 else None
        if isinstance(target, dict):
            target = target.get("label")
        if type(target) is int and 0 <= target < len(classes):
            target = classes[target]
        if not isinstance(target, str):
            yield f"has no label: {key}"
            continue
        found = [key] if key in below.names else below.by_stem.get(key, [])
        if len(found) != 1:
            yield f"names {'no picture' if not found else 'several pictures'}: {key}"
            continue
        more = {
            name: of[key]
            for name in ("split", "group")
            if isinstance(ours, dict) and isinstance(of := ours.get(name), dict) and key in of
        }
        path = os.path.relpath(root / found[0], folder).replace(os.sep, "/")
        yield {"path": path, "label": target, **more}


def _picture(fields: Mapping[str, Any]) -> str:
    """How a task's data name its picture."""
    for key in _PICTURE:
        if isinstance(fields.get(key), str):
            return str(fields[key])
    texts = [text for text in fields.values() if isinstance(text, str) and "/data/" in text]
    return texts[0] if len(texts) == 1 else ""


class _Found:
    """A picture's path below the folder, or the reason why it is not known."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        self.path, self.reason = path, reason


class _Addresses:
    """Finds files by the addresses that Label Studio gives them.

    A document root is one for all, so the same number of folders at the beginning of each path is
    no part of the path below `folder`: that by which the most files are found.
    """

    def __init__(self, addresses: Sequence[str], folder: Path) -> None:
        self.folder = folder
        self.below = _Below(folder)
        paths = [path for path in map(_local, addresses) if path]
        deepest = max((path.count("/") for path in paths), default=0)
        hits = Counter(
            {
                skipped: sum(self._is_file(_without(path, skipped)) for path in paths)
                for skipped in range(min(deepest, 30), -1, -1)
            }
        )
        self.skipped = max(hits, key=lambda skipped: (hits[skipped], -skipped), default=0)

    def find(self, path: object, address: str) -> _Found:
        if isinstance(path, str) and self._is_file(path):
            return _Found(path)
        if local := _local(address):
            return _Found(_without(local, self.skipped))
        if uploaded := _UPLOADED.search(address):
            name = os.fsdecode(unquote_to_bytes(uploaded[1]))
            found = self.below.by_name.get(name, [])
            if len(found) == 1:
                return _Found(found[0])
            which = f"{len(found)} files have" if found else "no file has"
            return _Found(reason=f"was uploaded, and {which} its name: {name}")
        return _Found(address)

    def _is_file(self, path: str) -> bool:
        return bool(path) and os.path.isfile(self.folder / path)


class _Below:
    """The files below a folder, listed when they are first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def names(self) -> frozenset[str]:
        found = []
        for above, folders, files in os.walk(self.folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += [Path(above, name).relative_to(self.folder).as_posix() for name in files]
        return frozenset(found)

    @cached_property
    def by_name(self) -> Mapping[str, list[str]]:
        return self._grouped(lambda path: path.rpartition("/")[2])

    @cached_property
    def by_stem(self) -> Mapping[str, list[str]]:
        return self._grouped(lambda path: os.path.splitext(path)[0])

    def _grouped(self, key: Any) -> Mapping[str, list[str]]:
        found = defaultdict(list)
        for path in sorted(self.names):
            found[key(path)].append(path)
        return found


def _local(address: str) -> str:
    """The path below the document root, of an address of a file there; empty for others."""
    _, mark, path = address.partition(LOCAL)
    return os.fsdecode(unquote_to_bytes(path)) if mark else ""


def _without(path: str, skipped: int) -> str:
    return "/".join(path.split("/")[skipped:])
