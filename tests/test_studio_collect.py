"""Collecting in a real browser, by what a screen reader would say."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import draw_scene, encoded
from studio import Opened, browser, page_of, studio

LABELS = {"rose": 30, "tulip": 24}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("collect") / "photos"
    seed = 0
    for label, count in {**LABELS, ".": 3}.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            draw_scene(120, 90, seed).save(
                folder / label / f"{label[0]}{number:02}.jpg".lstrip(".")
            )
            seed += 1
    with studio(folder) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def shared(opened: Opened, chromium: Any) -> Any:
    return page_of(chromium, opened.link, viewport={"width": 1280, "height": 800})


@pytest.fixture
def page(shared: Any, opened: Opened) -> Any:
    """The page with nothing selected; what a test did is undone."""
    while undone := opened.state()["undo"]:
        assert opened.ask("/api/undo", {}).status == 200, undone
    shared.keyboard.press("Escape")
    pictures(shared, "rose").first.click()
    shared.keyboard.press("Escape")
    wait_for_counts(shared, **LABELS)
    return shared


def pictures(page: Any, section: str) -> Any:
    return page.get_by_role("listbox", name=section).get_by_role("option")


def wait_for_counts(page: Any, **counts: int) -> None:
    labels = page.get_by_role("complementary", name="Labels")
    for label, count in counts.items():
        name = label.replace("_", " ")
        labels.get_by_role("button", name=f"{name} {count}", exact=True).wait_for()


def selected(page: Any) -> int:
    return int(page.get_by_role("option", selected=True).count())


@pytest.mark.slow
def test_clicks_select_and_shift_selects_all_between(page: Any) -> None:
    rose = pictures(page, "rose")
    rose.nth(1).click()
    rose.nth(4).click(modifiers=["Shift"])
    rose.nth(6).click(modifiers=["Control"])
    page.get_by_text("5 selected").wait_for()
    rose.nth(2).click()
    page.get_by_text("1 selected").wait_for()


@pytest.mark.slow
def test_a_rectangle_selects_what_it_touches(page: Any) -> None:
    rose = pictures(page, "rose")
    first, fourth = rose.nth(0).bounding_box(), rose.nth(3).bounding_box()
    page.mouse.move(fourth["x"] + 20, fourth["y"] - 3)  # between the heading and the pictures
    page.mouse.down()
    page.mouse.move(first["x"] + 20, first["y"] + 20, steps=4)
    page.mouse.up()
    page.get_by_text("4 selected").wait_for()


def test_keys_walk_select_and_move_and_undo_takes_it_back(page: Any, opened: Opened) -> None:
    page.get_by_role("listbox", name="rose").focus()
    for key in ("Home", "End", "Shift+ArrowLeft", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    box = page.get_by_role("listbox", name="tulip")
    active = page.locator(f"[id='{box.get_attribute('aria-activedescendant')}']")
    assert active.get_attribute("aria-posinset") == "22"
    assert active.get_attribute("aria-setsize") == "24"
    page.get_by_text("3 selected").wait_for()
    page.keyboard.press("m")
    page.get_by_role("textbox", name="A label, or a new one").press_sequentially("ros")
    page.keyboard.press("Enter")
    wait_for_counts(page, rose=33, tulip=21)
    assert len(list((opened.folder / "rose").iterdir())) == 33
    page.keyboard.press("Control+z")
    wait_for_counts(page, **LABELS)
    page.keyboard.press("Control+Shift+z")
    wait_for_counts(page, rose=33, tulip=21)


@pytest.mark.slow
def test_every_key_is_told_once(page: Any) -> None:
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    dialog.locator(".keys > div").first.wait_for()
    rows = dialog.locator(".keys > div").all_inner_texts()
    assert len(rows) == len(set(rows))
    told = [" ".join(row.split()) for row in rows]
    assert [row for row in told if row.endswith(" Undo")] == ["Z Ctrl+Z Undo"]
    for key in ("←", "Home", "Page Up", "Space", "Enter", "F2"):
        assert any(key in row for row in told), key


@pytest.mark.slow
def test_keys_go_on_after_a_label_was_typed(page: Any) -> None:
    pictures(page, "rose").nth(1).click()
    for count in (1, 2):  # one after the other
        page.keyboard.press("m")
        page.get_by_role("textbox", name="A label, or a new one").press_sequentially("lily")
        page.keyboard.press("Enter")
        wait_for_counts(page, rose=30 - count, lily=count)
        page.locator("[role=listbox][aria-label=rose]:focus").wait_for()
    page.keyboard.press("ArrowRight")
    chosen = page.get_by_role("option", selected=True)
    page.wait_for_function("document.querySelector('[aria-selected=true]').ariaLabel === 'r04.jpg'")
    assert chosen.count() == 1
    page.keyboard.press("m")
    page.get_by_role("textbox", name="A label, or a new one").wait_for()
    page.keyboard.press("Escape")
    page.locator("[role=listbox][aria-label=rose]:focus").wait_for()
    page.get_by_role("button", name="lily", exact=True).focus()
    for name in ("Lilium", "lilies"):
        page.keyboard.press("F2")
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        page.locator(f"section[aria-label={name}] .fold:focus").wait_for()


@pytest.mark.slow
def test_pictures_are_dragged_onto_a_label_and_deleted_means_set_aside(
    page: Any, opened: Opened
) -> None:
    rose = pictures(page, "rose")
    rose.nth(0).click()
    rose.nth(2).click(modifiers=["Control"])
    labels = page.get_by_role("complementary", name="Labels")
    rose.nth(2).drag_to(labels.get_by_role("button", name="tulip 24"))
    wait_for_counts(page, rose=28, tulip=26)
    pictures(page, "rose").nth(0).click()
    page.keyboard.press("Delete")
    wait_for_counts(page, rose=27, Set_aside=1)
    assert len(list((opened.folder / "set-aside").iterdir())) == 1


@pytest.mark.slow
def test_labels_are_made_renamed_and_taken_away(page: Any, opened: Opened) -> None:
    page.get_by_role("textbox", name="A new label").fill("lily &amp; rose")
    page.get_by_role("button", name="Add label").click()
    page.get_by_role("complementary").get_by_role("button", name="lily &amp; rose").wait_for()
    page.keyboard.press("Control+z")
    page.get_by_role("button", name="Rename tulip").click()
    page.keyboard.type("Tulipa")
    page.keyboard.press("Enter")
    wait_for_counts(page, Tulipa=24)
    assert (opened.folder / "Tulipa").is_dir()
    page.get_by_role("button", name="Remove the label Tulipa").click()
    wait_for_counts(page, No_label_yet=27)
    assert page.get_by_role("complementary").get_by_role("button", name="Tulipa").count() == 0
    page.keyboard.press("Control+z")
    wait_for_counts(page, Tulipa=24)


@pytest.mark.slow
def test_a_picture_opens_large_and_arrows_go_on(page: Any) -> None:
    pictures(page, "rose").nth(0).dblclick()
    large = page.get_by_role("dialog")
    large.get_by_role("img", name="r00.jpg").wait_for()
    page.keyboard.press("ArrowRight")
    large.get_by_role("img", name="r01.jpg").wait_for()
    number = large.get_by_role("link", name="Why?").get_attribute("href")
    assert str(number).startswith("#/why/")
    page.keyboard.press("Escape")
    large.wait_for(state="detached")
    page.locator("[role=listbox][aria-label=rose]:focus").wait_for()


DROP = """([selector, files]) => {
  const transfer = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
  }
  const at = document.querySelector(selector);
  const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
  for (const type of ["dragover", "drop"]) at.dispatchEvent(new DragEvent(type, how));
}"""


@pytest.mark.slow
def test_files_that_are_dropped_are_there_at_once_and_bad_ones_have_a_reason(
    page: Any, opened: Opened
) -> None:
    files = [("new.png", encoded(draw_scene(80, 80, 500))), ("bad.jpg", b"<html></html>")]
    sent = [[name, base64.b64encode(content).decode()] for name, content in files]
    page.evaluate(DROP, ["section[aria-label=rose]", sent])
    wait_for_counts(page, rose=31)
    assert (
        pictures(page, "rose").nth(0).get_attribute("aria-label") == "new.png"
    )  # the newest first
    told = page.locator("details")
    told.get_by_text("1 file could not be added").click()
    told.get_by_text("an HTML page saved as .jpg").wait_for()
    page.evaluate(DROP, [".collect", sent[:1]])
    told.get_by_text("1 copy was left out", exact=True).click()  # of the newest drop alone
    told.get_by_text("new.png is the same as rose/new.png").wait_for()
    page.locator(".outcome").get_by_role("button", name="Close").click()
    told.wait_for(state="detached")
    assert (opened.folder / "rose" / "new.png").is_file()


@pytest.mark.slow
def test_one_drop_of_archives_and_pictures_is_one_change(page: Any, opened: Opened) -> None:
    sent = [["one.png", base64.b64encode(encoded(draw_scene(80, 80, 700))).decode()]]
    for name, seeds in (("first.zip", (701, 702)), ("second.zip", (703, 702))):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for seed in seeds:
                archive.writestr(f"lily/{seed}.png", encoded(draw_scene(80, 80, seed)))
            archive.writestr("lily/broken.png", b"no picture")
        sent.append([name, base64.b64encode(packed.getvalue()).decode()])
    page.evaluate(DROP, [".collect", sent])
    wait_for_counts(page, No_label_yet=4, lily=3)
    told = page.locator("details")
    told.get_by_text("2 files could not be added, 1 copy was left out").click()
    told.get_by_text("first.zip: lily/broken.png").wait_for()
    assert opened.state()["undo"] == "4 pictures added"
    page.locator(".outcome").get_by_role("button", name="Close").click()
    page.keyboard.press("Control+z")
    wait_for_counts(page, No_label_yet=3)
    assert not (opened.folder / "lily").exists()
    page.keyboard.press("Control+Shift+z")
    wait_for_counts(page, No_label_yet=4, lily=3)


@pytest.mark.slow
def test_undo_in_the_midst_of_a_drop_takes_back_what_came_and_ends_it(
    page: Any, opened: Opened
) -> None:
    sent = [
        [f"{seed}.png", base64.b64encode(encoded(draw_scene(80, 80, seed))).decode()]
        for seed in range(900, 906)
    ]
    asked: list[Any] = []

    def hold(route: Any) -> None:
        asked.append(route)
        if len(asked) <= 2:
            route.continue_()

    page.route("**/api/pictures?*", hold)
    try:
        page.evaluate(DROP, ["section[aria-label=rose]", sent])
        page.get_by_role("button", name="Undo", exact=True).and_(
            page.get_by_title("2 pictures added to rose")
        ).click()
        wait_for_counts(page, rose=30)
        assert pictures(page, "rose").count() == 30
    finally:
        page.unroute("**/api/pictures?*")
    assert opened.state()["redo"] == "2 pictures added to rose"
    page.keyboard.press("Control+Shift+z")
    wait_for_counts(page, rose=32)
    assert len(asked) <= 4


@pytest.mark.slow
def test_what_undo_had_to_leave_is_said(page: Any, opened: Opened) -> None:
    pictures(page, "rose").nth(0).click()
    page.keyboard.press("Delete")
    wait_for_counts(page, rose=29, Set_aside=1)
    (aside,) = (opened.folder / "set-aside").rglob("*.jpg")
    aside.rename(opened.folder / "elsewhere.jpg")
    page.keyboard.press("Control+z")
    page.get_by_text("This was left:").wait_for()
    wait_for_counts(page, No_label_yet=4)
    (opened.folder / "elsewhere.jpg").rename(opened.folder / "rose" / aside.name)
    wait_for_counts(page, **LABELS)


@pytest.mark.slow
def test_labels_that_clash_are_told_until_they_do_not(page: Any, opened: Opened) -> None:
    clash = opened.folder / "Rose"
    clash.mkdir()
    draw_scene(80, 80, 800).save(clash / "1.png")
    notice = page.get_by_role("status").filter(has_text="Rose")
    notice.wait_for()
    pictures(page, "rose").nth(0).wait_for()  # what was known stays
    (clash / "1.png").unlink()
    clash.rmdir()
    notice.wait_for(state="detached")


@pytest.mark.slow
def test_a_drop_beside_every_place_leaves_the_page(page: Any) -> None:
    missed = page.evaluate("""() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["x"], "x.jpg"));
      const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
      const event = new DragEvent("drop", how);
      document.querySelector("header").dispatchEvent(event);
      return event.defaultPrevented;
    }""")
    assert missed


@pytest.mark.slow
def test_a_folder_that_is_chosen_gives_its_labels(
    page: Any, opened: Opened, tmp_path: Path
) -> None:
    for label, seed in (("rose", 600), ("orchid", 601)):
        (tmp_path / "garden" / label).mkdir(parents=True)
        draw_scene(70, 70, seed).save(tmp_path / "garden" / label / f"{seed}.png")
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Choose a folder").click()
    chosen.value.set_files(tmp_path / "garden")
    wait_for_counts(page, rose=31, orchid=1)
    assert (opened.folder / "orchid" / "601.png").is_file()
    page.keyboard.press("Control+z")  # one drop is one change
    wait_for_counts(page, **LABELS)


@pytest.mark.slow
def test_what_mend_finds_lacking_is_recorded_under_its_label(page: Any) -> None:
    advice = {"label": "rose", "add": 20, "words": "", "worth": "", "pictures": []}
    lacking = {"trained": True, "tested": None, "advice": [advice], "maybe": []}
    page.route("**/api/mend/gaps", lambda route: route.fulfill(json=lacking))
    page.evaluate("location.hash = '#/mend/gaps'")
    page.get_by_role("button", name="Capture more rose").click()
    assert page.get_by_label("Label", exact=True).input_value() == "rose"
    page.get_by_role("dialog").locator("header").get_by_role("button", name="Close").click()
    page.unroute("**/api/mend/gaps")
    page.evaluate("location.hash = '#/collect'")
    pictures(page, "rose").first.wait_for()


@pytest.mark.slow
def test_axe_finds_nothing(page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for state in ("plain", "selected", "moving"):
        if state == "selected":
            pictures(page, "rose").nth(1).click()
        if state == "moving":
            page.keyboard.press("m")
        found = axe.run(page).response["violations"]
        assert [(one["id"], node["html"]) for one in found for node in one["nodes"]] == [], state
    page.keyboard.press("Escape")


@pytest.mark.slow
def test_on_a_phone_a_finger_selects_and_three_pictures_stand_in_a_row(
    chromium: Any, opened: Opened
) -> None:
    phone = page_of(
        chromium,
        opened.link,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    rose = pictures(phone, "rose")
    rose.nth(3).wait_for()
    tops = [rose.nth(number).bounding_box()["y"] for number in range(4)]
    assert tops[0] == tops[2] < tops[3]
    cut = """[...document.querySelectorAll(".grid header :is(h2, span, button)")]
      .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""
    assert phone.evaluate(cut) == []
    rose.nth(0).tap()
    phone.get_by_role("dialog").wait_for()
    phone.get_by_role("button", name="Close").tap()
    rose.nth(1).dispatch_event("pointerdown", {"pointerType": "touch", "bubbles": True})
    phone.get_by_text("1 selected").wait_for()
    rose.nth(1).dispatch_event("pointerup", {"pointerType": "touch", "bubbles": True})
    phone.get_by_role("button", name="Move to…").tap()
    phone.get_by_role("button", name="tulip").last.wait_for()
    phone.context.close()
