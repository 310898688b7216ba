"""The studio as it is used: its story by mouse, by finger and by keys alone, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hands import Finger, Hand, Keys, Mouse
from story import FLAGS, NARROW, WIDE, Story, files, labelled, lay_out, tell
from studio import browser, page_of, studio
from tellapart.demo.walk import DemoPictures


@pytest.fixture(scope="module")
def chromium(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser before whose camera an ice queen stands."""
    scene = lay_out(heroes, tmp_path_factory.mktemp("film"), 0)
    with browser(*FLAGS, f"--use-file-for-fake-video-capture={scene.film}") as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "seen"),
    [(Mouse, WIDE), (Keys, WIDE), (Finger, NARROW)],
    ids=["mouse", "keys", "finger"],
)
def test_the_whole_story(
    kind: type[Hand], seen: dict[str, Any], heroes: DemoPictures, chromium: Any, tmp_path: Path
) -> None:
    scene = lay_out(heroes, tmp_path, 60)
    with studio(scene.folder) as opened:
        page = page_of(chromium, opened.link, **seen)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        tell(Story(opened, page, kind(page), scene))
        assert not errors
        assert opened.running.log.read_text() == ""
        page.context.close()


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
