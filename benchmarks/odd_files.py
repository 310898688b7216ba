"""What becomes of every file of a folder: answered or refused, how soon, and in how much memory.

Each file is read in a process of its own, through the one decoder that every command uses, so that
one which crashes or hangs is told apart. Prints how many were answered, refused (with each reason
and its count), crashed or not done in time, and the slowest and the largest.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import multiprocessing.connection
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from measure import machine, print_table

from tellapart.workers.local import cores

_SHOWN = 5  # the slowest, and those that take the most memory
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss


@dataclass(frozen=True)
class Reading:
    """What became of a file; `outcome` is "answered", "crashed", "not in time" or the reason of the
    refusal, `peak` the memory in MB that the reading added."""

    path: Path
    outcome: str
    seconds: float
    peak: float
    said: str  # on stdout and stderr, by whatever library


def files_below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


def read(path: Path, allowed: float) -> Reading:
    """Read one file in a process that was forked from a small one."""
    ours, theirs = multiprocessing.get_context("forkserver").Pipe(duplex=False)
    child = multiprocessing.get_context("forkserver").Process(target=_child, args=(path, theirs))
    begin = time.perf_counter()
    child.start()
    theirs.close()
    try:
        answer = ours.recv() if ours.poll(allowed) else None
        outcome = "not in time"
    except EOFError:
        answer, outcome = None, "crashed"
    seconds = time.perf_counter() - begin
    if answer is None and outcome == "not in time":
        child.kill()
    child.join()
    if answer is None:
        return Reading(path, outcome, seconds, 0.0, "")
    return Reading(path, *json.loads(answer))


def _child(path: Path, answers: multiprocessing.connection.Connection) -> None:
    import resource
    import tempfile

    from PIL import Image

    from tellapart.errors import PictureError
    from tellapart.images.decode import read_picture

    Image.init()  # its modules are no part of a picture's memory
    with tempfile.TemporaryFile() as words:
        os.dup2(words.fileno(), 1)
        os.dup2(words.fileno(), 2)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.perf_counter()
        try:
            read_picture(path)
            outcome = "answered"
        except PictureError as error:
            outcome = error.message
        except Exception as error:  # what no user should ever see
            outcome = f"crashed: {type(error).__name__}"
        seconds = time.perf_counter() - begin
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * _RSS_UNIT / 1e6
        sys.stdout.flush()
        sys.stderr.flush()
        words.seek(0)
        said = words.read(4096).decode(errors="replace")
    answers.send(json.dumps([outcome, seconds, peak, said]))


def kind_of(outcome: str) -> str:
    """A reason without what differs from file to file."""
    return re.sub(r"\d+(\.\d+)?", "N", outcome) if outcome.startswith("too large") else outcome


def report(readings: Sequence[Reading]) -> None:
    """Print the table, then the reasons and the extremes."""
    outcomes = Counter(kind_of(reading.outcome) for reading in readings)
    bad = {name for name in outcomes if name.startswith(("crashed", "not in time"))}
    answered, failed = outcomes["answered"], sum(outcomes[name] for name in bad)
    slowest = sorted(readings, key=lambda reading: -reading.seconds)[:_SHOWN]
    largest = sorted(readings, key=lambda reading: -reading.peak)[:_SHOWN]
    rows = [
        ["files", f"{len(readings)}"],
        ["answered", f"{answered}"],
        ["refused, with a reason", f"{len(readings) - answered - failed}"],
        ["crashed or not in time", f"{failed}"],
        ["slowest, seconds", f"{slowest[0].seconds:.2f}"],
        ["highest memory, MB", f"{largest[0].peak:.0f}"],
        ["of which a library said something", f"{sum(bool(r.said) for r in readings)}"],
    ]
    print_table(["reading", ""], rows)
    print()
    reasons = [[name, f"{count}"] for name, count in outcomes.most_common() if name != "answered"]
    print_table(["reason", "files"], reasons or [["none", "0"]])
    print()
    print_table(["slowest", "seconds"], [[r.path.name, f"{r.seconds:.2f}"] for r in slowest])
    print()
    print_table(["most memory", "MB"], [[r.path.name, f"{r.peak:.0f}"] for r in largest])
    for reading in readings:
        if kind_of(reading.outcome) in bad:
            print(f"{reading.outcome}: {reading.path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).parents[2] / "shared" / "data" / "odd"
    parser.add_argument("--folder", type=Path, default=default, help="of any files")
    parser.add_argument("--seconds", type=float, default=60, help="that a file may take")
    options = parser.parse_args()
    paths = list(files_below(options.folder))
    if not paths:
        sys.exit(f"There is no file in {options.folder}.")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["PIL.Image", "tellapart.images.decode"])
    with machine(), ThreadPoolExecutor(cores()) as pool:
        report(list(pool.map(lambda path: read(path, options.seconds), paths)))


if __name__ == "__main__":
    main()
