"""The model file as it is."""

from __future__ import annotations

import shutil

from ..model import MODEL_FILE
from .target import EXAMPLES, Export


def write(export: Export) -> None:
    """Copy the model, and the program that runs it with onnxruntime alone."""
    (export.folder / MODEL_FILE).write_bytes(export.classifier.content)
    shutil.copyfile(EXAMPLES / "onnx.py", export.folder / "example.py")
