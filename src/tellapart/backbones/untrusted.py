"""ONNX files from anyone: read as bytes, never as a pickle, and checked before they run."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

_DOMAINS = frozenset({"", "ai.onnx"})
MAX_BYTES = 2**31  # the format itself holds no more


def read_network(path: Path) -> bytes:
    """The bytes of a file that may be a network; a pipe or device would never come to an end.

    Raises:
        ModelError: it is no regular file, or too large.
        OSError: it cannot be read.
    """
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise ModelError("This is no regular file: refused.")
    if found.st_size > MAX_BYTES:
        raise ModelError(f"This file is larger than {MAX_BYTES // 2**30} GB: refused.")
    return path.read_bytes()


def parse_onnx(content: bytes) -> ModelProto:
    """Read an ONNX file; the error says what the file is instead."""
    import onnx
    from google.protobuf.message import DecodeError

    if content[:1] == b"\x80" or content[:4] == b"PK\x03\x04":
        raise ModelError(
            "This is a pickle or a PyTorch file, which can run code when it is opened: refused.",
            hint="A tellapart model is a folder with model.onnx, or that file alone.",
        )
    try:
        model = onnx.load_model_from_string(content)
        if not model.graph.node or not model.graph.output:
            raise DecodeError("it holds no graph")
    except (DecodeError, ValueError) as error:
        raise ModelError(
            "This is not a model, or it is damaged: it cannot be read as ONNX.",
            hint="Copy it again, or train it again.",
        ) from error
    return model


def refuse_hostile(model: ModelProto) -> None:
    """Nothing outside the file, no operators but ONNX's own, no functions, no graphs in graphs.

    Raises:
        ModelError: one of these was found.
    """
    if model.functions or model.training_info:
        raise ModelError("This model brings its own functions: refused.")
    domains = {entry.domain for entry in model.opset_import}
    foreign = sorted((domains | {node.domain for node in model.graph.node}) - _DOMAINS)
    if foreign:
        raise ModelError(f"This model needs operators from {', '.join(foreign)}: refused.")
    for tensor in _tensors(model.graph):
        if tensor.data_location != 0 or tensor.external_data:
            raise ModelError(
                f"This model points to data outside its file ({tensor.name}): refused."
            )
    for node in model.graph.node:
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise ModelError(f"This model has a graph inside a graph ({node.op_type}): refused.")


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield sparse.values
                yield sparse.indices
