"""A classification model for Frigate, the program that watches cameras, and its proof.

What it does was read in the source of Frigate 0.17 (commit 03d0139, "custom classification") and in
its documentation on classifying objects and states. It takes a part of a camera's frame, in RGB,
makes it square with `cv2.resize(part, (224, 224))`, gives it to `model.tflite` as uint8
`[1,224,224,3]`, divides the output by its sum, and looks up the best in `labelmap.txt`, a label a
line. A tracked object of which most answers are `none` gets no label.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path

import numpy as np

from ..images.decode import read_picture
from ..model.classifier import Classifier
from ..model.prediction import Prediction
from ..text import one_line, several
from . import frigate_feed
from .frigate_feed import squashed
from .frigate_words import PROGRAM, STEPS
from .proof import Proof, admitted, example_answers
from .target import Export, Target, write_program
from .tensorflow_target import check_installed, readiness, run_job

__all__ = ["labelmap", "prove", "readiness", "steps", "write"]

SIDE = 224  # pixels of the picture that Frigate gives
WHOLE_PICTURE = 2**31  # pixels: it is not read smaller, since Frigate does not smooth
WHOLE = 255  # what the output adds up to
NONE = "none"  # what Frigate calls an object that is none of the labels
LABELMAP = "labelmap.txt"
_ALIKE = 0.9  # of the pictures, below which it is said what to do
_CLOSE = 0.05  # of a score: less between two labels is moved by 8 bits, and says nothing


def steps(folder: Path) -> str:
    """What an export's README says to type: Frigate knows it by the folder's name, in letters of
    ASCII, without what tells which export it is."""
    name = re.sub("[^a-z0-9]+", "-", folder.name.lower().removesuffix("-frigate")).strip("-")
    return PROGRAM + STEPS.format(name=name or "tellapart")


def labelmap(labels: Sequence[str], unknown_above: float) -> list[str]:
    """The lines of labelmap.txt: the labels, and `none` unless a label is that already or no
    picture is ever unknown.

    A label `None` or `NONE` is written as Frigate knows it. There is one at most: training refuses
    labels that differ only in case. Frigate keeps pictures by names that hold the label, so a `/`
    is written `_`, or as many of them as make no two lines one.
    """
    as_they_are = [NONE if label.strip().lower() == NONE else one_line(label) for label in labels]
    lines: list[str] = []
    for line in as_they_are:
        slash, written = "_", line.replace("/", "_")
        while "/" in line and written in (*lines, *as_they_are):
            slash += "_"
            written = line.replace("/", slash)
        lines.append(written)
    return lines if NONE in lines or not isfinite(unknown_above) else [*lines, NONE]


def write(export: Export) -> None:
    """Write model.tflite, labelmap.txt and the program that does what Frigate does.

    Raises:
        MissingExtraError: TensorFlow, or what runs its files here, is not installed.
        BackboneError: the network has an operator that cannot be written; it is named.
        ModelError: TensorFlow fails; its last words are given.
    """
    classifier, folder = export.classifier, export.folder
    above = classifier.unknown_above
    lines = labelmap(classifier.labels, above)
    check_installed(export.target.settings["needs"].split())
    (folder / LABELMAP).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    run_job("frigate", export, unknown_above=above)
    write_program(folder, "frigate.py")
    shutil.copyfile(frigate_feed.__file__, folder / "frigate_feed.py")


def prove(classifier: Classifier, target: Target, folder: Path, pictures: Sequence[Path]) -> Proof:
    """Hold the program's answers against the model's for the same pictures, made square as Frigate
    does; the note says how these compare with its answers for the pictures as they are.

    Raises:
        ModelError: they differ by more than the target admits.
    """
    answers = example_answers(folder, pictures)
    lines = labelmap(classifier.labels, classifier.unknown_above)
    squares = (squashed(read_picture(path, enough=WHOLE_PICTURE), SIDE) for path in pictures)
    expected = [_in_lines(classifier, lines, one) for one in classifier.predict_many(squares)]
    whole = [_in_lines(classifier, lines, one) for one in classifier.predict_many(pictures)]
    proof, unsure = compared(expected, answers, pictures)
    alike = sum(_best(ours) == _best(theirs) for ours, theirs in zip(whole, answers, strict=True))
    note = (
        f"Both saw pictures made square as Frigate does. Of the pictures as they are, the model "
        f"itself says the same for {alike} of {len(pictures)}."
    )
    if alike < _ALIKE * len(pictures):
        note += (
            " Being made square changes the others: train with pictures that are cut out as "
            "Frigate will cut them, square around an object."
        )
    if unsure:
        note += (
            f" For {several(unsure, 'picture')} the model's two best labels are less than {_CLOSE} "
            "apart, and the export gives the other one: that counts as the same here."
        )
    if NONE in lines:
        unknown = sum(_best(answer) == NONE for answer in answers)
        note += f' The class "none" was the answer for {several(unknown, "picture")}.'
    return admitted(classifier, target, replace(proof, note=note))


def compared(
    expected: Sequence[Mapping[str, float]],
    answers: Sequence[Mapping[str, float]],
    pictures: Sequence[Path],
) -> tuple[Proof, int]:
    """How labels and scores agree, and for how many pictures the label is the same only in that the
    model's own two best are less than `_CLOSE` apart.

    A picture that only one of both calls `none` has another label; its scores, which are then all
    or nothing, are not compared.
    """
    same, unsure, apart = 0, 0, []
    for ours, theirs in zip(expected, answers, strict=True):
        mine, its = _best(ours), _best(theirs)
        alike = (mine == NONE) == (its == NONE)
        close = alike and mine != its and ours[mine] - ours[its] < _CLOSE
        same += mine == its or close
        unsure += close
        apart.append(max(abs(ours[line] - theirs[line]) for line in ours) if alike else 0.0)
    worst = int(np.argmax(apart))  # not a number is the worst of all
    return Proof(len(pictures), same, apart[worst], worst=pictures[worst]), unsure


def _in_lines(classifier: Classifier, lines: Sequence[str], said: Prediction) -> dict[str, float]:
    """A prediction as labelmap.txt has it: what is unknown is all `none`."""
    if said.unknown:
        return {line: float(line == NONE) for line in lines}
    scores = {
        line: said.scores[label] for line, label in zip(lines, classifier.labels, strict=False)
    }  # none
    return {line: scores.get(line, 0.0) for line in lines}


def _best(answer: Mapping[str, float]) -> str:
    return max(answer, key=lambda line: answer[line])
