"""tellapart held against the recipe of 2016, on the same pictures, in one run on this machine.

Whole processes, from `heroes/train` to a model on disk, nothing kept from earlier runs. The recipe
is `original.py`, which says what it does. TensorFlow may be in another environment than tellapart:
name its Python with --tensorflow-python.
"""

from __future__ import annotations

import re
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from statistics import median

from install_size import files_of, megabytes
from measure import Process, arguments, machine, print_table, run, tellapart

GOAL = 20  # times faster


def normal(name: str) -> str:
    """A package's name as pip compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_size(site: Path, package: str) -> float:
    """MB of a package and all that it requires, as installed in a site-packages folder."""
    found: dict[str, Distribution] = {
        normal(one.metadata["Name"]): one for one in distributions(path=[str(site)])
    }
    wanted, counted = [normal(package)], set()
    while wanted:
        name = wanted.pop()
        if name in found and name not in counted:
            counted.add(name)
            for line in found[name].requires or ():
                requirement = re.match(r"[A-Za-z0-9._-]+", line)
                if requirement and "extra ==" not in line:
                    wanted.append(normal(requirement[0]))
    return sum(megabytes(files_of(found[name])) for name in counted)


@dataclass(frozen=True)
class Figures:
    """Medians of seconds, CPU seconds of all cores together, and peak memory in MB."""

    seconds: float
    cpu: float
    peak: float
    installed: float

    def row(self, name: str, base: Figures) -> list[str]:
        """A line of the table: each figure, and how many times better than the recipe's it is."""
        return [
            name,
            *(f"{self.seconds:.1f}", f"{base.seconds / self.seconds:.1f}"),
            *(f"{self.cpu:.1f}", f"{base.cpu / self.cpu:.1f}"),
            *(f"{self.peak:.0f}", f"{base.peak / self.peak:.1f}"),
            *(f"{self.installed:.0f}", f"{base.installed / self.installed:.1f}"),
        ]


def figures(done: Sequence[Process], installed: float) -> Figures:
    """What several runs come to."""
    return Figures(
        seconds=median(one.seconds for one in done),
        cpu=median(one.cpu_seconds for one in done),
        peak=median(one.peak for one in done),
        installed=installed,
    )


def main() -> None:
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--tensorflow-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--files", action="store_true", help="also with bottlenecks in text files")
    options = parser.parse_args()
    photos = options.data / "heroes" / "train"
    python = options.tensorflow_python
    original = Path(__file__).with_name("original.py")

    def recipe(*more: str) -> Process:
        with tempfile.TemporaryDirectory() as folder:
            return run([python, original, photos, Path(folder, "out"), *more])

    def ours(quality: str) -> Process:
        with tempfile.TemporaryDirectory() as folder:
            model, cache = Path(folder, "model"), Path(folder, "cache")
            return tellapart("train", photos, "-o", model, "--quality", quality, cache=cache)

    ask = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    theirs = installed_size(Path(run([python, "-c", ask]).output.strip()), "tensorflow")
    mine = installed_size(Path(sysconfig.get_paths()["purelib"]), "tellapart")
    qualities = ("fast", "good")
    with machine():
        # In turns, so that what else the machine does falls on all alike.
        rounds = [(recipe(), *map(ours, qualities)) for _ in range(options.runs)]
        base, *better = (
            figures(done, theirs if k == 0 else mine)
            for k, done in enumerate(zip(*rounds, strict=True))
        )
        rows = [base.row("2016 recipe", base)]
        if options.files:
            kept = figures([recipe("--files")], theirs)
            rows.append(kept.row("2016 recipe, bottlenecks in text files as then", base))
        for quality, found in zip(qualities, better, strict=True):
            rows.append(found.row(f"tellapart train --quality {quality}", base))
        heads = ["seconds", "CPU seconds", "peak MB", "MB installed"]
        print_table(["", *(cell for head in heads for cell in (head, "times"))], rows)
        print(f"\nThe goal is {GOAL} times faster.")


if __name__ == "__main__":
    main()
