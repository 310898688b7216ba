"""The studio trains by itself, and says how good the model is and whether pictures are enough."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from conftest import draw_scene
from drawn import few_of
from studio import Opened, browser, page_of, studio
from tellapart.demo.walk import DemoPictures
from tellapart.evaluation.coverage import Coverage, coverage_of
from tellapart.evaluation.enough import enough
from tellapart.evaluation.metrics import wilson
from tellapart.evaluation.sentences import headline
from tellapart.studio.preferences import Preferences, read_preferences


def settled(training: dict[str, Any], after: int = 0) -> bool:
    return training.get("round", 0) > after and not training["doing"] and not training["waiting"]


def wait(opened: Opened, after: int = 0) -> dict[str, Any]:
    """The state of training once a newer one than that is done."""
    state = opened.wait(lambda state: settled(state["training"], after))
    found: dict[str, Any] = state["training"]
    return found


@pytest.fixture(scope="module")
def opened(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    place = tmp_path_factory.mktemp("train")
    photos = few_of(heroes, place / "photos", 20)
    (photos / "ice_queen" / "page.jpg").write_bytes(b"<!DOCTYPE html><p>moved</p>")
    draw_scene().save(photos / "loose.png")
    with studio(photos) as found:
        wait(found)
        yield found


def test_the_command_gives_the_very_bytes_of_the_page(opened: Opened) -> None:
    """Also after a picture was labelled: what it trains on is the folder as it is."""
    first = opened.ask("/api/training").json["result"]["digest"]
    assert first == tellapart.train(opened.folder, quality="fast").classifier.digest
    before = wait(opened)["round"]
    one = next(p for p in opened.pictures().values() if p["label"] == "dark_knight")
    opened.ask("/api/label", {"ids": [one["id"]], "label": "ice_queen"})
    wait(opened, before)
    second = opened.ask("/api/training").json["result"]["digest"]
    assert second != first
    assert second == tellapart.train(opened.folder, quality="fast").classifier.digest
    opened.ask("/api/undo", {})
    wait(opened, before + 1)
    assert opened.ask("/api/training").json["result"]["digest"] == first


def test_its_figures_are_the_librarys(opened: Opened) -> None:
    said, told = wait(opened), opened.ask("/api/training").json
    result = tellapart.train(opened.folder, quality="fast")
    name, main = headline(result.evaluations)
    counts, labels = result.classifier.manifest.counts, result.classifier.manifest.labels
    answer = enough(labels, counts, main.accuracy, result.learning, result.bursts)
    assert (said["judged"], said["correct"], said["n"]) == (
        name,
        main.accuracy.correct,
        main.accuracy.n,
    )
    assert said["interval"] == list(main.accuracy.interval)
    assert (said["enough"]["answer"], said["enough"]["pictures"]) == (
        answer.answer,
        answer.pictures,
    )
    shown = told["result"]
    assert result.learning
    assert shown["learning"]["words"] == result.learning.words
    assert shown["notes"] == list(result.notes)
    assert [one["name"] for one in shown["judged"]] == list(result.evaluations)
    rows = {one["label"]: one for one in shown["labels"]}
    for k, label in enumerate(labels):
        row = next(iter(result.evaluations.values())).per_label[k]
        assert rows[label]["learnt"] == counts[k]
        assert (rows[label]["right"][0]["correct"], rows[label]["right"][0]["n"]) == (
            row.correct,
            row.n,
        )
    for one, evaluation in zip(shown["judged"], result.evaluations.values(), strict=True):
        curve = one["coverage"]
        for score in (0.0, 0.5, 0.9, 0.99, 1.0):
            covered = evaluation.coverage.above(score)
            n = sum(own >= score for own in curve["scores"])
            assert (curve["covered"][n - 1] if n else 0) == covered.coverage.correct
            assert (curve["right"][n - 1] if n else 0) == covered.accuracy.correct
    assert told["skipped"] == [["ice_queen/page.jpg", "an HTML page saved as .jpg"]]
    assert [one["round"] for one in told["history"]] == list(range(1, said["round"] + 1))


def test_what_counts_as_sure_is_kept_for_the_folder(opened: Opened) -> None:
    assert opened.ask("/api/training/choose", {"sure_above": 0.75}).status == 200
    said = opened.state()["training"]
    assert (said["sure_above"], said["sure_chosen"]) == (0.75, True)
    kept = json.loads((opened.folder / ".tellapart-studio" / "settings.json").read_text())
    assert kept == {"quality": "fast", "sure_above": 0.75}
    assert read_preferences(opened.folder) == Preferences("fast", 0.75)
    opened.ask("/api/training/choose", {"sure_above": None})
    assert opened.state()["training"]["sure_chosen"] is False


@pytest.mark.slow
def test_another_quality_trains_anew_and_says_what_it_costs(opened: Opened) -> None:
    before = wait(opened)
    assert opened.ask("/api/training/choose", {"quality": "good"}).status == 200
    after = wait(opened, before["round"])
    assert after["quality"] == "good"
    assert opened.ask("/api/training").json["result"]["quality"] == "good"
    assert read_preferences(opened.folder).quality == "good"
    opened.ask("/api/training/choose", {"quality": "fast"})
    wait(opened, after["round"])
    opened.ask("/api/training/costs", {})
    costs = opened.wait(lambda state: state["training"]["costs"])["training"]["costs"]
    assert [*costs] == ["fast", "good", "best"]
    assert 0 < costs["fast"] < costs["best"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"quality": 3, "sure_above": "x"}'])
def test_preferences_that_make_no_sense_are_as_usual(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".tellapart-studio").mkdir()
    (tmp_path / ".tellapart-studio" / "settings.json").write_bytes(content)
    assert read_preferences(tmp_path) == Preferences()


@pytest.mark.parametrize(
    "asked", [{}, {"quality": "better"}, {"quality": 3}, {"sure_above": 2}, {"sure_above": "high"}]
)
def test_what_cannot_be_chosen_is_refused(opened: Opened, asked: dict[str, object]) -> None:
    answer = opened.ask("/api/training/choose", asked)
    assert answer.status == 400
    assert answer.json["detail"]


def test_with_one_label_left_the_old_model_and_its_score_are_let_go(opened: Opened) -> None:
    before = wait(opened)
    ids = [p["id"] for p in opened.pictures().values() if p["label"] == "ice_queen"]
    opened.ask("/api/aside", {"ids": ids})
    state = opened.wait(
        lambda state: state["training"]["missing"] is not None and not state["training"]["waiting"]
    )["training"]
    assert state["missing"] == ["dark_knight"]
    assert (state["round"], state["value"], state["enough"], state["moved"]) == (0, None, None, [])
    assert opened.ask("/api/training").json["result"] is None
    asked = opened.ask("/api/guess", b"any")
    assert asked.status >= 400
    assert "There is no model yet" in asked.json["detail"]
    opened.ask("/api/undo", {})
    again = wait(opened, before["round"])
    assert (again["missing"], again["value"]) == (None, before["value"])
    assert again["moved"][0]["before"] is None


def test_stopping_keeps_the_old_model_until_the_next_change(opened: Opened) -> None:
    before = wait(opened)
    one = next(p for p in opened.pictures().values() if p["label"] == "dark_knight")
    opened.ask("/api/label", {"ids": [one["id"]], "label": "ice_queen"})
    opened.ask("/api/training/stop", {})
    state = opened.wait(lambda state: not state["training"]["waiting"])["training"]
    assert state["round"] == before["round"]
    time.sleep(1)
    assert opened.state()["training"]["round"] == before["round"]
    opened.ask("/api/undo", {})
    assert wait(opened, before["round"])["round"] == before["round"] + 1


def test_changes_in_a_row_make_one_training_of_the_last_of_them(opened: Opened) -> None:
    before = wait(opened)["round"]
    knights = [p["id"] for p in opened.pictures().values() if p["label"] == "dark_knight"]
    for one in knights[:4]:
        opened.ask("/api/label", {"ids": [one], "label": "ice_queen"})
    assert wait(opened, before)["round"] == before + 1
    for _ in range(4):
        opened.ask("/api/undo", {})
    assert wait(opened, before + 1)["round"] == before + 2


def test_what_a_label_lacks_is_said_before_there_is_a_model(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "day").mkdir(parents=True)
    draw_scene().save(photos / "day" / "1.png")
    (photos / "night").mkdir()
    (photos / "night" / "1.jpg").write_bytes(b"")
    with studio(photos) as opened:
        state = opened.wait(lambda state: state["training"].get("error"))["training"]
        assert state["value"] is None
        assert state["error"].startswith("Training needs readable pictures of at least two labels")
        assert state["hint"]
        shutil.copy(photos / "day" / "1.png", photos / "night" / "2.png")
        draw_scene(seed=5).save(photos / "night" / "2.png")
        state = wait(opened)
        assert state["enough"]["answer"] == "label"
        assert state["error"] == ""


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Any]:
    with browser() as chromium:
        found = page_of(chromium, opened.link)
        found.goto(f"{opened.address}/#/train")
        yield found


@pytest.mark.slow
def test_the_page_answers_whether_enough_is_done(opened: Opened, page: Any) -> None:
    said = wait(opened)
    assert said["enough"]["answer"] == "few"
    words = f"Too few to say: label {said['enough']['pictures']} more"
    answer = page.get_by_role("region", name="Have I done enough?")
    answer.get_by_role("heading", name=words).wait_for()
    assert f"So far {said['correct']} of {said['n']} were right" in answer.inner_text()
    assert (
        f"{said['correct']} of {said['n']} pictures right, each by a model" in answer.inner_text()
    )
    assert f"{100 * said['value']:.1f}% right" in page.get_by_role("banner").inner_text()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="dark_knight"))
    assert row.get_by_role("link").get_attribute("href") == "#/mend/confusion/dark_knight"
    assert "1 file could not be read" in page.get_by_role("main").inner_text()
    page.get_by_text("1 file could not be read").click()
    page.get_by_text("ice_queen/page.jpg: an HTML page saved as .jpg").wait_for()
    page.get_by_text("1 picture has no label yet.").wait_for()
    high = page.evaluate("document.documentElement.scrollHeight - innerHeight")
    assert high == 0, "only the part that is open scrolls"


@pytest.mark.slow
def test_the_slider_moves_what_counts_as_sure(opened: Opened, page: Any) -> None:
    """The sentence moves with it, the figures are the library's, and the score is kept."""
    result = tellapart.train(opened.folder, quality="fast")
    assert result.cross_validated
    slider = page.get_by_role("slider", name="How sure")
    slider.focus()
    page.keyboard.press("Home")
    n = len(result.cross_validated.truth)
    page.get_by_text(f"Answers all {n} pictures").first.wait_for()
    slider.fill("40")
    state = opened.wait(lambda state: state["training"]["sure_above"])["training"]
    found = result.cross_validated.coverage.above(state["sure_above"])
    assert 0.5 < found.coverage.value < 0.7
    words = f"({found.coverage.correct} of {n}, scored {state['sure_above']:g} or more), and right"
    page.get_by_text(words).first.wait_for()
    assert state["sure_usual"] is None, "no score is known above which 99% are right"
    page.get_by_role("button", name="Back to all answers").click()
    opened.wait(lambda state: not state["training"]["sure_chosen"])


@pytest.mark.slow
def test_training_again_adds_to_the_history(opened: Opened, page: Any) -> None:
    before = wait(opened)["round"]
    page.get_by_role("button", name="Train again").click()
    wait(opened, before)
    page.get_by_role("img", name="Score after each training").wait_for()
    page.get_by_text("The score after each of").wait_for()


@pytest.mark.slow
def test_the_page_says_which_label_is_missing(opened: Opened, page: Any) -> None:
    before = wait(opened)["round"]
    ids = [p["id"] for p in opened.pictures().values() if p["label"] == "ice_queen"]
    opened.ask("/api/aside", {"ids": ids})
    page.get_by_role("heading", name="Not yet: it takes one more label").wait_for()
    page.get_by_text("So far all pictures are of dark_knight").wait_for()
    opened.ask("/api/undo", {})
    wait(opened, before)
    page.get_by_role("heading", name="Too few to say").wait_for()


proportions = st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.slow
def test_the_pages_arithmetic_is_the_librarys(page: Any) -> None:
    """Intervals, what a score covers, and that a score asked for leaves out the share it should."""
    cases: list[tuple[int, int]] = []
    curves: list[tuple[Any, list[float]]] = []

    @given(proportions)
    def drawn(proportion: tuple[int, int]) -> None:
        cases.append(proportion)

    @given(st.lists(st.tuples(st.integers(1, 999), st.booleans()), min_size=1, max_size=40))
    def drawn_too(answers: list[tuple[int, bool]]) -> None:
        high = np.array([500 + score // 2 for score, _ in answers]) / 1000
        scores = np.stack([high, 1 - high], axis=1)
        curve = coverage_of(scores, np.array([0 if right else 1 for _, right in answers]))
        curves.append((curve, [0, 0.5, 0.7, 0.75, 1, float(high[0])]))

    drawn()
    drawn_too()
    found = page.evaluate(
        """async ([cases, curves]) => {
          const own = await import("/page/parts/curves.js");
          return [
            cases.map(([correct, n]) => own.wilson(correct, n)),
            curves.map(([curve, asked]) => asked.map((score) => own.above(curve, score))),
            curves.map(([curve]) => [0, 0.3, 0.6, 0.9].map((strictness) => {
              const score = own.scoreAt(curve, strictness);
              return [score, own.above(curve, score).covered, own.total(curve)];
            })),
          ];
        }""",
        [cases, [[_told(curve), asked] for curve, asked in curves]],
    )
    assert np.allclose(found[0], [wilson(*case) for case in cases])
    for (curve, asked), said, kept in zip(curves, found[1], found[2], strict=True):
        for score, one in zip(asked, said, strict=True):
            covered = curve.above(score)
            assert one == {"covered": covered.coverage.correct, "right": covered.accuracy.correct}
        for strictness, (score, covered, n) in zip((0, 0.3, 0.6, 0.9), kept, strict=True):
            least = max(1, np.floor((1 - strictness) * n + 0.5))
            assert covered == min(c for c in curve.covered if c >= least)
            assert covered == curve.above(score).coverage.correct


def _told(curve: Coverage) -> dict[str, list[float]]:
    return {
        "scores": curve.scores.tolist(),
        "covered": curve.covered.tolist(),
        "right": curve.right.tolist(),
    }
