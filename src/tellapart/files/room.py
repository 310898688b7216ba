"""Room for an array that is too large for memory: a file of its own, which is gone with the array.

The file is in the system's temporary folder. It has its whole size from the beginning: a page that
a full disk has no place for would end the process when it is written.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import DestinationError
from .workspaces import Workspace

LARGE = 100_000_000  # values of an array, above which it lies in a file
_ZEROS = 16_000_000  # bytes that are written at once


def room(rows: int, columns: int) -> np.ndarray:
    """An array to be filled, float32 `[rows,columns]`: in memory, or in a file where it has more
    than `LARGE` values.

    Raises:
        DestinationError: the disk is full, or cannot be written to.
    """
    if rows * columns <= LARGE:
        return np.empty((rows, columns), np.float32)
    workspace = Workspace()
    size = rows * columns * 4
    try:
        with workspace.filling() as folder:
            path = folder / "array"
            _take(path, size)
            found = np.memmap(path, np.float32, "r+", shape=(rows, columns))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise DestinationError(
            f"{rows:,} pictures need {size / 1e9:.1f} GB in the temporary folder "
            f"{workspace.folder.parent}: {reason}.",
            hint="Free some space, or name a folder on a larger disk with TMPDIR.",
        ) from error
    found._workspace = workspace  # type: ignore[attr-defined]  # as long as there is the array
    return found


def _take(path: Path, size: int) -> None:
    """Make a file that has its place on the disk."""
    with path.open("xb", buffering=0) as stream:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
            return
        zeros = bytes(_ZEROS)
        for at in range(0, size, _ZEROS):
            stream.write(zeros[: size - at])
