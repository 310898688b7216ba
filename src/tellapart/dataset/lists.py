"""A list of pictures, one path a line, read as it comes: it may be longer than memory, or a pipe
that another program is still writing to."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from typing import BinaryIO

from ..errors import UsageError
from ..text import shown
from .tables import encoding_of

STDIN = "-"
_CHUNK = 2**16  # bytes
_LONGEST = 2**16  # bytes of a name: no system has longer ones


def standard_input() -> BinaryIO:
    """Standard input, as bytes.

    Raises:
        UsageError: whoever started this program has closed it.
    """
    if sys.stdin is None:
        raise UsageError("Standard input is closed.", hint="Give a file instead of -.")
    return sys.stdin.buffer


def read_list(path: str) -> Iterator[str]:
    """The names in a file, or on standard input for `-`, in order, without empty lines.

    Lines end as on any system. Where a NUL is in what comes first, names end with these, as `find
    -print0` writes them, and may hold anything else. The bytes of a name are those of the disk; a
    list in UTF-16, as PowerShell's `>` writes it, is read as such.

    Raises:
        UsageError: it cannot be read, or is no text.
    """
    try:
        with nullcontext(standard_input()) if path == STDIN else open(path, "rb") as stream:
            yield from map(os.fsdecode, _names(stream, path))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UsageError(
            f"{called(path)} cannot be read: {reason}.",
            hint="Give a file with the path of one picture a line, or - for standard input.",
        ) from error


def called(path: str) -> str:
    """A list, at the beginning of a sentence."""
    return "The list on standard input" if path == STDIN else f"The list {shown(path)}"


def _names(stream: BinaryIO, path: str) -> Iterator[bytes]:
    chunks = _chunks(stream)
    chunk = rest = next(chunks, b"")
    end = b"\0" if b"\0" in rest else b"\n"
    while True:
        *whole, rest = rest.split(end)
        # Between two NULs there is always a name: other files have several in a row.
        is_other = b"\0" in chunk if end == b"\n" else b"" in whole
        if is_other or len(rest) > _LONGEST:
            raise UsageError(
                f"{called(path)} is no list of pictures.",
                hint="Give a file with the path of one picture a line.",
            )
        yield from filter(None, (_trimmed(name, end) for name in whole))
        if not (chunk := next(chunks, b"")):
            break
        rest += chunk
    if name := _trimmed(rest, end):
        yield name


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """What is there already, and then what comes next: nobody waits for more of a pipe. A mark of
    the order of bytes is left out, and UTF-16 becomes UTF-8."""
    chunk = _next(stream)
    # One-letter names between NULs would look like UTF-16, but for the mark or the end of a line.
    is_told = chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\n" in chunk
    encoding = encoding_of(chunk) if is_told else "utf-8"
    if encoding.startswith("utf-8"):
        chunk = chunk.removeprefix(codecs.BOM_UTF8)
        while chunk:
            yield chunk
            chunk = _next(stream)
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    while chunk:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
        chunk = _next(stream)


def _next(stream: BinaryIO) -> bytes:
    read: bytes = stream.read1(_CHUNK)  # type: ignore[attr-defined]  # of what is buffered
    return read


def _trimmed(name: bytes, end: bytes) -> bytes:
    return name.removesuffix(b"\r") if end == b"\n" else name
