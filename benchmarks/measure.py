"""Whole processes measured from outside, and figures printed as one table.

The measuring process stays small and loads no numpy: on Linux the peak memory of a child counts
from that of its parent.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tellapart.workers.local import cores

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss


@dataclass(frozen=True)
class Process:
    """A process from its start to its end: seconds on the clock and of all cores together, the
    largest memory it ever held in MB, and what it wrote to stdout."""

    seconds: float
    cpu_seconds: float
    peak: float
    output: str


def run(command: Sequence[str | Path], environment: Mapping[str, str] = {}) -> Process:
    """Run a command to its end; one that fails ends the benchmark with its own words.

    It runs from Python's bytecode, as pip leaves what it installs, whatever is set here.
    """
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, env={**inherited, **environment}
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(map(str, command))} failed:\n{errors.read().decode()}")
        return Process(
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak=usage.ru_maxrss * _RSS_UNIT / 1e6,
            output=output.read().decode(),
        )


def tellapart(*arguments: str | Path, cache: Path) -> Process:
    """Run the command that is installed beside this Python, with a cache of its own."""
    command = Path(sys.executable).with_name("tellapart")
    return run([command, *arguments], {"TELLAPART_CACHE": str(cache)})


def arguments(what: str | None, *, runs: int = 5) -> argparse.ArgumentParser:
    """The options of all benchmarks: where the pictures are, and how many runs."""
    parser = argparse.ArgumentParser(description=what)
    folder = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=folder, help="holds heroes/ and flowers/")
    parser.add_argument("--runs", type=int, default=runs, help="medians are of so many")
    return parser


@contextmanager
def machine() -> Iterator[None]:
    """Says what was measured on, and how busy it was before and after."""
    before = _load()
    yield
    print(
        f"\n{cores()} cores, load average {before} at the start and {_load()} at the end; "
        f"Python {platform.python_version()}, onnxruntime {version('onnxruntime')}"
    )


def _load() -> str:
    return f"{os.getloadavg()[0]:.2f}"


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """An aligned table that is Markdown too: the first column to the left, others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(aligned)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    print("\n".join([line(heads), line(rule), *map(line, rows)]))


def anonymous(process: int | str = "self") -> float:
    """The memory that a process holds by itself, without what is mapped from files, in MB; 0 once
    it has ended, and where this is not Linux."""
    try:
        lines = Path(f"/proc/{process}/status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return 0.0
    found = (int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    return next(found, 0) * 1024 / 1e6


class Memory:
    """The most anonymous memory that a process holds, from here on; this one, if no other is
    named."""

    def __init__(self, process: int | str = "self") -> None:
        self._process = process
        self._most = anonymous(process)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """In MB."""
        self._over.set()
        self._thread.join()
        return max(self._most, anonymous(self._process))

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._most = max(self._most, anonymous(self._process))
