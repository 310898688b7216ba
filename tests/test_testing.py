"""A labelled folder held against a model: matched by name, and nothing passed over in silence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import tellapart
from drawn import model_of, run, run_here
from tellapart import Classifier
from tellapart.assess.testing import TestResult, evaluate
from tellapart.cli.terminal.testing import print_test
from tellapart.dataset.sources import Dataset, Items
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DatasetError
from tellapart.evaluation.judged import Evaluation
from tellapart.evaluation.metrics import Proportion


@pytest.fixture(scope="module")
def classifier(heroes: DemoPictures) -> Classifier:
    return tellapart.load(model_of(heroes))


@pytest.fixture
def kept(heroes: DemoPictures, tmp_path: Path) -> Path:
    return Path(shutil.copytree(heroes.kept_back, tmp_path / "kept"))


def test_every_picture_is_judged_by_predict(classifier: Classifier, kept: Path) -> None:
    seen: list[tuple[int, int]] = []
    result = evaluate(classifier, kept, progress=lambda done, total: seen.append((done, total)))
    names = result.evaluation.names
    assert names == tuple(path.relative_to(kept).as_posix() for path in sorted(kept.glob("*/*")))
    wrong = [name for name in names if classifier.predict(kept / name).label not in name]
    assert sorted(mistake.name for mistake in result.evaluation.mistakes) == sorted(wrong)
    assert result.evaluation.accuracy.correct == len(names) - len(wrong) > 30
    assert result.skipped == ()
    assert result.other_labels == {}
    assert result.missing == ()
    assert seen == [(number, len(names)) for number in range(1, len(names) + 1)]


def test_labels_match_by_name_and_the_others_are_said(classifier: Classifier, kept: Path) -> None:
    shutil.rmtree(kept / "dark_knight")
    shutil.copytree(kept / "ice_queen", kept / "snow_woman")
    (kept / "ice_queen" / "page.jpg").write_text("<html>")
    result = evaluate(classifier, kept)
    count = len(list((kept / "snow_woman").iterdir()))
    assert result.evaluation.accuracy.n == count
    assert result.other_labels == {"snow_woman": count}
    assert result.missing == ("dark_knight",)
    assert [(file.name, file.reason) for file in result.skipped] == [
        ("ice_queen/page.jpg", "an HTML page saved as .jpg")
    ]


def test_the_text_says_all_of_it(heroes: DemoPictures, kept: Path) -> None:
    shutil.rmtree(kept / "dark_knight")
    shutil.copytree(kept / "ice_queen", kept / "snow_woman")
    (kept / "ice_queen" / "page.jpg").write_text("<html>")
    (kept / "ice_queen" / ".DS_Store").write_bytes(b"")
    words = run_here("test", model_of(heroes), kept).out
    for said in (
        "accuracy",
        "95 % interval",
        "recall   95 % interval\n",
        "All figures with their intervals: --json or --report FILE.",
        "is \\ taken for",
        "an HTML page saved as .jpg       1   ",
        "ice_queen/page.jpg",
        "Passed over: 1 hidden or system file.",
        "of snow_woman, which the model does not know.",
        "No test pictures of: dark knight.",
    ):
        assert said in words


def test_of_a_root_with_train_and_test_only_test_is_looked_at(
    classifier: Classifier, kept: Path, heroes: DemoPictures, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    kept.rename(root / "test")
    shutil.copytree(heroes.photos, root / "train")
    assert evaluate(classifier, root).evaluation.accuracy.n == 45


def test_one_label_is_enough_to_test_but_a_known_one_is_needed(
    classifier: Classifier, kept: Path
) -> None:
    shutil.rmtree(kept / "dark_knight")
    assert evaluate(classifier, kept).missing == ("dark_knight",)
    (kept / "ice_queen").rename(kept / "snow")
    with pytest.raises(DatasetError, match=r"It has: snow\. The model knows: dark_knight, ice_"):
        evaluate(classifier, kept)


# The pictures that the model learnt from


@pytest.mark.slow
def test_pictures_that_the_model_learnt_from_are_said_to_be(
    classifier: Classifier, heroes: DemoPictures, kept: Path
) -> None:
    assert evaluate(classifier, kept).learnt_from == 0
    assert classifier.training_record
    learnt = len(classifier.training_record.learnt())
    all_seen = evaluate(classifier, heroes.photos)
    assert (all_seen.learnt_from, len(all_seen.evaluation.names)) == (learnt, 60)
    shutil.copy(heroes.photos / "ice_queen" / "000.jpg", kept / "ice_queen" / "renamed.jpg")
    shutil.copy(heroes.photos / "ice_queen" / "001.jpg", kept / "ice_queen" / "another.jpg")
    model = model_of(heroes)
    found = run_here("test", model, kept)
    count = run_here("test", model, kept, "--json").json()["learnt_from"]
    assert 0 < count <= 2
    assert f"Note: The model learnt from {count} of these 47 pictures" in found.out
    assert "Note:" not in run_here("test", model, heroes.kept_back).out
    compared = run_here("compare", model, model, kept)
    assert compared.out.count(f"learnt from {count} of these 47 pictures") == 2
    values = run_here("compare", model, model, kept, "--json").json()
    assert (values["first_learnt_from"], values["second_learnt_from"]) == (count, count)


def test_mistakes_are_named_by_paths_that_open(heroes: DemoPictures, tmp_path: Path) -> None:
    kept = Path(shutil.copytree(heroes.kept_back, tmp_path / "some" / "kept"))
    (kept / "dark_knight").rename(kept / "other")
    (kept / "ice_queen").rename(kept / "dark_knight")
    (kept / "other").rename(kept / "ice_queen")
    (kept / "ice_queen" / "page.jpg").write_text("<html>")
    words = run("test", model_of(heroes), "some/kept", cwd=tmp_path).out
    named = [line.split("  ")[1] for line in words.splitlines() if line.startswith("  some")]
    assert len(named) == 10
    assert all((tmp_path / name).is_file() for name in named)
    assert "  ice_queen/page.jpg" in words
    archive = shutil.make_archive(str(tmp_path / "kept"), "zip", kept)
    words = run_here("test", model_of(heroes), archive).out
    assert "\n  dark_knight/" in words


def test_a_confusion_table_too_wide_to_read_is_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    labels = tuple(f"a kind of flower {number}" for number in range(12))
    truth = np.repeat(np.arange(12), 3)
    scores = np.eye(12)[truth]
    scores[:2] = np.eye(12)[5]
    scores[35] = np.eye(12)[0]
    evaluation = Evaluation(labels, tuple(map(str, range(36))), truth, scores)
    print_test(TestResult(Dataset(Path(), Items()), evaluation, (), {}, (), Proportion(0, 36)))
    words = capsys.readouterr().out
    assert "is \\ taken for" not in words
    assert "  a kind of flower 0 taken for a kind of flower 5: 2\n" in words
    assert "  a kind of flower 11 taken for a kind of flower 0: 1\n" in words


def test_a_report_that_cannot_be_written_is_refused_before_any_work(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    (tmp_path / "page.html").mkdir()
    found = run_here("test", model_of(heroes), heroes.kept_back, "--report", tmp_path / "page.html")
    assert found.code == 2
    assert found.out == ""
    assert "Choose another place with --report" in found.err
