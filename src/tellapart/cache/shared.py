"""A cache at an address, such as `s3://bucket/cache`, for machines that share no disk.

Each machine works with a copy, a folder like any cache: what is written there is put to the address
too, and what others have put there is fetched, each file once. The folder's name says which address
it is a copy of; so it says it on every machine, wherever caches are there.
"""

from __future__ import annotations

from pathlib import Path
from random import shuffle

from ..errors import DestinationError
from ..files.atomic import write_atomically
from ..files.destinations import Destination, check_reached, destination_at
from . import shardfile
from .folder import address_of, cache_folder

_AT_ONCE = 8  # files


class SharedSpace:
    """A space of a cache at an address. It asks there when it is made, and when something is
    written; whatever goes wrong with that is said in `trouble`, and the copy goes on alone."""

    def __init__(self, address: str, space: Path) -> None:
        """Fetches what `space`, the folder of the copy, lacks.

        Raises:
            MissingExtraError: what knows such addresses is not installed.
            DestinationError: there is no such address.
        """
        from concurrent.futures import ThreadPoolExecutor

        self.trouble = ""
        self._space = space
        self._there = _place_at(f"{address}/embeddings/{space.name}")
        try:
            names = [name for name in self._there.names() if name.endswith(shardfile.SUFFIX)]
            shuffle(names)  # the workers of a machine fetch at once, and each what no other has
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(self.fetch, names))
        except DestinationError as error:
            self.trouble = error.message.rstrip(".")
        except OSError as error:
            self.trouble = (error.strerror or type(error).__name__).lower()

    def fetch(self, name: str) -> None:
        """Have a shard in the copy, if it is at the address.

        Raises:
            DestinationError: the address does not answer.
            OSError: the copy cannot be written.
        """
        path = self._space / name
        if not path.exists():
            content = self._there.read(name)
            if content is not None:
                self._space.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content)

    def put(self, name: str) -> bool:
        """Put a shard of the copy to the address; whether that could be done."""
        try:
            self._there.write(name, (self._space / name).read_bytes())
        except DestinationError as error:
            self.trouble = error.message.rstrip(".")
            return False
        return True


def _place_at(address: str) -> Destination:
    try:
        return destination_at(address)
    except DestinationError as error:
        raise DestinationError(
            f"The cache cannot be at an address: {error.message}",
            hint="Set TELLAPART_CACHE to a folder, or to another address.",
        ) from error


def sharing_trouble(cache: Path | None = None) -> str:
    """Why nothing can be shared at the address that a cache is at, without a full stop; empty if it
    answers, and where the cache is of this machine alone.

    Raises:
        MissingExtraError: what knows such addresses is not installed.
        DestinationError: there is no such address.
    """
    if address := address_of(cache or cache_folder()):
        _place_at(address)
        try:
            check_reached(address)
        except DestinationError as error:
            return error.message.rstrip(".")
    return ""


def shared_space(cache: Path, space: Path) -> SharedSpace | None:
    """Where others find what is in a space; None where the cache is of this machine alone."""
    address = address_of(cache)
    return SharedSpace(address, space) if address else None
