"""Explanations through their doors: maps, shares and neighbours that add up; pages; the report."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import tellapart
from conftest import draw_scene
from drawn import Run, few_of, model_of, only_sentences, run_here
from tellapart import explain as explaining
from tellapart.assess.testing import evaluate
from tellapart.backbones.graph import is_rooted
from tellapart.backbones.rows import Backbone, Trunk
from tellapart.demo.walk import DemoPictures
from tellapart.errors import ModelError, PictureError, UsageError
from tellapart.explain import (
    Asked,
    Explainer,
    Explanation,
    explain,
    explain_many,
    explain_recorded,
    files,
)
from tellapart.explain import page as page_of
from tellapart.explain.background import NO_RECORD, NOT_EXACT
from tellapart.explain.evidence import coverage, own_head
from tellapart.files.stored import place_text
from tellapart.head.sgd import SgdSettings
from tellapart.images.decode import read_picture
from tellapart.model.classifier import Classifier
from tellapart.pages.overlays import laid_over, layer
from tellapart.report.gathering import content_of_test, content_of_training
from tellapart.report.reasons import with_reasons

KNIGHT, QUEEN = "dark_knight", "ice_queen"


@pytest.fixture(scope="module")
def classifier(heroes: DemoPictures) -> Classifier:
    return tellapart.load(model_of(heroes))


@pytest.fixture(scope="module")
def few(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_of(heroes, tmp_path_factory.mktemp("few") / "photos", 6)


@pytest.fixture(scope="module")
def of_quality(few: Path) -> dict[str, Explainer]:
    """An explainer of each quality."""
    return {
        quality: Explainer(tellapart.train(few, quality=quality, test=0).classifier)
        for quality in ("fast", "good", "best")
    }


def pictures_of(heroes: DemoPictures, label: str) -> list[Path]:
    return sorted((heroes.photos / label).iterdir())


def log_scores(classifier: Classifier, picture: np.ndarray | Path) -> np.ndarray:
    scores = classifier.predict(picture).scores
    return np.log([scores[label] for label in classifier.labels])


def centred(values: np.ndarray) -> np.ndarray:
    """Without what softmax cannot tell."""
    return np.asarray(values - values.mean())


@settings(max_examples=12)
@given(
    quality=st.sampled_from(["fast", "fast", "good", "best"]),
    width=st.integers(8, 400),
    height=st.integers(8, 400),
    seed=st.integers(0, 1000),
)
def test_maps_and_shares_add_up_to_the_logit(
    of_quality: dict[str, Explainer], quality: str, width: int, height: int, seed: int
) -> None:
    explainer = of_quality[quality]
    picture = np.asarray(draw_scene(width, height, seed))
    found = explainer.explain(Asked(picture))
    own = log_scores(explainer.classifier, picture)
    assert centred(found.evidence.mean(axis=(1, 2)) + found.bias) == pytest.approx(
        centred(own), abs=1e-4
    )
    assert found.logits == pytest.approx(found.evidence.mean(axis=(1, 2)) + found.bias, abs=1e-9)
    for k, label in enumerate(found.labels):
        assert found.map_of(label).mean() == pytest.approx(found.logits[k], abs=1e-4)
        case = found.cases[label]
        assert case.constant + case.shares.sum() == pytest.approx(found.logits[k], abs=1e-4)
    lead = found.logits.max() - found.logits.min()
    assert found.lead.mean() == pytest.approx(lead, abs=1e-4)


@given(
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
    grid=st.sampled_from([7, 9]),
    views=st.lists(st.sampled_from(["crop", "squash", "crop-mirrored"]), min_size=1, max_size=3),
)
def test_what_was_seen_has_the_mean_one(
    width: int, height: int, grid: int, views: list[str]
) -> None:
    seen = coverage(views, height, width, grid)
    assert seen.shape == (grid, grid)
    assert seen.mean() == pytest.approx(1)
    if "squash" not in views and width >= 3 * height:
        assert seen[:, 0] == pytest.approx(0)


def test_outside_what_was_seen_there_is_no_evidence(classifier: Classifier) -> None:
    found = explain(classifier, np.asarray(draw_scene(400, 100)))  # "fast" sees the middle
    assert np.abs(found.evidence[:, found.seen == 0]).max() < 1e-6
    assert (found.seen == 0).any()
    assert (found.lead[found.seen == 0] == 0).all()


def test_the_answer_alone_is_that_of_the_explanation(
    classifier: Classifier, heroes: DemoPictures
) -> None:
    """Of a picture as it is, of the same one changed, and by a head that never saw it."""
    explainer = Explainer(classifier)
    record = classifier.required_record()
    row = int(np.flatnonzero(~record.held_out)[0])
    pixels = read_picture(heroes.photos / record.names[row])
    alone = {}
    for index in (None, row):
        for changed in (pixels, 255 - pixels):
            asked = Asked(changed, index=index)
            found, explained = explainer.predict(asked), explainer.explain(asked)
            assert found.label == explained.label
            assert found.scores == pytest.approx(dict(explained.scores), abs=1e-6)
            assert found.unknown is explained.unknown
            alone[index, changed is pixels] = found.score
    assert alone[None, True] != alone[row, True]


def test_a_layer_over_a_grey_picture_is_the_map_laid_over_it(classifier: Classifier) -> None:
    pixels = np.repeat(np.asarray(draw_scene(90, 60).convert("L"))[..., None], 3, axis=2)
    lead = explain(classifier, pixels).lead
    above = layer(lead, 60, 90).astype(float)
    cover = above[..., 3:] / 255
    grey = pixels + 0.25 * (128 - pixels.astype(float))
    mixed = grey * (1 - cover) + above[..., :3] * cover
    assert np.abs(mixed - laid_over(pixels, lead)).max() < 1.5


def test_the_map_shows_which_half_argues(classifier: Classifier, heroes: DemoPictures) -> None:
    halves = [
        np.asarray(Image.open(pictures_of(heroes, label)[0]).convert("RGB").resize((150, 300)))
        for label in (KNIGHT, QUEEN)
    ]
    found = explain(classifier, np.concatenate(halves, axis=1))
    knight = found.map_of(KNIGHT) - found.map_of(QUEEN)
    assert knight[:, :3].mean() > 0 > knight[:, -3:].mean()


def test_a_training_picture_is_its_own_nearest_and_argues_for_itself(
    classifier: Classifier, heroes: DemoPictures
) -> None:
    record = classifier.training_record
    assert record
    index = int(np.flatnonzero(~record.held_out)[3])
    found = explain(classifier, record.locate(only=[index])[index])
    assert found.nearest[0].index == index
    assert found.nearest[0].distance == pytest.approx(0, abs=1e-5)
    assert "is a training picture, or a copy of one" in found.words
    distances = [one.distance for one in found.nearest]
    assert distances == sorted(distances)
    case = found.cases[found.label]
    assert [one.share for one in case.most_for] == sorted(case.shares, reverse=True)[:4]
    assert [one.share for one in case.most_against] == sorted(case.shares)[:4]
    own = record.labels[~record.held_out] == record.labels[index]
    assert case.shares[own].sum() > 0 > case.shares[~own].min()


def test_compared_with_its_own_label(classifier: Classifier, heroes: DemoPictures) -> None:
    picture = pictures_of(heroes, KNIGHT)[0]
    found = explain(classifier, picture, own=QUEEN)
    assert (found.label, found.rival) == (KNIGHT, QUEEN)
    assert found.sentences[0].endswith("but it is ice queen.")
    assert "but it is" not in explain(classifier, picture, own=KNIGHT).words
    with pytest.raises(UsageError, match="does not know the label penguin"):
        explain(classifier, picture, own="penguin")


@pytest.mark.slow
def test_what_was_judged_out_of_fold_is_explained_by_its_judge(classifier: Classifier) -> None:
    record = classifier.training_record
    assert record
    assert record.fold is not None
    where = record.locate()
    for index in [*np.flatnonzero(~record.held_out)[::9], *np.flatnonzero(record.held_out)[:2]]:
        found = explain_recorded(classifier, int(index), where[index])
        scores = [found.scores[label] for label in classifier.labels]
        assert scores == pytest.approx(record.scores[index], abs=1e-5)
        assert found.by_fold == (not record.held_out[index])
        assert found.own == classifier.labels[record.labels[index]]
        others = {record.fold[one.index] for one in found.nearest}
        assert record.fold[index] not in others
        for k, label in enumerate(found.labels):
            case = found.cases[label]
            assert case.constant + case.shares.sum() == pytest.approx(found.logits[k], abs=1e-4)


def test_a_memory_without_folds_explains_by_the_finished_model(classifier: Classifier) -> None:
    record = classifier.training_record
    assert record
    old = replace(classifier, _record=replace(record, fold=None, fold_heads={}))
    index = int(np.flatnonzero(~record.held_out)[0])
    picture = record.locate(only=[index])[index]
    found = explain_recorded(old, index, picture)
    assert not found.by_fold
    assert found.scores == pytest.approx(classifier.predict(picture).scores, abs=1e-5)
    assert found.cases
    assert 0 <= (found.remoteness or 0) <= 1


def test_a_model_file_alone_has_maps_only(heroes: DemoPictures, tmp_path: Path) -> None:
    shutil.copy(model_of(heroes) / "model.onnx", tmp_path)
    alone = tellapart.load(tmp_path / "model.onnx")
    found = explain(alone, pictures_of(heroes, QUEEN)[0])
    assert (found.missing, found.nearest, found.remoteness) == (NO_RECORD, (), None)
    assert not found.cases
    assert found.lead.mean() > 0
    with pytest.raises(ModelError, match=r"has no training\.npz beside it"):
        explain_recorded(alone, 0, pictures_of(heroes, QUEEN)[0])


def test_a_memory_of_another_network_is_no_memory(
    heroes: DemoPictures, classifier: Classifier
) -> None:
    record = classifier.training_record
    assert record
    wider = np.concatenate([record.vectors, record.vectors], axis=1)
    other = replace(classifier, _record=replace(record, vectors=wider))
    index = int(np.flatnonzero(~record.held_out)[0])
    for found in (
        explain(other, pictures_of(heroes, QUEEN)[0]),
        explain_recorded(other, index, record.locate(only=[index])[index]),
    ):
        assert (found.missing, found.nearest) == (NO_RECORD, ())


@pytest.mark.parametrize("how", ["sgd", "balanced"])
def test_other_ways_of_fitting(few: Path, heroes: DemoPictures, tmp_path: Path, how: str) -> None:
    sgd = SgdSettings(steps=30, batch_size=10) if how == "sgd" else None
    shutil.copytree(few, tmp_path / "uneven")
    for path in sorted((tmp_path / "uneven" / KNIGHT).iterdir())[:3]:
        path.unlink()
    result = tellapart.train(
        tmp_path / "uneven", quality="fast", test=0, sgd=sgd, balanced=how == "balanced"
    )
    again = tellapart.load(result.save(tmp_path / "model"))
    found = explain(again, pictures_of(heroes, QUEEN)[20])
    assert len(found.nearest) == 4
    assert found.missing == (NOT_EXACT if sgd else "")
    assert bool(found.cases) == (sgd is None)


def test_many_are_explained_in_order_and_unreadable_ones_stand_in_their_place(
    classifier: Classifier, heroes: DemoPictures, broken_pictures: dict[Path, str]
) -> None:
    good, bad = pictures_of(heroes, QUEEN)[:5], list(broken_pictures)[:3]
    found = list(explain_many(classifier, [good[0], *bad, *good[1:]]))
    assert [isinstance(one, PictureError) for one in found] == [False] + 3 * [True] + 4 * [False]
    assert [f"{path}: {broken_pictures[path]}" for path in bad] == [str(one) for one in found[1:4]]
    assert isinstance(found[-1], Explanation)
    assert found[-1].logits == pytest.approx(explain(classifier, good[-1]).logits)


def test_in_a_notebook(classifier: Classifier, heroes: DemoPictures) -> None:
    found = explain(classifier, pictures_of(heroes, QUEEN)[0])
    html = found._repr_html_()
    assert html.count('<img src="data:image/jpeg;base64,') == 2
    assert found.sentences[-1].split(",")[0] in html


def test_the_package_is_a_public_name() -> None:
    assert tellapart.explain is explaining
    assert tellapart.explain.explain is explain


# The command


def explained(heroes: DemoPictures, *arguments: str | Path) -> Run:
    return run_here("explain", model_of(heroes), *arguments)


def test_all_numbers_as_json(heroes: DemoPictures, classifier: Classifier) -> None:
    pictures = pictures_of(heroes, QUEEN)[:2]
    run = explained(heroes, *pictures, "--json")
    assert run.code == 0
    value = run.json()
    assert [one["path"] for one in value["pictures"]] == [str(path) for path in pictures]
    assert (value["page"], value["skipped"]) == (None, [])
    for path, one in zip(pictures, value["pictures"], strict=True):
        assert one["label"] == classifier.predict(path).label
        assert len(one["nearest"]) == 4
        for label, logit in one["logits"].items():
            mean = np.mean(one["evidence"][label])
            assert mean + one["bias"][label] == pytest.approx(logit, abs=1e-4)
            shares = one["shares"][label]
            assert shares["constant"] + shares["sum"] == pytest.approx(logit, abs=1e-4)
            assert shares["most_for"][0]["share"] > 0 > shares["most_against"][0]["share"]


def test_the_sentences_on_the_terminal(heroes: DemoPictures, classifier: Classifier) -> None:
    picture = pictures_of(heroes, QUEEN)[0]
    run = explained(heroes, picture)
    assert run.code == 0
    lines = [line.strip() for line in run.out.splitlines()]
    assert lines[0] == str(picture)
    assert lines[1] == explain(classifier, picture).sentences[0]
    assert "-o why.html" in lines[-1]


def test_a_page_that_needs_nothing_else(heroes: DemoPictures, tmp_path: Path) -> None:
    page = tmp_path / "why.html"
    run = explained(heroes, heroes.photos / QUEEN, "-o", page)
    assert run.code == 0
    assert f"Written: {page}" in run.out
    text = page.read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"<script|https?://(?!www\.w3\.org)|<link|@import", text)
    pictures = len(pictures_of(heroes, QUEEN))
    assert text.count("<figure>") == 4 * pictures
    assert text.count('<ul class="training">') == 3 * pictures
    assert "not found" not in text


@pytest.mark.slow
def test_training_pictures_are_found_where_they_were_moved(
    few: Path, heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    model = tellapart.train(photos, quality="fast", test=0).save(tmp_path / "model")
    photos.rename(tmp_path / "elsewhere")
    page = tmp_path / "why.html"
    picture = pictures_of(heroes, KNIGHT)[20]
    assert run_here("explain", model, picture, "-o", page).code == 0
    assert "pictures cannot be shown, because the files are gone" in page.read_text("utf-8")
    found = run_here("explain", model, picture, "-o", page, "--pictures", tmp_path / "elsewhere")
    assert found.code == 0
    assert "cannot be shown" not in page.read_text("utf-8")


def test_maps_as_png_files_over_nothing(heroes: DemoPictures, tmp_path: Path) -> None:
    picture = pictures_of(heroes, KNIGHT)[0]
    first = explained(heroes, picture, "--png", tmp_path / "maps", "--json").json()
    written = [Path(path) for path in first["pictures"][0]["overlays"]]
    before = {path: path.read_bytes() for path in written}
    assert len(before) == 3
    with Image.open(picture) as whole:
        for path in written:
            with Image.open(path) as image:
                assert (image.format, image.size) == ("PNG", whole.size)
    assert explained(heroes, picture, "--png", tmp_path / "maps").code == 0
    assert {path: path.read_bytes() for path in written} == before
    assert len(list((tmp_path / "maps").iterdir())) == 6


@pytest.mark.slow
def test_unreadable_pictures_are_listed_with_their_reasons(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("<html>")
    good = pictures_of(heroes, KNIGHT)[0]
    page = tmp_path / "why.html"
    run = explained(heroes, good, bad, "-o", page)
    assert run.code == 0
    assert "an HTML page saved as .jpg" in run.out
    assert "an HTML page saved as .jpg" in page.read_text("utf-8")
    assert explained(heroes, good, bad, "--strict").code == 3
    assert explained(heroes, bad).code == 3
    value = explained(heroes, good, bad, "--json").json()
    assert value["skipped"] == [{"path": str(bad), "reason": "an HTML page saved as .jpg"}]


@pytest.mark.slow
def test_mistakes_that_train_lists_are_explained_as_train_judged_them(
    few: Path, tmp_path: Path
) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    moved = photos / QUEEN / "moved.jpg"
    sorted((photos / KNIGHT).iterdir())[0].rename(moved)  # a knight among the queens
    result = tellapart.train(photos, quality="fast", test=0)
    model = result.save(tmp_path / "model")
    elsewhere = Path(shutil.copy(moved, tmp_path / "copy.jpg"))  # it is known by its content
    page = tmp_path / "why.html"
    record = tellapart.load(model).training_record
    assert record
    right = record.scores.argmax(axis=1) == record.labels
    good = photos / record.names[int(np.flatnonzero(right)[0])]
    row = dict(zip(record.names, record.scores, strict=True))[f"{QUEEN}/moved.jpg"]
    for path in (moved, elsewhere):
        run = run_here("explain", model, good, path, "-o", page)
        assert f"{path}  wrong\n  dark knight {row[0]:.2f}, but it is ice queen.\n" in run.out
        assert "a model that had not learnt from it judges it here." in run.out
        assert "is a training picture, or a copy of one" not in run.out
        text = page.read_text("utf-8")
        assert text.count("wrong: it is ice queen") == 1
        assert f'data-short="{path.name}">{path} <span' in text  # mistakes come first
        assert f'data-short="{good.name}">{good}</h2>' in text
        told = run_here("explain", model, path, "--json").json()["pictures"][0]
        assert (told["own"], told["wrong"], told["by_fold"]) == (QUEEN, True, True)
        assert told["score"] == pytest.approx(row[0], abs=1e-5)


@pytest.mark.slow
def test_a_folder_called_after_a_label_says_what_its_pictures_are(
    heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Image.open(pictures_of(heroes, KNIGHT)[0]) as image:  # of a content not learnt from
        changed = image.resize((180, 160))
    for name in (QUEEN, "inbox"):
        (tmp_path / name).mkdir()
        changed.save(tmp_path / name / "a.png")
    monkeypatch.chdir(tmp_path / QUEEN)
    for path, own in (("a.png", QUEEN), (tmp_path / "inbox" / "a.png", None)):
        told = explained(heroes, path, "--json").json()["pictures"][0]
        assert (told["label"], told["own"], told["by_fold"]) == (KNIGHT, own, False)
        assert told["wrong"] == (True if own else None)


@pytest.mark.slow
def test_a_page_shows_a_hundred_and_says_so(
    heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_PANELS", 2)
    monkeypatch.setattr(page_of, "MOST_PANELS", 2)
    (tmp_path / QUEEN).mkdir()
    with Image.open(pictures_of(heroes, KNIGHT)[0]) as image:
        image.resize((180, 160)).save(tmp_path / QUEEN / "wrong.png")
    pictures = [*pictures_of(heroes, QUEEN)[:3], tmp_path / QUEEN / "wrong.png"]
    page = tmp_path / "why.html"
    run = explained(heroes, *pictures, "-o", page)
    assert f"Written: {page}, with 2 of 4 pictures, mistakes first" in run.out
    text = page.read_text("utf-8")
    assert "This page shows 2 of 4 pictures, mistakes first." in text
    assert text.count('<section class="why"') == 2
    assert text.index("wrong.png") < text.index(pictures[0].name)
    assert explained(heroes, *pictures, "-o", page, "--json").json()["on_page"] == 2
    assert "with" not in explained(heroes, *pictures[:2], "-o", page).out.splitlines()[-1]


def test_where_nothing_can_be_read_no_page_is_advised(heroes: DemoPictures, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_text("<html>")
    run = explained(heroes, tmp_path / "bad.jpg", "-o", tmp_path / "o.html")
    assert run.code == 3
    assert "why.html" not in run.out
    assert not (tmp_path / "o.html").exists()


@pytest.mark.parametrize("command", ["explain", "gaps", "report", "test"])
def test_where_a_page_cannot_be_written_that_is_said_before_any_work(
    command: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    option = "--report" if command == "test" else "-o"
    pictures = [] if command == "report" else [tmp_path / "no-picture.jpg"]
    for place, reason in (
        (tmp_path / "no" / "o.html", "is not there"),
        (tmp_path / "file" / "o.html", "is no folder"),
        (tmp_path, "it is a folder"),
    ):
        run = run_here(command, tmp_path / "no-model", *pictures, option, place)
        assert run.code == 2
        assert f"{place} cannot be written: " in run.err
        assert f"{reason}." in run.err


@pytest.mark.parametrize("command", ["explain", "gaps", "report"])
def test_a_folder_of_moved_pictures_that_is_not_there_is_refused(
    heroes: DemoPictures, tmp_path: Path, command: str
) -> None:
    picture = pictures_of(heroes, KNIGHT)[0]
    pictures = [picture] if command == "explain" else []
    out = "-o", tmp_path / "o.html"  # never the model's own report
    for folder, reason in ((tmp_path / "nope", "is not there"), (picture, "is no folder")):
        run = run_here(command, model_of(heroes), *pictures, "--pictures", folder, *out)
        assert run.code == 2
        assert run.err.startswith(f"--pictures {folder} {reason}.\n")
        assert not (tmp_path / "o.html").exists()


@pytest.mark.parametrize("option", ["-o", "--png"])
def test_what_cannot_be_written_is_said(heroes: DemoPictures, tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("mine")
    run = explained(heroes, pictures_of(heroes, KNIGHT)[0], option, tmp_path / "file" / "why.html")
    assert run.code == 2
    assert "cannot be written" in run.err
    assert only_sentences(run.err)
    assert (tmp_path / "file").read_text() == "mine"


# The report


def test_mistakes_in_the_report_carry_their_reasons(few: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(few, tmp_path / "photos"))
    wrong = sorted((photos / KNIGHT).iterdir())[0]
    wrong.rename(photos / QUEEN / wrong.name)  # a knight among the queens
    result = tellapart.train(photos, quality="fast", test=0)
    folder = result.save(tmp_path / "model")
    again = tellapart.load(folder)
    assert again.training_record
    content = with_reasons(
        content_of_training(again, again.training_record.locate()), of_training=True
    )
    names = {mistake.name for _, mistake in content.mistakes}
    assert f"{QUEEN}/{wrong.name}" in names
    assert content.reasons.keys() == names
    reason = content.reasons[f"{QUEEN}/{wrong.name}"]
    assert reason.nearest[0].label == KNIGHT
    assert all(one.key in content.paths for one in reason.nearest)
    text = (folder / "report.html").read_text("utf-8")
    assert reason.overlay in text
    assert reason.sentences[-1] in text.replace("\xa0", " ")
    assert text.count('<ul class="near"') == len(names)


def test_mistakes_of_a_test_carry_their_reasons(
    heroes: DemoPictures, classifier: Classifier, tmp_path: Path
) -> None:
    for number, path in enumerate(pictures_of(heroes, KNIGHT)[:2]):
        (tmp_path / "photos" / QUEEN).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "photos" / QUEEN / f"{number}.jpg")
    content = content_of_test(classifier, evaluate(classifier, tmp_path / "photos"))
    found = with_reasons(content, of_training=False)
    assert found.reasons.keys() == {f"{QUEEN}/0.jpg", f"{QUEEN}/1.jpg"}
    near = found.reasons[f"{QUEEN}/0.jpg"].nearest
    assert len(near) == 4
    assert all(Path(place_text(found.paths[one.key])).is_file() for one in near)
    assert found.missing == content.missing == 0
    page = tmp_path / "test.html"
    run = run_here("test", model_of(heroes), tmp_path / "photos", "--report", page)
    assert run.code == 0
    assert page.read_text("utf-8").count('<ul class="near"') == 2


@pytest.mark.slow
def test_a_model_without_roots_still_loads_guesses_and_explains(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As models of releases that knew no roots: a trunk of which nothing is known stands for them,
    and its graph is what they wrote."""
    rooted_trunk = Backbone.trunk

    def plain_trunk(self: Backbone, **given: object) -> Trunk:
        return replace(rooted_trunk(self), never_negative=False)

    with monkeypatch.context() as patch:
        patch.setenv("TELLAPART_CACHE", str(tmp_path / "cache"))  # networks are kept by their rows
        patch.setattr(Backbone, "trunk", plain_trunk)
        trained = tellapart.train(few, quality="fast", test=0)
        trained.save(tmp_path / "old")
    old = tellapart.load(tmp_path / "old")
    picture = sorted(few.rglob("*.*"))[0]
    pixels = read_picture(picture)
    embedding, evidence = old.run(pixels, ["embedding", "evidence"])
    assert np.linalg.norm(embedding) > 5
    assert not is_rooted(old.content)
    assert old.predict(picture) == trained.classifier.predict(picture)
    head = own_head(old.content)
    logits = head.logits(embedding.astype(np.float64))
    assert np.abs(evidence.mean(axis=(1, 2)) + head.bias - logits).max() < 1e-4
    found = explain(old, pixels)
    assert found.words
    assert found.label == old.predict(picture).label
    assert found.nearest[0].distance == pytest.approx(0, abs=1e-5)
    card = (tmp_path / "old" / "README.md").read_text("utf-8")
    assert "mean of the network's features" in card

    new = tellapart.train(few, quality="good", test=0)  # with the same cache, of another network
    new.save(tmp_path / "new")
    assert is_rooted(new.classifier.content)
    assert "square roots" in (tmp_path / "new" / "README.md").read_text("utf-8")
    assert np.linalg.norm(new.classifier.run(pixels, ["embedding"])[0]) == pytest.approx(1)
