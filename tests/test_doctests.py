"""The examples in docstrings, in the README and in docs/python.md are run, and true."""

from __future__ import annotations

import doctest
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import tellapart
from drawn import model_of
from serving import serving
from tellapart.demo.walk import DemoPictures

SOURCE = Path(tellapart.__file__).parent
ROOT = Path(__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
HEAVY = {"__init__.py", "assess/check/checking.py", "model/verbs.py", "sorting/piles.py"}
WITH_EXAMPLES = [
    pytest.param(path, id=name, marks=[pytest.mark.slow] * (name in HEAVY))
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>> " in path.read_text("utf-8") and (name := path.relative_to(SOURCE).as_posix())
]


@pytest.fixture
def place(heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that the examples name, in which they are run."""
    queens = sorted((heroes.photos / "ice_queen").iterdir())
    shutil.copytree(heroes.photos, tmp_path / "photos")
    shutil.copytree(heroes.inbox, tmp_path / "inbox")
    for label in ("dark_knight", "ice_queen"):
        kept = tmp_path / "photos-i-kept-back" / label
        kept.mkdir(parents=True)
        for path in sorted((heroes.kept_back / label).iterdir())[:6]:
            shutil.copy(path, kept)
    for name in ("picture.jpg", "dress.jpg", "a.jpg", "b.jpg"):
        shutil.copy(queens[0], tmp_path / name)
    shutil.copytree(model_of(heroes), tmp_path / "heroes")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def names(place: Path) -> dict[str, Any]:
    """The names that the examples take for granted."""
    paths = [str(path) for path in sorted(place.glob("photos/*/*.jpg"))]
    return {
        "tellapart": tellapart,
        "classifier": tellapart.load("heroes"),
        "paths": paths,
        "labels": [Path(path).parent.name for path in paths],
    }


def wrong(test: doctest.DocTest) -> str:
    """What is said of the examples that fail; empty if none does."""
    said: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    return "".join(said)


@pytest.mark.parametrize("path", WITH_EXAMPLES)
def test_examples_in_docstrings_are_true(path: Path, names: dict[str, Any]) -> None:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    name = ".".join(("tellapart", *(part for part in parts if part != "__init__")))
    if name == "tellapart.sklearn":
        pytest.importorskip("sklearn", "1.6")
    module = import_module(name)
    found = [test for test in doctest.DocTestFinder().find(module, name) if test.examples]
    assert found
    for test in found:
        test.globs.update(names)
        if said := wrong(test):
            pytest.fail(said)


def blocks(page: Path) -> Iterator[str]:
    yield from re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="paths are shown with slashes")
def test_the_page_on_python_is_true(names: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("sklearn", "1.6")
    page = ROOT / "docs" / "python.md"
    text = "\n".join(blocks(page))
    with serving(tmp_path, "heroes") as server:
        names["address"] = server.address
        test = doctest.DocTestParser().get_doctest(text, names, "python.md", str(page), 0)
        assert len(test.examples) > 10
        if said := wrong(test):
            pytest.fail(said)


def test_what_the_readme_says_of_python_runs(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = blocks(ROOT / "README.md")
    exec(compile(block, "README.md", "exec"), names)
    assert capsys.readouterr().out.split()[0] == "ice_queen"
