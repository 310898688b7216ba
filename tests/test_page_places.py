"""A page takes the place of an older page of ours, and of nothing that is anybody's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import draw_scene, encoded, mostly_slow
from drawn import contents, few_of, model_of, run_here
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DestinationError
from tellapart.pages.render import write_page

COMMANDS = ("explain", "gaps", "report", "test")


@pytest.fixture(scope="module")
def few(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_of(heroes, tmp_path_factory.mktemp("few") / "photos", 3)


def writing(command: str, model: Path, few: Path, place: Path) -> tuple[str | Path, ...]:
    pictures: list[Path] = [] if command == "report" else [few]
    return command, model, *pictures, "--report" if command == "test" else "-o", place


def photograph(folder: Path) -> Path:
    path = folder / "photo.jpg"
    path.write_bytes(encoded(draw_scene(), "JPEG"))
    path.chmod(0o444)
    return path


def page_of_others(folder: Path) -> Path:
    path = folder / "thesis.html"
    path.write_text("<!doctype html><title>My thesis</title>")
    return path


def linked(folder: Path) -> Path:
    path = folder / "link.html"
    path.symlink_to(photograph(folder))
    return path


def broken_link(folder: Path) -> Path:
    path = folder / "later.html"
    path.symlink_to(folder / "gone")
    return path


def pipe(folder: Path) -> Path:
    path = folder / "pipe.html"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("make", [photograph, page_of_others, linked, broken_link, pipe])
def test_what_is_no_page_of_ours_is_never_overwritten(
    heroes: DemoPictures, few: Path, tmp_path: Path, command: str, make: Callable[[Path], Path]
) -> None:
    if make is pipe and not hasattr(os, "mkfifo"):
        pytest.skip("this system has no such pipes")
    place = make(tmp_path)
    before = contents(tmp_path)
    found = run_here(*writing(command, model_of(heroes), few, place))
    assert found.code == 2
    assert found.err.startswith(f"{place} is there already, and is not a page that tellapart wrote")
    assert found.out == ""
    assert contents(tmp_path) == before
    assert os.path.lexists(place)


@pytest.mark.parametrize("name", ["labels.txt", "model.onnx", "training.npz", "README.md"])
def test_the_files_of_a_model_are_not_overwritten(
    heroes: DemoPictures, tmp_path: Path, name: str
) -> None:
    model = shutil.copytree(model_of(heroes), tmp_path / "model")
    before = contents(model)
    found = run_here("report", model, "-o", model / name)
    assert found.code == 2
    assert contents(model) == before


def test_a_report_that_the_user_has_written_in_its_place_stays(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    model = shutil.copytree(model_of(heroes), tmp_path / "model")
    (model / "report.html").write_text("my own")
    assert run_here("report", model).code == 2
    assert (model / "report.html").read_text() == "my own"


@pytest.mark.parametrize("command", mostly_slow(COMMANDS, 1))
def test_a_page_of_ours_and_an_empty_file_are_replaced(
    heroes: DemoPictures, few: Path, tmp_path: Path, command: str
) -> None:
    place = tmp_path / "page.html"
    place.touch()
    assert run_here(*writing(command, model_of(heroes), few, place)).code == 0
    first = place.read_bytes()
    assert first.startswith(b"<!doctype html>")
    assert run_here(*writing("report", model_of(heroes), few, place)).code == 0
    assert command == "report" or place.read_bytes() != first


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_write_protected_page_of_ours_stays(tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    write_page('<meta name="generator" content="tellapart">', place)
    place.chmod(0o444)
    with pytest.raises(DestinationError, match="is write-protected"):
        write_page("another", place)


@pytest.mark.parametrize("flag", ["--output_labels", "--output_graph"])
def test_retrain_does_not_overwrite_a_picture(few: Path, tmp_path: Path, flag: str) -> None:
    place = photograph(tmp_path)
    before = place.read_bytes()
    more = ("--output_graph", tmp_path / "g.pb") if flag == "--output_labels" else ()
    out = "--output_model", tmp_path / "model"
    found = run_here("retrain", "--image_dir", few, flag, place, *more, *out)
    assert found.code == 2
    assert found.err.startswith(f"{place} is a picture, and is not overwritten.")
    assert place.read_bytes() == before
