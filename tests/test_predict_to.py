"""Answers in shards: the same rows in every form, the same bytes whoever writes them, and work that
was killed anywhere goes on."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import pickle
import shutil
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from conftest import draw_scene, encoded, mostly_slow
from drawn import contents, model_of, run, run_here
from kills import killed_at, moments
from tellapart.cache.parts import STOPPED, Caution
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DestinationError, MissingExtraError, PictureError, UsageError
from tellapart.files import addresses
from tellapart.files.destinations import destination_at
from tellapart.images.decode import Picture
from tellapart.model.answers import parts as answer_parts
from tellapart.model.answers.forms import FORMS, as_csv, as_json, as_parquet
from tellapart.model.answers.parts import AnswerParts, named
from tellapart.model.answers.rows import MOST_COLUMNS, Row, Table
from tellapart.model.classifier import Classifier
from tellapart.model.observe import Observation, Observer
from tellapart.workers.local import limit_threads
from tellapart.workers.parts import parts_of
from tellapart.workers.places import place_of

FIXED = ["path", "sha256", "label", "score", "novelty", "unknown", "error"]


@pytest.fixture(scope="module")
def classifier(heroes: DemoPictures) -> Classifier:
    return tellapart.load(model_of(heroes))


@pytest.fixture(scope="module")
def inbox(heroes: DemoPictures) -> list[str]:
    """Thirteen pictures, of which the seventh cannot be read."""
    return [str(path) for path in sorted(heroes.inbox.iterdir())]


def shards(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in contents(folder).items() if name[0] != "_"}


def lines(folder: Path) -> list[dict[str, Any]]:
    """All rows in the order of their parts, from JSON."""
    return [json.loads(line) for of in shards(folder).values() for line in of.splitlines()]


def test_json_lines_say_what_guess_says_and_which_content(
    classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    written = classifier.predict_to(inbox, tmp_path / "out", form="json", per_part=5)
    assert (written.total, written.read, written.unreadable, written.parts) == (13, 12, 1, 3)
    assert list(shards(tmp_path / "out")) == [f"part-0000{n}.jsonl" for n in range(3)]
    found = run_here("guess", model_of_(classifier, tmp_path), *inbox, "--json").json_lines()
    rows = lines(tmp_path / "out")
    digests = [row.pop("sha256", None) for row in rows]
    assert rows == found
    assert digests[0] == digest_of(inbox[0])
    assert digests[6] is None


def model_of_(classifier: Classifier, tmp_path: Path) -> Path:
    return classifier.save(tmp_path / "model")


def digest_of(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_csv_and_parquet_have_the_same_columns(
    classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for form in ("csv", "parquet"):
        classifier.predict_to(inbox, tmp_path / form, form=form, per_part=8)
    answers = list(classifier.predict_many(inbox, errors="return"))
    texts = [content.decode() for content in shards(tmp_path / "csv").values()]
    rows = [row for text in texts for row in csv.DictReader(io.StringIO(text))]
    table = parquet.read_table(tmp_path / "parquet")  # which passes over what begins with _
    scores = [f"score_{label}" for label in classifier.labels]
    assert [*rows[0]] == table.column_names == [*FIXED, *scores]
    for row, cells, answer in zip(rows, table.to_pylist(), answers, strict=True):
        if isinstance(answer, PictureError):
            assert row["error"] == cells["error"] == answer.message
            assert {cells[name] for name in [*FIXED[1:-1], *scores]} == {None}
            continue
        assert row["path"] == cells["path"]
        assert row["sha256"] == cells["sha256"] == digest_of(row["path"])
        assert row["label"] == cells["label"] == answer.label
        assert cells["score"] == np.float32(answer.score)
        assert (cells["unknown"], row["unknown"]) == (
            answer.unknown,
            "true" if answer.unknown else "false",  # which readers of tables take for booleans
        )
        assert cells["novelty"] == answer.novelty
        for label, score in answer.scores.items():
            assert cells[f"score_{label}"] == np.float32(score)
            assert row[f"score_{label}"] == f"{score:.6f}"


@pytest.mark.parametrize("form", ["json", "parquet"])
def test_embeddings_are_written_where_asked_for(
    form: Any, classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    read = [path for path in inbox if path != inbox[6]]
    expected = classifier.embed(read)
    out = tmp_path / "out"
    classifier.predict_to(inbox, out, form=form, embedding=True)
    if form == "json":
        found = [row["embedding"] for row in lines(out) if "error" not in row]
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        column = parquet.read_table(out).column("embedding")
        assert str(column.type) == f"fixed_size_list<element: float>[{expected.shape[1]}]"
        assert [value is None for value in column.to_pylist()] == [n == 6 for n in range(13)]
        found = [value for value in column.to_pylist() if value is not None]
    assert np.array_equal(np.array(found, np.float32), expected)


def test_a_part_of_unreadable_pictures_has_the_columns_of_the_others(
    classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pictures = [inbox[0], "nowhere.jpg", inbox[6]]
    classifier.predict_to(pictures, tmp_path, form="parquet", embedding=True, per_part=1)
    schemas = {str(parquet.read_schema(path)) for path in tmp_path.glob("*.parquet")}
    assert len(schemas) == 1
    assert parquet.read_table(tmp_path).column("error").to_pylist() == [
        None,
        "cannot be opened: no such file or directory",
        "an HTML page saved as .jpg",
    ]


def test_pixels_and_bytes_are_called_by_their_number(
    classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    scene = draw_scene()
    pictures: list[Picture] = [Path(inbox[0]), encoded(scene), np.asarray(scene)]
    classifier.predict_to(pictures, tmp_path / "out", form="json", per_part=2)
    rows = lines(tmp_path / "out")
    assert [row["path"] for row in rows] == [inbox[0], "picture-000001", "picture-000002"]
    assert [bool(row["sha256"]) for row in rows] == [True, True, False]
    assert rows[1]["scores"] == rows[2]["scores"]
    again = classifier.predict_to(pictures, tmp_path / "out", form="json", per_part=2)
    assert again.already_done == 3


@pytest.mark.parametrize("form", mostly_slow(list(FORMS), 1))
def test_the_bytes_are_the_same_whoever_writes_them(
    form: Any,
    classifier: Classifier,
    inbox: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One thread, four, and copies that take parts in another order, with a cache and without."""
    if form == "parquet":
        pytest.importorskip("pyarrow")
    embedding = FORMS[form].embeddings
    for number, most in enumerate((1, 4)):
        monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path / f"cache-{number}"))
        limit_threads(most)
        try:
            classifier.predict_to(
                inbox, tmp_path / f"{most}", form=form, embedding=embedding, per_part=4
            )
        finally:
            limit_threads(2**16)
    copies = tmp_path / "copies"
    every = [named(path, number) for number, path in enumerate(inbox)]
    for part in [*parts_of(every, 4)][::-1]:
        unit = AnswerParts(classifier, destination_at(copies), form, embedding=embedding)
        copy = pickle.loads(pickle.dumps(unit))
        copy.start()
        ((counts),) = copy.process([part])
        copy.finish()
        assert counts.read + counts.unreadable == len(part.pictures)
    assert shards(tmp_path / "1") == shards(tmp_path / "4") == shards(copies)
    whole = contents(tmp_path / "1")
    assert whole == contents(tmp_path / "4")
    assert {name: whole[name] for name in contents(copies)} == contents(copies)


# Going on


def test_what_is_done_is_not_done_again(
    classifier: Classifier,
    inbox: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    classifier.predict_to(inbox, out, per_part=4)
    before = contents(out)
    (out / "part-00001.csv").unlink()
    (out / "_parts" / "part-00002.json").write_text("{")
    (out / "part-00003.csv").write_text("cut short")
    asked: list[object] = []
    seen = answer_parts.AnswerParts._seen

    def noted(unit: AnswerParts, pictures: Any, caution: Caution) -> Iterator[Any]:
        asked.extend(pictures)
        return seen(unit, pictures, caution)

    monkeypatch.setattr(AnswerParts, "_seen", noted)
    written = classifier.predict_to(inbox, out, per_part=4)
    assert (written.total, written.already_done) == (13, 4)
    assert asked == [Path(path).absolute() for path in inbox[4:]]
    assert contents(out) == before


def test_a_picture_that_changed_since_is_answered_again(
    classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    paths = [shutil.copy(path, tmp_path / f"{n}.jpg") for n, path in enumerate(inbox[:4])]
    out = tmp_path / "out"
    paths = [str(path) for path in paths]
    missing = str(tmp_path / "5.jpg")
    classifier.predict_to([*paths, missing], out, form="json", per_part=2)
    shutil.copy(inbox[4], paths[3])
    shutil.copy(inbox[5], missing)
    written = classifier.predict_to([*paths, missing], out, form="json", per_part=2)
    assert (written.unreadable, written.already_done) == (0, 2)
    digests = [digest_of(path) for path in [*inbox[:3], inbox[4], inbox[5]]]
    assert [row["sha256"] for row in lines(out)] == digests


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process to kill")
@pytest.mark.parametrize("every", mostly_slow([7, 1], 1))
def test_a_kill_at_any_moment_leaves_whole_shards_and_the_next_run_goes_on(
    every: int, classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    few = [inbox[0], inbox[6], inbox[1]]

    def work(out: Path) -> None:
        classifier.predict_to(few, out, per_part=1)

    work(tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    count = moments(lambda: work(tmp_path / "counted"))
    assert count > 10
    for moment in range(1, count, every):
        out = tmp_path / f"{moment}"
        assert not killed_at(moment, lambda out=out: work(out))  # type: ignore[misc]
        for name, content in contents(out).items():
            assert ".part" in name or content == whole[name]
        work(out)
        assert contents(out) == whole


class Deadly(Observer):
    """Reading the picture of this name ends the process."""

    killer = "IMG_0003.jpg"

    def process(self, batch: Sequence[Picture]) -> list[Observation | PictureError]:
        for picture in batch:
            assert isinstance(picture, Path)
            if picture.name == self.killer:
                os._exit(1)
        return super().process(batch)


@pytest.mark.slow
def test_a_picture_that_ends_its_worker_is_told_in_its_row_and_the_rest_goes_on(
    classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    classifier.predict_to(inbox[:6], tmp_path / "whole", form="json", per_part=4)
    unit = AnswerParts(classifier, destination_at(tmp_path / "out"), "json")
    unit._observer = Deadly(classifier, unit._folder)
    every = [named(path, number) for number, path in enumerate(inbox[:6])]
    lost: list[str] = []
    with place_of("processes:1", lost.append) as place:
        counts = list(place.map(unit, ([part] for part in parts_of(every, 4))))
    assert [(one.read, one.unreadable) for one in counts] == [(3, 1), (2, 0)]
    deaths = [sentence for sentence in lost if sentence.startswith("A worker ended with code 1.")]
    assert len(deaths) == 3
    expected = lines(tmp_path / "whole")
    expected[2] = {"path": inbox[2], "error": STOPPED}
    assert lines(tmp_path / "out") == expected
    assert not [*unit._folder.rglob("*-caution.part")]


@pytest.mark.parametrize(("before", "after"), [(6, 7), (6, 8), (6, 13), (3, 13), (8, 13)])
def test_a_list_that_grew_at_its_end_goes_on(
    before: int, after: int, classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    classifier.predict_to(inbox[:before], out, per_part=4)
    written = classifier.predict_to(inbox[:after], out, per_part=4)
    assert (written.total, written.already_done) == (after, before - before % 4)
    classifier.predict_to(inbox[:after], whole, per_part=4)
    assert contents(out) == contents(whole)


def test_the_mark_of_success_is_away_while_what_came_later_is_answered(
    classifier: Classifier,
    inbox: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    classifier.predict_to(inbox[:6], out, per_part=4)
    assert (out / "_SUCCESS").exists()
    seen = answer_parts.AnswerParts._seen

    def watched(unit: AnswerParts, pictures: Any, caution: Caution) -> Iterator[Any]:
        for one in seen(unit, pictures, caution):
            assert not (out / "_SUCCESS").exists()
            yield one

    monkeypatch.setattr(AnswerParts, "_seen", watched)
    classifier.predict_to(inbox, out, per_part=4)
    assert (out / "_SUCCESS").exists()


@pytest.mark.parametrize("last", [[3, 5], [5, 4, 6], [4, 6, 5]])
def test_a_last_part_of_other_pictures_is_refused(
    last: list[int], classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    classifier.predict_to(inbox[:6], out, per_part=4)
    before = contents(out)
    with pytest.raises(DestinationError, match=r"those in part-00001\.csv are not those"):
        classifier.predict_to([*inbox[:4], *(inbox[n] for n in last)], out, per_part=4)
    assert contents(out) == before


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"form": "json"}, "were begun as csv, and now json is asked for."),
    ({"per_part": 5}, " pictures a part, and now it is 5."),
    ({"always": True}, "with another threshold for unknown pictures."),
    ({"other": True}, "were begun with another model."),
    ({"take": slice(0, 8)}, "about more pictures than are given now: there is part-00002.csv too."),
    (
        {"take": slice(0, 11)},
        "holds answers about other pictures, or in another order: those in",
    ),
    ({"take": slice(None, None, -1)}, "those in part-00000.csv are not those that are given now."),
]


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_to_go_on_with_something_else_is_refused_and_harms_nothing(
    change: dict[str, Any],
    said: str,
    classifier: Classifier,
    inbox: list[str],
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    classifier.predict_to(inbox, out, per_part=4)
    before = contents(out)
    asked = {"form": "csv", "per_part": 4, **change}
    model = classifier.admitting(1) if asked.pop("always", False) else classifier
    if asked.pop("other", False):
        few = [(draw_scene(seed=n), f"{n % 2}") for n in range(8)]
        model = tellapart.train(few, quality="fast", test=0).classifier
    pictures = inbox[asked.pop("take", slice(None))]
    with pytest.raises(DestinationError) as caught:
        model.predict_to(pictures, out, **asked)
    assert said in caught.value.message
    assert contents(out) == before


def test_a_folder_that_holds_something_else_is_left_alone(
    classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DestinationError, match=r"holds something else, such as notes\.txt"):
        classifier.predict_to(inbox, tmp_path)
    with pytest.raises(DestinationError, match="is no folder"):
        classifier.predict_to(inbox, tmp_path / "notes.txt")
    with pytest.raises(DestinationError, match=r"notes\.txt.in cannot be .*: .* is no folder"):
        classifier.predict_to(inbox, tmp_path / "notes.txt" / "in")
    for nothing in ("", "-"):
        with pytest.raises(DestinationError, match=f"'{nothing}' is no folder"):
            classifier.predict_to(inbox, nothing)
    assert contents(tmp_path) == {"notes.txt": b"mine"}


@pytest.mark.parametrize(
    ("pictures", "options", "said"),
    [
        ([], {}, "There are no pictures to answer."),
        ("inbox.jpg", {}, "Several pictures must be a list"),
        (["a.jpg"], {"form": "xml"}, "There is no form 'xml'."),
        (["a.jpg"], {"embedding": True}, "CSV has no place for embeddings."),
        (["a.jpg"], {"top": 2}, "top= does not go with form='csv'"),
        (["a.jpg"], {"per_part": 0}, "per_part= must be 1 or more, not 0."),
        ([draw_scene()], {}, "is a path, bytes or an array, not Image"),
    ],
)
def test_what_cannot_be_asked_is_said(
    pictures: Any, options: dict[str, Any], said: str, classifier: Classifier, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        classifier.predict_to(pictures, tmp_path / "out", **options)
    assert said in caught.value.message


def test_no_more_pictures_are_taken_than_a_part_has(
    classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    taken: list[int] = []
    told: list[int] = []

    def pictures() -> Iterator[str]:
        for number in range(12):
            taken.append(number)
            yield inbox[number % 6]

    def progress(done: int) -> None:
        told.append(done)
        assert len(taken) <= (done + 2) // 3 * 3 + 1

    classifier.predict_to(pictures(), tmp_path / "out", per_part=3, progress=progress)
    assert {*told} >= {3, 6, 9, 12}


# Forms


NASTY = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(NASTY, st.lists(NASTY, min_size=1, max_size=4, unique=True))
def test_every_form_gives_any_path_and_label_back(path: str, labels: list[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = Table(tuple(labels), "model")
    scores = np.eye(1, len(labels), dtype=np.float32)[0]
    rows = [Row(path, digest="d", scores=scores, novelty=0.5), Row(path, error="broken")]
    names = [*FIXED, *(f"score_{label}" for label in labels)]
    heads, first, second = csv.reader(io.StringIO(as_csv(rows, table).decode(), newline=""))
    assert (heads, first[0], first[2], second[0]) == (names, path, labels[0], path)
    objects = [json.loads(line) for line in as_json(rows, table).splitlines()]
    assert (objects[0]["path"], objects[0]["label"]) == (path, labels[0])
    assert objects[1] == {"path": path, "error": "broken"}
    read = parquet.read_table(io.BytesIO(as_parquet(rows, table)))
    assert read.column_names == names
    assert read.column("label").to_pylist() == [labels[0], None]


@pytest.mark.parametrize("count", [MOST_COLUMNS, MOST_COLUMNS + 1])
def test_very_many_labels_are_one_column_of_parquet(count: int) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    labels = tuple(f"label {n}" for n in range(count))
    scores = np.linspace(0, 1, count, dtype=np.float32)
    rows = [Row("a.jpg", digest="d", scores=scores), Row("b.jpg", error="broken")]
    content = as_parquet(rows, Table(labels, "model"))
    read = parquet.read_table(io.BytesIO(content))
    if count <= MOST_COLUMNS:
        assert read.num_columns == len(FIXED) + count
        return
    assert read.column_names == [*FIXED, "scores"]
    assert read.column("scores").to_pylist()[1] is None
    assert np.array_equal(np.array(read.column("scores").to_pylist()[0], np.float32), scores)
    about = json.loads(read.schema.metadata[b"tellapart"])
    assert about == {"model": "model", "labels": list(labels)}


@pytest.mark.parametrize(
    ("form", "to", "package", "said"),
    [
        ("parquet", "out", "pyarrow", "needs pyarrow, which is not installed"),
        ("csv", "s3://bucket/out", "fsspec", "needs fsspec, which is not installed"),
    ],
)
def test_what_is_not_installed_is_said_before_any_work(
    form: str,
    to: str,
    package: str,
    said: str,
    classifier: Classifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [*sys.modules]:
        if name.partition(".")[0] == package:
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(addresses, "_opened", {})
    with pytest.raises(MissingExtraError, match=said):
        classifier.predict_to(iter(()), to, form=form)  # type: ignore[arg-type]
    assert contents(tmp_path) == {}


def test_progress_is_told_within_a_part_too(
    classifier: Classifier, inbox: list[str], tmp_path: Path
) -> None:
    told: list[int] = []
    classifier.predict_to(inbox, tmp_path / "out", per_part=10, progress=told.append)
    assert sorted({*told}) == list(range(1, 14))
    assert told[-1] == 13


# The command


def test_guess_writes_shards_of_a_list_and_goes_on(
    heroes: DemoPictures, inbox: list[str], tmp_path: Path
) -> None:
    model = model_of(heroes)
    (tmp_path / "list.txt").write_text("\n".join(inbox[:6]))
    asked = ["guess", str(model), "--list", "list.txt", "--to", "out", "--per-part", "4", "--json"]
    found = run(*asked, "--top", "1", cwd=tmp_path)
    assert (found.code, found.out) == (0, "6 answers in 2 parts, in out.\n")
    assert [len(row["scores"]) for row in lines(tmp_path / "out")] == [1] * 6
    assert json.loads((tmp_path / "out" / "_SUCCESS").read_text()) == {
        "pictures": 6,
        "read": 6,
        "unreadable": 0,
        "parts": 2,
    }
    found = run_here(*asked, "--top", "1", cwd=tmp_path)
    assert found.out == "6 answers in 2 parts, in out (6 were there already).\n"
    found = run_here(*asked, cwd=tmp_path)
    assert (found.code, found.out) == (2, "")
    assert "begun with another number of labels" in found.err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--to", "out"], 0, ""),
        (["--to", "out", "--strict"], 3, ""),
        (["--parquet"], 2, "--parquet goes with --to only."),
        (["--embedding"], 2, "--embedding goes with --to only."),
        (["--per-part", "3"], 2, "--per-part goes with --to only."),
        (["--to", "out", "--evidence", "--json"], 2, "--evidence does not go with --to."),
        (["--to", "out", "--csv", "--parquet"], 2, "--csv does not go with --parquet."),
        (["--to", "out", "--csv", "--embedding"], 2, "CSV has no place for embeddings."),
        (["--to", "out", "--top", "2"], 2, "--top does not go with --csv"),
        (["--to", "out", "--per-part", "0"], 2, "--per-part"),
        (["--to", "nonsense://x/y"], 2, "nonsense:// is not known"),
        (["--to", "/proc/no/out"], 2, "cannot be written"),
    ],
)
def test_guess_says_what_does_not_go_with_shards(
    options: list[str], code: int, said: str, heroes: DemoPictures, tmp_path: Path
) -> None:
    found = run_here("guess", model_of(heroes), heroes.inbox, *options, cwd=tmp_path)
    assert found.code == code
    assert said in found.err
    assert (tmp_path / "out" / "_SUCCESS").exists() == (code != 2)


def test_guess_answers_what_lies_in_a_tar_as_what_lies_in_files(
    heroes: DemoPictures, inbox: list[str], tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "inbox.tar", "w") as tar:
        for path in inbox:
            tar.add(path, os.path.basename(path))
    (tmp_path / "list.txt").write_text("inbox.tar\n")
    model = str(model_of(heroes))
    expected = run_here("guess", model, *inbox, "--json").json_lines()
    found = run_here("guess", model, "inbox.tar", "--json", cwd=tmp_path).json_lines()
    assert [row["path"] for row in found] == [
        f"inbox.tar/{os.path.basename(path)}" for path in inbox
    ]
    assert [{**row, "path": ""} for row in found] == [{**row, "path": ""} for row in expected]
    asked = ["guess", model, "--list", "list.txt", "--to", "out", "--json", "--per-part", "5"]
    assert run_here(*asked, cwd=tmp_path).code == 0
    rows = lines(tmp_path / "out")
    digests = [row.pop("sha256", None) for row in rows]
    assert (digests[0], rows) == (digest_of(inbox[0]), found)
    assert "13 were there already" in run_here(*asked, cwd=tmp_path).out
    (tmp_path / "broken.tar").write_bytes(b"no tar")
    told = run_here("guess", model, "broken.tar", inbox[0], cwd=tmp_path)
    assert (told.code, told.out.splitlines()[0]) == (0, "dark knight (score = 0.83072)")
    assert told.err.startswith("broken.tar: ")
