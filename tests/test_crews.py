"""Workers elsewhere: the same results in the same order as threads give, whoever of them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from itertools import count as count_from
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tried
from crews import Attempts, Raising, Squares, Stillborn
from tellapart.errors import WorkersError
from tellapart.workers import crew as loop
from tellapart.workers.crew import Died, Done, News, Ready, Worker, crew_map
from tellapart.workers.local import AHEAD, Each, Map, batches_of, local_map
from tellapart.workers.parts import growing_batches, parts_of
from tellapart.workers.pausing import pausing
from tellapart.workers.processes import processes_map

WORKERS = 2


def two(unit: Any, batches: Iterable[Sequence[Any]], **told: Any) -> Any:
    return processes_map(unit, batches, most=WORKERS, **told)


MAPS: dict[str, Map[Any, Any]] = {"threads": local_map, "processes": two}


@pytest.mark.parametrize("where", MAPS)
def test_results_come_in_order_and_each_copy_is_finished(where: str, tmp_path: Path) -> None:
    assert [*MAPS[where](Squares(tmp_path), batches_of(range(50), 3))] == [n * n for n in range(50)]
    started = {path.name.partition("-")[2] for path in tmp_path.glob("started-*")}
    assert started == {path.name.partition("-")[2] for path in tmp_path.glob("finished-*")}
    assert (str(os.getpid()) in started) == (where == "threads")


@pytest.mark.parametrize("where", MAPS)
def test_what_is_raised_comes_after_the_results_before_it(where: str, tmp_path: Path) -> None:
    found: list[int] = []
    with pytest.raises(ZeroDivisionError, match="at 10"):
        found.extend(MAPS[where](Squares(tmp_path, broken=10), batches_of(range(1000), 2)))
    assert found == [n * n for n in range(10)]


@pytest.mark.parametrize("where", MAPS)
def test_what_is_raised_at_the_start_is_raised(where: str) -> None:
    with pytest.raises(ZeroDivisionError, match="at the start"):
        list(MAPS[where](Stillborn(dies=False), batches_of(range(9), 2)))


def test_nobody_is_hired_where_there_is_no_work(tmp_path: Path) -> None:
    assert list(two(Squares(tmp_path), [])) == []
    assert list(tmp_path.iterdir()) == []


def test_waiting_long_for_the_first_worker_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_LATE", 0.0)
    said: list[str] = []
    assert [*two(Squares(tmp_path), batches_of(range(4), 2), say=said.append)] == [0, 1, 4, 9]
    assert said == ["No worker could begin yet: all cores are in use. Waiting for one."]


def test_the_batches_of_a_dead_worker_are_done_by_another(tmp_path: Path) -> None:
    lost: list[str] = []
    unit = Squares(tmp_path, deadly=20, lives=2)
    assert [*two(unit, batches_of(range(50), 3), say=lost.append)] == [n * n for n in range(50)]
    reason = "was ended by the system (SIGKILL, perhaps for lack of memory)"
    assert lost == [f"A worker {reason}. Another one does its work."] * 2


def test_a_part_is_told_how_many_have_died_at_it() -> None:
    done = two(Attempts(4), ([part] for part in parts_of("abcdefghi", 2)))
    assert [one.key for one in done] == ["0/0", "1/0", "2/0", "3/4", "4/0"]


def test_work_that_always_kills_ends_with_an_error_after_the_results_before_it(
    tmp_path: Path,
) -> None:
    found: list[int] = []
    with pytest.raises(WorkersError, match=r"^3 workers died at the same work\. The last one was"):
        found.extend(two(Squares(tmp_path, deadly=5, lives=99), batches_of(range(9), 2)))
    assert found == [0, 1, 4, 9]


def test_workers_that_die_before_they_begin_end_the_work() -> None:
    with pytest.raises(WorkersError, match=r"each of 4 workers ended with code 7\.$"):
        list(two(Stillborn(dies=True), batches_of(range(9), 2)))


@pytest.mark.parametrize(("number", "said"), [(1, "it cannot travel"), (2, "lambda")])
def test_what_cannot_travel_is_told_in_words(number: int, said: str) -> None:
    with pytest.raises(Exception, match=said):
        list(two(Raising(), [[number]]))


def ended(folder: Path) -> bool:
    """Whether all that have started are gone."""
    numbers = [int(path.name.partition("-")[2]) for path in folder.glob("started-*")]
    until = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{number}") for number in numbers):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return bool(numbers)


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self"), reason="needs /proc")


@needs_proc
def test_closing_ends_the_workers_at_once(tmp_path: Path) -> None:
    results = two(Squares(tmp_path), batches_of(range(10**9), 1))
    assert next(results) == 0
    results.close()
    assert ended(tmp_path)


@needs_proc
def test_a_pause_that_raises_ends_the_workers(tmp_path: Path) -> None:
    def check() -> None:
        if list(tmp_path.glob("started-*")):
            raise TimeoutError

    with pausing(check), pytest.raises(TimeoutError):
        list(two(Squares(tmp_path, pause=60), batches_of(range(9), 1)))
    assert ended(tmp_path)


SCRIPT = """
import sys
from pathlib import Path
from crews import Squares
from tellapart.workers.processes import processes_map
for number in processes_map(Squares(Path(sys.argv[1]), pause=0.2), ([n] for n in range(999))):
    print(number, flush=True)
"""


@needs_proc
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_no_worker_outlives_who_hired_it(how: str, tmp_path: Path) -> None:
    path = os.pathsep.join(sys.path)
    driver = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert driver.stdout
    with driver.stdout:
        assert driver.stdout.readline() == b"0\n"
        driver.send_signal(getattr(signal, how))
        driver.wait(20)
    assert ended(tmp_path)


class Feigned(Worker):
    """A worker of a feigned crew."""

    def __init__(self, crew: FeignedCrew) -> None:
        self.crew = crew
        self.has: deque[Sequence[int]] = deque()
        self.is_ready = self.is_released = False

    def give(self, batch: Sequence[int]) -> None:
        assert self.is_ready
        self.has.append(batch)

    def release(self) -> None:
        assert not self.has
        self.is_released = True


class FeignedCrew:
    """A crew of which something happens to one worker at a time, as `fate` says: to whom, and
    whether that one dies. After that it is the turn of each, and nobody dies."""

    def __init__(self, most: int, fate: list[tuple[int, bool]]) -> None:
        self.most = most
        self.fate = chain(fate, ((turn, False) for turn in count_from()))
        self.alive: list[Feigned] = []
        self.ended = False

    def size(self) -> int:
        return self.most

    def hire(self) -> Feigned:
        assert len(self.alive) < self.most
        self.alive.append(Feigned(self))
        return self.alive[-1]

    def news(self, seconds: float) -> Iterator[tuple[Worker, News]]:
        turn, dies = next(self.fate)
        worker = self.alive[turn % len(self.alive)]
        if dies:
            self.alive.remove(worker)
            yield worker, Died("died")
        elif not worker.is_ready:
            worker.is_ready = True
            yield worker, Ready()
        elif worker.has:
            yield worker, Done([number * number for number in worker.has.popleft()])
        elif worker.is_released:
            self.alive.remove(worker)
            yield worker, Done()

    def end(self) -> None:
        self.ended = True


FATE = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([False, False, False, True])))


@settings(max_examples=tried(200), deadline=None)
@given(st.integers(1, 5), st.integers(0, 60), FATE)
def test_whoever_dies_all_is_done_in_order(
    most: int, count: int, fate: list[tuple[int, bool]]
) -> None:
    crew = FeignedCrew(most, fate)
    taken = yielded = 0

    def batches() -> Iterator[list[int]]:
        nonlocal taken
        for number in range(count):
            taken += 1
            assert taken - yielded <= AHEAD * most
            yield [number]

    try:
        for result in crew_map(crew, batches()):
            assert result == yielded * yielded
            yielded += 1
        assert yielded == count
    except WorkersError:  # three deaths at one batch, or before anybody was ready
        assert sum(dies for _, dies in fate) >= 3
    assert crew.ended


class HalfACrew(FeignedCrew):
    """A crew of which all but the first few workers die before they are ready."""

    def __init__(self, most: int, good: int) -> None:
        super().__init__(most, [])
        self.good, self.hired = good, 0

    def hire(self) -> Feigned:
        self.hired += 1
        return super().hire()

    def news(self, seconds: float) -> Iterator[tuple[Worker, News]]:
        for worker in self.alive[self.good :]:
            self.alive.remove(worker)
            yield worker, Died("has no tellapart")
        if self.alive:
            yield from super().news(seconds)


def test_where_some_can_never_begin_the_others_do_the_work() -> None:
    crew, said = HalfACrew(5, good=2), list[str]()
    batches = ([number] for number in range(60))
    assert [*crew_map(crew, batches, say=said.append)] == [number**2 for number in range(60)]
    assert crew.hired <= 5 + 2 * 3  # whoever is ready gives others another chance
    assert any(line.endswith("The others go on alone.") for line in said)
    with pytest.raises(WorkersError, match="each of 4 workers has no tellapart"):
        list(crew_map(HalfACrew(5, good=0), [[1], [2]]))


def test_a_function_of_ours_is_a_unit_too() -> None:
    assert list(two(Each(abs), [[-1, 2], [-3]])) == [1, 2, 3]


def test_the_first_parts_are_small_and_what_comes_later_changes_none_before() -> None:
    few = [*growing_batches(range(158))]
    assert [len(one) for one in few] == [16] * 9 + [14]
    many = [*growing_batches(range(5_000))]
    assert many[:9] == few[:9]
    assert [len(one) for one in many] == [16] * 64 + [64] * 48 + [256] * 3 + [136]
    assert [number for one in many for number in one] == [*range(5_000)]
    assert [len(one) for one in growing_batches(range(10), 4)] == [4, 4, 2]
    assert [*growing_batches(())] == []
