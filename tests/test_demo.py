"""The demo's pictures are the same everywhere, and nobody's files are harmed by drawing them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tellapart
from conftest import mostly_slow
from drawn import contents, only_sentences, run, run_here
from tellapart.dataset.sources import pictures_below, read_dataset
from tellapart.demo.walk import INBOX_PICTURES, LABELS, DemoPictures, check_own, draw_demo
from tellapart.errors import DestinationError, PictureError
from tellapart.images.decode import read_picture
from tellapart.sorting.sort import SortOptions, sort


def test_what_there_is(heroes: DemoPictures) -> None:
    assert read_dataset(heroes.photos).counts == dict.fromkeys(LABELS, 30)
    assert read_dataset(heroes.kept_back).counts == {"dark_knight": 22, "ice_queen": 23}
    inbox, skipped, hidden = pictures_below(heroes.inbox)
    assert (len(inbox), len(skipped), hidden) == (INBOX_PICTURES, 0, 0)
    assert {path.name for path in heroes.folder.iterdir()} == {"photos", "kept-back", "inbox"}


def test_the_hard_pictures_are_among_those_kept_back(heroes: DemoPictures) -> None:
    assert len(heroes.hard) == 5
    assert Counter(path.parent.name for path in heroes.hard) == {"ice_queen": 3, "dark_knight": 2}
    for path in heroes.hard:
        assert path.is_relative_to(heroes.kept_back)
        assert read_picture(path).shape[2] == 3
    assert sum("dress-from-behind" in path.name for path in heroes.hard) == 3


def test_one_file_in_the_inbox_is_broken(heroes: DemoPictures) -> None:
    reasons = []
    for path, _ in pictures_below(heroes.inbox)[0]:
        try:
            read_picture(path)
        except PictureError as error:
            reasons.append(error.message)
    assert reasons == ["an HTML page saved as .jpg"]


def test_pictures_vary_and_none_is_there_twice(heroes: DemoPictures) -> None:
    files = contents(heroes.folder)
    assert len(set(files.values())) == len(files)
    sizes = {read_picture(path).shape[:2] for path in heroes.photos.rglob("*.jpg")}
    assert len(sizes) > 20
    assert {max(size) <= 280 and min(size) >= 160 for size in sizes} == {True}


def test_brightness_does_not_give_the_label_away(heroes: DemoPictures) -> None:
    means = {
        label: [read_picture(path).mean() for path in (heroes.photos / label).iterdir()]
        for label in LABELS
    }
    dark, ice = (np.array(means[label]) for label in LABELS)
    threshold = np.concatenate([dark, ice]).mean()
    assert ((dark < threshold).mean() + (ice >= threshold).mean()) / 2 < 0.9


@pytest.mark.slow
def test_the_same_seed_draws_the_same_files(tmp_path: Path) -> None:
    one, two, other = (
        contents(draw_demo(tmp_path / str(n), 4, seed).folder) for n, seed in enumerate((7, 7, 8))
    )
    assert one == two
    assert one.keys() == other.keys()
    assert sum(one[name] == other[name] for name in one) == 1  # the broken one


@pytest.mark.slow
def test_drawing_again_changes_nothing_and_more_adds(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    before = contents(draw_demo(folder, 4).folder)
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    draw_demo(folder, 4)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")} == stamps
    after = contents(draw_demo(folder, 7).folder)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 3
    assert read_dataset(folder / "photos").counts == {"dark_knight": 4, "ice_queen": 3}


@pytest.mark.parametrize(
    "other",
    [
        "notes.txt",
        "photos/dark_knight/mine.jpg",
        "photos/dark_knight/000.jpg",  # one of the demo's own names, with something else in it
        "photos/elsa/000.jpg",
        "inbox/IMG_0007.jpg",
        "photos/ice_queen/002.jpg",  # from a demo of more pictures than are asked for
    ],
)
def test_a_folder_with_other_files_is_refused_and_left_alone(other: str, tmp_path: Path) -> None:
    (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / other).write_bytes(b"somebody's")
    with pytest.raises(DestinationError) as caught:
        draw_demo(tmp_path, 4)
    assert Path(other).name in caught.value.message
    assert contents(tmp_path) == {other: b"somebody's"}


@pytest.mark.parametrize("clutter", [".DS_Store", "photos/Thumbs.db"])
def test_clutter_is_ignored(clutter: str, tmp_path: Path) -> None:
    (tmp_path / clutter).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / clutter).write_bytes(b"x")
    draw_demo(tmp_path, 2)
    assert read_dataset(tmp_path / "photos").counts == dict.fromkeys(LABELS, 1)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    path.write_bytes(b"somebody's")
    with pytest.raises(DestinationError, match="is a file"):
        draw_demo(path, 2)
    assert path.read_bytes() == b"somebody's"


def test_a_place_that_cannot_be_written_to() -> None:
    with pytest.raises(DestinationError, match="cannot be written") as caught:
        draw_demo(Path("/proc/tellapart"), 2)
    assert caught.value.hint


@pytest.mark.parametrize("pictures", [-1, 0, 1])
def test_too_few_pictures(pictures: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        draw_demo(tmp_path, pictures)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_drawing_that_was_killed_is_drawn_to_its_end(tmp_path: Path) -> None:
    whole = contents(draw_demo(tmp_path / "whole", 4).folder)
    script = """
import os, signal, sys
from pathlib import Path
from tellapart.demo.walk import draw_demo
rename, calls = os.rename, []
def rename_or_die(part, path):
    calls.append(path)
    if len(calls) == 31:
        os.truncate(part, 100)
        os.kill(os.getpid(), signal.SIGKILL)
    rename(part, path)
os.rename = rename_or_die
draw_demo(Path("demo"), 4)
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=False)
    left = contents(tmp_path / "demo")
    assert 0 < len(left) < len(whole)
    assert left.keys() - whole.keys()  # half a picture, under a name of ours
    assert contents(draw_demo(tmp_path / "demo", 4).folder) == whole


# The command


@pytest.fixture
def work(draw_folder: Callable[..., Path], tmp_path: Path) -> Path:
    """A user's folder with a model of their own, and with what they sorted by moving."""
    folder = tmp_path / "work"
    photos = draw_folder({"cat": 3, "dog": 3}, folder / "photos")
    tellapart.train(photos, quality="fast").save(folder / "model")
    sort(tellapart.load(folder / "model"), photos, folder / "sorted", SortOptions(how="move"))
    return folder


@pytest.mark.parametrize("kept", mostly_slow(["model", "sorted"], 1))
def test_a_users_own_work_is_refused_and_left_alone(kept: str, work: Path) -> None:
    shutil.rmtree(work / ({"model", "sorted"} - {kept}).pop())
    before = contents(work)
    found = run("demo", ".", cwd=work)
    assert found.code == 2
    assert f"{kept} is there already, and is not a demo's." in found.err
    assert only_sentences(found.err)
    assert contents(work) == before


def test_a_users_folder_by_the_name_of_sorted_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sorted").mkdir()
    (tmp_path / "sorted" / "mine.txt").write_bytes(b"somebody's")
    with pytest.raises(DestinationError, match="not a demo's"):
        check_own(tmp_path)
    (tmp_path / "sorted" / "mine.txt").unlink()
    check_own(tmp_path)


def without_heartbeat(said: str) -> str:
    """What was said but for "Drawing pictures: 10 seconds so far", as on a busy machine."""
    return "".join(re.findall(r"(?m)^(?!.* seconds so far$).*\n", said))


@pytest.mark.slow
def test_the_command_can_be_given_again_and_prints_commands_that_run(tmp_path: Path) -> None:
    first = run("demo", "my demo", cwd=tmp_path)
    assert (first.code, without_heartbeat(first.err)) == (0, "")
    commands = [shlex.split(line[2:]) for line in first.out.splitlines() if line.startswith("$ ")]
    assert [words[1] for words in commands] == ["train", "test", "sort"]
    for words in commands[1:2]:
        assert run_here(*words[1:], cwd=tmp_path).code == 0
    before = contents(tmp_path)
    second = run_here("demo", "my demo", cwd=tmp_path)
    assert (second.code, without_heartbeat(second.err)) == (0, "")
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after.get(name)} <= {
        name for name in before if ".tellapart-sort" in name
    }


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_script_says_how_to_go_on(tmp_path: Path) -> None:
    root, venv = Path(__file__).parents[1], tmp_path / "a venv"
    (venv / "bin").mkdir(parents=True)
    for name in ("tellapart", "python"):
        (venv / "bin" / name).write_text('#!/bin/sh\necho "$0" "$@"\n')
        (venv / "bin" / name).chmod(0o755)
    for path, said in (("/usr/bin:/bin", True), (f"{venv}/bin:/usr/bin:/bin", False)):
        words = subprocess.run(
            [root / "scripts" / "demo", "somewhere"],
            env={"VENV": str(venv), "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert f"{venv}/bin/tellapart demo somewhere" in words
        assert (f'  export PATH="{venv}/bin:$PATH"\n' in words) == said
