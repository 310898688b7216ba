"""Numbers -> words: each saying with numbers that carry it, and with numbers that just do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conftest import draw_scene
from tellapart.explain import Neighbour
from tellapart.explain.places import Appearance, appearance_of, described, place, strongest
from tellapart.explain.words import Facts, answer, neighbourhood, sentences, weightiest, where

GREY = Appearance(np.full((9, 9, 3), 0.5), np.full((9, 9), 0.1))


def filled(rows: slice | list[int], columns: slice | list[int], value: float = 1.0) -> np.ndarray:
    """A map that is 0 but for some cells."""
    made = np.zeros((9, 9))
    made[np.ix_(np.arange(9)[rows], np.arange(9)[columns])] = value
    return made


ALL = slice(None)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (filled([0, 1], [0, 1]), "at the top left"),
        (filled([0, 1], [7, 8]), "at the top right"),
        (filled([7, 8], [0, 1]), "at the bottom left"),
        (filled([7, 8], [7, 8]), "at the bottom right"),
        (filled([0, 1], [4]), "at the top"),
        (filled([8], [4]), "at the bottom"),
        (filled([4], [0, 1]), "on the left"),
        (filled([4], [8]), "on the right"),
        (filled([4], [4]), "in the middle"),
        (filled([0], ALL), "along the top edge"),
        (filled([8], ALL), "along the bottom edge"),
        (filled(ALL, [0]), "along the left edge"),
        (filled(ALL, [8]), "along the right edge"),
        (filled([1, 2], ALL), "across the top"),
        (filled([4], ALL), "across the middle"),
        (filled(ALL, [4]), "down the middle"),
        (filled(ALL, [1, 2]), "down the left side"),
        (filled(ALL, [6, 7]), "down the right side"),
        (filled([0, 8], ALL), "along the edges"),
        (filled(ALL, [2, 3]), "in the left half"),
        (filled([2, 3], ALL), "in the upper half"),
        (filled([5, 6], ALL), "in the lower half"),
        (filled(ALL, [5, 6]), "in the right half"),
        (filled([1, 7], [1, 7]), "in several places"),
        (filled(ALL, ALL), ""),
        (-filled([4], [4]), ""),
    ],
)
def test_places(evidence: np.ndarray, expected: str) -> None:
    assert place(evidence) == expected


def test_the_strongest_cells_are_the_fewest_that_hold_half() -> None:
    evidence = np.zeros((3, 3))
    evidence[0] = 3, 2, 1
    evidence[2] = -9
    assert strongest(evidence).tolist() == [[True, False, False], [False] * 3, [False] * 3]
    evidence[0] = 2, 2, 1
    assert strongest(evidence)[0].tolist() == [True, True, False]
    evidence[0] = 2.9, 2, 1
    assert strongest(evidence)[0].tolist() == [True, True, False]


@given(arrays(np.float64, (7, 7), elements=st.floats(-5, 5)))
def test_a_place_is_told_of_a_map_as_it_is_of_its_mirror_image(evidence: np.ndarray) -> None:
    swapped = {"left": "right", "right": "left", "upper": "lower", "lower": "upper"}
    swapped |= {"top": "bottom", "bottom": "top"}
    turned = " ".join(swapped.get(word, word) for word in place(evidence).split())
    assert place(evidence[::-1, ::-1]) == turned


@pytest.mark.parametrize(
    ("colour", "contrast", "expected"),
    [
        ((0.1, 0.1, 0.1), 0.1, "dark"),
        ((0.26, 0.26, 0.26), 0.1, ""),
        ((0.9, 0.9, 0.9), 0.1, "bright"),
        ((0.74, 0.74, 0.74), 0.1, ""),
        ((0.5, 0.5, 0.5), 0.01, "plain"),
        ((0.5, 0.5, 0.5), 0.3, "high-contrast"),
        ((0.7, 0.2, 0.2), 0.1, "red"),
        ((0.3, 0.4, 0.7), 0.1, "blue"),
        ((0.3, 0.6, 0.3), 0.1, "green"),
        ((0.7, 0.2, 0.25), 0.1, "red"),
        ((0.7, 0.7, 0.2), 0.1, "yellow"),
        ((0.77, 0.58, 0.08), 0.1, "yellow"),  # a sunflower: hue 43
        ((0.89, 0.49, 0.05), 0.1, "orange"),
        ((0.54, 0.23, 0.07), 0.1, "brown"),
        ((0.73, 0.53, 0.42), 0.1, ""),  # a face
        ((0.93, 0.7, 0.53), 0.1, ""),  # a faded rose
        ((0.48, 0.27, 0.15), 0.1, ""),  # red tulips among green leaves
        ((0.4, 0.5, 0.5), 0.1, ""),
        ((0.0, 0.0, 0.3), 0.01, "dark, plain, blue"),
    ],
)
def test_looks(colour: tuple[float, float, float], contrast: float, expected: str) -> None:
    appearance = Appearance(np.full((9, 9, 3), 0.5), np.full((9, 9), 0.1))
    appearance.colours[4, 4], appearance.contrast[4, 4] = colour, contrast
    assert ", ".join(filter(None, described(filled([4], [4]), appearance))) == expected
    assert described(filled([0], [0]), appearance) == ("", "")


def test_looks_are_of_the_pixels_in_the_cell() -> None:
    pixels = np.zeros((90, 180, 3), np.uint8)
    pixels[:, 90:] = 255
    pixels[::2, :90] = 128
    appearance = appearance_of(pixels, 3, 4)
    assert appearance.colours.shape == (3, 4, 3)
    assert appearance.colours[:, :2] == pytest.approx(0.25, abs=0.03)
    assert appearance.colours[:, 2:] == pytest.approx(1)
    assert appearance.contrast[:, 2:] == pytest.approx(0)
    assert appearance_of(np.asarray(draw_scene(3, 2)), 9, 9).contrast.shape == (9, 9)


def test_where_both_sides_argue() -> None:
    lead = filled([4], [0, 1]) - 0.5 * filled([4], [8])
    assert list(where(lead, "ice_queen", GREY)) == [
        "The left argues most for it; the right argues most for ice queen."
    ]


def test_where_hardly_anything_argues_for_the_other() -> None:
    lead = filled([4], [4]) - 0.09 * filled([4], [8])
    assert list(where(lead, "b", GREY)) == [
        "The middle argues most for it, and hardly anything for b."
    ]
    assert "hardly" not in next(where(filled([4], [4]) - 0.2 * filled([4], [8]), "b", GREY))


def test_where_it_is_spread_or_nothing_argues() -> None:
    assert list(where(np.ones((9, 9)), "b", GREY)) == [
        "Places all over the picture argue for it, and hardly anything for b."
    ]
    assert list(where(np.zeros((9, 9)), "b", GREY)) == [
        "No place in the picture argues for it or for b."
    ]
    several = list(where(filled([1, 7], [1, 7]), "b", GREY))
    assert several == ["Several places argue most for it, and hardly anything for b."]
    edges = list(where(filled([0, 8], ALL), "b", GREY))
    assert edges == ["The edges argue most for it, and hardly anything for b."]


@pytest.mark.parametrize(
    ("colour", "contrast", "expected"),
    [
        ((0.3, 0.6, 0.3), 0.1, "The green area in the middle argues"),
        ((0.3, 0.6, 0.3), 0.01, "The plain, green area in the middle argues"),
        ((0.3, 0.4, 0.7), 0.1, "The middle, blue in the picture, argues"),
        ((0.89, 0.49, 0.05), 0.01, "The plain area in the middle, orange in the picture, argues"),
    ],
)
def test_colours_are_not_taken_for_those_of_the_maps(
    colour: tuple[float, float, float], contrast: float, expected: str
) -> None:
    appearance = Appearance(np.full((9, 9, 3), colour), np.full((9, 9), contrast))
    (said,) = where(filled([4], [4]), "b", appearance)
    assert said == f"{expected} most for it, and hardly anything for b."


def near(*labels: str, distance: float = 0.3) -> list[Neighbour]:
    return [Neighbour(i, f"{label}/{i}.jpg", label, distance) for i, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("nearest", "remoteness", "expected"),
    [
        (
            near("a", "a", "a", "a"),
            0.5,
            "The 4 closest training pictures are all a, and they are near.",
        ),
        (near("a", "a", "a", "a"), 0.51, "The 4 closest training pictures are all a."),
        (near("a", "b", "a", "a"), 0.94, "Of the 4 closest training pictures 3 are a and 1 is b."),
        (
            near("a", "b", "c", "a"),
            0.7,
            "Of the 4 closest training pictures 2 are a, 1 is b and 1 is c.",
        ),
        (near("a_b"), 0.7, "The closest training picture is a b."),
        (
            near("a", "a"),
            0.95,
            "The 2 closest training pictures are all a, but they are far away: 95 % of the "
            "training pictures have a closer one.",
        ),
    ],
)
def test_the_neighbourhood(nearest: list[Neighbour], remoteness: float, expected: str) -> None:
    assert list(neighbourhood(nearest, remoteness)) == [expected]


def test_never_all_of_them_have_a_closer_one_by_rounding() -> None:
    (said,) = neighbourhood(near("a", "a"), 0.999)
    assert "99 %" in said
    assert "100" not in said


def test_a_picture_that_was_learnt_from() -> None:
    same = near("a", distance=1e-6) + near("b", "b")
    assert list(neighbourhood(same, 0.0)) == [
        "It is a training picture, or a copy of one: a/0.jpg.",
        "The 2 closest training pictures are all b.",
    ]
    assert list(neighbourhood([], None)) == []


@pytest.mark.parametrize(
    ("margin", "said"),
    [
        ([30.0] + [1.0] * 60, True),  # a third of all
        ([14.0] + [1.0] * 60, False),  # less than a fifth
        ([3.0, 2.0, 2.0, 2.0], False),  # of few pictures that is not unusual
        ([-30.0] + [1.0] * 60, False),  # it argues against
        ([-1.0, -2.0], False),
        ([], False),
    ],
)
def test_a_picture_that_alone_brings_much(margin: list[float], said: bool) -> None:
    names = [f"{i}.jpg" for i in range(len(margin))]
    expected = ["One training picture alone brings 33 % of what argues for this label: 0.jpg."]
    assert list(weightiest(np.array(margin), names)) == (expected if said else [])


def facts(**other: object) -> Facts:
    given: dict[str, object] = {
        "label": "darth_vader",
        "score": 0.574,
        "rival": "elsa",
        "own": "",
        "unknown": False,
        "lead": filled([4], [4]),
        "appearance": GREY,
        "nearest": [],
        "remoteness": None,
        "margin": np.zeros(0),
        "names": (),
    }
    return Facts(**{**given, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (facts(), "darth vader 0.57."),
        (facts(own="elsa"), "darth vader 0.57, but it is elsa."),
        (facts(own="darth_vader"), "darth vader 0.57."),
        (facts(unknown=True), "None of these; the closest label is darth vader 0.57."),
    ],
)
def test_the_answer(given_: Facts, expected: str) -> None:
    assert answer(given_) == expected


def test_all_sentences_in_order() -> None:
    said = sentences(facts(nearest=near("elsa", "elsa"), remoteness=0.97, score=0.999))
    assert [sentence.split()[0] for sentence in said] == ["darth", "The", "The"]
    assert all(sentence.endswith(".") for sentence in said)
