"""Mending by itself: a check of the folder, and what of it is still to be answered.

A thread looks; nobody waits for it. It works only when a page asks how things are, so that nothing
is checked while somebody collects or labels. A decision closes cards; other changes have the folder
checked again, and until that is done the cards of the last check stand. What a decision does to the
accuracy is what the training says that follows each change: one figure, here and everywhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..assess.check.checking import examine, looked_at
from ..assess.check.mending import GROUP, KEEP, RELABEL, Mend
from ..assess.deciding import together
from ..assess.fixing import WRONG
from ..assess.sides import choose_sides
from ..errors import UsageError
from ..health.label_errors import Rest, rest_after
from ..text import label_words, several, shown
from .changes import Changes, Decide, Wish
from .deck import Card, Deck, Now, as_now
from .folder import LEARN, TEST, Folder
from .labelling import Plan, known_label
from .problems import trouble

_QUIET = 1.0  # seconds without a change, before the folder is checked again


class _EndedError(Exception):
    """The studio closes."""


@dataclass(frozen=True)
class Standing:
    """How things are.

    Attributes:
        deck: the last check; None before the first.
        now: the pictures by their numbers.
        open: the cards to answer, without those that were skipped.
        skipped: how many were.
        rest: whether the wrong labels that are left are likely right.
        doing: "check" while that goes on, else empty.
        done: how many pictures a check has looked at.
        total: of how many.
        trouble: why there is no check, and what to do.
    """

    deck: Deck | None
    now: dict[int, Now]
    open: tuple[Card, ...]
    skipped: int
    rest: Rest
    doing: str
    done: int
    total: int
    trouble: tuple[str, str] | None


class Mending:
    """Looks after the findings of a folder; `tell` is told whenever something is different."""

    def __init__(
        self, folder: Folder, changes: Changes, quality: Callable[[], str], tell: Callable[[], None]
    ) -> None:
        self.folder = folder
        self.changes = changes
        self._quality = quality
        self._tell = tell
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ended = False
        self._wanted = False  # somebody looks
        self._anew = False  # a check is asked for
        self._deck: Deck | None = None
        self._seen = ""  # the trace of the folder as it was looked at last
        self._skipped: set[str] = set()
        self._answered: dict[str, tuple[Mend, ...]] = {}  # wrong labels, by their cards, in order
        self._doing = ""
        self._progress = (0, 0)
        self._trouble: tuple[str, str] | None = None

    def end(self) -> None:
        with self._wake:
            self._ended = True
            self._wake.notify()

    # What a page asks

    def standing(self) -> Standing:
        """How things are; whoever asks is told of what changes from here on."""
        now = self._now()
        deck = self._deck
        cards = deck.open(now) if deck else ()
        rest = self._rest(deck, now) if deck else Rest(False, "")
        if rest.enough:
            cards = tuple(card for card in cards if card.kind != WRONG)
        left = tuple(card for card in cards if card.key not in self._skipped)
        self._look()
        return Standing(
            deck,
            now,
            left,
            len(cards) - len(left),
            rest,
            self._doing,
            *self._progress,
            self._trouble,
        )

    def check_again(self) -> None:
        """Look through the folder anew, and ask again what was skipped."""
        self._skipped.clear()
        self._answered.clear()
        with self._wake:
            self._anew = True
        self._look()

    def skip(self, key: str, *, back: bool = False) -> None:
        """Leave a card for later, or ask it again."""
        (self._skipped.discard if back else self._skipped.add)(key)
        self._tell()

    def decided(self, numbers: Sequence[int], how: str, value: str, key: str = "") -> Plan:
        """The steps of a decision about pictures, the answer to the card of this key if it is one.

        Raises:
            UsageError: they are not labelled, or there can be no such label.
        """
        pictures = [o for o in self.folder.of(numbers) if o.part in (LEARN, TEST)]
        if not pictures:
            raise UsageError(
                "These pictures have no label, so there is nothing to decide.",
                hint="Label them first.",
            )
        value = known_label(self.folder, value) if how == RELABEL else value.strip()
        card = self._card(key)
        why = card.kind if card else ""
        mend = Mend(tuple(one.name for one in pictures), how, value)
        if card and card.kind == WRONG and self._deck:
            names = tuple(self._deck.was[o.id].name for o in pictures if o.id in self._deck.was)
            self._answered.pop(key, None)
            self._answered[key] = (Mend(names, how, value),)
        return _said(mend), [Decide(mend.names, how, value, why)]

    def all_sure(self) -> Plan:
        """The steps that answer all that is sure as suggested, as one change."""
        if self._deck is None:
            return "", []
        now, steps, every = self._now(), list[Wish](), list[Mend]()
        by_kind: dict[str, list[Mend]] = {}
        for question in self._deck.sure(now):
            assert question.suggestion
            by_kind.setdefault(question.kind, []).append(question.suggestion)
        for kind, mends in by_kind.items():
            for mend in together(mends):
                names = tuple(now[self._deck.number(name)].name for name in mend.names)
                steps.append(Decide(names, mend.how, mend.value, kind))
                every.append(mend)
        count = len({name for mend in every for name in mend.names})
        return f"{several(count, 'sure decision')}", steps

    def _card(self, key: str) -> Card | None:
        return next((o for o in self._deck.cards if o.key == key), None) if self._deck else None

    def _rest(self, deck: Deck, now: dict[int, Now]) -> Rest:
        """By the labels that were kept in a row, as far as that stands."""
        said = []
        for (mend,) in tuple(self._answered.values()):  # another thread may answer meanwhile
            numbers = [deck.number(name) for name in mend.names]
            if all(number in now and now[number].decided == mend.how for number in numbers):
                said.append(mend.how == KEEP)
        return rest_after(said)

    def _now(self) -> dict[int, Now]:
        with self.changes.lock:
            return as_now(self.folder.pictures, self.folder.dataset())

    # What the thread does

    def _look(self) -> None:
        """See whether there is anything to do."""
        with self._wake:
            self._wanted = True
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(target=self._run, name="mending", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._wanted and not self._ended:
                    self._wake.wait()
                self._wanted = False
                if self._ended:
                    return
            try:
                self._keep_up()
            except _EndedError:
                return
            except Exception as error:  # the page shows it, and the next change tries again
                self._trouble = trouble(error, "The pictures could not be checked.")
            if self._doing:
                self._doing = ""
                self._tell()

    def _keep_up(self) -> None:
        """Check, until what was found is of the folder as it is, but for decisions."""
        while (trace := self._trace()) != self._seen or self._anew:
            if self._deck and not self._anew:
                self._seen = trace  # also where that fails: not again until something changes
                if not self._deck.is_outdated(self._now()):
                    self._trouble = None
                    continue
                self._rest_a_moment()
            self._check()

    def _rest_a_moment(self) -> None:
        """Until nothing has changed for a while."""
        trace, since = self._trace(), time.monotonic()
        while time.monotonic() - since < _QUIET:
            with self._wake:
                self._wake.wait(_QUIET / 5)
                if self._ended:
                    raise _EndedError
            if (found := self._trace()) != trace:
                trace, since = found, time.monotonic()

    def _check(self) -> None:
        self._anew = False
        self._say("check")
        told = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal told
            if self._ended:
                raise _EndedError
            self._progress = (done, total)
            if time.monotonic() - told > 0.2:
                told = time.monotonic()
                self._tell()

        with self.changes.lock:
            self._seen = self._trace()  # also where it cannot be checked
            dataset = self.folder.dataset()
            now = as_now(self.folder.pictures, dataset)
        looked = looked_at(choose_sides(dataset), self._quality(), progress=progress)
        self._deck, self._trouble = Deck(examine(looked), now), None
        self._say("")

    def _trace(self) -> str:
        """Changes whenever something is done with the folder, by whomever."""
        table = self.folder.root / "tellapart.csv"
        try:
            written = table.stat().st_mtime_ns
        except OSError:
            written = 0
        return f"{self.folder.revision} {self.changes.done} {len(self.changes.all)} {written}"

    def _say(self, doing: str) -> None:
        self._doing = doing
        if doing:
            self._progress = (0, 0)
        self._tell()


def _said(mend: Mend) -> str:
    """What a decision is called where it can be undone."""
    what = shown(mend.names[0]) if len(mend.names) == 1 else several(len(mend.names), "picture")
    if mend.how == RELABEL:
        return (
            f"{what} is {label_words(mend.value)}"
            if len(mend.names) == 1
            else (f"{what} are {label_words(mend.value)}")
        )
    done = {KEEP: "kept", GROUP: "kept together"}.get(mend.how, "left out")
    return f"{what} {done}"
