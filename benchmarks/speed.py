"""How long the commands take, whole processes, with `--quality fast`.

Training on `heroes/train` is held against its floor: the same pictures, already pixels, through
ONNX Runtime alone, measured beside it in every run. The targets for training were set before it
judged the model and wrote its report, for which another 1.5 s are allowed: both are shown.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measure import arguments, machine, print_table, run, tellapart

TRAINING_COLD, TRAINING_WARM, JUDGING = 1.0, 0.8, 1.5  # seconds: what each may take


@dataclass(frozen=True)
class Round:
    """Seconds of everything, measured one after the other."""

    on_all_cores: float
    one_a_core: float
    cold: float
    warm: float
    guess: float
    help: float

    @property
    def above_floor(self) -> float:
        """Training from nothing, without the faster of the two ways to run the bare network."""
        return self.cold - min(self.on_all_cores, self.one_a_core)


def measure(data: Path) -> Round:
    """One round, with a fresh cache."""
    photos = data / "heroes" / "train"
    picture = next((data / "heroes" / "test" / "elsa").iterdir())
    with tempfile.TemporaryDirectory() as folder:
        cache, model = Path(folder, "cache"), Path(folder, "model")
        train = ("train", photos, "-o", model, "--quality", "fast")
        bare = run([sys.executable, Path(__file__).with_name("bare.py"), photos])
        floor = json.loads(bare.output)
        return Round(
            on_all_cores=floor["on_all_cores"],
            one_a_core=floor["one_a_core"],
            cold=tellapart(*train, cache=cache).seconds,
            warm=tellapart(*train, cache=cache).seconds,
            guess=tellapart("guess", model, picture, cache=cache).seconds,
            help=tellapart("--help", cache=cache).seconds,
        )


def row(what: str, seconds: Sequence[float], target: float | None = None) -> list[str]:
    """A line of the table: median and range, held against the target if there is one."""
    middle = median(seconds)
    return [
        what,
        f"{middle:.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        "" if target is None else f"<= {target:.2f}",
        "" if target is None else "yes" if middle <= target else "NO",
    ]


def main() -> None:
    options = arguments(__doc__).parse_args()
    with machine():
        rounds = [measure(options.data) for _ in range(options.runs)]
        above, warm = [r.above_floor for r in rounds], [r.warm for r in rounds]
        print_table(
            ["seconds, whole process", "median", f"of {len(rounds)}", "target", "met"],
            [
                row("bare network, one session on all cores", [r.on_all_cores for r in rounds]),
                row("bare network, one picture a core", [r.one_a_core for r in rounds]),
                row("train, cold cache", [r.cold for r in rounds]),
                row("train, cold, above the faster floor", above, TRAINING_COLD),
                row("the same, with time for judging", above, TRAINING_COLD + JUDGING),
                row("train, warm cache", warm, TRAINING_WARM),
                row("the same, with time for judging", warm, TRAINING_WARM + JUDGING),
                row("guess, one picture", [r.guess for r in rounds], 0.45),
                row("--help", [r.help for r in rounds], 0.2),
            ],
        )


if __name__ == "__main__":
    main()
