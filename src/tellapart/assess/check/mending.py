"""The commands that mend what was found, and what they do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ...backbones.rows import QUALITIES
from ...dataset.groups import AUTO
from ...dataset.sources import Dataset
from ...files.addresses import is_address
from ...files.on_disk import address_in
from ...text import shown

_USUAL_QUALITY = "good"
MOST_NAMED = 20  # pictures in a command that is shown; of more, the one that walks through them is
_NUMBER = re.compile(r"[\d.e+-]+")
RELABEL, DROP, KEEP, GROUP = "relabel", "drop", "keep", "group"


@dataclass(frozen=True)
class Mend:
    """One decision on some pictures; `value` is the label or the group that they get, if any."""

    names: tuple[str, ...]
    how: str
    value: str = ""


def relabel(dataset: Dataset, names: Sequence[str], label: str) -> str:
    return _fix(dataset, names, "--relabel", label)


def drop(dataset: Dataset, names: Sequence[str]) -> str:
    return _fix(dataset, names, "--drop")


def group(dataset: Dataset, names: Sequence[str], name: str) -> str:
    return _fix(dataset, names, "--group", name)


def walk(dataset: Dataset, kind: str = "") -> str:
    """Goes through all findings, or those of a kind, one after the other."""
    if dataset.given or dataset.address:
        return ""
    words = ["tellapart", "fix", _typed(shown(dataset.source))]
    words += ["--only", kind] if kind else []
    if dataset.test_source and not address_in(dataset.test_source):
        words += ["--test", shown(dataset.test_source)]
    return shlex.join(words)


def asked_again(command: str, *, quality: str, groups: str) -> str:
    """A command with what `check` was asked for: `fix` judges the pictures before and after."""
    if not command:
        return ""
    words = [*shlex.split(command), *_of_quality(quality)]
    return shlex.join(words if groups == AUTO else [*words, "--groups", groups])


def relabel_recorded(trained: str, name: str, label: str, *, held_out: bool = False) -> str:
    """The same of a picture in a training record; `trained` is the command that trained the model,
    which knows what its pictures are called from here. Empty where a program gave them, or where
    they lie at an address."""
    if not trained:
        return ""
    words = shlex.split(trained)
    options = dict(pairwise(words))
    source, test = words[2], options.get("--test", "")
    if held_out and test not in ("", "none") and not _NUMBER.fullmatch(test):
        source, name = test, name.removeprefix(f"{Path(test).name}/")
    return relabel_in(source, name, label, options.get("--quality", _USUAL_QUALITY))


def relabel_in(source: str, name: str, label: str, quality: str) -> str:
    """The command that relabels a picture of a source, judging with a model's quality; empty where
    no decision has a place."""
    if is_address(source):
        return ""
    named = [_typed(shown(source)), _typed(shown(name))]
    words = ["tellapart", "fix", *named, "--relabel", shown(label), *_of_quality(quality)]
    return shlex.join(words)


def read(command: str, names: Iterable[str]) -> Mend | None:
    """What one of the commands above does with those of the `names` that it names; None if it is
    empty or walks."""
    source, *words = shlex.split(command)[2:] or [""]
    flags = {f"--{how}": how for how in (RELABEL, DROP, KEEP, GROUP)}
    flag = next((at for at, word in enumerate(words) if word in flags), None)
    names, before = tuple(names), f"{Path(source).name}/"  # of another source to test on
    known = {_typed(shown(name.removeprefix(before))): name for name in names}
    known |= {_typed(shown(name)): name for name in names}
    named = tuple(known[word] for word in words[:flag] if word in known)
    if flag is None or not named:
        return None
    value = words[flag + 1 : flag + 2] if words[flag] in (f"--{RELABEL}", f"--{GROUP}") else ()
    return Mend(named, flags[words[flag]], "".join(value))


def _fix(dataset: Dataset, names: Sequence[str], *how: str) -> str:
    if dataset.given or dataset.address:  # where no decision has a place
        return ""
    source = dataset.source
    if dataset.test_source:
        prefix = f"{dataset.test_source.name}/"
        elsewhere = [name.startswith(prefix) for name in names]
        if all(elsewhere):
            source, names = dataset.test_source, [name.removeprefix(prefix) for name in names]
        elif any(elsewhere):
            return ""
    if address_in(source):
        return ""
    named = map(_typed, map(shown, names))
    return shlex.join(["tellapart", "fix", _typed(shown(source)), *named, *how])


def _of_quality(name: str) -> list[str]:
    """What says a quality; nothing for the usual one, and for a network of the user's own."""
    return ["--quality", name] if name in QUALITIES and name != _USUAL_QUALITY else []


def _typed(name: str) -> str:
    """A name that no program takes for an option."""
    return f"./{name}" if name.startswith("-") else name
