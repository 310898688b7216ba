"""Networks that take a while to build, built once and kept in the user's cache.

A file is named by a hash of all that it is built from, and begins with a checksum and the sha256
of what it holds: one that is damaged, or cannot be written, is built again and nothing fails.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .cache import SpaceInfo, cache_folder
from .files import TEMPORARY, write_atomically
from .version import __version__

_SUFFIX = ".network"
_CHECKSUM = 4  # bytes
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Built:
    """What was built, and its sha256 in hex, which takes a while too."""

    content: bytes
    digest: str


def built_once(origin: str, build: Callable[[], bytes]) -> Built:
    """What `build` returns, from the cache if it was built before from the same `origin`.

    Without an origin it is built each time.
    """
    name = hashlib.sha256(origin.encode()).hexdigest()[:24] + _SUFFIX
    path = _folder(None) / name
    if origin:
        with suppress(OSError):
            kept = unsealed(path.read_bytes())
            if kept:
                return Built(bytes(kept[_DIGEST:]), kept[:_DIGEST].hex())
    content = build()
    digest = hashlib.sha256(content).digest()
    if origin:
        with suppress(OSError):  # no room, or read-only: built again the next time
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, sealed(digest + content))
    return Built(content, digest.hex())


def sealed(content: bytes) -> bytes:
    """With a checksum before it."""
    return _checksum(content) + content


def unsealed(kept: bytes) -> memoryview | None:
    """What was sealed; None where it is damaged."""
    content = memoryview(kept)[_CHECKSUM:]  # no copy
    return content if kept[:_CHECKSUM] == _checksum(content) else None


def code_of(*modules: str) -> str:
    """A hash of the source of some of our modules: what other code has built is not taken."""
    sources = [Path(__file__).with_name(f"{name}.py") for name in modules]
    try:
        return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    except OSError:  # installed without its source
        return __version__


def built_info(folder: Path | None = None, *, check: bool = False) -> list[SpaceInfo]:
    """What is kept, as one row for `tellapart cache info`; `check`: damaged files are counted."""
    files = [path for path in _files(folder) if path.suffix == _SUFFIX]
    damaged = sum(unsealed(path.read_bytes()) is None for path in files) if check else 0
    size = sum(path.stat().st_size for path in files)
    return [SpaceInfo("networks", len(files), 0, size, damaged)] if files else []


def clear_built(folder: Path | None = None) -> int:
    """Delete all that is kept, and nothing else; returns the bytes freed."""
    freed = 0
    for path in _files(folder):
        with suppress(OSError):
            size = path.stat().st_size
            path.unlink()
            freed += size
    with suppress(OSError):  # something else is in there, or it is not there
        _folder(folder).rmdir()
    return freed


def _files(folder: Path | None) -> Iterator[Path]:
    with suppress(OSError):
        for path in _folder(folder).iterdir():
            if path.suffix == _SUFFIX or path.name.startswith(TEMPORARY):
                yield path


def _folder(folder: Path | None) -> Path:
    return (folder or cache_folder()) / "networks"


def _checksum(content: bytes | memoryview) -> bytes:
    return zlib.crc32(content).to_bytes(_CHECKSUM, "big")
