"""The shapes of what is answered below `/v2`; mypy holds the routes to them, and `/openapi.json` is
written from them."""

from __future__ import annotations

from typing import Literal, TypedDict


class ServerMetadata(TypedDict):
    """The server, and which extensions of the protocol it knows."""

    name: str
    version: str
    extensions: list[str]


class ServerLives(TypedDict):
    """Whether the process lives."""

    live: bool


class ServerIsReady(ServerLives):
    """Whether the process lives, and whether it answers."""

    ready: bool


class ModelState(TypedDict):
    """A model, and whether it answers; if not, the `reason`."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


class ModelIsReady(TypedDict):
    """Whether a model answers."""

    name: str
    ready: bool


class TensorMetadata(TypedDict):
    """An input or an output; -1 in its shape is any length."""

    name: str
    datatype: Literal["BYTES", "FP32", "BOOL"]
    shape: list[int]


class ModelMetadata(TypedDict):
    """The input and the outputs of a model."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Reshape(TypedDict):
    """The shape of one picture's part where it is not that of `dims`."""

    shape: list[int]


class _ConfiguredTensor(TypedDict):
    name: str
    data_type: Literal["TYPE_STRING", "TYPE_FP32", "TYPE_BOOL"]
    dims: list[int]


class ConfiguredTensor(_ConfiguredTensor, total=False):
    """An input or an output in the words of Triton: `dims` are without the number of pictures."""

    reshape: Reshape


class StringParameter(TypedDict):
    """The value of a parameter."""

    string_value: str


class ModelConfiguration(TypedDict):
    """A model in the words of Triton; its parameter `digest` is the sha256 of its file."""

    name: str
    platform: str
    backend: str
    max_batch_size: int
    input: list[ConfiguredTensor]
    output: list[ConfiguredTensor]
    parameters: dict[str, StringParameter]


class BinaryParameters(TypedDict):
    """How many bytes behind the JSON are this tensor's."""

    binary_data_size: int


class _OutputTensor(TypedDict):
    name: str
    datatype: Literal["BYTES", "FP32", "BOOL"]
    shape: list[int]


class OutputTensor(_OutputTensor, total=False):
    """An output for all pictures: its values, flat, in `data`; or behind the JSON, as
    `parameters` says."""

    data: list[str | float | bool]
    parameters: BinaryParameters


class _Inferred(TypedDict):
    model_name: str
    model_version: str
    outputs: list[OutputTensor]


class Inferred(_Inferred, total=False):
    """Outputs of a model for pictures; `id` is the request's, if it had one."""

    id: str
