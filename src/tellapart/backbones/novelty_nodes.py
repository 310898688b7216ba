"""`Novelty.of` as nodes: from an embedding and its logits to the novelty of the picture.

Only the standardised training embeddings are stored; products with the embeddings as they were
follow from them: with z = (e - mean) / deviation, x . e = (x * deviation) . z + x . mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..head.novelty import NEIGHBOURS, TINY, Exemplars, Novelty
from .nodes import Nodes

_AT = "novelty"


def add_novelty(part: Nodes, novelty: Novelty, logits: str) -> None:
    """Add the output `novelty` `[N]`, of `embedding` `[N,D]` and `logits` `[N,K]`."""
    kept = novelty.exemplars
    mean = part.constant(f"{_AT}/mean", kept.mean)
    deviation = part.constant(f"{_AT}/deviation", kept.deviation)
    stored = part.constant(f"{_AT}/exemplars/stored", kept.standard.T, np.float16)
    exemplars = part.add("Cast", [stored], f"{_AT}/exemplars", to=1)

    centred = part.add("Sub", ["embedding", mean], f"{_AT}/centred")
    standard = part.add("Div", [centred, deviation], f"{_AT}/standard")
    scaled = part.add("Mul", ["embedding", deviation], f"{_AT}/scaled")
    products, with_exemplars = _products(part, (standard, scaled), exemplars)
    column = part.constant(f"{_AT}/mean/column", kept.mean[:, None])
    with_mean = part.add("MatMul", ["embedding", column], f"{_AT}/mean/products")
    raw = part.add("Add", [with_exemplars, with_mean], f"{_AT}/raw/products")

    apart = _apart(part, "raw", "embedding", raw, kept.lengths[0])
    standard_apart = _apart(part, "standard", standard, products, kept.lengths[1])
    scores = [
        _in_radii(part, "raw", apart, kept.radii[0]),
        _in_radii(part, "standard", standard_apart, kept.radii[1]),
        _energy(part, logits),
        part.add("ReduceMin", [apart, _axis(part, "apart")], f"{_AT}/apart", keepdims=1),
        _far(part, standard, products, kept.lengths[1]),
    ]
    joined = part.add("Concat", scores, f"{_AT}/scores", axis=1)
    centre = part.constant(f"{_AT}/centre", novelty.centre)
    spread = part.constant(f"{_AT}/spread", novelty.spread)
    above = part.add("Sub", [joined, centre], f"{_AT}/above-usual")
    unusual = part.add("Div", [above, spread], f"{_AT}/unusual")
    part.add_named("ReduceLogSumExp", [unusual, _axis(part, "unusual")], "novelty", keepdims=0)


def stored_novelty(constants: Mapping[str, np.ndarray]) -> Novelty:
    """What `add_novelty` put among a graph's constants, as 32-bit floating point; the thresholds
    are not there."""

    def stored(name: str) -> np.ndarray:
        return np.asarray(constants[f"tellapart/{_AT}/{name}"], np.float32)

    lengths, radii = (
        np.stack([stored(name.format(kind)) for kind in ("raw", "standard")])
        for name in ("{}/lengths", "{}/in-radii/radii")
    )
    standard = stored("exemplars/stored").T
    kept = Exemplars(standard, stored("mean"), stored("deviation"), lengths, radii)
    return Novelty(kept, stored("centre"), stored("spread"), ())


def _products(part: Nodes, vectors: Sequence[str], exemplars: str) -> list[str]:
    """Each of several `[N,D]` times `[D,M]`, which is read from memory once for all of them."""
    at, front = f"{_AT}/products", part.constant(f"{_AT}/products/front", [0], np.int64)
    numbers = range(len(vectors))
    rows = [part.add("Unsqueeze", [vectors[i], front], f"{at}/{i}/row") for i in numbers]
    stacked = part.add("Concat", rows, f"{at}/stacked", axis=0)
    every = part.add("MatMul", [stacked, exemplars], at)
    which = [part.constant(f"{at}/{i}/number", i, np.int64) for i in numbers]
    return [part.add("Gather", [every, which[i]], f"{at}/{i}", axis=0) for i in numbers]


def _apart(part: Nodes, kind: str, x: str, products: str, lengths: np.ndarray) -> str:
    """The cosine distances `[N,M]` to the exemplars, which have these `lengths` `[M]`."""
    at = f"{_AT}/{kind}"
    length = part.add("ReduceL2", [x, _axis(part, kind)], f"{at}/length", keepdims=1)
    length = part.add("Max", [length, part.constant(f"{at}/tiny", TINY)], f"{at}/length/positive")
    both = part.add("Mul", [length, part.constant(f"{at}/lengths", lengths)], f"{at}/both-lengths")
    cosine = part.add("Div", [products, both], f"{at}/cosine")
    return part.add("Sub", [part.constant(f"{at}/one", 1), cosine], f"{at}/distance")


def _in_radii(part: Nodes, kind: str, apart: str, radii: np.ndarray) -> str:
    """The mean of the smallest distances `[N,1]` in the exemplars' radii `[M]`."""
    at = f"{_AT}/{kind}/in-radii"
    in_radii = part.add("Div", [apart, part.constant(f"{at}/radii", radii)], at)
    nearest = part.add_smallest(in_radii, min(NEIGHBOURS, len(radii)), f"{at}/nearest")
    return part.add(
        "ReduceMean", [nearest, _axis(part, f"{kind}/in-radii")], f"{at}/score", keepdims=1
    )


def _energy(part: Nodes, logits: str) -> str:
    """The free energy `[N,1]`."""
    axis = _axis(part, "energy")
    claimed = part.add("ReduceLogSumExp", [logits, axis], f"{_AT}/claimed", keepdims=1)
    return part.add("Neg", [claimed], f"{_AT}/energy")


def _far(part: Nodes, standard: str, products: str, lengths: np.ndarray) -> str:
    """The Euclidean distance `[N,1]` to the nearest exemplar, standardised."""
    at, axis = f"{_AT}/far", _axis(part, "far")
    own = part.add("ReduceSumSquare", [standard, axis], f"{at}/own", keepdims=1)
    twice = part.add("Mul", [products, part.constant(f"{at}/two", 2)], f"{at}/twice")
    rest = part.add("Sub", [part.constant(f"{at}/theirs", lengths**2), twice], f"{at}/rest")
    least = part.add("ReduceMin", [rest, axis], f"{at}/least", keepdims=1)
    squared = part.add("Relu", [part.add("Add", [own, least], f"{at}/sum")], f"{at}/squared")
    return part.add("Sqrt", [squared], f"{at}/score")


def _axis(part: Nodes, of: str) -> str:
    return part.constant(f"{_AT}/{of}/axis", [1], np.int64)
