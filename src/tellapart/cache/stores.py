"""The folders of the cache beside the embeddings: one row each, and what is done with all of them.

A *sealed* file begins with a checksum of the rest: one that is damaged is made again.
"""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import DestinationError
from ..files.atomic import write_atomically
from ..files.destinations import destination_at
from ..files.leftovers import TEMPORARY
from .folder import SpaceInfo, address_of, cache_folder, delete, here
from .spaces import clear_spaces, merge_spaces, spaces_info

_CHECKSUM = 4  # bytes


@dataclass(frozen=True)
class Store:
    """One folder of the cache. Only files that match `pattern` below it are ours. One that is
    shared is at the address too of which the cache is a copy."""

    name: str
    pattern: str
    is_sealed: bool = False
    is_shared: bool = False

    def folder(self, cache: Path | None = None) -> Path:
        return here(cache or cache_folder()) / self.name

    def read(self, name: str, cache: Path | None = None) -> bytes | None:
        """What was kept under a name; None where that is nothing, or damaged."""
        with suppress(OSError):
            content = self._sealed(name, cache)
            if content[:_CHECKSUM] == _checksum(content[_CHECKSUM:]):
                return bytes(content[_CHECKSUM:])
        return None

    def _sealed(self, name: str, cache: Path | None) -> memoryview:
        """What is in a file, or nothing; what is shared may be newer at the address."""
        if address := self._address(cache):
            with suppress(DestinationError):
                return memoryview(destination_at(address).read(name) or b"")
        return memoryview((self.folder(cache) / name).read_bytes())

    def _address(self, cache: Path | None) -> str:
        address = address_of(cache or cache_folder()) if self.is_shared else ""
        return f"{address}/{self.name}" if address else ""

    def keep(
        self, name: str, content: bytes, cache: Path | None = None, *, lightly: bool = False
    ) -> None:
        """Keep something, sealed; where there is no room, nothing is kept. What is quickly made
        again is kept `lightly`: nothing waits for the disk, and a power cut may lose it."""
        path, sealed = self.folder(cache) / name, _checksum(content) + content
        if address := self._address(cache):
            with suppress(DestinationError):
                destination_at(address).write(name, sealed)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not lightly:
                write_atomically(path, sealed)
                return
            part = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
            try:
                part.write_bytes(sealed)
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)

    def forget(self, name: str, cache: Path | None = None) -> None:
        """Keep no longer what was kept under a name."""
        if address := self._address(cache):
            with suppress(DestinationError):
                destination_at(address).remove(name)
        delete(self.folder(cache) / name)

    def trim(self, most: int) -> int:
        """Delete the oldest files where all take more than `most` bytes, until they take a tenth
        less; returns the bytes freed."""
        found = []
        for path in self._files(None):
            with suppress(OSError):  # another process deletes too
                is_at = path.stat()
                found.append((is_at.st_mtime, is_at.st_size, path))
        size, freed = sum(one[1] for one in found), 0
        if size > most:
            for _, _, path in sorted(found):
                if size - freed <= 0.9 * most:
                    break
                freed += delete(path)
                with suppress(OSError):  # something else is in there
                    path.parent.rmdir()
        return freed

    def info(self, cache: Path | None = None, *, check: bool = False) -> list[SpaceInfo]:
        """One row if it holds anything; with `check` damaged files are counted."""
        files = [path for path in self._files(cache) if not path.name.startswith(TEMPORARY)]
        damaged = [str(path) for path in files if check and self.is_sealed and _is_damaged(path)]
        size = sum(path.stat().st_size for path in files)
        told = SpaceInfo(self.name, len(files), 0, size, len(damaged), tuple(damaged))
        return [told] if files else []

    def clear(self, cache: Path | None = None) -> int:
        """Delete what is kept, and nothing else; returns the bytes freed."""
        files = list(self._files(cache))
        freed = sum(map(delete, files))
        for folder in {*(path.parent for path in files), self.folder(cache)}:
            with suppress(OSError):  # something else is in there, or it is not there
                folder.rmdir()
        with suppress(OSError):
            self.folder(cache).rmdir()
        return freed

    def _files(self, cache: Path | None) -> Iterator[Path]:
        below = self.pattern.rpartition("/")[0]
        for pattern in (self.pattern, f"{below}/{TEMPORARY}*".lstrip("/")):
            with suppress(OSError):
                yield from (path for path in self.folder(cache).glob(pattern) if path.is_file())


NETWORKS = Store("networks", "*.network", is_sealed=True)
COMPILED = Store("templates", "*.template", is_sealed=True)
BROWSER_RUNTIME = Store("onnxruntime-web", "*/ort*")  # by version
FINE_TUNING = Store("fine-tuning", f"{'[0-9a-f]' * 32}/*")  # checkpoints of stopped trainings
THUMBNAILS = Store("thumbnails", "??/*.thumbnail", is_sealed=True)  # by content
STUDIO_KEYS = Store("studio-keys", "*.key")  # of pages that are open; without them: the link again
PARTS = Store("parts", "??/*.part", is_sealed=True, is_shared=True)  # by what their pictures are
STORES = (NETWORKS, COMPILED, BROWSER_RUNTIME, FINE_TUNING, THUMBNAILS, STUDIO_KEYS, PARTS)


def cache_info(folder: Path | None = None) -> list[SpaceInfo]:
    """What the cache holds: embeddings space by space, then the stores."""
    return _info(folder, check=False)


def verify_cache(folder: Path | None = None) -> list[SpaceInfo]:
    """The same, with all that has a checksum held against it; damaged shards are set aside."""
    return _info(folder, check=True)


def merge_cache(folder: Path | None = None) -> list[SpaceInfo]:
    """What the cache holds once the small files of its embeddings are merged into large ones."""
    merge_spaces(folder)
    return cache_info(folder)


def clear_cache(folder: Path | None = None) -> int:
    """Delete all that the cache has written, and nothing else; returns the bytes freed."""
    return clear_spaces(folder) + sum(store.clear(folder) for store in STORES)


def _info(folder: Path | None, *, check: bool) -> list[SpaceInfo]:
    stores = [row for store in STORES for row in store.info(folder, check=check)]
    return spaces_info(folder, check=check) + stores


def _is_damaged(path: Path) -> bool:
    content = memoryview(path.read_bytes())
    return content[:_CHECKSUM] != _checksum(content[_CHECKSUM:])


def _checksum(content: bytes | memoryview) -> bytes:
    return zlib.crc32(content).to_bytes(_CHECKSUM, "big")
