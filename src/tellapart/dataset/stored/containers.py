"""A path, a pattern or an address -> what of it holds pictures: tars and Parquet files, whose
pictures are read where they lie, and at an address the pictures themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePosixPath

from ...errors import DatasetError, UsageError
from ...files.addresses import is_address, is_for_now
from ...files.on_disk import check_pictures_here
from ...files.skipped import SkippedFile
from ...files.stored import Container, LocalFile
from ...images.kinds import SUFFIXES
from ...text import shown
from ...workers.deadlines import answered
from ..walk import is_hidden
from . import parquet_files, tar_shards
from .addresses import files_at
from .listed import Listed, PassOver, why_no_picture
from .patterns import is_pattern, names_meant

TAR, PARQUET = ".tar", ".parquet"
_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_UNPACKED = 2**30  # bytes of the largest tar that is unpacked, as a .zip is


def containers_in(text: str, *, unpacked: bool = False) -> list[Container]:
    """What a text means, in a stable order: shards, or a folder that holds nothing else; nothing
    where it is any other folder, a table, an archive that is unpacked, or a pattern that means
    other files. With `unpacked`, a tar that would be unpacked too.

    Raises:
        DatasetError: a file is not there, or cannot be looked at.
        UsageError: a pattern means too many files, or files of several kinds.
    """
    if os.path.isdir(text):
        return _only_in(text)
    if not _may_be_several(text):
        return [_local(text)] if _is_read_in_place(text, unpacked) else []
    ours: list[str] = []
    other = ""  # of those that are none there may be a million
    for name in names_meant(text):
        if _kind(name):
            ours.append(name)
        other = other or ("" if _kind(name) else name)
        if ours and other:
            raise UsageError(
                f"{shown(text)} means files of several kinds, such as {shown(ours[0])} and "
                f"{shown(other)}.",
                hint="Give the tars or the Parquet files by a pattern of their own.",
            )
    return [_local(name) for name in ours]


def holds_pictures(text: str, *, unpacked: bool = False) -> bool:
    """Whether a text means pictures that lie in something else; see `contents_of`."""
    return is_address(text) or bool(containers_in(text, unpacked=unpacked))


def check_are_files(place: str | os.PathLike[str]) -> None:
    """Refuse pictures that are no files of their own, where each has to be one.

    Raises:
        UsageError: they lie at an address, in a tar or a Parquet file, in what a pattern means of
            these, or in a folder of nothing else.
    """
    check_pictures_here(place)
    text = os.fspath(place)
    try:
        is_refused = bool(containers_in(text, unpacked=True))
    except DatasetError:  # whoever reads it says so
        is_refused = False
    if is_refused:
        raise UsageError(
            f"This needs a file for each picture, and {shown(text)} holds many pictures in one.",
            hint="Unpack it into a folder, and give that. As it is, tellapart guess can read it.",
        )


def contents_of(
    text: str, pass_over: PassOver, *, unpacked: bool = False, whole: bool = False
) -> Iterator[tuple[Listed, str]]:
    """The pictures in all that a text means, in a stable order, each with the name of the file
    that it lies in, or nothing if it is at an address itself. `pass_over` is told what is none, and
    files that cannot be read beside others that can. Where all are wanted, `whole`, one that cannot
    be read for now ends it.

    Raises:
        DatasetError: nothing of it can be read, or not the whole.
        UsageError: see `containers_in`.
    """
    refused: list[DatasetError] = []
    empty = True
    for one in _each(text, pass_over, unpacked):
        if isinstance(one, DatasetError):
            if whole and one.may_pass:
                raise one
            refused.append(one)
            continue
        empty = False
        yield one
    if empty and refused:
        raise refused[0]
    for error in refused:
        pass_over(SkippedFile(text, error.message))


def _each(
    text: str, pass_over: PassOver, unpacked: bool
) -> Iterator[tuple[Listed, str] | DatasetError]:
    if not is_address(text):
        for container in containers_in(text, unpacked=unpacked):
            yield from _listed(container, pass_over)
        return
    for file, name in files_at(text):
        if _kind(name):
            yield from _listed(file, pass_over)
        elif any(map(is_hidden, name.split("/"))):
            continue
        elif _is_picture(name):
            yield Listed(file, name), ""
        else:
            pass_over(SkippedFile(file.name, why_no_picture(name)))


def _listed(
    container: Container, pass_over: PassOver
) -> Iterator[tuple[Listed, str] | DatasetError]:
    """What lies in a container, and last of all why it could not be read to its end, if so."""
    shard = base_of(container.name)
    try:
        if _kind(container.name) == PARQUET:
            found = parquet_files.listed(container)
        else:
            found = tar_shards.listed(container, pass_over)
        for one in found:
            yield one, shard
    except DatasetError as error:
        yield error
    except OSError as error:
        yield _unread(container.name, error)


def base_of(name: str) -> str:
    """The last part of a path or an address."""
    return PurePosixPath(name.replace(os.sep, "/")).name


def _only_in(folder: str) -> list[Container]:
    """The shards in a folder that holds nothing else that could be pictures or labels."""
    try:
        names = answered(lambda call: _names_of_shards(folder), folder)
    except OSError:  # whoever reads the folder says so
        return []
    return [_local(os.path.join(folder, name)) for name in sorted(names)]


def _names_of_shards(folder: str) -> list[str]:
    names = []
    with os.scandir(folder) as found:
        for entry in found:  # of pictures there may be a million: it ends at the first
            if is_hidden(entry.name):
                continue
            if entry.is_dir() or _is_picture(entry.name):
                return []
            if _kind(entry.name):
                names.append(entry.name)
    return names


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _may_be_several(text: str) -> bool:
    return not os.path.exists(text) and is_pattern(text)


def is_container(name: str) -> bool:
    """Whether a name is that of a tar or a Parquet file."""
    return bool(_kind(name))


def _kind(name: str) -> str:
    """Of a name: `TAR`, also of a compressed one, whose reading says why it is refused."""
    name = name.lower()
    if name.endswith((TAR, *_COMPRESSED)):
        return TAR
    return PARQUET if name.endswith(PARQUET) else ""


def _is_read_in_place(text: str, unpacked: bool) -> bool:
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
    return DatasetError(f"{shown(name)} cannot be read: {reason}.", may_pass=is_for_now(error))
