"""Why a picture gets its answer, and what if it were another: over HTTP, and in a real browser."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.requests import ClientDisconnect, Request

import tellapart
from conftest import draw_scene
from studio import Opened, browser, page_of, studio
from tellapart.demo.walk import DemoPictures
from tellapart.errors import ModelError
from tellapart.explain import sweep
from tellapart.images.decode import read_picture
from tellapart.model.classifier import Classifier
from tellapart.pages.overlays import common_scale, layer
from tellapart.studio.routes.why import routes as why_routes
from tellapart.studio.studio import Studio

DRESS = "test/ice_queen/dress-from-behind-3.jpg"
TURNED, LARGE, PRINTED = "turned.jpg", "large.jpg", "printed.tif"


@pytest.fixture(scope="module")
def folder(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's pictures, the dress from behind among those kept for testing, and on the heap one
    that its EXIF turns, one of 12 megapixels, and a CMYK TIFF, which no browser shows."""
    folder = tmp_path_factory.mktemp("why") / "photos"
    shutil.copytree(heroes.photos, folder)
    (folder / DRESS).parent.mkdir(parents=True)
    shutil.copy(heroes.kept_back / "ice_queen" / Path(DRESS).name, folder / DRESS)
    exif = Image.Exif()
    exif[0x0112] = 6
    draw_scene(200, 120).save(folder / TURNED, exif=exif)
    draw_scene(200, 150).resize((4000, 3000)).save(folder / LARGE)
    draw_scene(120, 90).convert("CMYK").save(folder / PRINTED)
    return folder


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[Opened]:
    with studio(folder) as found:
        found.wait(lambda state: state["training"].get("value") is not None)
        yield found


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    """The model that `tellapart train` makes of the folder, which is the studio's."""
    return tellapart.train(folder, quality="fast").classifier


def number_of(opened: Opened, name: str) -> int:
    return int(opened.pictures()[name]["id"])


def asked(opened: Opened, name: str, more: str = "", content: bytes = b"") -> Any:
    """Ask about a picture as the page does."""
    path = f"/api/why/{number_of(opened, name)}{more}"
    return opened.ask(path, content, method="POST")


def pixels_of(opened: Opened, name: str, more: str = "") -> np.ndarray:
    content = opened.ask(f"/api/why/{number_of(opened, name)}/pixels{more}").body
    width, height = np.frombuffer(content[:8], "<u4")
    return np.frombuffer(content[8:], np.uint8).reshape(height, width, 3)


def test_it_says_what_the_library_says(
    opened: Opened, classifier: Classifier, folder: Path
) -> None:
    said = asked(opened, DRESS).json
    expected = classifier.explain(folder / DRESS, own="ice_queen")
    assert said["sentences"] == list(expected.sentences)
    assert said["scores"] == pytest.approx(dict(expected.scores), abs=1e-5)
    assert [one["path"] for one in said["nearest"]] == [one.name for one in expected.nearest]
    pictures = opened.pictures()
    assert all(one["id"] == pictures[one["path"]]["id"] for one in said["nearest"])
    case = said["shares"][said["label"]]
    assert [one["share"] for one in case["most_for"]] == pytest.approx(
        [one.share for one in expected.cases[expected.label].most_for], abs=1e-4
    )


def test_the_maps_are_those_of_the_library(
    opened: Opened, classifier: Classifier, folder: Path
) -> None:
    said = asked(opened, DRESS).json
    expected = classifier.explain(folder / DRESS, own="ice_queen")
    maps = {label: expected.map_of(label) for label in expected.labels} | {"": expected.lead}
    for label, values in maps.items():
        answer = opened.ask(f"/api/why/maps/{said['map']}?label={label}")
        drawn = np.asarray(Image.open(io.BytesIO(answer.body))).astype(int)
        height, width = expected.pixels.shape[:2]
        own = layer(values, height, width, common_scale(maps.values()))
        assert np.abs(drawn - own)[..., 3].max() <= 2
    assert opened.ask(f"/api/why/maps/{said['map']}?label=nobody").status == 404


def test_a_training_picture_is_judged_by_a_head_that_never_saw_it(opened: Opened) -> None:
    """Also what is painted on it: the answer moves from the one that was explained."""
    name = next(name for name in opened.pictures() if name.startswith("dark_knight/"))
    said = asked(opened, name).json
    assert said["by_fold"]
    answer = asked(opened, name, "/answer").json
    assert answer["scores"] == pytest.approx(said["scores"], abs=1e-6)


def test_what_is_painted_gets_the_answer_of_the_painted_picture(
    opened: Opened, classifier: Classifier, folder: Path
) -> None:
    painted = read_picture(folder / DRESS).copy()
    painted[40:90, 30:110] = (96, 190, 240)
    box = painted[30:100, 20:120].tobytes()
    expected = classifier.predict(painted)
    answer = asked(opened, DRESS, "/answer?box=20,30,120,100", box).json
    assert answer["scores"] == pytest.approx(expected.scores, abs=1e-6)
    assert answer["novelty"] == pytest.approx(expected.novelty, abs=1e-5)
    said = asked(opened, DRESS, "?box=20,30,120,100", box).json
    assert said["sentences"] == list(classifier.explain(painted, own="ice_queen").sentences)
    depends = asked(opened, DRESS, "/depends?box=20,30,120,100", box).json
    assert depends["words"] == sweep(classifier, painted).words


@pytest.mark.parametrize(
    ("box", "content", "reason"),
    [
        ("0,0,500,10", b"", "reaches beyond the picture"),
        ("0,0,10,10", b"abc", "is 3 bytes, and not the 300 of 10 x 10 pixels"),
        ("10,10,5,20", b"", "reaches beyond the picture"),
        ("1,2,3", b"", "A box was expected"),
        ("1,2,3,-4", b"", "A box was expected"),
    ],
)
def test_what_does_not_fit_is_refused(
    opened: Opened, box: str, content: bytes, reason: str
) -> None:
    answer = asked(opened, DRESS, f"/answer?box={box}", content)
    assert answer.status == 400
    assert reason in answer.json["detail"]


@pytest.mark.parametrize("name", [DRESS, TURNED, LARGE, PRINTED])
def test_what_is_painted_on_is_what_the_model_sees(opened: Opened, folder: Path, name: str) -> None:
    """Upright, in sRGB, and small; what is shown has the same shape, and is no smaller."""
    expected = read_picture(folder / name)
    assert (pixels_of(opened, name) == expected).all()
    assert max(expected.shape) <= 1024
    shown = opened.ask(f"/api/why/{number_of(opened, name)}/picture").body
    width, height = Image.open(io.BytesIO(shown)).size
    assert width >= expected.shape[1]
    assert width / height == pytest.approx(expected.shape[1] / expected.shape[0], rel=0.01)


def test_a_large_picture_is_saved_in_its_own_size(opened: Opened) -> None:
    assert pixels_of(opened, LARGE, "?whole").shape == (3000, 4000, 3)
    assert pixels_of(opened, TURNED, "?whole").shape == (200, 120, 3)


def test_a_picture_that_was_tested_is_explained_too(
    opened: Opened, classifier: Classifier, folder: Path
) -> None:
    """It is not in the folder, so no label is its own."""
    content = (folder / DRESS).read_bytes()
    place = f"/api/why/tested/{opened.ask('/api/tested', content).json['tested']}"
    said = opened.ask(place, method="POST").json
    assert said["sentences"] == list(classifier.explain(folder / DRESS).sentences)
    box = bytes([255] * 3 * 100)
    answer = opened.ask(f"{place}/answer?box=20,30,30,40", box).json
    assert answer["scores"] != said["scores"]
    assert opened.ask(f"{place}/pixels?whole").body == opened.ask(f"{place}/pixels").body
    gone = opened.ask("/api/why/tested/12345", method="POST")
    assert "not kept any more" in gone.json["detail"]


def test_nothing_is_computed_for_who_has_hung_up(folder: Path, tmp_path: Path) -> None:
    """A newer stroke has taken the place of this one: no model is asked, not even for its absence,
    which is what another learns who waits."""
    (tmp_path / DRESS).parent.mkdir(parents=True)
    shutil.copy(folder / DRESS, tmp_path / DRESS)
    studio = Studio(tmp_path, "fast")
    studio.folder.read()
    kept = studio.folder.named(DRESS)
    assert kept
    (answer,) = (one for one in why_routes(studio) if one.path == "/api/why/{id:number}/answer")

    def asked(last: dict[str, Any] | None) -> Request:
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            return last if last else await asyncio.Future()

        scope = {"type": "http", "method": "POST", "headers": [], "query_string": b""}
        return Request({**scope, "path_params": {"id": kept.id}}, receive)

    with pytest.raises(ClientDisconnect):
        asyncio.run(answer.endpoint(asked({"type": "http.disconnect"})))
    with pytest.raises(ModelError, match=r"There is no model yet\. \w") as raised:
        asyncio.run(answer.endpoint(asked(None)))
    assert raised.value.hint
    studio.end()


@pytest.mark.slow
def test_what_would_change_it_says_how_far_it_is_and_ends_when_the_page_wants_it_no_more(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / DRESS).parent.mkdir(parents=True)
    shutil.copy(folder / DRESS, tmp_path / DRESS)
    studio = Studio(tmp_path, "fast")
    studio.folder.read()
    studio.training.result = tellapart.train(folder, quality="fast")
    kept = studio.folder.named(DRESS)
    assert kept
    told: list[Any] = []
    monkeypatch.setattr(studio.events, "tell", lambda kind, data: told.append((kind, data)))
    (depends,) = (one for one in why_routes(studio) if one.path == "/api/why/{id:number}/depends")

    def asked(most: float) -> Request:
        """By a page that hangs up after so many words on how far it is."""
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            while not messages:
                if len(told) > most:
                    return {"type": "http.disconnect"}
                await asyncio.sleep(0.01)
            return messages.pop(0)

        scope = {"type": "http", "method": "POST", "headers": [], "query_string": b"as=7"}
        return Request({**scope, "path_params": {"id": kept.id}}, receive)

    with pytest.raises(ClientDisconnect):
        asyncio.run(depends.endpoint(asked(0)))
    assert told[-1][1]["done"] < told[-1][1]["total"] / 2
    told.clear()
    assert asyncio.run(depends.endpoint(asked(np.inf))).status_code == 200
    assert {(kind, data["as"]) for kind, data in told} == {("depends", "7")}
    done = [data["done"] for _, data in told]
    assert done == sorted(done)
    studio.end()


@pytest.mark.slow
def test_two_painted_eyes(opened: Opened, classifier: Classifier) -> None:
    """The author's story: paint two eyes, see the score rise, take it back, paint until the answer
    flips, keep the picture; and the model says of that just what the page said."""
    with browser() as chromium:
        page = page_of(chromium, opened.link, viewport={"width": 1280, "height": 800})
        sheet = _opened(page, opened, DRESS)
        dialog = page.get_by_role("dialog")
        told = dialog.inner_text()
        assert "closest training pictures" in told
        assert "doubles the odds" in told  # what the figures under these pictures are
        assert "ice queen" not in told  # a label is written one way,
        assert re.search(r"ice_queen \d+\.\d%$", told, re.MULTILINE)  # and so is a score
        assert re.search(r"^ice_queen −0\.\d\d$", told, re.MULTILINE)
        before = _bars(page)
        page.get_by_label("Colour", exact=True).fill("#60bef0")
        for x in (0.34, 0.46):
            eyes = _painted(page, sheet, x, 0.1)
        assert eyes["ice_queen"] > before["ice_queen"] + 10
        assert "It stays ice_queen" in dialog.inner_text()

        for _ in range(2):
            page.keyboard.press("Control+z")
        page.locator(".turn:empty").wait_for(state="attached")
        assert _bars(page) == before
        assert opened.state()["undo"] is None  # the folder's undo heard nothing of it

        page.get_by_label("Colour", exact=True).fill("#101014")
        page.get_by_role("button", name="Fill an area").click()
        for x in (0.4, 0.2):
            said = _painted(page, sheet, x, 0.7)
        flipped = page.get_by_text("The answer flipped: ice_queen")
        flipped.wait_for()
        _told_of_what_is_painted(page)

        page.get_by_role("combobox", name="Label").select_option("")
        page.get_by_role("button", name="Save as a new picture").click()
        page.get_by_text("Saved as dress-from-behind-3-made.png").wait_for()
        saved = opened.folder / "dress-from-behind-3-made.png"
        guessed = classifier.predict(saved).scores
        assert said == pytest.approx({label: 100 * one for label, one in guessed.items()}, abs=1e-2)
        page.get_by_role("button", name="Take it back").click()
        opened.wait(lambda _: not saved.exists())

        dialog.get_by_role("link").first.click()  # a training picture that argued
        page.get_by_text("a model that had not learnt from it").wait_for()
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")


def _told_of_what_is_painted(page: Any) -> None:
    """What argued, and what would change it: of a dress that is taken for a knight by now."""
    page.get_by_role("heading", name="Pictures that spoke for dark_knight").wait_for()
    page.get_by_role("heading", name="Before painting").wait_for(state="detached")
    knight = {"label": "dark_knight", "score": 0.912}
    box = {"left": 0, "top": 0, "width": 0.5, "height": 0.5, **knight}
    found = {"flips": False, "flip": box, "keep": None, "all_grey": knight}
    sent: list[str] = []

    def depends(route: Any) -> None:
        sent.append(route.request.url)
        route.fulfill(json=found)

    page.route("**/depends?*", depends)
    page.get_by_role("button", name="What would change it?").click()
    page.get_by_text("An empty grey picture already gets dark_knight 91.2%").wait_for()
    assert "box=" in sent[0]


@pytest.mark.slow
def test_painted_by_keyboard(opened: Opened) -> None:
    with browser() as chromium:
        page = page_of(chromium, opened.link, viewport={"width": 390, "height": 844})
        sheet = _opened(page, opened, TURNED)
        page.get_by_role("button", name="What would change it?").press("Enter")
        page.get_by_role("button", name="Stop").press("Enter")
        page.get_by_role("button", name="What would change it?").wait_for()
        assert not page.get_by_role("alert").count()
        before = _bars(page)
        sheet.focus()
        page.keyboard.press("+")
        page.keyboard.down(" ")
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        page.get_by_role("heading", name="Before painting").wait_for()
        page.keyboard.up(" ")
        page.get_by_role("heading", name="Before painting").wait_for(state="detached")
        page.locator(".turn").get_by_text("became").wait_for()
        painted = _bars(page)

        page.get_by_role("combobox", name="What it looks at").select_option(index=1)
        page.locator(".canvas .evidence").wait_for()  # of the painted picture
        page.keyboard.press("Escape")
        sheet.wait_for(state="detached")
        _opened(page, opened, TURNED)  # and what was painted is still there
        page.locator(".turn").get_by_text("became").wait_for()
        assert _bars(page) == painted
        sheet.focus()
        page.keyboard.press("z")
        page.locator(".turn:empty").wait_for(state="attached")
        assert _bars(page) == before


def _opened(page: Any, opened: Opened, name: str) -> Any:
    """Open a picture, and give what is painted on once it can be."""
    page.goto(f"{opened.address}/#/why/{number_of(opened, name)}")
    sheet = page.get_by_role("application")
    sheet.wait_for()
    width = pixels_of(opened, name).shape[1]
    page.locator(f".canvas canvas[width='{width}']").wait_for()
    return sheet


def _painted(page: Any, sheet: Any, x: float, y: float) -> dict[str, float]:
    """Touch the picture in one place, in fractions of its sides: the bars, once they have moved."""
    meters, box = page.get_by_role("meter"), sheet.bounding_box()
    label, value = (meters.first.get_attribute(one) for one in ("aria-label", "aria-valuenow"))
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.down()
    page.mouse.up()
    meter = page.locator(f'[role="meter"][aria-label="{label}"]')
    meter.and_(page.locator(f':not([aria-valuenow="{value}"])')).wait_for()
    return _bars(page)


def _bars(page: Any) -> dict[str, float]:
    """Percentages by label."""
    return {
        one.get_attribute("aria-label"): float(one.get_attribute("aria-valuenow"))
        for one in page.get_by_role("meter").all()
    }
