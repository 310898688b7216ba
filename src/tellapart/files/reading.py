"""The bytes of a picture's file, if it gives them: a drive may stall, and a link lead to a device.

Every read has a deadline: see `deadlines`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import PictureError
from ..workers.deadlines import Call, NoAnswerError, answered
from .stored import Place, Stored

MAX_BYTES = 256 * 2**20
_CHUNK = 2**20
# A pipe that took a file's place is opened without waiting for its other end.
_FLAGS = sum(getattr(os, f"O_{flag}", 0) for flag in ("CLOEXEC", "NOCTTY", "NONBLOCK", "BINARY"))


def read_content(path: Place) -> bytes:
    """The bytes of a regular file of at most `MAX_BYTES`, or of a picture that is stored.

    Raises:
        PictureError: it is something else, cannot be opened, or does not answer.
    """
    if isinstance(path, Stored):
        try:
            return path.content()
        except PictureError as error:
            error.path = path.name
            raise
    try:
        return answered(lambda call: _whole(path, call), path.parent)
    except PictureError as error:
        error.path = path
        raise
    except OSError as error:
        raise PictureError(_why(error, "opened"), path=path, may_pass=True) from error
    except ValueError as error:
        reason = "its name holds a character no file name can have"
        raise PictureError(reason, path=path) from error


def read_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file of any size, piece by piece.

    Raises:
        PictureError: it cannot be read, or does not answer.
    """
    try:  # of most files this is all there is: each asking costs two changes of threads
        content, handle = answered(lambda call: _begun(path, call), path.parent)
    except OSError as error:
        raise PictureError(_why(error, "opened"), path=path, may_pass=True) from error
    hangs = False
    try:
        while content:
            yield content
            if handle is None:
                break
            content = answered(lambda call: os.read(handle, _CHUNK), path.parent)
    except OSError as error:
        hangs = isinstance(error, NoAnswerError)
        raise PictureError(_why(error, "read"), path=path, may_pass=True) from error
    finally:
        if handle is not None and not hangs:  # or closing it would hang as well
            os.close(handle)


def read_head(path: Path, size: int = 512) -> bytes:
    """The first bytes of a file, which tell what it is.

    Raises:
        OSError: it cannot be read, or does not answer.
    """

    def read(call: Call[bytes]) -> bytes:
        handle = _opened(path, call)
        try:
            return os.read(handle, size)
        finally:
            os.close(handle)

    return answered(read, path.parent)


def _whole(path: Path, call: Call[bytes]) -> bytes:
    handle = _opened(path, call, limit=MAX_BYTES)
    try:
        chunks = []
        left = MAX_BYTES
        while chunk := os.read(handle, min(_CHUNK, left + 1)):
            call.beat()
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:  # it grows, or is none that has a size
                raise _too_large()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)
    finally:
        os.close(handle)


def _begun(path: Path, call: Call[tuple[bytes, int | None]]) -> tuple[bytes, int | None]:
    """The first bytes of a file, and a descriptor where there may be more."""
    handle = _opened(path, call)
    chunks, left = [], _CHUNK
    try:
        while left and (chunk := os.read(handle, left)):
            call.beat()
            chunks.append(chunk)
            left -= len(chunk)
    except OSError as error:
        os.close(handle)
        raise PictureError(_why(error, "read"), path=path, may_pass=True) from error
    if left:
        os.close(handle)
    return b"".join(chunks), None if left else handle


def _opened(path: Path, call: Call[Any], limit: int | None = None) -> int:
    """A descriptor of a regular file: the kind is looked at first, as opening can do things to a
    device."""
    found = os.stat(path)
    call.at(found.st_dev)
    if not stat.S_ISREG(found.st_mode):
        raise PictureError("not a file" if stat.S_ISDIR(found.st_mode) else "not a regular file")
    if limit is not None and found.st_size > limit:
        raise _too_large()
    return os.open(path, os.O_RDONLY | _FLAGS)


def _too_large() -> PictureError:
    return PictureError(f"larger than {MAX_BYTES // 2**20} MB")


def _why(error: OSError, what: str) -> str:
    reason = error.strerror or type(error).__name__
    return reason if isinstance(error, NoAnswerError) else f"cannot be {what}: {reason.lower()}"
