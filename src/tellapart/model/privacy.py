"""A training record -> the same without what shows, names or places a picture.

A model still answers, tests and explains with what stays: labels, embeddings, scores, and the
sha256 of each picture's content. Anyone who has a picture can tell from its sha256 that the model
learnt from it. The first digits of the sha256 are then the picture's name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePath

import numpy as np

from ..dataset.decision import FILE
from ..dataset.sources import SkippedFile
from ..health.shortcuts import Shortcut
from ..text import shown
from .record import TrainingRecord

DIGITS = 12  # of a digest: enough to tell the pictures of a data set apart
TIMES = frozenset({"day", "second"})  # image properties
PLACE = "..."  # stands where a path was
_ABSOLUTE = re.compile(r"(?<![\w.~])(?:~?/|[A-Za-z]:\\|\\\\)[^\s,;:()]+")
_DECISIONS = re.compile(rf"(?:.*\.)?{re.escape(FILE)}(?=( has |: ))")
_UNDO = re.compile(r"tellapart fix .* --undo")
_NUMBER = re.compile(r"none|[\d.]+%?")


def private(record: TrainingRecord, also: Iterable[str] = ()) -> TrainingRecord:
    """The training record without names and places; `also` are more names that notes may hold."""
    run = record.run
    if run.private:
        return record
    names = _stand_ins(record.digests)
    called = dict(zip(record.names, names, strict=True))
    files = [file.name for file in run.skipped]
    clean = _cleaner(
        {**dict.fromkeys([*also, *files], PLACE), **called}, [*record.roots, run.place, run.source]
    )
    return replace(
        record,
        names=names,
        roots=(),
        group_names=record.group_names and _groups(record.group_names, record.digests),
        properties=_timeless(record),
        run=replace(
            run,
            source="",
            place="",
            command=without_paths(run.command),
            skipped=tuple(
                SkippedFile(f"file {number}", clean(file.reason))
                for number, file in enumerate(run.skipped, 1)
            ),
            notes=tuple(clean(_unnamed(note)) for note in run.notes),
            shortcuts=tuple(_renamed(shortcut, called) for shortcut in run.shortcuts),
            private=True,
        ),
    )


def without_paths(command: str) -> str:
    """A training command with words in place of the user's own files and folders."""
    if not command:
        return ""
    words = shlex.split(command)
    at = 3 if words[1] == "add" else 2  # behind the model
    words[at : at + 1] = ["PHOTOS"]
    for at, (option, value) in enumerate(pairwise(words), 1):
        if option == "--test" and not _NUMBER.fullmatch(value):
            words[at] = "KEPT-BACK"
        ending = PurePath(value).suffix
        if option == "--backbone" and ending:  # a file: our own networks' names have none
            words[at] = f"{'keras:' if value.startswith('keras:') else ''}NETWORK{ending}"
    return shlex.join([*words, "--no-pictures"])


def _unnamed(note: str) -> str:
    """A sentence on decisions without the source's name, and without the pictures that it names in
    the end, which may be none that was learnt from."""
    if found := _DECISIONS.match(note):
        note = FILE + _UNDO.sub("tellapart fix PHOTOS --undo", note[found.end() :])
        return f"{note.partition(': ')[0]}." if found[1] == " has " else note
    return note


def _stand_ins(digests: Sequence[str]) -> tuple[str, ...]:
    """A name for each picture, no two alike though their content may be."""
    times: dict[str, int] = {}
    names = []
    for digest in digests:
        short = digest[:DIGITS]
        times[short] = times.get(short, 0) + 1
        names.append(short if times[short] == 1 else f"{short}-{times[short]}")
    return tuple(names)


def _groups(groups: Sequence[str], digests: Sequence[str]) -> tuple[str, ...]:
    """Each group by the first of its pictures' sha256: names of groups are made of files' names."""
    first: dict[str, str] = {}
    for group, digest in zip(groups, digests, strict=True):
        first[group] = min(digest, first.get(group, digest))
    return tuple(first[group] if group else "" for group in groups)


def _timeless(record: TrainingRecord) -> np.ndarray | None:
    """The image properties without when a picture was taken."""
    if record.properties is None:
        return None
    columns = str(record.run.settings.get("properties", "")).partition(": ")[2].split(", ")
    kept: np.ndarray = record.properties.copy()
    kept[:, [at for at, name in enumerate(columns) if name in TIMES]] = np.nan
    return kept


def _renamed(shortcut: Shortcut, called: dict[str, str]) -> Shortcut:
    typical, opposite, contrary = (
        tuple(called.get(name, PLACE) for name in names)
        for names in (shortcut.typical, shortcut.opposite, shortcut.contrary)
    )
    return replace(shortcut, typical=typical, opposite=opposite, contrary=contrary)


def _cleaner(called: dict[str, str], places: Iterable[str]) -> Callable[[str], str]:
    """What puts other names into a sentence: for a picture's path, and for its file's name."""
    by_file = {PurePath(name).name: other for name, other in called.items()}
    others = {shown(name): other for name, other in {**by_file, **called}.items()}
    others = {name: other for name, other in others.items() if _is_telling(name)}
    known = [place for place in places if place]
    others |= {f"{place}/{name}": other for place in known for name, other in others.items()}
    others |= dict.fromkeys(known, PLACE)

    def clean(sentence: str) -> str:
        found = sorted((name for name in others if name in sentence), key=len, reverse=True)
        if found:
            any_of = "|".join(map(re.escape, found))
            sentence = re.sub(
                rf"(?<![\w/\\])(?:{any_of})(?!\w)", lambda match: others[match[0]], sentence
            )
        return _ABSOLUTE.sub(PLACE, sentence)

    return clean


def _is_telling(name: str) -> bool:
    """Whether a name in a sentence can only be that: `7` may be a number."""
    return len(name) > 2 and not name.isdecimal()
