"""The head of very many embeddings, out of core: seconds, and the memory that is not a file's.

Drawn embeddings of 1,280 values: centres of labels, noise whose spread falls from direction to
direction as it does in a network's, and a part that all share, brought to length 1. They are
written to a file and mapped. Each figure is of a process of its own; where others use the cores,
the seconds of all cores together say more:

- discriminant: cross-validated in 5 folds, the shrinkage chosen, calibrated, all logits out of fold
  in a file, and then the head of all;
- regression: at one C, to the minimum; with --steps, at most so many passes are taken and timed;
- C: the regression cross-validated, C chosen;
- novelty: what is usual, and the thresholds;
- in memory: the same as before there was another way, where the copies fit.

"apart" is the largest difference of logits between the two ways by the largest logit, without the
temperature, whose search ends at four digits; for a regression also what its objective is above
that of the fit in memory, in float64 and to a tolerance of 1e-7.

    python benchmarks/head_at_scale.py [--rows 10000 100000] [--labels 100] [--folder DIR]
        [--parts discriminant regression C novelty] [--memory] [--steps N]

A million rows take 5.1 GB of the folder, and minutes; they are asked for with --rows 1000000.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from measure import Memory, machine, print_table

from tellapart.files import room
from tellapart.head import block_regression, blocks, prepared
from tellapart.head.cross_validation import cross_validate
from tellapart.head.discriminant import Discriminant
from tellapart.head.kinds import DISCRIMINANT, REGRESSION, Part
from tellapart.head.linear import Head, losses_of
from tellapart.head.novelty import fit_novelty
from tellapart.head.prepared import Prepared
from tellapart.head.ready import made_ready
from tellapart.head.recipe import Recipe
from tellapart.head.regression import Regression
from tellapart.head.summed import Summed, SummedDiscriminant
from tellapart.workers.local import one_thread_each

WIDTH = 1280
FOLDS = 5
PER_LABEL = 5  # C times the pictures of a label, for the fits at one C
JUDGED = 20_000  # rows whose logits are compared
Found = dict[str, Any]


def draw(folder: Path, rows: int, labels: int) -> None:
    """Embeddings in a file, and their labels and folds beside it; as many as are asked for."""
    lot = np.random.default_rng([rows, labels])
    falling = 1 / np.sqrt(1 + np.arange(WIDTH, dtype=np.float32) / 10)
    falling /= np.sqrt(np.mean(falling**2))
    centres = lot.standard_normal((labels, WIDTH), np.float32) * falling
    common = 5 * lot.standard_normal(WIDTH, np.float32)
    truth = lot.integers(0, labels, rows)
    shape = (rows, WIDTH)
    stored: np.ndarray = np.memmap(folder / "vectors", np.float32, "w+", shape=shape)
    for some in blocks.slices(rows):
        own = truth[some]
        held = lot.standard_normal((len(own), WIDTH), np.float32)
        held *= 10 * falling
        held += centres[own] + common
        held /= np.linalg.norm(held, axis=1)[:, None]
        stored[some] = held
    np.save(folder / "labels.npy", truth)
    np.save(folder / "fold.npy", lot.integers(0, FOLDS, rows))


class Drawn:
    """What `draw` left in a folder."""

    def __init__(self, folder: Path, count: int) -> None:
        self.labels: np.ndarray = np.load(folder / "labels.npy")
        self.fold: np.ndarray = np.load(folder / "fold.npy")
        self.count = count
        self.folder = folder
        shape = (len(self.labels), WIDTH)
        self.vectors: np.ndarray = np.memmap(folder / "vectors", np.float32, "r", shape=shape)

    def some(self) -> tuple[np.ndarray, np.ndarray]:
        rows = blocks.evenly(len(self.labels), JUDGED)
        return np.asarray(self.vectors[rows], np.float64), self.labels[rows]


def discriminant(drawn: Drawn) -> Found:
    shape = (len(drawn.labels), drawn.count)
    fits = shape[0] * shape[1] <= 250_000_000
    place: np.ndarray | None = None
    if fits:
        place = np.memmap(drawn.folder / "logits", np.float32, "w+", shape=shape)
    found = cross_validate(drawn.vectors, drawn.labels, drawn.count, drawn.fold, into=place)
    assert found.recipe
    assert found.answers
    assert found.whole
    head = found.recipe.fit(found.whole)
    part = found.recipe.parts[0]
    right = float(np.mean(found.answers.given == drawn.labels))
    return {"said": f"s {part.setting:.2f}, T {part.temperature:.2f}, {right:.1%}", **_kept(head)}


def discriminant_in_memory(drawn: Drawn) -> Found:
    vectors = np.asarray(drawn.vectors).copy()
    found = cross_validate(vectors, drawn.labels, drawn.count, drawn.fold, kind=DISCRIMINANT)
    assert found.recipe
    head = found.recipe.fit(Prepared(vectors, drawn.labels, drawn.count))
    part = found.recipe.parts[0]
    right = float(np.mean(found.logits.argmax(axis=1) == drawn.labels))
    return {"said": f"s {part.setting:.2f}, T {part.temperature:.2f}, {right:.1%}", **_kept(head)}


class StepsTakenError(Exception):
    """As many passes as were asked for have been timed."""


def regression(drawn: Drawn, steps: int) -> Found:
    """Passes are counted as parts of one over all rows."""
    passes: list[float] = []
    one = block_regression._Problem.at

    def counted(problem: Any, *arguments: Any) -> Any:
        whole = len(problem.labels) == len(drawn.labels)
        if whole and steps and sum(share == 1 for share in passes) >= steps:
            raise StepsTakenError
        found = one(problem, *arguments)
        passes.append(len(problem.labels) / len(drawn.labels))
        return found

    block_regression._Problem.at = counted  # type: ignore[assignment,method-assign]
    began = time.perf_counter()
    ready = made_ready(drawn.vectors, drawn.labels, drawn.count)
    recipe = _at_one_strength(drawn)
    try:
        kept = _kept(recipe.fit(ready))
    except StepsTakenError:
        kept = {}
    spent = time.perf_counter() - began
    return {"said": f"{sum(passes):.1f} passes, {spent / sum(passes):.1f} s each", **kept}


def regression_in_memory(drawn: Drawn, steps: int) -> Found:
    vectors = np.asarray(drawn.vectors).astype(np.float64)
    prepared._MANY = 10**12  # all the way, and in float64
    ready = Prepared(vectors, drawn.labels, drawn.count)
    setting = _at_one_strength(drawn).parts[0].setting
    assert setting
    return {"said": "float64", **_kept(Regression(ready).fit(setting, 1e-7))}


def strength(drawn: Drawn) -> Found:
    found = cross_validate(drawn.vectors, drawn.labels, drawn.count, drawn.fold, kind=REGRESSION)
    assert found.recipe
    assert found.answers
    tried = len(found.losses[REGRESSION])
    right = float(np.mean(found.answers.given == drawn.labels))
    return {"said": f"C {found.recipe.parts[0].setting:.2g} of {tried}, {right:.1%}"}


def novelty(drawn: Drawn) -> Found:
    totals = np.zeros((len(drawn.labels), 1), np.float32)
    found = fit_novelty(drawn.vectors, totals, drawn.fold)
    return {"said": f"{found.thresholds[3]:.2f} for 99 %"}


def _at_one_strength(drawn: Drawn) -> Recipe:
    return Recipe((Part(REGRESSION, PER_LABEL * drawn.count / len(drawn.labels), 1.0),))


def _kept(head: Head) -> Found:
    return {"weights": head.weights, "bias": head.bias}


def apart(drawn: Drawn, kind: str, found: Found, memory: Found) -> str:
    """How far two ways are from each other."""
    one, other = (Head(each["weights"], each["bias"]) for each in (found, memory))
    vectors, _ = drawn.some()
    if kind == "discriminant":  # without temperature
        ready = made_ready(drawn.vectors, drawn.labels, drawn.count)
        assert isinstance(ready, Summed)
        exact = Prepared(np.asarray(drawn.vectors, np.float64), drawn.labels, drawn.count)
        one, other = SummedDiscriminant(ready).fit(0.7), Discriminant(exact).fit(0.7)
    expected = other.logits(vectors)
    said = f"{np.abs(one.logits(vectors) - expected).max() / np.abs(expected).max():.1e}"
    if kind == "discriminant":
        return said
    least, reached = (_objective(drawn, head) for head in (other, one))
    return f"{said}, objective {(reached - least) / least:+.1e}"


def _objective(drawn: Drawn, head: Head) -> float:
    setting = _at_one_strength(drawn).parts[0].setting
    assert setting
    losses = 0.0
    for some, held in blocks.blocks(drawn.vectors):
        losses += float(losses_of(head.logits(held.astype(np.float64)), drawn.labels[some]).sum())
    _, deviation = prepared.frame_of(np.asarray(drawn.vectors[:JUDGED]))
    return setting * losses + 0.5 * float(np.sum((head.weights * deviation) ** 2))


PARTS: dict[str, Callable[..., Found]] = {
    "discriminant": discriminant,
    "discriminant in memory": discriminant_in_memory,
    "regression": regression,
    "regression in memory": regression_in_memory,
    "C": strength,
    "novelty": novelty,
}


def measured(function: Callable[[Drawn], Found], folder: Path, count: int, memory: bool) -> Found:
    """A part in this process: seconds, and the most anonymous memory."""
    room.LARGE = 10**12 if memory else 0
    drawn = Drawn(folder, count)
    held = Memory()
    began, busy = time.perf_counter(), time.process_time()
    with one_thread_each():
        found = function(drawn)
    spent = {"seconds": time.perf_counter() - began, "core s": time.process_time() - busy}
    return {**found, **spent, "MB": held.end()}


def _send(pipe: Any, *arguments: Any) -> None:
    pipe.send(measured(*arguments))


def elsewhere(function: Callable[[Drawn], Found], folder: Path, count: int, memory: bool) -> Found:
    """The same in a process of its own, which begins with nothing."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, function, folder, count, memory))
    process.start()
    theirs.close()
    found: Found = mine.recv()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    parser.add_argument(
        "--parts", nargs="+", default=["discriminant", "regression", "C", "novelty"]
    )
    parser.add_argument("--memory", action="store_true", help="beside it what was before")
    parser.add_argument("--steps", type=int, default=0)
    asked = parser.parse_args()
    cells = []
    with machine():
        for rows in asked.rows:
            with tempfile.TemporaryDirectory(dir=asked.folder) as name:
                draw(Path(name), rows, asked.labels)
                for part in asked.parts:
                    steps = {"steps": asked.steps} if part == "regression" else {}
                    one = partial(PARTS[part], **steps)
                    found = elsewhere(one, Path(name), asked.labels, False)
                    row = [part, f"{rows:,}", *_figures(found)]
                    other = f"{part} in memory"
                    if asked.memory and other in PARTS:
                        before = elsewhere(
                            partial(PARTS[other], **steps), Path(name), asked.labels, True
                        )
                        room.LARGE = 0
                        drawn = Drawn(Path(name), asked.labels)
                        far = apart(drawn, part, found, before) if "weights" in found else "-"
                        row += [*_figures(before), far]
                    cells.append(row)
                    print(json.dumps(row), flush=True)
    heads = ["part", "rows", "s", "core s", "MB", "found"]
    if asked.memory:
        heads += ["in memory s", "core s", "MB", "found", "apart"]
    print_table(heads, [row + ["-"] * (len(heads) - len(row)) for row in cells])


def _figures(found: Found) -> list[str]:
    spent = (f"{found['seconds']:.1f}", f"{found['core s']:.1f}")
    return [*spent, f"{found['MB']:,.0f}", found["said"]]


if __name__ == "__main__":
    main()
