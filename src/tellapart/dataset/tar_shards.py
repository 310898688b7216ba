"""Pictures in a tar, each read where it lies: nothing is unpacked, so a tar may be of any size.

A tar may be a folder of labels that was packed, or a shard of WebDataset. There all members whose
names are equal up to the first dot are one sample: `cat/0001.jpg`, and beside it `cat/0001.cls` or
`cat/0001.json`, which says the label. A `.txt` says it where no folder does, and if it is short:
most describe a picture.

Only headers are read to list it, and the bytes of labels. A compressed tar has no places to read
from: it is unpacked (`archives.py`).
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from ..errors import ArchiveError, PictureError
from ..files.reading import MAX_BYTES
from ..files.skipped import SkippedFile
from ..files.stored import Container
from ..images.kinds import FORMATS, SUFFIXES, sniff
from ..text import several, shown
from .decision import is_table_of_decisions
from .listed import Listed, PassOver
from .tables import COLUMNS
from .walk import is_hidden

_BLOCK = 512  # bytes, of which a tar is made
_LONGEST_LABEL = 64  # letters: a text that is longer describes a picture
_LABELS_SAID_IN = ("cls", "json", "txt")  # the first of these that says one
_LARGEST_SAYING = 2**20  # bytes of a member that says a label
COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True)
class TarMember:
    """A picture in a tar: the bytes from an offset on."""

    tar: Container
    member: str
    offset: int
    size: int

    @property
    def name(self) -> str:
        return f"{self.tar.name}/{self.member}"

    def content(self) -> bytes:
        if self.size > MAX_BYTES:
            raise PictureError(f"larger than {MAX_BYTES // 2**20} MB")
        content = self.tar.read(self.offset, self.size)
        if len(content) < self.size:
            raise PictureError(f"cut short: {shown(_base(self.tar))} ends within it")
        return content

    def stamp(self) -> str:
        return f"{self.tar.stamp()}+{self.offset}"


@dataclass(frozen=True)
class _Sample:
    """The members of one key: pictures, and what says a label by its suffix."""

    key: str
    pictures: list[TarMember]
    said: dict[str, bytes]


def listed(tar: Container, pass_over: PassOver) -> Iterator[Listed]:
    """The pictures of a tar, in order; `pass_over` is told what is none, and where the tar is
    damaged, which ends the listing.

    Raises:
        ArchiveError: it is no tar, or a compressed one.
    """
    for sample in _samples(tar, pass_over):
        label = _label_of(sample)
        for picture in sample.pictures:
            simple = picture.member.partition(".")[2].lower() in _simple(sample)
            if label is not None and not simple:  # of a sample it is a mask, or another view
                pass_over(SkippedFile(picture.name, "beside the picture of its sample"))
                continue
            reason = "has no label" if label == "" else ""
            yield Listed(picture, picture.member, label or None, reason=reason)


def is_sharded(tar: Container) -> bool:
    """Whether labels are said beside the pictures of a tar, as WebDataset writes them: only its
    first members are looked at.

    Raises:
        ArchiveError: it is no tar.
    """
    sample = next((one for one in _samples(tar, lambda one: None) if one.pictures), None)
    return sample is not None and _label_of(sample) is not None


def _simple(sample: _Sample) -> set[str]:
    """The suffixes of the pictures of a sample that are meant: `jpg` before `seg.png`."""
    endings = [one.member[len(sample.key) + 1 :].lower() for one in sample.pictures]
    return {ending for ending in endings if "." not in ending} or set(endings)


def _samples(tar: Container, pass_over: PassOver) -> Iterator[_Sample]:
    """Members of one key that follow one another."""
    sample = _Sample("", [], {})
    for member, said in _members(tar, pass_over):
        key = _key(member.member)
        if key != sample.key:
            yield sample
            sample = _Sample(key, [], {})
        if said is None:
            sample.pictures.append(member)
        else:
            sample.said[member.member[len(key) + 1 :].lower()] = said
    yield sample


def _members(tar: Container, pass_over: PassOver) -> Iterator[tuple[TarMember, bytes | None]]:
    """Pictures, and with their bytes the members that may say a label."""
    with tar.open() as stream:
        try:
            head = stream.read(len(COMPRESSED[2]))
            if head.startswith(COMPRESSED):
                raise ArchiveError(
                    f"{shown(tar.name)} is compressed, so its pictures cannot be read where they "
                    f"lie.",
                    hint="Unpack the compression (gunzip, unxz), or pack it without: pictures "
                    "hardly get smaller.",
                )
            stream.seek(0)
            opened = tarfile.TarFile(fileobj=stream, encoding="utf-8", errors="surrogateescape")
        except (tarfile.TarError, EOFError) as error:
            raise ArchiveError(
                f"{shown(tar.name)} is damaged, or no tar: {error}.",
                hint="Copy or download it again.",
            ) from error
        count = 0
        with opened:
            try:
                while info := opened.next():
                    opened.members = []  # type: ignore[attr-defined]  # or all would be kept
                    count += 1
                    name = PurePosixPath(info.name).as_posix()
                    member = TarMember(tar, name, info.offset_data, info.size)
                    if info.isdir() or _is_nobodys(name):
                        continue
                    if name.startswith("/") or ".." in name.split("/"):
                        pass_over(SkippedFile(member.name, "a name that leads elsewhere"))
                    elif not info.isreg() or info.issparse():
                        pass_over(SkippedFile(member.name, "a link or a device in a tar"))
                    elif info.offset_data + info.size > tar.size:
                        yield member, None  # which says so when it is read
                    elif _suffix(name) in _LABELS_SAID_IN:
                        stream.seek(info.offset_data)
                        yield member, stream.read(min(info.size, _LARGEST_SAYING))
                    elif _may_be_picture(name, stream, info.offset_data):
                        yield member, None
                    else:
                        suffix = PurePosixPath(name).suffix
                        reason = f"not a picture ({suffix or 'no extension'})"
                        pass_over(SkippedFile(member.name, reason))
                wrong = _wrong_at_end(stream, opened.offset)
            except (tarfile.TarError, EOFError, UnicodeError) as error:
                wrong = str(error)
        if wrong:
            after = f"damaged or cut short after {several(count, 'member')}: {wrong}"
            pass_over(SkippedFile(tar.name, after))


def _wrong_at_end(stream: IO[bytes], offset: int) -> str:
    """What is wrong where no further member begins; nothing where a tar may end."""
    stream.seek(offset)
    block = stream.read(_BLOCK)
    if not any(block):
        return "" if len(block) in (0, _BLOCK) else "its end is missing"
    return f"what begins at byte {offset:,} is no member"


def _may_be_picture(name: str, stream: IO[bytes], offset: int) -> bool:
    if PurePosixPath(name).suffix.lower() in SUFFIXES:
        return True
    stream.seek(offset)
    return sniff(stream.read(_BLOCK)) in FORMATS


def _is_nobodys(name: str) -> bool:
    """Whether a member is one that a system or tellapart left behind."""
    parts = PurePosixPath(name).parts
    return any(map(is_hidden, parts)) or bool(parts and is_table_of_decisions(parts[-1]))


def _key(name: str) -> str:
    """A member's name up to the first dot of its last part."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.partition('.')[0]}"


def _suffix(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[2].lower()


def _base(tar: Container) -> str:
    return PurePosixPath(tar.name.replace("\\", "/")).name


def _label_of(sample: _Sample) -> str | None:
    """What the members beside a picture say is in it; empty where they leave that open; None where
    none is about it."""
    kinds = _LABELS_SAID_IN[:-1] if "/" in sample.key else _LABELS_SAID_IN
    ways = (_label_in(kind, sample.said[kind]) for kind in kinds if kind in sample.said)
    said = [label for label in ways if label is not None]
    return next(filter(None, said), "") if said else None


def _label_in(kind: str, content: bytes) -> str | None:
    text = content.decode("utf-8", "replace").strip()
    if kind == "json":
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            return None
        known = COLUMNS["label"] if isinstance(values, dict) else ()
        found = next((values[name] for name in known if name in values), ...)
        if found is ...:
            return None
        return str(found).strip() if isinstance(found, str | int) else ""
    if kind == "txt" and (len(text) > _LONGEST_LABEL or "\n" in text):
        return None  # it describes the picture
    return text
