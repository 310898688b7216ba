"""The studio trains by itself, and says how good the model is and whether pictures are enough."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tellapart
from conftest import draw_scene
from drawn import few_of
from studio import Opened, studio
from tellapart.demo.walk import DemoPictures
from tellapart.evaluation.enough import enough
from tellapart.evaluation.sentences import headline


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


def test_what_is_chosen_is_kept_for_the_folder(opened: Opened) -> None:
    before = wait(opened)
    assert opened.ask("/api/training/choose", {"sure_above": 0.75}).status == 200
    assert opened.ask("/api/training/choose", {"quality": "good"}).status == 200
    after = wait(opened, before["round"])
    assert (after["quality"], after["sure_above"], after["sure_chosen"]) == ("good", 0.75, True)
    assert opened.ask("/api/training").json["result"]["quality"] == "good"
    kept = json.loads((opened.folder / ".tellapart-studio" / "settings.json").read_text())
    assert kept == {"quality": "good", "sure_above": 0.75}
    opened.ask("/api/training/choose", {"sure_above": None})
    opened.ask("/api/training/choose", {"quality": "fast"})
    assert wait(opened, after["round"])["sure_chosen"] is False


@pytest.mark.parametrize(
    "asked", [{}, {"quality": "better"}, {"quality": 3}, {"sure_above": 2}, {"sure_above": "high"}]
)
def test_what_cannot_be_chosen_is_refused(opened: Opened, asked: dict[str, object]) -> None:
    answer = opened.ask("/api/training/choose", asked)
    assert answer.status == 400
    assert answer.json["detail"]


def test_a_label_alone_cannot_be_trained_and_the_old_model_stays(opened: Opened) -> None:
    before = wait(opened)
    ids = [p["id"] for p in opened.pictures().values() if p["label"] == "ice_queen"]
    opened.ask("/api/aside", {"ids": ids})
    state = opened.wait(
        lambda state: state["training"]["missing"] is not None and not state["training"]["waiting"]
    )["training"]
    assert state["missing"] == ["dark_knight"]
    assert (state["round"], state["value"]) == (before["round"], before["value"])
    opened.ask("/api/undo", {})
    assert wait(opened, before["round"])["missing"] is None


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


def test_a_newer_change_ends_the_training_under_way(tmp_path: Path) -> None:
    """Changes that come faster than it begins make one training, of the last of them."""
    photos = tmp_path / "photos"
    for label in ("day", "night"):
        (photos / label).mkdir(parents=True)
        for n in range(12):
            picture = draw_scene(seed=n).point(lambda v, dark=label == "night": v // (1 + 2 * dark))
            picture.save(photos / label / f"{n}.png")
    with studio(photos) as opened:
        assert wait(opened)["round"] == 1
        day = [p["id"] for p in opened.pictures().values() if p["label"] == "day"]
        for one in day[:5]:
            opened.ask("/api/label", {"ids": [one], "label": "night"})
        assert wait(opened, 1)["round"] == 2
        digest = opened.ask("/api/training").json["result"]["digest"]
    assert digest == tellapart.train(photos, quality="fast").classifier.digest


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
