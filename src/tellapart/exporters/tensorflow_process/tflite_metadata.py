"""What TFLite's readers (MediaPipe, Android's ML binding) look for in a model: names and labels.

The published schema is tensorflow/tflite-support's `metadata_schema.fbs` (identifier M001), kept in
a buffer of the model called TFLITE_METADATA; the labels are a file in a zip archive that begins
where the model ends. The package that writes these does not install on a current Python, so the few
tables are written here field by field.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any, TypeAlias

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from ...version import __version__

LABELS_MEMBER = "labels.txt"
_NAME = "TFLITE_METADATA"
_MODEL, _METADATA = b"TFL3", b"M001"  # the file identifiers
_AXIS_LABELS, _IMAGE, _RGB = 2, 2, 1  # AssociatedFileType, ContentProperties, ColorSpaceType
_PARSER = "1.0.0"  # the oldest reader that knows all of these fields

Field: TypeAlias = "tuple[int, str, Any]"  # slot, what it is, value


def with_metadata(content: bytes, pictures: Sequence[tuple[str, int]], labels: bytes) -> bytes:
    """The same model with its inputs named by (geometry, size), metadata, and its labels inside."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    sizes = [tuple(graph.tensors[index].shape)[1] for index in graph.inputs]
    names = _input_names(model, graph, pictures)
    for index, name in zip([*graph.inputs, *graph.outputs], [*names, "scores"], strict=True):
        graph.tensors[index].name = name
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(_metadata(names, sizes), np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = _NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    stream = io.BytesIO(packed(model))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:  # appended to the model
        archive.writestr(zipfile.ZipInfo(LABELS_MEMBER), labels)
    return stream.getvalue()


def packed(model: Any) -> bytes:
    """The file of a model that was read."""
    builder = _AlignedBuilder(4096)
    builder.Finish(model.Pack(builder), file_identifier=_MODEL)
    return bytes(builder.Output())


def _input_names(model: Any, graph: Any, pictures: Sequence[tuple[str, int]]) -> list[str]:
    """The names of the inputs in their order: the signature says which tensor is which."""
    known = {f"{geometry}_{size}" for geometry, size in pictures}
    signature = model.signatureDefs[0]
    by_tensor = {entry.tensorIndex: text_of(entry.name) for entry in signature.inputs}
    names = [by_tensor[index] for index in graph.inputs]
    if set(names) != known:
        raise ValueError(f"the inputs are {names}")
    return names


def text_of(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


class _AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Weights begin at multiples of 16 bytes, as the schema asks and Python's builder forgets."""

    def StartVector(self, size: int, count: int, alignment: int) -> Any:  # noqa: N802
        return super().StartVector(size, count, 16 if size == 1 else alignment)


def _metadata(names: Sequence[str], sizes: Sequence[int]) -> bytes:
    """A ModelMetadata table; the numbers are the slots of its fields in the schema."""
    builder = flatbuffers.Builder(1024)
    inputs = [_picture(builder, name, int(size)) for name, size in zip(names, sizes, strict=True)]
    file = _table(
        builder,
        5,
        (0, "text", LABELS_MEMBER),
        (1, "text", "A label a line, in the order of the scores."),
        (2, "byte", _AXIS_LABELS),
    )
    scores = _table(
        builder,
        7,
        (0, "text", "scores"),
        (1, "text", "The probability of each label."),
        (6, "tables", [file]),
    )
    graph = _table(builder, 10, (2, "tables", inputs), (3, "tables", [scores]))
    root = _table(
        builder,
        8,
        (0, "text", "tellapart"),
        (1, "text", "Classifies pictures."),
        (2, "text", __version__),
        (3, "tables", [graph]),
        (7, "text", _PARSER),
    )
    builder.Finish(root, file_identifier=_METADATA)
    return bytes(builder.Output())


def _picture(builder: Any, name: str, size: int) -> int:
    """A TensorMetadata table for a square RGB picture."""
    geometry = name.partition("_")[0]
    seen = "central square" if geometry == "crop" else "whole picture, made square"
    side = _table(builder, 2, (0, "number", size), (1, "number", size))
    properties = _table(builder, 2, (0, "byte", _RGB), (1, "table", side))
    content = _table(builder, 3, (0, "byte", _IMAGE), (1, "table", properties))
    about = f"The {seen}, {size} x {size} RGB pixels in 0..255, resized with Pillow's BICUBIC."
    return _table(builder, 7, (0, "text", name), (1, "text", about), (3, "table", content))


def _table(builder: Any, slots: int, *fields: Field) -> int:
    """One table; texts and vectors are written before it, as the format wants."""
    ready = []
    for slot, kind, value in fields:
        if kind == "text":
            value = builder.CreateString(value)
        elif kind == "tables":
            builder.StartVector(4, len(value), 4)
            for offset in reversed(value):
                builder.PrependUOffsetTRelative(offset)
            value = builder.EndVector()
        ready.append((slot, kind, value))
    builder.StartObject(slots)
    for slot, kind, value in ready:
        if kind == "byte":
            builder.PrependInt8Slot(slot, value, 0)
        elif kind == "number":
            builder.PrependUint32Slot(slot, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return int(builder.EndObject())
