"""A head of very many embeddings is the same to the bit wherever their sums are made.

Few count as very many here.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tellapart
from drawn import small_network
from tellapart.backbones.foreign import ForeignBackbone
from tellapart.errors import WorkersError
from tellapart.files import room
from tellapart.files.folders import remove_tree
from tellapart.head import blocks, sums
from tellapart.training import far_sums
from tellapart.workers.places import Place, place_of, working_at

LABELS = ("amber", "blue", "cyan")
EACH = 20  # pictures of a label


def drawn() -> list[tuple[np.ndarray, str]]:
    """Tiny pictures whose colours overlap."""
    lot = np.random.default_rng(0)
    found = []
    for k, label in enumerate(LABELS):
        for _ in range(EACH):
            colour = np.full(3, 120.0)
            colour[k] += 40
            pixels = np.clip(colour + lot.normal(0, 30, 3) + lot.normal(0, 20, (32, 32, 3)), 0, 255)
            found.append((pixels.astype(np.uint8), label))
    return found


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, (pixels, label) in enumerate(drawn()):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How to train from several chunks."""
    monkeypatch.setattr(room, "LARGE", 300)
    monkeypatch.setattr(blocks, "ROWS", 8)
    monkeypatch.setattr(sums, "CHUNK", 16)
    path = tmp_path / "small.onnx"
    path.write_bytes(small_network().SerializeToString())
    return {"backbone": ForeignBackbone(path), "cache": tmp_path / "cache"}


def here_alone(*_: object) -> Generator[Any, None, None]:
    raise AssertionError("The sums are made here.")
    yield


@pytest.mark.slow
def test_processes_take_the_embeddings_from_the_cache(
    photos: Path, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tellapart.train(photos, **asked)
    monkeypatch.setattr(far_sums, "local_map", here_alone)
    found = tellapart.train(photos, on="processes:2", **asked)
    assert found.classifier.content == expected.classifier.content
    ours, theirs = (one.classifier.required_record().fold_heads for one in (found, expected))
    assert ours.keys() == theirs.keys()
    for number, head in ours.items():
        np.testing.assert_array_equal(head.weights, theirs[number].weights)


@pytest.mark.slow
def test_pictures_that_no_cache_knows_are_summed_up_here(asked: dict[str, Any]) -> None:
    expected = tellapart.train(drawn(), **asked)
    found = tellapart.train(drawn(), on="processes:2", **asked)
    assert found.classifier.content == expected.classifier.content


def test_a_cache_that_is_lost_on_the_way_is_told_in_a_sentence(
    photos: Path, asked: dict[str, Any]
) -> None:
    def losing(
        unit: Any, batches: Iterable[Sequence[Any]], *, far: Place
    ) -> Generator[Any, None, None]:
        if isinstance(unit, far_sums.SumNamed):
            remove_tree(asked["cache"])
        yield from far.map(unit, batches)

    with place_of("processes:1") as far:
        spread = partial(losing, far=far)
        with (
            working_at(Place("processes:1", spread, is_far=True)),
            pytest.raises(WorkersError, match="cannot be read by a worker in the cache") as told,
        ):
            tellapart.train(photos, **asked)
    assert told.value.hint
