"""A path, a pattern or an address -> the containers of pictures that it means: tars and Parquet
files whose pictures are read where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..errors import DatasetError, UsageError
from ..files.skipped import SkippedFile
from ..files.stored import Container, LocalFile
from ..text import shown
from . import parquet_files, tar_shards
from .listed import Listed
from .patterns import is_pattern, names_meant

TAR, PARQUET = ".tar", ".parquet"
_UNPACKED = 2**30  # bytes of the largest tar that is unpacked, as a .zip is


def containers_in(text: str, *, unpacked: bool = False) -> list[Container]:
    """What a text means, in a stable order; nothing where it is a folder, a table, an archive that
    is unpacked, or a pattern that means other files. With `unpacked`, a tar that would be unpacked
    too.

    Raises:
        DatasetError: a file is not there, or cannot be looked at.
        UsageError: a pattern means too many files, or files of several kinds.
    """
    if not _may_be_several(text):
        return [_local(text)] if _is_container(text, unpacked) else []
    names = names_meant(text)
    ours = [name for name in names if _kind(name)]
    if not ours:
        return []
    if others := [name for name in names if not _kind(name)]:
        raise UsageError(
            f"{shown(text)} means files of several kinds, such as {shown(ours[0])} and "
            f"{shown(others[0])}.",
            hint="Give the tars or the Parquet files by a pattern of their own.",
        )
    return [_local(name) for name in names]


def listed(container: Container, skipped: list[SkippedFile]) -> Iterator[Listed]:
    """The pictures in a container, in order; what is none is added to `skipped`.

    Raises:
        DatasetError: it cannot be read, or holds no column of pictures.
    """
    try:
        if _kind(container.name) == PARQUET:
            yield from parquet_files.listed(container)
        else:
            yield from tar_shards.listed(container, skipped)
    except OSError as error:
        raise _unread(container.name, error) from error


def _may_be_several(text: str) -> bool:
    return not os.path.exists(text) and is_pattern(text)


def _kind(name: str) -> str:
    return next((kind for kind in (TAR, PARQUET) if name.lower().endswith(kind)), "")


def _is_container(text: str, unpacked: bool) -> bool:
    """Whether a file is read where it lies: a Parquet file, and a tar that is large or that
    WebDataset wrote. Any other is unpacked, as archives are."""
    kind = _kind(text)
    if not kind or not os.path.isfile(text):
        return False
    if kind == PARQUET or unpacked:
        return True
    tar = _local(text)
    try:
        return not _is_compressed(tar) and (tar.size > _UNPACKED or tar_shards.is_sharded(tar))
    except DatasetError:  # who unpacks it says what is wrong
        return False


def _is_compressed(tar: Container) -> bool:
    with tar.open() as stream:
        return stream.read(6).startswith(tar_shards.COMPRESSED)


def _local(path: str) -> Container:
    try:
        return LocalFile.at(path)
    except OSError as error:
        raise _unread(path, error) from error


def _unread(name: str, error: OSError) -> DatasetError:
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    return DatasetError(f"{shown(name)} cannot be read: {reason}.")
