"""What is loaded is whole, belongs together, and answers what can be true; all else is said."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import tellapart
from conftest import draw_scene
from drawn import contents, run, run_here, small_network
from tellapart import Classifier
from tellapart.backbones.foreign import ForeignBackbone
from tellapart.errors import ModelError
from tellapart.files.seal import seal
from tellapart.model.file import sealed

HEADER = b"tellapart.sha256 "


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`photos`, and a small model of them, `model`; and `other`, of the same but for one."""
    root = tmp_path_factory.mktemp("sound")
    (root / "small.onnx").write_bytes(small_network().SerializeToString())
    for number, label in enumerate(("day", "night")):
        (root / "photos" / label).mkdir(parents=True)
        for seed in range(12):
            picture = draw_scene(seed=20 * number + seed)
            if number:
                picture = picture.point(lambda value: value // 4)  # dark
            picture.save(root / "photos" / label / f"{seed:02}.png")
    train(root).save(root / "model")
    shutil.move(root / "photos" / "day" / "00.png", root / "spare.png")
    train(root).save(root / "other")
    shutil.move(root / "spare.png", root / "photos" / "day" / "00.png")
    return root


def train(root: Path) -> tellapart.TrainResult:
    own = ForeignBackbone(root / "small.onnx")
    return tellapart.train(root / "photos", backbone=own, test=0.25)


# the training record


@pytest.fixture
def copied(place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(place / "model", tmp_path / "model"))


def picture_of(place: Path) -> Path:
    return place / "photos" / "day" / "03.png"


def resealed(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays as a training.npz whose seal fits."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    bare = stream.getvalue()[:-2]
    return seal(bare + (len(HEADER) + 64).to_bytes(2, "little") + HEADER)


def test_the_record_is_an_archive_that_anyone_reads(place: Path) -> None:
    with np.load(place / "model" / "training.npz", allow_pickle=False) as stored:
        assert len(stored["names"]) == 24
        digest = (place / "model" / "model.onnx").read_bytes()[-64:]
        assert stored["model"].tolist() == [digest.decode()]
    with zipfile.ZipFile(place / "model" / "training.npz") as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(HEADER)


def test_a_flipped_bit_anywhere_in_the_record_is_said(place: Path, copied: Path) -> None:
    content = (copied / "training.npz").read_bytes()
    lot = random.Random(3)
    bits = [lot.randrange(8 * len(content)) for _ in range(120)]
    bits += range(8 * (len(content) - 110), 8 * len(content), 5)
    for bit in bits:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        (copied / "training.npz").write_bytes(damaged)
        with pytest.raises(ModelError, match=r"changed or damaged after it was written\."):
            _ = tellapart.load(copied).training_record
    assert tellapart.load(copied).predict(picture_of(place)).label  # and guessing goes on
    found = run_here("test", copied, place / "photos")
    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines()[1] == "Copy it again, or train again."


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: b"no arrays",
        lambda content: b"PK\x03\x04",
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content + b"\0",
        lambda content: content[:-83] + bytes(2),  # the archive without its comment
        lambda content: content + content,
    ],
)
def test_a_record_cut_short_or_added_to_is_damaged(
    change: Callable[[bytes], bytes], copied: Path
) -> None:
    (copied / "training.npz").write_bytes(change((copied / "training.npz").read_bytes()))
    with pytest.raises(ModelError, match=r"training\.npz was changed or damaged"):
        _ = tellapart.load(copied).training_record


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("digests", None),
        ("run", None),
        ("model", None),
        ("labels", lambda values: values[1:]),
        ("labels", lambda values: np.array(1)),
        ("labels", lambda values: values + 2),
        ("vectors", lambda values: values * np.nan),
        ("scores", lambda values: values * np.inf),
        ("scores", lambda values: values - 1),
        ("fold_weights", lambda values: values[:, :1]),
        ("fold_weights", lambda values: values * np.nan),
        ("names", lambda values: np.array([{}], dtype=object)),
    ],
)
def test_a_record_whose_arrays_cannot_be_is_damaged(
    name: str, change: Callable[[np.ndarray], np.ndarray] | None, copied: Path
) -> None:
    with np.load(copied / "training.npz") as stored:
        arrays = dict(stored)
    if change is None:
        del arrays[name]
    else:
        arrays[name] = change(arrays[name])
    (copied / "training.npz").write_bytes(resealed(arrays))
    with pytest.raises(ModelError, match=r"training\.npz is damaged\."):
        _ = tellapart.load(copied).training_record


def test_another_models_record_is_refused(place: Path, copied: Path) -> None:
    shutil.copy(place / "other" / "training.npz", copied)
    with pytest.raises(ModelError, match=r"training\.npz does not belong"):
        tellapart.load(copied).required_record()
    for command in ("report", "gaps", "explain"):
        given = [] if command == "report" else [place / "photos"]
        found = run_here(command, copied, *given)
        assert (found.code, found.out) == (2, "")
        assert "training.npz does not belong" in found.err


REPLACING = """
import sys
import tellapart
one, other = tellapart.load(sys.argv[1]), tellapart.load(sys.argv[2])
_ = one.training_record, other.training_record
print("ready", flush=True)
while True:
    for model in (other, one):
        model.save(sys.argv[3], replace=True)
        print("replaced", flush=True)
"""


@pytest.mark.slow
def test_a_model_that_is_replaced_while_it_is_read_is_never_paired_with_anothers_record(
    place: Path, copied: Path
) -> None:
    expected = {}
    for name in ("model", "other"):
        model = tellapart.load(place / name)
        expected[model.digest] = model.required_record().digests
    assert len(set(expected.values())) == 2
    picture = picture_of(place)
    seen: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", REPLACING, place / "model", place / "other", copied],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        while len(seen) < 30 or set(seen) != set(expected):
            loaded = tellapart.load(copied)
            assert loaded.predict(picture).label
            if len(seen) % 5 == 0:
                process.stdout.readline()  # at least one more was written meanwhile
            assert loaded.required_record().digests == expected[loaded.digest]
            seen.append(loaded.digest)
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file keeps its folder there")
def test_a_loaded_model_has_its_own_record_when_its_folder_is_gone(
    place: Path, copied: Path
) -> None:
    loaded = tellapart.load(copied)
    sent = pickle.dumps(loaded._record)
    shutil.rmtree(copied)
    shutil.copytree(place / "other", copied)
    own = tellapart.load(place / "model").required_record()
    assert loaded.required_record().digests == own.digests
    assert loaded.admitting(1).required_record().digests == own.digests
    assert copy.copy(loaded).required_record().digests == own.digests
    there = Classifier(loaded.content, loaded.manifest, pickle.loads(sent))  # in another process
    with pytest.raises(ModelError, match="load it again"):
        there.required_record()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts open files")
def test_no_file_stays_open_for_a_model_that_is_gone(copied: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        _ = tellapart.load(copied).training_record
    assert len(os.listdir("/proc/self/fd")) <= before + 1


# what a model answers


def lying(model: ModelProto, output: str, lie: Callable[[ModelProto, str], None]) -> ModelProto:
    """A model one of whose outputs is a lie about what it was before, `honest`."""
    for node in model.graph.node:
        node.output[:] = ["honest" if name == output else name for name in node.output]
        node.input[:] = ["honest" if name == output else name for name in node.input]
    lie(model, output)
    return model


def value(number: float, *more: float) -> Callable[[ModelProto, str], None]:
    """Always these numbers, whatever the picture."""

    def lie(model: ModelProto, output: str) -> None:
        shape = (-1,) if output == "novelty" else (1, -1)
        numbers = np.array([number, *more], np.float32).reshape(shape)
        if output == "evidence":
            numbers = numbers[..., None, None]
        zero = numpy_helper.from_array(np.float32(0), "zero")
        model.graph.initializer.extend([numpy_helper.from_array(numbers, "lie"), zero])
        model.graph.node.extend(
            [
                helper.make_node("Mul", ["honest", "zero"], ["nothing"]),
                helper.make_node("Add", ["nothing", "lie"], [output]),
            ]
        )

    return lie


def cast(kind: int) -> Callable[[ModelProto, str], None]:
    def lie(model: ModelProto, output: str) -> None:
        model.graph.node.append(helper.make_node("Cast", ["honest"], [output], to=kind))
        found = next(one for one in model.graph.output if one.name == output)
        found.type.tensor_type.elem_type = kind

    return lie


def shaped(operator: str, inputs: int = 1, **how: Any) -> Callable[[ModelProto, str], None]:
    def lie(model: ModelProto, output: str) -> None:
        node = helper.make_node(operator, ["honest"] * inputs, [output], **how)
        model.graph.node.append(node)
        found = next(one for one in model.graph.output if one.name == output)
        found.type.tensor_type.ClearField("shape")

    return lie


NAN = float("nan")
LIES = {
    "nan": ("scores", value(NAN), "its output scores contains nan"),
    "half nan": ("scores", value(1.0, NAN), "its output scores contains nan"),
    "inf": ("scores", value(float("inf")), "its output scores contains inf"),
    "7 and -3": ("scores", value(7, -3), "its scores are not probabilities"),
    "a sum of 1": ("scores", value(1.5, -0.5), "its scores are not probabilities"),
    "too little": ("scores", value(0.3, 0.3), "its scores are not probabilities"),
    "whole numbers": ("scores", cast(TensorProto.INT64), "its output scores has the wrong type"),
    "words": ("scores", cast(TensorProto.STRING), "its output scores has the wrong type"),
    "yes or no": ("scores", cast(TensorProto.BOOL), "its output scores has the wrong type"),
    "four": ("scores", shaped("Concat", 2, axis=1), "has 2 labels, but 4 scores"),
    "two pictures": (
        "scores",
        shaped("Concat", 2, axis=0),
        "its output scores has the shape [2, 2]",
    ),
    "no axis": ("scores", shaped("ReduceSum", keepdims=0), "its output scores has the shape []"),
    "a list": ("scores", shaped("SequenceConstruct", 2), "damaged"),
    "novelty nan": ("novelty", value(NAN), "its output novelty contains nan"),
    "novelty inf": ("novelty", value(float("inf")), "its output novelty contains inf"),
    "novelty -inf": ("novelty", value(float("-inf")), "its output novelty contains -inf"),
    "novelty words": ("novelty", cast(TensorProto.STRING), "its output novelty has the wrong type"),
    "novelty of two": (
        "novelty",
        shaped("Concat", 2, axis=0),
        "its output novelty has the shape [2]",
    ),
}
EVIDENCE = {
    "evidence nan": ("evidence", value(NAN), "its output evidence contains nan"),
    "evidence of three": ("evidence", shaped("Concat", 3, axis=1), "does not belong to its scores"),
    "evidence of one": ("evidence", shaped("ReduceMean", axes=[1]), "damaged"),
    "evidence of nothing": ("evidence", value(0, 90), "does not belong to its scores"),
    "evidence flat": ("evidence", shaped("Flatten"), "its output evidence has the shape"),
    "embedding nan": ("embedding", value(NAN), "its output embedding contains nan"),
    "embedding words": ("embedding", cast(TensorProto.STRING), "damaged"),
}


def liar(place: Path, case: str, folder: Path) -> Path:
    """A model folder, whole and tied, whose model lies."""
    output, lie, _ = (LIES | EVIDENCE)[case]
    model = onnx.load(place / "model" / "model.onnx")
    content = sealed(lying(model, output, lie).SerializeToString())
    record = tellapart.load(place / "model").required_record()
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    (folder / "training.npz").write_bytes(record.to_bytes(content[-64:].decode()))
    return folder


@pytest.mark.parametrize("case", LIES)
def test_what_cannot_be_is_no_answer(case: str, place: Path, tmp_path: Path) -> None:
    model, picture = tellapart.load(liar(place, case, tmp_path / "m")), picture_of(place)
    said = LIES[case][2]
    with pytest.raises(ModelError, match=r"^This model file is damaged") as caught:
        model.run(picture, ["scores", "novelty"])
    assert said in caught.value.message
    answers: list[Callable[[], object]] = [
        lambda: model.predict(picture),
        lambda: list(model.predict_many([picture])),
        lambda: list(model.predict_many([picture] * 9, errors="return")),
        lambda: model.admitting(1).predict(picture),
    ]
    for ask in answers:  # these know that scores are made by a softmax, and what type each has
        with pytest.raises(ModelError, match=r"^This model file is damaged") as caught:
            ask()
        message = caught.value.message
        assert said in message or "its scores are no softmax" in message or "not run" in message


DOORS = [
    ("guess", "{picture}"),
    ("guess", "{picture}", "--json"),
    ("guess", "{photos}", "--csv"),
    ("guess", "{photos}", "--always-choose"),
    ("test", "{photos}"),
    ("test", "{photos}", "--json"),
    ("compare", "{good}", "{photos}"),
    ("sort", "{photos}", "{out}"),
    ("sort", "{photos}", "{out}", "--dry-run", "--json"),
    ("gaps", "{unseen}"),
    ("explain", "{picture}", "--json"),
    ("what-if", "{picture}", "--blur", "30%,0%,40%x25%"),
    ("suggest", "{unseen}"),
    ("export", "--to", "onnx", "-o", "{out}"),
]


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
@pytest.mark.parametrize("case", ["half nan", "7 and -3", "words"])
def test_every_door_refuses_in_a_sentence(
    case: str, door: tuple[str, ...], place: Path, tmp_path: Path
) -> None:
    model = liar(place, case, tmp_path / "m")
    (tmp_path / "unseen" / "day").mkdir(parents=True)
    draw_scene(seed=99).save(tmp_path / "unseen" / "day" / "1.png")
    names = {
        "picture": picture_of(place),
        "photos": place / "photos",
        "good": place / "model",
        "unseen": tmp_path / "unseen",
        "out": tmp_path / "out",
    }
    before = contents(place / "photos")
    found = run_here(door[0], model, *(word.format(**names) for word in door[1:]))
    assert found.code == 2
    assert "This model file is damaged" in found.err
    assert "nan" not in found.out.lower().replace("none", "")
    assert contents(place / "photos") == before


@pytest.mark.parametrize("case", EVIDENCE)
def test_evidence_and_embeddings_that_cannot_be_explain_nothing(
    case: str, place: Path, tmp_path: Path
) -> None:
    model = liar(place, case, tmp_path / "m")
    found = run_here("explain", model, picture_of(place), "--json")
    assert (found.code, found.out) == (2, "")
    assert EVIDENCE[case][2] in found.err


def test_the_command_line_exits_with_2_and_prints_no_number(place: Path, tmp_path: Path) -> None:
    model = liar(place, "nan", tmp_path / "m")
    found = run("guess", model, picture_of(place), picture_of(place), "--json")
    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines() == [
        "This model file is damaged: its output scores contains nan.",
        "Copy it again, or train it again.",
    ]


def test_numbers_that_there_are_not_are_null_in_json() -> None:
    from tellapart.to_json import results as to_json

    value: Any = {"a": [float("nan"), 1.5, {"b": float("-inf")}], "c": "NaN", "d": (1, None, True)}
    expected = {"a": [None, 1.5, {"b": None}], "c": "NaN", "d": [1, None, True]}
    assert json.loads(to_json.text(value)) == expected
    assert to_json.text({"a": 0.1}, indent=2) == '{\n  "a": 0.1\n}'


@pytest.mark.parametrize("weight", [NAN, float("inf"), 1e38])
def test_a_backbone_that_gives_no_numbers_is_refused(
    weight: float, place: Path, tmp_path: Path
) -> None:
    model = small_network()
    kernel = numpy_helper.to_array(model.graph.initializer[0]).copy()
    kernel[0] = weight
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(kernel, "kernel"))
    (tmp_path / "own.onnx").write_bytes(model.SerializeToString())
    found = run_here(
        *("train", place / "photos", "-o", tmp_path / "m", "--backbone", tmp_path / "own.onnx")
    )
    assert (found.code, found.out) == (2, "")
    assert "This network gives embeddings that cannot be, such as" in found.err
    assert not (tmp_path / "m").exists()
