"""Testing in the studio: what the model says of a picture, which model, and keeping the picture."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tellapart
from conftest import encoded
from studio import Opened, browser, page_of, studio
from tellapart.demo.walk import DemoPictures
from tellapart.errors import PictureError
from tellapart.studio.tested import LastTested


@pytest.fixture(scope="module")
def opened(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("testing") / "photos"
    shutil.copytree(heroes.photos, folder)
    with studio(folder) as found:
        found.wait(lambda state: state["training"].get("value") is not None)
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def page(opened: Opened, chromium: Any) -> Any:
    found = page_of(chromium, opened.link, viewport={"width": 1280, "height": 800})
    found.goto(f"{opened.address}/#/test")
    return found


@pytest.fixture(scope="module")
def queen(heroes: DemoPictures) -> Path:
    """One that is not hard, as some are."""
    return heroes.kept_back / "ice_queen" / "009.jpg"


def noise(width: int = 200, height: int = 150) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels))


def test_a_picture_gets_the_answer_of_guess(opened: Opened, queen: Path) -> None:
    """The bytes of the same pictures' model decide, whoever asks."""
    said = opened.ask(f"/api/guess?name={queen.name}", queen.read_bytes())
    expected = tellapart.train(opened.folder, quality="fast").predict(queen)
    assert said.status == 200
    assert said.json["path"] == queen.name
    assert said.json["label"] == expected.label == "ice_queen"
    assert said.json["scores"] == pytest.approx(expected.scores, abs=1e-6)
    assert said.json["unknown"] is False
    assert opened.ask("/api/guess", noise()).json["unknown"] is True


def test_what_cannot_be_tested_is_a_sentence(opened: Opened) -> None:
    for content, word in ((b"<html>", "HTML"), (b"\xff\xd8\xff\xe0broken", "cut short")):
        said = opened.ask("/api/guess", content)
        assert said.status == 422
        assert "curl" not in said.json["hint"]  # which is for programs
        assert word in said.json["detail"]
        assert "JPEG" in said.json["hint"]


def test_too_much_at_once_is_refused_and_does_not_pile_up(opened: Opened) -> None:
    slow = encoded(Image.new("RGB", (3000, 2000)))
    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(lambda _: opened.ask("/api/guess", slow), range(20)))
    assert {one.status for one in said} == {200, 503}
    refused = next(one for one in said if one.status == 503)
    assert int(refused.headers["retry-after"]) >= 1
    assert opened.ask("/api/guess", noise()).status == 200


@pytest.mark.slow
def test_it_says_what_is_missing_until_there_is_a_model(
    tmp_path: Path, queen: Path, chromium: Any
) -> None:
    (tmp_path / "photos").mkdir()
    with studio(tmp_path / "photos") as empty:

        def missing() -> tuple[str, str]:
            found = empty.ask("/api/model").json
            assert not found["ready"]
            return found["missing"], found["label"]

        assert missing() == ("labels", "")
        empty.ask("/api/labels", {"name": "queen"})
        assert missing() == ("second", "queen")
        empty.ask("/api/labels", {"name": "knight"})
        assert missing()[0] == "pictures"
        said = empty.ask("/api/guess", queen.read_bytes())
        assert said.status == 409
        assert said.json["detail"].startswith("There is no model yet. ")
        page = page_of(chromium, empty.link)
        page.goto(f"{empty.address}/#/test")
        page.get_by_role("heading", name="No model yet").wait_for()
        page.get_by_text("has no pictures yet").wait_for()
        page.context.close()


def test_tested_pictures_are_kept_for_a_while() -> None:
    tested = LastTested(most=3, most_bytes=10)
    first, second = tested.keep(b"1234"), tested.keep(b"5678")
    assert tested.content(first) == b"1234"
    third = tested.keep(b"90ab")  # together more than 10 bytes
    assert (tested.content(first), tested.content(third)) == (b"1234", b"90ab")
    with pytest.raises(PictureError):  # nobody has asked for it
        tested.content(second)
    assert tested.content(tested.keep(b"more than all may have")) == b"more than all may have"
    with pytest.raises(PictureError):
        tested.content(third)


def sent(path: Path, name: str = "") -> dict[str, Any]:
    """A picture as playwright takes it."""
    return {"name": name or path.name, "mimeType": "image/jpeg", "buffer": path.read_bytes()}


def choose(page: Any, *pictures: Path | dict[str, Any]) -> None:
    page.locator("input[type=file]").set_input_files([*pictures])


@pytest.mark.slow
def test_a_chosen_picture_has_its_bars(page: Any, queen: Path) -> None:
    choose(page, queen)
    page.get_by_role("heading", name="ice_queen").wait_for()
    assert float(page.get_by_role("meter", name="ice_queen").get_attribute("aria-valuenow")) > 80
    page.get_by_text(re.compile("Trained .* ago on .* pictures")).wait_for()


@pytest.mark.slow
def test_none_of_these_is_said_as_such(page: Any, opened: Opened) -> None:
    choose(page, {"name": "noise.png", "mimeType": "image/png", "buffer": noise()})
    page.get_by_role("heading", name="none of these").wait_for()
    page.get_by_text("The closest is").first.wait_for()
    assert page.get_by_role("meter", name="none of these").get_attribute("aria-valuenow") == "100"
    page.locator("[role=status]", has_text="none of these, The closest is").wait_for()
    group = page.get_by_role("group", name="Keep this picture")
    group.get_by_text("Is it one of these labels after all?").wait_for()
    assert group.locator("button.main").count() == 0
    before = opened.pictures()
    page.keyboard.press("t")
    page.get_by_text("there is no guess to keep it under").first.wait_for()
    assert opened.pictures() == before


@pytest.mark.slow
def test_unsure_is_below_the_score_that_was_asked_for(
    page: Any, opened: Opened, queen: Path
) -> None:
    choose(page, sent(queen))
    page.get_by_role("heading", name="ice_queen").wait_for()
    assert opened.ask("/api/training/choose", {"sure_above": 1}).status == 200
    page.get_by_text("Unsure: below 100.0%").first.wait_for()
    opened.ask("/api/training/choose", {"sure_above": None})
    page.get_by_text("Unsure: below 100.0%").first.wait_for(state="detached")


@pytest.mark.slow
def test_several_are_a_strip_and_a_broken_one_stops_none(page: Any, queen: Path) -> None:
    broken = {"name": "page.jpg", "mimeType": "image/jpeg", "buffer": b"<!doctype html>"}
    choose(page, broken, sent(queen))
    page.get_by_role("alert").get_by_text("HTML").wait_for()
    page.get_by_role("button", name=f"{queen.name}: ice_queen").first.click()
    page.get_by_role("heading", name="ice_queen").wait_for()


DROP = """async ([bytes, kind]) => {
    const file = new File([new Uint8Array(bytes)], "dropped.jpg", { type: "image/jpeg" });
    const data = new DataTransfer();
    data.items.add(file);
    document.body.dispatchEvent(kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_dropped_and_pasted_pictures_are_tested(kind: str, page: Any, queen: Path) -> None:
    choose(page, {"name": "noise.png", "mimeType": "image/png", "buffer": noise()})
    page.get_by_role("heading", name="none of these").wait_for()
    page.evaluate(DROP, [list(queen.read_bytes()), kind])
    page.get_by_role("heading", name="ice_queen").wait_for()


def wait_until_gone(opened: Opened, name: str) -> None:
    opened.wait(lambda state: all(one[1] != name for one in state["pictures"]))


@pytest.mark.slow
def test_one_key_keeps_a_picture_and_undo_takes_it_back(
    page: Any, opened: Opened, queen: Path
) -> None:
    for key, name, part in (
        ("t", f"ice_queen/kept-{queen.name}", "learn"),
        ("Shift+t", f"test/ice_queen/kept-{queen.name}", "test"),
        ("1", f"dark_knight/kept-{queen.name}", "learn"),
        ("Shift+Digit1", f"test/dark_knight/kept-{queen.name}", "test"),
    ):
        choose(page, sent(queen, f"kept-{queen.name}"))
        page.get_by_role("group", name="Keep this picture").wait_for()
        page.keyboard.press(key)
        page.get_by_text("Kept for").first.wait_for()
        assert opened.pictures()[name]["part"] == part
        assert (opened.folder / name).read_bytes() == queen.read_bytes()
        page.get_by_role("button", name="Undo").click()
        wait_until_gone(opened, name)


@pytest.mark.slow
def test_a_key_keeps_the_picture_that_is_shown(page: Any, opened: Opened, queen: Path) -> None:
    """Not the one that was shown when the buttons came, and not for what they said then."""
    other = queen.with_name("010.jpg")
    choose(page, sent(queen, "first.jpg"), sent(other, "second.jpg"))
    page.get_by_role("button", name="first.jpg: ice_queen").wait_for()
    page.get_by_role("button", name="second.jpg: ice_queen").click()
    page.get_by_role("button", name="For testing").click()
    page.keyboard.press("t")
    page.get_by_text("Kept for testing as ice_queen.").wait_for()
    assert (opened.folder / "test/ice_queen/second.jpg").read_bytes() == other.read_bytes()
    page.get_by_role("button", name="Undo").click()
    wait_until_gone(opened, "test/ice_queen/second.jpg")


@pytest.mark.slow
def test_what_lies_under_a_dialog_hears_no_key(page: Any, opened: Opened, queen: Path) -> None:
    choose(page, sent(queen, "under.jpg"))
    page.get_by_role("group", name="Keep this picture").wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.keyboard.press("2")
    page.get_by_text("Kept for training as ice_queen.").wait_for()
    assert "dark_knight/under.jpg" not in opened.pictures()
    page.get_by_role("button", name="Undo").click()
    wait_until_gone(opened, "ice_queen/under.jpg")


@pytest.mark.slow
def test_a_button_keeps_it_too(page: Any, opened: Opened, queen: Path) -> None:
    choose(page, sent(queen, "b.jpg"))
    page.get_by_role("button", name="For testing").click()
    page.get_by_role("button", name="Keep for testing as dark_knight").click()
    page.get_by_text("Kept for testing as dark_knight.").wait_for()
    assert opened.pictures()["test/dark_knight/b.jpg"]["part"] == "test"
    page.get_by_role("button", name="Undo").click()
    wait_until_gone(opened, "test/dark_knight/b.jpg")
