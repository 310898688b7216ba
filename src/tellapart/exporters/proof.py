"""The proof of an export: its own program's answers, held against the model's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..model.classifier import Classifier
from ..text import one_line, shown
from .target import Target

MOST_PICTURES = 100
_PATIENCE = 600  # seconds for a program to answer for all pictures


@dataclass(frozen=True)
class Proof:
    """How two ways of running a model agree on the same pictures."""

    pictures: int
    same_label: int
    largest_difference: float  # of any score of any picture
    worst: Path | None = None  # the picture with that difference
    note: str = ""  # what else is to be said of it; why, where there are no pictures

    @property
    def agreement(self) -> float:
        return self.same_label / self.pictures


def example_answers(folder: Path, pictures: Sequence[Path]) -> list[Mapping[str, float]]:
    """The scores that `example.py --json` in the folder prints, in a fresh process.

    Raises:
        ModelError: the program fails or does not answer for every picture.
    """
    command = [sys.executable, "example.py", "--json", *(str(path.resolve()) for path in pictures)]
    try:
        run = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
        lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
        answers = [json.loads(line)["scores"] for line in lines]
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError) as error:
        raise ModelError(f"The exported program does not answer: {error}.") from error
    if run.returncode or len(answers) != len(pictures):
        said = (run.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ModelError(
            f"The exported program answered for {len(answers)} of {len(pictures)} pictures; it "
            f"said: {said}"
        )
    return answers


def by_label(
    labels: Sequence[str], answers: Sequence[Mapping[str, float]]
) -> list[Mapping[str, float]]:
    """The scores of labels as they are, of scores by the lines of labels.txt.

    Raises:
        ModelError: there are others.
    """
    lines = {one_line(label): label for label in labels}
    for answer in answers:
        if answer.keys() != lines.keys():
            raise ModelError(
                f"The exported program names other labels than the model: {', '.join(answer)}."
            )
    return [{lines[line]: score for line, score in answer.items()} for answer in answers]


def compare(
    classifier: Classifier,
    target: Target,
    answers: Sequence[Mapping[str, float]],
    pictures: Sequence[Path],
) -> Proof:
    """Hold a program's scores against the model's.

    Raises:
        ModelError: they differ by more than the target admits.
    """
    return admitted(classifier, target, compared(classifier, answers, pictures))


def admitted(classifier: Classifier, target: Target, proof: Proof) -> Proof:
    """A proof that is good enough for the target.

    Raises:
        ModelError: the answers differ by more than the target admits.
    """
    agreement, tolerance = target.limits(classifier.content)
    others = proof.pictures - proof.same_label
    too_many = others > (agreement < 1) and proof.agreement < agreement  # one may be by bad luck
    if too_many or not proof.largest_difference <= tolerance:
        raise ModelError(
            f"The export {target.name} does not give the model's answers: it has the same label "
            f"for {proof.same_label} of {proof.pictures} pictures, and scores up to "
            f"{proof.largest_difference:.2g} apart ({shown(proof.worst or '')}). Expected were at "
            f"least {agreement:.0%} and at most {tolerance:g}.",
            hint="Nothing was written. Please report this, with the model if you can.",
        )
    return proof


def compared(
    classifier: Classifier, answers: Sequence[Mapping[str, float]], pictures: Sequence[Path]
) -> Proof:
    """How a program's scores and the model's agree, whatever comes of it."""
    ours = [prediction.scores for prediction in classifier.predict_many(pictures)]
    return agreed(ours, answers, pictures)


def agreed(
    ours: Sequence[Mapping[str, float]],
    theirs: Sequence[Mapping[str, float]],
    pictures: Sequence[Path],
) -> Proof:
    """How two lists of scores by label agree, one of each for each picture."""
    same, apart = 0, []
    for one, other in zip(ours, theirs, strict=True):
        same += _highest(one) == _highest(other)
        apart.append(max(abs(score - other[label]) for label, score in one.items()))
    worst = int(np.argmax(apart))  # not a number is the worst of all
    return Proof(len(pictures), same, apart[worst], worst=pictures[worst])


def _highest(scores: Mapping[str, float]) -> str:
    return max(scores, key=lambda label: scores[label])
