"""A model and a folder of unlabelled pictures -> those to label next, in order, with reasons.

Pictures are observed one after the other, and only the `MOST` least sure are kept, so memory does
not grow with the folder. `selection.py` chooses from those.
"""

from __future__ import annotations

import heapq
import itertools
import os
import secrets
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..dataset.sources import SkippedFile, pictures_below
from ..dataset.stored.containers import check_are_files
from ..errors import DatasetError, PictureError, UsageError
from ..files.atomic import cannot_write, sync
from ..files.on_disk import check_written_here
from ..files.purpose import Errand, Purpose
from ..files.transfer import carry, content_of, holds
from ..health.selection import choose, doubts
from ..model.classifier import Classifier
from ..model.observe import Observation, observe
from ..text import label_words, several, shown

MOST = 2000  # pictures that are chosen from
MOST_CHOSEN = 1000
UNSURE = 0.5  # from this doubt on a picture lies between labels
_COPYING = Purpose(hidden=".tellapart-copy", done="copied")


@dataclass(frozen=True)
class Suggestion:
    """A picture to label.

    Attributes:
        name: its path below the folder.
        path: where it is.
        label: the likeliest label.
        score: its score.
        settles: the fraction of all doubt about the pictures that goes away with its label, after
            the suggestions before it.
        reason: why it is suggested, in a few words.
    """

    name: str
    path: Path
    label: str
    score: float
    settles: float
    reason: str


@dataclass(frozen=True)
class Suggestions:
    """Pictures to label next; those that teach the model most come first.

    Attributes:
        source: the folder of the pictures.
        suggestions: the pictures to label, in order.
        looked_at: how many pictures could be read.
        learnt: how many of these the model learnt from; they are not suggested.
        tested: how many of these the model was tested on; they are not suggested.
        twice: how many of these are copies of others; they are not suggested.
        unreadable: files that could not be read, with the reason.
        hidden: how many files of the system were passed over.
        notes: sentences on what else to know.
    """

    source: Path
    suggestions: tuple[Suggestion, ...]
    looked_at: int
    learnt: int
    tested: int
    twice: int
    unreadable: tuple[SkippedFile, ...]
    hidden: int
    notes: tuple[str, ...] = ()


def suggest(
    classifier: Classifier,
    folder: str | os.PathLike[str],
    count: int = 50,
    *,
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Suggestions:
    """Choose the `count` pictures below a folder whose labels would teach the model most.

    The same pictures give the same answer, whatever they are called and in whatever order.

    Raises:
        UsageError: a count that is not from 1 to `MOST_CHOSEN`, or pictures that are no files.
        DatasetError: the folder is none, or holds no picture that can be read.
    """
    if not 1 <= count <= MOST_CHOSEN:
        raise UsageError(
            f"The count must be 1 to {MOST_CHOSEN:,}, not {count:,}.",
            hint="Label some pictures, train again, and ask again: the answer changes.",
        )
    check_are_files(folder)
    root = Path(folder)
    if not os.path.isdir(root):
        raise DatasetError(
            f"{shown(root)} is not a folder.", hint="Give the folder of pictures to choose from."
        )
    files, skipped, hidden = pictures_below(root, follow_links=follow_links)
    pool = Pool(classifier)
    seen = zip(files, observe(classifier, (path for path, _ in files)), strict=True)
    for done, ((path, name), found) in enumerate(seen, start=1):
        if isinstance(found, PictureError):
            skipped.append(SkippedFile(name, found.message))
        else:
            pool.add(Seen(name, path, found))
        if progress:
            progress(done, len(files))
    if not pool.looked_at:
        raise DatasetError(
            f"{shown(root)} has no picture that can be read.",
            hint="Give the folder of pictures to choose from.",
        )
    return Suggestions(
        source=root,
        suggestions=tuple(pool.chosen(count)),
        looked_at=pool.looked_at,
        learnt=pool.learnt,
        tested=pool.tested,
        twice=pool.twice,
        unreadable=tuple(skipped),
        hidden=hidden,
        notes=tuple(pool.notes()),
    )


@dataclass(frozen=True)
class Seen:
    """A picture that might be labelled, and what the model sees in it."""

    name: str
    path: Path
    observed: Observation


class Pool:
    """What was seen so far, to choose from: counts of all, and the `MOST` least sure pictures."""

    def __init__(self, classifier: Classifier) -> None:
        record = classifier.training_record
        self.classifier = classifier
        self._learnt: Container[str] = record.learnt() if record else ()
        self._held: Container[str] = record.tested() if record else ()
        self.looked_at = self.learnt = self.tested = self.twice = 0
        self._known: set[str] = set()
        self._heap: list[tuple[float, str, Seen]] = []
        self._fresh = 0

    def add(self, seen: Seen) -> None:
        self.looked_at += 1
        digest = seen.observed.digest
        if digest in self._held:
            self.tested += 1
        elif digest in self._learnt:
            self.learnt += 1
        elif digest in self._known:
            self.twice += 1
        else:
            self._known.add(digest)
            self._fresh += 1
            row = (float(doubts(seen.observed.scores[None])[0]), digest, seen)
            push = heapq.heappush if len(self._heap) < MOST else heapq.heappushpop
            push(self._heap, row)

    def chosen(self, count: int) -> list[Suggestion]:
        """So many pictures, or all if there are fewer; the one that teaches most comes first."""
        if not self._heap:
            return []
        rows = sorted(self._heap, key=lambda row: row[1])  # by content, not by name
        pictures = [seen for _, _, seen in rows]
        vectors = np.stack([seen.observed.embedding for seen in pictures])
        record = self.classifier.training_record
        known = record.vectors[~record.held_out] if record else vectors[:0]
        doubt = np.array([doubt for doubt, _, _ in rows])
        found = choose(vectors, doubt, known, count)
        return [
            self._suggestion(pictures[row], float(doubt[row]), settles, stands_for)
            for row, settles, stands_for in zip(
                found.rows.tolist(), found.settles.tolist(), found.stands_for.tolist(), strict=True
            )
        ]

    def notes(self) -> list[str]:
        found = []
        if self.classifier.training_record is None:
            found.append(
                "This model has no training.npz beside it, so pictures it learnt from may be "
                "suggested too."
            )
        elif self.classifier.training_record.left_out:
            record = self.classifier.training_record
            found.append(
                f"What the model knows already is told by {len(record.names):,} of its "
                f"{several(record.count, 'picture')}, which its training record keeps."
            )
        if self._fresh > MOST:
            found.append(
                f"Chosen from the {MOST:,} pictures that the model is least sure of, out of "
                f"{several(self._fresh, 'new picture')}."
            )
        return found

    def _suggestion(self, seen: Seen, doubt: float, settles: float, stands_for: int) -> Suggestion:
        scores = seen.observed.scores
        order = np.argsort(-scores, kind="stable")
        ranked = [(self.classifier.labels[k], float(scores[k])) for k in order[:3]]
        reason = reason_words(ranked, doubt, seen.observed.unknown, stands_for)
        label, score = ranked[0]
        return Suggestion(seen.name, seen.path, label, score, settles, reason)


def reason_words(
    ranked: Sequence[tuple[str, float]], doubt: float, unknown: bool, stands_for: int
) -> str:
    """Why a picture is suggested, in few words: from its likeliest labels with their scores."""
    words = [label_words(label) for label, _ in ranked]
    parts = ["unlike everything learnt"] if unknown else []
    if doubt >= UNSURE:
        third = len(ranked) > 2 and ranked[2][1] >= ranked[0][1] / 2
        parts.append(
            f"between {words[0]}, {words[1]} and {words[2]}"
            if third
            else f"between {words[0]} and {words[1]}"
        )
    if stands_for and not unknown:
        parts.append(f"like {several(stands_for, 'other')} here")
    return "; ".join(parts) or "unlike the other suggestions"


@dataclass(frozen=True)
class Copied:
    """How many pictures were copied into a folder, how many were there before, and the rest."""

    folder: Path
    copied: int
    there: int
    skipped: tuple[SkippedFile, ...] = ()


def copy_to(folder: Path, suggestions: Sequence[Suggestion]) -> Copied:
    """Copy the pictures into a folder under their own names; nothing is ever overwritten.

    Where a name is taken by something else, a number is put behind it; a picture that is there
    already is left. One that has gone or changed since is listed.

    Raises:
        DestinationError: the folder cannot be written.
    """
    check_written_here(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error, "copy_to") from error
    errand = Errand(_COPYING, secrets.token_hex(8))
    copied = there = 0
    skipped = []
    for one in suggestions:
        try:
            if _copy(one.path, folder, errand):
                copied += 1
            else:
                there += 1
        except PictureError as error:
            skipped.append(SkippedFile(one.name, error.message))
        except OSError as error:
            raise cannot_write(folder, error, "copy_to") from error
    sync(folder)
    return Copied(folder, copied, there, tuple(skipped))


def _copy(path: Path, folder: Path, errand: Errand) -> bool:
    """Whether a picture was copied; False where it is there already."""
    content = content_of(path)
    for number in itertools.count(1):
        tail = f"-{number}" if number > 1 else ""
        target = folder / f"{path.stem}{tail}{path.suffix}"
        if holds(target, content):
            return False
        if os.path.lexists(target):
            continue
        try:
            carry(path, target, content, errand, keep=True)
        except FileExistsError:  # it has appeared in this moment
            continue
        return True
    raise AssertionError("there is always another number")
