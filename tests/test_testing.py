"""A labelled folder held against a model: matched by name, and nothing passed over in silence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tellapart
from drawn import model_of, run
from tellapart import Classifier
from tellapart.demo import DemoPictures
from tellapart.errors import DatasetError
from tellapart.testing import evaluate


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
    assert result.unknown == {}
    assert result.missing == ()
    assert seen == [(number, len(names)) for number in range(1, len(names) + 1)]


def test_labels_match_by_name_and_the_others_are_said(classifier: Classifier, kept: Path) -> None:
    shutil.rmtree(kept / "dark_knight")
    shutil.copytree(kept / "ice_queen", kept / "snow_woman")
    (kept / "ice_queen" / "page.jpg").write_text("<html>")
    result = evaluate(classifier, kept)
    count = len(list((kept / "snow_woman").iterdir()))
    assert result.evaluation.accuracy.n == count
    assert result.unknown == {"snow_woman": count}
    assert result.missing == ("dark_knight",)
    assert [(file.name, file.reason) for file in result.skipped] == [
        ("ice_queen/page.jpg", "an HTML page saved as .jpg")
    ]


def test_the_text_says_all_of_it(heroes: DemoPictures, kept: Path) -> None:
    shutil.rmtree(kept / "dark_knight")
    shutil.copytree(kept / "ice_queen", kept / "snow_woman")
    (kept / "ice_queen" / "page.jpg").write_text("<html>")
    (kept / "ice_queen" / ".DS_Store").write_bytes(b"")
    words = run("test", model_of(heroes), kept).out
    for said in (
        "accuracy",
        "95 % interval",
        "is \\ taken for",
        "an HTML page saved as .jpg       1   ice_queen/page.jpg",
        "Passed over: 1 hidden or system file.",
        "of snow_woman, which the model does not know.",
        "No pictures here of: dark knight.",
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
    (kept / "ice_queen").rename(kept / "Ice Queen")
    with pytest.raises(DatasetError, match="it has: Ice Queen; the model knows: dark_knight, ice_"):
        evaluate(classifier, kept)
