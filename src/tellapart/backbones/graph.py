"""Joins trunks, views and a head into one plain ONNX model that answers from raw pixels.

    image ─ crop, squash ─ resize ─ mirror ─ trunk ─ feature maps F ─ root R

    R ─ mean u ─ divided by |u| ─ embedding ─ head ─ scores
    └─ class maps ─ one grid ─ divided by |u| ─ evidence

Everything from the picture's pixels to the scores is inside, so every runtime gives our answers.

R = sqrt(F) is the root of a feature map F at each position, u the mean of R over positions and
views, of all trunks side by side, and |u| its Euclidean length:

    embedding e = u / |u|
    logit     k = w[k] . e + b[k]
    evidence  k = conv(R, w[k]) / |u|, laid on one grid without changing its mean

The length of a picture is one number, so all three are linear in R: the mean of evidence k plus
b[k] is exactly logit k, for any number of views and trunks. With roots, a feature that is strong in
one place counts for less than one that is there in many; with one length, it counts which features
a picture has, and not how strong all are. Lengths below `SHORTEST` count as that: a picture without
any feature has the embedding 0.

Where a trunk's features can be negative (`Trunk.never_negative`), there are no roots: then R = F
and e = u, as in all models of releases that knew no roots.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..head.novelty import Novelty
from ..version import __version__
from .built import Built, built_once
from .nodes import IR_VERSION, OPSET, Nodes
from .novelty_nodes import add_novelty
from .rows import BACKBONES, Quality, Trunk
from .untrusted import parse_onnx

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto


@dataclass(frozen=True)
class View:
    """One way of seeing a picture: its geometry, and whether it is mirrored left to right."""

    geometry: str  # "crop": the central square; "squash": the whole picture, made square
    mirrored: bool


VIEWS: Mapping[str, View] = {
    "crop": View("crop", False),
    "squash": View("squash", False),
    "crop-mirrored": View("crop", True),
    "squash-mirrored": View("squash", True),
}
OWN_VIEWS = ("squash", "crop-mirrored")  # of a user's own backbone
SHORTEST = 1e-6  # length of an embedding before it is brought to 1: what is shorter is as good as 0
_LENGTH = "tellapart/length"  # of each picture, where there is one, `[N,1]`


@dataclass(frozen=True)
class HeadTensors:
    """What a trained head puts into the graph; K labels, D embedding values."""

    weights: np.ndarray  # [K,D]
    bias: np.ndarray  # [K]
    novelty: Novelty


@dataclass(frozen=True)
class Network:
    """Trunks and views under a name: all that turns a picture into an embedding.

    `origin` tells all that it is built from, where that is known: then it is built once and kept.
    """

    name: str
    trunks: tuple[Trunk, ...]
    views: tuple[str, ...]
    origin: str = ""

    @property
    def rooted(self) -> bool:
        """Whether embeddings are of rooted features, and of length 1: no feature is negative."""
        return all(trunk.never_negative for trunk in self.trunks)

    @property
    def content(self) -> bytes:
        """An ONNX model from `image` uint8 `[N,H,W,3]` to `embedding` float32 `[N,D]`."""
        return self._built.content

    @property
    def digest(self) -> str:
        """The sha256 of `content`."""
        return self._built.digest

    @cached_property
    def _built(self) -> Built:
        return built_once(self.origin, self._build)

    def _build(self) -> bytes:
        part = _start(self)
        dimensions = sum(trunk.channels for trunk in self.trunks)
        model = _model(part, {"embedding": ["N", dimensions]})
        return bytes(model.SerializeToString(deterministic=True))


def network_of(row: Quality) -> Network:
    """The network of a quality."""
    rows = [BACKBONES[name] for name in row.backbones]
    origin = repr((row, rows, _code()))
    trunks = tuple(backbone.trunk(precision=row.precision) for backbone in rows)
    return Network(row.name, trunks, row.views, origin)


def is_rooted(content: bytes) -> bool:
    """Whether a model file's embeddings are of rooted features, and of length 1."""
    return f"{_LENGTH}/exact".encode() in content


def in_whole_numbers(content: bytes) -> bool:
    """Whether a model file's networks, or some of them, compute in whole numbers."""
    return b"QuantizeLinear" in content


@cache
def _code() -> str:
    """A hash of the source that builds networks: what other code has built is not taken."""
    try:
        sources = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
        return hashlib.sha256(b"".join(sources)).hexdigest()
    except OSError:  # installed without its source
        return __version__


def classifier_graph(network: Network, head: HeadTensors) -> ModelProto:
    """A model from `image` to `scores` `[N,K]`, `embedding`, `evidence` `[N,K,h,w]`, `novelty`.

    `scores` are softmax(embedding @ weights.T + bias); the mean of `evidence[:, k]` over the grid
    plus `bias[k]` is the logit of label k. `novelty` `[N]` is `Novelty.of` embedding and logits.
    """
    part = Nodes("tellapart")
    labels, dimensions = head.weights.shape
    weights, bias = (
        part.constant("head/weights", head.weights),
        part.constant("head/bias", head.bias),
    )
    logits = part.add("Gemm", ["embedding", weights, bias], "head/logits", transB=1)
    part.add_named("Softmax", [logits], "scores", axis=1)
    _add_evidence(part, network, head.weights)
    add_novelty(part, head.novelty, logits)
    grid = max(trunk.grid for trunk in network.trunks)
    model = parse_onnx(network.content)
    model.graph.node.extend(part.nodes)
    model.graph.initializer.extend(part.initializers)
    outputs = {
        "scores": ["N", labels],
        "embedding": ["N", dimensions],
        "evidence": ["N", labels, grid, grid],
        "novelty": ["N"],
    }
    del model.graph.output[:]
    model.graph.output.extend(_values(outputs))
    return model


def _start(network: Network) -> Nodes:
    """All nodes from `image` to `embedding`."""
    part, views = Nodes("tellapart"), network.views
    geometries = _geometries(views)
    _add_geometries(part, geometries)
    pooled = []
    for trunk in network.trunks:
        _add_views(part, trunk, views)
        part.nodes.extend(trunk.part.nodes)
        part.initializers.extend(trunk.part.initializers)
        features = trunk.output
        if network.rooted:
            features = part.add("Sqrt", [features], f"{trunk.name}/square-root")
        axes = part.constant(f"{trunk.name}/positions", [2, 3], np.int64)
        mean = part.add("ReduceMean", [features, axes], f"{trunk.name}/mean", keepdims=0)
        shape = part.constant(f"{trunk.name}/by-view", [len(views), -1, trunk.channels], np.int64)
        by_view = part.add("Reshape", [mean, shape], f"{trunk.name}/means")
        first = part.constant(f"{trunk.name}/first", [0], np.int64)
        pooled.append(
            part.add("ReduceMean", [by_view, first], f"{trunk.name}/embedding", keepdims=0)
        )
    if not network.rooted:
        part.add_named("Concat", pooled, "embedding", axis=1)
        return part
    mean = part.add("Concat", pooled, "mean", axis=1)
    norm = part.add("ReduceL2", [mean, part.constant("length/axis", [1], np.int64)], "length/exact")
    part.add_named("Max", [norm, part.constant("length/shortest", SHORTEST)], _LENGTH)
    part.add_named("Div", [mean, _LENGTH], "embedding")
    return part


def _geometries(views: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(VIEWS[view].geometry for view in views))


def _add_geometries(part: Nodes, geometries: Sequence[str]) -> None:
    """`[N,3,h,w]` uint8 for each geometry."""
    part.add("Transpose", ["image"], "squash", perm=[0, 3, 1, 2])
    if "crop" not in geometries:
        return
    shape = part.add("Shape", ["tellapart/squash"], "sides", start=2)
    shortest = part.add("ReduceMin", [shape], "shortest", keepdims=1)
    spare = part.add("Sub", [shape, shortest], "spare")
    start = part.add("Div", [spare, part.constant("two", [2], np.int64)], "crop/start")
    end = part.add("Add", [start, shortest], "crop/end")
    axes = part.constant("crop/axes", [2, 3], np.int64)
    part.add("Slice", ["tellapart/squash", start, end, axes], "crop")


def _add_views(part: Nodes, trunk: Trunk, views: Sequence[str]) -> None:
    """Resize, normalise, mirror: fills `trunk.input` with the views stacked, `[V*N,3,S,S]`.

    The resize is Pillow's BICUBIC: cubic with a = -0.5, widened by the factor of reduction.
    """
    name = trunk.name
    sizes = part.constant(f"{name}/size", [trunk.size, trunk.size], np.int64)
    low, high = part.constant(f"{name}/black", 0), part.constant(f"{name}/white", 255)
    mean = part.constant(f"{name}/pixel-mean", np.reshape(trunk.mean, (1, 3, 1, 1)))
    scale = part.constant(f"{name}/pixel-scale", np.reshape(trunk.scale, (1, 3, 1, 1)))
    pixels = {}
    for geometry in _geometries(views):
        at = f"{name}/{geometry}"
        x = part.add("Cast", [f"tellapart/{geometry}"], f"{at}/float", to=1)
        # All four sizes: with those of two axes, onnxruntime takes the wrong ones where it lays
        # pixels out by channel last, as it does before a network in whole numbers.
        kept = part.add("Shape", [x], f"{at}/kept", start=0, end=2)
        x = part.add(
            "Resize",
            [x, "", "", part.add("Concat", [kept, sizes], f"{at}/sizes", axis=0)],
            f"{at}/resized",
            mode="cubic",
            cubic_coeff_a=-0.5,
            antialias=1,
            exclude_outside=1,
            coordinate_transformation_mode="half_pixel",
        )
        x = part.add("Clip", [part.add("Round", [x], f"{at}/round"), low, high], f"{at}/pixels")
        x = part.add("Sub", [x, mean], f"{at}/centred")
        pixels[geometry, False] = part.add("Div", [x, scale], f"{at}/normal")
        if any(VIEWS[view] == View(geometry, True) for view in views):
            pixels[geometry, True] = _mirror(part, pixels[geometry, False], f"{at}/mirrored")
    stacked = [pixels[VIEWS[view].geometry, VIEWS[view].mirrored] for view in views]
    part.add_named("Concat", stacked, trunk.input, axis=0)


def _mirror(part: Nodes, x: str, name: str) -> str:
    """`x` `[N,C,h,w]` turned left to right."""
    bounds = {"from": -1, "to": np.iinfo(np.int64).min + 1, "axis": 3, "step": -1}
    inputs = [part.constant(f"{name}/{key}", [value], np.int64) for key, value in bounds.items()]
    return part.add("Slice", [x, *inputs], name)


def _add_evidence(part: Nodes, network: Network, weights: np.ndarray) -> None:
    """`evidence` `[N,K,G,G]` over the whole picture: the class maps of all views on one grid."""
    trunks, views = network.trunks, network.views
    if "crop" in _geometries(views):
        _add_place_of_crop(part)
    grid = max(trunk.grid for trunk in trunks)
    split = np.cumsum([trunk.channels for trunk in trunks])[:-1]
    share = 1 / len(views)
    maps = []
    for trunk, columns in zip(trunks, np.split(weights, split, axis=1), strict=True):
        name = f"evidence/{trunk.name}"
        kernel = part.constant(f"{name}/kernel", columns[:, :, None, None] * share)
        features = f"tellapart/{trunk.name}/square-root" if network.rooted else trunk.output
        stacked = part.add("Conv", [features, kernel], f"{name}/maps")
        shape = part.constant(
            f"{name}/by-view", [len(views), -1, len(weights), trunk.grid, trunk.grid], np.int64
        )
        by_view = part.add("Reshape", [stacked, shape], f"{name}/by-view/maps")
        for number, view in enumerate(views):
            at = f"{name}/{view}"
            index = part.constant(f"{at}/number", number, np.int64)
            x = part.add("Gather", [by_view, index], f"{at}/map", axis=0)
            if VIEWS[view].mirrored:
                x = _mirror(part, x, f"{at}/unmirrored")
            maps.append(_regrid(part, x, at, VIEWS[view].geometry, trunk.grid, grid))
    if not network.rooted:
        part.add_named("Sum", maps, "evidence")
        return
    longer = part.add("Sum", maps, "evidence/longer")
    axes = part.constant("evidence/positions", [2, 3], np.int64)
    length = part.add("Unsqueeze", [_LENGTH, axes], "evidence/length")
    part.add_named("Div", [longer, length], "evidence")


def _add_place_of_crop(part: Nodes) -> None:
    """The central square's place as shares of the sides: `crop/offset` and `crop/side` `[2]` (down,
    across). It covers offset .. offset + side of a picture whose sides are 1."""
    for name, value in (("offset", "crop/start"), ("side", "shortest")):
        whole = part.add("Cast", ["tellapart/sides"], f"crop/{name}/whole", to=1)
        pixels = part.add("Cast", [f"tellapart/{value}"], f"crop/{name}/pixels", to=1)
        part.add("Div", [pixels, whole], f"crop/{name}")


def _regrid(part: Nodes, x: str, name: str, geometry: str, source: int, target: int) -> str:
    """Lay maps `[N,K,s,s]` of a view onto the whole picture's grid `[N,K,G,G]`, keeping the mean.

    Each source cell's value is shared out among the target cells it overlaps, by length, first
    down and then across: P X Q' with P[i,j] = (G/s) |target i and source j| / |source j|. Lengths
    are in sides of the view, so that rounding moves values a little and loses none of them.
    """
    edges = part.constant(f"{name}/edges", np.arange(target + 1)[:, None] / target)
    steps = np.arange(source + 1)[None] / source
    first = part.constant(f"{name}/first", steps[:, :-1])
    last = part.constant(f"{name}/last", steps[:, 1:])
    cells = part.constant(f"{name}/cells", target)
    sides = []
    for axis, way in enumerate(("down", "across")):
        at = f"{name}/{way}"
        places = edges
        if geometry == "crop":
            number = part.constant(f"{at}/axis", axis, np.int64)
            offset = part.add("Gather", ["tellapart/crop/offset", number], f"{at}/offset")
            side = part.add("Gather", ["tellapart/crop/side", number], f"{at}/side")
            places = part.add("Sub", [edges, offset], f"{at}/from-view")
            places = part.add("Div", [places, side], f"{at}/places")
        bounds = []
        for which, start in (("low", 0), ("high", 1)):
            rows = part.constant(f"{at}/{which}/rows", np.arange(target) + start, np.int64)
            bounds.append(part.add("Gather", [places, rows], f"{at}/{which}", axis=0))
        top = part.add("Min", [bounds[1], last], f"{at}/top")
        bottom = part.add("Max", [bounds[0], first], f"{at}/bottom")
        overlap = part.add("Relu", [part.add("Sub", [top, bottom], f"{at}/gap")], f"{at}/overlap")
        sides.append(part.add("Mul", [overlap, cells], f"{at}/shares"))
    down, across = sides
    turned = part.add("Transpose", [across], f"{name}/turned", perm=[1, 0])
    return part.add("MatMul", [part.add("MatMul", [down, x], f"{name}/laid"), turned], f"{name}/on")


def _model(part: Nodes, outputs: Mapping[str, Sequence[str | int]]) -> ModelProto:
    from onnx import TensorProto, helper

    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])
    graph = helper.make_graph(
        part.nodes,
        "tellapart",
        [image],
        _values(outputs),
        part.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    model.producer_name = "tellapart"
    return model


def _values(shapes: Mapping[str, Sequence[str | int]]) -> list[ValueInfoProto]:
    from onnx import TensorProto, helper

    return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
