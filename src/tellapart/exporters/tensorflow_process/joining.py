"""Two TFLite models as one: what the first gives is what the second takes.

The converter rounds all of a model or nothing of it. Joined, a network in 8-bit integers is
followed by what must stay in floating point. A model is a few tables (schema.fbs): buffers hold
constants, tensors name their buffer, operators their tensors and their code, each by its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tensorflow.lite.python import schema_py_generated as schema

from .tflite_metadata import packed, text_of

_OPTIONAL = -1  # an input that is not given


def joined(first: bytes, second: bytes) -> bytes:
    """One model: the inputs of `first`, the outputs of `second`.

    The signature of `second` takes each output that the signature of `first` has, by name.
    """
    model, rest = _read(first), _read(second)
    graph, added = model.subgraphs[0], rest.subgraphs[0]
    given = {text_of(one.name): one.tensorIndex for one in model.signatureDefs[0].outputs}
    taken = {one.tensorIndex: given[text_of(one.name)] for one in rest.signatureDefs[0].inputs}
    before = len(graph.tensors), len(model.buffers), len(model.operatorCodes)
    tensors = {_OPTIONAL: _OPTIONAL, **taken}
    for number, tensor in enumerate(added.tensors):
        if number not in taken:
            tensors[number] = len(graph.tensors)
            tensor.buffer += before[1] if tensor.buffer else 0  # the first is empty, for all
            graph.tensors.append(tensor)
    model.buffers += rest.buffers
    model.operatorCodes += rest.operatorCodes
    for operator in added.operators:
        operator.opcodeIndex += before[2]
        operator.inputs = _numbered(operator.inputs, tensors)
        operator.outputs = _numbered(operator.outputs, tensors)
        graph.operators.append(operator)
    graph.outputs = _numbered(added.outputs, tensors)
    outputs = rest.signatureDefs[0].outputs
    for one in outputs:
        one.tensorIndex = tensors[one.tensorIndex]
    model.signatureDefs[0].outputs = outputs
    return packed(model)


def in_steps(content: bytes, name: str, scale: float) -> bytes:
    """The same model, whose only output gets a name and says what a step of it is worth."""
    model = _read(content)
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]]
    tensor.name, tensor.quantization = name, schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
    return packed(model)


def _read(content: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def _numbered(numbers: Sequence[int], tensors: dict[int, int]) -> list[int]:
    return [tensors[int(number)] for number in numbers]
