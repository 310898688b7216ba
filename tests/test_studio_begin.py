"""The studio as somebody sees it who has not been there before: nothing there, or a first heap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import draw_scene
from studio import Opened, browser, page_of, studio

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("begin") / "photos"
    folder.mkdir()
    with studio(folder) as found:
        yield found


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Any]:
    with browser() as chromium:
        yield page_of(chromium, opened.link, viewport={"width": 390, "height": 844})


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("collect", "Drop pictures, folders or a zip here"),
        ("label", "Pictures that you add without a label come here"),
        ("train", "Make two labels, and give each a few pictures"),
        ("test", "Add two labels, and pictures of each"),
        ("mend", "There is no model yet"),
        ("share", "There is no model to share yet"),
    ],
)
def test_each_part_of_an_empty_folder_says_how_to_begin(page: Any, part: str, said: str) -> None:
    """Calmly: nothing is wrong, nothing can be pressed in vain, and it is whole on a phone."""
    page.evaluate(f"location.hash = '#/{part}'")
    page.get_by_text(said).first.wait_for()
    assert not page.get_by_role("alert").count()
    assert not page.get_by_role("button", name=re.compile("^Train")).count()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("main").evaluate("(main) => main.scrollWidth - main.clientWidth") == 0


def test_a_heap_says_where_it_gets_its_labels(page: Any, opened: Opened) -> None:
    page.evaluate("location.hash = '#/collect'")
    draw_scene().save(Path(opened.folder, "first.png"))
    page.get_by_role("link", name="Label them").click()
    page.locator("main[data-view=label]").wait_for()
