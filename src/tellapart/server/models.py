"""The models that are served, each under its name, and what takes their place on the disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..model.classifier import Classifier, load
from ..model.on_disk import ModelOnDisk
from ..text import shown
from ..to_json.serving import served
from ..to_json.shapes import Served
from .names import UnknownModelError

_log = logging.getLogger(__name__)

EVERY = 0.5  # seconds between two looks at the files
_BLANK = np.full((64, 64, 3), 128, np.uint8)  # a picture to warm a session with


@dataclass(frozen=True)
class Model:
    """A model as it was loaded; requests keep it until they are answered."""

    name: str
    classifier: Classifier
    default: bool
    _file: Path = field(repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @cached_property
    def modified(self) -> float | None:
        """When its file was written, in seconds since 1970."""
        with suppress(OSError):
            return self._file.stat().st_mtime
        return None

    def described(self) -> Served:
        """What a client may know of it. The first call reads the training record, and keeps none
        of it."""
        with self._lock:
            return self._described

    @property
    def is_described(self) -> bool:
        """Whether `described` answers at once."""
        return "_described" in vars(self)

    @cached_property
    def _described(self) -> Served:
        passing = replace(self.classifier)  # the record goes with it
        return served(self.name, passing, default=self.default, modified=self.modified)


class Models:
    """The models by name; the first is the one that is asked where no name is said.

    While they are watched, a model whose files are replaced is loaded anew, and has its network
    open before it takes the old one's place; while what is there cannot be loaded, the old one goes
    on answering.
    """

    def __init__(self, places: Mapping[str, Path]) -> None:
        """Load them all.

        Raises:
            ModelError: one cannot be loaded.
        """
        self.names = tuple(places)
        self._on_disk = {name: ModelOnDisk(place, load) for name, place in places.items()}
        self._loaded = {name: self._model(name, one.load()) for name, one in self._on_disk.items()}
        self._stale: set[str] = set()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def stale(self) -> frozenset[str]:
        """The names of models whose files are gone or damaged, so that the old ones answer."""
        return frozenset(self._stale)

    def model(self, name: str = "") -> Model:
        """The model of a name, or the first.

        Raises:
            UnknownModelError: there is none of that name.
        """
        try:
            return self._loaded[name or self.names[0]]
        except KeyError:
            raise UnknownModelError(
                f"There is no model {shown(name)} here.",
                hint=f"There are: {', '.join(self.names)}.",
            ) from None

    def watch(self, replaced: Callable[[str, bool], None]) -> None:
        """Look at the files from now on, in a thread of its own; `replaced` is given a model's
        name, and whether what is in its place now could be loaded."""
        if self._thread is None:
            self._end.clear()
            self._thread = threading.Thread(
                target=self._watching, args=(replaced,), name="models", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Look at the files no more."""
        self._end.set()
        if self._thread:
            self._thread.join(EVERY)  # one that is loading ends with the process
            self._thread = None

    def _watching(self, replaced: Callable[[str, bool], None]) -> None:
        while not self._end.wait(EVERY):
            for name, on_disk in self._on_disk.items():
                try:
                    newer = on_disk.newer()
                    if newer:
                        newer.prepare().predict(_BLANK)  # before anyone waits for it
                except Exception as error:  # whatever it is, the others and the old one go on
                    self._keep(name, error)
                    replaced(name, False)
                else:
                    if newer:
                        self._take(name, newer)
                        replaced(name, True)

    def _keep(self, name: str, error: Exception) -> None:
        if not isinstance(error, ModelError):
            place = shown(self._on_disk[name].path)
            error = ModelError(f"{place} cannot be loaded: {error}.")
        self._stale.add(name)
        _log.warning("%s The model %s of before goes on answering.", error.message, name)

    def _take(self, name: str, newer: Classifier) -> None:
        changed = newer.digest != self._loaded[name].classifier.digest
        self._loaded[name] = self._model(name, newer)
        what = "a new model answers" if changed else "the same model was read again"
        _log.info("%s was replaced: %s as %s.", shown(self._on_disk[name].path), what, name)
        self._stale.discard(name)

    def _model(self, name: str, classifier: Classifier) -> Model:
        return Model(name, classifier, name == self.names[0], self._on_disk[name].file)
