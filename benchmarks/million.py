"""Whether memory stays flat from a thousand pictures to a million, and the rate at each.

What is guessed is drawn as it is asked for and stored nowhere: PNGs of 32 x 32, all different. The
network is a single convolution, so what is measured is all that is around a network: reading,
decoding, hashing, the cache, answers, writing. With `--quality fast` it is the usual one. `sort`
has a folder of links to some hundred drawn pictures, and links them again. `check` gets drawn
embeddings of `--values` values, with `check_at_scale.py`'s wrong labels, copies and bursts among
`CHECKED` labels, as they come out of the cache; the page and the JSON of what it finds are made.

Each row is a process of its own, which is given an empty cache or what was prepared for it. Its
peak is read from /proc a hundred times a second: anonymous memory, which is all that a process
cannot give back. What may come on top of that of the first number of pictures is what is filled up
to a fixed size and no further (`Command.room`), and what has to be known of each picture until the
end (`Command.bytes`). Linux only.
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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from measure import Memory, machine, print_table

import tellapart

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
SIDE = 32
LABELS = 4
CHECKED = 100  # labels
BLOCK = 256  # rows that are put into the cache at once


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


# What is measured: each is called in a process of its own, and so is what prepares it.


@dataclass(frozen=True)
class Asked:
    """A model, so many pictures, a folder to work in, and values of an embedding for `check`."""

    model: Path
    count: int
    folder: Path
    values: int


def guess(asked: Asked) -> None:
    answers = asked.folder / "answers"
    tellapart.load(asked.model).predict_to(drawn(asked.count), answers, form="parquet")


def fill_cache(asked: Asked) -> None:
    """Drawn embeddings of all pictures, as if they had been guessed before."""
    import numpy as np

    from tellapart.images.properties import PROPERTIES
    from tellapart.model.observe import embedder_of
    from tellapart.workers.local import batches_of

    classifier = tellapart.load(asked.model)
    width = classifier.embed([png(0)]).shape[1]
    embedder = embedder_of(classifier)
    embedder.start()
    assert embedder.cache is not None
    lot = np.random.default_rng(0)
    for some in batches_of(drawn(asked.count), BLOCK):
        rows = lot.random((len(some), width + len(PROPERTIES)), np.float32)
        digests = (hashlib.sha256(content).digest() for content in some)
        embedder.cache.write(dict(zip(digests, rows, strict=True)))
    embedder.finish()


def guess_again(asked: Asked) -> None:
    again = asked.folder / "again"
    tellapart.load(asked.model).predict_to(drawn(asked.count), again, form="parquet")


def predict_many(asked: Asked) -> None:
    for _ in tellapart.load(asked.model).predict_many(drawn(asked.count, first=10**9)):
        pass


def fill_inbox(asked: Asked) -> None:
    from sorting_at_scale import fill

    fill(asked.folder / "inbox", asked.count)


def sort(asked: Asked) -> None:
    from tellapart.sorting.plan import SortOptions

    options = SortOptions(how="link", into_folders=True)
    tellapart.load(asked.model).sort(asked.folder / "inbox", asked.folder / "sorted", options)


def draw_embeddings(asked: Asked) -> None:
    import numpy as np
    from check_at_scale import draw

    from tellapart.images.properties import PROPERTIES

    found = draw(asked.folder / "vectors.npy", asked.count, asked.values, CHECKED)
    assert found.properties is not None
    times = [PROPERTIES.index(name) for name in ("day", "second")]
    found.properties[:, times] = np.nan  # nothing is known of when they were taken
    np.save(asked.folder / "properties.npy", found.properties)
    (asked.folder / "names").write_text("\n".join(found.names), "utf-8")
    (asked.folder / "digests").write_text("\n".join(found.digests), "utf-8")


def check(asked: Asked) -> None:
    """From the embeddings that a cache gives to the page and the JSON."""
    import numpy as np

    from tellapart.assess.check import checking
    from tellapart.assess.pictures import gather
    from tellapart.backbones.embed import Embeddings
    from tellapart.dataset.sources import Dataset, Item, Items
    from tellapart.files.columns import Digests
    from tellapart.files.room import room
    from tellapart.report.check_page import check_page
    from tellapart.to_json.check import checked

    def lines(name: str) -> Iterable[str]:
        with (asked.folder / name).open(encoding="utf-8") as stream:
            yield from (line.removesuffix("\n") for line in stream)

    items = (Item(Path(name), name, name.partition("/")[0]) for name in lines("names"))
    dataset = Dataset(asked.folder, Items(items))
    vectors = room(asked.count, asked.values)
    vectors[:] = np.load(asked.folder / "vectors.npy", mmap_mode="r")
    embeddings = Embeddings(
        vectors,
        np.load(asked.folder / "properties.npy"),
        Digests.of(lines("digests")),
        np.arange(asked.count),
        {},
    )
    pictures = gather(dataset, embeddings, 0.0)
    del vectors, embeddings
    health = checking.examine(checking.look(dataset, pictures))
    check_page(health)
    json.dumps(checked(health))


@dataclass(frozen=True)
class Command:
    """What is measured, and how much memory it may take.

    Attributes:
        run: what is measured.
        prepare: what is done before.
        room: MB that are filled up to a fixed size and no further, such as the rows that the cache
            knows beside its index on the disk, or the pictures that are compared with each other.
        bytes: that are kept of each picture, such as where it is and what it is called.
    """

    run: Callable[[Asked], None]
    prepare: Callable[[Asked], None] | None = None
    room: int = 48
    bytes: int = 0


COMMANDS: Mapping[str, Command] = {
    "guess to shards": Command(guess),
    "the same again, with embeddings cached": Command(guess_again, fill_cache),
    "predict_many": Command(predict_many),
    "sort": Command(sort, fill_inbox, bytes=120),
    "check": Command(check, draw_embeddings, room=450, bytes=800),
}


def trained_apart(folder: Path, quality: str) -> Path:
    """Trained by a process of its own, as this one has to stay small."""
    command = [sys.executable, __file__, "--train", str(folder), quality]
    subprocess.run(command, check=True)
    return folder / "model"


@dataclass(frozen=True)
class Measured:
    """One row: seconds of the work itself; the most memory, in MB."""

    seconds: float
    anonymous: float


def watched(name: str, asked: Asked) -> Measured:
    """Run one of `COMMANDS` in a process of its own."""
    if COMMANDS[name].prepare is not None:
        _apart("prepare", name, asked)
    return _apart("run", name, asked)


def _apart(what: str, name: str, asked: Asked) -> Measured:
    given = (asked.model, asked.count, asked.folder, asked.values)
    command = [sys.executable, __file__, "--work", what, name, *map(str, given)]
    environment = {**os.environ, "TELLAPART_CACHE": str(asked.folder / "cache")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        memory = Memory(process.pid)
        said, _ = process.communicate()
    if process.returncode:
        sys.exit(f"{name} of {asked.count} failed.")
    return Measured(json.loads(said)["seconds"], memory.end())


def work(what: str, name: str, model: str, count: str, folder: str, values: str) -> None:
    asked = Asked(Path(model), int(count), Path(folder), int(values))
    begin = time.perf_counter()
    command = COMMANDS[name]
    done = command.prepare if what == "prepare" else command.run
    assert done is not None
    done(asked)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--quality", default="small", help="small, fast, good or best")
    parser.add_argument("--values", type=int, default=64, help="of each embedding, for check")
    parser.add_argument("--only", choices=list(COMMANDS), action="append", help="leave out others")
    options = parser.parse_args()
    chosen = options.only or list(COMMANDS)
    rows = []
    with machine(), tempfile.TemporaryDirectory() as work_folder:
        model = trained_apart(Path(work_folder), options.quality)
        for name in chosen:
            command = COMMANDS[name]
            first: tuple[int, float] | None = None
            for count in options.counts:
                with tempfile.TemporaryDirectory(dir=work_folder) as folder:
                    found = watched(name, Asked(model, count, Path(folder), options.values))
                first = first or (count, found.anonymous)
                more, others = found.anonymous - first[1], count - first[0]
                rows.append(
                    [
                        name,
                        f"{count:,}",
                        f"{count / found.seconds:.0f}",
                        f"{found.anonymous:.0f}",
                        f"{more:+.0f}",
                        f"{1e6 * more / others:.0f}" if others else "",
                        "yes" if more <= command.room + command.bytes * others / 1e6 else "NO",
                    ]
                )
                print(*rows[-1], sep="  ", file=sys.stderr)
        heads = ["", "pictures", "a second", "MB", "more MB", "bytes each", "within"]
        print_table(heads, rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:])
    elif sys.argv[1:2] == ["--train"]:
        trained(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
