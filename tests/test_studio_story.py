"""The studio as it is used: its story by mouse, by finger and by keys alone, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hands import Keys
from story import FLAGS, WIDE, Scene, Story, files, lay_out
from studio import browser, page_of, studio
from tellapart.demo.walk import DemoPictures


@pytest.fixture(scope="module")
def chromium(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser before whose camera an ice queen stands."""
    scene = lay_out(heroes, tmp_path_factory.mktemp("film"), 0)
    with browser(*FLAGS, f"--use-file-for-fake-video-capture={scene.film}") as found:
        yield found


def labelled(scene: Scene) -> dict[str, str]:
    """The label of each picture of the heap, as the folders say it now."""
    return {path.name: path.parent.name for path in scene.folder.glob("*/IMG_*.jpg")}


def test_a_heap_gets_its_labels_by_keys_alone(
    heroes: DemoPictures, chromium: Any, tmp_path: Path
) -> None:
    """No key is lost however fast they come, and the page never loses its way between them."""
    scene = lay_out(heroes, tmp_path, 30)
    before = files(scene.folder)
    with studio(scene.folder) as opened:
        page = page_of(chromium, opened.link, **WIDE)
        story = Story(opened, page, Keys(page), scene)
        story.name_piles()
        story.accept_suggestions()
        assert labelled(scene) == scene.truth
        while opened.state()["undo"]:
            opened.ask("/api/undo", {})
        page.context.close()
    assert files(scene.folder) == before
