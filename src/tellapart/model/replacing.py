"""A model in the place of another: whether it may take it unasked, and what is different then.

Trained again on the same source, a model takes the place of the one before. The source is the same
where it lies at the same path and has kept half of its labels; elsewhere, where half of all
pictures are the same under the same labels, or of the fewer pictures if no label is another. A
model of anything else is only replaced when that is asked for.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..dataset.sources import read_dataset
from ..errors import DestinationError, ModelError, PictureError, option
from ..evaluation.metrics import Proportion
from ..files.addresses import is_address
from ..files.atomic import chosen_with
from ..files.leftovers import kept_beside
from ..files.reading import read_content
from ..files.stored import Place
from ..text import label_words, percent, several, shown
from .file import check_model, seal_of
from .record import TrainingRecord

_LOOKED_AT = 60  # pictures of another source, before any work: is one of them known?


@dataclass(frozen=True)
class Known:
    """What is known of a model: `labels` are None where its file is damaged, `record` where that
    is, or is another's; `private` says whether it is kept without pictures, names and places, and
    is None where that is not known."""

    digest: str
    labels: tuple[str, ...] | None
    record: TrainingRecord | None
    private: bool | None = None

    def is_kept_for(self, new: Known) -> bool:
        """Whether this is kept when `new` takes its place: they are not the same."""
        return self.digest != new.digest or _shows_changed(self, new)

    @cached_property
    def pictures(self) -> Mapping[str, str]:
        """The label of each picture in the training record, by the sha256 of its content."""
        if not self.record:
            return {}
        numbers = self.record.labels.tolist()
        labels = (
            map(_name, self.labels) if self.labels else map(str, range(max(numbers, default=0) + 1))
        )
        names = tuple(labels)
        return {d: names[k] for d, k in zip(self.record.digests, numbers, strict=True)}

    def judged(self) -> tuple[str, np.ndarray]:
        """The pictures whose scores say how good it is, `[N]` bool, and what they are called: those
        held out, or else those learnt from that were judged."""
        assert self.record
        record = self.record
        every = np.ones(len(record.names), bool) if record.judged is None else record.judged
        if (every & record.held_out).any():
            return "held out", every & record.held_out
        return record.run.judged_by, every & ~record.held_out


@dataclass(frozen=True)
class Change:
    """What changes when a model replaces another.

    Attributes:
        kept: where the old model stays; None if both are the same.
        judged_by: the evaluation that `before` and `after` are of.
        before: how often the old model was right; None if that is not known of both.
        after: how often the new model is right; None if that is not known of both.
        common: how many pictures of the two evaluations are the same, with the same label.
        added: how many pictures were added.
        removed: how many pictures are gone.
        new_labels: labels that were added.
        gone_labels: labels that are gone.
        same_model: whether both models answer alike.
        pictures: what happened to the pictures, names and folders beside the model.
    """

    kept: Path | None
    judged_by: str = ""
    before: Proportion | None = None
    after: Proportion | None = None
    common: int = 0
    added: int = 0
    removed: int = 0
    new_labels: tuple[str, ...] = ()
    gone_labels: tuple[str, ...] = ()
    same_model: bool = False
    pictures: str = ""

    @property
    def same_pictures(self) -> bool:
        """Whether both were judged by the same pictures, so that the two figures compare."""
        counts = {found.n for found in (self.before, self.after) if found}
        return counts == {self.common}

    @property
    def words(self) -> str:
        """`89.3 % -> 90.1 %, the same 150 held out`, and what became of the pictures."""
        if not self.kept:
            return "nothing, it is the same model"
        parts = ["the same model"] if self.same_model else []
        parts += [self._figures] if self.before and self.after else []
        counts = [
            f"{several(count, 'picture')} {what}"
            for count, what in ((self.added, "added"), (self.removed, "gone"))
            if count
        ]
        parts += [", ".join(counts)] if counts else []
        for what, labels in (("new", self.new_labels), ("gone", self.gone_labels)):
            if labels:
                more = f" and {len(labels) - 10:,} more" if len(labels) > 10 else ""
                parts.append(f"labels {what}: {', '.join(map(label_words, labels[:10]))}{more}")
        return "; ".join([*(parts or ["the settings"]), *filter(None, [self.pictures])])

    @property
    def _figures(self) -> str:
        assert self.before
        assert self.after
        if self.same_pictures:
            return (
                f"{percent(self.before.value)} -> {percent(self.after.value)}, "
                f"the same {self.common:,} {self.judged_by}"
            )
        return (
            f"{percent(self.before.value)} of {self.before.n:,} -> {percent(self.after.value)} of "
            f"{self.after.n:,} {self.judged_by} (only {several(self.common, 'picture')} in both, "
            "so do not compare these two figures)"
        )


def known_of(folder: Path, model_file: str, record_file: str) -> Known | None:
    """What a folder tells of the model in it; None where there is none."""
    try:
        content = (folder / model_file).read_bytes()
    except OSError:
        return None
    digest = hashlib.sha256(content).hexdigest()
    labels, record = None, None
    with suppress(ModelError):
        labels = check_model(content).labels
    with suppress(OSError, ModelError):  # of a damaged model a record still tells the source
        stored = (folder / record_file).read_bytes()
        record = TrainingRecord.from_bytes(stored, seal_of(content) if labels else None)
        if labels and record.scores.shape[1] != len(labels):
            record = None
    return Known(digest, labels, record, record.run.private if record else None)


def check_same_source(folder: Path, old: Known, new: Known) -> None:
    """Whether a model may take the place of an old one unasked.

    Raises:
        DestinationError: they are not of the same source, or that cannot be known.
    """
    if old.digest == new.digest:
        return
    if not old.record or not new.record:
        raise _unknown(folder)
    if _same_place(old.record, new.record.run.place) and _half_kept(old.labels, new.labels):
        return
    shared = sum(new.pictures.get(d) == label for d, label in old.pictures.items())
    if old.labels is None:
        shared = len(old.pictures.keys() & new.pictures.keys())
    same_labels = not old.labels or {*map(_name, old.labels)} == {*map(_name, new.labels or ())}
    counts = len(old.pictures), len(new.pictures)
    if 2 * shared < (min(counts) if same_labels else max(counts)):
        raise _other(folder, old)


def check_before_work(folder: Path, old: Known, source: str, *, follow_links: bool) -> None:
    """The same, as far as it can be told from a source without much work.

    Raises:
        DestinationError: a model of that source may not take the place of the old one.
        DatasetError: the source is none.
    """
    if not old.record:
        raise _unknown(folder)
    place = source if is_address(source) else os.path.realpath(source)
    if _same_place(old.record, place):
        return  # whether it has kept its labels is seen in the end
    dataset = read_dataset(source, follow_links=follow_links)
    if old.labels and not {*map(_name, old.labels)} & {*map(_name, dataset.labels)}:
        raise _other(folder, old)
    names = {*old.record.names}
    likely = [item for item in dataset.items if item.name in names] or dataset.items
    some = likely[:: max(1, len(likely) // _LOOKED_AT)]
    if not any(_digest(item.path) in old.pictures for item in some):
        raise _other(folder, old)


def change(folder: Path, old: Known, new: Known) -> Change:
    """What is different when `new` takes the place of `old` in a folder."""
    if not old.is_kept_for(new):
        return Change(None)
    pictures = ""
    if _shows_changed(old, new):
        how = "left out now" if new.private else "there again"
        pictures = f"pictures, and names and places of files, are {how}"
    if old.digest == new.digest:
        return Change(kept_beside(folder), same_model=True, pictures=pictures)
    labels = {*map(_name, new.labels or ())}
    had = {*map(_name, old.labels)} if old.labels else labels
    found = Change(
        kept_beside(folder),
        added=_more(new, old) if old.record else 0,
        removed=_more(old, new),
        new_labels=tuple(sorted(labels - had)),
        gone_labels=tuple(sorted(had - labels)),
        pictures=pictures,
    )
    if not (old.record and new.record):
        return found
    (name, then), (now_name, now) = old.judged(), new.judged()
    if name != now_name or not (then.any() and now.any()):
        return found
    return replace(
        found,
        judged_by=name,
        before=_right(old.record, then, name),
        after=_right(new.record, now, name),
        common=_in_common(old, then, new, now),
    )


def _more(one: Known, other: Known) -> int:
    """How many pictures one model has that another has not."""
    if any(known.record and known.record.left_out for known in (one, other)):
        none = np.zeros(0, np.uint64)
        own, theirs = (known.record.marks() if known.record else none for known in (one, other))
        return len(np.setdiff1d(own, theirs, assume_unique=True))
    return len(one.pictures.keys() - other.pictures.keys())


def _shows_changed(old: Known, new: Known) -> bool:
    """Whether only one of them is without pictures, names and places."""
    return None not in (old.private, new.private) and old.private != new.private


def _right(record: TrainingRecord, rows: np.ndarray, name: str) -> Proportion:
    if record.left_out:
        return record.left_out.whole[name].accuracy
    hits = record.scores[rows].argmax(axis=1) == record.labels[rows]
    return Proportion(int(hits.sum()), int(rows.sum()))


def _in_common(old: Known, then: np.ndarray, new: Known, now: np.ndarray) -> int:
    """How many pictures both were judged by, copies counted as often as both have them; by their
    marks alone where a record does not keep all, and then a copy once."""
    assert old.record
    assert new.record
    if old.record.left_out or new.record.left_out:
        return len(
            np.intersect1d(
                old.record.marks(held_out=bool(old.record.held_out[then].any())),
                new.record.marks(held_out=bool(new.record.held_out[now].any())),
            )
        )

    def counted(known: Known, rows: np.ndarray) -> Counter[tuple[str, str]]:
        assert known.record
        digests = (known.record.digests[i] for i in np.flatnonzero(rows))
        return Counter((digest, known.pictures[digest]) for digest in digests)

    return (counted(old, then) & counted(new, now)).total()


def _same_place(record: TrainingRecord, place: str) -> bool:
    return bool(place) and record.run.place == place


def _half_kept(old: Collection[str] | None, new: Collection[str] | None) -> bool:
    """Whether half of the labels are labels still; those of a damaged model are not known."""
    kept = {*map(_name, old or ())} & {*map(_name, new or ())}
    return not old or 2 * len(kept) >= len(old)


def _name(label: str) -> str:
    return unicodedata.normalize("NFC", label)


def _digest(path: Place) -> str:
    try:
        return hashlib.sha256(read_content(path)).hexdigest()
    except PictureError:
        return ""


def _unknown(folder: Path) -> DestinationError:
    return DestinationError(
        f"{shown(folder)} is a model that does not say what it was trained on: its training.npz is "
        "missing or damaged.",
        hint=_hint(folder),
    )


def _other(folder: Path, old: Known) -> DestinationError:
    labels = old.labels or ()
    named = ", ".join(map(label_words, labels[:5])) + (", ..." if len(labels) > 5 else "")
    source = old.record.run.source if old.record else ""
    return DestinationError(
        f"{shown(folder)} is a model of other pictures"
        + (f", trained on {source}" if source else "")
        + (f", with the labels {named}" if named else "")
        + ".",
        hint=_hint(folder),
    )


def _hint(folder: Path) -> str:
    return (
        f"Nothing was changed there. Choose a new folder{chosen_with()}, or "
        f"give {option('replace=True')}: the old model then stays as "
        f"{shown(kept_beside(folder).name)}."
    )
