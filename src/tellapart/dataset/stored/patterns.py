"""`data-{000..099}.tar` and `data-*.tar` -> names of files, in a stable order."""

from __future__ import annotations

import fnmatch
import glob
import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePath

from ...errors import UsageError
from ...text import shown
from ..listing import ordered

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST = 1_000_000  # names that one pattern may mean


def is_pattern(text: str) -> bool:
    """Whether a text is no name, but means several."""
    return glob.has_magic(text) or _braced(text) is not None


def names_meant(text: str) -> Iterator[str]:
    """The paths that a text means: itself where it is there, or else what its braces and wildcards
    stand for, in this order. Names in braces are given whether they are there or not."""
    if os.path.exists(text):
        yield text
        return
    for name in unbraced(text):
        if glob.has_magic(name):
            yield from matching(name)
        else:
            yield name


def matching(wildcards: str) -> Iterator[str]:
    """The files and folders that wildcards stand for, in order; `**` stands for folders in folders.
    Those of one folder may be more than memory holds names."""
    return ordered(_matching(wildcards))


def _matching(wildcards: str) -> Iterator[str]:
    """What `glob.iglob` gives, which lists a folder's names before it looks at the first."""
    folder, name = os.path.split(wildcards)
    if name == "**" or not glob.has_magic(name):
        yield from glob.iglob(wildcards, recursive=True)
        return
    fits = re.compile(fnmatch.translate(os.path.normcase(name))).match
    hidden = name.startswith(".")
    for one in _folders(folder):
        with suppress(OSError), os.scandir(one or os.curdir) as entries:
            for entry in entries:
                if fits(os.path.normcase(entry.name)) and (hidden or entry.name[0] != "."):
                    yield os.path.join(one, entry.name)


def _folders(folder: str) -> Iterator[str]:
    if set(PurePath(folder).parts) == {"**"}:
        yield ""  # the folder one is in, which has no name
    if glob.has_magic(folder):
        yield from glob.iglob(os.path.join(folder, ""), recursive=True)
    else:
        yield folder


def unbraced(text: str) -> list[str]:
    """What braces stand for: `{000..099}` for numbers, `{train,test}` for words.

    >>> unbraced("{a,b}-{08..10}.tar")
    ['a-08.tar', 'a-09.tar', 'a-10.tar', 'b-08.tar', 'b-09.tar', 'b-10.tar']

    Raises:
        UsageError: they stand for more than a million names.
    """
    counts = [_count(found[1]) for found in _BRACES.finditer(text) if _stands_for(found[1])]
    if math.prod(counts) > _MOST:
        raise UsageError(f"{shown(text)} stands for more than {_MOST:,} files.")
    return list(_each(text))


def _each(text: str) -> Iterator[str]:
    braces = _braced(text)
    if braces is None:
        yield text
        return
    before = text[: braces.start()]
    for way in _ways(braces[1]):
        for after in _each(text[braces.end() :]):
            yield f"{before}{way}{after}"


def _braced(text: str) -> re.Match[str] | None:
    """The first braces that stand for something."""
    meant = (found for found in _BRACES.finditer(text) if _stands_for(found[1]))
    return next(meant, None)


def _stands_for(inside: str) -> bool:
    return "," in inside or _RANGE.fullmatch(inside) is not None


def _count(inside: str) -> int:
    numbers = _RANGE.fullmatch(inside)
    return abs(int(numbers[2]) - int(numbers[1])) + 1 if numbers else inside.count(",") + 1


def _ways(inside: str) -> Iterator[str]:
    numbers = _RANGE.fullmatch(inside)
    if numbers is None:
        yield from inside.split(",")
        return
    first, last = int(numbers[1]), int(numbers[2])
    width = len(numbers[1]) if numbers[1].startswith("0") else 0
    step = 1 if last >= first else -1
    for number in range(first, last + step, step):
        yield f"{number:0{width}d}"
