"""A model, and perhaps a folder of pictures -> what the data lacks: looks with too few pictures.

What the model learnt from is remembered by it; pictures to test on may be labelled, in any form
that training takes, or not.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..dataset import Dataset, Item, Skipped, pictures_below, read_dataset
from ..errors import DatasetError, ModelError, PictureError
from ..images import decode, read_content
from ..memory import Memory
from ..model import Classifier
from ..pool import batches_of, local_map
from ..wording import shown
from .looks import FEWEST, Look, Sample, looks_of

EXAMPLES = 3  # pictures named with a piece of advice
MOST_MAYBE = 3  # looks that may be chance
_BATCH = 4  # pictures a thread takes at a time


@dataclass(frozen=True)
class Example:
    """A picture of a look: its name, where it is if that is known, its own label and the one given.

    Of a picture without a label, or that was not judged, the two are the same.
    """

    name: str
    path: Path | None
    label: str
    predicted: str
    tested: bool

    @property
    def wrong(self) -> bool:
        return self.label != self.predicted


@dataclass(frozen=True)
class Side:
    """Pictures learnt from or tested: as arrays, by name, and where they are as far as is known."""

    sample: Sample
    names: tuple[str, ...]
    paths: tuple[Path | None, ...]


@dataclass(frozen=True)
class Gaps:
    """The looks of all labels: those that stand out first, then by the errors that more pictures
    of them would mend.

    `tested` is None where no pictures were given and none were held out; `what_tested` says in
    words what they are. `unknown` counts pictures of labels that the model does not know.
    """

    labels: tuple[str, ...]
    looks: tuple[Look, ...]
    learnt: Side
    tested: Side | None
    what_tested: str = ""
    skipped: tuple[Skipped, ...] = ()
    hidden: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    _dataset: Dataset | None = field(default=None, repr=False)  # keeps an unpacked archive

    @property
    def known(self) -> bool:
        """Whether the labels of the pictures tested are known, or there are none."""
        return self.tested is None or self.tested.sample.known

    @property
    def advice(self) -> tuple[Look, ...]:
        """The looks that stand out: what to photograph next."""
        return tuple(look for look in self.looks if look.stands_out)

    @property
    def maybe(self) -> tuple[Look, ...]:
        """The next few looks in rank, for which chance alone could explain what is seen."""
        rest = (look for look in self.looks if not look.stands_out and self._says_something(look))
        return tuple(itertools.islice(rest, MOST_MAYBE))

    def label(self, look: Look) -> str:
        return self.labels[look.label]

    def learnt_of(self, look: Look) -> int:
        """How many pictures of the look's label were learnt from."""
        return int((self.learnt.sample.labels == look.label).sum())

    def pictures(self, look: Look) -> list[Example]:
        """The pictures tested, then those learnt from; the most central first."""
        tested = self._examples(self.tested, look.tested, True) if self.tested else []
        return [*tested, *self._examples(self.learnt, look.learnt, False)]

    def examples(self, look: Look) -> list[Example]:
        """A few pictures that show what more is needed of."""
        return self.pictures(look)[:EXAMPLES]

    @property
    def missing_pictures(self) -> int:
        """Pictures learnt from that are not where they can be found."""
        return sum(path is None for path in self.learnt.paths)

    def _says_something(self, look: Look) -> bool:
        """Whether a look is rarer among those learnt from, or thin and judged wrong at all."""
        rarer = look.scarcity > 0 and len(look.tested) >= FEWEST
        return rarer or (look.thin and look.size >= FEWEST and round(look.likely_wrong) > 0)

    def _examples(self, side: Side, rows: np.ndarray, tested: bool) -> list[Example]:
        sample = side.sample
        given = np.where(sample.errors >= 1, sample.scores.argmax(axis=1), sample.labels)
        return [
            Example(
                name=side.names[i],
                path=side.paths[i],
                label=self.labels[int(sample.labels[i])],
                predicted=self.labels[int(given[i])],
                tested=tested,
            )
            for i in rows
        ]


def find_gaps(
    classifier: Classifier,
    source: str | os.PathLike[str] | None = None,
    *,
    pictures: Sequence[Path] = (),
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Gaps:
    """Find looks that a model has learnt too little of.

    `source` are pictures to test on, labelled in any form that training takes, or any folder of
    pictures; without it, those that were held out, if any were. The pictures learnt from are looked
    for where they were, and below `pictures`.

    Raises:
        ModelError: the model does not remember its training.
        DatasetError: `source` holds no picture that can be read and judged.
    """
    memory = classifier.remembered()
    where = memory.locate(*pictures)
    learnt = _remembered_side(memory, ~memory.held_out, where)
    if not len(learnt.names):
        raise ModelError("This model remembers no picture it learnt from.", hint="Train again.")
    if source is None:
        held = _remembered_side(memory, memory.held_out, where) if memory.held_out.any() else None
        return Gaps(
            labels=classifier.labels,
            looks=looks_of(learnt.sample, held.sample if held else None, len(classifier.labels)),
            learnt=learnt,
            tested=held,
            what_tested="held out" if held else "",
        )
    found = _Source(classifier, Path(source), follow_links)
    tested, unreadable = _look_at(classifier, found, progress or (lambda done, total: None))
    return Gaps(
        labels=classifier.labels,
        looks=looks_of(learnt.sample, tested.sample, len(classifier.labels)),
        learnt=learnt,
        tested=tested,
        what_tested=f"from {shown(source)}",
        skipped=(*found.skipped, *unreadable),
        hidden=found.hidden,
        unknown=found.unknown,
        _dataset=found.dataset,
    )


class _Source:
    """Pictures to test on, with their labels' numbers if they have labels that the model knows."""

    def __init__(self, classifier: Classifier, source: Path, follow_links: bool) -> None:
        self.dataset: Dataset | None = None
        self.items: list[tuple[Path, str, int | None]] = []
        self.unknown: dict[str, int] = {}
        self.skipped: Sequence[Skipped] = ()
        self.hidden = 0
        try:
            self.dataset = read_dataset(source, follow_links=follow_links, at_least=1)
        except DatasetError:
            if not os.path.isdir(source):
                raise
        items = self._to_judge()
        known = [item for item in items if item.label in classifier.labels]
        if self.dataset and known:
            self.skipped, self.hidden = self.dataset.skipped, self.dataset.hidden
            self.items = [(i.path, i.name, classifier.labels.index(i.label)) for i in known]
            others = (item.label for item in items if item.label not in classifier.labels)
            self.unknown = dict(Counter(others))
        elif os.path.isdir(source):  # folders of other names say nothing of what is in them
            below, self.skipped, self.hidden = pictures_below(source, follow_links=follow_links)
            self.items = [(path, name, None) for path, name in below]
        if not self.items:
            raise DatasetError(
                f"{shown(source)} holds no picture to look at.",
                hint="Give a folder of pictures, labelled as the model's or not at all.",
            )

    def _to_judge(self) -> Sequence[Item]:
        """Of a source that says what is for testing, only that."""
        if self.dataset is None:
            return ()
        said = {item.split for item in self.dataset.items}
        return self.dataset.only("test").items if "test" in said else self.dataset.items


@dataclass(frozen=True)
class _Seen:
    """A picture as the model sees it."""

    digest: str
    scores: np.ndarray
    embedding: np.ndarray


class _Seer:
    """The unit of work: pictures through the model."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def start(self) -> None:
        """Nothing to prepare: the session opens with the first picture."""

    def process(self, batch: Sequence[Path]) -> list[_Seen | PictureError]:
        return [self._see(path) for path in batch]

    def _see(self, path: Path) -> _Seen | PictureError:
        try:
            content = read_content(path)
            pixels = decode(content, suffix=path.suffix)
        except PictureError as error:
            return error
        scores, embedding = self.classifier.run(pixels, ["scores", "embedding"])
        return _Seen(hashlib.sha256(content).hexdigest(), scores, embedding)


def _look_at(
    classifier: Classifier, source: _Source, progress: Callable[[int, int], None]
) -> tuple[Side, list[Skipped]]:
    unreadable: list[Skipped] = []
    seen: list[tuple[Path, str, int, _Seen]] = []
    known = source.items[0][2] is not None
    for done, (item, answer) in enumerate(_answers(classifier, source), start=1):
        path, name, label = item
        if isinstance(answer, PictureError):
            unreadable.append(Skipped(name, answer.message))
        else:
            given = int(answer.scores.argmax()) if label is None else label
            seen.append((path, name, given, answer))
        progress(done, len(source.items))
    if not seen:
        reasons = "; ".join(f"{shown(one.name)}: {one.reason}" for one in unreadable[:3])
        raise DatasetError(f"None of these pictures can be read: {reasons}.")
    sample = Sample(
        vectors=np.stack([one.embedding for *_, one in seen]),
        labels=np.array([label for _, _, label, _ in seen], dtype=np.int64),
        scores=np.stack([one.scores for *_, one in seen]).astype(np.float64),
        digests=tuple(one.digest for *_, one in seen),
        judged=np.full(len(seen), known),
        known=known,
    )
    names = tuple(name for _, name, _, _ in seen)
    return Side(sample, names, tuple(path for path, *_ in seen)), unreadable


def _answers(
    classifier: Classifier, source: _Source
) -> Iterator[tuple[tuple[Path, str, int | None], _Seen | PictureError]]:
    work = batches_of((path for path, _, _ in source.items), _BATCH)
    yield from zip(source.items, local_map(_Seer(classifier), work), strict=True)


def _remembered_side(memory: Memory, wanted: np.ndarray, where: dict[int, Path]) -> Side:
    """Some of the pictures that a model remembers."""
    rows = np.flatnonzero(wanted)
    judged = np.ones(len(wanted), bool) if memory.judged is None else memory.judged
    sample = Sample(
        vectors=memory.vectors[rows],
        labels=memory.labels[rows].astype(np.int64),
        scores=memory.scores[rows],
        digests=tuple(memory.digests[i] for i in rows),
        judged=judged[rows],
    )
    return Side(
        sample, tuple(memory.names[i] for i in rows), tuple(where.get(int(i)) for i in rows)
    )
