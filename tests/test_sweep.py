"""What an answer hangs on: the search's laws, and that what is found holds for the model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tellapart
from drawn import model_of, run_here
from tellapart.demo.walk import DemoPictures
from tellapart.explain import Region, Sweep, sweep, sweeping, what_if
from tellapart.explain.search import GRID, Measured, all_rectangles, areas, smallest, sums
from tellapart.explain.sweeping import KEPT, LARGEST, alone, hidden
from tellapart.model.classifier import Classifier
from tellapart.pages.outlines import outlined
from tellapart.pages.render import joined
from tellapart.text import label_words


def effects_of(seed: int) -> np.ndarray:
    """A map of effects with one bump, which a rectangle of a few cells brings above 1."""
    lot = np.random.default_rng(seed)
    down, across = np.mgrid[:GRID, :GRID]
    row, column = lot.uniform(2, GRID - 2, 2)
    bump = np.exp(-((down - row) ** 2 + (across - column) ** 2) / 4)
    return np.asarray(bump * lot.uniform(0.1, 0.4) + lot.normal(0, 0.005, (GRID, GRID)))


def searched(effects: np.ndarray, guide: np.ndarray, seed: int = 0) -> tuple[Measured, int]:
    """A search where a rectangle's value is a sum; and how many were measured."""
    counts = []

    def measure(rectangles: np.ndarray) -> np.ndarray:
        counts.append(len(rectangles))
        return sums(effects, rectangles) - 1

    found = smallest(measure, -1.0, guide, rounds=6, batch=16, largest=LARGEST, seed=seed)
    return found, sum(counts)


@pytest.mark.slow
@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=15)
def test_the_smallest_is_found_with_few_measurements(seed: int, guided: bool) -> None:
    effects = effects_of(seed)
    rectangles = all_rectangles(GRID, LARGEST)
    enough = sums(effects, rectangles) > 1
    found, count = searched(effects, effects if guided else np.zeros((GRID, GRID)))
    assert count == len(found.values) <= 6 * 16
    assert len(np.unique(found.rectangles, axis=0)) == count
    if not enough.any():
        assert not len(found.best_first())
        return
    least = areas(rectangles[enough]).min()
    best = found.best_first()[0]
    assert sums(effects, best[None])[0] > 1
    assert areas(best[None])[0] <= 1.5 * least + 1


def test_the_same_search_twice_finds_the_same() -> None:
    effects = effects_of(3)
    one, other = (searched(effects, effects, seed=7)[0] for _ in range(2))
    assert (one.rectangles == other.rectangles).all()


def test_all_rectangles_are_within_the_grid_and_each_is_there_once() -> None:
    found = all_rectangles(4, 0.5)
    top, bottom, left, right = found.T
    assert ((top >= 0) & (top < bottom) & (bottom <= 4)).all()
    assert ((left >= 0) & (left < right) & (right <= 4)).all()
    assert len(np.unique(found, axis=0)) == len(found)
    assert areas(found).max() == 8
    assert len(all_rectangles(4)) == 100  # of 4 x 4 cells; none of them is too long


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_sums_are_sums(seed: int) -> None:
    lot = np.random.default_rng(seed)
    cells, rectangles = lot.normal(size=(GRID, GRID)), all_rectangles()
    for rectangle in lot.choice(rectangles, 5):
        top, bottom, left, right = rectangle
        expected = cells[top:bottom, left:right].sum()
        assert sums(cells, rectangle[None])[0] == pytest.approx(expected)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """A search with fewer pictures than usual."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeping, "_MOST", 8)
        yield


@pytest.fixture(scope="module")
def classifier(heroes: DemoPictures) -> Classifier:
    return tellapart.load(model_of(heroes))


@pytest.fixture(scope="module")
def paths(heroes: DemoPictures) -> list[Path]:
    """A picture of each label, two that training does not cover, and one whose answer an empty
    picture gets too."""
    paths = [heroes.hard[0], heroes.hard[-1], sorted((heroes.photos / "ice_queen").iterdir())[0]]
    paths += [sorted(label.glob("0*.jpg"))[0] for label in sorted(heroes.kept_back.iterdir())]
    return paths


@pytest.fixture(scope="module")
def swept(classifier: Classifier, paths: list[Path]) -> dict[Path, Sweep]:
    return {path: sweep(classifier, path) for path in paths}


@pytest.mark.slow
def test_what_is_found_to_flip_the_answer_flips_it(
    classifier: Classifier, swept: dict[Path, Sweep]
) -> None:
    assert any(found.flips for found in swept.values())
    for path, found in swept.items():
        result = what_if(classifier, path, hidden(found.flip.region))
        assert result.flipped == found.flips
        assert result.after == found.flip.after
        assert found.flip.region.area <= LARGEST
        assert f"hidden: {found.flip.region}" in found.regions
        assert f"{100 * found.flip.region.area:.1f} % of it" in found.words
        assert "%x" not in found.words


@pytest.mark.slow
def test_what_is_found_to_keep_the_answer_alone_keeps_it(
    classifier: Classifier, swept: dict[Path, Sweep]
) -> None:
    assert any(found.keep for found in swept.values())
    assert any(found.kept_by_nothing for found in swept.values())
    for path, found in swept.items():
        if found.keep:
            after = what_if(classifier, path, alone(found.keep.region)).after
            assert after == found.keep.after
            assert after.label == found.before.label
            assert after.score >= KEPT * found.before.score
            assert found.before.unknown or not after.unknown
            assert f"alone: {found.keep.region}" in found.regions
            assert not found.kept_by_nothing


@pytest.mark.slow
def test_where_an_empty_picture_gets_the_answer_nothing_is_said_to_keep_it(
    classifier: Classifier, swept: dict[Path, Sweep]
) -> None:
    for found in swept.values():
        grey = classifier.predict(np.full((300, 200, 3), 127, np.uint8))
        assert found.kept_by_nothing == (grey.label == found.before.label)
        already = f"An empty grey picture already gets {label_words(found.before.label)} "
        assert (already in found.words) == found.kept_by_nothing
        if found.kept_by_nothing:
            assert found.keep is None
            assert "alone" not in found.regions


@pytest.mark.slow
def test_the_same_picture_has_the_same_sweep(
    classifier: Classifier, swept: dict[Path, Sweep]
) -> None:
    path, found = next(iter(swept.items()))
    assert sweep(classifier, path) == found


def test_explain_tells_of_it_in_text_in_json_and_on_the_page(
    heroes: DemoPictures, classifier: Classifier, paths: list[Path], tmp_path: Path
) -> None:
    sweeps = ((path, sweep(classifier, path)) for path in paths)
    path, found = next((path, found) for path, found in sweeps if found.flips)
    page = tmp_path / "why.html"
    done = run_here("explain", model_of(heroes), path, "--sweep", "-o", page, "--json")
    (told,) = done.json()["pictures"]
    assert told["sweep"]["flips"] is True
    assert told["sweep"]["flip"]["region"] == str(found.flip.region)
    assert told["sweep"]["flip"]["label"] == found.flip.after.label
    assert told["sweep"]["words"] == found.words
    assert str(joined(found.words)) in page.read_text("utf-8")
    text = run_here("explain", model_of(heroes), path, "--sweep").out
    assert found.words in text
    assert found.regions in text
    without = run_here("explain", model_of(heroes), path, "--json").json()["pictures"][0]
    assert without["sweep"] is None


def test_outlines_lie_within_their_region() -> None:
    pixels = np.full((120, 240, 3), 128, np.uint8)
    region = Region(0.25, 0.25, 0.5, 0.5)
    box = region.box(120, 240)
    solid, dashed = (outlined(pixels, box, dashed=each) for each in (False, True))
    for drawn in (solid, dashed):
        changed = (drawn != pixels).any(axis=2)
        assert changed.any()
        assert not (changed & ~region.mask(pixels)).any()
        assert (drawn[50:70, 110:130] == 128).all()
    assert 0 < (dashed == 255).sum() < (solid == 255).sum()
