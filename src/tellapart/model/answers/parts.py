"""The unit of work that answers parts: numbered runs of pictures in, a shard of each out, counts.

A shard is put into its place whole, and then a record that says of which pictures it is made. A
part whose record and shard are there is not done again, so work that was killed anywhere goes on
from there. A shard is made of its part alone, so its bytes are the same whoever made it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ...cache.folder import cache_folder as default_folder
from ...cache.parts import Caution
from ...errors import GO_ON, DestinationError, PictureError, ServerError, UsageError, option
from ...files.destinations import SETTING, Destination
from ...images.decode import Picture, Stored
from ...text import shown
from ...workers.deadlines import answered
from ...workers.local import batches_of, local_map
from ...workers.parts import Counts, Part
from ..classifier import Classifier
from ..observe import BATCH, Observation, Observer
from .forms import FORMS
from .rows import Table, row_of

# Readers of tables pass over what begins with _.
RECORDS = "_parts"
SUCCESS = "_SUCCESS"
_MISSED = 3  # pictures in a row whose server cannot be reached, after which it is not asked again


@dataclass(frozen=True)
class Named:
    """A picture, and what its row calls it."""

    name: str
    picture: Picture


@dataclass(frozen=True)
class Record:
    """What is kept of a part that is done, as JSON.

    Attributes:
        named: the sha256 of its pictures' names.
        stamped: the same, with what changes when their content does.
        sha256: of its shard.
        size: the bytes of its shard.
        read: pictures that could be read.
        unreadable: pictures that could not.
        may_pass: those of them of which another try may succeed.
    """

    named: str
    stamped: str
    sha256: str
    size: int
    read: int
    unreadable: int
    may_pass: int

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), indent=2).encode("ascii")

    @classmethod
    def from_bytes(cls, content: bytes) -> Record | None:
        """None where it is damaged, or of another release: then its part is done again."""
        try:
            return cls(**json.loads(content))
        except (ValueError, TypeError):
            return None


class _Reaching(Observer):
    """An observer that gives up where a server is gone: each picture is asked for several times, so
    to find that out anew of each of many would take hours. `told` is called after each picture."""

    def __init__(self, classifier: Classifier, cache_folder: Path) -> None:
        super().__init__(classifier, cache_folder)
        self.told: Callable[[], None] = _tell_nobody
        self._missed = 0  # of those that were looked at last, by any thread
        self._gone: ServerError | None = None

    def _embedded(self, picture: Picture) -> tuple[np.ndarray, str] | PictureError:
        if self._gone:
            raise self._gone
        found = super()._embedded(picture)
        self.told()
        if not isinstance(found, PictureError) or not found.unreached:
            self._missed = 0
            return found
        self._missed += 1
        if self._missed >= _MISSED:
            name = named(picture, 0).name
            self._gone = ServerError(f"{shown(name)}: {found.message}.", hint=GO_ON)
            raise self._gone
        return found


class AnswerParts:
    """The unit: `process(parts)` writes the shard of each part, unless it is there, and counts.

    All threads of the process work at one part, so a copy in a process of one thread works alone.
    """

    def __init__(
        self,
        classifier: Classifier,
        destination: Destination,
        form: str,
        *,
        top: int | None = None,
        embedding: bool = False,
        was_whole: bool = False,
        cache_folder: Path | None = None,
    ) -> None:
        """`was_whole` says that the mark of success is there."""
        self._folder = (cache_folder or default_folder()).absolute()
        self._reaching = _Reaching(replace(classifier, _record=None), self._folder)
        self._observer: Observer = self._reaching
        self._destination = destination
        self._form = FORMS[form]
        self._embedding = embedding
        self._table = Table(classifier.labels, classifier.digest, top)
        self._was_whole = was_whole

    def telling(self, told: Callable[[], None]) -> None:
        """Call this after each picture that is looked at, from any thread."""
        self._reaching.told = told

    def start(self) -> None:
        self._observer.start()
        if self._embedding:
            blank = np.zeros((8, 8, 3), np.uint8)
            (one,) = self._observer.classifier.run(blank, ["embedding"])
            self._table = replace(self._table, width=len(one))

    def process(self, batch: Sequence[Part[Named]]) -> list[Counts]:
        return [self._done(part) for part in batch]

    def finish(self) -> None:
        self._observer.finish()

    def _done(self, part: Part[Named]) -> Counts:
        began = time.monotonic()
        shard, record = self._form_of(part.number), f"{RECORDS}/{name_of(part.number)}.json"
        names = [one.name for one in part.pictures]
        pictures = [one.picture for one in part.pictures]
        named = _hashed(names)
        stamped = _hashed([named, *map(_stamp, pictures)])
        known = self._known(record, shard, names, stamped)
        if known:
            count = known.read + known.unreadable
            seconds = time.monotonic() - began
            return Counts(known.read, known.unreadable, count, seconds, shard)
        if self._was_whole:
            self._destination.remove(SUCCESS)
            self._was_whole = False
        rows, passing = [], 0
        caution = Caution(stamped, part.attempt, self._folder)
        for name, found in zip(names, self._seen(pictures, caution), strict=True):
            rows.append(row_of(name, found, embedding=self._embedding))
            passing += isinstance(found, PictureError) and found.may_pass
        content = self._form.encode(rows, self._table)
        unreadable = sum(row.scores is None for row in rows)
        read = len(rows) - unreadable
        self._destination.write(shard, content)
        digest = hashlib.sha256(content).hexdigest()
        kept = Record(named, stamped, digest, len(content), read, unreadable, passing)
        self._destination.write(record, kept.to_bytes())
        caution.over()
        return Counts(read, unreadable, 0, time.monotonic() - began, shard)

    def _seen(
        self, pictures: Sequence[Picture], caution: Caution
    ) -> Iterator[Observation | PictureError]:
        if caution.is_careful:
            for position, picture in enumerate(pictures):
                try:
                    caution.check(position)
                except PictureError as error:
                    yield error
                else:
                    yield from self._observer.process([picture])
            return
        every = batches_of(pictures, BATCH)
        with closing(local_map(_Open(self._observer), every)) as found:
            yield from found

    def _known(self, record: str, shard: str, names: Sequence[str], stamped: str) -> Record | None:
        """The record of a part that need not be done again. One that held fewer pictures has grown
        at its end if it begins with these: then it is done again, whole."""
        content = self._destination.read(record)
        found = Record.from_bytes(content) if content else None
        if found is None:
            return None
        before = found.read + found.unreadable
        if before < len(names) and found.named == _hashed(names[:before]):
            return None
        if found.named != _hashed(names):
            raise DestinationError(
                f"{shown(self._destination.name)} holds answers about other pictures, or in "
                f"another order: those in {shard} are not those that are given now.",
                hint=f"Give the same pictures to go on, or choose another "
                f"place{option(SETTING, lead=' with ')}.",
            )
        is_same = found.stamped == stamped and found.may_pass == 0
        return found if is_same and self._destination.size(shard) == found.size else None

    def _form_of(self, number: int) -> str:
        return f"{name_of(number)}{self._form.suffix}"


@dataclass(frozen=True)
class _Open:
    """An observer that is open already, and stays so."""

    observer: Observer

    def start(self) -> None:
        """It has begun."""

    def process(self, batch: Sequence[Picture]) -> list[Observation | PictureError]:
        return self.observer.process(batch)

    def finish(self) -> None:
        """It is needed again."""


def _tell_nobody() -> None:
    """Nobody asked."""


def name_of(number: int) -> str:
    """What the files of a part are called, without their ending."""
    return f"part-{number:05d}"


def named(picture: Picture, number: int) -> Named:
    """A picture for whoever works elsewhere, called as it was given, or by its place among all from
    0 on if it has no name."""
    if isinstance(picture, str | os.PathLike):
        return Named(os.fsdecode(picture), Path(os.fsdecode(picture)).absolute())
    name = picture.name if isinstance(picture, Stored) else f"picture-{number:06d}"
    return Named(name, picture)


def _stamp(picture: Picture) -> str:
    """What changes when a picture's content does; empty of a file that cannot be looked at."""
    if isinstance(picture, str | os.PathLike):
        path = os.fspath(picture)
        try:
            found = answered(lambda call: os.stat(path), os.path.dirname(path))
        except (OSError, ValueError):
            return ""
        return f"{found.st_size}+{found.st_mtime_ns}"
    if isinstance(picture, Stored):
        return picture.stamp()
    if isinstance(picture, bytes | bytearray | memoryview):
        return hashlib.sha256(picture).hexdigest()
    if isinstance(picture, np.ndarray):
        content = np.ascontiguousarray(picture)
        return f"{content.shape}{content.dtype}{hashlib.sha256(content.tobytes()).hexdigest()}"
    raise UsageError(
        f"A picture whose answer is to be written is a path, bytes or an array, not "
        f"{type(picture).__name__}: it is read again if the work has to go on later."
    )


def _hashed(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "backslashreplace") + b"\0")
    return digest.hexdigest()
