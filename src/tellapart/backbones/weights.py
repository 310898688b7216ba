"""Published weights, read without the framework that wrote them.

A `.pth` file in PyTorch's old layout is a row of pickles followed by raw arrays. A pickle can run
code, so the file must first match a known sha256, and the unpickler then admits only the four names
that this layout needs. What comes out is a plain mapping of names to arrays.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np

from ..errors import BackboneError, need

_MAGIC_PICKLES = 3  # magic number, protocol version, sizes of the system that wrote the file


@dataclass(frozen=True)
class Checkpoint:
    """Where published weights are found: a module of the pip package that carries them."""

    module: str
    extra: str
    sha256: str

    def path(self) -> Path:
        """The `.pth` file inside the installed package, found without importing the package."""
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            raise need(self.extra, why=f"the weights in {self.module}")
        folder = Path(next(iter(spec.submodule_search_locations))) / "models"
        found = sorted(folder.glob("*.pth"))
        if not found:
            raise BackboneError(
                f"The package {self.module} holds no .pth file in {folder}.",
                hint="Reinstall it: its files are incomplete.",
            )
        return found[0]


def read_checkpoint(checkpoint: Checkpoint) -> Mapping[str, np.ndarray]:
    """Read all arrays of a checkpoint, after checking the file's sha256.

    Raises:
        MissingExtraError: the package is not installed.
        BackboneError: the file is not the one that was published.
    """
    path = checkpoint.path()
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != checkpoint.sha256:
        raise BackboneError(
            f"{path} is not the file that was published: its sha256 differs.",
            hint=f"Reinstall the package {checkpoint.module}.",
        )
    return read_legacy_pickle(io.BytesIO(content))


def read_legacy_pickle(stream: BinaryIO) -> Mapping[str, np.ndarray]:
    """Read `{name: array}` from PyTorch's old (non-zip) layout; any other name in it is refused."""
    try:
        for _ in range(_MAGIC_PICKLES):
            _RestrictedUnpickler(stream).load()
        tensors = _RestrictedUnpickler(stream).load()
        order = _RestrictedUnpickler(stream).load()
        dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
        buffers = {key: _read_storage(stream, dtypes[key]) for key in order}
        return {name: tensor.array(buffers[tensor.storage.key]) for name, tensor in tensors.items()}
    except Exception as error:  # a damaged pickle raises nearly anything, OverflowError too
        raise BackboneError(f"These weights are not in PyTorch's old layout: {error}.") from error


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in elements; kernels converted from TensorFlow are transposed views

    def array(self, buffer: np.ndarray) -> np.ndarray:
        last = self.offset + sum(
            (n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)
        )
        if min((self.offset, *self.strides, *self.shape), default=0) < 0 or last >= buffer.size:
            raise ValueError("a tensor reaches outside its storage")
        strides = [step * buffer.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(buffer[self.offset :], self.shape, strides)
        return np.array(view)


def _rebuild_tensor(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *_: object,
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _RestrictedUnpickler(pickle.Unpickler):
    _ADMITTED: ClassVar[Mapping[tuple[str, str], object]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def find_class(self, module: str, name: str) -> object:
        try:
            return self._ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None

    def persistent_load(self, pid: tuple[object, ...]) -> _Storage:
        _, dtype, key, *_ = pid
        if not isinstance(dtype, np.dtype) or not isinstance(key, str):
            raise pickle.UnpicklingError("it holds a storage of an unknown kind")
        return _Storage(key, dtype)


def _read_storage(stream: BinaryIO, dtype: np.dtype) -> np.ndarray:
    count = int.from_bytes(stream.read(8), "little")
    return np.frombuffer(stream.read(count * dtype.itemsize), dtype)
