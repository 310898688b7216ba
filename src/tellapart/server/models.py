"""The models that are served, each under its name, and what takes their place on the disk."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..errors import ModelError, UsageError
from ..model.classifier import Classifier, load
from ..model.folder import MODEL_FILE, TRAINING_FILE
from ..text import shown
from ..to_json.serving import served
from ..to_json.shapes import Served
from .problems import HttpError
from .records.account import account

EVERY = 0.5  # seconds between two looks at the files
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")  # stands in an address as it is
_BLANK = np.full((64, 64, 3), 128, np.uint8)  # a picture to warm a session with

Signature: TypeAlias = "tuple[tuple[int, ...] | None, ...]"


def places_of(given: Sequence[str]) -> dict[str, Path]:
    """The models that a command line names, each `NAME=MODEL` or a model alone, which has the name
    of its folder, or of its file where that is not called model.onnx.

    Raises:
        UsageError: a name that cannot stand in an address, or two alike.
    """
    places: dict[str, Path] = {}
    for one in given:
        name, place = _named(one)
        if not _NAME.fullmatch(name) or name in (".", ".."):
            raise UsageError(
                f"{shown(name) or shown(place)} cannot be a model's name in an address: it may "
                "have letters from a to z, digits, and . _ - only.",
                hint=f"Give it a name: NAME={shown(place)}.",
            )
        if name in places:
            raise UsageError(
                f"Two models are called {name}: {shown(places[name])} and {shown(place)}.",
                hint="Give each its own name: NAME=MODEL.",
            )
        places[name] = place
    return places


def _named(given: str) -> tuple[str, Path]:
    name, equals, place = given.partition("=")
    if equals and os.sep not in name and not os.path.exists(given):
        return name, Path(place)
    path = Path(os.path.abspath(given))  # a link has a name of its own
    is_other_file = path.suffix == ".onnx" and path.name != MODEL_FILE
    if is_other_file:
        return path.stem, Path(given)
    return (path.parent if path.name == MODEL_FILE else path).name, Path(given)


@dataclass(frozen=True)
class Model:
    """A model as it was loaded; requests keep it until they are answered."""

    name: str
    classifier: Classifier
    default: bool
    _file: Path = field(repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @cached_property
    def written(self) -> float | None:
        """When its file was written, in seconds since 1970."""
        with suppress(OSError):
            return self._file.stat().st_mtime
        return None

    def described(self) -> Served:
        """What a client may know of it. The first call reads the training record, and keeps none
        of it."""
        with self._lock:
            return self._described

    @cached_property
    def _described(self) -> Served:
        passing = replace(self.classifier)  # the record goes with it
        return served(self.name, passing, default=self.default, written=self.written)


class Models:
    """The models by name; the first is the one that is asked where no name is said.

    Where a model's files are replaced, `look` loads what is there now and has it ready before it
    takes the old one's place; while what is there cannot be loaded, the old one goes on answering.
    """

    def __init__(
        self,
        places: Mapping[str, Path],
        *,
        tell: Callable[[str], None] = lambda _: None,
        replaced: Callable[[str, bool], None] = lambda _, __: None,
    ) -> None:
        """Load them all. `tell` is given sentences on what becomes of the files; `replaced` a
        model's name, and whether what is in its place now could be loaded.

        Raises:
            ModelError: one cannot be loaded.
        """
        self.places = dict(places)
        self.tell = tell
        self.replaced = replaced
        self._files = {name: _files_of(place) for name, place in places.items()}
        self._seen = {name: _signature(files) for name, files in self._files.items()}
        self._loaded = {name: self._load(name) for name in places}
        self._taken = dict(self._seen)  # the files that were loaded, or could not be
        self._stale: set[str] = set()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.places)

    @property
    def stale(self) -> frozenset[str]:
        """The names of models whose files are gone or damaged, so that the old ones answer."""
        return frozenset(self._stale)

    def get(self, name: str = "") -> Classifier:
        """The model of a name, or the first.

        Raises:
            HttpError: 404 where there is none of that name.
        """
        found = self.model(name)
        account().model = found.name
        return found.classifier

    def model(self, name: str = "") -> Model:
        """The same, with what is known of it.

        Raises:
            HttpError: 404 where there is none of that name.
        """
        try:
            return self._loaded[name or self.names[0]]
        except KeyError:
            raise HttpError(
                404,
                f"There is no model {shown(name)} here.",
                hint=f"There are: {', '.join(self.names)}.",
            ) from None

    def watch(self) -> None:
        """Look at the files from now on, in a thread of its own."""
        if self._thread is None:
            self._end.clear()
            self._thread = threading.Thread(target=self._watching, name="models", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Look at the files no more."""
        self._end.set()
        if self._thread:
            self._thread.join(EVERY)  # one that is loading ends with the process
            self._thread = None

    def _watching(self) -> None:
        while not self._end.wait(EVERY):
            self.look()

    def look(self) -> None:
        """Load what has been replaced. What differs from the last look may still be being written,
        and is left to the next."""
        for name, files in self._files.items():
            before, now = self._seen[name], _signature(files)
            self._seen[name] = now
            if now == before and now != self._taken[name]:
                self._taken[name] = now
                self._take(name)

    def _take(self, name: str) -> None:
        try:
            fresh = self._load(name)
            fresh.classifier.prepare().predict(_BLANK)  # before anyone waits for it
        except Exception as error:  # whatever it is, the others and the old one go on
            if not isinstance(error, ModelError):
                error = ModelError(f"{shown(self.places[name])} cannot be loaded: {error}.")
            self._stale.add(name)
            self.replaced(name, False)
            self.tell(f"{error.message} The model {name} of before goes on answering.")
            return
        changed = fresh.classifier.digest != self._loaded[name].classifier.digest
        self._loaded[name] = fresh
        self.replaced(name, True)
        what = "a new model answers" if changed else "the same model was read again"
        self.tell(f"{shown(self.places[name])} was replaced: {what} as {name}.")
        self._stale.discard(name)

    def _load(self, name: str) -> Model:
        file = self._files[name][0]
        return Model(name, load(self.places[name]), name == self.names[0], file)


def _files_of(place: Path) -> tuple[Path, Path]:
    """The files that a model is made of."""
    file = place / MODEL_FILE if os.path.isdir(place) else place
    return file, file.parent / TRAINING_FILE


def _signature(files: Sequence[Path]) -> Signature:
    """What changes when one of the files does, however it is replaced; None for one that is not
    there."""
    found: list[tuple[int, ...] | None] = []
    for file in files:
        try:
            at = os.stat(file)
        except OSError:
            found.append(None)
        else:
            found.append((at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns))
    return tuple(found)
