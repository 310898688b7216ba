"""The studio opens on a folder, shows what is in it, and labels."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from conftest import draw_scene, encoded
from studio import Opened, browser, page_of, studio
from tellapart.demo.walk import DemoPictures


@pytest.fixture(scope="module")
def opened(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("studio") / "photos"
    shutil.copytree(heroes.photos, folder)
    for picture in sorted(heroes.inbox.glob("IMG_000[1-3].jpg")):
        shutil.copy(picture, folder)
    with studio(folder) as found:
        yield found


def test_labels_undone_and_redone(opened: Opened) -> None:
    heap = [one for one in opened.pictures().values() if one["part"] == "heap"]
    assert len(heap) == 3
    one = heap[0]
    assert opened.ask("/api/label", {"ids": [one["id"]], "label": "dark_knight"}).status == 200
    moved = opened.pictures()[f"dark_knight/{one['name']}"]
    assert (moved["id"], moved["label"]) == (one["id"], "dark_knight")
    assert (opened.folder / "dark_knight" / one["name"]).is_file()
    assert opened.ask("/api/undo", {}).status == 200
    assert opened.pictures()[one["name"]]["part"] == "heap"
    assert opened.ask("/api/redo", {}).status == 200
    assert f"dark_knight/{one['name']}" in opened.pictures()
    assert opened.ask("/api/undo", {}).status == 200


def test_a_picture_that_is_sent_is_added(opened: Opened) -> None:
    sent = opened.ask("/api/pictures?label=ice_queen&name=new.png", encoded(draw_scene()))
    assert sent.status == 201
    assert opened.pictures()["ice_queen/new.png"]["label"] == "ice_queen"
    assert opened.ask("/api/undo", {}).status == 200
    assert "ice_queen/new.png" not in opened.pictures()


def test_it_trains_by_itself(opened: Opened) -> None:
    state = opened.wait(lambda state: state["training"].get("value") is not None)
    assert state["training"]["value"] > 0.7


def test_nobody_comes_in_without_the_link(opened: Opened) -> None:
    assert opened.running.ask("/api/state").status == 401


@pytest.mark.slow
def test_a_browser_shows_the_pictures(opened: Opened) -> None:
    with browser() as chromium:
        page = page_of(chromium, opened.link)
        page.get_by_role("heading", name="photos").wait_for()
        assert "token" not in page.url
