"""How long the commands take, whole processes, with `--quality fast`.

Training on `heroes/train` is held against its floor: the same pictures, already pixels, through
ONNX Runtime alone, measured beside it in every run. The targets for training were set before it
judged the model and wrote its report, for which another 1.5 s are allowed: both are shown. Training
again in a process that runs already (`--inside`) has no start and no imports in it. The last column
is the median of how many times the bare network's seconds each took, in its own run.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measure import arguments, machine, print_table, run, tellapart

TRAINING_COLD, TRAINING_WARM, JUDGING = 1.0, 0.8, 1.5  # seconds: what each may take
INSIDE = 0.3  # seconds of training again in a running process, without the report
PHONE = 100  # pictures of 12 megapixels


@dataclass(frozen=True)
class Round:
    """Seconds of everything, measured one after the other."""

    on_all_cores: float
    one_a_core: float
    cold: float
    warm: float
    inside: float
    inside_saved: float
    phone: float
    guess: float
    help: float

    @property
    def floor(self) -> float:
        """The faster of the two ways to run the bare network."""
        return min(self.on_all_cores, self.one_a_core)

    @property
    def above_floor(self) -> float:
        """Training from nothing, without the bare network."""
        return self.cold - self.floor


def train_inside(photos: str) -> None:
    """Prints the seconds of training once more in this process, and of saving with the report."""
    import tellapart as library

    folder = tempfile.mkdtemp()
    library.train(photos, quality="fast").save(Path(folder, "model"))
    begin = time.perf_counter()
    result = library.train(photos, quality="fast")
    trained = time.perf_counter()
    result.save(Path(folder, "model"))
    print(json.dumps([trained - begin, time.perf_counter() - trained]))


def measure(data: Path, phone: Path) -> Round:
    """One round, with a fresh cache."""
    photos = data / "heroes" / "train"
    picture = next((data / "heroes" / "test" / "elsa").iterdir())
    with tempfile.TemporaryDirectory() as folder:
        cache, model = Path(folder, "cache"), Path(folder, "model")
        train = ("train", photos, "-o", model, "--quality", "fast")
        bare = run([sys.executable, Path(__file__).with_name("bare.py"), photos])
        floor = json.loads(bare.output)
        cold = tellapart(*train, cache=cache).seconds
        warm = tellapart(*train, cache=cache).seconds
        here = [sys.executable, __file__, "--inside", str(photos)]
        inside = json.loads(run(here, {"TELLAPART_CACHE": str(cache)}).output)
        large = ("train", phone, "-o", Path(folder, "large"), "--quality", "fast")
        return Round(
            on_all_cores=floor["on_all_cores"],
            one_a_core=floor["one_a_core"],
            cold=cold,
            warm=warm,
            inside=inside[0],
            inside_saved=sum(inside),
            phone=tellapart(*large, cache=cache).seconds,
            guess=tellapart("guess", model, picture, cache=cache).seconds,
            help=tellapart("--help", cache=cache).seconds,
        )


def row(
    what: str, seconds: Sequence[float], floors: Sequence[float], target: float | None = None
) -> list[str]:
    """A line of the table: median and range, held against the target if there is one."""
    middle = median(seconds)
    times = median(mine / floor for mine, floor in zip(seconds, floors, strict=True))
    return [
        what,
        f"{middle:.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        "" if target is None else f"<= {target:.2f}",
        "" if target is None else "yes" if middle <= target else "NO",
        f"{times:.2f}",
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument(
        "--inside", metavar="PHOTOS", help="train in this process, and say how long"
    )
    options = parser.parse_args()
    if options.inside:
        train_inside(options.inside)
        return
    with machine(), tempfile.TemporaryDirectory() as folder:
        phone = Path(folder, "phone")
        drawing = Path(__file__).with_name("phone.py")
        run([sys.executable, drawing, options.data / "heroes" / "train", phone, f"{PHONE}"])
        rounds = [measure(options.data, phone) for _ in range(options.runs)]
        above, warm = [r.above_floor for r in rounds], [r.warm for r in rounds]
        floors = [r.floor for r in rounds]
        rows: list[tuple[str, Sequence[float], float | None]] = [
            ("bare network, one session on all cores", [r.on_all_cores for r in rounds], None),
            ("bare network, one picture a core", [r.one_a_core for r in rounds], None),
            ("train, cold cache", [r.cold for r in rounds], None),
            ("train, cold, above the faster floor", above, TRAINING_COLD),
            ("the same, with time for judging", above, TRAINING_COLD + JUDGING),
            ("train, warm cache", warm, TRAINING_WARM),
            ("the same, with time for judging", warm, TRAINING_WARM + JUDGING),
            ("train again in a running process", [r.inside for r in rounds], INSIDE),
            ("the same, saved with its report", [r.inside_saved for r in rounds], None),
            (f"train, cold, {PHONE} of 12 megapixels", [r.phone for r in rounds], None),
            ("guess, one picture", [r.guess for r in rounds], 0.45),
            ("--help", [r.help for r in rounds], 0.2),
        ]
        heads = ["seconds, whole process", "median", f"of {len(rounds)}", "target", "met"]
        print_table(
            [*heads, "times bare"],
            [row(what, seconds, floors, target) for what, seconds, target in rows],
        )


if __name__ == "__main__":
    main()
