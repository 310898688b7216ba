"""A folder watched, and its pictures sorted as they arrive, until somebody ends it.

What has arrived whole (`arrivals.py`) is named, placed and written down as `sort` does it, in the
same journal: each can go on where the other stopped, and `undo` takes all of it back. Where the
inbox or the destination goes away, it waits for them; where the model is replaced, it goes on with
the new one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

from ..dataset.sources import SkippedFile
from ..dataset.walk import no_picture
from ..errors import DestinationError, PictureError, TellapartError, UsageError
from ..files.journal.entries import Index
from ..files.journal.journal import Journal, writing
from ..files.journal.record import Entry, Placement
from ..files.transfer import Stamp, reason_of
from ..text import first_few, label_words, shown
from .arrivals import Arrivals
from .journal import SORTING, Answer, opened, request_of, settled_index, unknown_labels
from .placed import Placed
from .plan import NOT_MOVED, Judge, Names, SortOptions, SortStep, Work
from .sort import SortResult, concluded, placement

QUIET_TIME = 2.0  # seconds
_AT_ONCE = 200  # files between two looks: what takes so long is not to keep newer ones waiting
_TABLE_EVERY = 10.0  # seconds, at least
_TABLE_SHARE = 0.01  # of the time, which writing the table may take
_FIRST_RETRY, _LAST_RETRY = 2.0, 60.0  # seconds until a destination is tried again


class Stop(Protocol):
    """What ends a watch: `threading.Event` has it."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


@dataclass(frozen=True)
class WatchNotice:
    """Something that happened, and is about no one picture."""

    kind: Literal["watching", "inbox", "destination", "model", "ending"]
    text: str  # a sentence


#: What a watch tells: a picture that was sorted, a file that was not read, something else; and when
#: it is ended, what is sorted by then.
Told: TypeAlias = "SortStep | SkippedFile | WatchNotice | SortResult"


def watch(
    classifier: Judge,
    inbox: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    options: SortOptions | None = None,
    *,
    quiet_time: float = QUIET_TIME,
    stop: Stop | None = None,
    renewed: Callable[[], Judge | None] | None = None,
) -> Iterator[Told]:
    """Sort what is in a folder, and what arrives there, until `stop` is set.

    Tells, as it happens, of each picture once it is sorted (`SortStep`) and of each file that could
    not be read (`SkippedFile`). The last that it tells is a `SortResult`. It does nothing until it
    is asked for what it tells; whoever does not want to know more may simply ask no more.

    Args:
        quiet_time: seconds in which a file has not changed when it is taken for whole. One that was
            renamed from a name such as `x.tmp` or `.x` is taken at once.
        stop: such as a `threading.Event`. Without one it goes on for ever.
        renewed: asked before each look for the model that has taken the place of the one in use.

    Raises:
        UsageError: there is no such folder, it is the destination, or a time below 0.
        DestinationError: as `sort`, at the beginning; and where the destination cannot be written
            to when it is ended.
    """
    chosen = options or SortOptions()
    work = Work(classifier, inbox, destination, chosen)
    if work.only:
        raise UsageError(f"{shown(inbox)} is a file.", hint="Give a folder to watch.")
    if not 0 <= quiet_time < float("inf"):
        raise UsageError("A quiet time is a number of seconds, 0 or more.")
    return _Watching(work, quiet_time, stop or _Never(), renewed or (lambda: None)).run()


class _Never:
    """Nobody ends it."""

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        time.sleep(timeout or 0)
        return False


class _Watching:
    """A watch under way."""

    # known once the journal is open, and anew whenever it is opened again
    journal: Journal
    placed: Placed  # all that is in the destination
    names: Names
    settled: Index  # by source: what is not placed again

    def __init__(
        self, work: Work, quiet_time: float, stop: Stop, newer_model: Callable[[], Judge | None]
    ) -> None:
        self.work = work
        self.stop = stop
        self.newer_model = newer_model
        self.arrivals = Arrivals(
            work.root,
            work.destination,
            quiet_time=quiet_time,
            follow_links=work.options.follow_links,
        )
        self.token = ""  # of the journal, known once it was opened
        self.already = 0
        self.trouble = ""  # what the destination last complained of
        self.table_trouble = ""  # why the table could not be written last
        self.retry = _FIRST_RETRY
        self.away = ""  # why the inbox cannot be looked through
        self.shut: dict[str, str] = {}  # folders told of
        self.unreadable: list[SkippedFile] = []  # to be told
        self.table_due = 0.0  # when the table may be written again
        self.is_changed = False  # since it was written last
        self.has_more = False  # whether files are whole that the last look had no time for
        self.steps: dict[str, SortStep] = {}  # of what is being placed, by source

    def run(self) -> Iterator[Told]:
        while True:
            try:
                with self._journal() as self.journal:
                    yield from self._begin()
                    try:
                        while not self.stop.is_set():
                            yield from self._look()
                            yield from self._keep_table()
                            if not self.has_more:
                                self.stop.wait(self.arrivals.pause)
                    except (GeneratorExit, KeyboardInterrupt):  # nobody wants to know more
                        if not self.stop.is_set():
                            with suppress(DestinationError):
                                self._conclude()
                        raise
                    try:
                        yield WatchNotice("ending", "Ending: results.csv is written.")
                    finally:  # also where nobody is there to be told
                        result = self._conclude()
                    yield result
                    return
            except DestinationError as error:
                if not self.token or self.stop.is_set():
                    raise
                if error.message != self.trouble:
                    self.trouble = error.message
                    yield WatchNotice(
                        "destination", f"{error.message} Trying again from time to time."
                    )
            self.stop.wait(self.retry)
            self.retry = min(2 * self.retry, _LAST_RETRY)

    def _journal(self) -> AbstractContextManager[Journal]:
        """The journal, opened. Where it was once it is not made again: a drive may have been
        unplugged, and what is under its name now is another one."""
        work = self.work
        if self.token:
            there = Journal.load(work.destination, SORTING)
            if there is None or there.errand.token != self.token:
                raise self._gone()
        return opened(work.destination, work.request, newer=True)

    def _gone(self) -> DestinationError:
        where = shown(self.work.destination)
        return DestinationError(f"{where} is not there any more, or not what it was.")

    def _begin(self) -> Iterator[Told]:
        journal, work = self.journal, self.work
        self.placed, self.names = Placed(journal), Names(work)
        for entry in journal.living():
            self.placed.add(entry)
            self.names.take(entry)
        # What was placed once is not placed again, also where it was taken out of the destination.
        self.settled = settled_index(journal)
        for entry in journal.entries:
            if entry.how != "move" and journal.entries.is_done(entry):
                self.settled.put(entry)
                stamp = Stamp(entry.content.size, entry.content.mtime_ns, 0)
                self.arrivals.done_with(entry.source, stamp)
        self.table_due = time.monotonic() + _TABLE_EVERY
        self.is_changed = False
        self.steps.clear()
        if not self.token:
            self.token, self.already = journal.errand.token, len(self.placed)
            yield WatchNotice("watching", f"Watching {shown(work.root)}.")
        if request_of(journal).model != work.request.model:
            yield self._ask_newer_model()

    def _ask_newer_model(self) -> WatchNotice:
        """Another model says what is in the pictures, from here on."""
        with writing(self.work.destination, SORTING):
            self.journal.ask(asdict(self.work.request))
        self.names = Names(self.work, self.journal.living())
        return WatchNotice(
            "model",
            "The model was replaced: the new one is used from now on. What is sorted already stays "
            "as it is.",
        )

    def _take_newer_model(self) -> Iterator[WatchNotice]:
        try:
            newer = self.newer_model()
        except TellapartError as error:
            yield WatchNotice("model", f"{error.message} The model from before goes on.")
            return
        if newer is None or newer.digest == self.work.request.model:
            return
        before = self.work.classifier
        self.work.ask(newer)
        if unknown := unknown_labels(self.journal, self.work.request):
            self.work.ask(before)
            known = first_few([label_words(label) for label in unknown], 3)
            what = "the label" if len(unknown) == 1 else "the labels"
            yield WatchNotice(
                "model",
                f"The model was replaced by one that does not know {what} {known}. The old "
                "one goes on. To use the new one, choose another folder to sort into.",
            )
            return
        yield self._ask_newer_model()

    def _look(self) -> Iterator[Told]:
        self.has_more = False
        yield from self._take_newer_model()
        try:
            due = self.arrivals.look()
        except OSError as error:
            self.arrivals.lost()
            if not self.away:
                self.away = reason_of(error)
                yield WatchNotice(
                    "inbox",
                    f"{shown(self.work.root)} cannot be looked through: {self.away}. "
                    "Waiting until it can.",
                )
            return
        if self.away:
            self.away = ""
            yield WatchNotice("inbox", f"{shown(self.work.root)} is back.")
        self.work.hidden = self.arrivals.hidden
        for name, reason in self.arrivals.shut.items():
            if self.shut.get(name) != reason:
                yield SkippedFile(name, reason)
        self.shut = self.arrivals.shut
        if due and not self.journal.is_still_there():
            raise self._gone()
        self.has_more = is_any = bool(due)
        again = time.monotonic() + self.arrivals.pause  # a look at many files takes its time
        while self.has_more and not self.stop.is_set():
            yield from self._sort(due[:_AT_ONCE])
            yield from self._keep_table()
            due = due[_AT_ONCE:]
            self.has_more = bool(due)
            if time.monotonic() >= again:
                return
        self.has_more = is_any and self.arrivals.has_more

    def _sort(self, names: Sequence[str]) -> Iterator[Told]:
        """Sort files that are whole, as far as they can be read."""
        is_output = self.work.output_test()
        pictures = []
        for name in names:
            path, stamp = self.work.root / name, self.arrivals.stamp(name)
            if stamp is None:
                continue
            before = self.settled.get(name)
            if is_output(path) or self.work.is_done(path, before, by_content=True):
                self.arrivals.done_with(name, stamp)
            elif self.work.options.how == "move" and os.path.islink(path):
                self._failed(SkippedFile(name, NOT_MOVED))
            elif error := no_picture(path):
                self._failed(SkippedFile(name, error.message, error.may_pass))
            else:
                pictures.append(name)
        yield from self._tell_unreadable()
        placements = self._placements(pictures)
        for one in self.journal.carry_out(placements, self._with_another_name, patient=True):
            yield from self._tell_unreadable()
            if isinstance(one, SkippedFile):
                self.steps.pop(one.name, None)
                self._failed(one)
            else:
                if self.trouble:
                    where = shown(self.work.destination)
                    yield WatchNotice("destination", f"{where} can be written to again.")
                yield self._sorted(one)
        yield from self._tell_unreadable()

    def _placements(self, names: Sequence[str]) -> Iterator[Placement]:
        paths = (self.work.root / name for name in names if not self.stop.is_set())
        answers = self.work.classifier.predict_many(paths, errors="return")
        for name, answer in zip(names, answers, strict=False):  # fewer where it is ended
            if self.stop.is_set():
                return
            if isinstance(answer, PictureError):
                self._failed(SkippedFile(name, answer.message, answer.may_pass))
            elif self.arrivals.has_changed(name):
                self.arrivals.put_off(name)
            else:
                seen = self.arrivals.stamp(name)
                self.steps[name] = self.names.step(self.work.root / name, answer, seen)
                yield placement(self.work, self.steps[name])

    def _with_another_name(self, taken: Placement) -> Placement:
        said: Any = taken.extra
        step = self.names.step(self.work.root / taken.source, Answer(**said), taken.seen)
        self.steps[taken.source] = step
        return placement(self.work, step)

    def _sorted(self, entry: Entry) -> SortStep:
        self.trouble, self.retry = "", _FIRST_RETRY
        is_gone = entry.how == "move"
        self.placed.add(entry)
        if not is_gone:
            self.settled.put(entry)
        step = self.steps.pop(entry.source)
        seen = step.seen
        if seen is None or entry.how == "link":  # which changes the ctime
            seen = Stamp(entry.content.size, entry.content.mtime_ns, 0)
        self.arrivals.done_with(entry.source, seen, is_gone=is_gone)
        self.is_changed = True
        return replace(step, target=entry.target)

    def _failed(self, file: SkippedFile) -> None:
        if self.stop.is_set():
            return
        if not self.arrivals.is_same(file.name):
            self.arrivals.put_off(file.name)
        elif self.arrivals.failed(file.name, file.reason, may_pass=file.may_pass):
            self.unreadable.append(file)
            self.is_changed = True

    def _tell_unreadable(self) -> Iterator[SkippedFile]:
        unreadable, self.unreadable = self.unreadable, []
        yield from unreadable

    def _keep_table(self) -> Iterator[WatchNotice]:
        """Write the table every now and then: it is written anew, and grows."""
        began = time.monotonic()
        if not self.is_changed or began < self.table_due:
            return
        trouble, self.table_trouble = self.table_trouble, ""
        try:
            self._conclude()
        except DestinationError as error:  # some programs keep others from a table they show
            self.is_changed = True
            self.table_trouble = error.message
            if error.message != trouble:
                yield WatchNotice(
                    "destination", f"{error.message} Pictures are sorted all the same."
                )
        now = time.monotonic()
        self.table_due = now + max(_TABLE_EVERY, (now - began) / _TABLE_SHARE)

    def _conclude(self) -> SortResult:
        unread = {**self.arrivals.shut, **self.arrivals.refused}
        unreadable = [SkippedFile(name, reason) for name, reason in sorted(unread.items())]
        self.is_changed = False
        result = concluded(self.work, self.placed, unreadable, self.already)
        return replace(result, waiting=tuple(self.arrivals.waiting))
