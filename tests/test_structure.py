"""What check says of labels: strangers, two that are one, one that is two, and what does harm."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

import tellapart
from conftest import draw_scene
from tellapart.cli.app import app
from tellapart.explain.shares import Splitter
from tellapart.head.cross_validation import cross_validate
from tellapart.head.linear import softmax
from tellapart.health.harm import harmful, pushes
from tellapart.health.strangers import said_of, strangers
from tellapart.health.structure import confused, split_labels
from tellapart.studio.deck import Deck, Now

EACH = 24


def draw(kind: str, number: int) -> Image.Image:
    """A picture of a kind, with its own colour and place, which do not make the kind."""
    lot = np.random.default_rng(abs(hash_of(kind)) + number)
    colour = tuple(int(c) for c in lot.integers(20, 150, 3))
    picture = Image.new("RGB", (96, 96), tuple(int(c) for c in lot.integers(215, 250, 3)))
    pen = ImageDraw.Draw(picture)
    x, y = (int(v) for v in lot.integers(-8, 9, 2))
    if kind == "disc":
        pen.ellipse((22 + x, 22 + y, 74 + x, 74 + y), fill=colour)
    elif kind == "stripes":
        for left in range(-4, 100, 16):
            pen.rectangle((left + x, 0, left + x + 7, 96), fill=colour)
    elif kind == "cross":
        pen.line((14 + x, 14 + y, 82 + x, 82 + y), fill=colour, width=12)
        pen.line((82 + x, 14 + y, 14 + x, 82 + y), fill=colour, width=12)
    else:
        for row in range(6, 96, 14):
            for column in range(6, 96, 14):
                pen.ellipse((column + x, row + y, column + x + 5, row + y + 5), fill=colour)
    return picture


def hash_of(kind: str) -> int:
    return int.from_bytes(kind.encode()[:4], "big")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stripes under two names, discs and crosses under one, dots, and two strangers among them."""
    folder = tmp_path_factory.mktemp("structure") / "photos"
    kinds = {
        "stripes": ("stripes", range(EACH)),
        "lines": ("stripes", range(EACH, 2 * EACH)),
        "dots": ("dots", range(EACH)),
    }
    for label, (kind, numbers) in kinds.items():
        (folder / label).mkdir(parents=True)
        for number in numbers:
            draw(kind, number).save(folder / label / f"{number}.png")
    (folder / "shapes").mkdir()
    for kind in ("disc", "cross"):
        for number in range(EACH):
            draw(kind, number).save(folder / "shapes" / f"{kind}-{number}.png")
    for label in ("dots", "shapes"):
        draw_scene(seed=len(label)).save(folder / label / "odd.png")
    return folder


def test_planted_faults_are_found_with_what_mends_them(faulty: Path) -> None:
    health = tellapart.check(faulty, quality="fast")
    (pair,) = health.of("confusable")
    assert {path.partition("/")[0] for path in pair.paths} == {"stripes", "lines"}
    assert "stripes" in pair.words
    assert "join them" in pair.words
    assert pair.cost > 5  # a quarter of all pictures are told by chance
    assert {pair.label, pair.suggested} == {"stripes", "lines"}
    guesses = [{one.label, one.suggested} for one in health.of("wrong-label")]
    assert {"stripes", "lines"} not in guesses  # nothing tells them apart
    (label,) = health.of("two-in-one")
    assert label.label == "shapes"
    sides = [Path(path).name.partition("-")[0] for path in label.paths]
    assert set(sides[::2]) != set(sides[1::2])
    assert set(sides) == {"disc", "cross"}
    halves = [{Path(path).name.partition("-")[0] for path in half} for half in label.halves]
    assert {"disc"} in halves or {"cross"} in halves
    assert len({path for half in label.halves for path in half}) == 2 * EACH + 1

    names = health.pictures.names
    now = {k: Now(n, n.partition("/")[0], "learn", "", None, "") for k, n in enumerate(names, 1)}
    deck = Deck(health, now)
    assert "two-in-one" in {card.kind for card in deck.open(now)}
    parted = {
        k: replace(one, label="discs", decided="relabel") if one.name in label.halves[0] else one
        for k, one in now.items()
    }
    assert "two-in-one" not in {card.kind for card in deck.open(parted)}
    strange = {path for one in health.of("stranger") for path in one.paths}
    for one in health.of("stranger"):
        assert ("the closest is" in one.words) != ("even of its own" in one.words)
        assert f"the closest is {one.label}." not in one.words
    assert {"dots/odd.png", "shapes/odd.png"} <= strange
    assert len(strange) <= 4
    mend = next(one.mend for one in health.of("stranger") if one.paths == ("dots/odd.png",))
    assert mend.endswith("dots/odd.png --drop --quality fast")


def test_the_command_line_says_the_same(faulty: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(faulty), "--quality", "fast", "--json", "-q"])
    assert result.exit_code == 0
    kinds = {one["kind"] for one in json.loads(result.stdout)["findings"]}
    assert {"confusable", "two-in-one", "stranger"} <= kinds


def clouds(seed: int, labels: int, each: int, apart: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of so many labels, and the labels."""
    lot = np.random.default_rng(seed)
    centres = apart * lot.normal(size=(labels, 24))
    truth = np.repeat(np.arange(labels), each)
    vectors = centres[truth] + lot.normal(size=(len(truth), 24))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), truth


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_are_well_apart_have_no_such_findings(seed: int) -> None:
    vectors, truth = clouds(seed, 5, 40)
    fold = np.arange(len(truth)) % 5
    found = cross_validate(vectors, truth, 5, fold)
    assert confused(truth, found.logits, np.ones(len(truth), bool)) == []
    assert split_labels(vectors, truth, 5, fold) == []
    nothing = said_of(np.zeros((len(truth), 5)), truth, np.arange(len(truth)))
    assert len(strangers(vectors, truth, nothing, 5, fold).rows) <= len(truth) // 50


def test_joining_two_labels_is_worth_what_they_are_mistaken_for_each_other() -> None:
    vectors, truth = clouds(1, 4, 40)
    lot = np.random.default_rng(2)
    own = np.flatnonzero(truth == 0)
    truth[lot.permutation(own)[:20]] = 4
    fold = np.arange(len(truth)) % 5
    found = cross_validate(vectors, truth, 5, fold)
    (pair,) = confused(truth, found.logits, np.ones(len(truth), bool))
    assert pair.labels == (0, 4)
    predicted = found.logits.argmax(axis=1)
    swapped = np.isin(truth, (0, 4)) & np.isin(predicted, (0, 4)) & (predicted != truth)
    assert pair.gain == pytest.approx(swapped.sum() / len(truth), abs=0.02)


def test_pushes_are_the_sums_of_the_exact_shares_of_a_regression() -> None:
    vectors, truth = clouds(4, 3, 30, apart=0.5)
    fold = np.arange(len(truth)) % 5
    found = cross_validate(vectors, truth, 3, fold, kind="regression")
    assert found.recipe is not None
    expected = np.zeros(len(truth))
    for number, head in found.heads.items():
        inside = fold != number
        split = Splitter(head, vectors[inside], truth[inside], found.recipe.parts).split()
        assert split is not None
        for row in np.flatnonzero(~inside):
            wrong = softmax(found.logits[row : row + 1].copy())[0] - np.eye(3)[truth[row]]
            expected[inside] += split.shares(vectors[row].astype(np.float64)) @ wrong
    total = np.sum([*pushes(vectors, truth, fold, found).values()], axis=0)
    assert np.corrcoef(total, expected)[0, 1] > 0.99


@pytest.mark.parametrize("kind", ["regression", "mean"])
def test_wrong_labels_are_what_pushes_others_towards_wrong_answers(kind: str) -> None:
    """On the folds that had no say in choosing them, more is right without them."""
    vectors, truth = clouds(6, 3, 60, apart=0.8)
    wrong = np.random.default_rng(5).permutation(len(truth))[:18]
    flipped = truth.copy()
    flipped[wrong] = (truth[wrong] + 1) % 3
    fold = np.arange(len(truth)) % 5
    found = cross_validate(vectors, flipped, 3, fold, kind=kind)
    harm = harmful(vectors, flipped, fold, found)
    assert harm is not None
    assert harm.more > 0
    assert np.isin(harm.rows, wrong).mean() > 0.7
