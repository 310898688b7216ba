"""The embedding cache at 10 k, 100 k and 1 M rows: how soon it is open, what memory it takes, and
how many rows it gives a second.

Each row of the table is a process of its own, the median of some runs in turn. "before" is the
cache of an earlier commit: a dict of all digests, made by reading every file at each start, and a
file opened for each row. "small files" is the cache as it is on those same files, "merged" the same
after `tellapart cache merge`. All files are in the memory of the system.

    python benchmarks/embedding_cache.py [--rows 10000 100000 1000000] [--values 64] [--runs 3]
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from measure import Memory, anonymous, machine, print_table

import tellapart.cache
from tellapart.cache.shardfile import checksums, write_shard
from tellapart.cache.shards import EmbeddingCache
from tellapart.cache.spaces import merge_spaces

SPACE = "drawn"
ASKED = 20_000  # rows, in random order
AT_ONCE = 4_096  # of them in one `take`
HEADS = ["rows", "cache", "files", "MB", "start ms", "own MB", "gets a s", "taken a s"]


def digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def fill(folder: Path, rows: int, values: int) -> None:
    """Files of 256 rows, as runs write them."""
    space = folder / "embeddings" / SPACE
    space.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for first in range(0, rows, 256):
        ordered = sorted(map(digest, range(first, min(first + 256, rows))))
        digests = np.frombuffer(b"".join(ordered), np.uint8).reshape(-1, 32)
        vectors = rng.standard_normal((len(digests), values), np.float32)
        write_shard(space, digests, np.array(checksums(digests, vectors), "<u4"), [vectors])


def cache_before(commit: str) -> Any:
    """The class of an earlier commit, in this package's place."""
    show = ["git", "show", f"{commit}:src/tellapart/cache/shards.py"]
    code = subprocess.run(show, cwd=Path(__file__).parent, capture_output=True, check=True).stdout
    with tempfile.NamedTemporaryFile(suffix=".py") as file:
        file.write(code)
        file.flush()
        name = f"{tellapart.cache.__name__}.before"
        spec = importlib.util.spec_from_file_location(name, file.name)
        assert spec
        assert spec.loader
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module.EmbeddingCache


def measure(folder: Path, rows: int, commit: str) -> dict[str, float]:
    """What one process sees; `commit` is of the cache before, empty for that of today."""
    kind: Any = cache_before(commit) if commit else EmbeddingCache
    asked = [digest(int(at)) for at in np.random.default_rng(1).integers(0, rows, ASKED)]
    kind("nothing", folder).get(bytes(32))
    before, memory = anonymous(), Memory()
    began = time.perf_counter()
    cache = kind(SPACE, folder)
    start = time.perf_counter() - began
    began = time.perf_counter()
    for one in asked:
        assert cache.get(one) is not None
    gets = ASKED / (time.perf_counter() - began)
    own = memory.end() - before
    began = time.perf_counter()
    for first in range(0, ASKED, AT_ONCE):
        some = asked[first : first + AT_ONCE]
        if commit:
            np.stack([cache.get(one) for one in some])
        else:
            cache.take(some)
    takes = ASKED / (time.perf_counter() - began)
    return {"start": start, "memory": own, "gets": gets, "takes": takes}


def in_a_process(folder: Path, rows: int, commit: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(folder), str(rows), commit]
    found: dict[str, float] = json.loads(subprocess.check_output(command))
    return found


def row_of(name: str, folder: Path, rows: int, runs: list[dict[str, float]]) -> list[str]:
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    figure = {key: median(run[key] for run in runs) for key in runs[0]}
    return [
        f"{rows:,}",
        name,
        f"{len(files):,}",
        f"{sum(files) / 1e6:,.0f}",
        f"{1000 * figure['start']:,.1f}",
        f"{figure['memory']:,.1f}",
        f"{figure['gets']:,.0f}",
        f"{figure['takes']:,.0f}",
    ]


def compared(rows: int, asked: argparse.Namespace) -> list[list[str]]:
    """The lines of the table for so many rows."""
    with tempfile.TemporaryDirectory() as name:
        small, merged = Path(name, "small"), Path(name, "merged")
        for folder in (small, merged):
            fill(folder, rows, asked.values)
        began = time.perf_counter()
        EmbeddingCache(SPACE, small)  # which writes the index, if one is due
        first = time.perf_counter() - began
        began = time.perf_counter()
        merge_spaces(merged)
        merging = time.perf_counter() - began
        ways = {
            "before": (small, asked.before),
            "small files": (small, ""),
            "merged": (merged, ""),
        }
        found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(asked.runs):
            for way, (folder, commit) in ways.items():
                found[way].append(in_a_process(folder, rows, commit))
        print(
            f"{rows:,} rows of {asked.values} values: the first start took {first:.2f} s, "
            f"merging {merging:.1f} s",
            file=sys.stderr,
        )
        return [row_of(way, ways[way][0], rows, found[way]) for way in ways]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--values", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--before", default="b4f9cd4", help="a commit")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        folder, rows, commit = asked.one
        print(json.dumps(measure(Path(folder), int(rows), commit)))
        return
    with machine():
        print_table(HEADS, [row for rows in asked.rows for row in compared(rows, asked)])


if __name__ == "__main__":
    main()
