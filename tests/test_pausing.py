"""Long work ends at its next pause, in whichever thread, and nothing of it goes on."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from drawn import few_of
from tellapart.demo.walk import DemoPictures
from tellapart.training.options import Watch
from tellapart.workers.local import Each, behind_others, local_map, side_by_side, submit
from tellapart.workers.pausing import pause, pausing


class EnoughError(Exception):
    """What a check raises."""


def test_a_pause_without_a_check_does_nothing() -> None:
    pause()


def test_a_check_holds_inside_and_the_one_outside_afterwards() -> None:
    said: list[str] = []
    with pausing(lambda: said.append("outer")):
        with pausing(lambda: said.append("inner")):
            pause()
        pause()
    pause()
    assert said == ["inner", "outer"]


@given(st.integers(1, 40), st.integers(0, 50))
def test_what_is_done_side_by_side_ends_at_the_check(count: int, after: int) -> None:
    """No item is begun once the check raises, and the error comes out."""
    lock, begun, checks = threading.Lock(), [], iter(range(1000))

    def check() -> None:
        with lock:
            if next(checks) >= after:
                raise EnoughError

    def work(item: int) -> int:
        with lock:
            begun.append(item)
        return item

    with pausing(check):
        if after >= count:
            assert side_by_side(work, range(count)) == list(range(count))
            return
        with pytest.raises(EnoughError):
            side_by_side(work, range(count))
    assert len(begun) == after
    assert side_by_side(work, range(3)) == [0, 1, 2]  # the pool's threads have forgotten it


def test_what_is_mapped_ends_at_the_check() -> None:
    ended = threading.Event()

    def check() -> None:
        if ended.is_set():
            raise EnoughError

    def work(item: int) -> int:
        pause()
        return item

    with pausing(check):
        results = local_map(Each(work), [[n] for n in range(500)])
        assert next(results) == 0
        ended.set()
        with pytest.raises(EnoughError):
            list(results)


def test_what_others_ask_for_does_not_wait_behind_long_work() -> None:
    """All threads that work behind the others wait for something that another one brings."""
    brought = threading.Event()

    def wait_for_it(item: int) -> bool:
        return brought.wait(30)

    def long_work() -> None:
        with behind_others():
            found.extend(local_map(Each(wait_for_it), [[n] for n in range(40)]))

    found: list[bool] = []
    thread = threading.Thread(target=long_work)
    thread.start()
    submit(brought.set).result(30)
    thread.join()
    assert found == [True] * 40


def test_training_ends_at_each_of_its_stages(heroes: DemoPictures, tmp_path: Path) -> None:
    """Whatever is under way when it is to end, the error of the check comes out; the next training
    is as if there had been none before it."""
    photos = few_of(heroes, tmp_path / "photos", 14)
    stages: list[str] = []
    whole = tellapart.train(photos, quality="fast", watch=Watch(doing=stages.append))
    assert len(stages) > 4
    for stage in stages:
        reached: list[str] = []

        def check(stage: str = stage, reached: list[str] = reached) -> None:
            if reached[-1:] == [stage]:
                raise EnoughError

        watch = Watch(doing=reached.append, pause=check)
        if stage == "Looking for shortcuts":  # which take no time
            continue
        with pytest.raises(EnoughError):
            tellapart.train(photos, quality="fast", watch=watch)
        assert reached[-1] == stage
    again = tellapart.train(photos, quality="fast")
    assert again.classifier.digest == whole.classifier.digest
