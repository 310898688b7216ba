"""What a sort does, written down before it is done, so that it can be resumed and taken back.

A sort keeps a hidden folder in its destination with an append-only journal: one line of JSON for
what was asked, then one for each folder and picture *before* it is made or placed, synced to the
disk. A line cut short by a kill is dropped; a picture whose line stands there is recognised as
placed, or not, by its content. Nothing is ever overwritten, and an original is let go only after
its new file is whole. `undo` reads it backwards.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import DestinationError, PictureError, option
from ..files.atomic import clear_leftovers, make_folders, moved_away, new_folder, sync
from ..files.locks import is_still, take
from ..files.transfer import (
    STATE,
    Content,
    carry,
    content_of,
    drop_reservation,
    holds,
    is_link,
    link,
    part_beside,
    reason_of,
)
from ..text import shown

_VERSION = 1
_JOURNAL = "journal.jsonl"
_LOCK = "lock"


@dataclass(frozen=True)
class Request:
    """What a sort was asked to do; to go on with it is to ask the same again."""

    inbox: str  # an absolute path
    only: str  # the name of the one picture to be sorted, or empty: all in the inbox
    options: Mapping[str, object]
    labels: tuple[str, ...]
    model: str  # sha256 of the model


@dataclass(frozen=True)
class Answer:
    """What a classifier said of one picture."""

    label: str
    score: float
    scores: Mapping[str, float]
    unknown: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture in the journal: from where below the inbox, to where below the destination."""

    source: str
    target: str
    group: str  # what it is counted under
    content: Content
    offset: int  # of its line in the journal


class Journal:
    """The journal of one destination, as it stands on the disk."""

    def __init__(
        self, destination: Path, request: Request, token: str, made: tuple[str, ...]
    ) -> None:
        self.destination = destination
        self.request = request
        self.token = token  # marks the temporary files of this sort as its own
        self.made = made  # the destination and the folders above it, where the sort made them
        self.entries: dict[str, Entry] = {}  # by target; a later line replaces an earlier one
        self.done: set[str] = set()  # targets
        self.folders: list[str] = []
        self.lost: set[str] = set()  # what another disk did not keep of what was moved to it
        self.results: dict[str, set[str]] = {}  # name of a table that was written -> its sha256s
        self._lost = frozenset[str]()  # of those, what is not written down yet
        self._length = 0  # bytes of whole lines
        self._stream: BinaryIO | None = None
        self._reading: BinaryIO | None = None

    @property
    def how(self) -> str:
        return str(self.request.options["how"])

    @classmethod
    def load(cls, destination: Path) -> Journal | None:
        """Read the journal; None where no sort has got as far as its first line.

        Raises:
            DestinationError: it is damaged, or from a newer release.
        """
        path = destination / STATE / _JOURNAL
        journal: Journal | None = None
        offset = 0
        try:
            with path.open("rb") as stream:
                for number, line in enumerate(stream, start=1):
                    if not line.endswith(b"\n"):
                        break  # cut short by a kill or a full disk
                    try:
                        values = json.loads(line)
                        if journal is None:
                            journal = cls._begun(destination, values)
                        else:
                            journal._take(values, offset)
                    except (ValueError, KeyError, TypeError, AttributeError) as error:
                        raise DestinationError(
                            f"{shown(path)} is damaged in line {number}.",
                            hint="Nothing was changed. Move that file away to sort anew.",
                        ) from error
                    offset += len(line)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DestinationError(f"{shown(path)} cannot be read: {reason_of(error)}.") from error
        if journal is not None:
            journal._length = offset
        return journal

    @classmethod
    def _begun(cls, destination: Path, values: dict[str, Any]) -> Journal:
        if values["version"] != _VERSION:
            raise DestinationError(
                f"{shown(destination)} was sorted by another release of tellapart.",
                hint="Undo it, or go on with it, with that release.",
            )
        asked = values["request"]
        options = {"keep_names": False, **asked["options"]}  # which the first sorts did not have
        asked = {**asked, "labels": tuple(asked["labels"]), "options": options}
        request = Request(**asked)
        return cls(destination, request, values["token"], tuple(values["made"]))

    def _take(self, values: dict[str, Any], offset: int) -> None:
        """Take in one line."""
        if "target" in values:
            source, target, group = values["source"], values["target"], sys.intern(values["group"])
            self.entries.pop(target, None)  # so that the order is that of the latest lines
            self.entries[target] = Entry(
                source, target, group, Content(**values["content"]), offset
            )
            self.done.discard(target)
        elif "done" in values:
            self.done.update(self.entries[target].target for target in values["done"])
            self.lost.update(values.get("lost", ()))
        elif "folder" in values:
            self.folders.append(values["folder"])
        else:
            self.results.setdefault(values["results"], set()).add(values["sha256"])

    def source(self, entry: Entry) -> Path:
        return Path(self.request.inbox) / entry.source

    def target(self, entry: Entry) -> Path:
        return self.destination / entry.target

    def is_placed(self, entry: Entry) -> bool:
        """Whether the file at an entry's target is the one that this sort put there."""
        if self.how == "link":
            return is_link(self.target(entry), self.source(entry))
        return holds(self.target(entry), entry.content)

    def live(self) -> list[Entry]:
        """The pictures that were placed and whose targets are still there, edited or not."""
        return [
            entry
            for entry in self.entries.values()
            if os.path.lexists(self.target(entry))
            and (entry.target in self.done or self.is_placed(entry))
        ]

    def settled(self, live: Iterable[Entry]) -> dict[str, Entry]:
        """By source, what need not be sorted again. Where a picture was moved away, another of its
        name is a new one."""
        return {
            entry.source: entry
            for entry in live
            if self.how != "move" or entry.target not in self.done
        }

    def answer(self, entry: Entry) -> Answer:
        """What the classifier said of a picture: that stays on the disk until it is asked for."""
        if self._reading is None:
            self._reading = (self.destination / STATE / _JOURNAL).open("rb")
        self._reading.seek(entry.offset)
        values = json.loads(self._reading.readline())
        unknown = values.get("unknown", False)  # not written by the first sorts
        return Answer(values["label"], values["score"], values["scores"], unknown)

    def is_own_table(self, path: Path) -> bool:
        """Whether a table of results is one that this sort wrote, and has not been edited."""
        try:
            return not path.is_symlink() and content_of(path).sha256 in self.results[path.name]
        except (KeyError, PictureError):
            return False

    # Writing. Every line is with the system before this process goes on; `synced`, on the disk.

    def append(self, lines: Iterable[Mapping[str, object]], *, synced: bool) -> None:
        assert self._stream is not None  # only `opened` gives a journal to write to
        for values in lines:
            line = (
                json.dumps(values, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
            )
            self._stream.write(line)
            self._take(json.loads(line), self._length)
            self._length += len(line)
        self._stream.flush()
        if synced:
            os.fsync(self._stream.fileno())

    def intend(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Write down pictures that will be placed, and make the folders they need."""
        lines = list(lines)
        parents = {str(values["target"]).rpartition("/")[0] for values in lines} - {""}
        missing = sorted(name for name in parents if not (self.destination / name).is_dir())
        self.append([*({"folder": name} for name in missing), *lines], synced=True)
        for name in missing:
            (self.destination / name).mkdir(exist_ok=True)

    def place(self, entry: Entry) -> None:
        """Copy, link or move one picture to its target.

        Raises:
            FileExistsError: something has appeared there.
            PictureError: the picture cannot be read, or is not what it was.
            OSError, DestinationError: it cannot be written.
        """
        source, target = self.source(entry), self.target(entry)
        if self.how == "link":
            link(source, target)
        else:
            keep = self.how == "copy"
            self._lost |= carry(source, target, entry.content, self.token, keep=keep)

    def finish(self, placed: Iterable[Entry]) -> None:
        """Note what was placed, once the folders themselves are on the disk."""
        targets = [entry.target for entry in placed]
        for name in {target.rpartition("/")[0] for target in targets}:
            sync(self.destination / name)
        if targets:
            self.append([{"done": targets, "lost": sorted(self._lost)}], synced=False)

    def _go_on(self) -> None:
        """Drop a torn last line, and finish or forget what a kill interrupted."""
        path = self.destination / STATE / _JOURNAL
        os.truncate(path, self._length)
        self._stream = path.open("ab")
        placed = []
        for entry in [e for e in self.entries.values() if e.target not in self.done]:
            part_beside(self.target(entry), self.token).unlink(missing_ok=True)
            if self.is_placed(entry):
                source = self.source(entry)
                if self.how == "move" and holds(source, entry.content):
                    source.unlink()
                placed.append(entry)
            else:
                drop_reservation(self.target(entry), self.token, begun=True)
                del self.entries[entry.target]
        for name in self.results:
            drop_reservation(self.destination / name, self.token)
        self.finish(placed)

    def _begin(self, state: Path) -> None:
        self._stream = (state / _JOURNAL).open("wb")
        header = {
            "version": _VERSION,
            "token": self.token,
            "made": self.made,
            "request": asdict(self.request),
        }
        self._stream.write(json.dumps(header).encode("ascii") + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._length = self._stream.tell()
        sync(state)
        sync(state.parent)

    def close(self) -> None:
        for stream in (self._stream, self._reading):
            with suppress(OSError):  # what it still held is what could not be written before
                if stream is not None:
                    stream.close()


@contextmanager
def opened(destination: Path, request: Request) -> Iterator[Journal]:
    """The journal to write to, of a sort that begins or that goes on.

    Raises:
        DestinationError: the folder cannot be written to, is being sorted into, or holds the
            pictures of a sort that was asked for something else.
    """
    finish_leftovers(destination)
    chain = (destination, *destination.parents)
    made = tuple(str(folder) for folder in chain if not os.path.lexists(folder))
    with writing(destination, begun=False):
        if made:  # in one step: a kill leaves no folder of which nobody knows who made it
            top = Path(made[-1])
            with new_folder(top) as fresh:
                state = fresh / destination.relative_to(top) / STATE
                make_folders(state)
                begun = Journal(destination, request, secrets.token_hex(8), made)
                with closing(begun):
                    begun._begin(state)
        (destination / STATE).mkdir(parents=True, exist_ok=True)
    with locked(destination):
        earlier = Journal.load(destination)
        if earlier is not None:
            check_same(earlier, request)
            with closing(earlier):
                with writing(destination):
                    earlier._go_on()
                yield earlier
            return
        journal = Journal(destination, request, secrets.token_hex(8), ())
        with closing(journal):
            try:
                with writing(destination, begun=False):
                    journal._begin(destination / STATE)
            except DestinationError:
                remove_state(destination, ())
                raise
            yield journal


def check_same(journal: Journal, request: Request) -> None:
    """Refuse to go on with a sort that was asked for something else."""
    before = journal.request
    if (before.inbox, before.only) != (request.inbox, request.only):
        what = f"pictures of {shown(before.inbox)}"
    elif (before.model, before.labels) != (request.model, request.labels):
        what = "pictures sorted by another model"
    elif dict(before.options) != dict(request.options):
        changed = [n for n, value in before.options.items() if request.options.get(n) != value]
        was = ", ".join(f"{name.replace('_', ' ')}: {before.options[name]}" for name in changed)
        what = f"pictures sorted with other options ({was})"
    else:
        return
    raise DestinationError(
        f"{shown(journal.destination)} already holds {what}.",
        hint=f"Choose another folder, or take that sort back first with {option('undo')}.",
    )


@contextmanager
def locked(destination: Path) -> Iterator[None]:
    """Keep a second sort or undo out; the system lets go of the lock when a process is killed."""
    path = destination / STATE / _LOCK
    with writing(destination):
        stream = path.open("ab")
    with stream:
        if take(stream) is False or not is_still(path, stream):
            raise DestinationError(
                f"{shown(destination)} is being sorted into, or taken back, by another run.",
                hint="Wait until that has ended.",
            )
        yield


@contextmanager
def writing(destination: Path, *, begun: bool = True) -> Iterator[None]:
    """Put what the system says of a full disk or a closed folder into a sentence; `begun` says
    that something may have been done already."""
    try:
        yield
    except OSError as error:
        raise DestinationError(
            f"{shown(destination)} cannot be written: {reason_of(error)}.",
            hint="No picture was lost. Do the same again to go on, or take back what was done with "
            f"{option('undo')}."
            if begun
            else "Nothing was done. Choose another folder to sort into.",
        ) from error


def remove_state(destination: Path, made: tuple[str, ...]) -> None:
    """Delete what a sort kept for itself, and the folders it made around it if they are empty."""
    if folders := _made_folders(destination, made):
        with suppress(OSError), moved_away(destination / STATE, folders[-1]):
            _remove_empty(folders)
    with suppress(OSError):
        (destination / STATE / _JOURNAL).unlink(missing_ok=True)
        (destination / STATE / _LOCK).unlink(missing_ok=True)
        (destination / STATE).rmdir()
    _remove_empty(folders)


def _made_folders(destination: Path, made: tuple[str, ...]) -> list[Path]:
    """The destination, and the folders above it as long as they are where they were made."""
    chain = (destination, *destination.parents)[: len(made)]
    return [folder for folder in chain if folder == destination or str(folder) in made]


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def finish_leftovers(destination: Path) -> None:
    """End what a kill interrupted when a sort made its folders, or when undo took them away."""

    def finish(state: Path) -> None:
        with suppress(OSError, ValueError, KeyError), (state / _JOURNAL).open("rb") as stream:
            _remove_empty(_made_folders(destination, tuple(json.loads(stream.readline())["made"])))

    for folder in (destination, *destination.parents[:-1]):
        clear_leftovers(folder, finish)
