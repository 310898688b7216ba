"""Many pictures from the command line -> answers, streamed as text, JSON lines or CSV."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from ..dataset.lists import STDIN, standard_input
from ..errors import PictureError
from ..images.decode import Picture, Stored
from ..model.classifier import Classifier
from ..model.prediction import Prediction
from ..text import csv_row, label_words, shown

MOST_LABELS = 100  # of which text tells all scores
LIKELIEST = 10  # of more


@dataclass(frozen=True)
class Answer:
    """A picture's path as it was given, and the model's prediction or the reason why not."""

    path: str
    outcome: Prediction | PictureError


@dataclass(frozen=True)
class Line:
    """A piece of output, and whether it is about a picture that could be read."""

    text: str
    read: bool | None  # None: about no picture, such as a header


@dataclass(frozen=True)
class Counts:
    """How many pictures were read, and how many could not be."""

    read: int
    unreadable: int


def pictures_at(paths: Iterable[str | Stored]) -> Iterator[Picture]:
    """What is at each path, for `-` what comes on standard input, and what is stored elsewhere."""
    for path in paths:
        if isinstance(path, str):
            yield standard_input().read() if path == STDIN else Path(path)
        else:
            yield path


def guess(
    classifier: Classifier, paths: Iterable[str | Stored], *, evidence: bool = False
) -> Iterator[Answer]:
    """An answer for each path, in order, as they come."""
    asked: deque[str] = deque()  # those under way: few

    def noted() -> Iterator[str | Stored]:
        for path in paths:
            asked.append(path if isinstance(path, str) else path.name)
            yield path

    pictures = pictures_at(noted())
    for outcome in classifier.predict_many(pictures, errors="return", evidence=evidence):
        yield Answer(asked.popleft(), outcome)


def text_lines(answers: Iterable[Answer], top: int | None, *, alone: bool) -> Iterator[Line]:
    """The format of 2016, `elsa (score = 0.99621)`; several pictures each under its path. Of more
    than `MOST_LABELS` labels the `LIKELIEST` are told, if `top` does not say how many."""
    for number, answer in enumerate(answers):
        outcome = answer.outcome
        gap = "\n" if number else ""
        if isinstance(outcome, PictureError):
            yield Line(f"{gap}{shown(answer.path)}: {outcome.message}\n", False)
            continue
        if outcome.unknown:
            closest = f"{label_words(outcome.label)}, score = {outcome.score:.2f}"
            words = [f"none of these (closest: {closest})\n"]
        else:
            every = len(outcome.scores)
            most = top or (every if every <= MOST_LABELS else LIKELIEST)
            rows = islice(outcome.scores.items(), most)
            words = [f"{label_words(label)} (score = {score:.5f})\n" for label, score in rows]
            if most < every and not top:
                words.append(f"and {every - most:,} less likely labels (all with --top {every})\n")
        head = "" if alone else f"{gap}{shown(answer.path)}\n"
        yield Line(head + "".join(words), True)


def json_lines(answers: Iterable[Answer], top: int | None) -> Iterator[Line]:
    """What `to_json.results.guessed` says of each picture, one object per line."""
    from ..to_json.results import guessed, text

    for answer in answers:
        told = guessed(answer.path, answer.outcome, top)
        yield Line(text(told) + "\n", not isinstance(answer.outcome, PictureError))


def csv_lines(answers: Iterable[Answer], labels: Sequence[str]) -> Iterator[Line]:
    """A header and one row per picture: path, label, score, each label's score, unknown, error.

    Paths and labels stay as they are, even one that begins like a formula: programs read this.
    """
    yield Line(csv_row(["path", "label", "score", *labels, "unknown", "error"]), None)
    for answer in answers:
        outcome = answer.outcome
        if isinstance(outcome, PictureError):
            row = [answer.path, "", "", *[""] * len(labels), "", outcome.message]
            yield Line(csv_row(row), False)
        else:
            scores = [f"{outcome.scores[label]:.6f}" for label in labels]
            unknown = "yes" if outcome.unknown else "no"
            row = [answer.path, outcome.label, f"{outcome.score:.6f}", *scores, unknown, ""]
            yield Line(csv_row(row), True)


def write(lines: Iterable[Line], stream: TextIO) -> Counts:
    """Write and flush each line at once, so that a reader at the other end sees it.

    A terminal gets no control characters, whatever the names of labels and files contain.
    """
    read = unreadable = 0
    watched = stream.isatty()
    for line in lines:
        read += line.read is True
        unreadable += line.read is False
        stream.write("\n".join(map(shown, line.text.split("\n"))) if watched else line.text)
        stream.flush()
    return Counts(read, unreadable)
