"""What sorting a thousand to a million pictures takes: pictures a second and the largest anonymous
memory, of what `sort` would do, of `sort`, of the same once more (nothing is left to do), of the
start of `watch`, and of `undo`; beside those of another version of tellapart, in the same run,
where `--against` names the folder of its source.

The pictures are small files, hard links to some hundred drawn ones. A judge that answers by their
names stands in for the model, whose time and memory (`sorting.py`) would hide the rest. Anonymous
memory is what cannot be read from files again, asked of Linux a hundred times a second.

    python benchmarks/sorting_at_scale.py [--pictures 1000 10000 100000] [--against OTHER/src]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import Memory, machine, print_table

FEW = (1_000, 10_000, 100_000)
MILLION = 1_000_000
DRAWN = 300  # different contents
IN_A_FOLDER = 10_000
LABELS = tuple(f"label {number}" for number in range(10))
STEPS = ("plan", "sort", "again", "watch", "undo")


@dataclass(frozen=True)
class Verdict:
    label: str
    score: float
    scores: dict[str, float]
    unknown: bool = False


class Table:
    """Answers by the name of a picture."""

    labels = LABELS
    digest = "0" * 64
    admit = 0.99

    def predict_many(self, pictures: Iterable[Path], *, errors: str) -> Iterator[Verdict]:
        for path in pictures:
            number = zlib.crc32(path.name.encode())
            label, score = LABELS[number % 10], (500 + number // 10 % 500) / 1000
            rest = (1 - score) / 9
            yield Verdict(label, score, {**dict.fromkeys(LABELS, rest), label: score})


class Once:
    """Ends a watch before it waits for the first time."""

    over = False

    def is_set(self) -> bool:
        return self.over

    def wait(self, timeout: float | None = None) -> bool:
        self.over = True
        return True


def measured(command: Sequence[str | Path], source: Path) -> tuple[dict[str, float], float]:
    """What a step says, and the largest anonymous memory of its process in MB."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    memory = Memory(process.pid)
    process.wait()
    peak = memory.end()
    assert process.stdout is not None
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed")
    said: dict[str, float] = json.loads(process.stdout.read())
    return said, peak


def work(step: str, inbox: Path, destination: Path, how: str) -> None:
    """One step in this process, and what it took as JSON."""
    from tellapart.sorting.sort import SortOptions, SortResult, plan, sort, undo
    from tellapart.sorting.watching import watch

    options = SortOptions(how=how, into_folders=True)  # type: ignore[arg-type]
    begin = time.perf_counter()
    if step == "plan":
        count = sum(1 for _ in plan(Table(), inbox, destination, options))
    elif step == "watch":
        *_, last = watch(Table(), inbox, destination, options, stop=Once())
        assert isinstance(last, SortResult)
        count = last.already_done
    elif step == "undo":
        count = undo(destination).taken_back
    else:
        count = sort(Table(), inbox, destination, options).total
    seconds = time.perf_counter() - begin
    print(json.dumps({"count": count, "seconds": seconds}))


def fill(inbox: Path, count: int) -> None:
    """Links to drawn pictures, in folders of `IN_A_FOLDER`."""
    from PIL import Image

    drawn = []
    for number in range(DRAWN):
        path = inbox.parent / f"drawn-{number}.png"
        Image.new("RGB", (8, 8), (number % 256, number // 256, 99)).save(path)
        drawn.append(path)
    for number in range(count):
        folder = inbox / f"card-{number // IN_A_FOLDER:03}"
        if number % IN_A_FOLDER == 0:
            folder.mkdir(parents=True)
        os.link(drawn[number % DRAWN], folder / f"IMG_{number:07}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, nargs="+", default=list(FEW))
    parser.add_argument("--million", action="store_true", help="and a million")
    parser.add_argument("--against", type=Path, help="the src folder of another version")
    parser.add_argument("--folder", type=Path, help="to work in, instead of the system's")
    parser.add_argument("--how", choices=("copy", "link", "move"), default="link")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step, inbox, destination = options.step
        work(step, Path(inbox), Path(destination), options.how)
        return
    here = Path(__file__).resolve().parents[1] / "src"
    versions = {"this": here, **({"other": options.against} if options.against else {})}
    rows = []
    with machine():
        for count in [*options.pictures, *([MILLION] if options.million else [])]:
            work_in = Path(tempfile.mkdtemp(dir=options.folder))
            fill(work_in / "inbox", count)
            for name, source in versions.items():
                for step in STEPS:
                    command = [sys.executable, __file__, "--how", options.how, "--step", step]
                    places = [work_in / "inbox", work_in / name]
                    found, peak = measured([*command, *places], source)
                    assert found["count"] == count, (step, found)
                    rate = count / found["seconds"]
                    rows.append((f"{count:,}", step, name, f"{rate:,.0f}", f"{peak:.0f}"))
                    print(*rows[-1], file=sys.stderr)
            shutil.rmtree(work_in)
        print_table(("pictures", "step", "version", "pictures a second", "peak MB"), rows)


if __name__ == "__main__":
    main()
