"""A folder as one zip, written piece by piece: nothing of it is kept on a disk or whole in memory.

The same files give the same bytes: names in order, and no time of writing.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PIECE = 1 << 20  # bytes of a file at a time
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a zip can say
_WRITTEN: Final = "w"  # as a zip is told it: the bytes are a file's own, and no text
_PACKED = {".jpg", ".jpeg", ".png", ".webp", ".npz", ".gz", ".zip", ".onnx"}  # as small as can be


class _Sink(io.RawIOBase):
    """What was written since it was last asked; it cannot go back, so a zip is made for that."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def zipped(folder: Path, name: str) -> Iterator[bytes]:
    """The bytes of a zip of all files below `folder`, each under `name/` in it. Links are left out.

    Raises:
        OSError: a file cannot be read.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            called = f"{name}/{path.relative_to(folder).as_posix()}"
            row = zipfile.ZipInfo(called, _EARLIEST)
            row.external_attr = 0o644 << 16
            row.file_size = path.stat().st_size  # so that it knows of more than 2 GB beforehand
            if path.suffix.lower() not in _PACKED:
                row.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(row, _WRITTEN) as target:
                while piece := source.read(_PIECE):
                    target.write(piece)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()
