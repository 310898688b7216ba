"""The studio as it is used: its story by mouse, by finger and by keys alone, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import draw_scene, encoded
from drawn import few_of
from faults import faults, faults_everywhere
from hands import Finger, Hand, Keys, Mouse, until
from story import FLAGS, KNIGHT, NARROW, QUEEN, WIDE, Story, files, labelled, lay_out, tell
from studio import Opened, browser, page_of, studio
from tellapart.demo.walk import DemoPictures, draw_demo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chromium(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser before whose camera an ice queen stands."""
    scene = lay_out(heroes, tmp_path_factory.mktemp("film"), 0)
    with browser(*FLAGS, f"--use-file-for-fake-video-capture={scene.film}") as found:
        yield found


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> DemoPictures:
    """So many that a wrong label is found whatever the camera adds."""
    return draw_demo(tmp_path_factory.mktemp("many") / "demo", pictures=120)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "seen"),
    [(Mouse, WIDE), (Keys, WIDE), (Finger, NARROW)],
    ids=["mouse", "keys", "finger"],
)
def test_the_whole_story(
    kind: type[Hand], seen: dict[str, Any], many: DemoPictures, chromium: Any, tmp_path: Path
) -> None:
    scene = lay_out(many, tmp_path, 120)
    with studio(scene.folder) as opened:
        page = page_of(chromium, opened.link, **seen)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        tell(Story(opened, page, kind(page), scene))
        assert not errors
        assert opened.running.log.read_text() == ""
        page.context.close()


@pytest.fixture(scope="module")
def opened(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A studio of some labelled pictures, one of them under the wrong label, and of a heap."""
    folder = few_of(heroes, tmp_path_factory.mktemp("story") / "photos", 16)
    for number, path in enumerate(sorted(heroes.photos.glob("*/02*.jpg"))):
        shutil.copy(path, folder / f"IMG_{number:04d}.jpg")
    shutil.copy(heroes.kept_back / QUEEN / "000.jpg", folder / KNIGHT / "wrong.jpg")
    with studio(folder) as found:
        yield found


def test_two_pages_of_one_folder_agree(opened: Opened, chromium: Any) -> None:
    """In two browsers that know nothing of each other."""
    pages = [page_of(chromium, opened.link, **seen) for seen in (WIDE, NARROW)]
    said = [page.get_by_role("button", name="Undo", exact=True) for page in pages]
    redo = [page.get_by_role("button", name="Redo", exact=True) for page in pages]

    def agree(title: str) -> None:
        for button in said:
            until(button.page, lambda: button.get_attribute("title") == title)  # noqa: B023
            assert button.is_disabled() == (title == "Undo")

    pages[0].get_by_role("textbox", name="A new label").fill("forest")
    pages[0].get_by_role("button", name="Add label").click()
    for page in pages:
        page.get_by_role("button", name="Rename forest").wait_for()
    first = opened.state()["undo"]
    agree(f"Undo: {first}")
    one = next(one for one in opened.pictures().values() if one["part"] == "heap")
    opened.ask("/api/label", {"ids": [one["id"]], "label": "forest"})
    for page in pages:
        page.get_by_role("region", name="forest").get_by_text("1 picture").wait_for(
            state="attached"
        )
    agree(f"Undo: {opened.state()['undo']}")
    said[1].tap()  # what the other has done
    agree(f"Undo: {first}")
    said[0].click()
    agree("Undo")
    for page, button in zip(pages, redo, strict=True):
        page.get_by_role("button", name="Rename forest").wait_for(state="detached")
        until(page, button.is_enabled)
        page.context.close()


def test_the_page_outlives_the_server_and_the_server_the_page(
    heroes: DemoPictures, chromium: Any, tmp_path: Path
) -> None:
    folder = few_of(heroes, tmp_path / "photos", 4)
    with studio(folder) as first:
        page = page_of(chromium, first.link, **WIDE)
    page.get_by_role("alert").filter(has_text="The studio does not answer").wait_for()
    with studio(folder, "--port", first.running.port) as second:
        page.get_by_role("alert").filter(has_text="does not answer").wait_for(state="detached")
        page.get_by_role("textbox", name="A new label").fill("forest")
        page.get_by_role("button", name="Add label").click()
        page.get_by_role("button", name="Rename forest").wait_for()
        page.reload()
        page.get_by_role("button", name="Rename forest").wait_for()
        page.get_by_role("button", name="Undo").click()  # that of before the reload
        page.get_by_role("button", name="Rename forest").wait_for(state="detached")
        second.wait(lambda state: state["training"]["round"])  # none of this has ended it
        page.get_by_role("status").get_by_text("right").first.wait_for()
        page.context.close()


PARTS = ("collect", "label", "train", "test", "mend", "share")


def seen(opened: Opened, chromium: Any) -> Any:
    page = page_of(chromium, opened.link, bypass_csp=True, **WIDE)
    page.emulate_media(reduced_motion="reduce")
    return page


def test_no_part_has_a_serious_fault(opened: Opened, chromium: Any) -> None:
    opened.wait(lambda state: state["training"]["round"] and not state["training"]["doing"])
    page = seen(opened, chromium)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size(NARROW["viewport"])
    for part in PARTS:
        page.evaluate(f"location.hash = '#/{part}'")
        page.locator(f"main[data-view={part}]").wait_for()
        page.wait_for_timeout(100)
        assert faults(page) == [], part
    page.context.close()


@pytest.mark.slow
def test_no_state_of_a_new_folder_has_a_serious_fault(
    heroes: DemoPictures, chromium: Any, tmp_path: Path
) -> None:
    """Empty, with one label, with a heap, while training, and when the server is gone."""
    (tmp_path / "photos").mkdir()
    found: dict[str, list[str]] = {}
    with studio(tmp_path / "photos") as empty:
        page = seen(empty, chromium)

        def look(state: str, *parts: str) -> None:
            for part in parts or PARTS:
                page.evaluate(f"location.hash = '#/{part}'")
                page.locator(f"main[data-view={part}]").wait_for()
                page.wait_for_timeout(100)
                found[f"{state}, {part}"] = faults_everywhere(page)

        look("empty")
        empty.ask("/api/labels", {"name": KNIGHT})
        look("one label")
        pictures = sorted(heroes.photos.glob("*/*.jpg"))
        for number, path in enumerate(pictures):
            empty.ask(f"/api/pictures?name={number:03d}.jpg", path.read_bytes())
        look("heap", "collect")
        page.evaluate("location.hash = '#/label'")
        page.get_by_role("heading", name="Pile 1").wait_for()
        look("heap", "label")
        page.keyboard.press("ArrowRight")
        page.keyboard.press(" ")
        page.keyboard.press("Enter")
        page.get_by_role("combobox", name="Name of the label").wait_for()
        found["naming"] = faults_everywhere(page)
        ids = {name: one["id"] for name, one in empty.pictures().items()}
        for label in (KNIGHT, QUEEN):
            some = [ids[f"{n:03d}.jpg"] for n, path in enumerate(pictures) if label in path.parts]
            empty.ask("/api/label", {"ids": some[:20], "label": label})
        look("training", "train", "test", "share", "label")
    page.get_by_role("alert").filter(has_text="does not answer").wait_for()
    look("gone")
    page.context.close()
    assert {state: of for state, of in found.items() if of} == {}


@pytest.mark.slow
def test_no_state_of_a_filled_folder_has_a_serious_fault(
    heroes: DemoPictures, opened: Opened, chromium: Any
) -> None:
    """Each part and what is in it, Why, and each dialog."""
    opened.wait(lambda state: state["training"]["round"] and not state["training"]["doing"])
    page = seen(opened, chromium)
    found: dict[str, list[str]] = {}

    def go(part: str, what: Any) -> None:
        page.evaluate(f"location.hash = '#/{part}'")
        what.first.wait_for()
        found[part] = faults_everywhere(page)

    def dialog(name: str, key: str) -> None:
        page.keyboard.press(key)
        page.get_by_role("dialog").wait_for()
        page.wait_for_timeout(200)
        found[name] = faults_everywhere(page)
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")

    role = page.get_by_role
    go("collect", role("listbox"))
    role("listbox").nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    found["selected"] = faults_everywhere(page)
    dialog("move to", "m")
    role("listbox").nth(1).focus()
    dialog("large", "Enter")
    dialog("keys", "?")
    role("button", name=f"Rename {KNIGHT}").click()
    found["renaming"] = faults_everywhere(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")  # nothing is selected, so that there is what adds pictures
    role("button", name="Webcam", exact=True).click()
    page.get_by_text("Camera on").wait_for()
    found["webcam"] = faults_everywhere(page)
    page.keyboard.press("Escape")

    go("label", role("group", name="How to label"))
    for mode in ("Piles", "Pages", "One by one"):
        role("button", name=mode, exact=True).click()
        page.wait_for_timeout(200)
        found[f"label, {mode}"] = faults_everywhere(page)
    go("train", role("heading", name="How sure it has to be"))
    go("test", role("button", name="Choose pictures"))
    queen = (heroes.kept_back / QUEEN / "008.jpg").read_bytes()
    pictures = {"page.jpg": b"<html>", "odd.png": encoded(draw_scene(seed=3)), "008.jpg": queen}
    page.locator("input[type=file]").set_input_files(
        [{"name": k, "mimeType": "image/jpeg", "buffer": pictures[k]} for k in pictures]
    )
    role("button", name="008.jpg: ice_queen").wait_for()
    for name in pictures:
        role("button", name=name).click()
        page.wait_for_timeout(300)
        found[f"tested {name}"] = faults_everywhere(page)
    role("button", name="Webcam", exact=True).click()
    page.get_by_text("Camera on").wait_for()
    found["live"] = faults_everywhere(page)

    go("mend", role("article"))
    role("button", name="Wrong labels").click()
    dialog("other label", "l")
    found["wrong label"] = faults_everywhere(page)
    go("mend/confusion", role("table"))
    role("table").get_by_role("button").first.click()
    role("listitem").first.wait_for()
    found["cell"] = faults_everywhere(page)
    go("mend/gaps", role("region", name="Gaps"))
    opened.ask("/api/mend/apply", {})
    go("mend/decided", role("button", name="Take back"))
    opened.ask("/api/undo", {})
    go("share", role("heading", name="onnx", exact=True))
    number = opened.pictures()[f"{KNIGHT}/wrong.jpg"]["id"]
    go(f"why/{number}", role("application"))
    page.locator(".canvas canvas[width]").wait_for()
    role("application").click()
    page.get_by_role("status").filter(has_text="became").wait_for()
    found["painted"] = faults_everywhere(page)
    page.context.close()
    assert {state: of for state, of in found.items() if of} == {}


@pytest.mark.slow
def test_a_heap_gets_its_labels_by_keys_alone(
    heroes: DemoPictures, chromium: Any, tmp_path: Path
) -> None:
    """No key is lost however fast they come, and the page never loses its way between them."""
    scene = lay_out(heroes, tmp_path, 24)
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
