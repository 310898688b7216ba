"""A heap in the studio: its piles, the suggestions for its pictures, and labelling by few keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
    assert len(once(opened, lambda found: found["unreadable"])["unreadable"]) == 1


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


def test_a_heap_is_labelled_by_few_keys(tmp_path: Path) -> None:
    """90 % right by at most half a key a picture, each letter of a name counted."""
    truth = heap_of(draw_shapes(tmp_path / "shapes", 24), tmp_path / "heap", 72)
    with studio(tmp_path / "heap") as opened, browser() as chromium:
        person = Person(page_of(chromium, opened.link + "#/label"), opened, truth)
        person.label_all(until=0.9)
        assert person.right() >= 0.9
        assert person.keys <= 0.5 * len(truth)
