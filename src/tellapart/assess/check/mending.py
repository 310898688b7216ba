"""The commands that mend what was found."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ...dataset.sources import Dataset
from ...text import shown

MOST_NAMED = 20  # pictures in a command; of more, the command walks through them


def relabel(dataset: Dataset, names: Sequence[str], label: str) -> str:
    return _fix(dataset, names, "--relabel", label)


def drop(dataset: Dataset, names: Sequence[str]) -> str:
    return _fix(dataset, names, "--drop")


def group(dataset: Dataset, names: Sequence[str], name: str) -> str:
    return _fix(dataset, names, "--group", name)


def walk(dataset: Dataset, kind: str) -> str:
    """Goes through all findings of a kind, one after the other."""
    return shlex.join(["tellapart", "fix", shown(dataset.source), "--only", kind])


def _fix(dataset: Dataset, names: Sequence[str], *how: str) -> str:
    if dataset.given:
        return ""
    return shlex.join(["tellapart", "fix", shown(dataset.source), *map(shown, names), *how])
