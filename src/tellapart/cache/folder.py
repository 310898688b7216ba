"""What is kept between runs, because making it again takes time: embeddings in `shards`, all else
in `stores`. Where nothing can be written nothing is kept, and nothing fails."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SpaceInfo:
    """What one space or store of the cache holds."""

    space: str
    shards: int  # files
    pictures: int
    size: int  # bytes
    damaged: int = 0  # files


def cache_folder() -> Path:
    """Where the cache is: `$TELLAPART_CACHE`, or the system's place for caches."""
    chosen = os.environ.get("TELLAPART_CACHE")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("tellapart")


def delete(path: Path) -> int:
    """Delete a file of the cache; returns the bytes freed."""
    with suppress(OSError):
        size = path.stat().st_size
        path.unlink()
        return size
    return 0
