"""The grid's arithmetic and selection, as the browser runs them: laws, not pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio import bare_page

pytestmark = pytest.mark.slow

PARTS = ("grid/arithmetic", "grid/selection", "grid/asking", "arrivals")


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """A page with nothing in it but the modules, under their last names."""
    with bare_page() as found:
        for part in PARTS:
            name = part.rpartition("/")[2]
            found.evaluate(
                f"import('/parts/{part}.js').then((it) => {{ window.{name}Module = it; }})"
            )
        yield found


SECTIONS = st.lists(
    st.fixed_dictionaries({"count": st.integers(0, 60), "folded": st.booleans()}), max_size=7
).map(lambda found: [{"key": key, **one} for key, one in enumerate(found)])
SIZES = st.fixed_dictionaries(
    {
        "width": st.integers(1, 1200),
        "tile": st.integers(40, 360),
        "gap": st.integers(0, 12),
        "heading": st.integers(0, 60),
        "empty": st.integers(0, 80),
        "sections": SECTIONS,
    }
)

LAY_OUT = """([sizes, top, seen, more, drawn]) => {
  const a = window.arithmeticModule;
  const layout = a.layOut(sizes);
  const { first, end } = a.windowOf(layout, top, top + seen, more);
  const places = Array.from({ length: layout.count }, (_, number) => a.placeOf(layout, number));
  return { layout, first, end, places, touched: a.touched(layout, drawn) };
}"""


@given(
    SIZES,
    st.floats(-100, 8000),
    st.integers(1, 1200),
    st.integers(0, 3),
    st.tuples(*[st.floats(-50, 1300)] * 2, *[st.floats(-50, 6000)] * 2),
)
def test_all_that_is_seen_is_there_and_not_much_more(
    page: Any,
    sizes: dict[str, Any],
    top: float,
    seen: int,
    more: int,
    corners: tuple[float, float, float, float],
) -> None:
    left, right = sorted(corners[:2])
    upper, lower = sorted(corners[2:])
    drawn = {"left": left, "right": right, "top": upper, "bottom": lower}
    found = page.evaluate(LAY_OUT, [sizes, top, seen, more, drawn])
    layout, places = found["layout"], found["places"]
    shown = [0 if one["folded"] else one["count"] for one in sizes["sections"]]
    assert layout["count"] == len(places) == sum(shown)
    # Sections stand one below the other, and all their heights are the whole.
    below = 0
    for section, count in zip(layout["sections"], shown, strict=True):
        assert (section["top"], section["shown"]) == (below, count)
        assert section["inside"] >= section["rows"] * layout["pitch"]
        below += sizes["heading"] + section["inside"]
    assert layout["height"] == below
    boxes = [_box(layout, place) for place in places]
    assert len(set(boxes)) == len(boxes)  # no two in one place
    side = layout["side"]
    assert all(x + side <= max(sizes["width"], side) for x, _ in boxes)
    visible = [n for n, (_, y) in enumerate(boxes) if y + side > top and y < top + seen]
    assert all(found["first"] <= number < found["end"] for number in visible)
    rows = math.ceil(seen / layout["pitch"]) + 2 + 2 * more
    assert found["end"] - found["first"] <= rows * layout["columns"]
    assert found["touched"] == [
        number
        for number, (x, y) in enumerate(boxes)
        if x + side > left and x <= right and y + side > upper and y <= lower
    ]


def _box(layout: dict[str, Any], place: dict[str, Any]) -> tuple[float, float]:
    section = layout["sections"][place["section"]]
    assert 0 <= place["row"] < section["rows"]
    return place["x"], section["body"] + place["y"]


STEP = """([sizes, number, key, page]) => {
  const a = window.arithmeticModule;
  const layout = a.layOut(sizes);
  const at = Math.min(number, layout.count - 1);
  const to = a.step(layout, at, key, page);
  const seen = to < 0 ? 0 : a.revealing(layout, to, 500, page);
  return { layout, at, to, from: at < 0 ? null : a.placeOf(layout, at),
    place: to < 0 ? null : a.placeOf(layout, to), seen };
}"""
KEYS = ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown")


@given(SIZES, st.integers(-1, 400), st.sampled_from(KEYS), st.integers(500, 1200))
def test_a_key_leads_to_a_picture_that_is_then_seen(
    page: Any, sizes: dict[str, Any], number: int, key: str, height: int
) -> None:
    found = page.evaluate(STEP, [sizes, number, key, height])
    layout, at, to = found["layout"], found["at"], found["to"]
    if not layout["count"]:
        assert to == -1
        return
    assert 0 <= to < layout["count"]
    if at >= 0:
        forward = key in ("ArrowRight", "ArrowDown", "End", "PageDown")
        assert to >= at if forward else to <= at
        if key in ("ArrowUp", "ArrowDown") and to != at:
            assert found["place"]["column"] <= found["from"]["column"]
            assert abs(to - at) < 2 * layout["columns"]
    y = layout["sections"][found["place"]["section"]]["body"] + found["place"]["y"]
    if height >= layout["pitch"] + layout["heading"]:
        assert y >= found["seen"] + layout["heading"]
        assert y + layout["pitch"] <= found["seen"] + height


def selected(page: Any, script: str) -> Any:
    """What `it` is after a script in which `s` has the functions and `order` is 0 to 9."""
    return page.evaluate(
        "(script) => { const s = window.selectionModule; const order = "
        "s.orderOf([...Array(10).keys()]); const it = new Function('s', 'order', script)"
        "(s, order); return { ...it, chosen: [...it.chosen].sort((a, b) => a - b) }; }",
        script,
    )


@pytest.mark.parametrize(
    ("script", "chosen", "active"),
    [
        ("return s.clicked(s.NOTHING, order, 3)", [3], 3),
        ("return s.clicked(s.clicked(s.NOTHING, order, 3), order, 5)", [5], 5),
        ("return s.clicked(s.clicked(s.NOTHING, order, 3), order, 5, {add: true})", [3, 5], 5),
        ("return s.clicked(s.clicked(s.NOTHING, order, 3), order, 3, {add: true})", [], 3),
        ("return s.clicked(s.clicked(s.NOTHING, order, 6), order, 4, {range: true})", [4, 5, 6], 4),
        (
            "const it = s.clicked(s.clicked(s.NOTHING, order, 6), order, 4, {range: true});"
            "return s.clicked(it, order, 8, {range: true})",  # from where it began
            [6, 7, 8],
            8,
        ),
        ("return s.moved(s.clicked(s.NOTHING, order, 3), order, 4)", [4], 4),
        ("return s.moved(s.clicked(s.NOTHING, order, 3), order, 5, {range: true})", [3, 4, 5], 5),
        ("return s.moved(s.clicked(s.NOTHING, order, 3), order, 9, {add: true})", [3], 9),
        ("return s.swept(s.clicked(s.NOTHING, order, 0), [4, 5], {add: true})", [0, 4, 5], 5),
        ("return s.swept(s.clicked(s.NOTHING, order, 0), [4, 5])", [4, 5], 5),
        ("return s.everything(s.clicked(s.NOTHING, order, 2), order)", [*range(10)], 2),
        ("return s.released(s.everything(s.clicked(s.NOTHING, order, 2), order))", [], 2),
        (
            "const it = s.clicked(s.clicked(s.NOTHING, order, 3), order, 5, {range: true});"
            "return s.kept(it, s.orderOf([0, 1, 2, 3, 4, 6]), order)",
            [3, 4],
            6,
        ),
    ],
)
def test_selecting(page: Any, script: str, chosen: list[int], active: int) -> None:
    found = selected(page, script)
    assert (found["chosen"], found["active"]) == (chosen, active)


def test_what_is_seen_is_asked_first_and_what_is_past_never(page: Any) -> None:
    begun = page.evaluate("""() => {
      const begun = [];
      const queue = window.askingModule.asking((tile) => begun.push(tile.number));
      const tiles = Array.from({ length: 20 }, (_, number) => ({ number }));
      queue.hold(true);
      tiles.forEach(queue.ask);
      queue.around(10);
      const held = begun.length;
      queue.hold(false);
      tiles.slice(12).forEach(queue.drop);
      for (const tile of tiles) if (begun.includes(tile.number)) queue.done(tile);
      return [held, begun];
    }""")
    held, numbers = begun
    assert held == 0
    assert sorted(numbers[:4]) == [9, 10, 11, 12] or sorted(numbers[:4]) == [8, 9, 10, 11]
    assert not set(numbers[4:]) & set(range(13, 20))


@pytest.mark.parametrize(
    ("paths", "places"),
    [
        (["a.jpg"], [""]),
        (["elsa/a.jpg", "elsa/b.jpg", "anna/c.jpg"], ["elsa", "elsa", "anna"]),
        (["photos/elsa/a.jpg", "photos/b.jpg"], ["elsa", ""]),
        (["photos/elsa/2019/a.jpg"], ["elsa"]),
        (["photos/train/elsa/a.jpg", "photos/test_set/elsa/b.jpg"], ["elsa", "elsa for testing"]),
        (["train/elsa/a.jpg", "val/anna/b.jpg"], ["elsa", "anna for testing"]),
        (["test/a.jpg"], [""]),
    ],
)
def test_the_names_of_folders_are_labels(page: Any, paths: list[str], places: list[str]) -> None:
    found = page.evaluate(
        "(paths) => window.arrivalsModule.placesOf(paths)", [path.split("/") for path in paths]
    )
    said = [f"{one['label']}{' for testing' * (one['part'] == 'test')}" for one in found]
    assert said == places


def test_what_systems_leave_is_not_wanted(page: Any) -> None:
    paths = ["elsa/.DS_Store", "__MACOSX/elsa/a.jpg", "elsa/Thumbs.db", "set-aside/a.jpg", "e/a.b"]
    found = page.evaluate(
        "(paths) => paths.map(window.arrivalsModule.isWanted)", [path.split("/") for path in paths]
    )
    assert found == [False, False, False, False, True]
