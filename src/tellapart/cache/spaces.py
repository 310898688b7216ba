"""What is done with the embeddings of all spaces: told, checked, deleted."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from ..files.leftovers import TEMPORARY
from . import index, shardfile
from .folder import SpaceInfo, address_of, cache_folder, delete
from .known import look
from .merging import merge_small, rescue
from .shardfile import Reader, read_head, set_aside

_ROWS = 1024  # that are checked at a time


def spaces_info(folder: Path | None = None, *, check: bool = False) -> list[SpaceInfo]:
    """What is kept, space by space. With `check` every row is held against its checksum; damaged
    shards are set aside and counted."""
    return [_space_info(space, check=check) for space in _spaces(folder)]


def merge_spaces(folder: Path | None = None) -> None:
    """Merge the small shards of every space into large ones; those of a copy stay as they were
    fetched."""
    for space in _spaces(folder) if not address_of(folder or cache_folder()) else ():
        merge_small(space)


def clear_spaces(folder: Path | None = None) -> int:
    """Delete all embeddings, and nothing else; returns the bytes freed."""
    freed = 0
    for space in _spaces(folder):
        ours = [
            path
            for path in space.iterdir()
            if path.suffix in {shardfile.SUFFIX, shardfile.ASIDE, index.SUFFIX}
            or path.name.startswith(TEMPORARY)
        ]
        freed += sum(map(delete, ours))
        with suppress(OSError):  # something else is in there
            space.rmdir()
    return freed


def _spaces(folder: Path | None) -> list[Path]:
    root = (folder or cache_folder()) / "embeddings"
    try:
        return sorted(path for path in root.iterdir() if path.is_dir())
    except OSError:
        return []


def _space_info(space: Path, *, check: bool) -> SpaceInfo:
    damaged = _set_damaged_aside(space) if check else []
    known = look(space, mend=False)
    indexes = []
    for path in space.glob(f"*{index.SUFFIX}"):
        with suppress(OSError):  # another process has written a new one
            indexes.append(path.stat().st_size)
    size = sum(shard.size for shard in known.shards) + sum(indexes)
    return SpaceInfo(
        space.name,
        len(known.shards) + len(indexes),
        known.pictures(),
        size,
        len(damaged) + len(known.damaged),
        tuple(str(_now_at(path)) for path in [*damaged, *known.damaged]),
    )


def _now_at(path: Path) -> Path:
    """Where a damaged file is, which may have been set aside."""
    aside = path.with_suffix(shardfile.ASIDE)
    return aside if aside.exists() else path


def _set_damaged_aside(space: Path) -> list[Path]:
    """Hold every row against its checksum; returns where the damaged files were."""
    damaged = []
    reader = Reader(space)
    for path in sorted(space.glob(f"*{shardfile.SUFFIX}")):
        try:
            head = read_head(path)
            for start in range(0, head.shard.rows, _ROWS):
                rows = np.arange(start, min(start + _ROWS, head.shard.rows))
                reader.rows(head.shard, rows, head.digests[rows], head.checksums[rows])
        except FileNotFoundError:  # merged by another process
            continue
        except (OSError, ValueError):
            damaged.append(path)
            rescue(path)
    for path in space.glob(f"*{index.SUFFIX}"):
        try:
            index.read_index(path)
        except ValueError:
            damaged.append(path)
            set_aside(path)
        except OSError:
            continue
    return damaged
