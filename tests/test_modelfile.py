"""Model files from anyone: sound ones are read, and all others are refused in a sentence."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import pickle
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import tellapart
from conftest import draw_scene, encoded
from drawn import only_sentences, run, run_here, small_network
from tellapart.backbones.foreign import ForeignBackbone
from tellapart.backbones.runtime import onnxruntime
from tellapart.errors import ModelError
from tellapart.head.kinds import Part
from tellapart.model.file import FORMAT, check_model, sealed


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model file of a few kilobytes."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "small.onnx").write_bytes(small_network().SerializeToString())
    for number, label in enumerate(("day", "night")):
        (folder / "photos" / label).mkdir(parents=True)
        for seed in range(3):
            picture = draw_scene(seed=seed).point(lambda value: value // 4)  # dark
            picture = picture if number else draw_scene(seed=seed)
            picture.save(folder / "photos" / label / f"{seed}.png")
    own = ForeignBackbone(folder / "small.onnx")
    return tellapart.train(folder / "photos", backbone=own).classifier.content


def manifest_of(model: ModelProto) -> dict[str, object]:
    entry = model.metadata_props[0]
    values: dict[str, object] = json.loads(entry.value)
    return values


def changed(content: bytes, change: Callable[[ModelProto], None]) -> bytes:
    model = onnx.load_model_from_string(content)
    change(model)
    return sealed(bytes(model.SerializeToString()))


def with_manifest(content: bytes, **values: object) -> bytes:
    """The same model with other values in its manifest; `...` takes one out."""

    def change(model: ModelProto) -> None:
        manifest = {**manifest_of(model), **values}
        kept = {name: value for name, value in manifest.items() if value is not ...}
        model.metadata_props[0].value = json.dumps(kept)

    return changed(content, change)


def test_a_sound_file_is_read(sound: bytes) -> None:
    manifest = check_model(sound)
    assert manifest.labels == ("day", "night")
    assert manifest.counts == (3, 3)
    assert manifest.format == FORMAT
    assert json.loads(manifest.to_json()) == manifest_of(onnx.load_model_from_string(sound))
    onnx.checker.check_model(onnx.load_model_from_string(sound), full_check=True)


def test_what_a_later_release_of_this_format_adds_is_passed_over(sound: bytes) -> None:
    assert check_model(with_manifest(sound, mood="cheerful")) == check_model(sound)


def test_a_model_of_an_earlier_release_of_this_format_is_read(sound: bytes) -> None:
    assert check_model(with_manifest(sound, unknowns=...)).unknowns is None


# damaged


def test_a_file_cut_short_anywhere_is_refused(sound: bytes, tmp_path: Path) -> None:
    ends = [*range(0, 200, 7), *range(200, len(sound), len(sound) // 60), len(sound) - 1]
    for end in ends:
        (tmp_path / "model.onnx").write_bytes(sound[:end])
        with pytest.raises(ModelError) as caught:
            tellapart.load(tmp_path)
        assert only_sentences(caught.value.message)


def test_bytes_at_random_are_refused() -> None:
    lot = random.Random(0)
    for size in (1, 3, 10, 100, 1000, 10_000):
        for _ in range(10):
            with pytest.raises(ModelError):
                check_model(lot.randbytes(size))


def refused(content: bytes | bytearray, place: Path) -> str:
    """What `load` says of a file that it does not take."""
    (place / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        tellapart.load(place)
    assert only_sentences(caught.value.message)
    return caught.value.message


def test_a_flipped_bit_anywhere_is_refused(sound: bytes, tmp_path: Path) -> None:
    lot = random.Random(1)
    seal = range(8 * (len(sound) - 110), 8 * len(sound))
    bits = [*range(8 * 40), *seal, *(lot.randrange(8 * len(sound)) for _ in range(600))]
    for bit in bits:
        damaged = bytearray(sound)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ModelError):
            check_model(bytes(damaged))
        if bit % 40 == 0:
            refused(damaged, tmp_path)


@pytest.mark.parametrize("rest", [b"\0", b"\n", b"more", b"rT", b"\x72\x00", None])
def test_what_is_appended_is_refused(rest: bytes | None, sound: bytes, tmp_path: Path) -> None:
    entry = sound[-86:]  # a seal that is there twice is one too many
    said = refused(sound + (entry if rest is None else rest), tmp_path)
    assert "damaged" in said


def test_blocks_that_changed_places_are_refused(sound: bytes, tmp_path: Path) -> None:
    lot = random.Random(2)
    for size in (16, 512, 4096):
        one, other = sorted(lot.sample(range(0, len(sound) - size, size), 2))
        swapped = bytearray(sound)
        swapped[one : one + size], swapped[other : other + size] = (
            sound[other : other + size],
            sound[one : one + size],
        )
        assert bytes(swapped) != sound
        refused(swapped, tmp_path)
    zeros = bytearray(sound)
    zeros[1000:1512] = bytes(512)
    refused(zeros, tmp_path)


CHANGED = "This model file was changed or damaged after it was written."


def test_a_renamed_label_is_refused(sound: bytes, tmp_path: Path) -> None:
    assert CHANGED in refused(sound.replace(b'"night"', b'"light"'), tmp_path)
    assert CHANGED in refused(sound[:-86], tmp_path)  # and a seal that is taken off
    model = onnx.load_model_from_string(sound)
    del model.metadata_props[1:]
    model.metadata_props.add(key="tellapart.sha256", value="0" * 64)
    assert CHANGED in refused(model.SerializeToString(), tmp_path)
    (tmp_path / "picture.png").write_bytes(encoded(draw_scene()))
    found = run("guess", tmp_path, tmp_path / "picture.png")
    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines() == [
        f"{tmp_path / 'model.onnx'}: {CHANGED}",
        "Copy it again, or train it again.",
    ]


def test_the_seal_is_passed_over_by_others(sound: bytes) -> None:
    model = onnx.load_model_from_string(sound)
    seal = model.metadata_props[-1]
    assert seal.key == "tellapart.sha256"
    assert seal.value == hashlib.sha256(sound[:-64]).hexdigest()
    assert model.SerializeToString() == sound  # who only reads it and writes it changes nothing
    options = onnxruntime().SessionOptions()
    session = onnxruntime().InferenceSession(sound, options, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["tellapart.sha256"] == seal.value
    assert sealed(sound) == sound


def test_a_model_without_a_seal_is_of_an_earlier_release(sound: bytes, tmp_path: Path) -> None:
    earlier = with_manifest(sound, format=1)
    for content in (earlier, earlier[:-86]):
        assert "was written by an earlier tellapart" in refused(content, tmp_path)


def part(**values: object) -> dict[str, object]:
    """A part of a head, as a manifest has it."""
    return {"kind": "regression", "setting": 0.1, "temperature": 1.0, **values}


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        *(({name: ...}, name) for name in ("labels", "counts", "bias", "quality", "compared")),
        *(({name: ...}, name) for name in ("views", "backbones", "network", "solver", "version")),
        ({"format": ...}, "format"),
        ({"format": "1"}, "format"),
        ({"labels": "day, night"}, "labels"),
        ({"labels": ["day"]}, "labels"),
        ({"labels": ["day", "day"]}, "labels"),
        ({"labels": ["day", 2]}, "labels"),
        ({"labels": ["day", ["night"]]}, "labels"),
        ({"labels": ["day", "night", "dusk"]}, "one count and bias a label"),
        ({"labels": None}, "labels"),
        ({"counts": [1]}, "one count and bias a label"),
        ({"counts": ["many", "few"]}, "counts"),
        ({"bias": [None, 0.0]}, "bias"),
        ({"bias": {"day": 0.0}}, "bias"),
        ({"parts": ...}, "strength"),  # that is how it was said before there were parts
        ({"parts": "regression"}, "parts"),
        ({"parts": []}, "parts"),
        ({"parts": [part(), part()]}, "parts"),
        ({"parts": [{"kind": "regression"}]}, "missing"),
        ({"parts": [part(weight=2)]}, "weight"),
        ({"parts": [part(kind="forest")]}, "a part's kind"),
        ({"parts": [part(kind=["regression"])]}, "unhashable"),
        *(
            ({"parts": [part(**{name: value})]}, "a part's numbers")
            for name in ("temperature", "setting")
            for value in (math.nan, math.inf, 0, -1.0, "hot", True, 1e-300, 1e300, 10**400)
        ),
        ({"parts": [part(kind="discriminant", setting=1.01)]}, "a part's numbers"),
        ({"parts": [part(temperature=None)]}, "a part's numbers"),
        ({"compared": [{"kind": "mean", "loss": math.nan, "behind": 0, "luck": 0}]}, "compared"),
        ({"compared": [{"kind": "best", "loss": 0.1, "behind": 0, "luck": 0}]}, "compared"),
        ({"compared": [{"kind": "mean", "loss": "0.1", "behind": 0, "luck": 0}]}, "compared"),
        *(({"bias": [0.0, value]}, "bias") for value in (math.nan, -math.inf)),
        ({"compared": [{"kind": "mean", "loss": 0.1, "behind": -1, "luck": 0}]}, "compared"),
        ({"compared": [{"kind": "mean", "loss": 1e300, "behind": 0, "luck": 0}]}, "compared"),
        ({"labels": ["day", ""]}, "labels"),
        ({"counts": [3, -1]}, "counts"),
        ({"counts": [3, True]}, "counts"),
        ({"format": True}, "format"),
        ({"format": 2.0}, "format"),
        *(({"novelty": [1.0, *[value] * 5]}, "novelty") for value in (math.nan, math.inf, -1.0)),
        ({"admitted": [0.9, 0.95, 0.94, 0.99, 0.995, 0.999]}, "admitted"),
        ({"admitted": [0.9, 0.95, math.nan, 0.99, 0.995, 0.999]}, "admitted"),
        ({"views": "squash"}, "views"),
        ({"quality": ["good"]}, "quality"),
        ({"admitted": [], "novelty": []}, "one threshold for each fraction"),
        ({"novelty": [1.0]}, "one threshold for each fraction"),
        *(
            ({"unknowns": {"area": {"value": area, "interval": [0.5, 1]}, "labels": []}}, "areas")
            for area in (7, math.nan, "high", None, True)
        ),
        ({"unknowns": {"area": {"value": 0.5, "interval": [0.9, 0.2]}, "labels": []}}, "areas"),
        ({"unknowns": {"area": {"value": 1.0, "interval": [0.5]}, "labels": []}}, "values"),
        ({"unknowns": {"labels": [{"label": 5, "pictures": 3, "area": 1}]}}, "area"),
        ({"unknowns": "well"}, "string indices"),
    ],
)
def test_a_manifest_that_is_not_ours_is_named(
    values: dict[str, object], wrong: str, sound: bytes
) -> None:
    with pytest.raises(ModelError, match="This model file is damaged") as caught:
        check_model(with_manifest(sound, **values))
    assert wrong in caught.value.message


def test_a_manifest_from_before_there_were_parts_is_of_a_regression(sound: bytes) -> None:
    earlier = {"parts": ..., "compared": ..., "strength": 0.5, "temperature": 1.25}
    manifest = check_model(with_manifest(sound, **earlier))
    assert manifest.parts == (Part("regression", 0.5, 1.25),)
    assert manifest.compared == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '"1"', "null", "[" * 100_000, '{"format": 2}'])
def test_a_manifest_that_is_no_json_object_is_refused(text: str, sound: bytes) -> None:
    def change(model: ModelProto) -> None:
        model.metadata_props[0].value = text

    with pytest.raises(ModelError, match="its manifest is wrong"):
        check_model(changed(sound, change))


# foreign and hostile


def rename_output(model: ModelProto) -> None:
    next(value for value in model.graph.output if value.name == "novelty").name = "news"


def rename_input(model: ModelProto) -> None:
    model.graph.input[0].name = "picture"


def no_manifest(model: ModelProto) -> None:
    del model.metadata_props[:]


def newer(model: ModelProto) -> None:
    values = {**manifest_of(model), "format": FORMAT + 1}
    model.metadata_props[0].value = json.dumps(values)


def outside(tensor: TensorProto) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "/etc/passwd"), ("offset", "0"), ("length", "64")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def external_weights(model: ModelProto) -> None:
    outside(model.graph.initializer[0])


def external_constant(model: ModelProto) -> None:
    value = TensorProto(name="passwd", dims=[64], data_type=TensorProto.UINT8)
    outside(value)
    model.graph.node.insert(0, helper.make_node("Constant", [], ["stolen"], value=value))


def external_sparse(model: ModelProto) -> None:
    values = TensorProto(name="passwd", dims=[16], data_type=TensorProto.FLOAT)
    outside(values)
    indices = numpy_helper.from_array(np.arange(16), "places")
    sparse = helper.make_sparse_tensor(values, indices, [16])
    model.graph.node.insert(0, helper.make_node("Constant", [], ["stolen"], sparse_value=sparse))


def external_sparse_weights(model: ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add()
    outside(sparse.values)
    sparse.dims.append(16)


def custom_operator(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Run", ["scores"], ["ran"], domain="com.evil"))
    model.opset_import.append(helper.make_opsetid("com.evil", 1))


def microsofts_operator(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Gelu", ["scores"], ["x"], domain="com.microsoft"))


def own_function(model: ModelProto) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    opset = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("ai.onnx", "Softmax", ["x"], ["y"], [node], opset))


def graph_in_graph(model: ModelProto) -> None:
    inner = helper.make_graph(
        [helper.make_node("Identity", ["scores"], ["inner"])],
        "inner",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    node = helper.make_node("If", ["yes"], ["out"], then_branch=inner, else_branch=inner)
    model.graph.node.append(node)


HOSTILE: list[tuple[Callable[[ModelProto], None], str]] = [
    (rename_output, "it has the wrong inputs and outputs."),
    (rename_input, "it has the wrong inputs and outputs."),
    (no_manifest, "not one that tellapart made: it has no manifest."),
    (newer, f"written by a newer tellapart (format {FORMAT + 1}; this one reads up to {FORMAT})."),
    (external_weights, "points to data outside its file"),
    (external_constant, "points to data outside its file (passwd): refused."),
    (external_sparse, "points to data outside its file (passwd): refused."),
    (external_sparse_weights, "points to data outside its file"),
    (custom_operator, "needs operators from com.evil: refused."),
    (microsofts_operator, "needs operators from com.microsoft: refused."),
    (own_function, "brings its own functions: refused."),
    (graph_in_graph, "has a graph inside a graph (If): refused."),
]


@pytest.mark.parametrize(("change", "said"), HOSTILE)
def test_hostile_and_foreign_models_are_refused(
    change: Callable[[ModelProto], None], said: str, sound: bytes, tmp_path: Path
) -> None:
    (tmp_path / "model.onnx").write_bytes(changed(sound, change))
    with pytest.raises(ModelError) as caught:
        tellapart.load(tmp_path)
    assert said in caught.value.message
    assert only_sentences(caught.value.message)
    assert "root:" not in str(caught.value)


class Attack:
    """Unpickled, it writes a file."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.proof}",)


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("packed", [False, True])
def test_a_pickle_is_never_opened(protocol: int, packed: bool, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    content = pickle.dumps(Attack(proof), protocol)
    (tmp_path / "model.onnx").write_bytes(
        zipped("archive/data.pkl", content) if packed else content
    )
    with pytest.raises(ModelError, match=r"refused|damaged"):
        tellapart.load(tmp_path)
    assert not proof.exists()


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("cut short", "cannot be read as ONNX."),
        ("empty", "cannot be read as ONNX."),
        ("a picture", "cannot be read as ONNX."),
        ("a pickle", "which can run code when it is opened: refused."),
        ("newer", "pip install --upgrade tellapart"),
        ("another network", "tellapart train --backbone FILE."),
        ("hostile", "points to data outside its file"),
        ("unknown operator", "does not run"),
        ("four scores", "has 2 labels, but 4 scores."),
        ("a folder", "cannot be read: is a directory."),
        ("below a file", "cannot be read: not a directory."),
        ("long name", "cannot be read: file name too long."),
        ("no file", "/model does not exist."),
        ("empty folder", "has no model.onnx in it."),
    ],
)
def test_the_command_line_refuses_in_a_sentence(
    case: str, said: str, sound: bytes, tmp_path: Path
) -> None:
    def unknown(model: ModelProto) -> None:
        model.graph.node[-1].op_type = "Conjure"

    def wider(model: ModelProto) -> None:
        model.graph.node.append(
            helper.make_node("Concat", ["narrow", "narrow"], ["scores"], axis=1)
        )
        for node in model.graph.node[:-1]:
            node.output[:] = ["narrow" if name == "scores" else name for name in node.output]

    files: dict[str, Callable[[], bytes]] = {
        "cut short": lambda: sound[: len(sound) // 2],
        "empty": lambda: b"",
        "a picture": lambda: encoded(draw_scene()),
        "a pickle": lambda: pickle.dumps(["a", "list"]),
        "newer": lambda: changed(sound, newer),
        "another network": lambda: bytes(small_network().SerializeToString()),
        "hostile": lambda: changed(sound, external_weights),
        "unknown operator": lambda: changed(sound, unknown),
        "four scores": lambda: changed(sound, wider),
    }
    model = tmp_path / "model"
    model.mkdir()
    if case in files:
        (model / "model.onnx").write_bytes(files[case]())
    elif case == "a folder":
        (model / "model.onnx").mkdir()
    elif case == "below a file":
        (model / "file").write_bytes(b"")
        model = model / "file" / "model"
    elif case == "long name":
        model = model / ("a" * 300)
    elif case == "no file":
        shutil.rmtree(model)
    (tmp_path / "picture.png").write_bytes(encoded(draw_scene()))
    found = run_here("guess", model, tmp_path / "picture.png", "--json")
    assert found.code == 2
    assert found.out == ""
    assert said in found.err
