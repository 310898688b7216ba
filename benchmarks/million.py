"""Whether memory stays flat from a thousand pictures to a million, and the rate at each.

The pictures are drawn as they are asked for and stored nowhere: PNGs of 32 x 32, all different. The
network is a single convolution, so what is measured is all that is around a network: reading,
decoding, hashing, the cache, answers, writing. With `--quality fast` it is the usual one. Each row
is a process of its own with an empty cache. Its peak is read from /proc ten times a second:
anonymous memory, which is all that a process cannot give back, and the resident memory at most,
with whatever of files is mapped. Linux only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from measure import machine, print_table

import tellapart

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
SIDE = 32
LABELS = 4
POLL = 0.1  # seconds
# MB that may come on top of those of the first count: what is filled up to a fixed size and no
# further, such as the rows that the cache knows beside its index on the disk.
ROOM = 32


def png(number: int) -> bytes:
    """A picture of noise: another one for every number, and the same for the same."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    noise = hashlib.shake_128(b"%d" % number).digest(SIDE * SIDE * 3)
    row = SIDE * 3
    lines = b"".join(b"\0" + noise[at : at + row] for at in range(0, len(noise), row))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    pixels = zlib.compress(lines, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def drawn(count: int, first: int = 0) -> Iterator[bytes]:
    """So many pictures, one by one."""
    return map(png, range(first, first + count))


def small_backbone(path: Path) -> tellapart.ForeignBackbone:
    """A network of one convolution, 16 numbers a picture."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    lot = np.random.default_rng(7)
    kernel = numpy_helper.from_array(lot.normal(0, 0.3, (16, 3, 8, 8)).astype(np.float32), "kernel")
    nodes = [
        helper.make_node("Conv", ["pixels", "kernel"], ["conv"], strides=[8, 8]),
        helper.make_node("Relu", ["conv"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
    ]
    entry = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])
    end = helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["N", 16, 1, 1])
    graph = helper.make_graph(nodes, "small", [entry], [end], [kernel])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    save(model, str(path))
    return tellapart.ForeignBackbone(path)


def trained(folder: Path, quality: str) -> Path:
    """A model of `LABELS` labels that mean nothing."""
    pictures = [(png(-1 - n), f"label-{n % LABELS}") for n in range(16 * LABELS)]
    if quality == "small":
        result = tellapart.train(pictures, backbone=small_backbone(folder / "small.onnx"), test=0)
    else:
        result = tellapart.train(pictures, quality=quality, test=0)
    return result.save(folder / "model")


# What is measured: each is called in a process of its own, with a model, how many pictures, and a
# folder of its own.


def guess(model: Path, count: int, folder: Path) -> None:
    tellapart.load(model).predict_to(drawn(count), folder / "answers", form="parquet")


def guess_again(model: Path, count: int, folder: Path) -> None:
    """All embeddings are in the cache."""
    tellapart.load(model).predict_to(drawn(count), folder / "again", form="parquet")


def predict_many(model: Path, count: int, folder: Path) -> None:
    for _ in tellapart.load(model).predict_many(drawn(count, first=10**9)):
        pass


COMMANDS: Mapping[str, Callable[[Path, int, Path], None]] = {
    "guess to shards": guess,
    "the same again, with embeddings cached": guess_again,
    "predict_many": predict_many,
}


@dataclass(frozen=True)
class Measured:
    """One row: seconds of the work itself; the most memory, in MB."""

    seconds: float
    anonymous: float
    resident: float


def watched(name: str, model: Path, count: int, folder: Path) -> Measured:
    """Run one of `COMMANDS` in a process of its own."""
    command = [sys.executable, __file__, "--work", name, str(model), str(count), str(folder)]
    environment = {**os.environ, "TELLAPART_CACHE": str(folder / "cache")}
    anonymous = resident = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        while process.poll() is None:
            found = memory(process.pid)
            anonymous = max(anonymous, found.get("RssAnon", 0.0))
            resident = max(resident, found.get("VmHWM", 0.0))
            time.sleep(POLL)
        assert process.stdout is not None
        said = process.stdout.read()
    if process.returncode:
        sys.exit(f"{name} of {count} failed.")
    return Measured(json.loads(said)["seconds"], anonymous, resident)


def memory(process: int) -> dict[str, float]:
    """What /proc says of a process's memory, in MB; nothing once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.endswith(" kB"))
    return {field[0].rstrip(":"): int(field[1]) * 1024 / 1e6 for field in fields}


def work(name: str, model: str, count: str, folder: str) -> None:
    begin = time.perf_counter()
    COMMANDS[name](Path(model), int(count), Path(folder))
    print(json.dumps({"seconds": time.perf_counter() - begin}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=COUNTS[-1], help="leave out larger counts")
    parser.add_argument("--quality", default="small", help="small, fast, good or best")
    parser.add_argument("--only", choices=list(COMMANDS), action="append", help="leave out others")
    options = parser.parse_args()
    counts = [count for count in COUNTS if count <= options.most]
    chosen = options.only or list(COMMANDS)
    rows = []
    with machine(), tempfile.TemporaryDirectory() as work_folder:
        model = trained(Path(work_folder), options.quality)
        first: dict[str, float] = {}
        for count in counts:
            folder = Path(work_folder, f"{count}")
            folder.mkdir()
            for name in chosen:
                found = watched(name, model, count, folder)
                before = first.setdefault(name, found.anonymous)
                more = found.anonymous - before
                rows.append(
                    [
                        name,
                        f"{count:,}",
                        f"{count / found.seconds:.0f}",
                        f"{found.anonymous:.0f}",
                        f"{found.resident:.0f}",
                        f"{more:+.0f}",
                        "yes" if more <= ROOM else "NO",
                    ]
                )
                print(" ".join(rows[-1]), file=sys.stderr)
        heads = ["", "pictures", "a second", "anonymous MB", "resident MB", "more MB", "flat"]
        print_table(heads, sorted(rows, key=lambda row: chosen.index(row[0])))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:])
    else:
        main()
