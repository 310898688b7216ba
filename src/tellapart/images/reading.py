"""The bytes of a picture's file."""

from __future__ import annotations

import stat
from pathlib import Path

from ..errors import PictureError

MAX_BYTES = 256 * 2**20


def read_content(path: Path) -> bytes:
    """The bytes of a regular file of at most `MAX_BYTES`."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise PictureError("not a file" if path.is_dir() else "not a regular file")
        if found.st_size > MAX_BYTES:
            raise PictureError(f"larger than {MAX_BYTES // 2**20} MB")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PictureError(f"cannot be opened: {reason.lower()}") from error
    except ValueError as error:
        raise PictureError("its name holds a character no file name can have") from error
