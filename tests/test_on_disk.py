"""A model's files looked at again and again: what takes their place is loaded once, and whole."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tellapart import ModelError
from tellapart.model.on_disk import ModelOnDisk


@dataclass(frozen=True)
class Loaded:
    """A model as far as this is about."""

    content: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@pytest.fixture
def loads() -> list[bytes]:
    return []


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "heroes").mkdir()
    put(tmp_path / "heroes", b"first")
    return tmp_path / "heroes"


def put(place: Path, content: bytes, name: str = "model.onnx") -> None:
    (place / "new").write_bytes(content)
    os.replace(place / "new", place / name)


def on_disk(place: Path, loads: list[bytes], loaded: Loaded | None = None) -> ModelOnDisk[Loaded]:
    def load(path: Path) -> Loaded:
        file = path / "model.onnx" if path.is_dir() else path
        if not file.exists() or file.read_bytes() == b"damaged":
            raise ModelError("It cannot be loaded.")
        loads.append(file.read_bytes())
        return Loaded(loads[-1])

    return ModelOnDisk(place, load, loaded)


@pytest.mark.parametrize("alone", [False, True])
def test_what_takes_its_place_is_loaded_once_it_is_the_same_for_two_looks(
    place: Path, loads: list[bytes], alone: bool
) -> None:
    model = on_disk(place / "model.onnx" if alone else place, loads)
    assert model.load() == Loaded(b"first")
    assert [model.newer(), model.newer()] == [None, None]
    put(place, b"half")
    assert model.newer() is None
    put(place, b"second")
    assert [model.newer(), model.newer(), model.newer()] == [None, Loaded(b"second"), None]
    put(place, b"of its training", "training.npz")
    assert [model.newer(), model.newer(), model.newer()] == [None, Loaded(b"second"), None]
    assert loads == [b"first", b"second", b"second"]


def test_a_model_that_was_loaded_before_is_not_loaded_again(
    place: Path, loads: list[bytes]
) -> None:
    model = on_disk(place, loads, Loaded(b"first"))
    assert [model.newer() for _ in range(3)] == [None, None, None]
    put(place, b"second")
    assert [model.newer(), model.newer()] == [None, Loaded(b"second")]
    assert loads == [b"second"]


def test_one_that_was_replaced_before_the_first_look_is_found(
    place: Path, loads: list[bytes]
) -> None:
    model = on_disk(place, loads, Loaded(b"older"))
    assert [model.newer(), model.newer(), model.newer()] == [None, Loaded(b"first"), None]


@pytest.mark.parametrize("harm", ["damaged", "gone"])
def test_what_cannot_be_loaded_is_complained_of_once_and_what_comes_then_is_loaded(
    place: Path, loads: list[bytes], harm: str
) -> None:
    model = on_disk(place, loads)
    model.load()
    if harm == "gone":
        (place / "model.onnx").unlink()
    else:
        put(place, b"damaged")
    assert model.newer() is None
    with pytest.raises(ModelError):
        model.newer()
    assert [model.newer(), model.newer()] == [None, None]
    put(place, b"second")
    assert [model.newer(), model.newer()] == [None, Loaded(b"second")]
