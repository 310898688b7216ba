"""Batches are worked on by several threads, and come out in order, in flat memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn import on_two_threads
from tellapart.workers import local as pool
from tellapart.workers.local import (
    AHEAD,
    Each,
    batches_of,
    cores,
    local_map,
    side_by_side,
)

WORKERS = 3


@pytest.fixture(autouse=True)
def three_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "cores", lambda: WORKERS)
    monkeypatch.setattr(pool, "_pool", pool._Pool())


class Squares:
    """Squares numbers; fails at `broken`; remembers what it was asked."""

    def __init__(self, broken: int | None = None) -> None:
        self.broken = broken
        self.started = 0
        self.finished = 0
        self.processed: list[int] = []
        self.threads: set[str] = set()

    def start(self) -> None:
        self.started += 1

    def finish(self) -> None:
        self.finished += 1

    def process(self, batch: Sequence[int]) -> list[int]:
        assert self.started == 1
        self.threads.add(threading.current_thread().name)
        self.processed.extend(batch)
        if self.broken in batch:
            raise ZeroDivisionError(f"at {self.broken}")
        return [number * number for number in batch]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("size", [1, 3, 200])
def test_results_come_in_order(count: int, size: int) -> None:
    unit = Squares()
    assert list(local_map(unit, batches_of(range(count), size))) == [n * n for n in range(count)]
    assert sorted(unit.processed) == list(range(count))
    assert unit.finished == 1


def test_order_is_kept_when_the_first_is_the_last_to_be_done() -> None:
    second_is_done = threading.Event()

    class Slow(Squares):
        def process(self, batch: Sequence[int]) -> list[int]:
            if 0 in batch:
                assert second_is_done.wait(60)
            result = super().process(batch)
            if 1 in batch:
                second_is_done.set()
            return result

    assert list(local_map(Slow(), batches_of(range(4), 1))) == [0, 1, 4, 9]


def test_a_unit_is_started_once_and_only_when_asked() -> None:
    unit = Squares()
    results = local_map(unit, batches_of(range(9), 2))
    assert unit.started == 0
    assert next(results) == 0
    assert unit.started == 1
    list(results)
    assert unit.started == 1


def test_memory_is_flat() -> None:
    """However many batches there are, only so many are taken before their results are."""
    taken = given_out = 0
    most = 0

    def batches() -> Iterator[list[int]]:
        nonlocal taken, most
        for number in range(200):
            taken += 1
            most = max(most, taken - given_out)
            yield [number]

    for _ in local_map(Squares(), batches()):
        given_out += 1
    assert given_out == 200
    assert most <= AHEAD * WORKERS


def test_an_exception_comes_after_the_results_before_it() -> None:
    unit = Squares(broken=10)
    found: list[int] = []
    with pytest.raises(ZeroDivisionError, match="at 10"):
        found.extend(local_map(unit, batches_of(range(1000), 2)))
    assert found == [n * n for n in range(10)]
    assert max(unit.processed) < 100
    assert unit.finished == 1


def test_an_exception_of_the_batches_surfaces() -> None:
    def batches() -> Iterator[list[int]]:
        yield [1]
        raise FileNotFoundError

    unit = Squares()
    with pytest.raises(FileNotFoundError):
        list(local_map(unit, batches()))
    assert unit.finished == 1


def test_closing_early_cancels_the_rest() -> None:
    unit = Squares()
    results = local_map(unit, batches_of(range(1000), 1))
    assert next(results) == 0
    results.close()
    assert max(unit.processed) <= AHEAD * WORKERS
    assert unit.finished == 1


def test_two_at_once_share_the_threads_of_the_process() -> None:
    one, other = Squares(), Squares()
    both = zip(
        local_map(one, batches_of(range(50), 1)),
        local_map(other, batches_of(range(50), 1)),
        strict=True,
    )
    assert list(both) == [(n * n, n * n) for n in range(50)]
    assert len(one.threads | other.threads) <= WORKERS


def test_work_inside_work_does_not_wait_for_itself() -> None:
    def inner(number: int) -> int:
        return sum(local_map(Squares(), batches_of(range(number), 1)))

    work: Each[int, int] = Each(lambda number: sum(side_by_side(inner, range(number))))
    expected = [sum(sum(k * k for k in range(m)) for m in range(n)) for n in range(12)]
    assert list(local_map(work, batches_of(range(12), 1))) == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    assert sum(local_map(Squares(), batches_of(range(9), 1))) == 204
    child = os.fork()
    if child == 0:
        os._exit(0 if sum(local_map(Squares(), batches_of(range(9), 1))) == 204 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_numpy_has_its_threads_again_when_the_last_has_left() -> None:
    before, both, one, after = on_two_threads("""
import numpy
from tellapart.workers.local import one_thread_each

found = [threads()]
with one_thread_each():
    with one_thread_each():
        found.append(threads())
    found.append(threads())
print(json.dumps([*found, threads()]))
""")
    assert {*both, *one} <= {1}
    assert after == before


def test_cores_are_not_looked_up_for_every_piece_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted() -> int:
        asked.append(1)
        return WORKERS

    monkeypatch.setattr(pool, "cores", counted)
    assert side_by_side(str, range(50)) == [*map(str, range(50))]
    assert len(asked) == 1
    more = WORKERS + 1
    monkeypatch.setattr(pool, "cores", lambda: more)
    monkeypatch.setattr(pool, "_STEADY", -1)  # a while later
    assert side_by_side(str, range(50)) == [*map(str, range(50))]
    assert pool._pool.size() == more


@given(st.lists(st.integers(), max_size=50), st.integers(1, 20))
def test_batches_hold_all_in_order(items: list[int], size: int) -> None:
    batches = list(batches_of(items, size))
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(batches)


def test_cores_are_those_that_may_be_used() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "1600000 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({}, 8),
    ],
)
def test_a_containers_quota_is_respected(
    files: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_text(path: Path, encoding: str) -> str:
        try:
            return files[path.relative_to("/sys/fs/cgroup").as_posix()]
        except KeyError:
            raise FileNotFoundError from None

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(Path, "read_text", read_text)
    assert cores() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_affinity_is_respected() -> None:
    one = min(os.sched_getaffinity(0))
    script = f"import os; os.sched_setaffinity(0, {{{one}}})\n"
    script += "from tellapart.workers.local import cores; print(cores())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert found.stdout == "1\n"
