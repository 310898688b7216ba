"""How embedding gets faster with Ray actors of one core each, and where the one process that gives
them their parts saturates.

The first table embeds drawn pictures with 1, 2 and 4 actors, all of this machine, with the network
of `fast` and an empty cache each time, beside the threads of one process; the threads run before
and after, and ratios are to their mean. The rate is that of the second half, when all actors have
begun. Rates mean little where others are at work on the machine; processor time says there too
whether work is wasted: milliseconds a picture of all actors, with what it takes them to begin, and
of this process, which reads back what they made. The last row reads all from a cache that knows it.

The second has a unit that only sleeps, on 1 to 256 simulated actors: memory for 256 processes is
not asked for, so 32 of them share one process of Ray's. Each still has its own copy, its own turn,
and two calls in hand. What they cannot be given in time is the coordinator's limit.

    python benchmarks/on_ray.py [--pictures 1024 | 0] [--seconds 0.05 | 0]
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from measure import machine
from PIL import Image

from tellapart.backbones import parts as far
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.backbones.graph import network_of
from tellapart.backbones.rows import quality
from tellapart.workers.copies import Copy
from tellapart.workers.crew import crew_map
from tellapart.workers.local import Unit, cores
from tellapart.workers.parts import SIZE, Counts, Part
from tellapart.workers.places import Place
from tellapart.workers.ray_actors import Actors, ray_map

PART = 16  # pictures a part in the first table, so that few pictures are many parts
SHARED = 32  # simulated actors a process
PARTS = 4_000  # at most, for each number of simulated actors
LONG = 12.0  # seconds for each


class Limited(Actors):
    """At most so many actors."""

    def __init__(self, unit: Unit[Any, Any], most: int) -> None:
        super().__init__(unit)
        self._most = most
        self.seconds = 0.0  # of processor time, once they have ended
        if most > cores():  # where they take turns
            self._made = self._made.options(num_cpus=cores() / most)

    def size(self) -> int:
        return self._most

    def end(self) -> None:
        self.seconds = _seconds_of_actors()
        super().end()


def _seconds_of_actors() -> float:
    """The processor time of the actors that are at work below this process."""
    processes = import_module("psutil")  # Ray brings it along
    found = 0.0
    for one in processes.Process().children(recursive=True):
        with suppress(processes.Error, IndexError):
            if one.cmdline()[0].startswith("ray::_Actor"):
                used = one.cpu_times()
                found += used.user + used.system
    return found


class Several:
    """Many simulated actors in one process, each with its own copy and its own turn."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._copies: dict[int, Copy] = {}
        self._turns: dict[int, threading.Lock] = {}

    def begin(self, slot: int) -> object:
        self._turns[slot] = threading.Lock()
        self._copies[slot] = Copy(self._content)
        return self._copies[slot].start()

    def process(self, slot: int, batch: bytes) -> object:
        with self._turns[slot]:
            return self._copies[slot].process(batch)

    def finish(self, slot: int) -> object:
        return self._copies[slot].finish()


class _Method:
    def __init__(self, method: Any, slot: int) -> None:
        self._method, self._slot = method, slot

    def remote(self, *given: Any) -> Any:
        return self._method.remote(self._slot, *given[: 1 if isinstance(given[0], bytes) else 0])


class _Slot:
    """What looks like one actor of `Actors`."""

    def __init__(self, shared: Any, slot: int) -> None:
        for name in ("begin", "process"):
            setattr(self, name, _Method(getattr(shared, name), slot))
        self.finish = _Finish(shared.finish, slot)


class _Finish(_Method):
    def remote(self, *given: Any) -> Any:
        return self._method.remote(self._slot)


class Simulated(Limited):
    """A crew of simulated actors."""

    def __init__(self, unit: Unit[Any, Any], most: int) -> None:
        super().__init__(unit, most)
        self._content = self._ray.put(self._ray.cloudpickle.dumps(unit))  # it is of this script
        shared = self._ray.remote(num_cpus=0, max_concurrency=3 * SHARED)(Several)
        self._processes = [shared.remote(self._content) for _ in range(-(-most // SHARED))]
        self._count = 0
        self._made = self

    def remote(self, content: Any) -> _Slot:
        """In place of making an actor."""
        self._count += 1
        return _Slot(self._processes[self._count % len(self._processes)], self._count)

    def end(self) -> None:
        super().end()
        for process in self._processes:
            with suppress(Exception):
                self._ray.kill(process)


class Sleep:
    """A unit that only sleeps."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def start(self) -> None:
        """Nothing to prepare."""

    def finish(self) -> None:
        """Nothing to keep."""

    def process(self, batch: Sequence[Part[Path]]) -> list[Counts]:
        time.sleep(self.seconds)
        return [
            Counts(len(part.pictures), 0, 0, self.seconds, f"{part.number:040x}") for part in batch
        ]


def draw(folder: Path, count: int) -> list[Path]:
    """Pictures of noise, as large as a web page's."""
    random = np.random.default_rng(1)
    paths = []
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 255, (15, 20, 3), np.uint8))
        paths.append(folder / f"{number:06d}.jpg")
        coarse.resize((640, 480), Image.Resampling.BICUBIC).save(paths[-1], quality=90)
    return paths


@dataclass(frozen=True)
class Run:
    """Pictures a second, and milliseconds of processor time a picture: of actors, and here."""

    rate: float
    of_actors: float
    here: float


def run(paths: list[Path], cache: Path, actors: int) -> Run:
    """Embed with so many actors, or with the threads of this process if none."""
    times: list[float] = []
    crews: list[Limited] = []

    def spread(
        unit: Unit[Any, Any], batches: Iterable[Sequence[Any]]
    ) -> Generator[Any, None, None]:
        crews.append(Limited(unit, actors))
        return crew_map(crews[0], batches)

    began = time.process_time()
    embed_all(
        paths,
        Embedder(network_of(quality("fast")), cache),
        place=Place("ray", spread, is_far=True) if actors else None,
        progress=lambda done: times.append(time.monotonic()),
    )
    half, count = len(times) // 2, len(times)
    return Run(
        (count - 1 - half) / (times[-1] - times[half]),
        1000 * sum(crew.seconds for crew in crews) / count,
        1000 * (time.process_time() - began) / count,
    )


def scaling(count: int) -> None:
    vars(far)["SIZE"] = PART
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        paths = draw(pictures, count)
        caches = (Path(folder) / f"cache-{number}" for number in range(99))
        before = run(paths, next(caches), 0)
        found = {f"{number} actors": run(paths, next(caches), number) for number in (1, 2, 4)}
        known = Path(folder) / "known"
        run(paths, known, 2)
        found["2 actors, all known"] = run(paths, known, 2)
        after = run(paths, next(caches), 0)
    threads = (before.rate + after.rate) / 2
    one = found["1 actors"].rate
    print("\n| where | pictures a second | of threads | of 1 actor | ms of actors | ms here |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, made in {"threads": before, "threads again": after, **found}.items():
        print(
            f"| {name} | {made.rate:.0f} | {made.rate / threads:.2f} | {made.rate / one:.2f} | "
            f"{made.of_actors:.1f} | {made.here:.1f} |"
        )


def model(seconds: float) -> None:
    names = tuple(Path(f"/archive/season-2026/camera-07/IMG_{n:06d}.jpg") for n in range(SIZE))
    print(f"\nParts of {SIZE} names that take {seconds:g} s each:\n")
    print("| actors | parts a second | of what they could do |\n|---:|---:|---:|")
    most = 0.0
    for actors in (1, 2, 4, 8, 16, 32, 64, 128, 256):
        count = min(PARTS, int(LONG * actors / seconds))

        def batches(count: int = count) -> Iterator[list[Part[Path]]]:
            for number in range(count):
                yield [Part(number, names)]

        results = crew_map(Simulated(Sleep(seconds), actors), batches())
        times = [time.monotonic() for _ in results]
        skip = min(2 * actors, count // 4)  # while they start
        speed = (count - skip) / (times[-1] - times[skip - 1 if skip else 0])
        most = max(most, speed)
        print(f"| {actors} | {speed:.0f} | {speed * seconds / actors:.0%} |", flush=True)
    print(
        f"\nAt most {most:.0f} parts a second: where {SIZE} pictures take 2.5 s of a core, "
        f"that is work for {most * 2.5:,.0f} actors, {most * SIZE:,.0f} pictures a second."
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=0.05)
    asked = parser.parse_args()
    with machine(), ray_map("", print):
        if asked.pictures:
            scaling(asked.pictures)
        if asked.seconds:
            model(asked.seconds)


if __name__ == "__main__":
    main()
