"""A custom label model for PhotoPrism: its `vision.yml`, and the ONNX file and labels it names.

PhotoPrism gives a model one square of floats. Asked for thumbnails of 720 pixels and for padding,
it gives the whole picture on black, pixel by pixel; the graph here takes the black off again, so
that the model sees what it would see of the thumbnail itself, in both of its views.

Followed: PhotoPrism's documentation (developer-guide/vision/label-models.md at 037edbc0) and its
code of October 2026 (internal/ai/classify, internal/ai/onnx, internal/ai/vision, internal/thumb).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..backbones.nodes import Nodes
from ..backbones.session import LazySession, beginning
from ..backbones.untrusted import parse_onnx
from ..images.decode import read_picture
from ..model.classifier import Classifier
from ..model.folder import LABELS_FILE
from ..text import one_line, several
from .photoprism_feed import SIDE, on_black, thumbnail
from .proof import Proof, admitted, agreed, by_label, example_answers
from .target import Export, Target, write_program

NAME = "tellapart"  # the model's, in PhotoPrism
FOLDER = Path("models", NAME)
MODEL = FOLDER / f"{NAME}.onnx"
NONE = "background"  # PhotoPrism ignores a label of this name, unless its score is exactly 1
UNKNOWN = "none of these"  # what the program of the export says for it; no label has this name
LEFT = 0.01  # of the scores of the labels, where the picture is none of them


def write(export: Export) -> None:
    """The model, its labels, the configuration that names them, and a program that does the same
    to a picture as PhotoPrism."""
    classifier, folder = export.classifier, export.folder
    content = square_model(classifier)
    (folder / FOLDER).mkdir(parents=True)
    (folder / MODEL).write_bytes(content)
    (folder / FOLDER / LABELS_FILE).write_text(label_lines(classifier.labels), "utf-8")
    (folder / "vision.yml").write_text(configuration(content), "utf-8")
    write_program(folder, "photoprism.py")
    shutil.copyfile(Path(__file__).with_name("photoprism_feed.py"), folder / "photoprism_feed.py")


def prove(classifier: Classifier, target: Target, folder: Path, pictures: Sequence[Path]) -> Proof:
    """Run the program, and hold it against the model on the same thumbnails; then say for how many
    pictures that is what `guess` says of the files themselves.

    Raises:
        ModelError: the export does not give the model's answers.
    """
    names = (*classifier.labels, UNKNOWN)
    found = by_label(names, example_answers(folder, pictures))
    session = LazySession(classifier.content)
    expected = [
        dict(zip(names, _expected(classifier, session, path), strict=True)) for path in pictures
    ]
    proof = agreed(expected, found, pictures)
    admitted(classifier, target, proof)
    said = [max(answer, key=lambda name: answer[name]) for answer in found]
    guessed = [
        UNKNOWN if prediction.unknown else prediction.label
        for prediction in classifier.predict_many(pictures)
    ]
    same = sum(one == other for one, other in zip(said, guessed, strict=True))
    note = (
        f"Both saw the thumbnails. That is what `tellapart guess` says of the files themselves for "
        f"{same} of {several(len(pictures), 'picture')}:\na thumbnail has at most {SIDE} pixels a "
        "side, and has been a JPEG once more."
    )
    return replace(proof, note=note)


def _expected(classifier: Classifier, session: LazySession, picture: Path) -> list[float]:
    """What the model makes of a picture's thumbnail, in the form of `square_model`."""
    pixels = without_black(on_black(thumbnail(read_picture(picture))))
    scores, novelty = session.run(["scores", "novelty"], pixels[None])
    unknown = novelty[0] > classifier.unknown_above
    share = LEFT if unknown else 1.0
    return [*(share * scores[0]).tolist(), 1 - share]


def without_black(square: np.ndarray) -> np.ndarray:
    """What the graph takes out of its input: pixels [h,w,3] uint8 of a square [1,720,720,3].

    The picture stands in the middle, and where that leaves an odd number of rows or columns, the
    last side has one more. A picture that is black at two opposite edges itself loses that black.
    """
    within = []
    for others in ((0, 2, 3), (0, 1, 3)):
        lit = np.flatnonzero(square.max(axis=others)) if square.any() else [0, SIDE - 1]
        first, after = lit[0], SIDE - 1 - lit[-1]
        start = min(first, after)
        within.append(slice(start, SIDE - start - (after > start)))
    pixels: np.ndarray = square[0][tuple(within)].astype(np.uint8)
    return pixels


def label_lines(labels: Sequence[str]) -> str:
    """PhotoPrism's file of labels: a label and a space a line, and the name it ignores.

    It has rules for 1,000 names of its own: by them a daisy becomes a flower, and a ball is
    dropped. It looks for a rule with the line as it is, and strips spaces afterwards.
    """
    return "".join(f"{one_line(label)} \n" for label in labels) + f"{NONE}\n"


def configuration(content: bytes) -> str:
    """`vision.yml` for a model file.

    `Resolution` chooses the thumbnail; the values are given to the graph as they are, 0 to 255.
    """
    return f"""\
Models:
  - Type: labels
    Name: {NAME}
    Engine: onnx
    Run: on-index
    Path: {NAME}
    Resolution: {SIDE}
    LabelFile: {LABELS_FILE}
    ONNX:
      File: {MODEL.name}
      SHA256: {sha256(content).hexdigest()}
      Input:
        Width: {SIDE}
        Height: {SIDE}
        Layout: NHWC
        ColorOrder: RGB
        Normalization:
          Mean: [0, 0, 0]
          StdDev: [1, 1, 1]
        Resize:
          Mode: pad
          Interpolation: bicubic
      Output:
        Logits: false
"""


def square_model(classifier: Classifier) -> bytes:
    """The model from `input` `[1,720,720,3]`, float32 in 0..255, to `probabilities` `[1,K+1]`.

    These are the scores and 0; of a picture that is none of the labels, a hundredth of the scores
    and 0.99. So they add up to 1, as PhotoPrism demands, and what it ignores is never exactly 1.
    """
    from onnx import TensorProto, helper

    model = parse_onnx(classifier.content)
    graph = model.graph
    before, after = Nodes("photoprism/before"), Nodes("photoprism/after")
    _take_black_off(before)
    _tell_unknown(after, classifier.unknown_above)
    nodes = [*before.nodes, *graph.node, *after.nodes]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.initializer.extend((*before.initializers, *after.initializers))
    for values, name, shape in (
        (graph.input, "input", [1, SIDE, SIDE, 3]),
        (graph.output, "probabilities", [1, len(classifier.labels) + 1]),
    ):
        values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return beginning(model.SerializeToString(), "probabilities")


def _take_black_off(nodes: Nodes) -> None:
    """`input` to `image`, as `without_black` does it."""
    last = nodes.constant("last", [SIDE - 1], np.int64)
    whole = nodes.constant("whole", [SIDE], np.int64)
    starts, stops = [], []
    for name, others in (("rows", [0, 2, 3]), ("columns", [0, 1, 3])):
        axes = nodes.constant(f"{name}/others", others, np.int64)
        lightest = nodes.add("ReduceMax", ["input", axes], f"{name}/lightest", keepdims=0)
        lit = nodes.add("Sign", [lightest], f"{name}/lit")
        first = nodes.add("ArgMax", [lit], f"{name}/first", axis=0)
        final = nodes.add("ArgMax", [lit], f"{name}/final", axis=0, select_last_index=1)
        left_over = nodes.add("Sub", [last, final], f"{name}/after")
        start = nodes.add("Min", [first, left_over], f"{name}/start")
        more = nodes.add("Greater", [left_over, start], f"{name}/more")
        one_more = nodes.add("Cast", [more], f"{name}/one-more", to=7)  # int64
        stop = nodes.add("Sub", [whole, start], f"{name}/mirrored")
        starts.append(start)
        stops.append(nodes.add("Sub", [stop, one_more], f"{name}/stop"))
    begin = nodes.add("Concat", starts, "begin", axis=0)
    end = nodes.add("Concat", stops, "end", axis=0)
    axes = nodes.constant("axes", [1, 2], np.int64)
    lit = nodes.add("Slice", ["input", begin, end, axes], "lit")
    nodes.add_named("Cast", [lit], "image", to=2)  # uint8


def _tell_unknown(nodes: Nodes, threshold: float) -> None:
    """`scores` `[1,K]` and `novelty` `[1]` to `probabilities`."""
    limit, left, one = (
        nodes.constant(name, value)
        for name, value in (("threshold", threshold), ("left", LEFT), ("one", 1))
    )
    unknown = nodes.add("Greater", ["novelty", limit], "unknown")
    share = nodes.add("Where", [unknown, left, one], "share")
    column = nodes.add(
        "Unsqueeze", [share, nodes.constant("axis", [1], np.int64)], "share-of-a-row"
    )
    kept = nodes.add("Mul", ["scores", column], "kept")
    none = nodes.add("Sub", [one, column], "none")
    nodes.add_named("Concat", [kept, none], "probabilities", axis=1)
