"""Tensors of the Open Inference Protocol: out of a request's body, and into an answer's.

A body is a JSON object. Where the header Inference-Header-Content-Length gives its length, the
bytes of tensors follow, in the order of the JSON, little-endian and row-major; each element of a
BYTES tensor then has its length before it, in 4 bytes (the extension `binary_tensor_data`). In JSON
a tensor is flat or nested. JSON has no bytes, only text: there a picture is base64, and a label
stands as it is.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from ...errors import UsageError
from ...images.budget import BUDGET
from ...text import shown
from ...to_json.results import Json
from ..bodies.encoded import from_base64
from ..bodies.in_json import once
from ..problems import HttpError, too_large, too_many

LENGTH = "Inference-Header-Content-Length"
_MOST_VALUES = 4_000_000  # in JSON: as Python's objects they take ten times their bytes, or more
_MOST_LISTS = _MOST_VALUES // 2
_MOST_WORDS = 64  # quotes, colons and braces that a picture may take: a few are enough
_BYTES_A_VALUE, _BYTES_A_LIST = 40, 100  # as Python's objects
_LONGEST_SIDE = 2**31 - 1
_STEP = 2**20  # bytes that are unpacked at once
_PREFIX = struct.Struct("<I")
_WINDOWS = {"gzip": 31, "deflate": 15}  # zlib's wbits
_DATATYPES = {"FP32": np.dtype("<f4"), "BOOL": np.dtype("?"), "UINT8": np.dtype("u1")}

Tensor: TypeAlias = "np.ndarray | list[list[str]] | list[str]"  # lists are BYTES, as text


@dataclass(frozen=True)
class Body:
    """The JSON object of a request, and the bytes behind it."""

    said: Mapping[str, Any]
    binary: memoryview


def unpacked(content: bytes, encoding: str, largest: int, hold: Callable[[int], None]) -> bytearray:
    """A body as it was before it was compressed, at most `largest` bytes; `hold` is told of each
    piece as it comes, and may refuse it.

    Raises:
        HttpError: 415 where it is compressed in another way, 413 where it is larger.
        UsageError: it is damaged.
    """
    if encoding not in _WINDOWS:
        raise HttpError(
            415,
            f"The body is compressed with {briefly(encoding)}, which is not read here.",
            hint="Use gzip or deflate, or do not compress it: pictures hardly get smaller.",
            headers={"Accept-Encoding": "gzip, deflate"},
        )
    reader = zlib.decompressobj(_WINDOWS[encoding])
    found, rest = bytearray(), content
    try:
        while rest and not reader.eof:
            piece = reader.decompress(rest, _STEP)
            hold(len(piece))
            found += piece
            if len(found) > largest:
                raise too_large(largest, "unpacked body")
            rest = reader.unconsumed_tail
    except zlib.error as error:
        raise UsageError(f"The body is not {encoding}, as its Content-Encoding says.") from error
    if not reader.eof or reader.unused_data:
        raise UsageError(f"The body is {encoding} that is cut short, or has more behind it.")
    return found


def length_of_json(size: int, said: str | None) -> int:
    """How many of the `size` bytes of a body are JSON; `said` is the header's value, if it came.

    Raises:
        UsageError: the header cannot be true.
    """
    if said is None:
        return size
    if said.isascii() and said.isdigit() and len(said) <= 18 and int(said) <= size:
        return int(said)
    raise UsageError(
        f"{LENGTH} is {briefly(said)}, and the body has {size} bytes.",
        hint="It is the length of the JSON at the body's beginning, in bytes.",
    )


def parted(content: bytes | bytearray, end: int, most: int) -> Body:
    """A body of at most `most` pictures into its JSON, which ends at `end`, and the bytes behind.

    What has many values is refused before any is made, and what has rather many waits for memory.

    Raises:
        UsageError: it is no JSON object.
        HttpError: 413 where the JSON has too many values.
    """
    values, lists = content.count(b",", 0, end), content.count(b"[", 0, end)
    words = sum(content.count(one, 0, end) for one in (b'"', b":", b"{"))
    if values > _MOST_VALUES:
        raise _too_many(f"than {_MOST_VALUES:,} values")
    if lists > _MOST_LISTS:
        raise _too_many(f"than {_MOST_LISTS:,} lists")
    if words > _MOST_WORDS * (most + 16):
        raise _too_many("texts and objects than pictures need")
    with BUDGET.room(values * _BYTES_A_VALUE + lists * _BYTES_A_LIST):
        try:
            said = json.loads(content[:end], object_pairs_hook=once)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                "The body does not begin with a JSON object.",
                hint=f"Where bytes follow it, {LENGTH} says how long it is.",
            ) from error
    if not isinstance(said, dict):
        raise UsageError("The body's JSON is no object.")
    return Body(said, memoryview(content)[end:])


def _too_many(what: str) -> HttpError:
    return HttpError(
        413,
        f"The JSON has more {what}.",
        hint="Send the tensor's bytes behind the JSON, or encoded pictures.",
    )


def briefly(value: object) -> str:
    """What a client sent, in a few letters of one line, however long it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = str(value)
    return shown(text[:40]) + ("..." if len(text) > 40 else "")


def pictures_in(body: Body, most: int) -> list[bytes | np.ndarray]:
    """The pictures of a request: encoded, or pixels uint8 `[H,W,3]`.

    Raises:
        UsageError: its tensor is another than `image`, of another shape, or not what it says.
        HttpError: 413 where there are more than `most`.
    """
    tensor = _only_input(body.said.get("inputs"))
    shape, datatype = _shape_of(tensor), tensor.get("datatype")
    if datatype == "BYTES":
        expected = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
    elif datatype == "UINT8":
        expected = len(shape) == 4 and shape[3] == 3
    else:
        expected = False
    if not expected:
        raise UsageError(
            f"image is {briefly(datatype)} {list(shape)}.",
            hint="Give encoded pictures as BYTES [N] or [N,1], or pixels as UINT8 [N,H,W,3].",
        )
    if not math.prod(shape):
        raise UsageError(f"image is {datatype} {list(shape)}, which has nothing in it.")
    if shape[0] > most:
        raise too_many(most)
    binary = _binary_of(tensor, body.binary)
    if binary is None:
        if "data" not in tensor:
            raise UsageError(
                "image has neither data nor binary_data_size.",
                hint="Shared memory is not offered: send the pictures.",
            )
        if datatype == "BYTES":
            return list(_from_base64(tensor["data"], shape[0]))
        return list(_from_numbers(tensor["data"], shape))
    if datatype == "BYTES":
        return list(_from_prefixed(binary, shape[0]))
    if len(binary) != math.prod(shape):
        raise UsageError(
            f"image is UINT8 {list(shape)}, which is {math.prod(shape)} bytes, not {len(binary)}."
        )
    return list(np.frombuffer(binary, np.uint8).reshape(shape))


def _only_input(inputs: object) -> Mapping[str, Any]:
    tensors = inputs if isinstance(inputs, list) else []
    names = [one.get("name") if isinstance(one, dict) else None for one in tensors]
    if names != ["image"]:
        raise UsageError(
            "A request has one input, which is called image.",
            hint='Give "inputs": [{"name": "image", "datatype": "BYTES", "shape": [N], ...}].',
        )
    found: Mapping[str, Any] = tensors[0]
    return found


def _shape_of(tensor: Mapping[str, Any]) -> tuple[int, ...]:
    shape = tensor.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) > 4
        or not all(type(one) is int and 0 <= one <= _LONGEST_SIDE for one in shape)
    ):
        raise UsageError(
            "The shape of image is no list of at most four whole numbers from 0 on, none above "
            f"{_LONGEST_SIDE:,}."
        )
    return tuple(shape)


def _binary_of(tensor: Mapping[str, Any], binary: memoryview) -> memoryview | None:
    """The bytes of the one tensor, if it is not in the JSON: all that follow it."""
    parameters = tensor.get("parameters") or {}
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None and not len(binary):
        return None
    if type(size) is not int or size != len(binary):
        raise UsageError(
            f"binary_data_size of image is {briefly(size)}, but {len(binary)} bytes follow the "
            "JSON."
        )
    return binary


def _from_prefixed(binary: memoryview, count: int) -> list[bytes]:
    """The elements of a BYTES tensor, each of which has its length before it."""
    found: list[bytes] = []
    at = 0
    while at < len(binary):
        start = at + _PREFIX.size
        if start > len(binary) or (at := start + _PREFIX.unpack_from(binary, at)[0]) > len(binary):
            raise UsageError(f"image is cut short: its element {len(found)} ends after the body.")
        found.append(bytes(binary[start:at]))
        if len(found) > count:
            break
    if len(found) != count:
        more = "more" if len(found) > count else str(len(found))
        raise UsageError(f"The shape of image says {count} pictures, and its bytes hold {more}.")
    return found


def _from_base64(data: object, count: int) -> list[bytes]:
    rows = data if isinstance(data, list) else []
    elements = [one for row in rows for one in (row if isinstance(row, list) else [row])]
    if len(elements) != count:
        raise UsageError(
            f"The shape of image says {count} pictures, and its data holds {len(elements)}."
        )
    try:
        return [from_base64(one) for one in elements]
    except ValueError as error:
        raise UsageError(
            "The data of image is not base64.",
            hint="In JSON a picture is base64; or send its bytes behind the JSON.",
        ) from error


def _from_numbers(data: object, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers, flat or nested as the shape is; looked at one by one before any array is made, as
    numpy would find a type that fits them all, and a long text is one that is wide."""
    values = data if isinstance(data, list) else []
    if values and isinstance(values[0], list):
        values = [values]
        for side in shape:
            if not all(type(row) is list and len(row) == side for row in values):
                values = []
                break
            values = list(chain.from_iterable(values))
    if len(values) != math.prod(shape) or set(map(type, values)) != {int}:
        raise UsageError(
            f"The data of image is not {math.prod(shape)} whole numbers, flat or {list(shape)}."
        )
    try:
        return np.frombuffer(bytes(values), np.uint8).reshape(shape)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            "The data of image is UINT8, and holds numbers beyond 0 to 255."
        ) from error


@dataclass(frozen=True)
class Output:
    """An output of an answer; `binary` ones go behind the JSON."""

    name: str
    tensor: Tensor
    binary: bool

    @property
    def datatype(self) -> str:
        if not isinstance(self.tensor, np.ndarray):
            return "BYTES"
        return next(name for name, kind in _DATATYPES.items() if kind == self.tensor.dtype)

    @property
    def shape(self) -> list[int]:
        return list(np.shape(self.tensor))

    def flat(self) -> list[Json]:
        return list(np.ravel(self.tensor).tolist())

    def to_bytes(self) -> bytes:
        if isinstance(self.tensor, np.ndarray):
            return self.tensor.tobytes()
        texts = [str(text).encode() for text in self.flat()]
        return b"".join(_PREFIX.pack(len(text)) + text for text in texts)


def written(said: Mapping[str, Json], outputs: Sequence[Output]) -> tuple[bytes, dict[str, str]]:
    """The body of an answer, and its headers: `said`, and the outputs."""
    tensors: list[Json] = []
    parts: list[bytes] = []
    for output in outputs:
        tensor: dict[str, Json] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": output.shape,
        }
        if output.binary:
            parts.append(output.to_bytes())
            tensor["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            tensor["data"] = output.flat()
        tensors.append(tensor)
    head = json.dumps({**said, "outputs": tensors}, allow_nan=False).encode()
    if not parts:
        return head, {"Content-Type": "application/json"}
    return b"".join([head, *parts]), {
        "Content-Type": "application/octet-stream",
        LENGTH: str(len(head)),
    }
