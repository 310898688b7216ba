"""The heap: pictures without a label -> piles of alike ones, and what the model would call each.

    pictures ── embedding (cached) ──┬── piles, until they are named
                                     └── the newest model ── suggestions, the best to ask first

A thread of its own does it, whenever the folder or the model has changed, from the moment when a
page first asks. Embeddings stay in memory, so after each training no picture is read again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol

from ..backbones.embed import Embedder, embed_all
from ..backbones.graph import network_of
from ..backbones.rows import QUALITIES
from ..errors import UsageError
from ..model.classifier import Classifier
from ..model.observe import embedder_of
from ..workers.local import one_thread_each
from .arrangement import Arrangement, Look, Pile, arranged, joined, merged, most_alike, split
from .folder import HEAP, Folder, Kept
from .problems import trouble
from .suggestions import Suggestions, suggestions

_PAUSE = 0.1  # seconds without a change, before it looks
_BREATH = 0.2  # seconds between two reports of progress


class Trains(Protocol):
    """What trains on the folder."""

    @property
    def quality(self) -> str: ...

    @property
    def classifier(self) -> Classifier | None: ...


class _EndedError(Exception):
    """The studio ends."""


class Heap:
    """A thread that keeps piles and suggestions as the folder and the model are."""

    def __init__(
        self, folder: Folder, training: Trains, tell: Callable[[dict[str, object]], None]
    ) -> None:
        self.folder = folder
        self.training = training
        self._tell = tell
        self._lock = threading.RLock()
        self._wake = threading.Condition()
        self._asked = self._revision = 0
        self._ended = False
        self._thread: threading.Thread | None = None
        self._doing: dict[str, object] = {"doing": "piles"}
        self._error = ""
        self._space = ""  # what embedded the looks
        self._looks: dict[int, Look] = {}
        self._versions: dict[int, str] = {}  # of the pictures that were looked at
        self._unreadable: dict[int, str] = {}
        self._arranged = [Arrangement()]  # as it was, and after each split and merge
        self._classifier: Classifier | None = None  # whose suggestions these are
        self._suggestions = Suggestions()
        self._said = 0.0  # when progress was last told

    def ask(self) -> None:
        """The folder or the model has changed."""
        with self._wake:
            self._asked += 1
            self._wake.notify()

    def begin(self) -> None:
        """Start to look, if that was not begun."""
        with self._lock:
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(target=self._run, name="heap", daemon=True)
                self._thread.start()
                self.ask()

    def end(self) -> None:
        with self._wake:
            self._ended = True
            self._wake.notify()

    def state(self) -> dict[str, object]:
        """Piles and suggestions, of what is in the heap now; no label is suggested that the model
        knows and the folder no longer has."""
        with self._lock:
            there = {one.id for one in self.folder.pictures if one.part == HEAP}
            now = self._arranged[-1]
            piles = _left(now.piles, there)
            alike = most_alike(piles)
            known = set(self.folder.labels)
            gone = {n for n, one in enumerate(self._suggestions.labels) if one not in known}
            return {
                **self._doing,
                "error": self._error,
                "revision": self._revision,
                "piles": [[one.number, one.pictures, alike.get(one.number)] for one in piles],
                "apart": [one for one in now.apart if one in there],
                "rearranged": len(self._arranged) > 1,
                "labels": list(self._suggestions.labels),
                "suggestions": [
                    one.to_json()
                    for one in self._suggestions.pictures
                    if one.id in there and gone.isdisjoint(one.labels)
                ],
                "unreadable": [
                    [one, reason] for one, reason in self._unreadable.items() if one in there
                ],
            }

    def split(self, number: int, into: int) -> None:
        """Part a pile by look.

        Raises:
            UsageError: it cannot be.
        """
        self._rearrange(lambda now: split(now, number, into, self._looks))

    def merge(self, first: int, second: int) -> None:
        """Lay two piles together.

        Raises:
            UsageError: they are not two.
        """
        self._rearrange(lambda now: merged(now, first, second, self._looks))

    def undo(self) -> None:
        """Take the last split or merge back.

        Raises:
            UsageError: there is none.
        """
        with self._lock:
            if len(self._arranged) < 2:
                raise UsageError("No pile was split or merged.")
            self._arranged.pop()
            self._new("")

    def _rearrange(self, how: Callable[[Arrangement], Arrangement]) -> None:
        with self._lock:
            there = {one.id for one in self.folder.pictures if one.part == HEAP}
            now = self._arranged[-1]
            left = replace(now, piles=tuple(_left(now.piles, there)))
            self._arranged.append(how(left))
            self._new("")

    def _run(self) -> None:
        done = 0
        while True:
            with self._wake:
                while self._asked == done and not self._ended:
                    self._wake.wait()
                asked = self._asked
                while not self._ended and self._wake.wait(_PAUSE):
                    asked = self._asked
                if self._ended:
                    return
            try:
                self._look()
                self._error = ""
            except _EndedError:
                return
            except Exception as error:  # the page shows it, and the next change tries again
                self._error = " ".join(trouble(error, "The heap could not be looked at."))
            self._new("")
            done = asked

    def _look(self) -> None:
        classifier = self.training.classifier
        embedder, space = self._embedder(classifier)
        if space != self._space:
            with self._lock:
                self._space = space
                self._looks, self._versions, self._unreadable = {}, {}, {}
                self._arranged, self._classifier = [Arrangement()], None
        self._embed(embedder)
        heap = [
            one.id for one in self.folder.pictures if one.part == HEAP and one.id in self._looks
        ]
        self._arrange(heap)
        suggested = {one.id for one in self._suggestions.pictures}
        if classifier is None:
            with self._lock:
                self._suggestions, self._classifier = Suggestions(), None
        elif classifier is not self._classifier or not suggested.issuperset(heap):
            with one_thread_each():
                found = suggestions(classifier, heap, self._looks)
            with self._lock:
                self._suggestions, self._classifier = found, classifier

    def _embedder(self, classifier: Classifier | None) -> tuple[Embedder, str]:
        """What embeds as the model does, or as the next one will; and what that is called."""
        name = classifier.manifest.quality if classifier else self.training.quality
        if row := QUALITIES.get(name):
            return Embedder(network_of(row)), name
        assert classifier is not None, "a quality is a row of the table"
        return embedder_of(classifier), f"{name} {classifier.digest}"

    def _embed(self, embedder: Embedder) -> None:
        """Look at each picture of the heap that was not looked at as it is now."""
        new = [
            one
            for one in self.folder.pictures
            if one.part == HEAP and self._versions.get(one.id) != one.version
        ]
        if not new:
            return
        self._say("pictures", done=0, total=len(new))
        found = embed_all(
            [self.folder.path(one) for one in new],
            embedder,
            progress=lambda done: self._progress(done, len(new)),
        )
        with self._lock:
            for at, digest, vector in zip(
                found.positions.tolist(), found.digests, found.vectors, strict=True
            ):
                self._looks[new[at].id] = Look(vector, digest)
                self._unreadable.pop(new[at].id, None)
            for at, reason in found.unreadable.items():
                if self._is_as(new[at]):  # or it was only moved meanwhile
                    self._unreadable[new[at].id] = reason
            self._versions.update({one.id: one.version for one in new if self._is_as(one)})

    def _is_as(self, picture: Kept) -> bool:
        now = self.folder.get(picture.id)
        return now is not None and now.name == picture.name

    def _arrange(self, heap: Sequence[int]) -> None:
        """Lay what lies nowhere: all anew as long as nothing was done with the piles."""
        now = self._arranged[-1]
        new = [one for one in heap if one not in now.pictures]
        if not new:
            return
        untouched = len(self._arranged) == 1 and now.pictures <= set(heap)
        if untouched:
            self._say("piles")
        with one_thread_each():
            made = (
                arranged(heap, self._looks, now.next)
                if untouched
                else joined(now, new, self._looks)
            )
        with self._lock:
            if self._arranged[-1] is now:  # or somebody split a pile meanwhile: at the next look
                self._arranged[-1] = made
            else:
                self.ask()

    def _progress(self, done: int, total: int) -> None:
        if self._ended:
            raise _EndedError
        if time.monotonic() - self._said >= _BREATH:
            self._say("pictures", done=done, total=total)

    def _new(self, doing: str) -> None:
        """There is something new to be shown."""
        with self._lock:
            self._revision += 1
            self._say(doing)

    def _say(self, doing: str, **more: object) -> None:
        self._said = time.monotonic()
        self._doing = {"doing": doing, **more}
        self._tell({**self._doing, "revision": self._revision})


def _left(piles: Sequence[Pile], there: Collection[int]) -> list[Pile]:
    """Piles without what is not there, and without those of which nothing is."""
    left = ((one, tuple(p for p in one.pictures if p in there)) for one in piles)
    return [replace(one, pictures=pictures) for one, pictures in left if pictures]
