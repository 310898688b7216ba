"""A reader sees the old content or the new one, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import mostly_slow
from drawn import contents
from tellapart.errors import DestinationError
from tellapart.files import leftovers
from tellapart.files.atomic import write_atomically
from tellapart.files.folders import folder_written_atomically

OLD = {"model.onnx": b"old", "labels.txt": b"old"}
NEW = {"model.onnx": b"new", "report.html": b"new"}


def write_folder(target: Path, named: dict[str, bytes]) -> None:
    with folder_written_atomically(target) as fresh:
        for name, content in named.items():
            (fresh / name).write_bytes(content)


@pytest.mark.parametrize("first", [None, {}, OLD])
def test_a_folder_takes_its_place_whole(first: dict[str, bytes] | None, tmp_path: Path) -> None:
    target = tmp_path / "model"
    if first is not None:
        target.mkdir()
        for name, content in first.items():
            (target / name).write_bytes(content)
    write_folder(target, NEW)
    assert contents(tmp_path) == {f"model/{name}": content for name, content in NEW.items()}


def test_folders_above_are_made(tmp_path: Path) -> None:
    write_folder(tmp_path / "a" / "b" / "model", NEW)
    assert contents(tmp_path / "a" / "b" / "model") == NEW


def test_permissions_are_those_of_any_new_folder_and_file(tmp_path: Path) -> None:
    write_folder(tmp_path / "model", NEW)
    write_atomically(tmp_path / "file", b"")
    (tmp_path / "other").mkdir()
    (tmp_path / "plain").touch()
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def interrupted(
    function: Callable[..., None], at: int, after: bool, error: BaseException
) -> Callable[..., None]:
    """The function, but its call number `at` raises, before or after its work is done."""
    calls = 0

    def call(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == at and not after:
            raise error
        function(*arguments)
        if calls == at:
            raise error

    return call


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("exists", [False, True])
def test_stopped_between_any_two_renames_the_old_or_the_new_is_there(
    exists: bool,
    at: int,
    after: bool,
    error: BaseException,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "model"
    if exists:
        write_folder(target, OLD)
    monkeypatch.setattr(leftovers, "exchange", lambda one, other: False)  # as on other systems
    monkeypatch.setattr(os, "rename", interrupted(os.rename, at, after, error))
    if not exists and at == 2:
        write_folder(target, NEW)  # one rename was enough
    else:
        with pytest.raises((KeyboardInterrupt, DestinationError)):
            write_folder(target, NEW)
    found = contents(target)
    assert found in ([OLD, NEW] if exists else [{}, NEW])
    assert [path.name for path in tmp_path.iterdir()] == (["model"] if found else [])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.EFBIG, "File too large")])
def test_stopped_while_writing_nothing_has_changed(error: BaseException, tmp_path: Path) -> None:
    target = tmp_path / "model"
    write_folder(target, OLD)
    with (  # noqa: PT012
        pytest.raises((KeyboardInterrupt, DestinationError)),
        folder_written_atomically(target) as fresh,
    ):
        (fresh / "model.onnx").write_bytes(b"ne")
        raise error
    assert contents(tmp_path) == {f"model/{name}": content for name, content in OLD.items()}


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "replace", interrupted(os.replace, 1, False, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert contents(tmp_path) == {"file": b"old"}
    write_atomically(path, b"new")
    assert contents(tmp_path) == {"file": b"new"}


REPLACING = """
import signal
from pathlib import Path
from tellapart.files.folders import folder_written_atomically
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
for time in range(5_000):
    if time == 1:
        print("ready", flush=True)
    with folder_written_atomically(Path("model")) as fresh:
        (fresh / "labels.txt").write_bytes(b"one")
        (fresh / "model.onnx").write_bytes(b"two")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("seed", mostly_slow(range(12), 3))
def test_ctrl_c_at_any_moment_of_replacing_leaves_one_whole_folder(
    seed: int, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", REPLACING],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.02))
        process.send_signal(signal.SIGINT)
    assert contents(tmp_path) == {"model/labels.txt": b"one", "model/model.onnx": b"two"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs renameat2")
def test_a_folder_that_is_replaced_is_there_at_every_moment(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", REPLACING], cwd=tmp_path, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        model = str(tmp_path / "model" / "model.onnx")
        seen = all(os.path.exists(model) for _ in range(200_000))
        process.kill()
    assert seen
    assert contents(tmp_path / "model") == {"labels.txt": b"one", "model.onnx": b"two"}


@pytest.mark.parametrize("place", ["file/model", "file/deeper/model", "a" * 300])
def test_a_place_that_cannot_be_is_said(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(DestinationError, match="cannot be written") as caught:
        write_folder(tmp_path / place, NEW)
    assert "choose another place." in caught.value.hint
    assert contents(tmp_path) == {"file": b"x"}


WRITING = """
import sys
from pathlib import Path
from tellapart.files.folders import folder_written_atomically
with folder_written_atomically(Path("model")) as fresh:
    (fresh / "model.onnx").write_bytes(b"half")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_what_a_kill_left_goes_with_the_next_save_and_what_is_being_written_stays(
    tmp_path: Path,
) -> None:
    def begun() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITING],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        process.stdout.readline()
        return process

    with begun() as killed, begun() as writing:
        killed.kill()
        killed.wait()
        assert len(contents(tmp_path)) == 4  # a file and a lock each
        write_folder(tmp_path / "other", NEW)
        assert len(contents(tmp_path)) == 4 + len(NEW)
        write_folder(tmp_path / "model", NEW)
        assert len(contents(tmp_path)) == 2 + 2 * len(NEW)
        writing.communicate()
        assert writing.returncode == 0
    assert contents(tmp_path / "model") == {"model.onnx": b"half"}
    assert {path.name for path in tmp_path.iterdir()} == {"model", "other"}


KILLED_HALF_WAY = """
import os, signal
from pathlib import Path
from tellapart.files import folders, leftovers
rename = os.rename
def rename_and_die(one, other):
    rename(one, other)
    os.kill(os.getpid(), signal.SIGKILL)
os.rename = rename_and_die
leftovers.exchange = lambda one, other: False  # as on other systems
with folders.folder_written_atomically(Path("model")) as fresh:
    (fresh / "model.onnx").write_bytes(b"new")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_an_old_folder_that_a_kill_left_aside_comes_back(tmp_path: Path) -> None:
    target = tmp_path / "model"
    write_folder(target, OLD)
    subprocess.run([sys.executable, "-c", KILLED_HALF_WAY], cwd=tmp_path, check=False)
    assert not target.exists()
    with (
        pytest.raises(DestinationError, match="too large"),
        folder_written_atomically(target),
    ):
        raise OSError(errno.EFBIG, "File too large")
    assert contents(tmp_path) == {f"model/{name}": content for name, content in OLD.items()}


OLDER = {"model.onnx": b"older"}
KEPT = """
import os, signal, sys
from pathlib import Path
from tellapart.files import folders, leftovers
steps = int(sys.argv[1])
def counted(step):
    def call(*given, **how):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        done = step(*given, **how)
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return call
os.rename = counted(os.rename)
leftovers.shutil.rmtree = counted(leftovers.shutil.rmtree)
exchange = counted(leftovers.exchange)
leftovers.exchange = exchange if sys.argv[2] == "exchange" else lambda *given: False
with folders.folder_written_atomically(Path("model"), keep=lambda: None) as fresh:
    (fresh / "model.onnx").write_bytes(b"new")
    (fresh / "report.html").write_bytes(b"new")
"""


@pytest.mark.parametrize("first", [False, True])
def test_the_replaced_folder_is_kept_until_the_next(first: bool, tmp_path: Path) -> None:
    target = tmp_path / "model"
    for number in range(4):
        with folder_written_atomically(target, keep=None if first else lambda: None) as fresh:
            (fresh / "model.onnx").write_bytes(b"%d" % number)
    expected = {"model/model.onnx": b"3"} | ({} if first else {"model.before/model.onnx": b"2"})
    assert contents(tmp_path) == expected


def test_what_may_not_be_taken_away_stops_it(tmp_path: Path) -> None:
    def refuse() -> None:
        raise DestinationError("That is a thesis.")

    write_folder(tmp_path / "model", OLD)
    write_folder(tmp_path / "model.before", {"thesis.txt": b"years"})
    with (
        pytest.raises(DestinationError, match="thesis"),
        folder_written_atomically(tmp_path / "model", keep=refuse) as fresh,
    ):
        (fresh / "model.onnx").write_bytes(b"new")
    assert contents(tmp_path) == {
        **{f"model/{name}": content for name, content in OLD.items()},
        "model.before/thesis.txt": b"years",
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("how", ["exchange", "rename"])
def test_killed_at_any_step_of_replacing_nothing_is_lost(how: str, tmp_path: Path) -> None:
    killed = -signal.SIGKILL
    for step in range(1, 20):
        place = tmp_path / str(step)
        place.mkdir()
        target, before = place / "model", place / "model.before"
        write_folder(target, OLD)
        write_folder(before, OLDER)
        done = subprocess.run(
            [sys.executable, "-c", KEPT, str(step), how], cwd=place, check=False
        ).returncode
        whole = [contents(folder) for folder in place.iterdir() if folder.is_dir()]
        assert OLD in whole
        if how == "exchange" or target.exists():
            assert contents(target) in (OLD, NEW)
        if not (target.exists() and contents(target) == NEW):
            assert OLDER in whole
        with (
            pytest.raises(DestinationError, match="too large"),
            folder_written_atomically(target, keep=lambda: None),
        ):
            raise OSError(errno.EFBIG, "File too large")
        if contents(target) == NEW:
            assert contents(before) == OLD
        else:
            assert contents(target) == OLD
            assert contents(before) == OLDER
        assert {path.name for path in place.iterdir()} <= {"model", "model.before"}
        if done == 0:
            break
        assert done == killed
    assert 4 < step < 19
