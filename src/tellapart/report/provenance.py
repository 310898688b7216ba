"""How to do it again: the command, the versions it ran with, and hashes of what went into it."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..assess.testing import TestResult
from ..errors import PictureError
from ..evaluation.sentences import compared_words, head_words
from ..files.reading import read_content
from ..model.classifier import Classifier
from ..model.record import TrainingRecord


@dataclass(frozen=True)
class Provenance:
    """What was done, and how to do it again.

    `command` does it, `promise` is what then comes out, or why there is no command; either may be
    unknown. `settings` are the
    settings, versions and hashes, by what they are of.
    """

    title: str
    settings: Mapping[str, str]
    command: str = ""
    promise: str = ""


_IN_PYTHON = "It was {} from Python, on pictures that a program gave: no command repeats that."


def provenance_of_training(classifier: Classifier) -> Sequence[Provenance]:
    """How a model was made, as far as its training record says."""
    return [
        _of_the_model(
            classifier,
            "How it was made",
            "The same pictures and the same versions give the same model again:",
        )
    ]


def provenance_of_test(
    classifier: Classifier, result: TestResult, model: str
) -> Sequence[Provenance]:
    """How a test was done, and how the model was made that was tested."""
    given = result.dataset.given
    return [
        Provenance(
            "How it was tested",
            {"tested pictures' sha256": _of_tested(result)},
            "" if given else shlex.join(["tellapart", "test", model, result.dataset.written]),
            _IN_PYTHON.format("tested")
            if given
            else "The same pictures and the same model give the same figures again:",
        ),
        _of_the_model(
            classifier,
            "How the model was made",
            "This command trained it:",
        ),
    ]


def _of_the_model(classifier: Classifier, title: str, promise: str) -> Provenance:
    """All settings of a model, and the hashes of what it was made from."""
    manifest, record = classifier.manifest, classifier.training_record
    found = {
        "quality": manifest.quality,
        "networks": ", ".join(manifest.backbones),
        "views": ", ".join(manifest.views),
        "solver": manifest.solver,
        "head": head_words(manifest.parts),
        "cross-validated log loss": compared_words(manifest.compared),
        "network's sha256": manifest.network,
        "model.onnx's sha256": classifier.digest,
        "training pictures' sha256": _of_learnt(record) if record else "",
        "tellapart": manifest.version,
        **(record.run.versions if record else {}),
    }
    command = record.run.command if record else ""
    return Provenance(
        title,
        {name: value for name, value in found.items() if value},
        f"{command} -o NEW" if command else "",
        _IN_PYTHON.format("trained") if record and record.run.in_python else promise,
    )


def _of_learnt(record: TrainingRecord) -> str:
    """One hash of all pictures with their labels and sides, whatever their names and order; of
    those that the record keeps."""
    rows = zip(record.digests, record.labels.tolist(), record.held_out.tolist(), strict=True)
    return _fingerprint(f"{digest} {label} {int(held)}" for digest, label, held in rows)


def _of_tested(result: TestResult) -> str:
    """One hash of all pictures that were judged, with their labels, whatever their names."""
    judged = set(result.evaluation.names)
    lines = []
    for item in result.dataset.items:
        if item.name in judged:
            try:
                digest = hashlib.sha256(read_content(item.path)).hexdigest()
            except PictureError:  # gone since it was judged
                digest = "gone"
            lines.append(f"{digest} {result.evaluation.labels.index(item.label)}")
    return _fingerprint(lines)


def _fingerprint(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in sorted(lines)).encode()).hexdigest()
