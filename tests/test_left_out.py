"""Of very many pictures a training record keeps some, says so, and every command that reads it
behaves: the thresholds are lowered here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tellapart
from drawn import run_here, small_network
from tellapart.assess import tallying
from tellapart.assess.gaps import find_gaps
from tellapart.backbones.foreign import ForeignBackbone
from tellapart.cli.terminal import console
from tellapart.cli.terminal.models import print_info
from tellapart.errors import ModelError
from tellapart.evaluation.judged import Evaluation
from tellapart.evaluation.whole import Answers, Whole, areas_of, figures_of
from tellapart.explain import explain_recorded
from tellapart.files import room as rooms
from tellapart.model.classifier import Classifier
from tellapart.model.judged import evaluations_of
from tellapart.model.record import TrainingRecord
from tellapart.report import card, content, gathering
from tellapart.report.card import model_card
from tellapart.report.page import report_page
from tellapart.text import in_order
from tellapart.training import keeping
from tellapart.training.result import TrainResult

KEPT = 50
LABELS = ("amber", "blue", "cyan")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty tiny pictures of each label, whose colours overlap."""
    root = tmp_path_factory.mktemp("many") / "photos"
    lot = np.random.default_rng(0)
    for k, label in enumerate(LABELS):
        (root / label).mkdir(parents=True)
        for number in range(40):
            colour = np.full(3, 120.0)
            colour[k] += 40
            pixels = np.clip(colour + lot.normal(0, 30, 3) + lot.normal(0, 20, (32, 32, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(root / label / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> ForeignBackbone:
    path = tmp_path_factory.mktemp("network") / "small.onnx"
    path.write_bytes(small_network().SerializeToString())
    return ForeignBackbone(path)


@pytest.fixture(scope="module")
def whole(photos: Path, network: ForeignBackbone) -> TrainResult:
    return tellapart.train(photos, backbone=network)


@pytest.fixture(scope="module")
def in_part(photos: Path, network: ForeignBackbone) -> TrainResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping, "MOST_PICTURES", KEPT)
        return tellapart.train(photos, backbone=network)


@pytest.fixture(scope="module")
def folder(in_part: TrainResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_part.save(tmp_path_factory.mktemp("saved") / "model")


def test_the_model_is_the_same_and_so_are_its_figures(
    whole: TrainResult, in_part: TrainResult, folder: Path
) -> None:
    assert in_part.classifier.content == whole.classifier.content
    read = evaluations_of(tellapart.load(folder))
    for name, expected in whole.evaluations.items():
        for found in (in_part.evaluations[name], read[name]):
            assert len(found.names) < expected.count == found.count
            assert found.accuracy == expected.accuracy
            assert found.per_label == expected.per_label
            assert found.wrong == len(expected.mistakes)
            assert found.baseline == expected.baseline
            assert found.top_k(2) == expected.top_k(2)
            np.testing.assert_array_equal(found.confusion, expected.confusion)
            assert found.log_loss.value == pytest.approx(expected.log_loss.value, abs=1e-6)
            assert found.log_loss.interval == pytest.approx(expected.log_loss.interval, rel=0.1)
            assert found.roc_auc == expected.roc_auc
    assert in_part.accuracy == whole.accuracy


def test_mistakes_are_kept_first_and_others_are_drawn_by_content(
    whole: TrainResult, in_part: TrainResult
) -> None:
    record, every = (result.classifier.required_record() for result in (in_part, whole))
    assert record.left_out
    assert len(record.names) <= KEPT
    assert record.left_out.drawn.sum() == 0.8 * KEPT
    assert set(record.labels[record.left_out.drawn].tolist()) == {0, 1, 2}
    surest = [m.name for m in whole.evaluations["cross-validated"].mistakes[:5]]
    assert set(surest) <= {*record.names}
    rows = [every.names.index(name) for name in record.names]
    np.testing.assert_array_equal(record.vectors, every.vectors[rows])
    np.testing.assert_array_equal(record.scores, every.scores[rows])
    np.testing.assert_array_equal(record.fold, every.fold[rows])  # type: ignore[index]
    assert record.count == len(every.names)
    for digest, held in zip(every.digests, every.held_out, strict=True):
        assert (digest in record.learnt(), digest in record.tested()) == (not held, held)
    assert "0" * 64 not in record.learnt()


def test_what_was_left_out_is_said(folder: Path, in_part: TrainResult) -> None:
    record = tellapart.load(folder).required_record()
    words = f"keeps {len(record.names)} of 120 pictures"
    assert any(words in note for note in in_part.notes)
    assert words in (folder / "report.html").read_text()
    assert f"{len(record.names)} of 120 pictures" in run_here("info", folder).out


def test_nothing_is_added_to_a_part(folder: Path, photos: Path) -> None:
    with pytest.raises(ModelError, match=r"keeps only \d+ of the 120 pictures"):
        tellapart.load(folder).add(photos)
    done = run_here("add", folder, photos)
    assert done.code
    assert "Train again, on the old pictures and the new ones" in done.err.replace("\n", " ")


@pytest.mark.parametrize("by_blocks", [False, True])
@pytest.mark.parametrize(
    ("head", "balanced"),
    [("discriminant", False), ("discriminant", True), ("regression", False), ("regression", True)],
)
def test_logits_split_into_the_shares_of_those_kept_and_a_rest(
    head: str,
    balanced: bool,
    by_blocks: bool,
    photos: Path,
    network: ForeignBackbone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if by_blocks:
        monkeypatch.setattr(rooms, "LARGE", 300)

    def trained() -> Classifier:
        model = tellapart.train(photos, backbone=network, head=head, balanced=balanced)
        return tellapart.load(model.save(tmp_path / "model", replace=True))

    whole = trained()
    monkeypatch.setattr(keeping, "MOST_PICTURES", KEPT)
    in_part = trained()
    every, some = whole.required_record(), in_part.required_record()
    number = int(np.flatnonzero(~some.held_out)[0])
    learnt = some.names[number]
    asked: list[tuple[Path, int | None, int | None]] = [
        (photos / "blue" / "3.png", None, None),
        (photos / learnt, every.names.index(learnt), number),
    ]
    for path, in_all, in_some in asked:
        expected, found = (
            classifier.explain(path) if row is None else explain_recorded(classifier, row, path)
            for classifier, row in ((whole, in_all), (in_part, in_some))
        )
        if balanced and not by_blocks and in_some is not None:
            assert "of the 120 pictures" in found.missing  # each fold weighs its labels otherwise
            continue
        assert expected.by_fold == found.by_fold == (in_some is not None)
        names = [every.names[i] for i in _learnt_rows(every, in_all)]
        kept = [names.index(some.names[i]) for i in _learnt_rows(some, in_some)]
        near = 2e-4  # where both are exact
        if head == "regression":  # rough, without a fold: then the rest has what it lacks
            near = (0.02 if in_some is None else 0.1) * float(np.abs(expected.logits).max())
        elif balanced and in_some is not None:
            near = 0.02
        for k, label in enumerate(whole.labels):
            ours, theirs = found.cases[label], expected.cases[label]
            total = ours.constant + ours.shares.sum() + ours.rest
            assert total == pytest.approx(found.logits[k], abs=1e-4)
            assert len(ours.shares) + ours.unkept == len(theirs.shares)
            assert ours.shares == pytest.approx(theirs.shares[kept], abs=near)
            assert ours.rest == pytest.approx(
                theirs.shares.sum() - theirs.shares[kept].sum(), abs=near
            )
        assert f"and the {found.unkept:,} others {found.rest:+.2f}." in found.sentences[-1]


def _learnt_rows(record: TrainingRecord, index: int | None) -> list[int]:
    """The rows of the pictures that the head which explained had learnt from."""
    assert record.fold is not None
    own = -2 if index is None else record.fold[index]
    rows: list[int] = np.flatnonzero(~record.held_out & (record.fold != own)).tolist()
    return rows


@pytest.mark.parametrize("head", ["discriminant", "mean"])
def test_explain_says_what_the_pictures_that_are_not_kept_add_or_why_not(
    head: str,
    photos: Path,
    network: ForeignBackbone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "MOST_PICTURES", KEPT)
    model = tellapart.train(photos, backbone=network, head=head).save(tmp_path / "model")
    told = json.loads(run_here("explain", model, photos / "blue" / "3.png", "--json").out)
    (picture,) = told["pictures"]
    assert picture["nearest"]
    if head == "mean":
        assert not picture["shares"]
        assert "of the 120 pictures" in picture["note"]
        return
    assert not picture["note"]
    for label, logit in picture["logits"].items():
        case = picture["shares"][label]
        assert case["rest"]
        assert case["constant"] + case["sum"] + case["rest"] == pytest.approx(logit, abs=1e-4)
    assert "training pictures that the record keeps add" in picture["sentences"][-1]


def test_gaps_suggest_and_report_say_what_they_looked_at(
    folder: Path, photos: Path, tmp_path: Path
) -> None:
    classifier = tellapart.load(folder)
    assert "Looked at were 40 of the 120 pictures" in find_gaps(classifier).notes[0]
    # every picture was learnt from or held out, whether the record keeps it or not
    found = json.loads(run_here("suggest", folder, photos, "--json").out)
    assert (found["learnt_from"], found["tested_on"]) == (
        sum(classifier.manifest.counts),
        120 - sum(classifier.manifest.counts),
    )
    assert run_here("report", folder, "-o", tmp_path / "page.html").code == 0


def test_a_test_knows_what_was_learnt_from(folder: Path, photos: Path) -> None:
    classifier = tellapart.load(folder)
    assert classifier.test(photos).learnt_from == sum(classifier.manifest.counts)


def test_trained_again_the_model_takes_its_own_place(
    photos: Path, network: ForeignBackbone, in_part: TrainResult, tmp_path: Path
) -> None:
    model = in_part.save(tmp_path / "model")
    again = tellapart.train(photos, backbone=network, head="regression", test=0.0)
    change = again.replaces(model, replace=False)
    assert change
    assert (change.added, change.removed) == (0, 0)


@pytest.mark.parametrize("labels", [2, 30])
def test_a_whole_is_what_an_evaluation_says(labels: int) -> None:
    lot = np.random.default_rng(labels)
    truth = lot.integers(0, labels, 3_000)
    logits = lot.normal(size=(len(truth), labels))
    logits[np.arange(len(truth)), truth] += 2
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    groups = lot.integers(0, 500, len(truth))
    names = tuple(map(str, range(len(truth))))
    known = tuple(f"label {k}" for k in range(labels))
    expected = Evaluation(known, names, truth, scores, groups)
    parts = [Answers.of(scores[at : at + 700], truth[at : at + 700]) for at in range(0, 3_000, 700)]
    found = figures_of(Answers.joined(parts), labels, areas_of(scores, truth), groups)
    found = Whole.from_json(json.loads(json.dumps(found.to_json())))
    assert found.accuracy == expected.accuracy
    assert found.brier.value == pytest.approx(expected.brier.value)
    assert found.calibration == expected.calibration
    assert found.calibration_error.value == pytest.approx(expected.calibration_error.value)
    assert found.enough_to_calibrate == expected.enough_to_calibrate
    assert found.roc_auc == expected.roc_auc
    for score in (0.2, 0.5, 0.731, 0.99):
        assert found.coverage.above(score) == expected.coverage.above(score)
    assert [n for *_, n in found.pairs.tolist()] == [n for *_, n in expected.confusions]


def test_a_training_from_files_gives_the_same_answers(
    photos: Path, network: ForeignBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tellapart.train(photos, backbone=network, head="discriminant")
    monkeypatch.setattr(rooms, "LARGE", 300)  # all is too many for memory
    found = tellapart.train(photos, backbone=network, head="discriminant")
    paths = sorted(photos.rglob("*.png"))[::7]
    ours, theirs = (one.classifier.predict_scores(paths) for one in (found, expected))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert found.accuracy == expected.accuracy
    assert found.learning
    assert expected.learning
    assert found.learning.points[-1].n == pytest.approx(expected.learning.points[-1].n, abs=3)
    assert not any("not measured" in note for note in found.notes)
    assert found.held_out
    assert expected.held_out
    np.testing.assert_allclose(found.held_out.scores, expected.held_out.scores, atol=1e-4)


@pytest.mark.parametrize(("limit", "value"), [("MOST_LISTED", 100), ("MOST_SCORES", 300)])
def test_a_test_of_very_many_gives_the_same_figures(
    limit: str, value: int, whole: TrainResult, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = whole.classifier.test(photos)
    for name, most in ((limit, value), ("DRAWN", 0.6), ("MISTAKES", 0.05), ("_BLOCK", 7)):
        monkeypatch.setattr(tallying, name, most)
    found = whole.classifier.test(photos)
    ours, theirs = found.evaluation, expected.evaluation
    assert ours.accuracy.correct == theirs.accuracy.correct
    assert ours.count == len(theirs.names) == 120
    assert ours.per_label == theirs.per_label
    assert ours.brier.value == pytest.approx(theirs.brier.value, abs=1e-6)
    assert {m.name for m in theirs.mistakes[:5]} <= {*ours.names}
    assert 60 <= len(ours.names) <= 65
    assert (found.learnt_from, found.refused) == (expected.learnt_from, expected.refused)
    assert any("Of 120 pictures the surest mistakes" in note for note in found.notes)


def test_a_report_of_very_many_labels_lists_the_first(
    whole: TrainResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in (("MOST_ROWS", 2), ("WIDEST_MATRIX", 1), ("MOST_FACES", 1)):
        monkeypatch.setattr(content, name, most)
    page = report_page(gathering.content_of_training(whole.classifier, {}))
    assert page.count("and 1 more labels") == len(whole.evaluations)


def test_a_card_of_very_many_labels_lists_the_first(
    whole: TrainResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = model_card(whole.classifier, whole.evaluations)
    assert "more label" not in text
    monkeypatch.setattr(card, "MOST_ROWS", 2)
    first, second, last = in_order(whole.classifier.labels)
    text = model_card(whole.classifier, whole.evaluations)
    labels = whole.classifier.labels
    for k in (first, second):
        assert f"\n| {labels[k]} |" in text
    assert f"\n| {labels[last]} |" not in text
    assert "- and 1 more label, which `labels.txt` names\n" in text
    assert "\nand 1 more label, whose figures `tellapart info . --json` gives\n" in text


def test_info_of_very_many_labels_lists_those_learnt_from_the_fewest_pictures(
    whole: TrainResult, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "MOST_LABELS", 2)
    print_info(whole.classifier)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == "  and 1 more, none learnt from fewer pictures (all with --json)"
    listed = [int(line.split()[-1]) for line in lines[1:3]]
    assert sorted(listed) == sorted(whole.classifier.manifest.counts)[:2]
