"""How right each quality is on everything that has a `test/`, what it costs, and how big its model
is; and how far its scores are from how often they are right.

Each data set is trained by the command line with a cold cache; it has a test folder of its own.
With `--views`: every backbone with every choice of views, by which the quality rows were chosen.
With `--heads`: each kind of head, on rooted embeddings and plain means, on few pictures and many.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from measure import arguments, machine, print_table, run, tellapart

QUALITIES = ("fast", "good", "best")
CROSS_VALIDATED = 0.985  # on heroes, and all of its test pictures


def percent(figures: Mapping[str, object]) -> str:
    """`98.6 % (97.1 to 99.4)`: accuracy and its 95 % interval."""
    low, high = (100 * value for value in figures["interval"])  # type: ignore[attr-defined]
    return f"{100 * float(str(figures['accuracy'])):.1f} % ({low:.1f} to {high:.1f})"


@dataclass(frozen=True)
class Trained:
    """One data set in one quality: `train --json`, a process's seconds, and the model's MB."""

    kind: str
    quality: str
    result: Mapping[str, Any]
    seconds: float
    size: float


def train(data: Path, kind: str, quality: str, runs: int) -> Trained:
    """Train on one data set, several times from nothing: the answers are the same each time."""
    seconds = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            model, cache = Path(folder, "model"), Path(folder, "cache")
            trained = tellapart(
                "train", data / kind, "-o", model, "--quality", quality, "--json", cache=cache
            )
            seconds.append(trained.seconds)
            size = (model / "model.onnx").stat().st_size / 1e6
    return Trained(kind, quality, json.loads(trained.output), median(seconds), size)


def accuracy_row(one: Trained) -> list[str]:
    crossed, held = one.result["cross_validated"], one.result["held_out"]
    met = crossed["accuracy"] >= CROSS_VALIDATED and held["correct"] == held["n"]
    return [
        one.kind,
        one.quality,
        percent(crossed),
        f"{crossed['log_loss']:.3f}",
        f"{held['correct']}/{held['n']}",
        percent(held),
        f"{held['log_loss']:.3f}",
        f"{1000 * one.seconds / (crossed['n'] + held['n']):.1f}",
        f"{one.size:.1f}",
        "" if one.kind != "heroes" else "yes" if met else "NO",
    ]


def calibration_rows(one: Trained) -> Iterator[list[str]]:
    for name, found in (
        ("cross-validated", one.result["cross_validated"]),
        ("test", one.result["held_out"]),
    ):
        error = found["calibration_error"]
        low, high = error["interval"]
        yield [
            one.kind,
            one.quality,
            name,
            f"{found['n']}",
            f"{error['value']:.3f} ({low:.3f} to {high:.3f})",
            f"{found['calibration_luck']:.3f}",
            f"{found['calibration_above_luck']:.3f}",
            "yes" if found["enough_to_calibrate"] else "no",
        ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--views", action="store_true", help="backbones and views, not qualities")
    parser.add_argument("--heads", action="store_true", help="kinds of head, in --runs draws")
    options = parser.parse_args()
    if options.views:
        table = [sys.executable, Path(__file__).with_name("views.py"), options.data]
        with machine():
            print(run(table).output, end="")
        return
    if options.heads:
        heads = [sys.executable, Path(__file__).with_name("heads.py"), "--data", options.data]
        print(run([*heads, "--runs", str(options.runs)]).output, end="")
        return
    kinds = sorted(folder.parent.name for folder in options.data.glob("*/train"))
    with machine():
        every = [
            train(options.data, kind, quality, options.runs)
            for kind in kinds
            for quality in QUALITIES
        ]
        print_table(
            [
                "data",
                "quality",
                "cross-validated",
                "log loss",
                "test",
                "(95 % interval)",
                "log loss",
                "ms a picture, cold",
                "model, MB",
                f"heroes: {CROSS_VALIDATED:.1%} and all",
            ],
            list(map(accuracy_row, every)),
        )
        print()
        print_table(
            [
                "data",
                "quality",
                "judged",
                "pictures",
                "scores off by",
                "by luck",
                "above luck",
                "enough to know",
            ],
            [row for one in every for row in calibration_rows(one)],
        )


if __name__ == "__main__":
    main()
