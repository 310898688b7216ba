"""A heap in the studio: its piles, the suggestions for its pictures, and labelling by few keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelling_person import Person, draw_shapes, heap_of
from studio import PATIENCE, Opened, browser, page_of, studio
from tellapart.demo.walk import DemoPictures
from tellapart.errors import UsageError
from tellapart.studio.arrangement import Arrangement, Look, arranged, joined, merged, most_alike
from tellapart.studio.arrangement import split as split_pile


@pytest.fixture
def heap(heroes: DemoPictures, tmp_path: Path) -> Iterator[tuple[Opened, dict[str, str]]]:
    truth = heap_of(heroes.photos, tmp_path / "heap", 40)
    (tmp_path / "heap" / "page.jpg").write_bytes(b"<!DOCTYPE html><html></html>")
    with studio(tmp_path / "heap") as opened:
        yield opened, truth


def once(opened: Opened, until: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The heap once something holds of it."""
    end = time.monotonic() + PATIENCE
    while not until(found := opened.ask("/api/heap").json):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found  # type: ignore[no-any-return]


def test_a_heap_opens_as_piles_and_then_carries_suggestions(
    heap: tuple[Opened, dict[str, str]],
) -> None:
    opened, truth = heap
    found = once(opened, lambda found: found["piles"] and not found["doing"])
    ids = {one["id"]: name for name, one in opened.pictures().items()}
    piled = [one for _, pictures, _ in found["piles"] for one in pictures] + found["apart"]
    assert sorted(ids[one] for one in piled) == sorted(truth)
    [[broken, reason]] = found["unreadable"]
    assert (ids[broken], reason) == ("page.jpg", "an HTML page saved as .jpg")
    assert not found["suggestions"]

    first, pictures, _ = found["piles"][0]
    parted = opened.ask("/api/heap/split", {"pile": first, "into": 2}).json
    parts = [of for number, of, _ in parted["piles"][:2]]
    assert sorted(parts[0] + parts[1]) == sorted(pictures)
    assert parted["rearranged"]
    back = opened.ask("/api/heap/undo", {}).json
    assert back["piles"] == found["piles"]
    assert opened.ask("/api/heap/undo", {}).status == 400
    second = found["piles"][1][0]
    joint = opened.ask("/api/heap/merge", {"pile": first, "with": second}).json
    assert len(joint["piles"]) == len(found["piles"]) - 1
    assert opened.ask("/api/heap/merge", {"pile": first, "with": second}).status == 400

    by_label: dict[str, list[int]] = {}
    for number, name in ids.items():
        if name in truth:
            by_label.setdefault(truth[name], []).append(number)
    some = [{"label": label, "ids": of[:12]} for label, of in by_label.items()]
    assert opened.ask("/api/heap/accept", {"labelled": some, "aside": [broken]}).status == 200
    assert opened.state()["undo"] == "25 pictures labelled"
    found = once(opened, lambda found: found["suggestions"])
    right = [truth[ids[one]] == found["labels"][label] for one, label, *_ in found["suggestions"]]
    assert len(right) == len(truth) - 24
    assert np.mean(right) > 0.6

    opened.ask("/api/undo", {})
    assert all(one["part"] == "heap" for one in opened.pictures().values())
    undone = opened.ask("/api/heap").json
    assert undone["suggestions"] == [], "of labels that are no more"
    piled = [one for _, pictures, _ in undone["piles"] for one in pictures] + undone["apart"]
    assert sorted(ids[one] for one in piled) == sorted(truth)
    assert len(once(opened, lambda found: found["unreadable"])["unreadable"]) == 1
    state = opened.wait(lambda state: state["training"]["missing"] == [])
    assert state["training"]["value"] is None
    once(opened, lambda found: not found["labels"])
    opened.ask("/api/redo", {})
    once(opened, lambda found: len(found["suggestions"]) == len(truth) - 24)


def test_what_cannot_be_accepted_is_said_and_nothing_is_done(
    heap: tuple[Opened, dict[str, str]],
) -> None:
    opened, _ = heap
    one = next(iter(opened.pictures().values()))["id"]
    for body in (
        {"labelled": [{"label": "rose", "ids": [one]}], "aside": [one]},
        {"labelled": "rose", "aside": []},
        {"labelled": [{"label": "a/b", "ids": [one]}], "aside": []},
    ):
        answer = opened.ask("/api/heap/accept", body)
        assert answer.status == 400
        assert answer.json["detail"]
    assert opened.state()["undo"] is None


def looks_of(count: int, kinds: int) -> dict[int, Look]:
    """Pictures of so many kinds, each near the middle of its own."""
    lot = np.random.default_rng(count)
    middles = lot.normal(size=(kinds, 16))
    return {
        one: Look(middles[one % kinds] + 0.2 * lot.normal(size=16), f"{one:04d}")
        for one in range(1, count + 1)
    }


@given(count=st.integers(1, 90), kinds=st.integers(1, 4), into=st.integers(2, 4))
def test_no_picture_is_lost_between_piles(count: int, kinds: int, into: int) -> None:
    looks = looks_of(count, kinds)
    now = arranged(list(looks), looks)

    def whole(of: Arrangement) -> bool:
        every = [one for pile in of.piles for one in pile.pictures] + list(of.apart)
        return sorted(every) == sorted(looks)

    assert whole(now)
    largest = max(now.piles, key=lambda pile: len(pile.pictures))
    if len(largest.pictures) < into:
        with pytest.raises(UsageError):
            split_pile(now, largest.number, into, looks)
        return
    parts = split_pile(now, largest.number, into, looks)
    assert whole(parts)
    assert len(parts.piles) > len(now.piles)
    numbers = [pile.number for pile in parts.piles]
    assert len(set(numbers)) == len(numbers)
    first, second = parts.piles[0].number, most_alike(parts.piles)[parts.piles[0].number]
    both = merged(parts, first, second, looks)
    assert whole(both)
    assert len(both.piles) == len(parts.piles) - 1


def test_a_new_picture_joins_the_pile_it_is_like_and_nothing_moves() -> None:
    looks = looks_of(60, 2)
    now = arranged(list(looks), looks)
    like = now.piles[-1].pictures[0]
    looks[99] = Look(looks[like].vector, "new")
    after = joined(now, [99], looks)
    kept = tuple(tuple(one for one in pile.pictures if one != 99) for pile in after.piles)
    assert kept == tuple(pile.pictures for pile in now.piles)
    assert any(99 in pile.pictures and like in pile.pictures for pile in after.piles)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


def test_a_heap_is_labelled_by_few_keys(chromium: Any, tmp_path: Path) -> None:
    """90 % right by at most half a key a picture, each letter of a name counted."""
    truth = heap_of(draw_shapes(tmp_path / "shapes", 20), tmp_path / "heap", 60)
    with studio(tmp_path / "heap") as opened:
        person = Person(page_of(chromium, opened.link + "#/label"), opened, truth)
        person.label_all(until=0.9)
        assert person.right() >= 0.9
        assert person.keys <= 0.5 * len(truth)
        person.page.context.close()


@pytest.fixture(scope="module")
def shapes(
    chromium: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Opened, Person]]:
    """A heap of three shapes, before a person who has named no pile yet."""
    folder = tmp_path_factory.mktemp("shapes")
    truth = heap_of(draw_shapes(folder / "drawn", 16), folder / "heap", 48)
    with studio(folder / "heap") as opened:
        person = Person(page_of(chromium, opened.link + "#/label"), opened, truth, content=0)
        person.page.locator(".sheet").wait_for()
        yield opened, person


def lie(opened: Opened, until: Callable[[dict[str, str]], object]) -> dict[str, str]:
    """Where pictures lie, by their names without folders, once something holds of it: their
    label, "heap" or "aside"."""
    found: dict[str, str] = {}

    def told(_: object) -> bool:
        found.clear()
        for name, one in opened.pictures().items():
            found[name.rpartition("/")[2]] = one["label"] if one["part"] == "learn" else one["part"]
        return bool(until(found))

    opened.wait(told)
    return found


@pytest.mark.slow
def test_piles_are_split_and_named_without_the_odd_ones(shapes: tuple[Opened, Person]) -> None:
    opened, person = shapes
    whole = person.seen()["names"]
    person.change(lambda: person.press("+"))
    assert set(person.seen()["names"]) < set(whole)
    person.press("z")
    person.sees(whole)

    label = person.truth[whole[1]]
    person.press("ArrowRight", " ", *label[0], *label[1:], "Enter")
    there = lie(opened, lambda found: label in found.values())
    assert there == {one: label if one in whole[1:] else "heap" for one in person.truth}
    person.page.get_by_role("heading", name="Pile").wait_for()
    assert not set(whole[1:]) & set(person.seen()["names"])
    person.press("z")
    lie(opened, lambda found: set(found.values()) == {"heap"})
    person.sees(whole)


def give(opened: Opened, person: Person, each: int, but: Collection[str] = ()) -> None:
    """So many pictures get their true labels by other means than this page."""
    ids = {name: one["id"] for name, one in opened.pictures().items() if one["part"] == "heap"}
    labels = sorted(set(person.truth.values()))
    of = {label: [one for one in ids if person.truth[one] == label] for label in labels}
    some = [
        {"label": label, "ids": [ids[one] for one in of[label] if one not in but][:each]}
        for label in labels
    ]
    assert opened.ask("/api/heap/accept", {"labelled": some, "aside": []}).status == 200


@pytest.mark.slow
def test_a_message_is_said_once_covers_nothing_and_goes_with_the_next_change(
    shapes: tuple[Opened, Person],
) -> None:
    opened, person = shapes
    page = person.page
    for width, height in ((1280, 720), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        person.press("0", "0")  # pages that wait for a model
        message = page.locator(".message")
        message.get_by_text("Name two piles").wait_for()
        assert message.count() == 1
        box, others = message.bounding_box(), [page.locator("main"), page.get_by_role("navigation")]
        assert box["height"] <= 50
        for other in (one.bounding_box() for one in others):
            apart = (
                box["y"] >= other["y"] + other["height"] or other["y"] >= box["y"] + box["height"]
            )
            assert apart or other["x"] + other["width"] <= box["x"]
    page.set_viewport_size({"width": 1280, "height": 720})
    page.wait_for_timeout(1100)  # until it is no word on the change that comes
    one = next(iter(opened.pictures().values()))["id"]
    assert opened.ask("/api/heap/accept", {"labelled": [], "aside": [one]}).status == 200
    message.wait_for(state="detached", timeout=3000)  # before its time
    assert opened.ask("/api/undo", {}).status == 200


@pytest.fixture(scope="module")
def suggested(shapes: tuple[Opened, Person]) -> tuple[Opened, Person]:
    """The same heap once every picture carries a suggestion, as pages."""
    opened, person = shapes
    give(opened, person, 6)
    person.page.get_by_role("button", name="See the suggestions").wait_for()
    person.change(lambda: person.press("0"))
    return shapes


@pytest.mark.slow
def test_suggestions_are_accepted_corrected_set_aside_and_undone_by_keys(
    suggested: tuple[Opened, Person],
) -> None:
    opened, person = suggested
    before = lie(opened, lambda found: True)
    page = person.page.get_by_role("heading", name="look like")
    label = page.text_content().rpartition(" ")[2]
    seen = person.seen()
    first, second, third, *others = seen["names"]
    other = next(at for at, one in enumerate(seen["labels"], start=1) if one != label)
    person.press(str(other), " ", "x")
    person.page.get_by_role("option", name=f"{third}, set aside").wait_for()
    person.press("z", "Enter")  # takes back the last mark alone
    after = lie(opened, lambda found: found != before)
    changed = {one: label for one, label in after.items() if before[one] != label}
    assert changed == {
        first: seen["labels"][other - 1],
        **dict.fromkeys([third, *others], label),
    }
    assert after[second] == "heap"
    person.press("z")
    lie(opened, lambda found: found == before)
    person.sees(seen["names"])

    person.press("0")
    person.page.get_by_role("region", name="One picture").wait_for()
    labels = person.seen()["labels"]
    for key, expected in ((str(labels.index("box") + 1), "box"), ("s", "star"), ("x", "aside")):
        assert taken(opened, person, key) == expected
    person.change(lambda: person.press("z"))
    lie(opened, lambda found: "aside" not in found.values())
    while not person.seen()["accepts"]:  # it is none of these
        person.change(lambda: person.press("ArrowRight"))
    said = person.page.get_by_role("button", name="Accept").text_content().split()[1]
    assert taken(opened, person, "Enter") == said


def taken(opened: Opened, person: Person, key: str) -> str:
    """Where the one picture lies that is in front, after a key; one label alone begins with s."""
    [name] = person.seen()["names"]
    person.change(lambda: person.press(key))
    return lie(opened, lambda found: found[name] != "heap")[name]


@pytest.mark.slow
def test_a_newer_model_moves_nothing_under_the_eyes(suggested: tuple[Opened, Person]) -> None:
    opened, person = suggested
    person.page.get_by_role("button", name="One by one").click()
    coming = person.page.get_by_role("group", name="What comes next").locator("button[aria-label]")
    names = [one.get_attribute("aria-label").partition(",")[0] for one in coming.all()]
    [name] = person.seen()["names"]
    assert names[0] == name
    person.press("ArrowRight")
    said = person.seen()["said"]
    revision = once(opened, lambda found: True)["revision"]
    give(opened, person, 4, names)
    person.wait()
    once(opened, lambda found: found["revision"] > revision + 1)
    (opened.folder / name).unlink()  # another program does, too
    opened.wait(lambda _: name not in opened.pictures())
    person.page.get_by_role("button", name=f"{name},").wait_for(state="detached")
    now = [one.get_attribute("aria-label").partition(",")[0] for one in coming.all()]
    assert now[: len(names) - 1] == names[1:]
    assert person.seen()["said"] == said


@pytest.mark.slow
def test_a_filter_and_all_keys_are_a_key_away(suggested: tuple[Opened, Person]) -> None:
    _, person = suggested
    person.page.get_by_role("button", name="One by one").click()
    name = person.page.get_by_role("group", name="What comes next").get_by_role("button").last
    wanted = name.get_attribute("aria-label").partition(",")[0]
    person.change(lambda: person.press("/", *wanted.partition(".")[0], "Enter"))
    assert person.seen()["names"] == [wanted]
    person.press("/", *["Backspace"] * 4, "Enter", "?")
    keys = person.page.get_by_role("dialog", name="Keys")
    for words in ("Label it", "Accept", "Set aside", "Undo", "Filter", "Move to another picture"):
        keys.get_by_text(words).first.wait_for()
    person.press("Escape")
    keys.wait_for(state="detached")


@pytest.mark.slow
def test_by_touch_a_tapped_picture_gets_the_label_that_is_tapped(
    chromium: Any, suggested: tuple[Opened, Person]
) -> None:
    opened, _ = suggested
    phone = page_of(
        chromium,
        opened.link + "#/label",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    phone.get_by_role("button", name="Piles", exact=True).tap()
    tile = phone.locator(".sheet [role=option]").first
    name = tile.get_attribute("aria-label").partition(",")[0]
    tile.tap()
    phone.get_by_role("option", name=f"{name}, left out").wait_for()
    phone.get_by_role("button", name="Pages", exact=True).tap()
    tile = phone.locator(".sheet [role=option]").nth(1)
    name = tile.get_attribute("aria-label").partition(",")[0]
    tile.tap()
    phone.get_by_role("group", name="Labels").get_by_role("button", name="box").tap()
    phone.get_by_role("option", name=f"{name}, box").wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.slow
def test_what_is_none_of_the_labels_is_not_offered_to_be_accepted(
    suggested: tuple[Opened, Person],
) -> None:
    opened, person = suggested

    def none(route: Any) -> None:
        response = route.fetch()
        found = response.json()
        for one in found["suggestions"]:
            one[4] = "none"
        route.fulfill(response=response, json=found)

    page, before = person.page, lie(opened, lambda found: True)
    page.route("**/api/heap", none)
    page.reload()
    page.get_by_role("button", name="One by one").click()
    page.get_by_role("figure").get_by_text("none of these").wait_for()
    page.get_by_text("Give it a label, or set it aside.").wait_for()
    assert not page.get_by_role("button", name="Accept").count()
    person.press("Enter", "Enter")
    assert not page.locator(".message").count()
    assert lie(opened, lambda found: True) == before
    page.unroute("**/api/heap")
    page.reload()
    page.locator(".label").wait_for()


_OVERLAPS = """() => {
  const main = document.querySelector('main');
  main.scrollTo(0, main.scrollHeight); // what stays in sight while the rest scrolls is in its place
  const tiles = [...document.querySelectorAll('.leaf')];
  const parts = [...document.querySelectorAll('.label > :not(.front-one), .front-one > *')];
  const overlap = (one, other) =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1
    && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 1;
  const found = main.scrollWidth > main.clientWidth ? ['too wide'] : [];
  for (const group of [tiles, parts]) {
    const boxes = group.map((one) => one.getBoundingClientRect());
    boxes.forEach((one, at) => boxes.slice(0, at).some((other) => overlap(one, other))
      && found.push(group[at].getAttribute('aria-label') || group[at].className));
  }
  return found;
}"""


@pytest.mark.slow
def test_in_a_small_window_it_scrolls_and_nothing_overlaps(
    suggested: tuple[Opened, Person],
) -> None:
    _, person = suggested
    for mode in ("Piles", "Pages", "One by one"):
        person.page.get_by_role("button", name=mode, exact=True).click()
        person.page.locator(".sheet" if mode != "One by one" else ".large").wait_for()
        for width, height in ((1280, 480), (1280, 657), (740, 480), (390, 480), (320, 568)):
            person.page.set_viewport_size({"width": width, "height": height})
            assert person.page.evaluate(_OVERLAPS) == [], (mode, width, height)
    person.page.set_viewport_size({"width": 1280, "height": 720})


@pytest.mark.slow
def test_the_last_pile_comes_back(chromium: Any, tmp_path: Path) -> None:
    truth = heap_of(draw_shapes(tmp_path / "shapes", 1), tmp_path / "heap", 3)
    with studio(tmp_path / "heap") as opened:
        person = Person(page_of(chromium, opened.link + "#/label"), opened, truth)
        whole = person.seen()["names"]
        person.press("Enter", *"odd", "Enter")
        lie(opened, lambda found: set(found.values()) == {"odd"})
        person.page.get_by_text("Every picture has a label").wait_for()
        person.press("z")
        person.sees(whole)
        person.press("+")
        person.page.get_by_role("heading", name="Pile 1, 2 pictures").wait_for()
        person.page.context.close()
