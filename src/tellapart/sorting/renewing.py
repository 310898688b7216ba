"""A model's folder looked at again and again -> the model that has taken its place there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from ..model.folder import MODEL_FILE

_Model = TypeVar("_Model")
_Stamp = tuple[int, int, int, int]


class ModelOnDisk(Generic[_Model]):
    """A model folder, or a model file alone, and what it was like when it was loaded."""

    def __init__(self, path: Path, load: Callable[[Path], _Model]) -> None:
        self.path = path
        self._load = load
        self._loaded: _Stamp | None = None
        self._seen: _Stamp | None = None

    def load(self) -> _Model:
        """The model that is there now.

        Raises:
            ModelError, UsageError: it cannot be loaded, or used as asked.
        """
        self._loaded = self._seen = self._stamp()
        return self._load(self.path)

    def renewed(self) -> _Model | None:
        """Another model that is there by now, once nobody is writing it any more: its file is the
        same as at the last look. None where it is that which was loaded, or none at all.

        Raises:
            ModelError, UsageError: as `load`; only once for each file.
        """
        before, self._seen = self._seen, self._stamp()
        if self._seen is None or self._seen == self._loaded or self._seen != before:
            return None
        return self.load()

    def _stamp(self) -> _Stamp | None:
        is_folder = os.path.isdir(self.path)
        try:
            found = os.stat(self.path / MODEL_FILE if is_folder else self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
