"""Temporary folders: gone when they are not needed, after a kill too, and nobody else's touched."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drawn import COMMAND, few_of, run
from tellapart.dataset.sources import read_dataset
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DestinationError
from tellapart.files.atomic import write_atomically
from tellapart.files.locks import take
from tellapart.files.workspaces import Workspace, clear_leftovers, temporary_folder

NAME = "tellapart-0123456789abcdef"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The system's temporary folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    monkeypatch.undo()
    tempfile.tempdir = None


def left_by_a_kill(place: Path, name: str = NAME) -> None:
    (place / name / "cat").mkdir(parents=True)
    (place / name / "cat" / "1.jpg").write_bytes(b"x")
    (place / f"{name}.lock").touch(0o600)


def test_a_workspace_lasts_as_long_as_it_is_used(place: Path) -> None:
    workspace = Workspace()
    (workspace.folder / "file").write_bytes(b"x")
    assert workspace.folder.parent == place
    assert workspace.folder.stat().st_mode & 0o777 == 0o700
    clear_leftovers()
    assert (workspace.folder / "file").exists()
    del workspace
    gc.collect()
    with temporary_folder() as folder:
        (folder / "file").write_bytes(b"x")
    assert list(place.iterdir()) == []


def test_the_next_one_clears_away_what_a_kill_left(place: Path) -> None:
    left_by_a_kill(place)
    with temporary_folder() as folder:
        assert {path.name for path in place.iterdir()} == {folder.name, f"{folder.name}.lock"}


@pytest.mark.skipif(sys.platform == "win32", reason="locks and owners as POSIX has them")
def test_what_is_in_use_or_somebody_else_s_stays(place: Path, tmp_path: Path) -> None:
    left_by_a_kill(place)
    left_by_a_kill(place, "tellapart-notes")  # a user's own
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "dear").write_bytes(b"x")
    link = "tellapart-" + "f" * 16
    (place / link).symlink_to(outside)
    (place / f"{link}.lock").symlink_to(outside / "dear")
    if os.geteuid() == 0:
        left_by_a_kill(place, "tellapart-" + "a" * 16)
        os.chown(place / ("tellapart-" + "a" * 16 + ".lock"), 12345, 12345)
    before = {path.name for path in place.iterdir()}
    with (place / f"{NAME}.lock").open("r+b") as lock:
        assert take(lock)
        clear_leftovers()
        assert {path.name for path in place.iterdir()} == before
    clear_leftovers()
    assert {path.name for path in place.iterdir()} == before - {NAME, f"{NAME}.lock"}
    assert (outside / "dear").read_bytes() == b"x"


def test_a_full_disk_while_unpacking_leaves_nothing(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name in ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg"):
            opened.writestr(name, b"x" * 100)
    real, left = Path.open, [2]

    def full(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        if mode == "wb":
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
        return real(path, mode, *more, **named)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(DestinationError, match="No space left") as caught:
        read_dataset(archive)
    assert list(place.iterdir()) == [], caught.traceback


@pytest.mark.slow
def test_an_archive_of_folders_deeper_than_python_calls_itself(place: Path, tmp_path: Path) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("cat/1.jpg", b"x")
        opened.writestr("dog/" + "d/" * 1100 + "1.jpg", b"x")
    dataset = read_dataset(archive)
    assert dataset.counts == {"cat": 1, "dog": 1}
    del dataset
    gc.collect()
    assert list(place.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_any_next_command_clears_away_the_archive_of_a_killed_one(
    heroes: DemoPictures, place: Path, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 12)
    archive = Path(shutil.make_archive(str(tmp_path / "photos"), "zip", photos))
    with subprocess.Popen(
        [*COMMAND, "train", str(archive), "-o", "model", "--quality", "fast"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while not list(place.glob("tellapart-*/*")):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert list(place.glob("tellapart-*"))
    run("cache", "dir")
    assert list(place.iterdir()) == []


def test_a_file_that_a_kill_left_half_written_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from tellapart.files import atomic as files
files.os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
files.write_atomically(Path({str(tmp_path / "page.html")!r}), b"new")
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode != 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    write_atomically(tmp_path / "other.html", b"")
    assert len(list(tmp_path.iterdir())) == 2  # another file's
    write_atomically(tmp_path / "page.html", b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"page.html", "other.html"}
