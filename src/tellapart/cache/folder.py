"""What is kept between runs, because making it again takes time: embeddings in `shards`, all else
in `stores`. Where nothing can be written nothing is kept, and nothing fails."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

_COPY = "copy-of-"  # how the folder begins that is a copy of a cache at an address


@dataclass(frozen=True)
class SpaceInfo:
    """What one space or store of the cache holds."""

    space: str  # its name
    shards: int  # files
    pictures: int  # different ones
    size: int  # bytes
    damaged: int = 0  # files
    damaged_files: tuple[str, ...] = ()  # where they are now


def cache_folder() -> Path:
    """Where the cache is: `$TELLAPART_CACHE`, or the system's place for caches. Of a cache at an
    address, such as `s3://bucket/cache`, the copy on this machine."""
    chosen = os.environ.get("TELLAPART_CACHE", "")
    if "://" in chosen:
        return _systems_place() / (_COPY + quote(chosen.rstrip("/"), safe=""))
    return Path(chosen) if chosen else _systems_place()


def address_of(folder: Path) -> str:
    """The address that a folder is a copy of, which its name says; empty if it is none."""
    address = unquote(folder.name.removeprefix(_COPY))
    return address if folder.name.startswith(_COPY) and "://" in address else ""


def here(folder: Path) -> Path:
    """The same cache on this machine: a copy may have another place than where it was named."""
    return _systems_place() / folder.name if address_of(folder) else folder


def _systems_place() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("tellapart")


def delete(path: Path) -> int:
    """Delete a file of the cache; returns the bytes freed."""
    with suppress(OSError):
        size = path.stat().st_size
        path.unlink()
        return size
    return 0
