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
from itertools import islice
from pathlib import PurePosixPath
from typing import IO

from ...errors import ArchiveError, PictureError
from ...files.reading import MAX_BYTES
from ...files.skipped import SkippedFile
from ...files.stored import Container
from ...images.kinds import FORMATS, SUFFIXES, sniff
from ...text import several, shown
from ..cells import one_label
from ..decision import is_table_of_decisions
from ..tables import COLUMNS
from ..walk import is_hidden
from .listed import Listed, PassOver, why_no_picture

_BLOCK = 512  # bytes, of which a tar is made
_LONGEST_LABEL = 64  # letters: a text that is longer describes a picture
_LABELS_SAID_IN = ("cls", "json", "txt")  # the first of these that says one
_FIRST = 100  # samples of a tar that tell whether it is a shard of WebDataset
_LARGEST_SAYING = 2**20  # bytes of a member that says a label
# What tarfile raises of a damaged header; of its numbers, what int() and seeking do.
DAMAGES = (tarfile.TarError, EOFError, ValueError, OverflowError)
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
        label, reason = _label_of(sample)
        simple = _simple(sample)
        for picture in sample.pictures:
            if (label or reason) and picture.member.partition(".")[2].lower() not in simple:
                # of a sample it is a mask, or another view
                pass_over(SkippedFile(picture.name, "beside the picture of its sample"))
            else:
                yield Listed(picture, picture.member, label, reason=reason)
        if not sample.pictures:
            for ending in sample.said:
                name = f"{tar.name}/{sample.key}.{ending}"
                pass_over(SkippedFile(name, "next to no picture of the same name"))


def is_sharded(tar: Container) -> bool:
    """Whether labels are said beside the pictures of a tar, as WebDataset writes them: only its
    first members are looked at.

    Raises:
        ArchiveError: it is no tar.
    """
    samples = (one for one in _samples(tar, lambda one: None) if one.pictures)
    return any(_label_of(one) != (None, "") for one in islice(samples, _FIRST))


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
    with tar.open() as stream, _opened(tar, stream) as opened:
        count = 0
        try:
            while info := opened.next():
                opened.members = []  # type: ignore[attr-defined]  # or all would be kept
                count += 1
                name = PurePosixPath(info.name.replace("\\", "/")).as_posix()
                if info.isdir():
                    continue
                member = TarMember(tar, name, info.offset_data, info.size)
                if reason := _why_none(info, name):
                    pass_over(SkippedFile(member.name, reason))
                elif _is_nobodys(name):
                    continue
                elif info.offset_data + info.size > tar.size:
                    yield member, None  # which says so when it is read
                elif _suffix(name) in _LABELS_SAID_IN:
                    stream.seek(info.offset_data)
                    yield member, stream.read(min(info.size, _LARGEST_SAYING))
                elif _may_be_picture(name, stream, info.offset_data):
                    yield member, None
                else:
                    pass_over(SkippedFile(member.name, why_no_picture(name)))
            stream.seek(opened.offset)
            wrong = wrong_at_end(stream.read(_BLOCK), opened.offset)
        except DAMAGES as error:
            wrong = str(error)
        if wrong:
            after = f"damaged or cut short after {several(count, 'member')}: {wrong}"
            pass_over(SkippedFile(tar.name, after))


def _opened(tar: Container, stream: IO[bytes]) -> tarfile.TarFile:
    try:
        if stream.read(len(COMPRESSED[2])).startswith(COMPRESSED):
            raise ArchiveError(
                f"{shown(tar.name)} is compressed, so its pictures cannot be read where they lie.",
                hint="Unpack the compression (gunzip, unxz), or pack it without: pictures hardly "
                "get smaller.",
            )
        stream.seek(0)
        return tarfile.TarFile(fileobj=stream, encoding="utf-8", errors="surrogateescape")
    except DAMAGES as error:
        raise ArchiveError(
            f"{shown(tar.name)} is damaged, or no tar: {error}.",
            hint="Copy or download it again.",
        ) from error


def wrong_at_end(block: bytes, offset: int) -> str:
    """What is wrong where no further member begins, by what is read there; nothing where a tar may
    end."""
    if any(block):
        return f"what begins at byte {offset:,} is no member"
    return "" if len(block) in (0, _BLOCK) else "its end is missing"


def _why_none(info: tarfile.TarInfo, name: str) -> str:
    """Why a member is not looked at."""
    if name.startswith("/") or ".." in name.split("/"):
        return "a name that leads elsewhere"
    if info.issparse():
        return "packed with its gaps left out: pack it without --sparse"
    return "" if info.isreg() else "a link or a device in a tar"


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


def _label_of(sample: _Sample) -> tuple[str | None, str]:
    """What the members beside a picture say is in it, or None, and why they leave that open; no
    reason where none is about it."""
    kinds = _LABELS_SAID_IN[:-1] if "/" in sample.key else _LABELS_SAID_IN
    reasons = []
    for kind in kinds:
        if kind in sample.said:
            label, reason = _label_in(kind, sample.said[kind])
            if label:
                return label, ""
            reasons.append(reason)
    return None, next(filter(None, reasons), "")


def _label_in(kind: str, content: bytes) -> tuple[str | None, str]:
    """The same, of one member."""
    text = content.decode("utf-8-sig", "replace").strip()
    if kind == "json":
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            return None, ""
        every = values.items() if isinstance(values, dict) else ()
        said = {name.lower(): value for name, value in every}
        found = next((name for name in COLUMNS["label"] if name in said), None)
        return one_label(said[found]) if found else (None, "")
    if kind == "txt" and (len(text) > _LONGEST_LABEL or "\n" in text):
        return None, ""  # it describes the picture
    return one_label(text)
