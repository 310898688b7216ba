"""The states of the studio that `studio_pictures.py` shows, and how a page gets there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from studio import Opened

DRESS = "dress-from-behind-3.jpg"
EYES = ((0.25, 0.3), (0.5, 0.3))  # where they are painted: across and down


@dataclass(frozen=True)
class Scene:
    """What is to be seen.

    Attributes:
        name: of the picture.
        folder: which of `folders` the studio is opened on.
        at: the part of the page, as its address says it.
        act: what is done there.
        dark: whether it is taken in the dark, too.
        docs: the looks that are kept in docs/.
    """

    name: str
    folder: str
    at: str
    act: Callable[[Any, Opened], None]
    dark: bool = False
    docs: tuple[str, ...] = ()


def seen(*texts: str) -> Callable[[Any, Opened], None]:
    """Wait until something is said."""

    def act(page: Any, _: Opened) -> None:
        for text in texts:
            page.get_by_text(text).first.wait_for()

    return act


def collected(page: Any, _: Opened) -> None:
    page.locator(".tile img").first.wait_for()


def some_selected(page: Any, opened: Opened) -> None:
    collected(page, opened)
    tiles = page.get_by_role("option")
    tiles.nth(1).click()
    tiles.nth(4).click(modifiers=["Shift"])


def one_large(page: Any, opened: Opened) -> None:
    collected(page, opened)
    page.get_by_role("option").nth(2).dblclick()
    page.locator(".large img").wait_for()


def keys(page: Any, _: Opened) -> None:
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("dialog").wait_for()


def one_by_one(page: Any, opened: Opened) -> None:
    seen("Accept")(page, opened)
    page.get_by_role("button", name="One by one").click()
    page.locator("figure img").wait_for()


def pile_named(page: Any, _: Opened) -> None:
    page.get_by_role("button", name="Name this pile").click()
    page.get_by_role("combobox", name="Name of the label").type("dark kn")


def tested(page: Any, _: Opened, *, files: Sequence[Path], at: int) -> None:
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_role("group", name="Keep this picture").wait_for()
    page.get_by_text("asking").wait_for(state="detached")
    page.get_by_role("list", name="Tested pictures").get_by_role("button").nth(at).click()
    page.locator("main").evaluate("(main) => main.scrollTo(0, 0)")


def live(page: Any, _: Opened) -> None:
    page.get_by_role("button", name="Webcam").click()
    page.get_by_text("a second").wait_for()


def why(page: Any, opened: Opened) -> None:
    number = opened.pictures()[f"test/ice_queen/{DRESS}"]["id"]
    page.goto(f"{opened.address}/#/why/{number}")
    page.locator(".evidence").wait_for()
    page.evaluate("document.activeElement.blur()")  # which a key has opened, not this


def painted(page: Any, opened: Opened) -> None:
    """The two eyes that its author once painted onto a dress from behind."""
    why(page, opened)
    sheet = page.get_by_role("application")
    for color, size in (("#ffffff", 49), ("#14141e", 22)):
        page.get_by_label("Colour", exact=True).fill(color)
        page.get_by_role("slider", name="Size", exact=True).fill(str(size))
        for across, down in EYES:
            box = sheet.bounding_box()
            page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            page.mouse.down()
            page.mouse.up()
    page.locator(".turn").get_by_text("became").wait_for()


def finding(page: Any, _: Opened, *, kind: str) -> None:
    page.get_by_role("button", name=kind).click()
    page.locator(".finding img").first.wait_for()


def confused(page: Any, _: Opened) -> None:
    page.locator(".matrix [class^=shade] button").first.click()
    page.locator(".sheet img").first.wait_for()


def phone_shared(page: Any, _: Opened) -> None:
    stop = page.get_by_role("button", name="Stop sharing")
    page.get_by_role("heading", name="phone").wait_for()
    if not stop.count():
        page.get_by_role("button", name="Start sharing").click()
    stop.wait_for()


def refused(page: Any, opened: Opened) -> None:
    """Two files dropped that are no pictures."""
    collected(page, opened)
    page.evaluate(
        """() => {
          const held = new DataTransfer();
          for (const name of ["list.csv", "holiday.jpg"])
            held.items.add(new File(["<html>404</html>"], name, {type: "image/jpeg"}));
          const place = document.querySelector(".collect"), all = {bubbles: true, cancelable: true};
          for (const kind of ["dragenter", "dragover", "drop"])
            place.dispatchEvent(new DragEvent(kind, {dataTransfer: held, ...all}));
        }"""
    )
    page.locator(".outcome summary").click()


def undone_in_vain(page: Any, opened: Opened) -> None:
    """A name that no label may have."""
    collected(page, opened)
    page.get_by_label("A new label").fill("unsure")
    page.get_by_role("button", name="Add label").click()
    page.locator(".message.error").wait_for()


def training(page: Any, opened: Opened) -> None:
    opened.ask("/api/training/now", {})
    page.get_by_text("Looking at pictures").wait_for()


def gone(page: Any, opened: Opened) -> None:
    collected(page, opened)
    opened.running.process.kill()
    page.get_by_text("The studio does not answer").wait_for()


def scenes(made: Path) -> tuple[Scene, ...]:
    """All states, in the order of the work; `made` holds what is tested."""
    answer = partial(tested, files=[made / "stranger.jpg", made / "queen.jpg"], at=1)
    none = partial(tested, files=[made / "queen.jpg", made / "stranger.jpg"], at=1)
    wrong, copies = partial(finding, kind="Wrong labels"), partial(finding, kind="Copies")
    return (
        Scene("empty", "empty", "collect", seen("Drop pictures"), dark=True, docs=("wide",)),
        Scene("empty-label", "empty", "label", seen("Every picture")),
        Scene("empty-train", "empty", "train", seen("Not yet")),
        Scene("empty-test", "empty", "test", seen("No model yet")),
        Scene("empty-mend", "empty", "mend", seen("There is no model yet")),
        Scene("empty-share", "empty", "share", seen("There is no model")),
        Scene("one-label", "one", "collect", collected, docs=("wide",)),
        Scene("one-label-train", "one", "train", seen("one more label")),
        Scene("play", "play", "collect", collected),
        Scene("collect", "full", "collect", collected, dark=True, docs=("wide", "dark")),
        Scene("collect-selected", "full", "collect", some_selected),
        Scene("collect-large", "full", "collect", one_large),
        Scene("keys", "full", "collect", keys),
        Scene("refused", "full", "collect", refused, docs=("wide",)),
        Scene("error", "full", "collect", undone_in_vain, docs=("wide",)),
        Scene("heap", "heap", "label", seen("Pile 1"), dark=True, docs=("wide", "phone")),
        Scene("heap-naming", "heap", "label", pile_named),
        Scene("suggestions", "play", "label", seen("Accept"), dark=True, docs=("wide", "phone")),
        Scene("one-by-one", "play", "label", one_by_one),
        Scene("train", "full", "train", seen("Label by label"), dark=True, docs=("wide",)),
        Scene("test", "full", "test", answer, dark=True, docs=("wide", "phone")),
        Scene("test-none", "full", "test", none, docs=("wide",)),
        Scene("test-live", "full", "test", live),
        Scene("why", "full", "test", why, dark=True, docs=("wide",)),
        Scene("why-painted", "full", "test", painted, docs=("wide",)),
        Scene("mend", "full", "mend", wrong, dark=True, docs=("wide",)),
        Scene("mend-copies", "full", "mend", copies),
        Scene("confusion", "full", "mend/confusion", confused, dark=True, docs=("wide",)),
        Scene("gaps", "full", "mend/gaps", seen("add")),
        Scene("decided", "full", "mend/decided", seen("tellapart.csv")),
        Scene("share", "full", "share", seen("For other programs"), dark=True, docs=("wide",)),
        Scene("share-phone", "full", "share", phone_shared),
        Scene("many", "many", "collect", collected, docs=("wide",)),
        Scene("training", "many", "train", training, docs=("wide",)),
        Scene("gone", "one", "collect", gone, dark=True, docs=("wide",)),
    )
