"""Labelled pictures that a program holds are learnt from, whatever holds them."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import draw_scene, encoded
from tellapart import DatasetError, TrainResult, UsageError, train
from tellapart.dataset.in_python import read_source
from tellapart.dataset.sources import Dataset

COUNT = 6  # pictures of each of the two labels
LABELS = np.array([0, 1] * COUNT)
WORDS = np.array(["elsa", "vader"])[LABELS]


def drawn(number: int) -> np.ndarray:
    """Light pictures and dark ones, by turns; no two are alike."""
    light = (0, 120)[number % 2]
    return np.asarray(np.asarray(draw_scene(48, 40, seed=number)) // 2 + np.uint8(light))


PIXELS = np.stack([drawn(number) for number in range(2 * COUNT)])
FILES = [encoded(Image.fromarray(pixels)) for pixels in PIXELS]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("pictures")
    for number, content in enumerate(FILES):
        (folder / f"{number:02d}.png").write_bytes(content)
    return [str(path) for path in sorted(folder.iterdir())]


class Frame:
    """What pandas, polars and pyarrow have in common."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]


class Cell:
    """A scalar of pyarrow's."""

    def __init__(self, value: object) -> None:
        self.as_py = lambda: value


class ImageFeature:
    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class ClassLabel:
    names = ("elsa", "vader")


class HubDataset:
    """What of a Hugging Face dataset is used: it decodes pictures unless it is told not to."""

    def __init__(self, labels: list[int], decode: bool = True) -> None:
        self.column_names = ["img", "label"]
        self.features: dict[str, Any] = {"img": ImageFeature(decode), "label": ClassLabel()}
        self._labels = labels

    def cast_column(self, name: str, feature: ImageFeature) -> HubDataset:
        assert name == "img"
        return HubDataset(self._labels, feature.decode)

    def __iter__(self) -> Iterator[dict[str, object]]:
        assert not self.features["img"].decode
        for number, label in enumerate(self._labels):
            yield {"img": {"bytes": FILES[number], "path": None}, "label": label}


IN_MEMORY: dict[str, Callable[[], Any]] = {
    "arrays": lambda: (PIXELS, LABELS),
    "lists": lambda: (list(PIXELS), LABELS.tolist()),
    "pairs": lambda: list(zip(PIXELS, WORDS, strict=True)),
    "iterator": lambda: zip(PIXELS, WORDS, strict=True),
    "bytes": lambda: list(zip(FILES, WORDS, strict=True)),
    "open files": lambda: list(zip(map(io.BytesIO, FILES), WORDS, strict=True)),
    "Pillow images": lambda: [
        (Image.fromarray(pixels), word) for pixels, word in zip(PIXELS, WORDS, strict=True)
    ],
    "mapping": lambda: {"image": list(PIXELS), "label": WORDS},
    "mappings": lambda: [
        {"picture": pixels, "class": word} for pixels, word in zip(PIXELS, WORDS, strict=True)
    ],
    "frame": lambda: Frame({" Image ": FILES, "Label": [Cell(str(word)) for word in WORDS]}),
    "dataset": lambda: HubDataset(LABELS.tolist()),
    "dataset in splits": lambda: {
        "train": HubDataset(LABELS.tolist()),
        "test": HubDataset(LABELS.tolist()[:2]),
    },
}


@pytest.mark.parametrize("way", IN_MEMORY)
def test_pictures_in_memory_are_learnt_whatever_holds_them(way: str) -> None:
    result = train(IN_MEMORY[way](), quality="fast", test=0)
    classifier = result.classifier
    assert classifier.manifest.counts == (COUNT, COUNT)
    assert classifier.labels in {("0", "1"), ("elsa", "vader")}
    scores = classifier.predict_scores(PIXELS)
    assert scores.argmax(axis=1).tolist() == LABELS.tolist()
    assert classifier.required_record().roots == ()


def test_paths_are_learnt_and_found_again(paths: list[str], monkeypatch: Any) -> None:
    by_pairs = train(zip(paths, WORDS, strict=True), quality="fast", test=0)
    assert len(by_pairs.classifier.required_record().locate()) == len(paths)
    assert by_pairs.classifier.required_record().names == tuple(paths)
    monkeypatch.chdir(Path(paths[0]).parent)
    names = [Path(path).name for path in paths]
    by_table = train({"path": names, "label": WORDS}, quality="fast", test=0)
    monkeypatch.chdir("/")
    assert by_table.classifier.required_record().names == tuple(names)
    assert len(by_table.classifier.required_record().locate()) == len(paths)
    assert by_table.classifier.digest == by_pairs.classifier.digest


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([9, 10], ("9", "10")),
        ([np.int64(2), np.int64(-1)], ("-1", "2")),
        ([True, False], ("False", "True")),
        (np.array([1.0, 0.0]), ("0", "1")),
        ([0.5, 1.0], ("0.5", "1")),
        (np.array([b"b", b"a"]), ("a", "b")),
        ([" b ", "a"], ("a", "b")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["u\u0308", "\u00fc", "x"], ("x", "\u00fc")),
        ([np.str_("b"), "a"], ("a", "b")),
    ],
)
def test_labels_of_any_type_are_texts_in_a_natural_order(
    labels: Any, expected: tuple[str, ...]
) -> None:
    found = read_source((list(PIXELS[: len(labels)]), list(labels)))
    assert found.labels == expected


@pytest.mark.slow
def test_more_than_ten_numbered_labels_are_in_the_order_of_their_numbers() -> None:
    numbers = [number % 12 for number in range(24)]
    pictures = [np.asarray(draw_scene(30, 30, seed=number)) for number in numbers]
    pictures = [np.roll(one, at // 12, axis=0) for at, one in enumerate(pictures)]
    classifier = train((pictures, numbers), quality="fast", test=0).classifier
    assert classifier.labels == tuple(map(str, range(12)))
    assert classifier.predict_scores(pictures).argmax(axis=1).tolist() == numbers


def test_splits_and_groups_mean_what_they_mean_in_a_table() -> None:
    split = ["Training"] * 8 + ["hold-out"] * 4
    result = train({"image": list(PIXELS), "label": WORDS, "split": split}, quality="fast")
    assert result.held_out
    assert len(result.held_out.names) == 4
    assert any("what is marked hold-out" in note for note in result.notes)
    unsaid = [None, float("nan"), "", np.nan] * 3
    groups = [number // 2 for number in range(12)]
    read = read_source({"img": list(PIXELS), "target": WORDS, "subset": unsaid, "group_id": groups})
    assert {item.split for item in read.items} == {None}
    assert [item.group for item in read.items] == [str(group) for group in groups]


def test_what_cannot_be_read_is_listed_and_the_rest_is_learnt(paths: list[str]) -> None:
    closed = Image.open(io.BytesIO(FILES[0]))
    closed.close()
    odd: list[tuple[Any, str]] = [
        (b"<html></html>", "elsa"),
        ("no/such.png", "elsa"),
        ("x" * 5000, "elsa"),
        ("a\0b", "elsa"),
        (closed, "elsa"),
        (paths[0], str(WORDS[0])),
    ]
    result = train([*zip(paths, WORDS, strict=True), *odd], quality="fast", test=0)
    reasons = {file.name: file.reason for file in result.skipped}
    assert len(reasons) == len(odd)
    assert reasons["no/such.png"] == "no such file"
    assert reasons[paths[0]] == "given a second time, with the same label"
    assert reasons["picture-000012"] == "an HTML page"
    assert max(map(len, reasons)) < 400
    assert result.classifier.manifest.counts == (COUNT, COUNT)


def test_a_picture_given_under_two_labels_is_said(paths: list[str]) -> None:
    result = train([*zip(paths, WORDS, strict=True), (paths[0], "vader")], quality="fast", test=0)
    assert any("more than one label" in note for note in result.notes)


ONE = PIXELS[0]
WRONG: dict[str, tuple[Any, str]] = {
    "a number": (5, "There are no labelled pictures in this int."),
    "nothing": (None, "There are no labelled pictures in this NoneType."),
    "pictures without labels": (PIXELS, "There are no labelled pictures in this ndarray."),
    "an empty list": ([], "There are no pictures in the list given in Python."),
    "paths without labels": (["a.png"], "Number 0 (from 0) is not a pair (picture, label)."),
    "triples": ([(ONE, "a"), (ONE, "a", 1)], "Number 1 (from 0) is not a pair"),
    "no label": ([(ONE, "a"), (ONE, None)], "Number 1 (from 0) has no label."),
    "a label that is NaN": ([(ONE, float("nan"))], "Number 0 (from 0) has no label."),
    "an empty label": ([(ONE, " ")], "Number 0 (from 0) has no label."),
    "a label that is a list": ([(ONE, [1])], "A label is a text or a number, not list."),
    "no picture": ([(None, "a")], "Number 0 (from 0) has no picture."),
    "an unlabelled picture": (HubDataset([0, -1]), "Number 1 (from 0) has no label."),
    "lengths": ((PIXELS, [1, 2]), "There are 12 pictures and 2 labels."),
    "lengths of columns": (
        {"image": [ONE], "label": []},
        "The columns are not equally long; image: 1, label: 0.",
    ),
    "one-hot": (
        (PIXELS, np.eye(2)[LABELS]),
        "Labels are one for each picture, [N]; these are",
    ),
    "one picture": ((ONE.transpose(2, 0, 1), [1]), "An array [3, 40, 48] is not many pictures."),
    "channels first": ((PIXELS.transpose(0, 3, 1, 2), LABELS), "give array.transpose(1, 2, 0)"),
    "floats": ((PIXELS / 255, LABELS), "Whether 1.0 is white or nearly black cannot be told"),
    "no column of pictures": ({"x": [ONE], "label": [1]}, "There is no column of pictures;"),
    "no column of labels": ({"image": [ONE], "y": [1]}, "There is no column of labels;"),
    "a split": (
        {"image": [ONE], "label": [1], "split": ["fold 3"]},
        "Number 0 (from 0) has the split 'fold 3'; it may be: train,",
    ),
    "no picture at all": ([(3, "a")], "Picture number 0 (from 0) cannot be used. A picture is a"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_a_sentence(case: str) -> None:
    source, message = WRONG[case]
    with pytest.raises(UsageError) as caught:
        train(source, quality="fast")
    assert message in str(caught.value)
    assert caught.value.hint or "cannot be used" in caught.value.message


def test_too_few_labels_are_said(paths: list[str]) -> None:
    with pytest.raises(DatasetError) as caught:
        train([(pixels, "elsa") for pixels in PIXELS])
    assert caught.value.message == (
        "The list given in Python needs pictures of at least 2 labels; found: elsa (12)."
    )
    with pytest.raises(DatasetError, match=r"found: none\. Passed over: 2 files, such as no"):
        train([("no/1.png", "a"), ("no/2.png", "b")])
    with pytest.raises(DatasetError, match="differ only in case"):
        train([(PIXELS[0], "Elsa"), (PIXELS[1], "elsa")])
    with pytest.raises(UsageError, match="What to test on is a share or a path, not list"):
        train([(PIXELS[0], "a"), (PIXELS[1], "b")], test=[1, 2])  # type: ignore[arg-type]


def folders() -> set[str]:
    place = Path(os.environ.get("TMPDIR", "/tmp"))
    return {path.name for path in place.glob("tellapart-*.lock")}


def test_pictures_are_kept_as_long_as_the_result_and_no_longer() -> None:
    dataset: Dataset | None = read_source((PIXELS, LABELS))
    assert dataset
    places = [item.file for item in dataset.items]
    assert all(place.is_file() for place in places)
    assert np.array_equal(np.asarray(Image.open(places[0])), PIXELS[0])
    dataset = None
    assert not any(place.exists() for place in places)
    before = folders()
    with pytest.raises(UsageError):
        read_source([(PIXELS[0], "a"), (PIXELS[1], None)])
    assert folders() <= before


@pytest.fixture
def result() -> TrainResult:
    return train((PIXELS, WORDS), quality="fast", test=0)


def test_a_model_from_memory_is_saved_replaced_and_says_where_it_is_from(
    result: TrainResult, tmp_path: Path
) -> None:
    result.save(tmp_path / "model")
    page = (tmp_path / "model" / "report.html").read_text("utf-8")
    assert "It was trained from Python, on pictures that a program gave: no command" in page
    assert "from the array given in Python" in page
    assert "tellapart train" not in page
    assert page.count("data:image/") >= 2
    more = train((np.concatenate([PIXELS, PIXELS[:, ::-1]]), [*WORDS, *WORDS]), quality="fast")
    change = more.replaces(tmp_path / "model")
    assert change
    assert change.added == 2 * COUNT
    more.save(tmp_path / "model")  # half of the pictures are the same: the same source
    assert (tmp_path / "model.before").is_dir()
    more.save(tmp_path / "private", private=True)
    for file in (tmp_path / "private").iterdir():
        assert b"picture-0000" not in file.read_bytes()


@pytest.mark.slow
def test_a_result_goes_to_another_process_with_its_pictures(
    result: TrainResult, tmp_path: Path
) -> None:
    result.predict(PIXELS[0])
    result.save(tmp_path / "here")
    assert copy.deepcopy(result).dataset is result.dataset
    (tmp_path / "result.pickle").write_bytes(pickle.dumps(result))
    places = [item.file for item in result.dataset.items]
    for place in places:
        place.unlink()  # the program that made it has ended
    script = (
        "import pickle, sys; from pathlib import Path;"
        "pickle.loads(Path(sys.argv[1]).read_bytes()).save(sys.argv[2])"
    )
    subprocess.run(
        [sys.executable, "-c", script, tmp_path / "result.pickle", tmp_path / "there"],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    for file in (tmp_path / "here").iterdir():
        assert (tmp_path / "there" / file.name).read_bytes() == file.read_bytes(), file.name


def test_a_test_takes_the_same(result: TrainResult) -> None:
    tested = result.classifier.test((PIXELS, WORDS))
    assert tested.evaluation.accuracy.n == len(PIXELS)
    assert "learnt from all of these" in tested.caution


def test_frames_and_datasets_of_others(paths: list[str]) -> None:
    """Real ones, where they are installed; what they have in common is tested above."""
    table: Any
    for name, make in (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "table")):
        try:
            module = __import__(name)
        except ImportError:
            continue
        table = getattr(module, make)({"path": paths, "label": WORDS.tolist()})
        assert read_source(table).counts == {"elsa": COUNT, "vader": COUNT}


def test_nothing_of_theirs_is_imported() -> None:
    script = (
        "import sys\n"
        "for name in ('pandas', 'polars', 'pyarrow', 'datasets', 'sklearn'):\n"
        "    sys.modules[name] = None\n"
        "import tellapart.dataset.in_python, tellapart.training.train"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
