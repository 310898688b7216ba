"""Stopped, killed, two at once, or on a damaged cache: in the end the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import mostly_slow
from drawn import COMMAND, contents, few_of, run_here
from tellapart.demo.walk import DemoPictures

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and terminals")

SENTENCE = "Stopped. What was finished is kept; type the same command again to go on."
BAR = b"Reading pictures"
AT_MOST = 180  # seconds for one run; what takes longer hangs
COMPARED = ("model.onnx", "training.npz", "labels.txt", "README.md", "report.html")


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nobody stops writes, and how long it takes from the bar to its end."""

    photos: Path
    files: dict[str, bytes]
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    place = tmp_path_factory.mktemp("undisturbed")
    photos = few_of(heroes, place / "photos", 14)
    work = place / "work"
    work.mkdir()
    with started(photos, work) as process:
        process.wait_for_bar()
        begun = time.monotonic()
        assert process.wait()[0] == 0
        seconds = time.monotonic() - begun
    return Undisturbed(photos, contents(work / "model"), seconds)


class started:  # noqa: N801
    """`tellapart train photos -o model` in `work`, with a cache of its own and a terminal."""

    def __init__(self, photos: Path, work: Path, temporary: Path | None = None) -> None:
        import pty

        self.terminal, theirs = pty.openpty()
        self.said = b""
        self.process = subprocess.Popen(
            [*COMMAND, "train", str(photos), "-o", "model", "--quality", "fast"],
            cwd=work,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={
                **os.environ,
                "TELLAPART_CACHE": f"{work}-cache",
                "TERM": "xterm",
                **({"TMPDIR": str(temporary)} if temporary else {}),
            },
        )
        os.close(theirs)
        self.hung = threading.Event()
        self.limit = threading.Timer(AT_MOST, self._end)
        self.limit.daemon = True
        self.limit.start()

    def _end(self) -> None:
        """It hangs: its end also ends the reading from its terminal."""
        self.hung.set()
        self.process.kill()

    def __enter__(self) -> started:
        return self

    def __exit__(self, *_: object) -> None:
        self.limit.cancel()
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
        os.close(self.terminal)
        assert not self.hung.is_set(), f"It still ran after {AT_MOST} seconds."

    def wait_for_bar(self) -> None:
        """Until it has begun; before that, Python itself is still starting."""
        while BAR not in self.said:
            self.said += os.read(self.terminal, 4096)

    def wait(self) -> tuple[int, str, str]:
        """Exit code, stdout and what it wrote to the terminal."""
        with suppress(OSError):  # how Linux says that the other side is closed
            while piece := os.read(self.terminal, 4096):
                self.said += piece
        out, _ = self.process.communicate()
        return self.process.returncode, out.decode(), self.said.decode()


def again(photos: Path, work: Path) -> None:
    found = run_here(
        *("train", photos, "-o", "model", "--quality", "fast"),
        cwd=work,
        environment={"TELLAPART_CACHE": f"{work}-cache"},
    )
    assert found.code == 0, found.err


def stopped(number: int, seed: int, undisturbed: Undisturbed, work: Path) -> int:
    """Send the signal at a random moment, then run again; returns the first run's exit code."""
    work.mkdir()
    moment = random.Random(seed).uniform(0, undisturbed.seconds)
    with started(undisturbed.photos, work) as process:
        process.wait_for_bar()
        time.sleep(moment)
        process.process.send_signal(number)
        code, out, said = process.wait()
    if number == signal.SIGINT:
        assert code in (0, 130)
        assert "Traceback" not in said
        assert said.count(SENTENCE) == (code == 130)
        assert code == 0 or "Written" not in out
        left = {path.name for path in work.iterdir()}
        assert left <= {"model"}
    written = contents(work / "model")
    assert written in ({}, undisturbed.files)
    again(undisturbed.photos, work)
    assert contents(work / "model") == undisturbed.files
    assert [path.name for path in work.iterdir()] == ["model"]
    return code


def test_the_undisturbed_run_wrote_everything(undisturbed: Undisturbed) -> None:
    assert set(undisturbed.files) == set(COMPARED)


@pytest.mark.parametrize("seed", mostly_slow(range(3), 1))
def test_ctrl_c_at_any_moment_and_then_again_gives_the_same_bytes(
    seed: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    stopped(signal.SIGINT, seed, undisturbed, tmp_path / "work")


def test_an_unpacked_archive_does_not_outlast_a_request_to_end(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "photos"), "zip", undisturbed.photos))
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    with started(archive, work, temporary) as process:
        process.wait_for_bar()
        deadline = time.monotonic() + 20
        while not list(temporary.glob("tellapart-*")) and time.monotonic() < deadline:
            time.sleep(0.001)
        process.process.send_signal(signal.SIGTERM)
        code, _, said = process.wait()
    assert code == 130
    assert SENTENCE in said
    assert list(work.iterdir()) == []
    assert not list(temporary.glob("tellapart-*"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", mostly_slow(range(2), 1))
def test_a_kill_at_any_moment_and_then_again_gives_the_same_bytes(
    seed: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    assert stopped(signal.SIGKILL, seed, undisturbed, tmp_path / "work") in (0, -signal.SIGKILL)


@pytest.mark.slow
def test_many_more_moments(undisturbed: Undisturbed, tmp_path: Path) -> None:
    codes = [
        stopped(number, seed, undisturbed, tmp_path / f"{number}-{seed}")
        for number in (signal.SIGINT, signal.SIGKILL)
        for seed in range(100, 107)
    ]
    assert {130, -signal.SIGKILL} <= set(codes)


def test_ctrl_c_right_away_says_one_sentence_and_writes_nothing(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    with started(undisturbed.photos, tmp_path / "work") as process:
        process.wait_for_bar()
        process.process.send_signal(signal.SIGINT)
        code, out, said = process.wait()
    assert code == 130
    assert out == ""
    assert said.count(SENTENCE) == 1
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_while_a_model_is_replaced_keeps_the_old_or_has_the_new(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    (work / "model").mkdir(parents=True)
    old = {**undisturbed.files, "README.md": b"an older one"}
    for name, content in old.items():
        (work / "model" / name).write_bytes(content)
    with started(undisturbed.photos, work) as process:
        process.wait_for_bar()
        time.sleep(undisturbed.seconds * 0.9)
        process.process.send_signal(signal.SIGINT)
        process.wait()
    assert contents(work / "model") in (old, undisturbed.files)
    assert [path.name for path in work.iterdir()] == ["model"]


@pytest.mark.slow
def test_two_at_once_on_one_cache_write_the_same_model(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    environment = {**os.environ, "TELLAPART_CACHE": str(tmp_path / "cache")}
    processes = [
        subprocess.Popen(
            [*COMMAND, "train", str(undisturbed.photos), "-o", name, "--quality", "fast"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for name in ("one", "two")
    ]
    for process in processes:
        _, said = process.communicate(timeout=AT_MOST)
        assert (process.returncode, said) == (0, b"")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == undisturbed.files


@pytest.fixture
def warm(undisturbed: Undisturbed, tmp_path: Path) -> Path:
    """A place with a model and the shards behind it."""
    work = tmp_path / "work"
    work.mkdir()
    again(undisturbed.photos, work)
    return work


@pytest.mark.slow
@pytest.mark.parametrize("at", mostly_slow([0.3, 0.05, 0.9], 0))
def test_a_flipped_bit_in_the_cache_changes_nothing(
    at: float, undisturbed: Undisturbed, warm: Path
) -> None:
    shards = [path for path in Path(f"{warm}-cache").rglob("*") if path.is_file()]
    assert shards
    for shard in shards:
        content = bytearray(shard.read_bytes())
        content[int(at * len(content))] ^= 0x10
        shard.write_bytes(content)
    again(undisturbed.photos, warm)
    assert contents(warm / "model") == undisturbed.files


@pytest.mark.parametrize("seed", mostly_slow(range(6), 2))
def test_ctrl_c_twice_while_it_is_still_loading(
    seed: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    script = (
        "import sys; print('ready', flush=True); from tellapart.__main__ import main; "
        f"sys.argv = ['tellapart', 'train', {str(undisturbed.photos)!r}, '-o', 'model']; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path / "work",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        time.sleep(0.05 + 0.1 * seed)
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        process.wait()
    assert (process.returncode, said) == (130, f"{SENTENCE}\n")
    assert list((tmp_path / "work").iterdir()) == []
