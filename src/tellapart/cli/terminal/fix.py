"""Questions on pictures, asked in a terminal with one key each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ...assess.answers import (
    DROP_ALL,
    DROP_IT,
    ENTER,
    KEEP_ALL,
    KEEP_IT,
    LABEL,
    OTHER,
    OTHER_LABEL,
    SUGGESTED,
    Answer,
    answers_to,
)
from ...assess.check.health import KINDS
from ...assess.check.mending import DROP, GROUP, KEEP, RELABEL, Mend
from ...assess.deciding import closest
from ...assess.fixing import TOGETHER, WRONG
from ...dataset.labels import Labels
from ...files.stored import place_text
from ...files.system import WINDOWS
from ...text import first_few, label_words, natural, several, shown
from .console import command, stdout
from .decided import accuracy_words, decision_words, fairer_words, print_undo
from .layout import say
from .pictures import Framed, Words, show_block, way_to_show

if TYPE_CHECKING:
    from ...assess.fixing import Question, Walk

_TEXT = 9  # lines of a question that are not pictures
_LOWEST, _HIGHEST = 8, 30  # lines of its pictures
_NARROWEST = 8  # cells of a picture
_GAP = 2  # cells between pictures
_TYPICAL = 3  # pictures of each label to compare with
_MOST = 6  # pictures of one finding that are shown side by side


def can_ask() -> bool:
    """Whether there is a terminal to ask in."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def ask(walk: Walk) -> None:
    """Ask the questions of a walk until there are no more, or somebody has enough."""
    console = stdout()
    if walk.question is None:
        console.print("There is nothing to decide.")
        return
    Asking(walk, console).run()
    console.print()
    if walk.mends:
        words = accuracy_words(walk.first_accuracy, walk.accuracy, about=walk.about)
        console.print(f"{several(len(walk.mends), 'decision')} written.   {words}")
        print_undo(console, walk.places)
    else:
        console.print("Nothing was decided.")
    if walk.question is not None:
        console.print("Type the same command again to go on.")
    elif walk.mends:
        source = walk.looked.dataset.written
        console.print(f"Next:    {command('train', source)}", soft_wrap=True)


class Asking:
    """Shows one question after the other, and does what the keys say."""

    def __init__(self, walk: Walk, console: Console) -> None:
        pictures = walk.looked.pictures
        self.walk = walk
        self.console = console
        self.way = way_to_show(console)
        self.paths = dict(zip(pictures.names, pictures.paths, strict=True))
        self.label_of = {item.name: item.label for item in walk.looked.dataset.items}

    @property
    def labels(self) -> list[str]:
        """Those there are, and those that were made in this walk."""
        made = (one.value for one in self.walk.mends if one.how == RELABEL)
        return sorted({*self.walk.looked.pictures.labels, *made}, key=natural)

    def run(self) -> None:
        from . import keys

        with keys.one_by_one():
            while (question := self.walk.question) is not None:
                self._show(question)
                if not self._ask(question):
                    return

    def _ask(self, question: Question) -> bool:
        """Until the question is dealt with, or the one before is asked again; False if somebody has
        enough."""
        from . import keys

        answers = dict(self._answers(question))
        self._print_keys(answers)
        while True:
            key = keys.read_key().lower()
            if key in ("q", keys.END):
                return False
            if key == "s":
                self.walk.skip()
                self._say("Skipped.")
                return True
            if key == "u":
                if self._undo():
                    return True
            elif key == "o":
                self._open(question)
            elif key == OTHER_LABEL and key in answers:
                label = self._typed_label()
                if label is not None:
                    self._decide(question, Mend(question.names, RELABEL, label))
                    return True
                self._print_keys(answers)
            elif key in answers:
                mend = answers[key][1]
                assert mend
                self._decide(question, mend)
                return True
            elif key == ENTER:
                self._say("Nothing is suggested here: press one of these keys.")
                self._print_keys(answers)
            else:
                self._say(f"There is no key {shown(key)}." if key.strip() else "No such key.")
                self._print_keys(answers)

    def _decide(self, question: Question, mend: Mend) -> None:
        decided = self.walk.decide(mend)
        said = decision_words(mend)
        before, after = decided.before, decided.after
        words = "" if mend.how == KEEP else accuracy_words(before, after, about=decided.about)
        self._say(f"{said}.   {words}" if words else f"{said}.")
        if fairer := fairer_words([mend], before, after):
            self._say(fairer)
        if question.kind == WRONG and self.walk.rest.enough:
            self._say(self.walk.rest.words)

    def _undo(self) -> bool:
        if not self.walk.steps:
            self._say("There is nothing to undo in this walk.")
            return False
        mend = self.walk.undo()
        self._say(f"Undone: {decision_words(mend)}." if mend else "Back by one.")
        return True

    # What is shown

    def _show(self, question: Question) -> None:
        done, left = self.walk.place
        now = self.walk.accuracy
        low, high = now.interval
        self.console.print()
        right = f"{100 * now.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})" if now.n else ""
        head = f"{done} done, {left} left  {question.kind}"
        gap = max(2, self.console.width - 1 - len(head) - len(right))
        self.console.print(f"{head}{' ' * gap}{right}", style="bold")
        if self.way:
            self._show_pictures(question)
        if len(question.names) == 1 and not question.beside:
            words = question.finding.words
            if len(question.finding.paths) > 1:  # then they are of all of them
                words = f"{KINDS[question.kind]}."
            name = shown(question.names[0])
            named = words.startswith(name)
            say(self.console, words if named else f"{name}: {words[:1].lower()}{words[1:]}")
        else:
            say(self.console, question.finding.words)
            if any(shown(name) not in question.finding.words for name in question.names):
                self._print_names(question)

    def _print_names(self, question: Question) -> None:
        for name in question.names[:_MOST]:
            label = label_words(self.label_of.get(name, ""))
            self.console.print(f"  {shown(name)}  {label}", soft_wrap=True)
        if len(question.names) > _MOST:
            self.console.print(f"  and {len(question.names) - _MOST:,} more")

    def _show_pictures(self, question: Question) -> None:
        height = min(_HIGHEST, max(_LOWEST, self.console.height - _TEXT))
        if question.suggestion and question.suggestion.how == RELABEL and len(question.names) == 1:
            placed = list(self._compared(question, height))
        else:
            placed = list(self._side_by_side(question, height))
        if placed:
            self.console.print()
            show_block(self.console, placed, self.way)
            self.console.print()

    def _compared(self, question: Question, height: int) -> Iterator[Words | Framed]:
        """The picture, and beside it typical ones of the label that it has, and of the other."""
        (name,), suggestion = question.names, question.suggestion
        assert suggestion
        width = self.console.width - 1
        across = min(2 * height, width * 2 // 5)
        low = min((height - 3) // 2, (width - across - (_TYPICAL + 1) * _GAP) // _TYPICAL // 2)
        if 2 * low < _NARROWEST:
            yield from self._framed(name, 0, 0, min(width, 2 * height), height)
            return
        yield from self._framed(name, 0, 0, across, height)
        left = across + 2 * _GAP
        own, other = self.label_of.get(name, ""), suggestion.value
        for top, label, what in ((0, own, "is now"), (low + 2, other, "suggested")):
            yield Words(left, top, width - left, f"{what}: {label_words(label)}, such as")
            for at, each in enumerate(self.walk.typical(label, _TYPICAL, (name,))):
                place = left + at * (2 * low + _GAP)
                yield from self._framed(each, place, top + 1, 2 * low, low, cut=True)

    def _side_by_side(self, question: Question, height: int) -> Iterator[Words | Framed]:
        """The pictures of a finding with their labels above them, those to be decided first."""
        width = self.console.width - 1
        most = min(_MOST, (width + _GAP) // (_NARROWEST + _GAP))
        every = [*question.names, *question.beside][: max(1, most)]
        each = min((width + _GAP) // len(every) - _GAP, 2 * height)
        for at, name in enumerate(every):
            left = at * (each + _GAP)
            stays = " (stays)" if name in question.beside and question.suggestion else ""
            words = f"{label_words(self.label_of.get(name, ''))}{stays}"
            yield Words(left, 0, each, words)
            yield from self._framed(name, left, 1, each, height - 1)

    def _framed(
        self, name: str, left: int, top: int, width: int, height: int, *, cut: bool = False
    ) -> Iterator[Framed]:
        if name in self.paths:
            yield Framed(left, top, width, height, self.paths[name], cut)

    def _open(self, question: Question) -> None:
        """In whatever the system shows pictures with."""
        for name in [*question.names, *question.beside][:_MOST]:
            if name in self.paths:
                path = self.paths[name]
                opens = isinstance(path, Path) and open_picture(path)
                said = "Opening" if opens else "Nothing here opens pictures; it is"
                self.console.print(f"{said} {shown(place_text(path))}", soft_wrap=True)

    def _say(self, text: str) -> None:
        say(self.console, text)

    # What can be answered

    def _answers(self, question: Question) -> Iterator[tuple[str, tuple[str, Mend | None]]]:
        """By its key, what an answer is called and what it decides."""
        for answer in answers_to(question, self.label_of):
            words = self._called(answer, question)
            for at, key in enumerate(answer.keys):
                yield key, ("" if at else words, answer.mend)

    def _called(self, answer: Answer, question: Question) -> str:
        own = label_words(self.label_of.get(question.names[0], ""))
        if answer.meaning == SUGGESTED:
            assert answer.mend
            copies = several(len(question.names), "copy", "copies")
            return {
                RELABEL: label_words(answer.mend.value),
                DROP: f"leave out {copies}" if question.kind in TOGETHER else "leave out",
                GROUP: "keep together",
                KEEP: "keep",
            }[answer.mend.how]
        return {
            LABEL: f"it is {label_words(answer.label)}",
            KEEP_IT: f"keep {own}" if question.kind == WRONG else "keep",
            KEEP_ALL: "keep all",
            OTHER: "other label",
            DROP_IT: "leave out",
            DROP_ALL: "leave all out",
        }[answer.meaning]

    def _print_keys(self, answers: Mapping[str, tuple[str, Mend | None]]) -> None:
        said = [f"[{key}] {words}" for key, (words, _) in answers.items() if words]
        said += ["[s] skip", "[u] undo", "[o] open", "[q] quit"]
        line = "  ".join(one.replace(" ", "\u00a0") for one in said)
        say(self.console, line)

    def _typed_label(self) -> str | None:
        """A label by its name or how that begins; None where it was left open."""
        from . import keys

        self._say(f"Labels: {', '.join(map(label_words, self.labels))}")
        self.console.print("Label (its beginning is enough; Enter alone goes back): ", end="")
        self.console.file.flush()
        typed = keys.read_line()
        if not typed:
            return None
        found = begun_by(typed, self.labels)
        if len(found) == 1:
            return found[0]
        if found:
            self._say(f"{shown(typed)} begins several: {first_few(found)}.")
            return None
        close = closest(typed, self.labels)
        if close is None:
            self._say(f"There is no label {shown(typed)}. Make it a new one? [y] yes  [n] no")
            return typed if keys.read_key().lower() == "y" else None
        self._say(
            f"There is no label {shown(typed)}; did you mean {label_words(close)}? "
            f"[y] {label_words(close)}  [n] no  [+] make a new label {shown(typed)}"
        )
        return {"y": close, ENTER: close, "+": typed}.get(keys.read_key().lower())


def begun_by(typed: str, labels: Sequence[str]) -> list[str]:
    """The labels that are meant: the one of that name, or those that begin so."""
    near = Labels(labels).near(typed)
    if near is not None:
        return [near]
    start = label_words(typed).casefold()
    return [label for label in labels if label_words(label).casefold().startswith(start)]


def open_picture(path: Path) -> bool:
    """Show a picture in the system's viewer; False where there is none."""
    if WINDOWS:
        import os

        with suppress(OSError):
            os.startfile(path)  # type: ignore[attr-defined]
            return True
        return False
    command = "open" if sys.platform == "darwin" else "xdg-open"
    with suppress(OSError):
        subprocess.Popen(
            [command, str(path.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return True
    return False
