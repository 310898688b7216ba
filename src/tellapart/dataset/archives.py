"""Unpacking a .zip or .tar.gz that somebody else made, without trusting it.

Only regular members below the archive's own folder are written, under caps on their count, their
size and how far they expand; links, devices and names that climb out stop the whole archive.
"""

from __future__ import annotations

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ..errors import ArchiveError, DestinationError
from ..wording import shown

MAX_MEMBERS = 200_000
MAX_BYTES = 20 * 2**30
MAX_RATIO = 200  # unpacked bytes per byte of archive; pictures hardly compress at all
_FREE_OF_RATIO = 64 * 2**20  # small archives may expand further: a page of drawings does
_CHUNK = 2**20
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class _Member:
    """A regular member, open until the next one is asked for."""

    name: str
    content: IO[bytes]


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive that can be unpacked."""
    return path.is_file() and path.name.lower().endswith((".zip", *_TAR_SUFFIXES))


def unpack(archive: Path, folder: Path) -> None:
    """Write all members of `archive` below `folder`, which exists and is empty.

    Raises:
        ArchiveError: damaged, over a cap, or with a member that is no regular file inside.
        DestinationError: the disk is full or cannot be written to.
    """
    budget = min(MAX_BYTES, max(_FREE_OF_RATIO, MAX_RATIO * archive.stat().st_size))
    read = _zip_members if archive.name.lower().endswith(".zip") else _tar_members
    try:
        with closing(read(archive)) as members:
            for count, member in enumerate(members, start=1):
                if count > MAX_MEMBERS:
                    raise ArchiveError(f"{shown(archive)} holds more than {MAX_MEMBERS:,} files.")
                target = folder.joinpath(*_inside(member.name, archive))
                budget -= _write(member.content, target, budget, archive)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        gzip.BadGzipFile,
        EOFError,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise ArchiveError(f"{shown(archive)} is damaged: {error}.") from error
    except (OSError, NotImplementedError, RuntimeError) as error:  # RuntimeError: a password
        raise ArchiveError(f"{shown(archive)} cannot be unpacked: {error}.") from error


def _zip_members(archive: Path) -> Generator[_Member, None, None]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                raise ArchiveError(f"{shown(archive)} holds {shown(info.filename)}, a link.")
            with opened.open(info) as content:
                yield _Member(info.filename, content)


def _tar_members(archive: Path) -> Generator[_Member, None, None]:
    with tarfile.open(archive) as opened:
        for info in opened:
            if info.isdir():
                continue
            if not info.isreg():
                raise ArchiveError(
                    f"{shown(archive)} holds {shown(info.name)}, a link or a device."
                )
            content = opened.extractfile(info)
            assert content is not None  # a regular member always opens
            yield _Member(info.name, content)
        assert opened.fileobj is not None
        opened.fileobj.read(_CHUNK)  # to the end, where a compressed file's checksum is


def _inside(name: str, archive: Path) -> tuple[str, ...]:
    """The parts of a member's name, which must stay below the folder on every system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if (
        not parts
        or ".." in parts
        or parts[0].startswith("/")
        or PureWindowsPath(name).drive
        or "\0" in name
    ):
        raise ArchiveError(
            f"{shown(archive)} holds {shown(name)}, a name that leads outside its folder.",
            hint="Nothing was unpacked from it. Do not trust this archive.",
        )
    return parts


def _write(stream: IO[bytes], target: Path, budget: int, archive: Path) -> int:
    written = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            while chunk := stream.read(_CHUNK):
                written += len(chunk)
                if written > budget:
                    raise ArchiveError(
                        f"{shown(archive)} unpacks to more than {MAX_RATIO} times its own size "
                        f"or {MAX_BYTES // 2**30} GB.",
                        hint="Unpack it yourself if you trust it, and give the folder.",
                    )
                out.write(chunk)
    except OSError as error:
        if error.errno is None:  # from the decompressor, not from the system
            raise
        raise DestinationError(
            f"{shown(archive)} cannot be unpacked into {shown(target.parent)}: {error.strerror}."
        ) from error
    return written
