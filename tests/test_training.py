"""Training, by command and in Python: what it takes, keeps back, writes and refuses."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tellapart
from conftest import draw_scene, mostly_slow
from drawn import contents, few_of, model_of, on_two_threads, only_sentences, run, run_here
from tellapart.demo.walk import DemoPictures, draw_demo
from tellapart.errors import DatasetError, DestinationError, UsageError
from tellapart.head.sgd import SgdSettings, SgdStep
from tellapart.training.options import TrainOptions, Watch


@pytest.fixture(scope="module")
def model(heroes: DemoPictures) -> Path:
    return model_of(heroes)


@pytest.fixture(scope="module")
def split(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with train/, val/ and test/."""
    root = tmp_path_factory.mktemp("split") / "data"
    shutil.copytree(heroes.photos, root / "train")
    shutil.copytree(heroes.kept_back, root / "test")
    for label in ("dark_knight", "ice_queen"):
        (root / "val" / label).mkdir(parents=True)
        for picture in sorted((root / "train" / label).iterdir())[:5]:
            picture.rename(root / "val" / label / picture.name)
    return root


def as_table(photos: Path, file: Path) -> Path:
    """A CSV that names all pictures below `photos`."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label"])
        for picture in sorted(photos.glob("*/*")):
            writer.writerow([picture.relative_to(file.parent).as_posix(), picture.parent.name])
    return file


# what it takes


@pytest.mark.parametrize("form", mostly_slow(["moved", "zip", "csv", "renamed", "tar.gz"], 3))
def test_the_same_pictures_make_the_same_model_wherever_they_lie(
    form: str, heroes: DemoPictures, model: Path, tmp_path: Path
) -> None:
    source = tmp_path / {"moved": "photos", "renamed": "other"}.get(form, f"photos.{form}")
    if form in {"moved", "renamed"}:
        shutil.copytree(heroes.photos, source)
    elif form == "csv":
        shutil.copytree(heroes.photos, tmp_path, dirs_exist_ok=True)
        as_table(tmp_path, source)
    else:
        kind = {"zip": "zip", "tar.gz": "gztar"}[form]
        shutil.make_archive(str(tmp_path / "photos"), kind, heroes.photos)
    result = tellapart.train(source, quality="fast")
    assert result.classifier.content == (model / "model.onnx").read_bytes()
    result.save(tmp_path / "model")
    report = (tmp_path / "model" / "report.html").read_text("utf-8")
    assert report.count("data:image/jpeg") >= 12  # also from an archive


@pytest.mark.slow
def test_the_same_bytes_on_any_number_of_cores(tmp_path: Path) -> None:
    photos = draw_demo(tmp_path / "demo", pictures=160).photos
    script = """
import sys, tellapart
print(tellapart.train(sys.argv[1], quality="fast").classifier.digest)
"""
    digests = set()
    for threads in ("1", "4"):
        environment = {
            **os.environ,
            "OPENBLAS_NUM_THREADS": threads,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        command = [sys.executable, "-c", script, str(photos)]
        digests.add(subprocess.check_output(command, text=True, env=environment))
    assert len(digests) == 1


def test_numpy_is_held_to_one_thread_for_arithmetic_alone(heroes: DemoPictures) -> None:
    """The limit is the whole process's: while pictures are looked at, it is not set."""
    before, looking, fitting, after = on_two_threads(f"""
import tellapart
from tellapart.head.sgd import SgdSettings
from tellapart.training.options import Watch

before, looking, fitting = threads(), [], []
watch = Watch(
    pictures=lambda done, total: looking.append(threads()),
    step=lambda step: fitting.append(threads()),
)
tellapart.train({str(heroes.photos)!r}, quality="fast", sgd=SgdSettings(steps=3), watch=watch)
print(json.dumps([before, looking[0], fitting[0], threads()]))
""")
    assert looking == after == before
    assert set(fitting) == {1}


@pytest.mark.slow
def test_embeddings_are_kept_where_the_caller_says(
    heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, kept = tmp_path / "usual", tmp_path / "kept"
    monkeypatch.setenv("TELLAPART_CACHE", str(usual))
    first = tellapart.train(heroes.photos, quality="fast", cache=kept)
    assert [*(kept / "embeddings").rglob("*.shard")]
    assert not (usual / "embeddings").exists()
    again = tellapart.train(heroes.photos, quality="fast")
    assert first.classifier.digest == again.classifier.digest
    records = [result.classifier.training_record for result in (first, again)]
    assert len({record.to_bytes("0" * 64) for record in records if record}) == 1


def test_the_same_command_twice_writes_the_same_bytes(heroes: DemoPictures, tmp_path: Path) -> None:
    for name, door in (("one", run), ("two", run_here)):
        assert door("train", heroes.photos, "-o", tmp_path / name, "--quality", "fast").code == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert set(contents(tmp_path / "one")) == {
        "README.md",
        "labels.txt",
        "model.onnx",
        "report.html",
        "training.npz",
    }
    assert (tmp_path / "one" / "labels.txt").read_text() == "dark_knight\nice_queen\n"


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("photos", "photos-model"),
        ("photos/", "photos-model"),
        ("photos.2024", "photos.2024-model"),
        ("photos.zip", "photos-model"),
        ("photos.tar.gz", "photos-model"),
        ("labels.csv", "labels-model"),
    ],
)
def test_the_model_is_named_after_its_source(
    source: str, folder: str, heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "p", 2)
    made = tmp_path / source
    if source.endswith(("zip", "gz")):
        kind = "zip" if source.endswith("zip") else "gztar"
        shutil.make_archive(str(tmp_path / "photos"), kind, photos)
    elif source.endswith("csv"):
        as_table(photos, photos / "labels.csv").rename(photos / "labels.csv")
        made = photos / "labels.csv"
    else:
        photos.rename(made)
    work = tmp_path / "work"
    work.mkdir()
    given = f"{made}/" if source.endswith("/") else made
    assert run_here("train", given, "--quality", "fast", cwd=work).code == 0
    assert [path.name for path in work.iterdir()] == [folder]


# what it keeps back


@pytest.mark.parametrize(
    ("test", "fewest", "most"), [(None, 1, 15), (0.1, 1, 15), (0.5, 18, 42), (0, 0, 0)]
)
def test_a_share_is_kept_back(
    test: float | None, fewest: int, most: int, heroes: DemoPictures
) -> None:
    result = tellapart.train(heroes.photos, quality="fast", test=test)
    assert fewest <= len(result.kept_back) <= most
    assert len(result.kept_back) + sum(result.classifier.manifest.counts) == 60
    assert (result.held_out.accuracy.n if result.held_out else 0) == len(result.kept_back)
    assert result.cross_validated
    assert result.cross_validated.accuracy.n == sum(result.classifier.manifest.counts)
    assert result.accuracy == (result.held_out or result.cross_validated).accuracy


@pytest.mark.parametrize("as_archive", mostly_slow([False, True], 1))
def test_a_folder_or_archive_can_be_tested_on(
    as_archive: bool, heroes: DemoPictures, tmp_path: Path
) -> None:
    kept = Path(shutil.copytree(heroes.kept_back, tmp_path / "kept"))
    (kept / "ice_queen" / "page.jpg").write_text("<html>")
    (kept / "ice_queen" / "notes.txt").write_text("no picture")
    if as_archive:
        kept = Path(shutil.make_archive(str(tmp_path / "archive"), "zip", kept))
    found = run_here(
        *("train", heroes.photos, "-o", tmp_path / "m", "--quality", "fast", "--json"),
        *("--test", kept),
    )
    value = found.json()
    assert value["cross_validated"]["n"] == 60
    assert value["held_out"]["n"] == 45
    assert value["held_out"]["wrong"][0]["path"].startswith(f"{kept.name}/")
    assert {(row["path"], row["reason"]) for row in value["skipped"]} == {
        (f"{kept.name}/ice_queen/notes.txt", "not a picture (.txt)"),
        (f"{kept.name}/ice_queen/page.jpg", "an HTML page saved as .jpg"),
    }
    report = (tmp_path / "m" / "report.html").read_text("utf-8")
    assert "<figure" in report
    assert "not found" not in report


def test_in_python_the_test_folder_may_be_a_string(heroes: DemoPictures) -> None:
    result = tellapart.train(heroes.photos, quality="fast", test=str(heroes.kept_back))
    assert len(result.kept_back) == 45


def test_a_root_with_train_and_test_is_tested_on_its_test(split: Path, tmp_path: Path) -> None:
    value = run_here("train", split, "-o", tmp_path / "m", "--quality", "fast", "--json").json()
    assert value["labels"] == {"dark_knight": 30, "ice_queen": 30}  # validation is learnt from
    info = run_here("info", tmp_path / "m", "--json").json()
    for key in ("digest", "counts", "judged", "bursts", "unknowns", "solver"):
        assert value[key] == info[key], key
    assert value["held_out"]["n"] == len(value["kept_back"]) == 45
    assert all(name.startswith("test/") for name in value["kept_back"])
    refused = run_here("train", split, "-o", tmp_path / "n", "--quality", "fast", "--test", "20%")
    assert refused.code == 2
    assert "already says which pictures are for testing." in refused.err
    without = tellapart.train(split, quality="fast", test=0)
    assert without.held_out is None
    assert sum(without.classifier.manifest.counts) == 60


def test_without_a_test_folder_the_validation_folder_is_tested_on(
    split: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(split, tmp_path / "data"))
    shutil.rmtree(root / "test")
    result = tellapart.train(root, quality="fast")
    assert len(result.kept_back) == 10
    assert all(name.startswith("val/") for name in result.kept_back)


@pytest.mark.slow
def test_without_a_test_folder_a_share_of_train_is_kept_back(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    shutil.copytree(heroes.photos, root / "train")
    (root / "test").mkdir()  # without labels, as competitions have it
    shutil.copy(heroes.photos / "ice_queen" / "000.jpg", root / "test")
    value = run_here("train", root, "-o", tmp_path / "m", "--quality", "fast", "--json").json()
    assert value["untested"] == []
    assert all(name.startswith("train/") for name in value["kept_back"])
    assert value["skipped"] == [{"path": "test/000.jpg", "reason": "in no label's folder"}]
    bare = tellapart.train(heroes.photos, quality="fast")
    assert tuple(f"train/{name}" for name in bare.kept_back) == tuple(value["kept_back"])
    half = tellapart.train(root, quality="fast", test=0.5)
    assert len(half.kept_back) > len(bare.kept_back)
    assert tellapart.train(root, quality="fast", test=0).kept_back == ()


def test_a_test_without_a_known_label_is_refused(heroes: DemoPictures, tmp_path: Path) -> None:
    kept = few_of(heroes, tmp_path / "kept", 2)
    (kept / "ice_queen").rename(kept / "snow_woman")
    (kept / "dark_knight").rename(kept / "helmet")
    root = tmp_path / "data"
    shutil.copytree(heroes.photos, root / "train")
    shutil.copytree(kept, root / "test")
    for source, more in ((heroes.photos, ("--test", kept)), (root, ())):
        found = run_here("train", source, "-o", tmp_path / "m", "--quality", "fast", *more)
        assert found.code == 2
        assert f"{kept if more else root} has no test picture of any training label." in found.err
        assert (
            "test labels: helmet, snow_woman. Its training labels: dark_knight, ice_queen."
            in found.err
        )
        assert not (tmp_path / "m").exists()
    (kept / "helmet").rename(kept / "Dark_Knight")
    with pytest.raises(DatasetError, match="'Dark_Knight' and 'dark_knight' differ only in case"):
        tellapart.train(heroes.photos, quality="fast", test=kept)


def test_test_pictures_of_unknown_labels_are_said_not_to_be_judged(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    kept = few_of(heroes, tmp_path / "kept", 2)
    shutil.copytree(kept / "ice_queen", kept / "snow_woman")
    result = tellapart.train(few_of(heroes, tmp_path / "p", 12), quality="fast", test=kept)
    assert result.held_out
    assert result.held_out.accuracy.n == 4
    said = " ".join(result.notes)
    assert "Not judged, because they have no training pictures: snow_woman." in said
    assert "can be read" not in said
    assert result.untested == ()


@pytest.mark.slow
def test_a_label_of_a_dozen_pictures_is_always_tested(tmp_path: Path) -> None:
    for number in range(12):
        for label in ("a", "b", "c", "d", "e"):
            (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
            scene = draw_scene(24, 20, seed=100 * ord(label) + number)
            scene.save(tmp_path / "photos" / label / f"{number}.png")
    result = tellapart.train(tmp_path / "photos", quality="fast")
    assert result.untested == ()
    assert result.held_out
    assert all(row.n for row in result.held_out.per_label)


@pytest.mark.parametrize("test", ["10%", "none"])
def test_labels_of_two_pictures_are_said_to_be_untested(
    test: str, heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 2)
    command = ("train", photos, "-o", tmp_path / "m", "--quality", "fast", "--test", test)
    value = run_here(*command, "--json").json()
    assert value["untested"] == ["dark_knight", "ice_queen"]
    note = "Not tested, because none of their pictures is held out: dark_knight, ice_queen."
    assert (note in value["notes"]) == (test != "none")
    assert value["cross_validated"]["n"] == 4


@pytest.mark.slow
@pytest.mark.parametrize(("counts", "judged"), [((1, 1), 0), ((1, 8), 7)])
@pytest.mark.parametrize("solver", mostly_slow(["exact", "sgd"], 1))
def test_pictures_that_no_head_judged_count_nowhere(
    counts: tuple[int, int], judged: int, solver: str, heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", max(counts))
    for picture in sorted((photos / "ice_queen").iterdir())[1:]:
        picture.unlink()
    command = ("train", photos, "-o", tmp_path / "m", "--quality", "fast", "--repeats", "2")
    more = ("--solver", solver, *(("--steps", "20") if solver == "sgd" else ()))
    value = run_here(*command, *more, "--json").json()
    assert value["cross_validated"]["n"] == judged
    assert len(value["cross_validated"]["labels"]) == 2
    said = " ".join(value["notes"])
    assert f"Cross-validation could not judge {sum(counts) - judged} pictures" in said
    text = run_here(*command, *more).out
    assert ("no picture was judged" in text) == (not judged)
    for page in ("report.html", "README.md"):
        written = (tmp_path / "m" / page).read_text("utf-8")
        assert ("no picture could judge it" in written) == (not judged)
        assert re.search(r"\bnan\b", written) is None
    again = run_here("report", tmp_path / "m", "-o", tmp_path / "again.html")
    assert again.code == 0


@pytest.mark.slow
def test_a_label_with_too_few_pictures_is_trained_and_said_to_be_untested(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = Path(shutil.copytree(heroes.photos, tmp_path / "photos"))
    (photos / "fog").mkdir()
    for number in range(4):
        draw_scene(seed=number).save(photos / "fog" / f"{number}.png")
    found = run_here("train", photos, "-o", tmp_path / "m", "--quality", "fast", "--json")
    value = found.json()
    assert value["labels"]["fog"] == 4
    assert value["untested"] == ["fog"]
    assert "Fewer than 20 training pictures: fog (4). Expect mistakes." in value["notes"]
    assert "Not tested, because none of their pictures is held out: fog." in value["notes"]
    text = run_here("train", photos, "-o", tmp_path / "m", "--quality", "fast").out
    assert all(f"Note: {note}" in text for note in value["notes"])


def test_pictures_in_two_labels_and_test_pictures_learnt_from_are_said(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 12)
    shutil.copy(photos / "ice_queen" / "000.jpg", photos / "dark_knight" / "twin.jpg")
    kept = few_of(heroes, tmp_path / "kept", 2)
    notes = " ".join(tellapart.train(photos, quality="fast", test=kept).notes)
    assert "1 picture found under two labels; one of the two is wrong:" in notes
    assert (
        "4 test pictures also among the training pictures, so the test is too optimistic." in notes
    )


# where it writes


def test_training_again_replaces_the_model(heroes: DemoPictures, tmp_path: Path) -> None:
    target = tmp_path / "m"
    tellapart.train(few_of(heroes, tmp_path / "few", 5), quality="fast").save(target)
    (target / ".DS_Store").write_bytes(b"left by a file manager")
    before = contents(target)
    command = ("train", heroes.photos, "-o", target, "--quality", "fast")
    assert run_here(*command).code == 0
    after = contents(target)
    assert set(after) == set(before) - {".DS_Store"}
    assert after["model.onnx"] != before["model.onnx"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few", "m", "m.before"]
    assert contents(tmp_path / "m.before") == before
    (target / "model.onnx").write_bytes(after["model.onnx"][:10_000])  # also a damaged one
    assert run_here(*command).code == 0
    assert contents(target) == after


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"thesis.txt": b"years of work"}, "such as thesis.txt."),
        ({"model.onnx": b"\x08\x08\x12\x09tellapart", "thesis.txt": b""}, "such as thesis.txt."),
        ({"model.onnx": b"\x08\x08\x12\x07pytorch", "README.md": b"x"}, "such as README.md."),
        ({"model.onnx": b""}, "such as model.onnx."),
        ({"labels.txt": b"a\nb\n"}, "such as labels.txt."),
        ({".git/HEAD": b"ref"}, "such as .git."),
    ],
)
def test_another_folder_is_refused_before_any_work(
    files: dict[str, bytes], said: str, heroes: DemoPictures, tmp_path: Path
) -> None:
    target, cache = tmp_path / "target", tmp_path / "cache"
    for name, content in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    found = run_here(
        *("train", heroes.photos, "-o", target, "--quality", "fast"),
        environment={"TELLAPART_CACHE": str(cache)},
    )
    assert found.code == 2
    assert found.out == ""
    assert said in found.err
    assert only_sentences(found.err.replace(" with -o.", "."))
    assert contents(target) == files
    assert not cache.exists()
    with pytest.raises(DestinationError):
        tellapart.load(model_of(heroes)).save(target)


# which options go together


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--steps 10", "--steps goes with --solver sgd."),
        ("--learning-rate 0.1", "--learning-rate goes with --solver sgd."),
        ("--batch-size 10", "--batch-size goes with --solver sgd."),
        ("--validation 10%", "--validation goes with --solver sgd."),
        ("--eval-every 10", "--eval-every goes with --solver sgd."),
        ("--seed 1", "--seed goes with --solver sgd."),
        ("--solver sgd --class-weights balanced", "--class-weights goes with --solver exact."),
        ("--solver sgd --steps 0", "--steps"),
        ("--solver sgd --batch-size 10000000", "The batch size must be 1 to 10000, not 10000000."),
        ("--solver sgd --learning-rate 1e307", "a learning rate of 1e+307 is too large."),
        ("--backbone lite0 --backbone-pixels 0..1", "do not go with lite0."),
        ("--backbone lite1 --quality fast", "it does not go with --backbone."),
        ("--backbone lite1 --engine tensorflow", "TensorFlow cannot train on our own networks."),
        ("--solver sgd --learning-rate nan", "The learning rate must be above 0, not nan."),
        ("--solver sgd --learning-rate -1", "The learning rate must be above 0, not -1.0."),
        ("--solver sgd --seed -1", "The seed must be 0 or more, not -1."),
        ("--solver sgd --validation 100%", "--validation 100% is not a fraction."),
        ("--solver sgd --steps 1 --validation 99%", "leaves no picture to learn from."),
        ("--backbone-input x", "go with --backbone."),
        ("--backbone-output x", "go with --backbone."),
        ("--backbone-pixels 0..1", "go with --backbone."),
        ("--backbone nowhere.onnx", "nowhere.onnx cannot be read: no such file or directory."),
        ("--backbone nowhere.onnx --backbone-pixels rgb", "There are no pixels called 'rgb'."),
        ("--backbone nowhere.onnx --quality best", "it does not go with --backbone."),
        ("--quality better", "--quality"),
        ("--solver adam", "--solver"),
        ("--test 100%", "--test 100% is neither a fraction nor a folder."),
        ("--test 20", "--test 20 is neither a fraction nor a folder."),
        ("--test nan", "--test nan is neither a fraction nor a folder."),
        ("--test nowhere/", "--test nowhere/ is neither a fraction nor a folder."),
        ("--test 99%", "60 of 60 pictures would be held out for testing."),
    ],
)
def test_options_that_cannot_be_had_are_refused(
    options: str,
    said: str,
    heroes: DemoPictures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    quality = [] if "--backbone " in options or "--quality" in options else ["--quality", "fast"]
    found = run_here("train", heroes.photos, *quality, *options.split())
    assert found.code == 2
    assert found.out == ""
    assert said in found.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: TrainOptions(quality="better"), "There is no quality 'better'."),
        (lambda: TrainOptions(test=1.0), "A fraction of 1 cannot be held out"),
        (lambda: TrainOptions(test=-0.1), "A fraction of -0.1 cannot be held out"),
        (lambda: TrainOptions(test=float("nan")), "A fraction of nan cannot be held out"),
        (lambda: SgdSettings(eval_every=0), "The eval every must be 1 or more, not 0."),
        (lambda: SgdSettings(validation=1), "The validation must be a fraction"),
        (lambda: replace(TrainOptions(), test=0.3), None),
        (lambda: SgdSettings(validation=0), None),
    ],
)
def test_options_are_checked_when_they_are_made(
    make: Callable[[], object], error: str | None
) -> None:
    if error is None:
        assert make()
    else:
        with pytest.raises(UsageError, match=re.escape(error)):
            make()


# how it learns


def test_sgd_prints_the_originals_log_and_learns(heroes: DemoPictures, tmp_path: Path) -> None:
    command = ("train", heroes.photos, "-o", tmp_path / "m", "--quality", "fast", "--solver", "sgd")
    found = run_here(*command, "--steps", "95", "--eval-every", "10", "--learning-rate", "0.05")
    lines = found.err.splitlines()
    pattern = (
        r"step +(\d+): train accuracy +[\d.]+%, cross entropy (\d+\.\d+), "
        r"validation accuracy +[\d.]+%"
    )
    matches = [re.fullmatch(pattern, line) for line in lines]
    assert all(matches), lines
    steps = [int(match[1]) for match in matches if match]
    losses = [float(match[2]) for match in matches if match]
    assert steps == [*range(0, 95, 10), 94]
    assert losses[0] == pytest.approx(np.log(2), abs=0.1)
    assert losses[-1] < losses[0] / 2
    assert "step" not in found.out
    again = run_here(*command, "--steps", "95", "--learning-rate", "0.05", "--json")
    assert again.err == ""
    value = again.json()
    assert value["solver"] == "sgd"
    assert [part["setting"] for part in value["head"]] == [None]
    assert value["cross_validated"]["accuracy"] > 0.85
    assert value["held_out"]["accuracy"] > 0.6


def test_sgd_without_validation_says_nothing_of_it(heroes: DemoPictures) -> None:
    seen: list[SgdStep] = []
    tellapart.train(
        heroes.photos,
        quality="fast",
        sgd=SgdSettings(steps=3, validation=0),
        watch=Watch(step=seen.append),
    )
    assert [step.step for step in seen] == [0, 2]
    assert all(np.isnan(step.validation_accuracy) for step in seen)


@pytest.mark.slow
def test_balanced_weights_lift_the_label_with_few_pictures(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 30)
    for picture in sorted((photos / "ice_queen").iterdir())[4:]:
        picture.unlink()
    found = {}
    for weights in ("none", "balanced"):
        out = tmp_path / weights
        arguments = ("train", photos, "-o", out, "--quality", "fast", "--test", "none")
        assert run_here(*arguments, "--class-weights", weights).code == 0
        classifier = tellapart.load(out)
        pictures = sorted(heroes.kept_back.glob("*/*"))
        found[weights] = np.mean([p.scores["ice_queen"] for p in classifier.predict_many(pictures)])
    assert found["balanced"] > found["none"] + 0.01


@pytest.mark.parametrize("quality", mostly_slow(["fast", "good", "best"], 1))
def test_every_quality_trains_and_answers(
    quality: str, heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 6)
    tellapart.train(photos, quality=quality).save(tmp_path / "m")
    classifier = tellapart.load(tmp_path / "m")
    assert classifier.manifest.quality == quality
    answers = list(classifier.predict_many(sorted(photos.glob("*/*"))))
    assert [answer.label for answer in answers] == ["dark_knight"] * 6 + ["ice_queen"] * 6


def test_progress_counts_every_picture(heroes: DemoPictures, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    photos = few_of(heroes, tmp_path / "photos", 3)
    (photos / "ice_queen" / "page.jpg").write_text("<html>")
    watch = Watch(lambda done, total: seen.append((done, total)))
    tellapart.train(photos, quality="fast", watch=watch)
    assert seen == [(number, 7) for number in range(1, 8)]


def test_one_picture_under_two_labels_is_all_there_is(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        draw_scene().save(tmp_path / "photos" / label / "1.png")
    for sgd in (None, SgdSettings(steps=5)):
        result = tellapart.train(tmp_path / "photos", quality="fast", sgd=sgd)
        assert list(result.predict(draw_scene()).scores.values()) == pytest.approx(
            [0.5, 0.5], abs=0.2
        )
        assert result.accuracy.n == 0  # both are in one fold


def test_labels_without_a_readable_picture_are_left_out_or_fatal(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 3)
    (photos / "broken").mkdir()
    (photos / "broken" / "page.jpg").write_text("<html>")
    result = tellapart.train(photos, quality="fast")
    assert result.classifier.labels == ("dark_knight", "ice_queen")
    assert "Left out, because none of their training pictures can be read: broken." in result.notes
    shutil.rmtree(photos / "ice_queen")
    with pytest.raises(DatasetError, match=r"broken/page\.jpg: an HTML page saved as .jpg"):
        tellapart.train(photos, quality="fast")


@pytest.mark.slow
def test_the_original_experiment(shared_data: Path, tmp_path: Path) -> None:
    photos = shared_data / "heroes"
    found = run_here("train", photos, "-o", tmp_path / "m", "--quality", "fast", "--json")
    value = found.json()
    assert (value["held_out"]["correct"], value["held_out"]["n"]) == (25, 25)
    assert value["cross_validated"]["n"] == 482
    assert value["cross_validated"]["accuracy"] >= 0.985
    misjudged = photos / "test" / "elsa" / "imagesfg.jpg"  # by the original, as Darth Vader
    (row,) = run_here("guess", tmp_path / "m", misjudged, "--json").json_lines()
    assert row["label"] == "elsa"
    assert json.dumps(row)


# cross-validated more than once


def test_cross_validation_is_repeated_on_request(heroes: DemoPictures, tmp_path: Path) -> None:
    photos = few_of(heroes, tmp_path / "photos", 24)
    once, often = (tellapart.train(photos, quality="fast", repeats=n) for n in (1, 3))
    assert once.repeated == ()
    assert often.cross_validated
    assert len(often.repeated) == 3
    assert often.repeated[0] == often.cross_validated.accuracy
    assert {share.n for share in often.repeated} == {often.cross_validated.accuracy.n}
    assert any("Cross-validated 3 times, with new folds each time" in note for note in often.notes)
    assert often.classifier.content == once.classifier.content


def test_the_command_tells_of_each_time(heroes: DemoPictures, tmp_path: Path) -> None:
    photos = few_of(heroes, tmp_path / "photos", 24)
    model = tmp_path / "model"
    found = run_here(
        *("train", photos, "-o", model, "--quality", "fast", "--repeats", "2", "--json")
    )
    said = json.loads(found.out)
    assert [one["n"] for one in said["repeated"]] == [said["cross_validated"]["n"]] * 2
    record = tellapart.load(model).training_record
    assert record
    assert "--repeats 2" in record.run.command


def test_a_number_of_repeats_that_cannot_be_is_refused(heroes: DemoPictures) -> None:
    with pytest.raises(UsageError, match="cannot be repeated 0 times"):
        tellapart.train(heroes.photos, quality="fast", repeats=0)
