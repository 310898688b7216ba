"""A picture changed: the changes' laws, the notation of places, and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import tellapart
from conftest import draw_scene, tried
from drawn import model_of, only_sentences, run_here
from tellapart.demo.walk import DemoPictures
from tellapart.errors import TellapartError, UsageError
from tellapart.explain import (
    Alike,
    Blank,
    Blur,
    Brightness,
    Change,
    Crop,
    Outside,
    Oval,
    Paint,
    Paste,
    Region,
    what_if,
)
from tellapart.explain.changes import blurred
from tellapart.explain.notation import parse_change
from tellapart.explain.regions import WHOLE, Place, parse_color, parse_place
from tellapart.images.decode import read_picture

HALF = Region(0.5, 0, 0.5, 1)


@st.composite
def regions(draw: st.DrawFn) -> Region:
    """Any region that lies in a picture."""
    left, top = (draw(st.floats(0, 0.99)) for _ in range(2))
    width, height = (draw(st.floats(0.001, 1 - begin)) for begin in (left, top))
    return Region(left, top, width, height)


@st.composite
def pictures(draw: st.DrawFn) -> np.ndarray:
    """Any small picture."""
    height, width, seed = (draw(st.integers(1, 24)) for _ in range(3))
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


colors = st.tuples(*[st.integers(0, 255)] * 3)
places = st.one_of(regions(), regions().map(Oval), regions().map(Outside), colors.map(Alike))


def within(place: Place, color: tuple[int, int, int]) -> list[Change]:
    """Every change that has a place."""
    changes: list[Change] = [Blank(place), Blank(place, color), Blur(place), Paint(place, color)]
    if isinstance(place, Region):
        changes.append(Paste(place, np.full((3, 4, 3), color, np.uint8)))
    return changes


def surest(heroes: DemoPictures, label: str) -> Path:
    """The picture of a label that the model is surest of, among a few that it was not shown."""
    classifier = tellapart.load(model_of(heroes))
    paths = sorted((heroes.kept_back / label).glob("0*.jpg"))[:6]
    return max(paths, key=lambda path: classifier.predict(path).scores[label])


@given(places, pictures(), colors)
@settings(max_examples=tried(60))
def test_outside_its_place_a_change_leaves_all_pixels(
    place: Place, pixels: np.ndarray, color: tuple[int, int, int]
) -> None:
    outside = ~place.mask(pixels)
    for change in within(place, color):
        given_pixels = pixels.copy()
        changed = change.apply(pixels)
        assert changed.shape == pixels.shape
        assert changed.dtype == np.uint8
        assert (changed[outside] == pixels[outside]).all()
        assert (pixels == given_pixels).all()


@given(places, pictures(), st.one_of(st.none(), colors))
@settings(max_examples=tried(60))
def test_blank_then_blank_is_blank(
    place: Place, pixels: np.ndarray, color: tuple[int, int, int] | None
) -> None:
    if isinstance(place, Alike):
        return  # what is alike is not where it was once it is blank
    once = Blank(place, color).apply(pixels)
    assert (Blank(place, color).apply(once) == once).all()
    assert len(np.unique(once[place.mask(pixels)], axis=0)) <= 1


@given(pictures())
def test_the_whole_cropped_and_the_same_brightness_are_the_picture(pixels: np.ndarray) -> None:
    assert (Crop(WHOLE).apply(pixels) == pixels).all()
    assert (Brightness(1).apply(pixels) == pixels).all()
    assert (Paste(WHOLE, pixels).apply(pixels) == pixels).all()


@given(pictures(), st.floats(0, 3), st.floats(0, 3))
def test_more_brightness_is_never_darker(pixels: np.ndarray, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert (Brightness(low).apply(pixels) <= Brightness(high).apply(pixels)).all()


@given(places)
def test_places_are_written_as_they_are_read(place: Place) -> None:
    assert parse_place(str(place)) == place


@given(regions(), pictures())
def test_a_region_has_pixels_and_touching_regions_leave_no_gap(
    region: Region, pixels: np.ndarray
) -> None:
    assert region.mask(pixels).any()
    assert Crop(region).apply(pixels).size
    if pixels.shape[1] > 1:
        both = Region(0, 0, 0.5, 1).mask(pixels).astype(int) + HALF.mask(pixels)
        assert (both == 1).all()


def test_a_region_is_where_it_says() -> None:
    mask = Region.parse("10%,20%,30%x40%").mask(np.zeros((50, 100, 3), np.uint8))
    rows, columns = np.nonzero(mask)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (10, 39, 10, 29)
    assert mask.sum() == 30 * 20


def test_an_oval_touches_the_sides_of_its_region_and_not_its_corners() -> None:
    mask = Oval(WHOLE).mask(np.zeros((40, 60, 3), np.uint8))
    assert mask[20, 0]
    assert mask[0, 30]
    assert not mask[0, 0]
    assert mask.mean() == pytest.approx(np.pi / 4, abs=0.02)


def test_alike_is_what_is_nearly_of_the_colour() -> None:
    pixels = np.array([[[90, 100, 110], [114, 76, 110], [115, 100, 110]]], np.uint8)
    assert Alike((90, 100, 110)).mask(pixels).tolist() == [[True, True, False]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10,20,30x40",
        "10%,20%,30%,40%",
        "-1%,0%,10%x10%",
        "nan%,0%,10%x10%",
        "0%,0%,0%x10%",
        "60%,0%,50%x10%",
        "0%,0%,10%x101%",
        "0%,0%,1e1%x10%",
        "circle:0%,0%,10%x10%",
        "like:reddish",
        "oval:like:red",
    ],
)
def test_what_is_no_place_is_said_so(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_place(text)
    assert caught.value.message.endswith(".")
    assert caught.value.hint


def test_blur_leaves_nothing_fine_and_keeps_the_colour() -> None:
    stripes = np.zeros((60, 60, 3), np.uint8)
    stripes[:, ::2] = 255
    soft = blurred(stripes)
    assert np.abs(np.diff(soft.astype(int), axis=1)).max() < 4
    assert soft.mean() == pytest.approx(stripes.mean(), abs=2)


def test_every_kind_is_read_as_the_change_it_names(tmp_path: Path) -> None:
    face = tmp_path / "a=b.png"
    draw_scene().save(face)
    region = Region(0.1, 0.2, 0.3, 0.4)
    text = "10%,20%,30%x40%"
    assert parse_change("blank", text) == Blank(region)
    assert parse_change("blank", f"{text}=#010203") == Blank(region, (1, 2, 3))
    assert parse_change("blur", f"outside:{text}") == Blur(Outside(region))
    assert parse_change("blur", f"{text}=5%") == Blur(region, 0.05)
    assert parse_change("paint", f"oval:{text}=white") == Paint(Oval(region), (255, 255, 255))
    assert parse_change("brightness", "0.7") == Brightness(0.7)
    assert parse_change("crop", text) == Crop(region)
    pasted = parse_change("paste", f"{text}={face}")
    assert isinstance(pasted, Paste)
    assert (np.asarray(pasted.picture) == read_picture(face)).all()


def test_the_changed_picture_is_judged_by_the_same_model(heroes: DemoPictures) -> None:
    classifier = tellapart.load(model_of(heroes))
    knight, queen = surest(heroes, "dark_knight"), surest(heroes, "ice_queen")
    found = what_if(classifier, knight, Paste(WHOLE, queen))
    assert found.before == classifier.predict(knight)
    assert found.after == classifier.predict(found.pixels_after)
    assert found.flipped
    assert found.words.startswith(f"dark knight {found.before.score:.2f} becomes ice queen")
    same = what_if(classifier, knight)
    assert not same.flipped
    assert same.after == same.before


def test_changes_are_made_in_the_order_they_are_given(heroes: DemoPictures, tmp_path: Path) -> None:
    model, picture = model_of(heroes), tmp_path / "scene.png"
    draw_scene().save(picture)
    before = picture.read_bytes()
    steps = {
        "one.png": ["--paint", "0%,0%,50%x100%=white", "--brightness=0.5", "--paint",
                    "50%,0%,50%x100%=white"],
        "two.png": ["--brightness", "0.5", "--paint=0%,0%,50%x100%=white", "--paint",
                    "50%,0%,50%x100%=white"],
    }  # fmt: skip
    values = {}
    for name, options in steps.items():
        done = run_here("what-if", model, picture, *options, "-o", tmp_path / name, "--json")
        assert done.json()["written"] == str(tmp_path / name)
        with Image.open(tmp_path / name) as changed:
            assert changed.format == "PNG"
            pixels = np.asarray(changed)
        values[name] = (int(pixels[0, 0, 0]), int(pixels[0, -1, 0]))
    assert values == {"one.png": (128, 255), "two.png": (255, 255)}
    assert picture.read_bytes() == before


def test_the_command_shows_both_scores_and_a_sentence(heroes: DemoPictures, tmp_path: Path) -> None:
    knight, queen = surest(heroes, "dark_knight"), surest(heroes, "ice_queen")
    options = [str(model_of(heroes)), str(knight), "--paste", f"0%,0%,100%x100%={queen}"]
    found = run_here("what-if", *options, "--json").json()
    assert found["flipped"] is True
    assert found["changes"] == ["paste 0%,0%,100%x100%"]
    assert found["before"]["label"] == "dark_knight"
    text = run_here("what-if", *options).out
    assert f"{found['before']['scores']['ice_queen']:.5f}" in text
    assert f"{found['after']['scores']['ice_queen']:.5f}" in text
    assert found["words"] in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "No change was given."),
        (["--blur", "everywhere"], "'everywhere' is not a region."),
        (["--blur", "0%,0%,9%x9%=much"], "not the radius"),
        (["--blur", "0%,0%,9%x9%=900%"], "cannot have a radius"),
        (["--paint", "0%,0%,9%x9%"], "has no colour"),
        (["--paint", "0%,0%,9%x9%=reddish"], "'reddish' is not a colour."),
        (["--brightness", "dark"], "not a factor"),
        (["--brightness", "inf"], "cannot be multiplied"),
        (["--paste", "0%,0%,9%x9%"], "has no picture"),
        (["--paste", "0%,0%,9%x9%=nothing.jpg"], "nothing.jpg: cannot be opened"),
        (["--crop", "oval:0%,0%,9%x9%"], "is not a region"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    heroes: DemoPictures, options: list[str], said: str
) -> None:
    picture = sorted((heroes.kept_back / "ice_queen").glob("0*.jpg"))[0]
    done = run_here("what-if", model_of(heroes), picture, *options)
    assert done.code in (2, 3)
    assert said in done.err
    assert not done.out


def test_nothing_is_overwritten(heroes: DemoPictures, tmp_path: Path) -> None:
    picture = sorted((heroes.kept_back / "ice_queen").glob("0*.jpg"))[0]
    kept = tmp_path / "kept.png"
    kept.write_text("mine")
    options = ["--brightness", "0.5", "-o"]
    done = run_here("what-if", model_of(heroes), picture, *options, kept)
    assert done.code == 2
    assert only_sentences(done.err)
    assert kept.read_text() == "mine"
    lost = run_here("what-if", model_of(heroes), picture, *options, tmp_path / "no" / "x.png")
    assert lost.code == 2
    assert "cannot be written" in lost.err


def test_an_unreadable_picture_is_told_with_its_reason(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    page = tmp_path / "page.jpg"
    page.write_text("<html>")
    done = run_here("what-if", model_of(heroes), page, "--brightness", "0.5")
    assert done.code == 3
    assert "page.jpg: an HTML page saved as .jpg" in done.err


def test_colours_go_by_name_and_by_number() -> None:
    assert parse_color("white") == parse_color(" #ffffff ") == (255, 255, 255)
    with pytest.raises(TellapartError, match="is not a colour"):
        parse_color("#12")
