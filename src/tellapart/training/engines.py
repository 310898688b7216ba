"""Who trains: numpy, on a network as it is, or TensorFlow, which may change the network.

TrainOptions -> Engine
"""

from __future__ import annotations

from typing import Protocol

from ..assess.pictures import Pictures
from ..backbones.embed import Embedder
from ..backbones.graph import OWN_VIEWS, Network, network_of
from ..backbones.rows import Backbone, Quality
from ..backbones.rows import quality as quality_row
from ..workers.places import current_place
from .far_sums import sums_at
from .fit import Fitted, fit
from .options import TrainOptions, Watch
from .tensorflow_settings import KerasBackbone


class Engine(Protocol):
    """How pictures become embeddings, and embeddings a head. Fitting may change the network, and
    the embeddings with it."""

    @property
    def doing(self) -> str:
        """What is being done while it fits."""

    def embedder(self) -> Embedder: ...

    def fit(self, pictures: Pictures, watch: Watch) -> tuple[Network, Pictures, Fitted]: ...


def engine_of(options: TrainOptions) -> Engine:
    """The engine that was asked for, with its network."""
    if options.engine is None:
        return _Plain(options)
    from .tensorflow.engine import TensorFlowEngine

    return TensorFlowEngine(options, options.engine)


class _Plain:
    """The network as it is, and a head on it."""

    doing = "Cross-validating"

    def __init__(self, options: TrainOptions) -> None:
        self.options = options
        self.network = build_network(options)

    def embedder(self) -> Embedder:
        return Embedder(self.network, self.options.cache)

    def fit(self, pictures: Pictures, watch: Watch) -> tuple[Network, Pictures, Fitted]:
        run = sums_at(pictures, self.embedder(), current_place())
        return self.network, pictures, fit(pictures, self.options, on_step=watch.step, run=run)


def build_network(options: TrainOptions) -> Network:
    """The embedding network of the chosen quality, of one row's network, or the user's own."""
    if isinstance(options.backbone, KerasBackbone):
        from .tensorflow.keras_backbone import read_keras_backbone

        return Network("own", (read_keras_backbone(options.backbone).trunk(),), OWN_VIEWS)
    if isinstance(options.backbone, Backbone):
        name = options.backbone.name
        return network_of(Quality(name, (name,), OWN_VIEWS))
    if options.backbone:
        return Network("own", (options.backbone.trunk(),), OWN_VIEWS)
    return network_of(quality_row(options.quality))
