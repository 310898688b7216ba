"""Targets that TensorFlow writes: it runs in a process of its own, so this one never imports it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from .. import errors
from ..errors import MissingExtraError, ModelError, TellapartError
from ..files.workspaces import temporary_folder
from ..model.folder import MODEL_FILE
from ..text import one_line
from .target import EXAMPLES, Export, Readiness, Target, write_program

_PACKAGES = {"tensorflow": "TensorFlow", "ai_edge_litert": "ai-edge-litert"}
NEEDS = "tensorflow"  # unless a row's settings say otherwise
_PATIENCE = 1800  # seconds


def write(export: Export) -> None:
    """Write the row's form and the programs that run it.

    Raises:
        MissingExtraError: TensorFlow, or what runs its files here, is not installed.
        BackboneError: the network has an operator that cannot be written; it is named.
        ModelError: TensorFlow fails; its last words are given.
    """
    settings, folder = export.target.settings, export.folder
    check_installed(settings.get("needs", NEEDS).split())
    run_job(settings["form"], export)
    write_program(folder, settings["example"])
    if settings["form"] == "tensorflow-graph":
        shutil.copyfile(EXAMPLES / "label_image.py", folder / "label_image.py")
        text = "".join(f"{label}\n" for label in original_labels(export.classifier.labels))
        (folder / "retrained_labels.txt").write_text(text, "utf-8")


def check_installed(packages: Sequence[str]) -> None:
    """Whether the packages are there, without importing them.

    Raises:
        MissingExtraError: one is not.
    """
    for package in packages:
        if find_spec(package) is None:
            raise errors.need("tensorflow", why=_PACKAGES[package])


def readiness(target: Target) -> Readiness:
    """Whether the packages are here that the target needs."""
    try:
        check_installed(target.settings.get("needs", NEEDS).split())
    except MissingExtraError as error:
        return Readiness(missing=error.hint, extra=target.extra)
    return Readiness()


def original_labels(labels: Sequence[str]) -> list[str]:
    """Labels as retrain.py wrote them: lower-cased, all but letters and digits of ASCII a space.

    Where that leaves nothing of a label, or makes two labels one, all stay as they are.
    """
    plain = [re.sub(r"[^a-z0-9]+", " ", label.lower()) for label in labels]
    if len({label.strip() for label in plain}) < len(plain) or "" in map(str.strip, plain):
        return [one_line(label) for label in labels]
    return plain


def run_job(form: str, export: Export, **options: float) -> None:
    """Have TensorFlow write a form, which may have options, into the export's folder.

    Raises:
        BackboneError: the network has an operator that cannot be written; it is named.
        ModelError: TensorFlow fails; its last words are given.
        OSError: the files cannot be written, as on a full disk.
    """
    with temporary_folder() as place:
        model = Path(place, MODEL_FILE)
        model.write_bytes(export.classifier.content)
        job = {
            "form": form,
            "model": str(model),
            "folder": str(export.folder.resolve()),
            "pictures": [str(path.resolve()) for path in export.pictures],
            "options": options,
        }
        command = [sys.executable, "-m", f"{__package__}.tensorflow_process"]
        try:
            run = subprocess.run(
                command,
                input=json.dumps(job),
                cwd=place,
                env={**os.environ, "TMPDIR": str(place)},  # so that a kill leaves nothing for ever
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ModelError(f"TensorFlow was not done after {_PATIENCE} seconds.") from error
    if run.returncode:
        said = (run.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ModelError(f"TensorFlow could not write this model as {form}; it said: {said}")
    answer = json.loads(run.stdout.splitlines()[-1])
    if "errno" in answer:
        raise OSError(answer["errno"], os.strerror(answer["errno"]))
    if answer:
        kind = getattr(errors, answer["error"], ModelError)
        raise (kind if issubclass(kind, TellapartError) else ModelError)(
            answer["message"], hint=answer["hint"]
        )
