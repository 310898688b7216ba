"""Pictures that come in bursts: every door says so, and what to expect of other occasions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tellapart
from drawn import FOUR, run_here
from tellapart.assess.check.mending import read
from tellapart.cli.terminal.console import print_sure, stdout
from tellapart.evaluation.judged import Evaluation
from tellapart.evaluation.metrics import Proportion, grouped
from tellapart.evaluation.occasions import Apart, Bursts
from tellapart.evaluation.sentences import (
    contradiction_words,
    headline,
    headline_words,
    use_words,
    verdict,
)
from tellapart.health.occasions import closeness, mostly_one
from tellapart.model.record import Run
from tellapart.report.check_page import check_page
from tellapart.training.result import TrainResult
from test_groups import draw, of_no_order

OTHER = Bursts(
    True,
    "They come in bursts.",
    (
        Apart("none", 60, Proportion(58, 60)),
        Apart("alike:0.9", 20, Proportion(50, 60)),
        Apart("alike:0.85", 9, Proportion(40, 60)),
    ),
    2 / 3,
    5 / 6,
    occasions=20,
)


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen bursts of five pictures, whose names tell nothing."""
    return draw(tmp_path_factory.mktemp("bursts") / "photos", of_no_order, steps=5)


@pytest.fixture(scope="module")
def result(bursts: Path) -> TrainResult:
    return tellapart.train(bursts, quality="fast")


@pytest.fixture(scope="module")
def model(result: TrainResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.save(tmp_path_factory.mktemp("model") / "model")


def of(right: int, n: int, groups: np.ndarray | None = None) -> Evaluation:
    """`right` of n, the first ones."""
    scores = np.tile([0.9, 0.1], (n, 1))
    truth = np.arange(n) >= right
    names = tuple(f"{row}.jpg" for row in range(n))
    return Evaluation(("a", "b"), names, truth.astype(int), scores, groups)


def test_bursts_are_found_in_known_number(result: TrainResult) -> None:
    found = result.bursts
    assert found.found
    assert not found.kept
    assert found.occasions is not None
    assert abs(found.occasions - 16) <= 3  # some were held out, some are in two
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.high
    assert found.apart[0].groups == "none"
    counts = [one.count for one in found.apart]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.slow
def test_pictures_taken_one_by_one_are_no_bursts(tmp_path: Path) -> None:
    alone = draw(tmp_path / "photos", of_no_order, occasions=40, steps=1)
    result = tellapart.train(alone, quality="fast")
    assert not result.bursts.found
    assert not result.bursts.words
    assert not headline_words(result.evaluations, result.bursts)
    assert result.learning is not None
    assert result.learning.occasions is None


def test_the_terminal_says_both_figures_first(bursts: Path, tmp_path: Path) -> None:
    found = run_here("train", bursts, "--quality", "fast", "-o", tmp_path / "model", "-q")
    first, second = found.out.splitlines()[:2]
    assert "training pictures" in first
    assert second.startswith("Expect ")
    assert "on pictures of the same moments" in second
    assert "another day or place" in second
    assert "other occasions" in found.out
    assert "more pictures would bring" not in found.out
    assert "More pictures of the same moments would hardly help" in found.out
    assert "are of these bursts too" in found.out
    assert found.out.count("on pictures of the same moments") == 1


def test_json_report_card_and_info_say_it_too(model: Path, bursts: Path, tmp_path: Path) -> None:
    said = tellapart.load(model).training_record
    assert said is not None
    known = said.run.bursts
    assert Run.from_json(said.run.to_json()).bursts == known
    page = (model / "report.html").read_text("utf-8")
    assert "Does it hold on other occasions?" in page
    assert known.range in page
    card = (model / "README.md").read_text("utf-8")
    assert "of the same moments" in card
    assert known.range in card
    assert "other occasions" in run_here("info", model).out
    told = run_here("info", model, "--json").json()["bursts"]
    trained = run_here(
        "train", bursts, "--quality", "fast", "-o", tmp_path / "again", "-q", "--json"
    ).json()
    checked = run_here("check", bursts, "--quality", "fast", "-q", "--json").json()
    assert told == trained["bursts"]
    for found in (trained["bursts"], checked["bursts"]):
        assert found.keys() == {"found", "why", "apart", "low", "high"}
        assert found["found"] is True
        assert found["why"].startswith("These pictures come in bursts")
        assert 0 <= found["low"] <= found["high"] <= 1
        assert all(one.keys() == FOUR | {"groups", "count"} for one in found["apart"])


def test_a_record_of_an_earlier_release_knows_of_no_bursts() -> None:
    early = '{"skipped": [], "notes": [], "learning": null}'
    assert Run.from_json(early).bursts == Bursts()


def test_check_finds_each_burst_and_says_how_to_keep_it_together(bursts: Path) -> None:
    health = tellapart.check(bursts, quality="fast")
    found = health.of("burst")
    assert 13 <= len(found) <= 17
    names = [name for one in found for name in one.paths]
    assert len(names) == len(set(names))
    assert all("--group 'burst " in one.mend for one in found)
    together = tellapart.check(bursts, quality="fast", groups="alike:0.96")
    assert together.bursts.kept == "alike:0.96"
    assert not together.of("burst")


@pytest.mark.slow
def test_what_stays_in_bursts_is_found_while_others_are_kept_together(tmp_path: Path) -> None:
    photos = draw(tmp_path / "photos", of_no_order, steps=5)
    first, *others = tellapart.check(photos, quality="fast").of("burst")
    half = [one for one in others if one.label != first.label] + [first]
    for at, one in enumerate(half):
        tellapart.decide(photos, one.paths, group=f"burst {at}")
    health = tellapart.check(photos, quality="fast")
    assert health.bursts.parted
    assert health.bursts.why.startswith("Some of these pictures are kept together")
    assert health.bursts.range
    left = health.of("burst")
    assert {one.label for one in left} == {first.label}
    assert not {name for one in left for name in one.paths} & {n for o in half for n in o.paths}
    assert any(f"{len(half)} groups that the source names" in note for note in health.notes)
    for at, one in enumerate(left):
        tellapart.decide(photos, one.paths, group=f"other {at}")
    health = tellapart.check(photos, quality="fast")
    assert health.bursts.kept == "source"
    assert not health.of("burst")


def test_a_label_of_one_group_is_said_to_be_untestable(tmp_path: Path) -> None:
    photos = draw(tmp_path / "photos", of_no_order, steps=2)
    label = sorted(photos.iterdir())[0]
    names = [f"{label.name}/{path.name}" for path in label.iterdir()]
    tellapart.decide(photos, names, group="all")
    (said,) = (n for n in tellapart.check(photos, quality="fast").notes if "cannot be tested" in n)
    assert f"Of one group alone is {label.name}" in said


@pytest.mark.slow
def test_a_large_burst_can_be_kept_together_in_one_step(tmp_path: Path) -> None:
    photos = draw(tmp_path / "photos", of_no_order, occasions=4, steps=22)
    health = tellapart.check(photos, quality="fast")
    found = [one for one in health.of("burst") if len(one.paths) > 20]
    assert found
    for one in found:
        mend = read(one.mend, one.paths)
        assert mend is not None
        assert mend.names == one.paths
        assert mend.value.startswith("burst ")
    said = run_here("check", photos, "--quality", "fast", "-q").out
    assert "--only burst" in said
    assert max(map(len, said.splitlines())) < 600  # no command of 22 names is printed
    page = check_page(replace(health, findings=(replace(found[0], cost=5.0),)))
    assert "the figure is about 5.0 points too high" in page.replace("\xa0", " ")
    assert f"tellapart fix {photos} --only burst" in page
    assert found[0].mend not in page


@pytest.mark.slow
def test_the_interval_of_pictures_held_out_goes_by_occasions(bursts: Path, tmp_path: Path) -> None:
    others = draw(tmp_path / "other", lambda o, s: of_no_order(o + 99, s), occasions=8, steps=4)
    for path in sorted(others.rglob("*.jpg"))[::9]:
        path.unlink()
    trained = run_here(
        "train", bursts, "--test", others, "--quality", "fast", "-o", tmp_path / "m", "-q", "--json"
    ).json()
    tested = run_here("test", tmp_path / "m", others, "-q", "--json").json()
    judged = run_here("info", tmp_path / "m", "--json").json()["judged"]["held out"]
    assert trained["held_out"]["interval"] == pytest.approx(tested["interval"])
    assert judged["accuracy"]["interval"] == pytest.approx(tested["interval"])
    assert any("held-out pictures come in bursts" in note for note in trained["notes"])


def test_the_report_promises_nothing_that_was_judged_on_the_same_moments(model: Path) -> None:
    page = (model / "report.html").read_text("utf-8")
    assert "Expect this of new pictures" not in page
    assert "All of its answers together are that reliable" not in page
    assert "Of other occasions expect less" in page


def test_being_sure_of_the_same_moments_is_no_reason_to_trust(
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = {"cross-validated": of(500, 500), "held out": of(500, 500)}
    print_sure(stdout(), both, OTHER)
    assert "That is of the same moments as those it learnt from" in capsys.readouterr().out
    print_sure(stdout(), both, Bursts())
    assert "the same moments" not in capsys.readouterr().out
    sure = both["held out"].sure
    assert sure is not None
    assert use_words(sure) == "All of its answers together are that reliable."
    assert "reliable" not in use_words(sure, flatters=OTHER.flatter("held out"))
    assert not replace(OTHER, tested=True).flatter("held out")


def test_one_group_that_has_most_of_a_label_says_nothing() -> None:
    truth = np.repeat([0, 1], 10)
    assert not mostly_one(truth, np.arange(20) // 5)
    assert mostly_one(truth, np.where(np.arange(20) % 10 < 6, truth, np.arange(20) + 2))


def test_a_test_in_bursts_counts_occasions(model: Path, tmp_path: Path) -> None:
    others = draw(tmp_path / "photos", lambda occasion, step: of_no_order(occasion + 99, step))
    for path in sorted(others.rglob("*.jpg"))[::9]:
        path.unlink()
    found = run_here("test", model, others, "-q", "--json").json()
    assert 10 <= found["occasions"] <= 17
    assert any("come in bursts" in note for note in found["notes"])
    low, high = found["interval"]
    plain = Proportion(found["correct"], found["n"]).interval
    assert low < plain[0] or high > plain[1]


def test_it_says_that_the_unknown_are_judged_too(model: Path, tmp_path: Path) -> None:
    for label in ("label 0", "label 1"):
        (tmp_path / "plain" / label).mkdir(parents=True)
        for shade in range(0, 250, 50):
            picture = Image.new("RGB", (150, 110), (shade, shade, shade))
            picture.save(tmp_path / "plain" / label / f"{shade}{label[-1]}.png")
    said = run_here("test", model, tmp_path / "plain", "-q").out
    assert "none of these" in said
    assert "Those are judged all the same" in said


def test_a_test_below_what_training_said_is_news(result: TrainResult, tmp_path: Path) -> None:
    turned = draw(tmp_path / "photos", lambda o, s: of_no_order(o + 5, s), occasions=30, steps=1)
    folders = sorted(turned.iterdir())
    for folder, name in zip(folders, ("b", "a"), strict=True):
        folder.rename(turned / name)
    for name, folder in zip("ab", folders, strict=True):
        (turned / name).rename(folder)  # each label's pictures under the other label
    notes = result.classifier.test(turned).notes
    assert any("by more than chance" in note and "come in bursts" in note for note in notes)


def test_the_lower_of_two_figures_that_differ_is_the_headline() -> None:
    crossed, held = of(198, 200), of(70, 100)
    both = {"cross-validated": crossed, "held out": held}
    assert headline(both) == ("held out", held)
    assert "70.0 %" in headline_words(both, Bursts())
    (words,) = contradiction_words(crossed, held, OTHER)
    assert "the same moments" in words
    lower = {"cross-validated": of(140, 200), "held out": of(100, 100)}
    assert headline(lower)[0] == "cross-validated"
    alike = {"cross-validated": crossed, "held out": of(49, 50)}
    assert headline(alike)[0] == "cross-validated"  # of most pictures
    assert not headline_words(alike, Bursts())


def test_the_verdict_covers_other_occasions() -> None:
    first, _ = verdict(of(58, 60), "cross-validated", OTHER)
    assert "66.7 to 83.3 %" in first
    assert "of the same moments" in first
    assert "of the same moments" in verdict(of(58, 60), "held out", OTHER)[0]
    elsewhere = replace(OTHER, tested=True)
    assert "95 % interval" in verdict(of(58, 60), "held out", elsewhere)[0]
    assert "another day" not in verdict(of(58, 60), "cross-validated", elsewhere)[0]
    assert OTHER.expected in headline_words({"cross-validated": of(58, 60)}, OTHER)


def test_pictures_that_go_right_and_wrong_together_make_a_wider_interval() -> None:
    groups = np.repeat(np.arange(10), 10)
    apart, together = of(80, 100).accuracy, of(80, 100, groups).accuracy
    assert together.value == apart.value
    assert together.effect > 5
    assert together.interval[0] < apart.interval[0] - 0.1


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 9))
def test_groups_never_make_an_interval_narrower(right: list[bool], size: int) -> None:
    found = grouped(np.array(right), np.arange(len(right)) // size)
    low, high = Proportion(found.correct, found.n).interval
    assert found.interval[0] <= low + 1e-9
    assert found.interval[1] >= high - 1e-9


@given(st.integers(0, 99), st.randoms())
def test_closeness_does_not_go_by_order(seed: int, lot: object) -> None:
    draws = np.random.default_rng(seed)
    vectors = draws.normal(size=(30, 5)).astype(np.float32)
    truth = draws.integers(0, 3, 30)
    order = np.arange(30)
    lot.shuffle(order)  # type: ignore[attr-defined]
    one = closeness(vectors, truth, np.arange(30))
    other = closeness(vectors[order], truth[order], np.arange(30))
    np.testing.assert_allclose(one.nearest[order], other.nearest, atol=1e-5)
    np.testing.assert_allclose(one.usual[order], other.usual, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flowers", "heroes", "clothing", "groceries"])
def test_only_groceries_come_in_bursts(kind: str, shared_data: Path) -> None:
    result = tellapart.train(shared_data / kind, quality="fast")
    assert result.bursts.found == (kind == "groceries")
    if result.bursts.low is not None and result.bursts.high is not None:
        assert result.held_out is not None
        assert result.bursts.low <= result.held_out.accuracy.value <= result.bursts.high
