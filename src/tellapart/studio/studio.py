"""The studio: a folder, what was done with it, what is trained on it, and who is told.

All routes share this one object. Whoever changes the folder does it by `change`, `undo` or `redo`,
which also tell the pages and wake the trainer.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from .changes import Changes
from .events import Events
from .folder import Folder
from .heap import Heap
from .labelling import Plan
from .mending import Mending
from .tested import LastTested
from .training import Trainer

_LOOK = 2.0  # seconds between two looks at what others have done with the folder


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
        self._ended = threading.Event()
        self._seen = ""

    def start(self) -> None:
        """Read the folder, and begin to train and to look after it."""
        self.folder.read()
        self._seen = self._trace()
        self.training.start()
        self.training.ask()
        threading.Thread(target=self._look, name="looking", daemon=True).start()

    def end(self) -> None:
        self._ended.set()
        self.heap.end()
        self.training.end()
        self.mending.end()

    def change(self, plan: Callable[[Folder], Plan]) -> None:
        """Do what is planned on the folder as it is now, as one change; nothing if it is nothing.

        Raises:
            UsageError, DestinationError: it cannot be done.
        """
        with self.changes.lock:
            what, steps = plan(self.folder)
            if steps:
                self._changed(self.changes.do(what, steps).moved)

    def undo(self) -> None:
        """Take the last change back."""
        with self.changes.lock:
            self._changed(self.changes.undo())

    def redo(self) -> None:
        """Do the change again that was undone last."""
        with self.changes.lock:
            self._changed(self.changes.redo())

    def _changed(self, moved: Mapping[str, str]) -> None:
        self.folder.read(moved)
        self._seen = self._trace()
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
                "folder": {"name": self.root.name, "path": str(self.root)},
                "labels": self._labels(),
                "pictures": [one.to_json() for one in delta.pictures],
                "gone": list(delta.gone),
                "undo": self.changes.undoable,
                "redo": self.changes.redoable,
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
            if self._trace() != self._seen:
                with self.changes.lock:
                    self._changed({})

    def _trace(self) -> str:
        """Changes when a file is added to the folder or taken from it, and when the table of
        decisions is written."""
        places = [self.root, self.root / "tellapart.csv"]
        for one in {Path(kept.name).parent for kept in self.folder.pictures}:
            places.append(self.root / one)
        seen = []
        for place in places:
            try:
                seen.append(f"{place}:{place.stat().st_mtime_ns}")
            except OSError:
                continue
        return "\n".join(sorted(seen))
