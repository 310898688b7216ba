"""The graph answers from raw pixels, and its evidence adds up to its logits.

Where a network's own features do not matter, it is replaced by one whose features are the pixels
themselves: then embedding and evidence show what the views do, in numbers that can be checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import numpy as np
import onnx
import pytest
from PIL import Image

from conftest import draw_scene, mostly_slow
from tellapart.backbones.graph import SHORTEST, VIEWS, HeadTensors, Network, classifier_graph
from tellapart.backbones.nodes import Nodes
from tellapart.backbones.rows import QUALITIES, Trunk
from tellapart.backbones.session import LazySession, beginning, ending
from tellapart.explain.evidence import with_heads
from tellapart.head.linear import Head, softmax
from tellapart.head.novelty import Novelty, fit_novelty

OUTPUTS = ("scores", "embedding", "evidence", "novelty")
KINDS = mostly_slow(["fast", "best", "good"], 1)  # best has the networks of the other two
SIZES = [(1, 1), (3, 500), (500, 3), (1, 30_000), (30_000, 1), (7, 7), (64, 65), (300, 480)]


def a_head(labels: int, dimensions: int, seed: int = 0) -> HeadTensors:
    lot = np.random.default_rng(seed)
    return HeadTensors(
        lot.normal(0, 0.1, (labels, dimensions)).astype(np.float32),
        lot.normal(0, 1, labels).astype(np.float32),
        a_novelty(dimensions, lot),
    )


def a_novelty(dimensions: int, lot: np.random.Generator) -> Novelty:
    vectors = np.abs(lot.normal(1, 1, (40, dimensions)))
    return fit_novelty(vectors, lot.normal(0, 2, (40, 3)), np.arange(40) % 5)


def opened(network: Network, head: HeadTensors) -> LazySession:
    return LazySession(classifier_graph(network, head).SerializeToString())


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    lot = np.random.default_rng([seed, height, width])
    return lot.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def networks(trunks: dict[str, Trunk]) -> dict[str, Network]:
    return {
        row.name: Network(row.name, tuple(trunks[name] for name in row.backbones), row.views)
        for row in QUALITIES.values()
    }


@pytest.fixture(scope="module")
def sessions(networks: dict[str, Network]) -> dict[str, tuple[HeadTensors, LazySession]]:
    """A head of three labels on each quality."""
    heads = {
        name: a_head(3, sum(trunk.channels for trunk in network.trunks))
        for name, network in networks.items()
    }
    return {name: (heads[name], opened(networks[name], heads[name])) for name in networks}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("quality", KINDS)
def test_what_the_graph_says_adds_up(
    quality: str,
    size: tuple[int, int],
    networks: dict[str, Network],
    sessions: dict[str, tuple[HeadTensors, LazySession]],
) -> None:
    head, session = sessions[quality]
    image = picture(*size)[None]
    scores, embedding, evidence, novelty = session.run(OUTPUTS, image)
    grid = max(trunk.grid for trunk in networks[quality].trunks)
    assert scores.shape == (1, 3)
    assert evidence.shape == (1, 3, grid, grid)
    assert novelty.shape == (1,)

    logits = embedding.astype(np.float64) @ head.weights.T + head.bias
    assert np.abs(evidence.mean(axis=(2, 3)) + head.bias - logits).max() < 1e-5
    assert np.abs(scores - softmax(logits)).max() < 1e-6
    assert novelty[0] == pytest.approx(head.novelty.of(embedding, logits)[0], abs=0.02)


@pytest.mark.parametrize("quality", KINDS)
def test_the_classifier_has_the_embedding_of_its_network(
    quality: str,
    networks: dict[str, Network],
    sessions: dict[str, tuple[HeadTensors, LazySession]],
) -> None:
    image = picture(90, 130)[None]
    (alone,) = LazySession(networks[quality].content).run(["embedding"], image)
    (inside,) = sessions[quality][1].run(["embedding"], image)
    assert np.array_equal(alone, inside)


@pytest.mark.parametrize("name", OUTPUTS)
def test_each_output_may_be_asked_for_alone(
    name: str, sessions: dict[str, tuple[HeadTensors, LazySession]]
) -> None:
    session = sessions["fast"][1]
    image = picture(50, 40)[None]
    together = dict(zip(OUTPUTS, session.run(OUTPUTS, image), strict=True))
    assert np.array_equal(session.run([name], image)[0], together[name])


@pytest.mark.parametrize("name", KINDS)
def test_the_two_halves_of_a_model_give_what_the_whole_gives(
    name: str,
    networks: dict[str, Network],
    sessions: dict[str, tuple[HeadTensors, LazySession]],
) -> None:
    head, session = sessions[name]
    whole = classifier_graph(networks[name], head).SerializeToString()
    assert beginning(whole, "embedding") == networks[name].content
    image = picture(50, 40)[None]
    embedding = LazySession(beginning(whole, "embedding")).run(["embedding"], image)
    rest = LazySession(ending(whole, "embedding"), "embedding")
    logits, scores, novelty = rest.run(["logits", "scores", "novelty"], embedding[0])
    for found, expected in zip(
        (*embedding, scores, novelty),
        session.run(["embedding", "scores", "novelty"], image),
        strict=True,
    ):
        assert np.array_equal(found, expected)
    assert np.allclose(softmax(logits), scores, atol=1e-6)


@pytest.mark.parametrize("quality", KINDS)
def test_a_batch_equals_single_runs(
    quality: str, sessions: dict[str, tuple[HeadTensors, LazySession]]
) -> None:
    session = sessions[quality][1]
    images = np.stack([picture(60, 80, seed) for seed in range(3)])
    for together, *alone in zip(
        session.run(OUTPUTS, images),
        *(session.run(OUTPUTS, image[None]) for image in images),
        strict=True,
    ):
        assert np.abs(together - np.concatenate(alone)).max() < 1e-5


def test_no_picture_is_no_answer(sessions: dict[str, tuple[HeadTensors, LazySession]]) -> None:
    scores, embedding = sessions["fast"][1].run(
        ["scores", "embedding"], np.zeros((0, 20, 30, 3), np.uint8)
    )
    assert scores.shape == (0, 3)
    assert embedding.shape == (0, 1280)


def test_two_threads_give_the_same_bits(network: Network) -> None:
    images = [picture(40 + 3 * n, 60 - n, n)[None] for n in range(12)]
    one, shared = LazySession(network.content), LazySession(network.content)
    expected = [one.run(["embedding"], image)[0] for image in images]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda image: shared.run(["embedding"], image)[0], images))
    assert [vector.tobytes() for vector in found] == [vector.tobytes() for vector in expected]


def without_roots(network: Network) -> Network:
    """The same network as releases wrote it that knew no roots."""
    plain = tuple(replace(trunk, never_negative=False) for trunk in network.trunks)
    return Network(network.name, plain, network.views)


def feature_maps(network: Network, image: np.ndarray) -> list[np.ndarray]:
    """Each trunk's feature maps `[V,C,h,w]` of one picture, in all views."""
    model = onnx.load_from_string(network.content)
    outputs = [trunk.output for trunk in network.trunks]
    for name in outputs:
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        model.graph.output.append(value)
    return LazySession(model.SerializeToString()).run(outputs, image[None])


@pytest.mark.parametrize("quality", KINDS)
def test_an_embedding_is_the_mean_root_of_all_features_at_length_1(
    quality: str, networks: dict[str, Network]
) -> None:
    network, image = networks[quality], picture(70, 100)
    maps = [found.astype(np.float64) for found in feature_maps(network, image)]
    mean = np.concatenate([np.sqrt(found).mean(axis=(0, 2, 3)) for found in maps])
    (embedding,) = LazySession(network.content).run(["embedding"], image[None])[0]
    assert np.linalg.norm(embedding.astype(np.float64)) == pytest.approx(1, abs=1e-6)
    assert np.abs(embedding - mean / np.linalg.norm(mean)).max() < 1e-6


@pytest.mark.parametrize("quality", KINDS)
def test_without_roots_an_embedding_is_the_mean_of_all_features(
    quality: str, networks: dict[str, Network]
) -> None:
    network, image = without_roots(networks[quality]), picture(70, 100)
    mean = np.concatenate([found.mean(axis=(0, 2, 3)) for found in feature_maps(network, image)])
    (embedding,) = LazySession(network.content).run(["embedding"], image[None])[0]
    assert np.abs(embedding - mean).max() < 1e-5
    assert np.linalg.norm(embedding) > 5


@pytest.mark.parametrize("quality", mostly_slow(["fast", "best"], 1))
def test_without_roots_what_the_graph_says_adds_up_too(
    quality: str, networks: dict[str, Network]
) -> None:
    network, image = without_roots(networks[quality]), picture(64, 65)[None]
    head = a_head(3, sum(trunk.channels for trunk in network.trunks))
    embedding, evidence = opened(network, head).run(["embedding", "evidence"], image)
    logits = embedding.astype(np.float64) @ head.weights.T
    assert np.abs(evidence.mean(axis=(2, 3)) - logits).max() < 1e-5 * np.abs(evidence).max()
    model = classifier_graph(network, head)
    assert not {"Sqrt", "ReduceL2"} & {
        node.op_type for node in model.graph.node if "novelty" not in node.name
    }


def test_one_trunk_that_can_be_negative_leaves_all_without_roots(trunks: dict[str, Trunk]) -> None:
    both = (trunks["lite0"], replace(trunks["lite2"], never_negative=False))
    assert not Network("both", both, ("crop",)).rooted
    assert Network("both", (trunks["lite0"], trunks["lite2"]), ("crop",)).rooted


@pytest.mark.parametrize("quality", KINDS)
def test_other_heads_have_evidence_that_adds_up(quality: str, networks: dict[str, Network]) -> None:
    network, lot = networks[quality], np.random.default_rng(5)
    dimensions = sum(trunk.channels for trunk in network.trunks)
    heads = [Head(lot.normal(0, 2, (3, dimensions)), lot.normal(0, 1, 3)) for _ in range(4)]
    for kind in (network, without_roots(network)):
        whole = classifier_graph(kind, a_head(3, dimensions)).SerializeToString()
        embedding, evidence = LazySession(with_heads(whole, heads)).run(
            ["embedding", "evidence"], picture(30, 50)[None]
        )
        expected = np.concatenate([head.logits(embedding) - head.bias for head in heads], axis=1)
        found = evidence.mean(axis=(2, 3), dtype=np.float64)
        assert np.abs(found - expected).max() < 1e-5 * np.abs(evidence).max()


@pytest.mark.parametrize("quality", KINDS)
def test_the_model_is_plain_onnx(quality: str, networks: dict[str, Network]) -> None:
    model = classifier_graph(networks[quality], a_head(2, 1280 * len(networks[quality].trunks)))
    onnx.checker.check_model(model, full_check=True)
    assert [opset.domain for opset in model.opset_import] == [""]
    assert {node.domain for node in model.graph.node} == {""}
    assert not model.functions
    assert [entry.name for entry in model.graph.input] == ["image"]
    assert [output.name for output in model.graph.output] == list(OUTPUTS)


def test_building_twice_gives_the_same_bytes(network: Network) -> None:
    first, second = (
        classifier_graph(network, a_head(3, 1280)).SerializeToString(deterministic=True)
        for _ in range(2)
    )
    assert first == second


# Networks whose features are the pixels.


def pixel_trunk(size: int, name: str = "pixels", rooted: bool = False) -> Trunk:
    """Three channels, a grid as fine as its input, and nothing done to either."""
    part = Nodes(name)
    part.add("Identity", [f"{name}/in"], "out")
    entry, out = f"{name}/in", f"{name}/out"
    mean, scale = (0.0,) * 3, (1.0,) * 3
    return Trunk(name, entry, out, size, 3, size, mean, scale, lambda: part, rooted)


def seen(image: np.ndarray, size: int, views: Sequence[str], *, grid: int = 0) -> np.ndarray:
    """The pixels `[G,G,3]` that the views see, laid on the whole picture's grid."""
    trunks: tuple[Trunk, ...] = (pixel_trunk(size),)
    if grid:  # a second trunk, which sees nothing but makes the grid finer
        trunks += (pixel_trunk(grid, "finer"),)
    weights = np.eye(3, 3 * len(trunks), dtype=np.float32)
    novelty = a_novelty(weights.shape[1], np.random.default_rng(0))
    head = HeadTensors(weights, np.zeros(3, np.float32), novelty)
    (evidence,) = opened(Network("pixels", trunks, tuple(views)), head).run(
        ["evidence"], image[None]
    )
    return np.moveaxis(evidence[0], 0, 2)


@pytest.mark.parametrize("size", [(224, 224), (300, 480), (480, 300), (50, 70), (9, 400), (1, 1)])
@pytest.mark.parametrize("side", [32, 224])
def test_the_resize_is_pillows(size: tuple[int, int], side: int) -> None:
    image = np.asarray(draw_scene(size[1], size[0])) // 2 + picture(*size) // 2
    expected = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
    difference = np.abs(seen(image, side, ["squash"]) - expected)
    assert difference.mean() < 0.5
    assert difference.max() < 4  # Pillow rounds once more, between down and across


def test_a_picture_of_the_right_size_is_not_resampled() -> None:
    image = picture(32, 32)
    for view in ("squash", "crop"):
        assert np.array_equal(seen(image, 32, [view]), image)


@pytest.mark.parametrize("size", [(32, 32), (32, 50), (51, 32), (40, 64)])
def test_the_crop_is_the_central_square(size: tuple[int, int]) -> None:
    image = picture(*size)
    side = min(size)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    square = image[top : top + side, left : left + side]
    (embedding,) = LazySession(Network("pixels", (pixel_trunk(side),), ("crop",)).content).run(
        ["embedding"], image[None]
    )
    assert np.abs(embedding[0] - square.mean(axis=(0, 1))).max() < 1e-3


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (32, 64, (0, 32), (8, 24)),
        (64, 32, (8, 24), (0, 32)),
        (32, 128, (0, 32), (12, 20)),
        (32, 32, (0, 32), (0, 32)),
    ],
)
def test_the_evidence_of_a_crop_lies_in_the_centre(
    height: int, width: int, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    image = np.full((height, width, 3), 200, np.uint8)
    on_grid = seen(image, 32, ["crop"])
    covered = np.zeros((32, 32), bool)
    covered[slice(*rows), slice(*columns)] = True
    assert (on_grid[~covered] == 0).all()
    assert np.allclose(on_grid[covered], 200 / covered.mean(), rtol=1e-5)
    assert np.allclose(on_grid.mean(axis=(0, 1)), 200, rtol=1e-5)


def test_evidence_lies_where_the_picture_shows_it() -> None:
    """One bright spot in a wide picture, left and high, is found there by every view."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[8:16, 24:36] = 255  # at an eighth to a quarter down, a quarter to three eighths across
    for view in VIEWS:
        on_grid = seen(image, 32, [view])[..., 0]
        down, across = np.average(
            np.indices((32, 32)).reshape(2, -1) + 0.5, axis=1, weights=np.abs(on_grid).ravel()
        )
        assert down / 32 == pytest.approx(12 / 64, abs=0.02), view
        assert across / 32 == pytest.approx(30 / 96, abs=0.02), view


def test_a_coarse_grid_is_laid_on_a_finer_one_by_area() -> None:
    image = picture(2, 2)
    on_grid = seen(image, 2, ["squash"], grid=5)
    assert np.allclose(on_grid[:2, :2], image[0, 0], rtol=1e-5)
    assert np.allclose(on_grid[3:, 3:], image[1, 1], rtol=1e-5)
    assert np.allclose(on_grid[2, 2], image.mean(axis=(0, 1)), rtol=1e-5)


@pytest.mark.parametrize("geometry", ["crop", "squash"])
def test_mirrored_views_are_turned_back(geometry: str) -> None:
    image = picture(40, 60)
    plain = seen(image, 16, [geometry])
    assert np.array_equal(seen(image, 16, [f"{geometry}-mirrored"]), plain)
    assert not np.array_equal(plain, plain[:, ::-1])


@pytest.mark.parametrize(("geometry", "name"), [*product(["crop", "squash"], ["lite0", "lite2"])])
def test_the_mirrored_view_of_a_picture_is_the_view_of_the_mirrored_picture(
    geometry: str, name: str, trunks: dict[str, Trunk]
) -> None:
    side = trunks[name].size  # needs no resampling, whose rounding is not the same mirrored
    image = np.asarray(draw_scene(side + 64 if geometry == "crop" else side, side))
    head = a_head(2, trunks[name].channels)
    plain, mirrored = (
        opened(Network("one", (trunks[name],), (view,)), head)
        for view in (geometry, f"{geometry}-mirrored")
    )
    (expected,) = plain.run(["evidence"], image[:, ::-1][None].copy())
    (found,) = mirrored.run(["evidence"], image[None])
    assert np.abs(found - expected[..., ::-1]).max() < 1e-4
    assert np.abs(found - plain.run(["evidence"], image[None])[0]).max() > 1e-2


@pytest.mark.parametrize("views", [("crop",), tuple(VIEWS)])
def test_a_picture_without_any_feature_is_0_everywhere(views: tuple[str, ...]) -> None:
    """And one with next to none has embedding, evidence and novelty like any other."""
    trunks = (pixel_trunk(8, "coarse", rooted=True), pixel_trunk(16, "fine", rooted=True))
    network, head = Network("pixels", trunks, views), a_head(3, 6)
    session = opened(network, head)
    images = np.stack([np.full((20, 30, 3), value, np.uint8) for value in (0, 1, 255)])
    images[1, ..., 1:] = 0
    scores, embedding, evidence, novelty = session.run(OUTPUTS, images)
    assert (embedding[0] == 0).all()
    assert (evidence[0] == 0).all()
    assert np.allclose(scores[0], softmax(head.bias[None].astype(np.float64))[0], atol=1e-6)
    assert np.isfinite(novelty).all()
    assert np.allclose(np.linalg.norm(embedding[1:], axis=1), 1, atol=1e-6)
    logits = embedding.astype(np.float64) @ head.weights.T
    assert np.abs(evidence.mean(axis=(2, 3)) - logits).max() < 1e-5
    assert np.allclose(novelty, head.novelty.of(embedding, logits + head.bias), atol=0.02)


def test_a_length_too_short_to_tell_counts_as_the_shortest() -> None:
    trunk = replace(pixel_trunk(8, rooted=True), scale=(1e18,) * 3)
    image = np.full((1, 8, 8, 3), 4, np.uint8)
    (embedding,) = LazySession(Network("pixels", (trunk,), ("crop",)).content).run(
        ["embedding"], image
    )
    assert np.allclose(embedding, 2e-9 / SHORTEST, rtol=1e-4)


@pytest.mark.parametrize("scale", [np.nan, 1e-45])
def test_features_that_are_no_numbers_do_not_become_numbers(scale: float) -> None:
    """Whoever embeds pictures refuses what is not finite: a length must not hide it."""
    trunk = replace(pixel_trunk(8, rooted=True), scale=(1.0, scale, 1.0))
    image = np.full((1, 8, 8, 3), 4, np.uint8)
    (embedding,) = LazySession(Network("pixels", (trunk,), ("crop",)).content).run(
        ["embedding"], image
    )
    assert np.isnan(embedding[0, 1])
