"""Taking a model elsewhere: a table of targets, and one way of writing and proving each.

Every export is a folder with the model, `labels.txt`, a minimal program that runs it, and a
README. Before it takes its place it is proved: its own program, in a fresh process with the
target's own runtime, must give the same answers as `Classifier.predict` on real pictures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from ..errors import DestinationError, PictureError, UsageError, option
from ..files.atomic import chosen_with
from ..files.folders import check_may_be_replaced, folder_written_atomically
from ..files.on_disk import check_written_here
from ..files.reading import read_content
from ..images.decode import read_picture
from ..images.opening import read_by_pillow_alone
from ..model.classifier import Classifier
from ..model.folder import LABELS_FILE, labels_text
from ..text import shown
from .frigate_words import DIFFERS as FRIGATE_DIFFERS
from .npm import Watch
from .photoprism_words import DIFFERS as PHOTOPRISM_DIFFERS
from .photoprism_words import MORE as PHOTOPRISM_MORE
from .proof import MOST_PICTURES, Proof, by_label, compare, example_answers
from .readme import export_readme
from .target import Export, Readiness, Target

__all__ = ["TARGETS", "ExportResult", "Readiness", "Target", "export", "readiness"]

_TENSORFLOW_DECODES = (
    "TensorFlow decodes a JPEG to the same pixels as Pillow, upright as the file says, and a big "
    "one at the same smaller scale. But where a PNG is transparent, it shows the colour stored "
    "beneath."
)

_REPORTS = (
    "onnxruntime 1.29 and later report to their maker, unless `ORT_DISABLE_TELEMETRY=1` is in the\n"
    "environment before they are loaded. `example.py` sets it; a program of your own must set it "
    "too."
)

_STEPPED = 0.2  # of a score of a model in whole numbers: 0.07 was the most in 200 photographs

TARGETS: Mapping[str, Target] = {
    row.name: row
    for row in (
        Target(
            name="onnx",
            writes="the model file as it is, for raw pixels of any size",
            read_by="every ONNX runtime",
            run="python example.py PICTURE",
            module="onnx_file",
            more=_REPORTS,
            unknown="measured",
        ),
        Target(
            name="onnx-int8",
            writes="the model with its networks in 8-bit integers, calibrated on its own pictures",
            read_by="onnxruntime, and other ONNX runtimes that know QDQ",
            run="python example.py PICTURE",
            module="onnx_int8",
            more=_REPORTS,
            unknown="measured",
            agreement=0.95,
            tolerance=0.3,
            differs="8-bit integers round what each layer passes on, so scores move a little, most "
            "where the model is unsure. The same pictures gave the range of each layer. On a "
            "processor without 8-bit dot products (before about 2019) the sums of onnxruntime can "
            "overflow: prove it there.",
        ),
        Target(
            name="triton",
            writes="a model repository: config.pbtxt, labels and the model file as it is",
            read_by="NVIDIA Triton Inference Server",
            run="tritonserver --model-repository=repository",
            module="triton",
            more="That is the server's own command. Type it inside NVIDIA's container image of the "
            "server,\nstarted with `--publish 8000:8000 --env ORT_DISABLE_TELEMETRY=1` and this "
            "folder mounted. Without the\nvariable its onnxruntime may report to its maker. Then "
            "ask it, from anywhere that reaches port 8000\n(`SERVER` names another address):\n\n"
            "```\nSERVER=http://localhost:8000 python example.py PICTURE\n```",
            unknown="measured",
            differs="The server itself was not run. model.onnx was run with onnxruntime, which is "
            "Triton's own backend for it, and config.pbtxt was read back and compared with the "
            "model's inputs and outputs.",
        ),
        Target(
            name="photoprism",
            writes="a custom label model: vision.yml, and the ONNX file and the labels it names",
            read_by="PhotoPrism, in a release whose custom models are ONNX (autumn 2026 or later)",
            run="python example.py PICTURE",
            module="photoprism",
            more=PHOTOPRISM_MORE,
            differs=PHOTOPRISM_DIFFERS,
            unknown="told",
        ),
        *(
            Target(
                name=name,
                writes=writes,
                read_by="any browser of 2023 or later, without a server and offline",
                run="python -m webbrowser index.html",
                module="web",
                extra="web",
                tool="npm, once",
                settings={"form": form},
                can_link=True,
                unknown="told",
                differs="A browser's decoder of JPEG may round otherwise than Pillow's, and a "
                "browser that guards against fingerprinting may add noise to the pixels it hands "
                "out; resizing is the model's own.",
            )
            for name, form, writes in (
                ("web", "folder", "a page that classifies in the browser, and its files"),
                ("web-page", "page", "the same as one HTML file with everything in it"),
            )
        ),
        Target(
            name="tensorflow-graph",
            writes="a frozen graph and its labels, as retrain.py wrote them in 2016",
            read_by="programs for TensorFlow 1 under tf.compat.v1, old label_image.py copies too",
            run="python label_image.py PICTURE.jpg",
            module="tensorflow_target",
            extra="tensorflow",
            settings={
                "form": "tensorflow-graph",
                "example": "tensorflow_graph.py",
            },
            agreement=0.95,
            tolerance=0.02,
            stepped=_STEPPED,
            differs=f"{_TENSORFLOW_DECODES} `DecodeJpeg` reads JPEG, PNG and GIFs that do not "
            "move; other pictures go in as pixels, through `DecodeJpeg:0`.",
        ),
        Target(
            name="saved-model",
            writes="a SavedModel with signatures for pixels and for encoded bytes",
            read_by="TensorFlow Serving (give it the folder `model`) and tf.saved_model.load",
            run="python example.py PICTURE",
            module="tensorflow_target",
            extra="tensorflow",
            settings={"form": "saved-model", "example": "saved_model.py"},
            more="To serve it with TensorFlow Serving, and ask with a file's bytes (neither was "
            "run here):\n\n```\n"
            'docker run --rm -p 8501:8501 -v "$PWD/model:/models/tellapart" \\\n'
            "    -e MODEL_NAME=tellapart tensorflow/serving\n"
            """printf '{"instances": [{"b64": "%s"}]}' "$(base64 -w 0 PICTURE.jpg)" |\n"""
            "    curl --data @- http://localhost:8501/v1/models/tellapart:predict\n```",
            agreement=0.95,
            tolerance=0.02,
            stepped=_STEPPED,
            differs=f"{_TENSORFLOW_DECODES} The signature `encoded` (and `serving_default`) reads "
            "JPEG, PNG, GIF and BMP; `pixels` takes float32 in 0..255 and `pixels_uint8` uint8, "
            "of any size.",
        ),
        Target(
            name="keras",
            writes="a .keras file with Keras's own layers only, for raw pixels of any size",
            read_by="Keras 3, in the release that wrote it or later",
            run="python example.py PICTURE",
            module="tensorflow_target",
            extra="tensorflow",
            settings={"form": "keras", "example": "keras.py"},
            tolerance=2e-3,
            stepped=_STEPPED,
            differs="Sums of floating-point numbers differ in their last digits, so a resized "
            "value close to a half may be rounded the other way. That moves a score mostly by less "
            "than 1e-4, and by 9e-4 at most in 450 pictures.",
        ),
        *(
            Target(
                name=name,
                writes=f"a TFLite model {writes}, of builtin operators, with its labels inside",
                read_by="LiteRT (TensorFlow Lite) and, where it has one input, MediaPipe",
                run="python example.py PICTURE",
                module="tensorflow_target",
                extra="tensorflow",
                settings={
                    "form": name,
                    "example": "tflite.py",
                    "needs": "tensorflow ai_edge_litert",
                },
                agreement=0.95,
                tolerance=tolerance,
                stepped=_STEPPED,
                differs="No builtin operator shrinks a picture as well as ours does, so each input "
                "is a square picture that is already resized. Its name says what it shows: "
                "`crop_224` is the central square with 224 pixels a side, `squash_260` the whole "
                f"picture with 260. The program resizes as the model does {and_so}.",
            )
            for name, writes, tolerance, and_so in (
                ("tflite", "in float32", 0.02, "(1e-4 of a score, where it was measured)"),
                (
                    "tflite-float16",
                    "with weights of 16 bits",
                    0.02,
                    "and weights are rounded (1e-3 of a score, where it was measured)",
                ),
                (
                    "tflite-int8",
                    "in 8-bit integers",
                    0.3,
                    "but 8-bit integers move scores: by up to 0.2 where it was measured, most "
                    "where the model is unsure",
                ),
            )
        ),
        Target(
            name="frigate",
            writes="a classification model in 8-bit integers for Frigate, and its labelmap.txt",
            read_by="Frigate 0.17, the program that watches cameras",
            run="python example.py PICTURE",
            module="frigate",
            extra="tensorflow",
            settings={"needs": "tensorflow ai_edge_litert"},
            agreement=0.95,
            tolerance=0.5,
            differs=FRIGATE_DIFFERS,
            unknown="told",
        ),
    )
}


@dataclass(frozen=True)
class ExportResult:
    """What was written, and how it was proved."""

    target: Target
    folder: Path
    size: int  # bytes
    proof: Proof


def export(
    classifier: Classifier,
    target: str,
    folder: str | os.PathLike[str],
    pictures: Sequence[Path],
    *,
    cdn: bool = False,
    fetching: Watch | None = None,
) -> ExportResult:
    """Write a model in another form, prove it equal on `pictures`, and only then keep it.

    With `cdn` a web page links to a public network in place of carrying onnxruntime-web.
    `fetching` is told what npm fetches for it, before and while it does.

    Raises:
        UsageError: there is no such target, it cannot link, or no picture to prove it with.
        MissingExtraError: the target's packages are not installed.
        ModelError: its answers differ by more than the target admits; nothing is left.
        DestinationError: it cannot be written, or something else is there.
    """
    check_written_here(folder)
    row, destination = _row(target), Path(folder)
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise DestinationError(
            f"{shown(destination)} already contains something.",
            hint=f"Nothing was changed there. Choose a new folder{chosen_with()}.",
        )
    check_may_be_replaced(destination)
    if cdn and not row.can_link:
        able = ", ".join(other.name for other in TARGETS.values() if other.can_link)
        raise UsageError(f"{option('cdn=True')} is for web pages ({able}), not for {row.name}.")
    if cdn:
        row = replace(row, read_by="any browser of 2023 or later, which downloads onnxruntime")
    module = import_module(f".{row.module}", __package__)
    if hasattr(module, "prepare"):
        module.prepare(cdn, fetching or (lambda fetching: None))
    with TemporaryDirectory(prefix="tellapart-") as apart:
        shown_pictures = _readable(_spread(pictures, MOST_PICTURES), Path(apart))
        if not shown_pictures:
            raise UsageError(
                f"An export needs real pictures as proof, and {_missing(classifier, pictures)}.",
                hint="Any pictures of the kind that the model is for will do, up to "
                f"{MOST_PICTURES}, unlabelled too. Give some with {option('pictures')}.",
            )
        with folder_written_atomically(destination) as fresh:
            (fresh / LABELS_FILE).write_text(labels_text(classifier.labels), "utf-8")
            module.write(Export(row, classifier, fresh, pictures, cdn))
            proof = _proved(module, row, classifier, fresh, shown_pictures)
            if hasattr(module, "steps"):
                row = replace(row, more=module.steps(destination))
            (fresh / "README.md").write_text(export_readme(row, classifier, proof), "utf-8")
            size = sum(path.stat().st_size for path in fresh.rglob("*") if path.is_file())
    return ExportResult(row, destination, size, proof)


def readiness(target: str) -> Readiness:
    """What a form needs that is not here yet; nothing is begun, and nothing asked of a network.

    Raises:
        UsageError: there is no such target.
    """
    row = _row(target)
    module = import_module(f".{row.module}", __package__)
    found: Readiness = module.readiness(row) if hasattr(module, "readiness") else Readiness()
    return found


def _missing(classifier: Classifier, pictures: Sequence[Path]) -> str:
    """Why there is no picture to prove an export with."""
    if pictures:
        return "none of those given can be read"
    record = classifier.training_record
    if record is None or record.run.private:
        return "no training picture was found: this model does not hold their names"
    return "no training picture was found: they are not where they were"


def _proved(
    module: ModuleType,
    target: Target,
    classifier: Classifier,
    folder: Path,
    pictures: Sequence[Path],
) -> Proof:
    """By the module's own `prove`, or by the answers that it or the example program gives."""
    if hasattr(module, "prove"):
        proof: Proof = module.prove(classifier, target, folder, pictures)
        return proof
    ask = getattr(module, "answers", example_answers)
    answers = by_label(classifier.labels, ask(folder, pictures))
    return compare(classifier, target, answers, pictures)


def _readable(pictures: Sequence[Path], apart: Path) -> list[Path]:
    """Those that are pictures still: a folder that was given may hold others. One of a kind that
    only tellapart reads, such as HEIC, is shown to the export's program as a PNG of its pixels."""
    from PIL import Image

    found = []
    for number, path in enumerate(pictures):
        with suppress(PictureError):
            pixels = read_picture(path)
            if not read_by_pillow_alone(read_content(path), path.suffix):
                path = apart / f"{number}-{path.stem[:40]}.png"
                Image.fromarray(pixels).save(path, compress_level=1)
            found.append(path)
    return found


def _spread(pictures: Sequence[Path], most: int) -> list[Path]:
    """At most `most` pictures, evenly from first to last, so that every label is among them."""
    step = max(1.0, len(pictures) / most)
    return [pictures[int(i * step)] for i in range(min(most, len(pictures)))]


def _row(name: str) -> Target:
    try:
        return TARGETS[name]
    except KeyError:
        raise UsageError(
            f"There is no export called {name!r}.", hint=f"Choose one of: {', '.join(TARGETS)}."
        ) from None
