"""What listing and reading pictures takes where they lie, in a folder, in tar shards, in Parquet
files. Pictures a second, and the
largest anonymous memory of a process that lists them all one by one, of one that reads them all by
threads, and of one that lists them as a labelled data set.

The pictures are 4 kB of noise each, which nothing decodes. Anonymous memory is what cannot be read
from files again, asked of Linux a hundred times a second.

    python benchmarks/stored.py [--pictures 1000 10000 100000]
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from measure import Memory, machine, print_table, run

FEW = (1_000, 10_000, 100_000)
SIZE = 4_000  # bytes
IN_A_SHARD = 5_000
LABELS = 10
PLACES = ("folder", "tar", "Parquet")
STEPS = ("list", "read", "labelled")


def drawn(count: int) -> Iterator[tuple[str, bytes]]:
    lot = np.random.default_rng(0)
    for number in range(count):
        yield f"label-{number % LABELS}/{number:07d}.jpg", lot.bytes(SIZE)


def fill(root: Path, count: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    shard: list[tuple[str, bytes]] = []
    for place in ("tar", "parquet"):
        (root / place).mkdir(parents=True)

    def write(number: int) -> None:
        with tarfile.open(root / "tar" / f"data-{number:05d}.tar", "w") as tar:
            for name, content in shard:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        table = pa.table(
            {
                "image": pa.array([{"bytes": c, "path": n} for n, c in shard], kind),
                "label": [name.partition("/")[0] for name, _ in shard],
            }
        )
        pq.write_table(table, root / "parquet" / f"data-{number:05d}.parquet", row_group_size=100)
        shard.clear()

    for at, (name, content) in enumerate(drawn(count)):
        path = root / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        shard.append((name, content))
        if len(shard) == IN_A_SHARD:
            write(at // IN_A_SHARD)
    if shard:
        write(count // IN_A_SHARD)


def pictures_of(place: str, root: Path) -> Iterable[object]:
    from tellapart.dataset.given import expand
    from tellapart.dataset.stored.members import members

    if place == "folder":
        return (Path(str(path)) for path in expand([str(root / "folder")], follow_links=False))
    return members(str(root / place.lower()))


def work(step: str, place: str, root: Path) -> None:
    """One step in this process, and what it took as JSON."""
    from tellapart.dataset.sources import read_dataset
    from tellapart.images.decode import encoded
    from tellapart.workers.local import Each, batches_of, local_map

    def read(picture: object) -> int:
        whole = encoded(picture)  # type: ignore[arg-type]
        return len(whole[0]) if whole else 0

    memory, begin = Memory(), time.perf_counter()
    if step == "labelled":
        count = len(read_dataset(root / place.lower()).items)
    elif step == "list":
        count = sum(1 for _ in pictures_of(place, root))
    else:
        batches = batches_of(pictures_of(place, root), 4)
        count = sum(size == SIZE for size in local_map(Each(read), batches))
    seconds = time.perf_counter() - begin
    print(json.dumps({"count": count, "seconds": seconds, "peak": memory.end()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, nargs="+", default=FEW)
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        step, place, root = given.work
        work(step, place, Path(root))
        return
    with machine():
        print_table(["pictures", "in", *STEPS], list(measured(given.pictures)))


def measured(counts: Iterable[int]) -> Iterator[list[str]]:
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), count)
            for place in PLACES:
                row = [f"{count:,}", place]
                for step in STEPS:
                    said = run([sys.executable, __file__, "--work", step, place, folder])
                    found = json.loads(said.output)
                    assert found["count"] == count, (place, step, found)
                    row.append(f"{count / found['seconds']:,.0f}/s, {found['peak']:,.0f} MB")
                yield row


if __name__ == "__main__":
    main()
