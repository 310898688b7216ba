"""The arithmetic of painting, as the page's own modules do it in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio import bare_page
from tellapart.explain import Blank, Region

pytestmark = pytest.mark.slow

WIDTH, HEIGHT = 40, 30
SETUP = """
async () => {
  window.paint = await import("/parts/paint/strokes.js");
  const {Painting, opaque} = await import("/parts/paint/painting.js");
  window.open_ = (seed, width, height) => {
    const pixels = new Uint8ClampedArray(4 * width * height);
    let lot = seed + 1;
    for (let at = 0; at < pixels.length; at++) {
      lot = (lot * 48271) % 2147483647;
      pixels[at] = at % 4 === 3 ? 255 : lot % 256;
    }
    return new Painting({width, height, pixels});
  };
  window.flat = (width, height, box, color, other) => {
    const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const inside = x >= box[0] && y >= box[1] && x < box[2] && y < box[3];
      pixels.set(inside ? color : other, 4 * (y * width + x));
    }
    return new Painting({width, height, pixels});
  };
  window.opaque = opaque;
}
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with bare_page() as page:
        page.evaluate(SETUP)
        yield page


places = st.tuples(
    st.floats(-5, WIDTH + 5), st.floats(-5, HEIGHT + 5), st.sampled_from([0.2, 1.0])
).map(list)
strokes = st.fixed_dictionaries(
    {
        "tool": st.sampled_from(["brush", "eraser", "blur", "fill", "hide"]),
        "size": st.floats(1, 20),
        "color": st.tuples(*[st.integers(0, 255)] * 3).map(list),
        "points": st.lists(places, min_size=1, max_size=4),
    }
)
quick = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@quick
@given(made=st.lists(strokes, min_size=1, max_size=4), seed=st.integers(0, 100))
def test_undo_is_the_way_back_and_redo_the_way_there(page: Any, made: Any, seed: int) -> None:
    """Stroke by stroke; also where what was painted over is not kept any more."""
    assert page.evaluate(
        f"""() => {{
          const painting = open_({seed}, {WIDTH}, {HEIGHT});
          const seen = [painting.picture.pixels.join()];
          for (const stroke of {json.dumps(made)}) {{
            painting.stroke(stroke);
            if (painting.done.length === seen.length) seen.push(painting.picture.pixels.join());
          }}
          const same = (at) => painting.picture.pixels.join() === seen[at];
          for (let at = seen.length - 2; at >= 0; at--) {{
            if (at % 2) painting.done.at(-1).held = null;
            painting.undo();
            if (!same(at)) return `undo ${{at}}`;
          }}
          for (let at = 1; at < seen.length; at++) {{
            painting.redo();
            if (!same(at)) return `redo ${{at}}`;
          }}
          painting.reset();
          return same(0) && !painting.painted && painting.undo() && same(seen.length - 1);
        }}"""
    ) in (True, None)


@quick
@given(made=st.lists(strokes, max_size=3), size=st.floats(2, 15), seed=st.integers(0, 100))
def test_the_eraser_brings_the_picture_back(page: Any, made: Any, size: float, seed: int) -> None:
    """All over it, and whatever was painted is gone."""
    assert page.evaluate(
        f"""() => {{
          const painting = open_({seed}, {WIDTH}, {HEIGHT});
          for (const stroke of {json.dumps(made)}) painting.stroke(stroke);
          const points = [];
          for (let y = 0; y <= {HEIGHT}; y += {size} / 4)
            points.push([-9, y, 1], [{WIDTH} + 9, y, 1], [-9, y, 1]);
          painting.stroke({{tool: "eraser", size: {size}, points}});
          return painting.picture.pixels.join() === painting.original.pixels.join();
        }}"""
    )


@quick
@given(
    left=st.integers(0, 20),
    top=st.integers(0, 15),
    wide=st.integers(1, 20),
    high=st.integers(1, 15),
)
def test_fill_covers_what_hangs_together(
    page: Any, left: int, top: int, wide: int, high: int
) -> None:
    """All of a box of one colour, and nothing beside it; from any of its pixels."""
    box = [left, top, left + wide, top + high]
    x, y = left + wide // 2 + 0.5, top + high // 3 + 0.5
    found = page.evaluate(
        f"""() => {{
          const painting = flat({WIDTH}, {HEIGHT}, {box}, [200, 100, 10], [90, 90, 90]);
          painting.stroke({{tool: "fill", size: 1, color: [1, 2, 3], points: [[{x}, {y}, 1]]}});
          return [...painting.picture.pixels];
        }}"""
    )
    expected = np.full((HEIGHT, WIDTH, 3), 90)
    expected[top : top + high, left : left + wide] = (1, 2, 3)
    assert (np.array(found).reshape(HEIGHT, WIDTH, 4)[..., :3] == expected).all()


def test_fill_goes_around_corners_and_not_through_walls(page: Any) -> None:
    """A maze of ten rows: every second one is a wall with a door, at the left or at the right."""
    count = page.evaluate(
        """() => {
          const size = 10, pixels = new Uint8ClampedArray(4 * size * size).fill(255);
          for (let y = 1; y < size; y += 2)
            for (let x = 0; x < size; x++)
              if (x !== (y % 4 === 1 ? size - 1 : 0)) pixels.set([0, 0, 0], 4 * (y * size + x));
          for (let x = 0; x < size; x++) pixels.set([0, 0, 0], 4 * (7 * size + x));
          const mask = paint.flooded({width: size, height: size, pixels}, 3, 0, 24);
          return mask.reduce((sum, one) => sum + (one > 0), 0);
        }"""
    )
    assert count == 4 * 10 + 3  # four rows and three doors; what is behind the last wall is not


@quick
@given(seed=st.integers(0, 1000), radius=st.floats(1, 30))
def test_a_blur_keeps_the_mean_nearly_and_evens_out(page: Any, seed: int, radius: float) -> None:
    before, after = page.evaluate(
        f"""() => {{
          const {{picture}} = open_({seed}, {WIDTH}, {HEIGHT});
          return [[...picture.pixels], [...paint.blurred(picture, {radius})]];
        }}"""
    )
    before, after = (np.array(one).reshape(-1, 4)[:, :3] for one in (before, after))
    assert np.abs(before.mean(axis=0) - after.mean(axis=0)).max() < 12
    assert (after.std(axis=0) < before.std(axis=0)).all()


@quick
@given(
    seed=st.integers(0, 100),
    left=st.integers(0, WIDTH - 1),
    top=st.integers(0, HEIGHT - 1),
    wide=st.integers(1, WIDTH),
    high=st.integers(1, HEIGHT),
)
def test_a_hidden_box_is_what_the_command_makes_of_it(
    page: Any, seed: int, left: int, top: int, wide: int, high: int
) -> None:
    """`tellapart what-if --blank` with the same region."""
    right, bottom = min(left + wide, WIDTH), min(top + high, HEIGHT)
    before, after = page.evaluate(
        f"""() => {{
          const painting = open_({seed}, {WIDTH}, {HEIGHT});
          const points = [[{left}, {top}, 1], [{right}, {bottom}, 1]];
          painting.stroke({{tool: "hide", size: 1, points}});
          return [[...painting.original.pixels], [...painting.picture.pixels]];
        }}"""
    )
    before, after = (
        np.array(one, np.uint8).reshape(HEIGHT, WIDTH, 4)[..., :3] for one in (before, after)
    )
    region = Region(left / WIDTH, top / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT)
    expected = Blank(region).apply(np.ascontiguousarray(before))
    assert np.abs(after.astype(int) - expected).max() <= 1  # a mean of exactly a half


@quick
@given(made=st.lists(strokes, min_size=1, max_size=3), seed=st.integers(0, 100))
def test_what_is_sent_is_all_that_changed(page: Any, made: Any, seed: int) -> None:
    """Laid over the original, the box and its pixels are the painted picture."""
    original, painted, box, held = page.evaluate(
        f"""() => {{
          const painting = open_({seed}, {WIDTH}, {HEIGHT});
          for (const stroke of {json.dumps(made)}) painting.stroke(stroke);
          const {{left, top, right, bottom, bytes}} = painting.patch();
          return [[...painting.original.pixels], [...painting.picture.pixels],
            [left, top, right, bottom], [...bytes]];
        }}"""
    )
    original, painted = (
        np.array(one, np.uint8).reshape(HEIGHT, WIDTH, 4)[..., :3] for one in (original, painted)
    )
    left, top, right, bottom = box
    laid = original.copy()
    laid[top:bottom, left:right] = np.reshape(held, (bottom - top, right - left, 3))
    assert (laid == painted).all()


def test_strokes_on_a_larger_copy_are_the_same_strokes(page: Any) -> None:
    """Each square of a picture four times as large has the colour of its pixel, at edges nearly."""
    small, large = page.evaluate(
        """() => {
          const painting = flat(60, 40, [20, 10, 40, 30], [200, 100, 10], [90, 90, 90]);
          painting.stroke({tool: "brush", size: 9, color: [250, 0, 0],
            points: [[10, 10, 1], [30, 22, 0.5]]});
          painting.stroke({tool: "fill", size: 1, color: [0, 0, 250], points: [[38, 28, 1]]});
          painting.stroke({tool: "hide", size: 1, points: [[44, 4, 1], [56, 20, 1]]});
          const twice = flat(240, 160, [80, 40, 160, 120], [200, 100, 10], [90, 90, 90]);
          return [[...painting.picture.pixels], [...painting.on(twice.original).pixels]];
        }"""
    )
    small = np.array(small).reshape(40, 60, 4)[..., :3]
    large = np.array(large).reshape(40, 4, 60, 4, 4)[..., :3].mean(axis=(1, 3))
    apart = np.abs(small - large).max(axis=2)
    assert np.median(apart) < 2
    assert (apart > 40).mean() < 0.03


def test_a_pen_that_is_pressed_less_paints_a_thinner_line(page: Any) -> None:
    widths = page.evaluate(
        """() => [0.25, 1].map((pressure) => {
          const painting = flat(60, 40, [0, 0, 0, 0], [0, 0, 0], [90, 90, 90]);
          painting.stroke({tool: "brush", size: 16, color: [250, 0, 0],
            points: [[10, 20, pressure], [50, 20, pressure]]});
          let count = 0;
          for (let y = 0; y < 40; y++) count += painting.picture.pixels[4 * (y * 60 + 30)] > 200;
          return count;
        })"""
    )
    assert widths == [4, 16]
