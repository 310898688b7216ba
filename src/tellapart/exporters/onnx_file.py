"""The model file as it is."""

from __future__ import annotations

from ..model.folder import MODEL_FILE
from .target import Export, write_program


def write(export: Export) -> None:
    """Copy the model, and the program that runs it with onnxruntime alone."""
    (export.folder / MODEL_FILE).write_bytes(export.classifier.content)
    write_program(export.folder, "onnx.py")
