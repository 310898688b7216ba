"""Exports that need nothing more than the base: what is written, proved, and refused."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from PIL import Image

import icc
from conftest import draw_scene, encoded, mostly_slow
from drawn import only_sentences, run_here
from tellapart.backbones.nodes import IR_VERSION, OPSET
from tellapart.backbones.rows import BACKBONES
from tellapart.backbones.runtime import onnxruntime, open_session
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DestinationError, ModelError, UsageError
from tellapart.exporters import export as exporters
from tellapart.exporters import onnx_int8, triton
from tellapart.exporters.anatomy import in_floats, read_anatomy
from tellapart.exporters.export import TARGETS, export, readiness
from tellapart.exporters.proof import compare
from tellapart.images.decode import ENOUGH, read_picture
from tellapart.model.classifier import Classifier, load
from tellapart.model.file import KEY
from tellapart.text import one_line
from tellapart.training.train import train

BASE = [name for name, row in TARGETS.items() if not row.extra]


@pytest.fixture(scope="module")
def classifier(heroes: DemoPictures) -> Classifier:
    return train(heroes.photos, quality="fast").classifier


@pytest.fixture(scope="module")
def pictures(heroes: DemoPictures) -> list[Path]:
    return sorted(path for path in heroes.kept_back.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def precise(heroes: DemoPictures) -> Classifier:
    """A model whose network is in floating point."""
    return train(heroes.photos, backbone=BACKBONES["lite0"]).classifier


@pytest.fixture(scope="module")
def quantised(precise: Classifier, pictures: list[Path]) -> bytes:
    return onnx_int8.quantised(precise.content, pictures[:16])


def test_a_network_in_integers_is_left_as_it_is(classifier: Classifier) -> None:
    assert onnx_int8.quantised(classifier.content, []) == classifier.content


def test_a_network_in_integers_can_be_had_in_floats(classifier: Classifier) -> None:
    """For programs that round in their own way: TFLite with weights of 16 bits, or in integers."""
    anatomy = read_anatomy(classifier.content)
    pixels = np.random.default_rng(3).uniform(-0.9, 0.9, (1, 3, 224, 224)).astype(np.float32)
    maps = []
    for one in (anatomy, in_floats(anatomy)):
        (trunk,) = one.trunks
        constants = {name for node in trunk.nodes for name in node.input} & {*one.constants}
        graph = helper.make_graph(
            trunk.nodes,
            "trunk",
            [helper.make_tensor_value_info(trunk.entry, onnx.TensorProto.FLOAT, pixels.shape)],
            [helper.make_tensor_value_info(trunk.output, onnx.TensorProto.FLOAT, None)],
            [numpy_helper.from_array(one.constants[name], name) for name in constants],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        maps += open_session(model.SerializeToString()).run(None, {trunk.entry: pixels})
    assert {node.op_type for node in trunk.nodes} == {"Conv", "Clip", "Add", "Sqrt"}
    assert np.corrcoef(*(found.ravel() for found in maps))[0, 1] > 0.95


@pytest.mark.parametrize("target", BASE)
def test_an_export_is_a_folder_that_proves_itself(
    target: str, classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    result = export(classifier, target, tmp_path / "out", pictures[:20])
    assert result.proof.pictures == 20
    assert result.proof.same_label >= 20 * TARGETS[target].agreement
    assert result.proof.largest_difference <= TARGETS[target].tolerance
    files = {path.name for path in result.folder.iterdir()}
    assert files >= {"README.md", "labels.txt", "example.py"}
    readme = (result.folder / "README.md").read_text("utf-8")
    assert "20 pictures" in readme
    assert "ORT_DISABLE_TELEMETRY=1" in readme
    words, threshold = " ".join(readme.split()), f"{classifier.manifest.unknown_above(0.99):.4g}"
    asks = (
        "ask for the output `novelty` beside `scores`, and use the scores only where the novelty "
        f"is at most {threshold}"
    )
    tells = f'it says "none of these" where a picture\'s novelty is above {threshold}'
    assert (tells if TARGETS[target].unknown == "told" else asks) in words
    assert result.size == sum(p.stat().st_size for p in result.folder.rglob("*") if p.is_file())


def with_labels(classifier: Classifier, *labels: str) -> Classifier:
    manifest = replace(classifier.manifest, labels=labels)
    model = onnx.load_from_string(classifier.content)
    helper.set_model_props(model, {KEY: manifest.to_json()})
    return Classifier(model.SerializeToString(), manifest)


@pytest.mark.parametrize(
    ("labels", "lines"),
    [
        (("a\u2028b", "a\u2029b"), ("a\\u2028b", "a\\u2029b")),
        (("a\nb", "a\\nb"), ("a\\nb", "a\\\\nb")),
        pytest.param(
            ("a\r\nb\x85", "\x0b\x0c\x1c\x1d\x1e"),
            ("a\\r\\nb\\x85", "\\x0b\\x0c\\x1c\\x1d\\x1e"),
            marks=pytest.mark.slow,
        ),
        pytest.param((" a", "a\t"), (" a", "a\\t"), marks=pytest.mark.slow),
        (('"a", b;', "<b>'{{ 1 }}'</b>"), ('"a", b;', "<b>'{{ 1 }}'</b>")),
        pytest.param(("👩‍🚀", "\u202eעברית"), ("👩‍🚀", "\u202eעברית"), marks=pytest.mark.slow),
    ],
)
def test_a_label_is_one_line_to_every_program(
    labels: tuple[str, str],
    lines: tuple[str, str],
    classifier: Classifier,
    pictures: list[Path],
    tmp_path: Path,
) -> None:
    renamed = with_labels(classifier, *labels)
    result = export(renamed, "onnx", tmp_path / "out", pictures[:2])
    assert result.proof.same_label == 2
    written = (result.folder / "labels.txt").read_bytes()
    assert written == "".join(f"{line}\n" for line in lines).encode()
    assert written.decode().splitlines() == [*lines]
    assert written.decode().split("\n") == [*lines, ""]
    assert renamed.save(tmp_path / "model").joinpath("labels.txt").read_bytes() == written
    readme = (result.folder / "README.md").read_text("utf-8")
    assert ("are escaped" in readme) == (labels != lines)


@pytest.mark.parametrize("target", mostly_slow(BASE, 1))
def test_every_form_takes_labels_with_line_breaks(
    target: str, classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    labels = ("lf\nls\u2028nel\x85ff\x0c", "\u2028")
    result = export(with_labels(classifier, *labels), target, tmp_path / "out", pictures[:8])
    assert result.proof.pictures == 8


@given(first=st.text(), second=st.text())
def test_no_two_labels_become_one(first: str, second: str) -> None:
    assert (one_line(first) == one_line(second)) == (first == second)
    assert one_line(first).splitlines() in ([], [one_line(first)])
    assert one_line(first).encode("ascii", "backslashreplace").decode("unicode_escape") == first


def test_the_file_as_it_is_can_be_loaded_again(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    export(classifier, "onnx", tmp_path / "out", pictures[:2])
    assert load(tmp_path / "out").content == classifier.content


@pytest.mark.slow
def test_integers_are_smaller_and_keep_all_outputs(
    precise: Classifier, pictures: list[Path], quantised: bytes, tmp_path: Path
) -> None:
    assert len(quantised) < len(precise.content) / 2
    (tmp_path / "model.onnx").write_bytes(quantised)
    small = load(tmp_path)
    assert small.manifest == precise.manifest
    outputs = ["scores", "embedding", "evidence", "novelty"]
    for path in pictures[:4]:
        exact, near = precise.run(path, outputs), small.run(path, outputs)
        assert [a.shape for a in exact] == [b.shape for b in near]
        assert np.corrcoef(exact[1], near[1])[0, 1] > 0.98
        assert near[3] == pytest.approx(exact[3], abs=0.3)


@pytest.mark.slow
def test_integers_do_not_overflow(
    precise: Classifier, pictures: list[Path], quantised: bytes
) -> None:
    """Without optimisation onnxruntime unpacks them and computes in float: that is the truth."""
    runtime = onnxruntime()
    plain = runtime.SessionOptions()
    plain.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    unpacked = runtime.InferenceSession(quantised, plain, providers=["CPUExecutionProvider"])
    packed = open_session(quantised)
    for path in pictures[:4]:
        image = {"image": read_picture(path)[None]}
        (expected,), (found,) = (s.run(["embedding"], image) for s in (unpacked, packed))
        assert np.corrcoef(expected[0], found[0])[0, 1] > 0.998


@pytest.mark.slow
def test_integers_take_pictures_of_any_size(precise: Classifier, quantised: bytes) -> None:
    session = open_session(quantised)
    for height, width in ((1, 1), (40, 300), (224, 224), (900, 500)):
        pixels = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        (scores,) = session.run(["scores"], {"image": pixels})
        assert scores.shape == (2, len(precise.labels))
        assert scores.sum(1) == pytest.approx([1, 1], abs=1e-5)


@pytest.mark.slow
def test_only_the_networks_are_in_integers(quantised: bytes) -> None:
    graph = onnx.load_model_from_string(quantised).graph
    made = {name: node for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    of_integers = [node for node in convolutions if node.input[1] in made]  # weights unpacked
    floats = [node.name for node in convolutions if node not in of_integers]
    network = [name for name in floats if not name.startswith("tellapart/")]
    assert len(network) == onnx_int8._IN_FLOAT
    assert floats[-1].startswith("tellapart/evidence")
    assert len(of_integers) > 40


@pytest.mark.slow
def test_integers_need_a_picture_that_can_be_read(precise: Classifier, tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_text("<html>")
    with pytest.raises(ModelError, match="None of the pictures"):
        onnx_int8.quantised(precise.content, [tmp_path / "page.jpg"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("TYPE_UINT8", "TYPE_FP32"),
        ('name: "scores"', 'name: "answers"'),
        ("dims: [ -1, 2 ]", "dims: [ -1, 3 ]"),
        ("max_batch_size: 0", "max_batch_size: 8"),
        ("input {", "input ["),
        ("TYPE_FP32", "TYPE_FLOAT"),
        ("backend:", "backends:"),
    ],
)
def test_a_configuration_that_does_not_fit_is_found(
    before: str, after: str, classifier: Classifier
) -> None:
    session = open_session(classifier.content)
    text = triton.configuration(session)
    triton.check_configuration(text, session)
    assert before in text
    with pytest.raises(ModelError, match=r"config\.pbtxt"):
        triton.check_configuration(text.replace(before, after, 1), session)


@pytest.fixture
def server(classifier: Classifier) -> Iterator[str]:
    """Speaks the inference protocol (KServe v2, JSON) that Triton speaks, for one model."""
    session = open_session(classifier.content)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            (given,) = question["inputs"]
            assert self.path == "/v2/models/tellapart/infer"
            assert (given["name"], given["datatype"]) == ("image", "UINT8")
            pixels = np.array(given["data"], np.uint8).reshape(given["shape"])
            (scores,) = session.run(["scores"], {"image": pixels})
            output = {"name": "scores", "datatype": "FP32", "shape": list(scores.shape)}
            body = json.dumps({"outputs": [{**output, "data": scores.ravel().tolist()}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing on stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.slow
def test_the_program_for_a_server_asks_it(
    server: str,
    classifier: Classifier,
    pictures: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = export(classifier, "triton", tmp_path / "out", pictures[:2]).folder
    assert "python example.py PICTURE" in (folder / "README.md").read_text("utf-8")
    monkeypatch.setenv("SERVER", server)
    answer = subprocess.run(
        [sys.executable, "example.py", "--json", str(pictures[0])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = classifier.predict(pictures[0]).scores
    assert json.loads(answer.stdout)["scores"] == pytest.approx(expected, abs=1e-6)


def test_what_is_refused_before_anything_is_written(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no export called 'coreml'"):
        export(classifier, "coreml", tmp_path / "out", pictures)
    with pytest.raises(UsageError, match="no training picture was found"):
        export(classifier, "onnx", tmp_path / "out", [])
    with pytest.raises(UsageError, match="cdn=True is for web pages"):
        export(classifier, "onnx", tmp_path / "out", pictures, cdn=True)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    with pytest.raises(DestinationError, match="already contains something"):
        export(classifier, "onnx", full, pictures)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    assert [path.name for path in full.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_an_export_with_other_answers_leaves_nothing(
    precise: Classifier,
    quantised: bytes,
    pictures: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onnx_int8, "quantised", lambda *given: quantised)  # which takes a while
    strict = {**TARGETS, "onnx-int8": replace(TARGETS["onnx-int8"], tolerance=1e-12)}
    monkeypatch.setattr(exporters, "TARGETS", strict)
    with pytest.raises(ModelError, match="does not give the model's answers") as caught:
        export(precise, "onnx-int8", tmp_path / "out", pictures[:8])
    assert any(str(path) in caught.value.message for path in pictures[:8])  # the worst
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "others", "admitted"),
    [("onnx", 0, True), ("onnx", 1, False), ("onnx-int8", 1, True), ("onnx-int8", 2, False)],
)
def test_one_label_on_the_edge_refuses_no_export_that_rounds(
    target: str, others: int, admitted: bool, classifier: Classifier, pictures: list[Path]
) -> None:
    answers = [dict(classifier.predict(path).scores) for path in pictures[:3]]
    for number in range(others):
        first, second = answers[number]
        answers[number] = {first: answers[number][second], second: answers[number][first]}
    lenient = replace(TARGETS[target], tolerance=1)
    if admitted:
        assert compare(classifier, lenient, answers, pictures[:3]).same_label == 3 - others
    else:
        with pytest.raises(ModelError, match=f"for {3 - others} of 3 pictures"):
            compare(classifier, lenient, answers, pictures[:3])


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; sys.exit('no such module')", "it said: no such module"),
        ("print('{')", "does not answer"),
        ("pass", "answered for 0 of 4 pictures"),
    ],
)
def test_a_program_that_fails_leaves_nothing(
    program: str,
    message: str,
    classifier: Classifier,
    pictures: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    examples = tmp_path / "examples"
    examples.mkdir()
    (examples / "onnx.py").write_text(program)
    (examples / "pictures.py").touch()
    monkeypatch.setattr("tellapart.exporters.target.EXAMPLES", examples)
    with pytest.raises(ModelError, match=message):
        export(classifier, "onnx", tmp_path / "out", pictures[:4])
    assert [path.name for path in tmp_path.iterdir()] == ["examples"]


def test_files_that_are_no_pictures_are_left_out_of_the_proof(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    page = tmp_path / "page.jpg"
    page.write_text("<html>")
    result = export(classifier, "onnx", tmp_path / "out", [page, *pictures[:3]])
    assert result.proof.pictures == 3
    with pytest.raises(UsageError, match="none of those given can be read"):
        export(classifier, "onnx", tmp_path / "other", [page])


@pytest.mark.slow
def test_a_proof_on_pictures_that_pillow_does_not_read(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    files = json.loads((Path(__file__).parent / "golden" / "heic.json").read_text())
    (tmp_path / "phone.heic").write_bytes(base64.b64decode(files["plain"]))
    deep = np.asarray(draw_scene().convert("L")).astype(np.float32) / 255
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    odd = [tmp_path / "phone.heic", tmp_path / "deep.tif"]
    assert export(classifier, "onnx", tmp_path / "out", [*odd, pictures[0]]).proof.pictures == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("none", "/none does not exist."),
        ("empty", "has no pictures in it."),
        ("page.jpg", "can be read."),
    ],
)
def test_pictures_that_are_none_are_refused(
    given: str, said: str, classifier: Classifier, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "page.jpg").write_text("<html>")
    classifier.save(tmp_path / "model")
    command = ("export", tmp_path / "model", "--to", "onnx", "-o", tmp_path / "out")
    found = run_here(*command, "--pictures", tmp_path / given)
    assert found.code == 2
    assert only_sentences(found.err)
    assert said in found.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_one_picture_is_enough_for_a_proof(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    classifier.save(tmp_path / "model")
    command = ("export", tmp_path / "model", "--to", "onnx", "-o", tmp_path / "out")
    assert run_here(*command, "--pictures", pictures[0], "--json").json()["pictures"] == 1


@pytest.mark.slow
def test_what_phones_and_cameras_write_is_read_as_the_model_reads_it(
    classifier: Classifier, tmp_path: Path
) -> None:
    """Each in a way that a program of three lines gets wrong."""
    scene = draw_scene(90, 60)
    orientation = Image.Exif()
    orientation[0x0112] = 6
    deep = np.asarray(scene.convert("L")).astype(np.uint16) * 257
    scene.save(tmp_path / "turned.jpg", exif=orientation)
    scene.convert("RGBA").rotate(30).save(tmp_path / "transparent.png")
    scene.quantize(8).save(tmp_path / "palette.png", transparency=0)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    draw_scene(2300, 1700).save(tmp_path / "big.jpg")
    draw_scene(2300, 1700).save(tmp_path / "big.png")
    draw_scene(4 * ENOUGH - 1, 4 * ENOUGH - 1).save(tmp_path / "half is rounded up.jpg")
    scene.save(tmp_path / "p3.jpg", icc_profile=icc.rgb(icc.P3))
    scene.convert("L").save(tmp_path / "linear.png", icc_profile=icc.grey(1))
    Image.fromarray(deep).save(tmp_path / "deep-linear.png", icc_profile=icc.grey(1))
    Image.fromarray(deep).save(tmp_path / "deep-transparent.png", transparency=int(deep[0, 0]))
    scene.convert("RGBA").rotate(9).save(
        tmp_path / "swapped.webp", icc_profile=icc.rgb(icc.SWAPPED)
    )
    scene.convert("CMYK").save(tmp_path / "inks.jpg", icc_profile=icc.cmyk())
    scene.save(tmp_path / "said by xmp.jpg", xmp=b'<x tiff:Orientation="6"/>')
    scene.save(tmp_path / "said by xmp.tif", tiffinfo={700: b'<x tiff:Orientation="6"/>'})
    scene.save(tmp_path / "nonsense.jpg", icc_profile=b"nonsense" * 99)
    pictures = sorted(tmp_path.iterdir())
    assert export(classifier, "onnx", tmp_path / "out", pictures).proof.largest_difference < 1e-5


def odd_files(folder: Path) -> list[Path]:
    """Kinds of files that Pillow reads otherwise than tellapart, or not at all, and their likes."""
    scene = draw_scene(90, 60)
    grey = np.asarray(scene.convert("L"))
    colour, light = np.asarray(scene), grey.astype(np.float32) / 255
    jpeg, png = encoded(scene, "JPEG"), encoded(scene, "PNG")
    heic = json.loads((Path(__file__).parent / "golden" / "heic.json").read_text())["plain"]
    files = {
        "plain.tif": encoded(scene, "TIFF"),
        "packed.tif": encoded(scene, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": encoded(scene, "TIFF", compression="jpeg"),
        "inks.tif": encoded(scene.convert("CMYK"), "TIFF"),
        "palette.tif": encoded(scene.quantize(8), "TIFF"),
        "lines.tif": encoded(scene.convert("1"), "TIFF", compression="group4"),
        "alpha.tif": encoded(scene.convert("RGBA").rotate(20), "TIFF"),
        "named.jpg": encoded(scene, "TIFF"),
        "photo.nef": encoded(scene, "TIFF"),
        "no end.jpg": jpeg[:-2],
        "half.jpg": jpeg[: len(jpeg) // 2],
        "filled up.jpg": jpeg[: len(jpeg) // 2] + bytes(500),
        "no end.png": png[:-12],
        "half.png": png[: len(png) // 2],
        "phone.heic": base64.b64decode(heic),
        "deep.png": encoded(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
        "page.jpg": b"<html>",
        "empty.jpg": b"",
        "other.ppm": encoded(scene, "PPM"),
        "first.gif": encoded(scene, "GIF", save_all=True, append_images=[scene.rotate(90)]),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    deep = colour.astype(np.uint16) * 257
    arrays: dict[str, tuple[np.ndarray, dict[str, object]]] = {
        "float.tif": (light, {}),
        "float planes.tif": (colour.astype(np.float32).transpose(2, 0, 1) / 255, {}),
        "deep.tif": (deep, {"photometric": "rgb"}),
        "deep grey.tif": (grey.astype(np.uint16) * 257, {}),
        "deep planes.tif": (deep.transpose(2, 0, 1), {"planarconfig": "separate"}),
        "planes.tif": (colour.transpose(2, 0, 1), {"planarconfig": "separate"}),
        "white is zero.tif": (255 - grey, {"photometric": "miniswhite"}),
        "deep white is zero.tif": (
            65535 - grey.astype(np.uint16) * 257,
            {"photometric": "miniswhite"},
        ),
        "grey alpha.tif": (np.stack([grey, 255 - grey], -1), {"extrasamples": ["unassalpha"]}),
        "premultiplied.tif": (np.stack([grey, 255 - grey], -1), {"extrasamples": ["assocalpha"]}),
        "deep grey alpha.tif": (
            np.stack([grey, 255 - grey], -1).astype(np.uint16) * 257,
            {"extrasamples": ["unassalpha"]},
        ),
        "signed.tif": (grey.astype(np.int16) * 128, {}),
        "signed 8.tif": ((grey.astype(np.int16) - 128).astype(np.int8), {}),
        "whole.tif": (grey.astype(np.uint32), {}),
    }
    for name, (values, options) in arrays.items():
        given: dict[str, Any] = {"photometric": "minisblack", **options}
        tifffile.imwrite(folder / name, values, **given)
    return sorted(folder.iterdir())


@pytest.mark.slow
def test_odd_files_have_the_same_answer_in_the_program_or_none(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    """In one process for all files, which is the program's own code line by line."""
    (tmp_path / "odd").mkdir()
    odd = odd_files(tmp_path / "odd")
    out = export(classifier, "onnx", tmp_path / "out", pictures[:1]).folder
    readme = " ".join((out / "README.md").read_text("utf-8").split())
    assert "deep and floating-point TIFFs" in readme
    every = [
        "import contextlib, sys, traceback",
        "files, sys.argv[1:] = sys.argv[1:], []",
        "source = compile(open('example.py').read(), 'example.py', 'exec')",
        "for file in files:",
        "    import pictures; pictures.asked[:] = [file]; sys.argv[1:] = ['--json']",
        "    try: exec(source, {'__name__': '__main__'})",
        "    except SystemExit as end: print('REFUSED', end.code)",
    ]
    command = [sys.executable, "-c", "\n".join(every), *map(str, odd)]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    assert len(lines) == len(odd)
    read = set()
    for path, line in zip(odd, lines, strict=True):
        if line.startswith("REFUSED"):
            assert f"{path} is damaged, or a kind of picture that this program does not" in line
            continue
        read.add(path.name)
        expected = classifier.predict(path).scores
        found = json.loads(line)["scores"]
        assert max(abs(found[k] - v) for k, v in expected.items()) <= 1e-3, path.name
    assert read >= {"plain.tif", "packed.tif", "jpeg.tif", "inks.tif", "palette.tif", "lines.tif"}
    assert read >= {"alpha.tif", "deep.png", "first.gif"}
    refused = {"float.tif", "deep.tif", "phone.heic", "half.jpg", "filled up.jpg", "page.jpg"}
    assert read & refused == set()


@pytest.mark.slow
def test_the_program_ends_with_a_sentence(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    out = export(classifier, "onnx", tmp_path / "out", pictures[:1]).folder
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(pictures[0].read_bytes()[:-2])
    for path, said in ((cut, "save it as PNG or JPEG"), (tmp_path / "none.jpg", "No such file")):
        command = [sys.executable, "example.py", str(path)]
        done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        assert said in done.stderr


def test_the_list_names_every_target() -> None:
    command = [sys.executable, "-m", "tellapart", "export", "--list", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = json.loads(answer.stdout)
    assert [row["name"] for row in rows] == list(TARGETS)
    assert all(row["writes"] and row["read_by"] and row["run"] for row in rows)
    needs = {row["name"]: row["needs"] for row in rows}
    assert (needs["onnx"], needs["web"]) == ("", "tellapart[web] and npm, once")
    answer = subprocess.run(command[:-1], capture_output=True, text=True, check=True)
    words = " ".join(answer.stdout.split())
    assert "npm" in words
    assert "label_image" in words


def test_what_is_missing_is_said_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tellapart.exporters.tensorflow_target.find_spec", lambda _: None)
    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path))  # where no files of the web's are
    monkeypatch.setattr("shutil.which", lambda _: None)
    need = 'Type: pip install "tellapart[tensorflow]"'
    assert {readiness(name).missing for name in ("keras", "frigate", "tflite-int8")} == {need}
    assert readiness("onnx").missing == readiness("onnx").fetches == ""
    assert readiness("web").missing.startswith("Install Node.js")
    monkeypatch.setattr("shutil.which", lambda _: "npm")
    assert readiness("web-page").missing == ""
    assert "from its registry, once (33 MB)" in readiness("web-page").fetches
