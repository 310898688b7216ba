"""A model's place on the disk looked at again and again -> the model that has taken its place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from .folder import MODEL_FILE, TRAINING_FILE

Signature: TypeAlias = "tuple[tuple[int, ...] | None, ...]"


class _Loaded(Protocol):
    @property
    def digest(self) -> str: ...


_Model = TypeVar("_Model", bound=_Loaded)


class ModelOnDisk(Generic[_Model]):
    """A model folder, or a model file alone, and what its files were like when they were read.

    `loaded` is a model that was loaded from there already; whether its file is still that one is
    told by its digest at the first look.
    """

    def __init__(
        self, path: Path, load: Callable[[Path], _Model], loaded: _Model | None = None
    ) -> None:
        self.path = path
        self._load = load
        self._given = loaded
        self._read: Signature = ()  # the files that were loaded, or could not be
        self._seen: Signature = ()  # at the last look

    @property
    def file(self) -> Path:
        """The model file."""
        return self.path / MODEL_FILE if os.path.isdir(self.path) else self.path

    def load(self) -> _Model:
        """The model that is there now.

        Raises:
            ModelError, UsageError: it cannot be loaded, or used as asked.
        """
        self._read = self._seen = self._signature()
        return self._load(self.path)

    def newer(self) -> _Model | None:
        """What has taken the model's place, once nobody is writing it any more: its files are the
        same as at the last look. None where nothing has.

        Raises:
            ModelError, UsageError: as `load`, also where there is none any more; once for the same
                files.
        """
        before, self._seen = self._seen, self._signature()
        if self._given is not None and self._is_file_of(self._given):
            self._read = self._seen
        self._given = None
        if self._seen == self._read or self._seen != before:
            return None
        return self.load()

    def _is_file_of(self, model: _Model) -> bool:
        try:
            return hashlib.sha256(self.file.read_bytes()).hexdigest() == model.digest
        except OSError:
            return False

    def _signature(self) -> Signature:
        """What changes when one of the files does, however it is replaced; None for one that is not
        there."""
        return tuple(_state(file) for file in (self.file, self.file.parent / TRAINING_FILE))


def _state(file: Path) -> tuple[int, ...] | None:
    try:
        at = os.stat(file)
    except OSError:
        return None
    return at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns
