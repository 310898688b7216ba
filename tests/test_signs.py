"""What operators alone prove of a network's features: only sure things count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from onnx import NodeProto, helper, numpy_helper

from tellapart.backbones.signs import never_negative

# x is the picture; r is what a Relu makes of it.
CONSTANTS = {
    "c": np.float32(6),
    "z": np.float32(0),
    "n": np.float32(-1),
    "some": np.array([0, -1], np.float32),
}


def chain(*steps: tuple[str, Sequence[str], str]) -> list[NodeProto]:
    return [helper.make_node(kind, list(given), [made]) for kind, given, made in steps]


RELU = ("Relu", "x", "r")


@pytest.mark.parametrize(
    ("nodes", "proved"),
    [
        (chain(("Relu", "x", "y")), True),
        (chain(("Sigmoid", "x", "y")), True),
        (chain(("HardSigmoid", "x", "y")), True),
        (chain(("Softplus", "x", "y")), True),
        (chain(("Clip", ["x", "z", "c"], "y")), True),
        (chain(("Clip", ["x", "z"], "y")), True),
        (chain(("Clip", ["x", "z", ""], "y")), True),
        (chain(RELU, ("MaxPool", "r", "y")), True),
        (chain(RELU, ("AveragePool", "r", "p"), ("Transpose", "p", "y")), True),
        (chain(RELU, ("Identity", "r", "i"), ("Reshape", ["i", "some"], "y")), True),
        (chain(RELU, ("Sigmoid", "x", "s"), ("Concat", "rs", "y")), True),
        (chain(RELU, ("Mul", "rr", "m"), ("Add", "rm", "y")), True),
        # Nothing is known of these.
        (chain(("Clip", ["x", "n", "c"], "y")), False),
        (chain(("Clip", ["x", "z", "n"], "y")), False),  # all is the maximum
        (chain(("Clip", ["x", "", "c"], "y")), False),
        (chain(("Clip", "x", "y")), False),
        (chain(("Clip", ["x", "x", "c"], "y")), False),  # a minimum that is computed
        (chain(("Clip", ["x", "some", "c"], "y")), False),
        (chain(("LeakyRelu", "x", "y")), False),
        (chain(("HardSwish", "x", "y")), False),
        (chain(RELU, ("Conv", "rc", "y")), False),
        (chain(RELU, ("BatchNormalization", "rcccc", "y")), False),
        (chain(RELU, ("Sub", "rr", "y")), False),
        (chain(RELU, ("Add", "rx", "y")), False),
        (chain(RELU, ("Mul", "rn", "y")), False),
        (chain(RELU, ("Concat", "rx", "y")), False),
        (chain(("MaxPool", "x", "y")), False),
        ([helper.make_node("Relu", ["x"], ["y"], domain="com.example")], False),
        ([helper.make_node("Split", ["x"], ["r", "y"])], False),
        ([helper.make_node("MaxPool", ["r"], ["p", "y"])], False),  # the places, not the values
        ([], False),
    ],
)
def test_only_what_operators_prove_counts(nodes: list[NodeProto], proved: bool) -> None:
    constants = [numpy_helper.from_array(np.asarray(v), name) for name, v in CONSTANTS.items()]
    assert never_negative(nodes, constants, "y") is proved


def test_a_minimum_may_stand_in_a_node() -> None:
    zero = numpy_helper.from_array(np.float32(0))
    nodes = [
        helper.make_node("Constant", [], ["low"], value=zero),
        helper.make_node("Clip", ["x", "low"], ["y"]),
    ]
    assert never_negative(nodes, [], "y")
