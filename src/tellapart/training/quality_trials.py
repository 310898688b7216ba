"""Trying the qualities on the pictures to learn from, within a time: `quality="auto"`.

    dataset, TrainOptions -> TrainOptions with the quality to take, QualityChoice

All pictures are embedded with the quickest quality, which is needed whatever is taken. Then as many
as there is time for are embedded with the others, in turns, and all qualities are cross-validated
on the same pictures in the same folds. Pictures held out for testing have no say. What is embedded
is in the cache, where training finds it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np

from ..assess.pictures import Pictures, gather
from ..backbones.embed import Embedder, Embeddings, embed_all
from ..backbones.rows import QUALITIES
from ..dataset.sources import Dataset
from ..dataset.split import in_sample_order
from ..errors import PictureError
from ..files.stored import Place
from ..workers.local import cores, side_by_side
from .engines import build_network
from .fit import fit
from .options import TrainOptions, Watch
from .quality_choice import AUTO, TIME_LIMIT, QualityChoice, Trial, better, with_figures
from .quality_plan import Plan, Price, plan

LEAST = 100  # pictures to compare on, if there are so many
BLOCK = 256  # pictures that are embedded between two looks at the clock
TIMED = 8  # pictures, at least, in each of two turns, on which embedding is timed
PROBE = 500  # pictures, if there are so many, on which cross-validating is timed
FINISH = 3.0  # times a cross-validation is what training takes once all is embedded,
SAVING = 3.0  # and seconds for the model and its report
MARGIN = 0.85  # of the limit is planned: what is timed on a few pictures is not exact

Clock = Callable[[], float]


def choose_quality(
    dataset: Dataset,
    options: TrainOptions,
    watch: Watch,
    *,
    clock: Clock = time.monotonic,
    work: Clock = time.process_time,
) -> tuple[TrainOptions, QualityChoice | None]:
    """The same options with the quality to take, and why; nothing is done where one is asked for.

    The limit goes by `clock`; how many times slower a quality is, by `work`, the seconds of all
    cores together, which a busy machine does not change much.

    Raises:
        DatasetError: fewer than two labels have pictures to train on.
    """
    if options.quality != AUTO:
        return options, None
    choice = _Comparison(options, watch, clock, work).of(dataset)
    watch.doing(f"Embedding with {choice.quality}")
    return replace(options, quality=choice.quality, time_limit=None), choice


def seconds_each(paths: Sequence[Place]) -> dict[str, float]:
    """The seconds that embedding a picture takes here with each quality, all cores at work, timed
    on the first of these."""
    comparison = _Comparison(TrainOptions(quality=AUTO), Watch(), time.monotonic, time.process_time)
    comparison.time_embedding(paths)
    return {name: one.speed for name, one in comparison.all.items()}


class _Contestant:
    """One quality: what it embeds with, how fast it is here, and what it has not embedded yet.

    Attributes:
        seconds: what embedding some pictures took, all cores at work.
        timed: how many those were.
        work: the seconds of all cores together for those that all qualities were timed on.
        pending: the pictures of the data set that it has still to embed, by their digests.
        fit: the seconds that cross-validating takes on all pictures to compare on.
        vectors: the embeddings of the first of these, `[P,D]`; NaN where a file has changed.
    """

    def __init__(self, name: str, options: TrainOptions) -> None:
        self.name = name
        self.options = replace(options, quality=name, time_limit=None, repeats=1)
        self.repeats = options.repeats  # of the training, not of the comparison
        network = build_network(self.options)
        self.width = sum(trunk.channels for trunk in network.trunks)
        self.embedder = Embedder(network, options.cache)
        self.seconds = self.work = self.fit = 0.0
        self.timed = 0
        self.pending: set[str] = set()
        self.vectors = np.empty((0, self.width), np.float32)

    @property
    def speed(self) -> float:
        """The seconds that it takes for a picture, all cores at work."""
        return self.seconds / self.timed if self.timed else 0.0

    def embed_afresh(self, path: Place) -> None:
        """Embed a picture even if it is known, and keep it."""
        with suppress(PictureError):
            self.embedder.embed(path, afresh=True)

    def look_up(self, digests: Sequence[str]) -> None:
        """Learn from the cache which pictures are still to be embedded."""
        cache = self.embedder.cache
        assert cache is not None
        self.pending = {digest for digest in digests if bytes.fromhex(digest) not in cache}

    def price(self, sample: Pictures) -> Price:
        """What it costs from now on to compare on `sample`, and to train."""
        new = np.array([digest in self.pending for digest in sample.digests], dtype=float)
        new[: len(self.vectors)] = 0
        embedded = np.concatenate([[0], np.cumsum(new)])
        rest = np.maximum(len(self.pending) - embedded, 0)
        finish = (FINISH + self.repeats - 1) * self.fit + SAVING
        return Price(self.speed * embedded, self.speed * rest, self.fit, finish)

    def embed(self, sample: Pictures, until: int, progress: Callable[[int], None]) -> int:
        """Embed the pictures of `sample` up to a position; returns how many were new."""
        begin = len(self.vectors)
        found = embed_all(sample.paths[begin:until], self.embedder, progress=progress)
        vectors = np.full((until - begin, self.width), np.nan, np.float32)
        for at, digest, vector in zip(found.positions, found.digests, found.vectors, strict=True):
            if digest == sample.digests[begin + at]:
                vectors[at] = vector
        self.vectors = np.concatenate([self.vectors, vectors])
        new = len(self.pending.intersection(found.digests))
        if not found.trouble:  # or training has to embed them again
            self.pending.difference_update(found.digests)
        return new

    def right(self, sample: Pictures) -> tuple[np.ndarray, np.ndarray]:
        """Which of the pictures are right when cross-validated, and which were judged,
        bool `[N]`."""
        fitted = fit(sample, self.options)
        return fitted.scores.argmax(axis=1) == sample.truth, fitted.judged


class _Comparison:
    """The qualities in one comparison, the quickest first, and its time."""

    def __init__(self, options: TrainOptions, watch: Watch, clock: Clock, work: Clock) -> None:
        self.watch, self.clock, self.work, self.began = watch, clock, work, clock()
        self.share, self.groups = options.share, options.groups
        self.limit = TIME_LIMIT if options.time_limit is None else options.time_limit
        self.all = {name: _Contestant(name, options) for name in QUALITIES}
        self.quickest = next(iter(self.all.values()))

    def of(self, dataset: Dataset) -> QualityChoice:
        self.watch.doing(f"Embedding with {self.quickest.name}")
        embeddings = embed_all(
            dataset.items.paths,
            self.quickest.embedder,
            progress=lambda done: self.watch.pictures(done, len(dataset.items)),
        )
        sample = _in_order(gather(dataset, embeddings, self.share, self.groups))
        if self.left() <= 0:
            return self.taken(self.quickest.name, map(Trial, self.all), 0, sample)
        sizes = _sizes(sample)
        self.take_times(sample, embeddings, max(PROBE, sizes[0]))
        first = plan(self.prices(sample, self.all), sizes, self.left(MARGIN))
        needs = self.limits(first)
        if not first.tried:
            return self.taken(self.quickest.name, self.trials(needs).values(), 0, sample)
        entered = (self.quickest.name, *first.tried)
        size = self.embed(sample, sizes, entered, first.pictures)
        right, keys = self.judge(sample.only(np.arange(size)), entered)
        last = plan(self.prices(sample, entered), [size], self.left())
        trials = self.trials({**needs, **self.limits(last)})
        chosen = better({name: right[name] for name in (self.quickest.name, *last.tried)}, keys)
        figures = with_figures(trials, right, keys, chosen, last.tried)
        return self.taken(chosen, figures, len(keys), sample)

    def limits(self, found: Plan) -> dict[str, float]:
        """For each slower quality the limit, in seconds, that would do."""
        return {name: (self.passed() + more) / MARGIN for name, more in found.needs.items()}

    def trials(self, needs: Mapping[str, float]) -> dict[str, Trial]:
        """What each quality costs."""
        least = self.quickest.work
        return {
            name: Trial(
                name,
                milliseconds=1000 * one.speed,
                slower=one.work / least if least else 1.0,
                needs=needs.get(name),
            )
            for name, one in self.all.items()
        }

    def taken(
        self, name: str, trials: Iterable[Trial], pictures: int, sample: Pictures
    ) -> QualityChoice:
        return QualityChoice(
            name, (*trials,), pictures, len(sample.names), self.limit, self.passed()
        )

    def passed(self) -> float:
        """The seconds since it began."""
        return self.clock() - self.began

    def left(self, margin: float = 1.0) -> float:
        """The seconds until the limit, or until a part of it is over."""
        return margin * self.limit - self.passed()

    def prices(self, sample: Pictures, names: Iterable[str]) -> dict[str, Price]:
        return {name: self.all[name].price(sample) for name in names}

    def take_times(self, sample: Pictures, embeddings: Embeddings, probe: int) -> None:
        """Take the time of embedding with each quality, and of cross-validating `probe`
        pictures."""
        self.watch.doing("Measuring how fast this machine is")
        self.time_embedding(sample.paths)
        few = sample.only(np.arange(min(probe, len(sample.names))))
        began = self.clock()
        self.quickest.right(few)
        whole = (self.clock() - began) * len(sample.names) / len(few.names)
        for one in self.all.values():
            one.look_up(embeddings.digests)
            one.fit = whole * one.width / self.quickest.width

    def time_embedding(self, paths: Sequence[Place]) -> None:
        """Take the time of embedding the first of some pictures with each quality.

        They take turns, so that whatever else the machine does slows all of them down alike.
        """
        size = max(TIMED, 4 * cores())
        for one in self.all.values():
            one.embedder.start()
            one.embed_afresh(paths[0])  # opens the network
        for some in (paths[:size], paths[size : 2 * size]):
            for one in self.all.values():
                began, worked = self.clock(), self.work()
                side_by_side(one.embed_afresh, some)
                one.seconds += self.clock() - began
                one.work += self.work() - worked
                one.timed += len(some)
        for one in self.all.values():
            one.embedder.finish()

    def embed(self, sample: Pictures, sizes: Sequence[int], names: Sequence[str], end: int) -> int:
        """Embed the first pictures with each quality; returns how many can be compared on.

        What there is time for is looked at again after each block.
        """
        self.watch.doing("Comparing qualities")
        slower = [self.all[name] for name in names[1:]]
        done = 0
        while end > done:
            until = max(sizes[0], min(end, done + BLOCK))
            for at, one in enumerate(slower):
                before, total = done * len(slower) + at * (until - done), end * len(slower)
                began = self.clock()
                new = one.embed(sample, until, partial(self.progress, before, total))
                if 2 * new > until - done:
                    one.seconds += self.clock() - began
                    one.timed += new
            done = until
            then = plan(self.prices(sample, names), sizes, self.left(MARGIN))
            end = then.pictures if then.tried == (*names[1:],) else done
        return max(size for size in sizes if size <= done)

    def progress(self, before: int, total: int, done: int) -> None:
        self.watch.pictures(before + done, total)

    def judge(
        self, sample: Pictures, names: Sequence[str]
    ) -> tuple[dict[str, np.ndarray], Sequence[str]]:
        """Which pictures each quality has right when cross-validated, bool `[S]`; their keys."""
        vectors = {name: self.all[name].vectors[: len(sample.names)] for name in names[1:]}
        same = np.all([np.isfinite(found[:, 0]) for found in vectors.values()], axis=0)
        rows = np.flatnonzero(same)
        sample = sample.only(rows)
        right, judged = {}, np.ones(len(rows), dtype=bool)
        for name in names:
            self.watch.doing(f"Cross-validating with {name}")
            own = replace(sample, vectors=vectors[name][rows]) if name in vectors else sample
            right[name], known = self.all[name].right(own)
            judged &= known
        keys = sample.keys_of(np.flatnonzero(judged))
        return {name: hits[judged] for name, hits in right.items()}, keys


def _in_order(pictures: Pictures) -> Pictures:
    """The pictures to learn from, in an order of which any beginning can be compared on."""
    rows = pictures.learnt
    keys = pictures.keys_of(rows)
    labels = [pictures.labels[k] for k in pictures.truth[rows]]
    return pictures.only(rows[in_sample_order(keys, labels)])


def _sizes(sample: Pictures) -> list[int]:
    """How many of the first pictures can be compared on, growing: no group is parted, and two keys
    of each label are among them, if it has two."""
    keys, whole = sample.keys, len(sample.keys)
    seen: dict[int, set[str]] = {}
    both = 0
    for at, (label, key) in enumerate(zip(sample.truth.tolist(), keys, strict=True), 1):
        own = seen.setdefault(label, set())
        if key not in own and len(own) < 2:
            both = at
        own.add(key)
    least = min(whole, max(LEAST, both))
    return [n for n in range(least, whole + 1) if n == whole or keys[n] != keys[n - 1]]
