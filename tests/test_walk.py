"""Folders that cannot be opened, lie too deep or lead round in circles, through every command."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import mostly_slow
from drawn import Run, few_of, model_of, run, run_here
from tellapart.dataset import listing
from tellapart.dataset.sources import pictures_below, read_dataset
from tellapart.demo.walk import DemoPictures

SHUT = "a folder that cannot be opened: permission denied"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="takes rights away as Linux does")


def without_rights() -> None:
    """Root may open every folder; from here on no program that is started may."""
    for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP


def bound(*arguments: str | os.PathLike[str], cwd: Path) -> Run:
    return run(*arguments, cwd=cwd, before=without_rights)


def nested(root: Path, depth: int, picture: Path) -> None:
    """Folders in each other, by steps: the path of the innermost may be longer than is allowed."""
    here = os.getcwd()
    try:
        os.chdir(root)
        for _ in range(depth):
            os.mkdir("d")
            os.chdir("d")
        shutil.copy(picture, "deep.jpg")
    finally:
        os.chdir(here)


@pytest.fixture
def shut(heroes: DemoPictures, tmp_path: Path) -> Iterator[Path]:
    """Labelled pictures and an inbox, each with a folder at its top and one further down that
    nobody may open."""
    few_of(heroes, tmp_path / "photos", 8)
    first = next((tmp_path / "photos").rglob("*.jpg"))
    (tmp_path / "inbox" / "sub").mkdir(parents=True)
    shutil.copy(first, tmp_path / "inbox" / "a.jpg")
    closed = [
        *(tmp_path / "photos" / "lost+found", first.parent / "shut"),
        *(tmp_path / "inbox" / "lost+found", tmp_path / "inbox" / "sub" / "shut"),
    ]
    for folder in closed:
        folder.mkdir()
        shutil.copy(first, folder)
        folder.chmod(0)
    yield tmp_path
    for folder in closed:
        folder.chmod(0o700)


@pytest.mark.slow
def test_every_command_passes_over_a_folder_that_cannot_be_opened(
    shut: Path, heroes: DemoPictures
) -> None:
    model = model_of(heroes)
    lines: dict[str, tuple[str | Path, ...]] = {
        "train": ("train", "photos", "-o", "new", "--quality", "fast"),
        "test": ("test", model, "photos"),
        "gaps": ("gaps", model, "photos"),
        "suggest": ("suggest", model, "inbox"),
        "sort": ("sort", model, "inbox", "out"),
    }
    for name, words in lines.items():
        found = bound(*words, "--json", cwd=shut)
        assert found.code == 0, (name, found.err)
        reasons = [one["reason"] for one in found.json()["skipped"]]
        assert reasons == [SHUT, SHUT], name
    assert sum(bound("sort", model, "inbox", "out", "--json", cwd=shut).json()["counts"].values())
    assert bound("sort", "--undo", "out", cwd=shut).code == 0


@pytest.mark.slow
def test_guess_and_explain_say_which_folder_they_could_not_open(
    shut: Path, heroes: DemoPictures
) -> None:
    for command in ("guess", "explain"):
        found = bound(command, model_of(heroes), "inbox", "--json", cwd=shut)
        assert found.code == 0
        assert "a.jpg" in found.out
        assert found.err == f"inbox/lost+found: {SHUT}\ninbox/sub/shut: {SHUT}\n"
    assert bound("guess", model_of(heroes), "inbox", "--strict", cwd=shut).code == 3
    alone = bound("guess", model_of(heroes), "inbox/lost+found", cwd=shut)
    assert (alone.code, alone.err.strip()) == (2, f"inbox/lost+found is {SHUT}.")


def test_a_destination_that_cannot_be_opened_is_a_sentence(
    shut: Path, heroes: DemoPictures
) -> None:
    found = bound("sort", model_of(heroes), "inbox", "inbox/lost+found/out", cwd=shut)
    assert found.code == 2
    assert "lost+found/out cannot be written: permission denied." in found.err


@pytest.mark.slow
@pytest.mark.parametrize("depth", mostly_slow([1100, 5000], 1))
def test_folders_nested_deeper_than_python_calls_itself(
    depth: int, heroes: DemoPictures, tmp_path: Path
) -> None:
    picture = next(heroes.photos.rglob("*.jpg"))
    photos = few_of(heroes, tmp_path / "photos", 4)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shutil.copy(picture, inbox / "a.jpg")
    shutil.copy(picture, inbox / "z.jpg")
    try:
        for root in (inbox, sorted(photos.iterdir())[0]):
            nested(root, depth, picture)
        within = depth == 1100  # beyond that no path is long enough
        found, skipped, _ = pictures_below(inbox)
        assert [path.name for path, _ in found] == ["a.jpg", *["deep.jpg"] * within, "z.jpg"]
        reasons = [one.reason for one in skipped]
        too_deep = "a folder that lies too deep: the system takes no path that long"
        assert reasons == ([] if within else [too_deep])
        assert len(read_dataset(photos).items) == 8 + within
        model = model_of(heroes)
        for move in ([], ["--move"]):
            sorted_ = run_here("sort", model, inbox, tmp_path / "out", "--json", *move).json()
            assert sum(sorted_["counts"].values()) == 2 + within
            undone = run_here("sort", "--undo", tmp_path / "out", "--json").json()
            assert (undone["taken_back"], undone["left"]) == (2 + within, [])
        assert run_here("guess", model, inbox).code == 0
    finally:
        os.system(f"rm -rf '{inbox}' '{photos}'")  # pytest's own deletion calls itself too


def test_loops_of_links_end(heroes: DemoPictures, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "one").mkdir(parents=True)
    (inbox / "two").mkdir()
    (inbox / "one" / "to-two").symlink_to(inbox / "two")
    (inbox / "two" / "to-one").symlink_to(inbox / "one")
    (inbox / "self").symlink_to(inbox)
    shutil.copy(next(heroes.photos.rglob("*.jpg")), inbox / "one" / "a.jpg")
    found, skipped, _ = pictures_below(inbox, follow_links=True)
    assert [name for _, name in found] == ["one/a.jpg", "two/to-one/a.jpg"]
    assert {one.reason for one in skipped} == {"a link back to a folder above it"}
    assert run_here("sort", model_of(heroes), inbox, tmp_path / "out", "--follow-links").code == 0


def test_a_folder_of_more_entries_than_are_put_in_order_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    for name in ("7", "7.x", "a", "b"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "1.png").write_bytes(b"")
    for name in (".hidden", "notes.txt", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "link.jpg").symlink_to("1.jpg")
    (tmp_path / "way").symlink_to("a")
    (tmp_path / "broken").symlink_to("nowhere")
    for follow_links in (False, True):
        usual = pictures_below(tmp_path, follow_links=follow_links)
        assert len(usual[0]) == 65 + follow_links
        with monkeypatch.context() as patch:
            patch.setattr(listing, "_AT_ONCE", 7)
            assert pictures_below(tmp_path, follow_links=follow_links) == usual
