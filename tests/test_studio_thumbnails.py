"""Pictures as the page gets them: small and kept by content, or whole; never as a page."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from conftest import draw_scene, encoded
from studio import Opened, browser, studio
from tellapart.cache.stores import THUMBNAILS, Store
from tellapart.demo.walk import BROKEN_PAGE
from tellapart.studio.thumbnails import SIDES, thumbnail
from tellapart.workers.newest import Newest

ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("thumbnails") / "photos"
    folder.mkdir()
    turned = Image.Exif()
    turned[ORIENTATION] = 6  # to be turned right by a quarter
    scene = draw_scene(900, 600)
    scene.save(folder / "turned.jpg", exif=turned)
    scene.save(folder / "small.png", "PNG")
    draw_scene(60, 40).save(folder / "tiny.webp")
    draw_scene(3000, 200).save(folder / "wide.bmp")
    scene.save(folder / "scan.tif")
    (folder / "page.jpg").write_bytes(BROKEN_PAGE)
    (folder / "drawing.png").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    with studio(folder) as found:
        yield found


def shown(opened: Opened, name: str, kind: str, query: str = "") -> Any:
    one = opened.pictures()[name]
    return opened.ask(f"/api/pictures/{one['id']}/{kind}?v={one['version']}{query}")


@pytest.mark.parametrize("side", SIDES)
def test_small_ones_are_upright_and_of_two_sizes(opened: Opened, side: int) -> None:
    answer = shown(opened, "turned.jpg", "thumbnail", f"&side={side}")
    image = Image.open(io.BytesIO(answer.body))
    assert (image.format, image.size) == ("JPEG", (side, round(1.5 * side)))
    assert not image.getexif().get(ORIENTATION)
    assert answer.headers["content-type"] == "image/jpeg"
    tiny = Image.open(io.BytesIO(shown(opened, "tiny.webp", "thumbnail", f"&side={side}").body))
    assert tiny.size == (60, 40)  # never blown up
    wide = Image.open(io.BytesIO(shown(opened, "wide.bmp", "thumbnail", f"&side={side}").body))
    assert wide.height == min(side, 200)
    assert wide.width <= 3 * side + 1  # of a panorama the middle


def test_a_version_is_kept_by_the_browser_for_ever(opened: Opened) -> None:
    kept = shown(opened, "small.png", "thumbnail")
    assert kept.headers["cache-control"] == "private, max-age=31536000, immutable"
    number = opened.pictures()["small.png"]["id"]
    for query in ("", "?v=another"):
        other = opened.ask(f"/api/pictures/{number}/thumbnail{query}")
        assert other.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("turned.jpg", "image/jpeg"), ("small.png", "image/png"), ("wide.bmp", "image/bmp")],
)
def test_what_browsers_read_is_sent_as_it_is(opened: Opened, name: str, media_type: str) -> None:
    answer = shown(opened, name, "file")
    assert answer.body == (opened.folder / name).read_bytes()
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_what_browsers_do_not_read_is_sent_as_a_jpeg(opened: Opened) -> None:
    answer = shown(opened, "scan.tif", "file")
    image = Image.open(io.BytesIO(answer.body))
    assert (image.format, image.size) == ("JPEG", (900, 600))
    assert answer.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("kind", ["file", "thumbnail"])
def test_what_is_no_picture_is_a_reason(opened: Opened, kind: str) -> None:
    for name, reason in (("page.jpg", "an HTML page"), ("drawing.png", "an SVG drawing")):
        answer = shown(opened, name, kind)
        assert answer.status == 200  # or a browser would report it in its console
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json["unreadable"].startswith(reason)


@pytest.mark.slow
def test_a_page_shows_the_reason_and_nothing_went_wrong(opened: Opened) -> None:
    with browser() as chromium:
        complaints: list[str] = []
        page = chromium.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(opened.link)
        page.get_by_text("an HTML page").wait_for()
        page.get_by_text("an SVG drawing").wait_for()
        assert not complaints


def test_a_side_that_is_none(opened: Opened) -> None:
    answer = shown(opened, "small.png", "thumbnail", "&side=4000")
    assert (answer.status, answer.json["detail"]) == (
        400,
        "The side of a thumbnail is 160 or 320.",
    )


def test_they_are_kept_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path))
    content = encoded(draw_scene(400, 300), "JPEG")
    made = thumbnail(content, ".jpg", 160)
    [kept] = THUMBNAILS.folder().glob("*/*")
    monkeypatch.setattr("tellapart.studio.thumbnails._small", None)
    assert thumbnail(content, ".jpeg", 160) == made
    monkeypatch.undo()
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path))
    kept.write_bytes(kept.read_bytes()[:-100])  # a power cut
    assert thumbnail(content, ".jpg", 160) == made
    assert THUMBNAILS.info(check=True)[0].damaged == 0


def test_where_nothing_can_be_kept_they_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path / "file"))
    assert thumbnail(encoded(draw_scene()), ".png", 160)


def test_the_oldest_go_where_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path))
    store = Store("thumbnails", "??/*.thumbnail", is_sealed=True)
    for number in range(20):
        store.keep(f"{number:02}/x.thumbnail", bytes(96), lightly=True)  # and 4 of its checksum
    assert store.trim(2000) == 0
    assert store.trim(1000) == 1100
    left = sorted(path.parent.name for path in store.folder().glob("*/*"))
    assert left == [f"{number:02}" for number in range(11, 20)]
    assert store.clear() == 900
    assert not store.folder().exists()


@pytest.mark.slow
def test_what_is_asked_last_is_done_first() -> None:
    newest, ready = Newest(), threading.Event()
    done: list[int] = []
    held = [newest.submit(ready.wait) for _ in range(newest.threads)]
    futures = [newest.submit(done.append, number) for number in range(6)]
    assert futures[4].cancel()
    ready.set()
    assert all(one.result(10) for one in held)
    for number in (0, 1, 2, 3, 5):
        futures[number].result(10)
    assert 4 not in done
    assert sorted(done) == [0, 1, 2, 3, 5]
    assert done[0] in (5, 3)  # as many at once as there are threads
    assert newest.submit(int, "7").result(10) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        newest.submit(int, "x").result(10)
