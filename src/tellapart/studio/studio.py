"""The studio: a folder, what was done with it, what is trained on it, and who is told.

All routes share this one object. Whoever changes the folder does it by `change`, `undo` or `redo`,
which also tell the pages and wake the trainer.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from ..errors import TellapartError
from ..text import csv_text
from .changes import Changes, Done, Move
from .disk import check_there
from .events import Events
from .folder import Folder
from .heap import Heap
from .incoming import Incoming, Wanted
from .labelling import Plan
from .mending import Mending
from .tested import LastTested
from .training import Trainer
from .uploads import (
    Brought,
    Copies,
    look_through,
    looked_at,
    place_many,
    place_one,
)

_log = logging.getLogger(__name__)
_LOOK = 1.0  # seconds between two looks at what others have done with the folder


class Studio:
    """A studio on a folder.

    Attributes:
        epoch: tells this process from others: numbers of pictures are its own.
        folder: what is in the folder now.
        changes: what was done with it here.
        events: what every page is told.
        training: the model on it.
        heap: the pictures without a label, in piles and with suggestions.
        tested: pictures that were tested and are not in the folder.
        mending: what is wrong with it.

    Raises:
        DestinationError: another studio has the folder, or its journal is damaged.
    """

    def __init__(self, root: Path, quality: str | None = None) -> None:
        self.root = root
        self.epoch = secrets.token_hex(8)
        self.folder = Folder(root)
        self.changes = Changes(root)
        self.events = Events()
        self.training = Trainer(root, quality, self._trained)
        self.heap = Heap(self.folder, self.training, lambda state: self.events.tell("heap", state))
        self.tested = LastTested()
        self.mending = Mending(
            self.folder,
            self.changes,
            lambda: self.training.quality,
            lambda: self.events.tell("mend", {}),
        )
        self._copies = Copies()
        self._ended = threading.Event()

    def start(self) -> None:
        """Read the folder, and begin to train and to look after it."""
        self.folder.read()
        self.training.start()
        self.training.ask()
        threading.Thread(target=self._look, name="looking", daemon=True).start()

    def end(self) -> None:
        self._ended.set()
        self.heap.end()
        self.training.end()
        self.mending.end()
        self.changes.close()

    def change(self, plan: Callable[[Folder], Plan], *, batch: str = "") -> Done | None:
        """Do what is planned on the folder as it is now, as one change; None if it is nothing. What
        has the `batch` of the last change becomes a part of that.

        Raises:
            UsageError, DatasetError, DestinationError: it cannot be done.
        """
        with self.changes.lock:
            check_there(self.root)
            what, steps = plan(self.folder)
            return self._changed(self.changes.do(what, steps, batch=batch)) if steps else None

    def undo(self) -> Done:
        """Take the last change back."""
        with self.changes.lock:
            return self._changed(self.changes.undo())

    def undo_coming(self, batch: str) -> Done | None:
        """Undo while a batch is on its way, of which no more is taken in; None where nothing of it
        has come, and so there is nothing to take back."""
        with self.changes.lock:
            return self.undo() if self.changes.end(batch) else None

    def redo(self) -> Done:
        """Do the change again that was undone last."""
        with self.changes.lock:
            return self._changed(self.changes.redo())

    def bring_in(self, coming: Incoming, wanted: Wanted) -> Brought:
        """Add the picture, or the pictures of the archive, that has come whole.

        Raises:
            PictureError, ArchiveError: it cannot be read.
            UsageError, DatasetError, DestinationError: it cannot be added.
        """
        check_there(self.root)
        if not wanted.is_archive:
            size, digest = looked_at(coming, wanted)
            with self.changes.lock:
                before = self._added(wanted.batch)
                plan, brought = place_one(
                    self.folder, self._copies, coming, wanted, size, digest, before
                )
                brought.done = self._placed(coming, plan, wanted.batch)
            return brought

        def progress(done: int, total: int) -> None:
            said = {"batch": wanted.batch, "name": wanted.own_name, "done": done, "total": total}
            self.events.tell("arriving", said)

        found, brought, top = look_through(coming, wanted, progress)
        with self.changes.lock:
            before = self._added(wanted.batch)
            plan = place_many(
                self.folder, self._copies, coming, wanted, found, brought, top, before
            )
            brought.done = self._placed(coming, plan, wanted.batch)
        return brought

    def _added(self, batch: str) -> list[str]:
        """The names of the pictures that the change has brought in which this batch adds to."""
        growing = self.changes.growing(batch)
        return [step.target for step in growing.steps if isinstance(step, Move)] if growing else []

    def _placed(self, coming: Incoming, plan: Plan, batch: str) -> Done | None:
        try:
            return self.change(lambda _: plan, batch=batch)
        except TellapartError:
            coming.give_up()
            raise

    def _changed(self, done: Done) -> Done:
        if not self.folder.follow(done.steps):
            self.folder.read(done.moved)
        self._tell()
        return done

    def _tell(self) -> None:
        self.events.tell("folder", {"revision": self.folder.revision})
        self.training.ask()
        self.heap.ask()

    def _trained(self, state: dict[str, object]) -> None:
        self.events.tell("training", state)
        if not state["doing"]:
            self.heap.ask()

    def state(self, revision: int = 0, epoch: str = "") -> dict[str, object]:
        """How things are, as far as they have changed since a revision of this epoch."""
        with self.changes.lock:
            delta = self.folder.since(revision if epoch == self.epoch else 0)
            return {
                "epoch": self.epoch,
                "revision": delta.revision,
                "whole": delta.whole,
                "folder": {"name": csv_text(self.root.name), "path": csv_text(str(self.root))},
                "labels": self._labels(),
                "pictures": [one.to_json() for one in delta.pictures],
                "gone": list(delta.gone),
                "undo": self.changes.undoable,
                "redo": self.changes.redoable,
                "problem": _said(self.folder.problem),
                "training": self.training.state,
            }

    def _labels(self) -> list[dict[str, object]]:
        counts = {label: {"learn": 0, "test": 0} for label in self.folder.labels}
        for one in self.folder.pictures:
            if one.label and one.decided != "drop":
                counts.setdefault(one.label, {"learn": 0, "test": 0})[one.part] += 1
        return [{"name": label, **of} for label, of in counts.items()]

    def _look(self) -> None:
        """See what a file manager or a command does with the folder."""
        while not self._ended.wait(_LOOK):
            try:
                if self.folder.has_changed():
                    with self.changes.lock:
                        if self.folder.read():
                            self._tell()
            except Exception:  # a drive that is pulled out comes back: the next look tries again
                _log.exception("The folder could not be looked at.")


def _said(problem: TellapartError | None) -> dict[str, str] | None:
    return {"detail": problem.message, "hint": problem.hint} if problem else None
