"""How many pictures a step can take with the memory that is free."""

from __future__ import annotations

from ...images.budget import free_memory
from .networks import KerasNetwork
from .runtime import tensorflow

_SHARE = 0.5  # of the free memory, that a step may take
_NUMBER = 4  # bytes of a float32


def most_pictures(network: KerasNetwork) -> int:
    """Pictures whose activations fit into half of the free memory, at least 1."""
    return max(1, int(_SHARE * free_memory() / activation_bytes(network)))


def activation_bytes(network: KerasNetwork) -> int:
    """What one picture takes while the network learns from it: every map of its forward pass.

    An upper bound: lite0 has 102 MB of maps, and took 32 to 40 MB a picture.
    """
    tf = tensorflow()
    pixels = [tf.TensorSpec([1, one.size, one.size, 3], tf.float32) for one in network.trunks]
    graph = (
        tf.function(
            lambda inputs: [
                one.model(x, training=False) for one, x in zip(network.trunks, inputs, strict=True)
            ],
            autograph=False,
        )
        .get_concrete_function(pixels)
        .graph
    )
    maps = (
        output.shape.num_elements() or 0
        for operation in graph.get_operations()
        for output in operation.outputs
        if operation.type != "ReadVariableOp" and output.shape.rank and output.shape[0] == 1
    )
    return _NUMBER * sum(maps)
