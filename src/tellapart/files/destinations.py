"""Where named files are put so that each is seen whole or not at all: a folder, or an address such
as `s3://bucket/folder` that fsspec knows."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ..errors import DestinationError, UsageError
from ..text import shown
from .addresses import asked, filesystem, is_address, reason_of
from .atomic import cannot_write, check_writable, chosen_with, sync, write_atomically

SETTING = "to"  # the setting that says where
# What puts a file in one step; elsewhere it is renamed when it is whole.
_OBJECTS = frozenset(
    ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss", "hf", "memory")
)


class Destination(Protocol):
    """Names with `/` between their parts -> files. It can be pickled, and any thread may ask."""

    name: str

    def names(self) -> list[str]:
        """What is directly in it, in order: none where it is not there yet."""
        ...

    def size(self, name: str) -> int | None:
        """The bytes of a file; None where it is not there."""
        ...

    def read(self, name: str) -> bytes | None:
        """A small file; None where it is not there."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, over another if need be: whole, or not at all."""
        ...

    def remove(self, name: str) -> None:
        """Take a file away, if it is there."""
        ...


def destination_at(place: str | os.PathLike[str]) -> Destination:
    """The folder of that path, or what is at an address; nothing is made yet.

    Raises:
        DestinationError: it cannot be written to, as far as can be told before.
        MissingExtraError: an address, and what knows such is not installed.
    """
    text = os.fspath(place)
    if text in ("", "-"):  # of a variable that is not set, or what means standard output elsewhere
        raise DestinationError(
            f"{shown(text)!r} is no folder.", hint=f"Name the folder{chosen_with(SETTING)}."
        )
    if isinstance(place, str) and is_address(text):
        if not text.startswith("file://"):
            return _Address(text)
        text = text.removeprefix("file://")
    return _Folder(Path(text))


def check_reached(address: str) -> None:
    """See that an address answers, before anything is put there.

    Raises:
        DestinationError: it does not, or there is no such bucket, or no such scheme.
        MissingExtraError: what knows such addresses is not installed.
    """
    place = destination_at(address)
    if not place.names() and isinstance(place, _Address):
        place.check_bucket()


class _Folder:
    """A folder of this machine, which is made when the first file is put there."""

    def __init__(self, path: Path) -> None:
        self.name = os.fspath(path)
        self._path = Path(os.path.abspath(path))  # whoever works elsewhere stands elsewhere
        if os.path.lexists(path) and not os.path.isdir(path):
            raise DestinationError(
                f"{shown(path)} is no folder.", hint=f"Choose another place{chosen_with(SETTING)}."
            )
        check_writable(self._path, SETTING, inside=True)

    def names(self) -> list[str]:
        try:
            return sorted(os.listdir(self._path))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._cannot(error, "read") from error

    def size(self, name: str) -> int | None:
        try:
            return os.stat(self._path / name).st_size
        except OSError:
            return None

    def read(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._cannot(error, "read") from error

    def write(self, name: str, content: bytes) -> None:
        path = self._path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except OSError as error:
            raise cannot_write(path, error, SETTING) from error

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._path / name)
            sync(self._path)

    def _cannot(self, error: OSError, what: str) -> DestinationError:
        reason = (error.strerror or type(error).__name__).lower()
        return DestinationError(f"{shown(self.name)} cannot be {what}: {reason}.")


class _Address:
    """A place that fsspec knows."""

    def __init__(self, address: str) -> None:
        self.name = address
        self._place()

    def _place(self) -> tuple[Any, str]:
        """The file system, and the path of this place in it."""
        try:
            system, root = filesystem(self.name)
        except UsageError as error:
            protocol = self.name.partition("://")[0]
            raise DestinationError(
                f"{shown(self.name)} is no address that can be written to: {protocol}:// is not "
                "known.",
                hint=f"Choose another place{chosen_with(SETTING)}.",
            ) from error
        except (OSError, EOFError) as error:
            raise self._cannot(error, "reached") from error
        return system, root.rstrip("/")

    def names(self) -> list[str]:
        system, root = self._place()
        system.invalidate_cache()  # another run may have put something there
        try:
            found = asked(self.name, lambda: system.ls(root, detail=False))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._cannot(error, "read") from error
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def size(self, name: str) -> int | None:
        system, root = self._place()
        system.invalidate_cache()
        try:
            return int(asked(self.name, lambda: system.info(f"{root}/{name}"))["size"])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._cannot(error, "read") from error

    def read(self, name: str) -> bytes | None:
        system, root = self._place()
        try:
            return bytes(asked(self.name, lambda: system.cat_file(f"{root}/{name}")))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._cannot(error, "read") from error

    def write(self, name: str, content: bytes) -> None:
        system, root = self._place()
        path = f"{root}/{name}"
        try:  # however long it takes: its size alone says nothing of that
            if not _OBJECTS.isdisjoint(_protocols(system)):
                system.pipe_file(path, content)
                return
            folder, _, base = path.rpartition("/")
            part = f"{folder}/.{base}.part"
            system.makedirs(folder, exist_ok=True)
            system.pipe_file(part, content)
            system.mv(part, path)
        except Exception as error:  # each service has errors of its own
            raise self._cannot(OSError(None, reason_of(error, "take")), "written") from error

    def remove(self, name: str) -> None:
        system, root = self._place()
        try:
            asked(self.name, lambda: system.rm_file(f"{root}/{name}"))
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._cannot(error, "written") from error

    def check_bucket(self) -> None:
        """Raises DestinationError where nothing can be put, since there is no such bucket."""
        system, root = self._place()
        bucket = root.lstrip("/").partition("/")[0]
        if _protocols(system).isdisjoint(_OBJECTS - {"memory"}):
            return  # where folders are made as they are needed
        try:
            asked(self.name, lambda: system.ls(bucket, detail=False))
        except FileNotFoundError as error:
            there_is_none = OSError(None, f"there is no bucket {bucket}")
            raise self._cannot(there_is_none, "reached") from error
        except OSError:
            return  # who may not list it may still write into it

    def _cannot(self, error: Exception, what: str) -> DestinationError:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return DestinationError(
            f"{shown(self.name)} cannot be {what}: {shown(said)}.",
            hint=f"Look at the address and at what you may do there, or choose another "
            f"place{chosen_with(SETTING)}.",
        )


def _protocols(system: Any) -> set[str]:
    protocol = system.protocol
    return {protocol} if isinstance(protocol, str) else set(protocol)
