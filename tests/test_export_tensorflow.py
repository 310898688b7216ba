"""What TensorFlow writes gives the model's answers, under the names that its readers ask for.

TensorFlow runs in processes of its own here too: this one must never import it.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, defs, helper, numpy_helper
from PIL import Image

import tellapart
from conftest import draw_scene
from drawn import small_network
from tellapart.backbones.foreign import ForeignBackbone
from tellapart.backbones.graph import SHORTEST, VIEWS
from tellapart.backbones.rows import QUALITIES, Trunk
from tellapart.backbones.session import LazySession
from tellapart.demo.walk import DemoPictures
from tellapart.errors import BackboneError, MissingExtraError, ModelError
from tellapart.exporters import tensorflow_target
from tellapart.exporters.anatomy import read_anatomy
from tellapart.exporters.export import TARGETS, export
from tellapart.exporters.proof import example_answers
from tellapart.images.decode import ENOUGH
from tellapart.model.classifier import Classifier
from tellapart.model.file import sealed

ROWS = [name for name, row in TARGETS.items() if row.module == "tensorflow_target"]
TFLITE = [name for name in ROWS if name.startswith("tflite")]
LABELS = ("Dark Knight!", "Ice-Queen")

tensorflow = pytest.mark.skipif(
    find_spec("tensorflow") is None or find_spec("ai_edge_litert") is None,
    reason='TensorFlow is not installed here: pip install "tellapart[tensorflow]"',
)


def draw_pictures(folder: Path, count: int = 8) -> list[Path]:
    """Pictures of two labels, both JPEG and PNG."""
    paths = []
    for seed in range(count):
        place = folder / LABELS[seed % 2]
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{seed}.{'png' if seed % 3 else 'jpg'}"
        draw_scene(200 + 20 * seed, 240, seed).save(path)
        paths.append(path)
    return paths


def trained_on(network: Path, photos: Path, **options: Any) -> Classifier:
    """A classifier on somebody's own network, whose views are squash and crop-mirrored."""
    return tellapart.train(photos, backbone=ForeignBackbone(network, **options)).classifier


def small_file(folder: Path, **options: Any) -> Path:
    path = folder / "small.onnx"
    path.write_bytes(small_network(**options).SerializeToString())
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos") / "photos"
    draw_pictures(root)
    return root


@pytest.fixture(scope="module")
def pictures(photos: Path) -> list[Path]:
    return sorted(path for path in photos.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def small(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """Quick to train, quick to write."""
    return trained_on(small_file(tmp_path_factory.mktemp("small")), photos, pixels="0..1")


def python(script: str, *arguments: object, cwd: Path) -> str:
    """What a fresh Python prints."""
    run = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


# The parts of a model file, and what needs no TensorFlow.


@pytest.mark.slow
def test_a_model_file_is_taken_apart(photos: Path, trunks: dict[str, Trunk]) -> None:
    classifier = tellapart.train(photos, quality="best").classifier
    anatomy = read_anatomy(classifier.content)
    assert anatomy.labels == classifier.labels
    assert [trunk.name for trunk in anatomy.trunks] == ["lite0", "lite2"]
    assert [len(trunk.nodes) for trunk in anatomy.trunks] == [
        len(trunks[name].part.nodes) + 1 for name in ("lite0", "lite2")
    ]  # and the root
    assert [trunk.nodes[-1].op_type for trunk in anatomy.trunks] == ["Sqrt", "Sqrt"]
    assert anatomy.shortest == pytest.approx(SHORTEST)
    assert anatomy.pictures == (("crop", 224), ("squash", 224), ("crop", 260), ("squash", 260))
    assert anatomy.weights.shape == (2, 2560)


def test_pictures_that_views_share_are_asked_for_once(small: Classifier) -> None:
    anatomy = read_anatomy(small.content)
    assert anatomy.pictures == (("squash", 32), ("crop", 32))
    crops = replace(anatomy, views=(VIEWS["crop"], VIEWS["crop-mirrored"]))
    assert crops.pictures == (("crop", 32),)


def test_a_graph_laid_out_otherwise_is_refused(small: Classifier) -> None:
    other = sealed(small.content.replace(b"tellapart/head/bias", b"tellapart/head/bits"))
    with pytest.raises(ModelError, match="laid out in a way"):
        read_anatomy(other)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["darth_vader", "elsa"], ["darth vader", "elsa"]),
        (["Dark Knight!", "R2-D2"], ["dark knight ", "r2 d2"]),
        (["エルサ", "ベイダー"], ["エルサ", "ベイダー"]),
        (["a_b", "a b"], ["a_b", "a b"]),
    ],
)
def test_labels_are_written_as_the_original_wrote_them(
    labels: list[str], expected: list[str]
) -> None:
    assert tensorflow_target.original_labels(labels) == expected


@pytest.mark.parametrize("name", ROWS)
def test_what_is_missing_is_said_with_the_command(
    name: str,
    small: Classifier,
    pictures: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tensorflow_target, "find_spec", lambda package: None)
    with pytest.raises(MissingExtraError) as caught:
        export(small, name, tmp_path / "out", pictures)
    assert str(caught.value) == (
        'This needs TensorFlow, which is not installed. Type: pip install "tellapart[tensorflow]"'
    )
    assert not (tmp_path / "out").exists()


# What is written.


@pytest.fixture(scope="module")
def model(heroes: DemoPictures) -> Classifier:
    """Of one network and one view, in floating point, which every form gives to the last digits."""
    precise = replace(QUALITIES["fast"], precision="float32")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(QUALITIES, "fast", precise)
        return tellapart.train(heroes.photos, quality="fast").classifier


@tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("name", ["keras", "tflite-float16"])
def test_a_model_in_whole_numbers_is_written_as_well(
    name: str, heroes: DemoPictures, drawn: list[Path], tmp_path: Path
) -> None:
    classifier = tellapart.train(heroes.photos, quality="fast").classifier
    assert b"QuantizeLinear" in classifier.content
    proof = export(classifier, name, tmp_path / "out", drawn).proof
    assert proof.largest_difference <= 0.1
    assert proof.same_label >= len(drawn) - 1


@pytest.fixture(scope="module")
def drawn(heroes: DemoPictures) -> list[Path]:
    return sorted(path for path in heroes.kept_back.rglob("*") if path.is_file())[:12]


@pytest.fixture(scope="module")
def exported(
    model: Classifier, drawn: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The folder of a target: written and proved once."""
    root, known = tmp_path_factory.mktemp("exports"), {}

    def folder(name: str) -> Path:
        if name not in known:
            known[name] = export(model, name, root / name, drawn)
        return known[name].folder

    return folder


@tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_each_target_is_proved_by_its_own_program(
    name: str, exported: Callable[[str], Path], drawn: list[Path], model: Classifier
) -> None:
    before = set(sys.modules)
    folder = exported(name)
    files = {path.name for path in folder.iterdir()}
    assert files >= {"README.md", "example.py", "labels.txt"}
    readme = (folder / "README.md").read_text("utf-8")
    assert "the same label" in readme
    assert "has no\noutput `novelty`" in readme
    run = subprocess.run(
        [sys.executable, "example.py", str(drawn[0])],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert run.stdout.startswith(f"{model.predict(drawn[0]).label} (score = ")
    assert not {"tensorflow", "keras"} & (set(sys.modules) - before)


@tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ROWS if name != "tflite-int8"])
def test_each_program_reads_pictures_as_the_model_does(
    name: str, exported: Callable[[str], Path], model: Classifier, tmp_path: Path
) -> None:
    """Of 16 bits, big, transparent, and of noise, which tells rounding twice from once.

    All rows of TFLite carry one program; of 8 bits, the network itself is wrong on such pictures.
    """
    scene = draw_scene(300, 260, 4)
    deep = np.asarray(scene.convert("L")).astype(np.uint16) * 257
    noise = np.random.default_rng(2).integers(0, 2, (300, 260, 3), dtype=np.uint8) * 255
    Image.fromarray(deep).save(tmp_path / "deep.png")
    if name != "tflite-float16":  # noise is far from all that the weights were rounded for
        Image.fromarray(noise).save(tmp_path / "noise.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    draw_scene(2300, 1700, 3).save(tmp_path / "big.jpg", exif=exif, subsampling=2)
    scene.convert("RGBA").rotate(30).save(tmp_path / "transparent.png")
    paths = sorted(tmp_path.iterdir())
    answers = example_answers(exported(name), paths)
    limit = TARGETS[name].tolerance if name == "tflite-float16" else 1e-3
    for path, answer in zip(paths, answers, strict=True):
        assert answer == pytest.approx(model.predict(path).scores, abs=limit), path.name


# What was copied from page to page in 2016, but for the name that TensorFlow 1 has today.
_LABEL_IMAGE = """
import tensorflow.compat.v1 as tf, sys
image_path = sys.argv[1]
image_data = tf.gfile.FastGFile(image_path, 'rb').read()
label_lines = [line.rstrip() for line
                   in tf.gfile.GFile("retrained_labels.txt")]
with tf.gfile.FastGFile("retrained_graph.pb", 'rb') as f:
    graph_def = tf.GraphDef()
    graph_def.ParseFromString(f.read())
    _ = tf.import_graph_def(graph_def, name='')
with tf.Session() as sess:
    softmax_tensor = sess.graph.get_tensor_by_name('final_result:0')
    predictions = sess.run(softmax_tensor, \\
             {'DecodeJpeg/contents:0': image_data})
    top_k = predictions[0].argsort()[-len(predictions[0]):][::-1]
    for node_id in top_k:
        human_string = label_lines[node_id]
        score = predictions[0][node_id]
        print('%s (score = %.5f)' % (human_string, score))
"""


@tensorflow
@pytest.mark.slow
def test_a_program_of_2016_runs_unchanged(
    exported: Callable[[str], Path], model: Classifier, tmp_path: Path
) -> None:
    folder = exported("tensorflow-graph")
    path = tmp_path / "on its side.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    draw_scene(300, 200).save(path, exif=exif)
    scores = model.predict(path).scores
    labels = [label.replace("_", " ") for label in scores]  # retrained_labels.txt says it so
    expected = [f"{s:.5f}" for s in scores.values()]
    carried = (folder / "label_image.py").read_text("utf-8")
    for program in (_LABEL_IMAGE, carried):
        lines = python(program, path, cwd=folder).splitlines()
        found = [line.rstrip(")").split(" (score = ") for line in lines]
        assert [label for label, _ in found] == labels
        assert [float(score) for _, score in found] == pytest.approx(
            [float(score) for score in expected], abs=1e-4
        )


@tensorflow
@pytest.mark.slow
def test_the_graph_has_the_names_and_shapes_of_2016(
    exported: Callable[[str], Path], model: Classifier, drawn: list[Path]
) -> None:
    script = """
import json, sys
import numpy as np, tensorflow.compat.v1 as tf
from PIL import Image
graph = tf.GraphDef.FromString(open("retrained_graph.pb", "rb").read())
tf.Graph().as_default().__enter__()
tf.import_graph_def(graph, name="")
session = tf.Session()
named = session.graph.get_tensor_by_name
tensors = [named(n) for n in ("DecodeJpeg/contents:0", "DecodeJpeg:0", "final_result:0")]
pixels = np.array(Image.open(sys.argv[1]).convert("RGB"))[:, :, 0:3]
print(json.dumps({
    "kinds": [[t.dtype.name, t.shape.as_list()] for t in tensors],
    "names": [node.name for node in graph.node if node.name.startswith("DecodeJpeg")],
    "functions": len(graph.library.function),
    "variables": [node.name for node in graph.node if "Variable" in node.op],
    "scores": session.run("final_result:0", {"DecodeJpeg:0": pixels}).tolist(),
}))
"""
    found = json.loads(python(script, drawn[0], cwd=exported("tensorflow-graph")))
    assert found["kinds"] == [["string", []], ["uint8", [None, None, 3]], ["float32", [1, 2]]]
    assert {"DecodeJpeg", "DecodeJpeg/contents"} <= set(found["names"])
    assert found["functions"] == 0
    assert found["variables"] == []
    scores = model.predict(drawn[0]).scores
    assert found["scores"][0] == pytest.approx([scores[k] for k in model.labels], abs=1e-3)


@tensorflow
@pytest.mark.slow
def test_every_signature_of_the_saved_model_answers_for_a_batch(
    exported: Callable[[str], Path], model: Classifier, tmp_path: Path
) -> None:
    script = """
import json, sys
import numpy as np, tensorflow as tf
from PIL import Image
model = tf.saved_model.load("model/1")
pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in sys.argv[1:]])
encoded = tf.constant([open(path, "rb").read() for path in sys.argv[1:]])
given = {
    "pixels": {"pixels": tf.constant(pixels, tf.float32)},
    "pixels_uint8": {"pixels": tf.constant(pixels)},
    "encoded": {"encoded": encoded},
    "serving_default": {"encoded": encoded},
}
print(json.dumps({
    name: {key: value.numpy().tolist() for key, value in model.signatures[name](**one).items()
           if key == "scores"} | {"label": [text.decode() for text in
           model.signatures[name](**one)["label"].numpy()]}
    for name, one in given.items()
} | {"names": sorted(model.signatures)}))
"""
    pictures = [tmp_path / "one.jpg", tmp_path / "two.png"]
    for seed, path in enumerate(pictures):
        draw_scene(200, 150, seed).save(path)
    answers = json.loads(python(script, *pictures, cwd=exported("saved-model")))
    assert answers.pop("names") == sorted(answers)
    expected = [model.predict(path) for path in pictures]
    for answer in answers.values():
        assert answer["label"] == [prediction.label for prediction in expected]
        for scores, prediction in zip(answer["scores"], expected, strict=True):
            assert scores == pytest.approx(
                [prediction.scores[label] for label in model.labels], abs=1e-3
            )


@tensorflow
@pytest.mark.slow
def test_encoded_pictures_have_the_pixels_that_the_model_sees(tmp_path: Path) -> None:
    for number in range(1, 9):
        for order in ("II", "MM"):
            exif = Image.Exif()
            exif.endian = "<" if order == "II" else ">"
            exif[0x010F], exif[0x0112] = "a maker", number
            draw_scene(40, 30).save(tmp_path / f"{number}{order}.jpg", exif=exif)
    draw_scene(40, 30).save(tmp_path / "none.jpg")
    for side in (times * ENOUGH - less for times in (2, 4, 8) for less in (1, 0)):
        # A big one is decoded at a smaller scale.
        draw_scene(side + 7, side, 2).save(tmp_path / f"{side}.jpg", subsampling=side // ENOUGH % 3)
    draw_scene(1100, 1600, 2).save(tmp_path / "scans.jpg", progressive=True)
    draw_scene(1100, 1600, 2).convert("L").save(tmp_path / "grey.jpg")
    script = """
import sys
import numpy as np, tensorflow as tf
from pathlib import Path
from tellapart.exporters.tensorflow_process.network import decoded_at_scale, upright
from tellapart.images.decode import read_picture
for path in sorted(Path(".").glob("*.jpg")):
    contents = tf.constant(path.read_bytes())
    print(path, np.array_equal(upright(decoded_at_scale(contents), contents), read_picture(path)))
"""
    lines = python(script, cwd=tmp_path).splitlines()
    assert len(lines) == 25
    assert [line for line in lines if not line.endswith("True")] == []


def metadata_strings(content: bytes) -> dict[str, Any]:
    """The fields of TFLITE_METADATA that readers of labels follow, by their slots."""
    import flatbuffers.number_types
    import flatbuffers.table

    def table(of: Any, slot: int, number: int | None = None) -> Any:
        at = of.Offset(4 + 2 * slot)
        place = (
            of.Indirect(of.Pos + at) if number is None else of.Indirect(of.Vector(at) + 4 * number)
        )
        return flatbuffers.table.Table(content, place)

    def text(of: Any, slot: int) -> str:
        found: bytes = of.String(of.Pos + of.Offset(4 + 2 * slot))
        return found.decode()

    root = flatbuffers.table.Table(content, int.from_bytes(content[:4], "little"))
    graph = table(root, 3, 0)
    inputs = graph.VectorLen(graph.Offset(4 + 2 * 2))
    scores = table(graph, 3, 0)
    file = table(scores, 6, 0)
    return {
        "identifier": content[4:8],
        "name": text(root, 0),
        "inputs": [text(table(graph, 2, number), 0) for number in range(inputs)],
        "output": text(scores, 0),
        "file": text(file, 0),
        "type": file.Get(flatbuffers.number_types.Int8Flags, file.Pos + file.Offset(4 + 2 * 2)),
    }


def check_tflite(path: Path, inputs: Sequence[str], labels: Sequence[str]) -> None:
    """Builtin operators alone, inputs by name, and labels where the readers look."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    for code in model.operatorCodes:
        assert code.customCode is None
        assert max(code.builtinCode, code.deprecatedBuiltinCode) != schema.BuiltinOperator.CUSTOM
    (graph,) = model.subgraphs
    assert [graph.tensors[index].name.decode() for index in graph.inputs] == list(inputs)
    assert {graph.tensors[index].type for index in graph.inputs} == {schema.TensorType.UINT8}
    (entry,) = [row for row in model.metadata if row.name == b"TFLITE_METADATA"]
    assert metadata_strings(bytes(model.buffers[entry.buffer].data)) == {
        "identifier": b"M001",
        "name": "tellapart",
        "inputs": list(inputs),
        "output": "scores",
        "file": "labels.txt",
        "type": 2,
    }
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode().splitlines() == list(labels)


@tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("name", TFLITE)
def test_tflite_is_of_builtin_operators_with_its_labels_inside(
    name: str, exported: Callable[[str], Path], model: Classifier
) -> None:
    check_tflite(exported(name) / "model.tflite", ["crop_224"], model.labels)


@tensorflow
@pytest.mark.slow
def test_int8_computes_in_whole_numbers(exported: Callable[[str], Path]) -> None:
    from ai_edge_litert import schema_py_generated as schema

    content = (exported("tflite-int8") / "model.tflite").read_bytes()
    (graph,) = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0)).subgraphs
    floats = [t for t in graph.tensors if t.type == schema.TensorType.FLOAT32]
    sizes = sorted(int(np.prod(tensor.shape)) for tensor in floats)
    # The scores after the integers, an embedding and its squares, and the pixels before.
    assert sizes == [2, 1280, 1280, 224 * 224 * 3], [tensor.name for tensor in floats]
    sizes = [(exported(name) / "model.tflite").stat().st_size for name in TFLITE]
    assert sizes[0] > 1.8 * sizes[1] > 1.4 * 1.8 * sizes[2]


@tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("name", ["tflite", "keras"])
def test_two_geometries_are_two_inputs_of_tflite_and_one_of_keras(
    name: str, small: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    result = export(small, name, tmp_path / "out", pictures)
    assert result.proof.agreement == 1
    if name == "tflite":
        check_tflite(tmp_path / "out" / "model.tflite", ["crop_32", "squash_32"], small.labels)


# Foreign networks.


def many_operators() -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """A network that uses nearly every operator there is a row for; its features are `map`."""
    lot = np.random.default_rng(11)
    weights: dict[str, np.ndarray] = {}
    nodes: list[NodeProto] = []

    def add(kind: str, inputs: Sequence[str | np.ndarray], output: str, **attributes: Any) -> None:
        names = []
        for number, given in enumerate(inputs):
            if isinstance(given, np.ndarray):
                weights[f"{output}.{number}"] = given
                given = f"{output}.{number}"
            names.append(given)
        nodes.append(helper.make_node(kind, names, [output], **attributes))

    def values(*shape: int, scale: float = 0.4) -> np.ndarray:
        return lot.normal(0, scale, shape).astype(np.float32)

    number = np.float32
    add("Conv", ["pixels", values(8, 3, 3, 3), values(8)], "c1", strides=[2, 2], pads=[1] * 4)
    norm = [values(8), values(8), values(8), np.abs(values(8)) + number(0.5)]
    add("BatchNormalization", ["c1", *norm], "n1", epsilon=1e-3)
    add("HardSwish", ["n1"], "h1")
    add("MaxPool", ["h1"], "p1", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    add("Conv", ["p1", values(16, 1, 3, 3)], "c2", group=8, pads=[1] * 4)
    add("LeakyRelu", ["c2"], "l2", alpha=0.1)
    add("Conv", ["l2", values(8, 8, 3, 3)], "c3", group=2, pads=[2] * 4, dilations=[2, 2])
    add("GlobalAveragePool", ["c3"], "g3")
    add("Conv", ["g3", values(4, 8, 1, 1)], "s1")
    add("Relu", ["s1"], "s2")
    add("Conv", ["s2", values(8, 4, 1, 1)], "s3")
    add("HardSigmoid", ["s3"], "s4")
    add("Mul", ["c3", "s4"], "m3")
    add("Add", ["m3", values(8, 1, 1)], "a3")
    add("Div", ["a3", np.array(1.5, number)], "d3")
    add("Sub", ["d3", values(1, 8, 1, 1)], "b3")
    add("Clip", ["b3", np.array(-1, number), np.array(1, number)], "k3")
    add("Clip", ["b3", np.array(0, number)], "k4")
    add("Concat", ["k3", "k4", "p1"], "j", axis=1)
    add("AveragePool", ["j"], "v", kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1)
    add("AveragePool", ["v"], "w", kernel_shape=[2, 2], strides=[2, 2], auto_pad=b"SAME_UPPER")
    add("Elu", ["w"], "e")
    add("Tanh", ["e"], "t")
    add("Sigmoid", ["w"], "g")
    add("Sum", ["e", "t", "g"], "sum")
    add("Dropout", ["sum"], "o")
    add("Transpose", ["o"], "turned", perm=[0, 2, 3, 1])
    add("MatMul", ["turned", values(24, 12)], "mixed")
    add("Transpose", ["mixed"], "map", perm=[0, 3, 1, 2])
    return nodes, weights


def network_file(
    path: Path, nodes: list[NodeProto], weights: dict[str, np.ndarray], output: str
) -> Path:
    graph = helper.make_graph(
        nodes,
        "drawn",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, 33, 33])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    return path


@tensorflow
def test_what_keras_layers_become_can_be_written_for_tensorflow(tmp_path: Path) -> None:
    written = Path(tellapart.__file__).parent / "training" / "tensorflow" / "onnx_layers.py"
    texts = {
        node.value
        for node in ast.walk(ast.parse(written.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    operators = {text for text in texts if text and defs.has(text)}
    assert len(operators) > 25
    script = """
from tellapart.exporters.tensorflow_process.operators import _OPERATORS
print(*_OPERATORS)
"""
    assert operators - set(python(script, cwd=tmp_path).split()) == set()


@tensorflow
@pytest.mark.slow
def test_foreign_networks_are_the_same_in_tensorflow(photos: Path, tmp_path: Path) -> None:
    nodes, weights = many_operators()
    lot = np.random.default_rng(5)
    flat = [
        *nodes,
        helper.make_node("ReduceMean", ["map", "axes"], ["mean"], keepdims=1),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "gemm", "bias"], ["features"], transB=1),
    ]
    more: dict[str, np.ndarray] = {
        "axes": np.array([2, 3], np.int64),
        "gemm": lot.normal(0, 1, (5, 12)).astype(np.float32),
        "bias": lot.normal(0, 1, 5).astype(np.float32),
    }
    files = {
        "maps": (network_file(tmp_path / "a.onnx", nodes, weights, "map"), "map"),
        "features": (
            network_file(tmp_path / "b.onnx", flat, {**weights, **more}, "features"),
            "features",
        ),
        "last": (small_file(tmp_path, channels_last=True, pool="ReduceMean"), "map"),
    }
    image = np.asarray(draw_scene(90, 70))[None]
    np.save(tmp_path / "image.npy", image)
    expected = {}
    for name, (path, output) in files.items():
        content = trained_on(path, photos, output=output).content
        (tmp_path / f"{name}.model").write_bytes(content)
        expected[name] = LazySession(content).run(["embedding"], image)[0]
        rooted = read_anatomy(content).shortest is not None
        assert rooted == (np.linalg.norm(expected[name]) == pytest.approx(1)) == (name == "last")
    script = """
import json, sys
import numpy as np
from pathlib import Path
from tellapart.exporters.anatomy import read_anatomy
from tellapart.exporters.tensorflow_process.network import network, squares_of
image = np.load("image.npy")
found = {}
for path in sorted(Path(".").glob("*.model")):
    anatomy = read_anatomy(path.read_bytes())
    found[path.stem] = network(anatomy)(squares_of(image, anatomy))["embedding"].numpy().tolist()
print(json.dumps(found))
"""
    found = json.loads(python(script, cwd=tmp_path))
    for name, embedding in expected.items():
        assert embedding.std() > 0.01, name
        assert np.abs(np.array(found[name]) - embedding).max() < 1e-4, name


@tensorflow
@pytest.mark.slow
@pytest.mark.parametrize(
    ("node", "said"),
    [
        (helper.make_node("Softplus", ["conv"], ["map"]), "operator Softplus, which"),
        (
            helper.make_node(
                "MaxPool", ["conv"], ["map"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1
            ),
            "operator MaxPool with ceil_mode",
        ),
    ],
)
def test_what_cannot_be_written_is_named(
    node: NodeProto, said: str, photos: Path, pictures: list[Path], tmp_path: Path
) -> None:
    kernel = np.full((6, 3, 3, 3), 0.1, np.float32)
    first = helper.make_node("Conv", ["pixels", "kernel"], ["conv"], strides=[3, 3])
    path = network_file(tmp_path / "own.onnx", [first, node], {"kernel": kernel}, "map")
    classifier = trained_on(path, photos, output="map")
    with pytest.raises(BackboneError, match=said):
        export(classifier, "keras", tmp_path / "out", pictures)
    assert not (tmp_path / "out").exists()
