"""Files that do not answer: a drive that stalls is simulated by a read that waits for an event."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tellapart
from conftest import draw_scene
from drawn import model_of, run, run_here
from tellapart.demo.walk import DemoPictures
from tellapart.errors import PictureError
from tellapart.images.decode import read_picture
from tellapart.workers import deadlines
from tellapart.workers.deadlines import Call, NoAnswerError, Stop, answered
from tellapart.workers.local import Each, local_map

SENTENCE = "Stopped. What was finished is kept; type the same command again to go on."
STALL = """
import os, threading
real = os.read
def read(handle, size):
    if "stalled" in os.readlink(f"/proc/self/fd/{handle}"):
        open(os.environ["WAITS"], "w").close()
        threading.Event().wait()
    return real(handle, size)
os.read = read
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[object], None]]:
    """A call that hangs until the test is over; patience is short meanwhile."""
    over = threading.Event()
    monkeypatch.setattr(deadlines, "PATIENCE", 0.4)
    monkeypatch.setattr(deadlines, "SHORT", 0.1)

    def wait(call: object) -> None:
        over.wait()

    yield wait
    over.set()
    while any(not call.done for call in deadlines._hanging):
        time.sleep(0.01)


@pytest.fixture
def stalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hang: Callable[[object], None]
) -> Path:
    """A folder of three pictures, the second of which hangs when it is read."""
    for name in ("a.png", "stalled.png", "z.png"):
        draw_scene(seed=len(name)).save(tmp_path / name)
    real = os.read

    def read(handle: int, size: int) -> bytes:
        if "stalled.png" in os.readlink(f"/proc/self/fd/{handle}"):
            hang(None)
        return real(handle, size)

    monkeypatch.setattr(os, "read", read)
    return tmp_path


def test_what_a_call_returns_or_raises_comes_out() -> None:
    assert answered(lambda call: 7, "here") == 7
    with pytest.raises(ZeroDivisionError):
        answered(lambda call: 1 // 0, "here")


def test_threads_are_used_again() -> None:
    before = threading.active_count()
    for number in range(200):
        assert answered(lambda call: number, "here") == number  # noqa: B023
    assert threading.active_count() <= before + 1


def test_waiting_ends_and_is_shorter_where_something_hangs(
    hang: Callable[[object], None],
) -> None:
    for place, words, least in (
        ("drive", "did not answer within 0.4 seconds", 0.4),
        ("drive", "did not answer within 0.1 seconds", 0.1),
        ("other", "did not answer within 0.4 seconds", 0.4),
    ):
        begun = time.monotonic()
        with pytest.raises(NoAnswerError) as caught:
            answered(hang, place)
        assert caught.value.reason == words
        assert least <= time.monotonic() - begun
    assert answered(lambda call: "well", "drive") == "well"


def test_what_comes_slowly_is_waited_for(hang: object) -> None:
    def slow(call: Call[str]) -> str:
        for _ in range(6):
            time.sleep(0.15)
            call.beat()
        return "all"

    assert answered(slow, "drive") == "all"  # 0.9 seconds in all, and never 0.4 without a byte


def test_a_stop_ends_the_waiting_of_its_threads_at_once(
    hang: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "PATIENCE", 30.0)
    stop, ended = Stop(), threading.Event()

    def wait() -> None:
        with pytest.raises(NoAnswerError):
            stop.over(answered, hang, "drive")
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    stop.set()
    assert ended.wait(5)
    thread.join()


def test_an_interrupted_pool_waits_for_no_file(
    hang: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "PATIENCE", 30.0)

    def work(number: int) -> int:
        if number:
            answered(hang, "drive")
        return number

    results = local_map(Each(work), [[0], [1], [2]])
    begun = time.monotonic()
    assert next(results) == 0
    results.close()
    assert time.monotonic() - begun < 5


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_process_has_threads_of_its_own() -> None:
    assert answered(lambda call: 1, "here") == 1
    child = os.fork()
    if child == 0:
        os._exit(answered(lambda call: 7, "here"))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@linux
def test_a_picture_that_does_not_answer_is_named_and_the_others_are_judged(
    stalled: Path, heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(PictureError, match=r": did not answer within 0\.4 seconds$"):
        read_picture(stalled / "stalled.png")
    model = model_of(heroes)
    answers = list(tellapart.load(model).predict_many(sorted(stalled.iterdir()), errors="return"))
    failed = [str(one) for one in answers if isinstance(one, PictureError)]
    assert len(answers) == 3
    assert failed == [f"{stalled / 'stalled.png'}: did not answer within 0.1 seconds"]
    out = tmp_path_factory.mktemp("out")
    found = run_here("sort", model, stalled, out, "--json").json()
    assert [one["path"] for one in found["skipped"]] == ["stalled.png"]
    assert sum(found["counts"].values()) == 2


def ignore_ctrl_c() -> None:
    """As shells have it for what a script starts with `&`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.slow
@linux
@pytest.mark.parametrize(
    ("number", "background"),
    [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, False)],
)
def test_a_request_to_end_is_heard_while_a_picture_does_not_answer(
    number: int, background: bool, heroes: DemoPictures, tmp_path: Path
) -> None:
    picture = next(heroes.photos.rglob("*.jpg"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "stalled.jpg").write_bytes(picture.read_bytes())
    script = f"{STALL}\nfrom tellapart.__main__ import main\nmain()"
    waits = tmp_path / "waits"
    with subprocess.Popen(
        [sys.executable, "-c", script, "guess", str(model_of(heroes)), str(tmp_path / "in")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "WAITS": str(waits)},
        preexec_fn=ignore_ctrl_c if background else None,
    ) as process:
        while not waits.exists():  # then it waits, as it would for 30 seconds
            assert process.poll() is None
            time.sleep(0.01)
        begun = time.monotonic()
        process.send_signal(number)
        _, said = process.communicate()
        assert time.monotonic() - begun < 20
    assert (process.returncode, said.decode()) == (130, f"{SENTENCE}\n")


@linux
def test_devices_and_pipes_behind_links_do_not_hold_up(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    for name, goal in (("zero", "/dev/zero"), ("terminal", "/dev/tty"), ("dice", "/dev/random")):
        (inbox / f"{name}.jpg").symlink_to(goal)
        (inbox / name).symlink_to(goal)
    os.mkfifo(inbox / "pipe.jpg")
    os.mkfifo(inbox / "pipe")
    (inbox / "a.jpg").write_bytes(next(heroes.photos.rglob("*.jpg")).read_bytes())
    begun = time.monotonic()
    found = run("sort", model_of(heroes), inbox, tmp_path / "out", "--json").json()
    assert time.monotonic() - begun < 20
    assert sum(found["counts"].values()) == 1
    assert {one["reason"] for one in found["skipped"]} == {"not a regular file"}
    assert len(found["skipped"]) == 8
