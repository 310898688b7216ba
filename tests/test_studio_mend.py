"""Mending in the studio: findings answered by keys, the score that moves, what is undone."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio import PATIENCE, Opened, browser, page_of, studio
from tellapart.assess.deciding import listed
from tellapart.dataset.sources import read_dataset
from tellapart.demo.walk import DemoPictures
from tellapart.evaluation.judged import Evaluation
from tellapart.studio import confusion as confusion_module

PLANTED = "ice_queen/planted.jpg"
COPY = "ice_queen/copy.jpg"


@pytest.fixture(scope="module")
def opened(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A studio on the demo's pictures, one of them under the wrong label and one there twice."""
    folder = tmp_path_factory.mktemp("mend") / "photos"
    shutil.copytree(heroes.photos, folder)
    knights, queens = (sorted((folder / one).iterdir()) for one in ("dark_knight", "ice_queen"))
    knights[3].rename(folder / PLANTED)
    shutil.copy(queens[1], folder / COPY)
    with studio(folder) as found:
        yield found


def mend(opened: Opened, until: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """How mending stands once something holds of it."""
    end = time.monotonic() + PATIENCE
    while not until(found := opened.ask("/api/mend").json):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    assert isinstance(found, dict)
    return found


def settled(found: dict[str, Any]) -> bool:
    return found["checked"] is not None and not found["doing"]


def right(state: dict[str, Any]) -> int:
    """How many pictures the newest model gets right, by all that judged it."""
    return sum(round(one["now"] * one["n"]) for one in state["training"]["moved"])


def trained(state: dict[str, Any]) -> bool:
    training = state["training"]
    return bool(training["round"]) and not (training["doing"] or training["waiting"])


def card_of(found: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in found["cards"] if one["kind"] == kind)


def decisions(opened: Opened) -> list[tuple[str, str, str]]:
    table = opened.folder / "tellapart.csv"
    if not table.exists():
        return []
    with table.open(encoding="utf-8", newline="") as stream:
        return [(row["path"], row["decision"], row["new_label"]) for row in csv.DictReader(stream)]


def test_a_wrong_label_is_found_mended_and_undone(opened: Opened) -> None:
    first, before = mend(opened, settled), opened.wait(trained)
    card = card_of(first, "wrong-label")
    planted = opened.pictures()[PLANTED]
    assert card["about"] == [planted["id"]]
    assert (card["label"], card["suggested"], card["sure"]) == ("ice_queen", "dark_knight", True)
    assert all(len(one["ids"]) == 3 for one in card["compared"])
    answer = card["answers"][0]
    assert (answer["keys"][0], answer["how"], answer["value"]) == (
        "enter",
        "relabel",
        "dark_knight",
    )

    assert opened.ask("/api/mend/decide", {**answer, "key": card["key"]}).status == 200
    moved = opened.wait(lambda state: trained(state) and right(state) > right(before))
    assert {one["before"] for one in moved["training"]["moved"]} == {
        one["now"] for one in before["training"]["moved"]
    }
    assert moved["training"]["value"] == moved["training"]["moved"][0]["now"]
    after = mend(opened, settled)
    assert card["key"] not in [one["key"] for one in after["cards"]]
    assert decisions(opened) == [(PLANTED, "relabel", "dark_knight")]
    (kept,) = [one for one in read_dataset(opened.folder).items if one.name == PLANTED]
    assert kept.label == "dark_knight"  # for train, and every other command
    assert [(one.path, one.why) for one in listed(opened.folder)] == [(PLANTED, "wrong-label")]

    assert opened.ask("/api/undo", {}).status == 200
    opened.wait(lambda state: trained(state) and right(state) == right(before))
    back = mend(opened, settled)
    assert card["key"] in [one["key"] for one in back["cards"]]
    assert decisions(opened) == []


def test_all_that_is_sure_is_one_change(opened: Opened) -> None:
    found = mend(opened, settled)
    assert found["sure"] == 2
    assert opened.ask("/api/mend/apply", {}).status == 200
    assert sorted(decisions(opened)) == [(COPY, "drop", ""), (PLANTED, "relabel", "dark_knight")]
    assert opened.ask("/api/mend").json["sure"] == 0
    assert opened.ask("/api/undo", {}).status == 200
    assert decisions(opened) == []


def test_decisions_are_taken_back_and_carried_out_and_both_undone(opened: Opened) -> None:
    assert opened.ask("/api/mend/apply", {}).status == 200
    rows = opened.ask("/api/mend/decided").json["decisions"]
    assert {one["path"] for one in rows} == {COPY, PLANTED}
    assert all(opened.state()["pictures"] and one["id"] for one in rows)

    (drop,) = (one for one in rows if one["decision"] == "drop")
    assert len(opened.ask("/api/mend/take-back", drop).json["decisions"]) == 1
    assert decisions(opened) == [(PLANTED, "relabel", "dark_knight")]
    assert opened.ask("/api/undo", {}).status == 200
    assert {one[0] for one in decisions(opened)} == {COPY, PLANTED}

    number = opened.pictures()[PLANTED]["id"]
    assert opened.ask("/api/mend/carry-out", {}).json["to_move"] == 0
    moved = opened.pictures()
    assert moved["dark_knight/planted.jpg"]["id"] == number
    assert moved[f"set-aside/{COPY}"]["part"] == "aside"
    assert opened.ask("/api/undo", {}).status == 200
    assert (opened.folder / PLANTED).is_file()
    assert (opened.folder / COPY).is_file()
    assert opened.pictures()[PLANTED]["decided"] == "relabel"
    assert opened.ask("/api/undo", {}).status == 200
    assert decisions(opened) == []


def test_what_changes_elsewhere_is_checked_anew_and_skipped_cards_stay_so(opened: Opened) -> None:
    found = mend(opened, settled)
    card = card_of(found, "duplicate")
    assert opened.ask("/api/mend/skip", {"key": card["key"]}).json["skipped"] == 1
    added = "/api/pictures?label=ice_queen&name=other.jpg"
    new = (opened.folder / PLANTED).read_bytes() + b" "  # no exact copy, which is not added again
    assert opened.ask(added, new).status == 201
    mend(opened, lambda now: settled(now) and now["checked"] == found["checked"] + 1)
    assert opened.ask("/api/undo", {}).status == 200
    now = mend(opened, lambda now: settled(now) and now["checked"] == found["checked"])
    assert now["skipped"] == 1
    assert card["key"] not in [one["key"] for one in now["cards"]]
    back = opened.ask("/api/mend/skip", {"key": card["key"], "back": True}).json
    assert card["key"] in [one["key"] for one in back["cards"]]


def test_what_cannot_be_decided_is_said(opened: Opened) -> None:
    number = opened.pictures()[PLANTED]["id"]
    assert opened.ask("/api/mend/decide", {"ids": [number], "how": "burn"}).status == 400
    label = opened.ask("/api/mend/decide", {"ids": [number], "how": "relabel", "value": "a/b"})
    assert (
        label.json["detail"]
        == "A label cannot be called a/b: not every system takes a folder of that name."
    )
    nothing = opened.ask("/api/mend/decide", {"ids": [0], "how": "drop"})
    assert "nothing to decide" in nothing.json["detail"]
    assert decisions(opened) == []


def test_of_many_labels_the_pairs_confused_most_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 1000
    truth = np.arange(count).repeat(2)
    scores = np.zeros((len(truth), count), np.float32)
    scores[np.arange(len(truth)), truth] = 1
    scores[1, :3], scores[3, :3] = (0.1, 0.0, 0.9), (0.0, 0.0, 1.0)
    names = tuple(f"{k}.jpg" for k in range(len(truth)))
    labels = tuple(f"label {k}" for k in range(count))
    evaluation = Evaluation(labels, names, truth, scores)
    monkeypatch.setattr(confusion_module, "evaluations_of", lambda _: {"held out": evaluation})
    model: Any = None
    found: Any = confusion_module.confusion(model)
    assert not found["as_matrix"]
    assert [(one["label"], one["predicted"], one["n"]) for one in found["cells"]] == [
        (0, 2, 1),
        (1, 2, 1),
    ]
    cell: Any = confusion_module.pictures_in(
        model, "held out", "label 0", "label 2", lambda name: 7 if name == "1.jpg" else 0
    )
    assert cell == {"n": 1, "pictures": [{"id": 7, "score": pytest.approx(0.9)}]}


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Any]:
    opened.wait(lambda state: state["training"].get("value") is not None)
    with browser() as chromium:
        found = page_of(chromium, opened.link, viewport={"width": 1280, "height": 800})
        found.errors = []
        found.on("pageerror", lambda error: found.errors.append(str(error)))
        yield found


def moved(page: Any, opened: Opened) -> Any:
    """Where the page tells how the score has moved with the newest training."""
    one = opened.state()["training"]["moved"][0]
    told = f"{one['before']:.1%} → {one['now']:.1%}"
    return page.locator(".moved", has_text=told)


@pytest.mark.slow
def test_by_keys_alone_the_score_moves_and_undo_brings_it_back(opened: Opened, page: Any) -> None:
    mend(opened, settled)
    page.get_by_role("link", name="Mend", exact=True).click()
    page.get_by_role("button", name="Wrong labels").click()
    title = page.get_by_role("heading", name="ice_queen, or dark_knight?")
    title.wait_for()
    assert not page.locator(".message").count()  # there is nothing to be said
    before = opened.wait(trained)
    page.keyboard.press("Enter")  # the chip in focus is chosen already, so it is the card's
    opened.wait(lambda state: trained(state) and right(state) > right(before))
    moved(page, opened).get_by_text("within luck").first.wait_for()
    assert decisions(opened) == [(PLANTED, "relabel", "dark_knight")]
    title.wait_for(state="detached")
    page.keyboard.press("z")
    title.wait_for()
    opened.wait(lambda state: trained(state) and right(state) == right(before))
    moved(page, opened).wait_for()
    figure = page.locator(".bar .score").get_by_role("status").inner_text().split()[0]
    assert figure in page.locator(".moved").inner_text()  # one figure, here and on top
    assert decisions(opened) == []

    for link in ("Findings", "Mend"):
        page.get_by_role("link", name=link, exact=True).click()
        page.keyboard.press("Enter")
        title.wait_for(state="detached")
        page.keyboard.press("u")
        title.wait_for()

    page.keyboard.press("l")  # another label, by how it begins
    page.get_by_label("Label", exact=True).type("dark")
    page.keyboard.press("Enter")
    title.wait_for(state="detached")
    page.keyboard.press("u")
    title.wait_for()
    page.keyboard.press("s")
    title.wait_for(state="detached")
    page.keyboard.press("u")
    title.wait_for()
    assert decisions(opened) == []
    assert not page.errors


@pytest.mark.slow
def test_a_cell_of_the_matrix_opens_its_pictures(opened: Opened, page: Any) -> None:
    page.evaluate("location.hash = '#/mend/confusion'")
    table = page.get_by_role("table")
    table.wait_for()
    assert table.get_by_role("rowheader").count() == 2
    cells = table.get_by_role("button")
    assert table.locator("[tabindex='0']").count() == 1
    cells.first.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.endswith("ice_queen taken for dark_knight")
    page.keyboard.press("Enter")
    section = page.get_by_role("region", name=focused)
    section.get_by_role("listitem").first.wait_for()
    count = int(focused.split()[0])
    assert section.get_by_role("listitem").count() == count
    surest = [float(one.rstrip("%")) for one in section.locator("li > small").all_inner_texts()]
    assert surest == sorted(surest, reverse=True)
    section.get_by_role("link").nth(1).focus()
    name = page.evaluate("document.activeElement.getAttribute('aria-label')").split(",")[0]
    page.keyboard.press("k")
    section.get_by_text("kept").wait_for()
    assert decisions(opened) == [(name, "keep", "")]
    page.keyboard.press("z")
    section.get_by_text("kept").wait_for(state="detached")
    assert not page.errors


@pytest.mark.slow
def test_the_address_of_a_label_opens_what_it_is_taken_for(opened: Opened, page: Any) -> None:
    opened.wait(lambda state: not state["training"]["doing"] and not state["training"]["waiting"])
    page.evaluate("location.hash = '#/train'")
    page.get_by_role("rowheader", name="ice_queen").get_by_role("link").click()
    page.get_by_role("heading", name="ice_queen taken for dark_knight").wait_for()
    assert page.get_by_role("table").get_by_role("button", pressed=True).count() == 1
    assert not page.errors


@pytest.mark.slow
def test_gaps_and_decisions_are_there_to_read(opened: Opened, page: Any) -> None:
    opened.ask("/api/mend/apply", {})
    page.evaluate("location.hash = '#/mend/gaps'")
    page.get_by_role("region", name="Gaps").get_by_text("kept for testing").first.wait_for()
    page.evaluate("location.hash = '#/mend/decided'")
    page.get_by_role("button", name=f"Take back: {COPY}").click()
    page.get_by_role("button", name=f"Take back: {COPY}").wait_for(state="detached")
    page.get_by_role("button", name="Carry out 1 decision").click()
    page.get_by_text("carried out", exact=True).wait_for()
    assert Path(opened.folder / "dark_knight" / "planted.jpg").is_file()
    for _ in range(3):
        page.get_by_role("button", name="Undo").click()
        page.wait_for_timeout(100)
    opened.wait(lambda state: state["undo"] is None)
    assert decisions(opened) == []
    assert (opened.folder / PLANTED).is_file()
    assert not page.errors


@pytest.mark.slow
def test_on_a_narrow_screen_the_open_part_is_in_view(page: Any) -> None:
    page.set_viewport_size({"width": 280, "height": 600})
    for name in ("Share", "Collect", "Mend"):
        page.evaluate(f"location.hash = '#/{name.lower()}'")
        link = page.get_by_role("navigation", name="Parts of the studio").locator("[aria-current]")
        link.get_by_text(name).wait_for()
        box = link.bounding_box()
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= 280, name
    page.set_viewport_size({"width": 1280, "height": 600})
    page.get_by_role("heading", name="ice_queen, or dark_knight?").wait_for()
    words = page.get_by_text("but everything about it says").bounding_box()
    answers = page.get_by_role("group", name="Answers").bounding_box()
    assert words["y"] + words["height"] <= answers["y"] <= 600 - answers["height"]
    assert not page.errors
