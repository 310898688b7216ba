"""Unpacking a .zip or .tar.gz that somebody else made, without trusting it.

Only regular members below the archive's own folder are written, under caps on their count, their
size and how far they expand; links, devices and names that climb out stop the whole archive.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, cast

from ..errors import ArchiveError, DestinationError
from ..files.folders import make_folders
from ..files.system import WINDOWS
from ..text import several, shown
from .encodings import decoded, words_on
from .filenames import DEVICES
from .stored.tar_shards import wrong_at_end

MAX_MEMBERS = 200_000
MAX_BYTES = 20 * 2**30
MAX_RATIO = 200  # unpacked bytes per byte of archive; pictures hardly compress at all
_FREE_OF_RATIO = 64 * 2**20  # small archives may expand further: a page of drawings does
_CHUNK = 2**20
_HEADERS = 2 * _CHUNK  # what a tar may say of one member, which is read at once
_WAITING = ".waiting-"  # how a file is called until its name can be read
_DAMAGES = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,  # a number that is none, or a name that is said to be UTF-8, and is not
    OverflowError,
)
_UTF8 = 0x800  # the flag of a zip's member whose name is UTF-8
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field with the name in UTF-8, and the other one's CRC
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*\x00-\x1f]')
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class _Member:
    """A regular member, open until the next one is asked for; its name as bytes where the archive
    does not say what they mean."""

    name: str | bytes
    content: IO[bytes]


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive that can be unpacked."""
    return path.is_file() and path.name.lower().endswith((".zip", *_TAR_SUFFIXES))


def unpack(archive: Path, folder: Path) -> tuple[str, ...]:
    """Write all members of `archive` below `folder`, which exists and is empty.

    Gives sentences on what could be meant otherwise: names that do not say their encoding, and
    members that are there twice.

    Raises:
        ArchiveError: damaged, over a cap, or with a member that is no regular file inside.
        DestinationError: the disk is full or cannot be written to.
    """
    budget = min(MAX_BYTES, max(_FREE_OF_RATIO, MAX_RATIO * archive.stat().st_size))
    is_zip = archive.name.lower().endswith(".zip")
    waiting: list[tuple[bytes, Path]] = []  # until all names are known, which tell their encoding
    twice = 0
    try:
        with closing(_zip_members(archive) if is_zip else _tar_members(archive, budget)) as members:
            for count, member in enumerate(members, start=1):
                if count > MAX_MEMBERS:
                    raise ArchiveError(
                        f"{shown(archive)} holds more than {MAX_MEMBERS:,} files.",
                        hint="Unpack it yourself, and give the folder.",
                    )
                if isinstance(member.name, bytes):
                    target = folder / f"{_WAITING}{count}"
                    waiting.append((member.name, target))
                else:
                    target = folder.joinpath(*_inside(member.name, archive))
                    twice += os.path.lexists(target)
                budget -= _write(member.content, target, budget, archive)
    except _DAMAGES as error:
        raise _damaged(archive, error) from error
    except (OSError, RuntimeError) as error:  # a password, or a way of packing zipfile cannot undo
        if isinstance(error, OSError) and error.errno is None:  # from a decompressor
            raise _damaged(archive, error) from error
        raise ArchiveError(
            f"{shown(archive)} cannot be unpacked: {error}.",
            hint="Unpack it yourself, and give the folder.",
        ) from error
    names, encoding = decoded([raw for raw, _ in waiting])
    for name, (_, file) in zip(names, waiting, strict=True):
        target = folder.joinpath(*_inside(name, archive))
        twice += os.path.lexists(target)
        _move(file, target, archive)
    notes = [words_on(archive, names, encoding)] if encoding not in ("", "utf-8") else []
    if twice:
        notes.append(
            f"{shown(archive)} has {several(twice, 'file')} more than once under the same name: "
            f"the last one counts."
        )
    return tuple(notes)


def _move(file: Path, target: Path, archive: Path) -> None:
    try:
        make_folders(target.parent)
        os.replace(file, target)
    except OSError as error:
        raise _not_written(archive, target, error) from error


def _not_written(archive: Path, target: Path, error: OSError) -> DestinationError:
    return DestinationError(
        f"{shown(archive)} cannot be unpacked into {shown(target.parent)}: {error.strerror}."
    )


def _damaged(archive: Path, error: Exception) -> ArchiveError:
    return ArchiveError(
        f"{shown(archive)} is damaged, or no archive: {error}.",
        hint="Copy or download it again, or give the folder that it was made of.",
    )


def _unwanted(archive: Path, name: str, what: str) -> ArchiveError:
    return ArchiveError(
        f"{shown(archive)} holds {shown(name)}, {what}.",
        hint="Unpack it yourself if you trust it, and give the folder.",
    )


def _too_large(archive: Path) -> ArchiveError:
    return ArchiveError(
        f"{shown(archive)} unpacks to more than {MAX_RATIO} times its own size "
        f"or {MAX_BYTES // 2**30} GB.",
        hint="Unpack it yourself if you trust it, and give the folder.",
    )


def _zip_members(archive: Path) -> Generator[_Member, None, None]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                raise _unwanted(archive, info.filename, "a link or a device")
            with opened.open(info) as content:
                yield _Member(_zip_name(info), content)


def _zip_name(info: zipfile.ZipInfo) -> str | bytes:
    """A member's name; its bytes where neither a flag nor a field says how to read them."""
    if info.flag_bits & _UTF8 or info.orig_filename.isascii():
        return info.filename
    raw = info.orig_filename.encode("cp437")  # which zipfile took it for, and which loses nothing
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        mark = b"\1" + struct.pack("<L", zlib.crc32(raw))
        if kind == _UNICODE_PATH and len(field) == size and field.startswith(mark):
            return field.removeprefix(mark).decode("utf-8")
    return raw.partition(b"\0")[0]


class _Metered:
    """An unpacked stream that stops where more is read than `budget`, or than one step needs.

    A header of a few bytes can claim gigabytes, and is read at once.
    """

    def __init__(self, stream: IO[bytes], budget: int, archive: Path) -> None:
        self._stream = stream
        self._budget = budget
        self._archive = archive
        self.last = b""  # what was read last
        self.allow(0)

    def allow(self, size: int) -> None:
        """Let the next step read `size` bytes, and headers."""
        self._limit = min(self._stream.tell() + size, self._budget) + _HEADERS

    def _check(self, end: int) -> None:
        if end > self._budget + _HEADERS:
            raise _too_large(self._archive)
        if end > self._limit:
            raise ArchiveError(
                f"{shown(self._archive)} holds a header of more than {_HEADERS // 2**20} MB.",
                hint="No program that packs pictures writes one. Do not trust this archive.",
            )

    def read(self, size: int) -> bytes:
        self._check(self._stream.tell() + size)
        self.last = self._stream.read(size)
        return self.last

    def seek(self, place: int) -> int:
        self._check(place)
        return self._stream.seek(place)

    def tell(self) -> int:
        return self._stream.tell()


def _tar_members(archive: Path, budget: int) -> Generator[_Member, None, None]:
    with _unpacked(archive) as stream:
        metered = _Metered(stream, budget, archive)
        with tarfile.open(
            fileobj=cast("IO[bytes]", metered),
            mode="r:",
            encoding="utf-8",
            errors="surrogateescape",
        ) as opened:
            while info := opened.next():
                opened.members = []  # type: ignore[attr-defined]  # or all headers would be kept
                if info.isdir():
                    continue
                if not info.isreg():
                    raise _unwanted(archive, info.name, "a link or a device")
                content = opened.extractfile(info)
                assert content is not None  # a regular member always opens
                metered.allow(info.size)
                yield _Member(_tar_name(info.name), content)
                metered.allow(0)
            if wrong := wrong_at_end(metered.last, opened.offset):
                raise tarfile.ReadError(wrong)
        stream.read(_CHUNK)  # to the end, where a compressed file's checksum is


def _tar_name(name: str) -> str | bytes:
    raw = name.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _unpacked(archive: Path) -> IO[bytes]:
    """A tar without its compression, which its first bytes tell."""
    with archive.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(archive))
    if head.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.open(archive))
    return cast("IO[bytes]", lzma.open(archive)) if head == b"\xfd7zXZ\0" else archive.open("rb")


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
    return tuple(map(_for_windows, parts)) if WINDOWS else parts


def _for_windows(name: str) -> str:
    """A name as Windows takes it. There `:` would write into a stream beside the file, a dot or a
    space at the end is dropped unsaid, and some names are those of devices."""
    name = _NOT_ON_WINDOWS.sub("_", name).rstrip(". ")
    return f"_{name}" if not name or name.partition(".")[0].rstrip().casefold() in DEVICES else name


def _write(stream: IO[bytes], target: Path, budget: int, archive: Path) -> int:
    written = 0
    try:
        make_folders(target.parent)
        with target.open("wb") as out:
            while chunk := stream.read(_CHUNK):
                written += len(chunk)
                if written > budget:
                    raise _too_large(archive)
                out.write(chunk)
    except OSError as error:
        if error.errno is None:  # from the decompressor, not from the system
            raise
        raise _not_written(archive, target, error) from error
    return written
