"""What is given on a command line, or was once -> the pictures that lie in it, one by one, where it
is a tar, a Parquet file, a pattern for several, or an address. Labels are not asked for.

They come in a stable order, and memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from ...errors import UsageError
from ...files.skipped import SkippedFile
from ...files.stored import Stored
from ...text import shown
from .containers import contents_of, holds_pictures, is_container
from .sets import within


def holds_members(text: str) -> bool:
    """Whether a text means pictures that lie in something else, so that `members` gives them.

    Raises:
        DatasetError, UsageError: it does, and cannot be used; see `members`.
    """
    return holds_pictures(text, unpacked=True)


def members(
    text: str, skipped: list[SkippedFile] | None = None, *, whole: bool = False
) -> Iterator[Stored]:
    """The pictures in a tar, in a Parquet file, or in all that a pattern or an address means. Tars
    and Parquet files that cannot be read to their ends are added to `skipped`; with `whole`, one
    that cannot be read for now ends it.

    Raises:
        DatasetError: it cannot be read, or not the whole, or is no tar or Parquet file.
        UsageError: it holds none.
    """
    first: list[SkippedFile] = []

    def pass_over(one: SkippedFile) -> None:  # of others there may be a million
        first.extend([one] * (not first))
        if skipped is not None and (one.name == text or is_container(one.name)):
            skipped.append(one)

    empty = True
    for one, _ in contents_of(text, pass_over, unpacked=True, whole=whole):
        empty = False
        yield one.stored
    if empty:
        why = [f" The first thing passed over: {shown(one.name)} ({one.reason})." for one in first]
        raise UsageError(f"{shown(text)} has no pictures in it.{''.join(why)}")


def called_so(text: str, names: Container[str]) -> Iterator[tuple[str, Stored]]:
    """The pictures that a data set of this source may have given one of these names, in the order
    in which they lie: a name leaves out folders that all have, and that of one source to test on
    begins with the source's own.

    Raises:
        DatasetError, UsageError: see `members`.
    """
    source = Path(text).name
    for one, shard in contents_of(text, lambda passed_over: None, unpacked=True):
        ways = dict.fromkeys([*_ends(one.name), *_ends(within(one, shard))])
        found = [name for way in ways for name in (way, f"{source}/{way}") if name in names]
        yield from ((name, one.stored) for name in found)


def _ends(name: str) -> Iterator[str]:
    """A name, then without its first folder, and so on."""
    while name:
        yield name
        name = name.partition("/")[2]
