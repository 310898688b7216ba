"""tellapart: folders of labelled pictures -> a tested, explained, shareable image classifier.

>>> import tellapart
>>> result = tellapart.train("photos/")
>>> result.predict("picture.jpg").label
'ice_queen'
>>> result.save("heroes")
PosixPath('heroes')
>>> classifier = tellapart.load("heroes")
>>> classifier.explain("picture.jpg").words
'ice queen 1.00. The middle argues most for it...'

Names are imported when they are first used, so that `import tellapart` costs nothing.
`tellapart.explain` is a module; the function is a classifier's method.
"""

from __future__ import annotations

from .backbones import telemetry
from .version import __version__

telemetry.forbid()  # before anything else is loaded

TYPE_CHECKING = False  # as typing has it, whose import would take longer than all of this
if TYPE_CHECKING:
    from . import explain
    from .assess.carrying_out import carry_out, undo_carried_out
    from .assess.check.checking import check
    from .assess.check.health import Finding, Health
    from .assess.piling import Pile, PiledPicture, Piles
    from .assess.testing import TestResult
    from .backbones.foreign import ForeignBackbone
    from .backbones.rows import BACKBONES, Backbone
    from .client.asynchronous import AsyncClient
    from .client.client import Client
    from .collecting.collect import Collected, collect
    from .dataset.decision import Decision
    from .dataset.decisions import decide, undo_decisions
    from .dataset.sources import SkippedFile
    from .errors import (
        ArchiveError,
        BackboneError,
        DatasetError,
        DestinationError,
        MissingExtraError,
        ModelError,
        PictureError,
        ServerError,
        TellapartError,
        UsageError,
        WorkersError,
    )
    from .exchange.corrections import LabelsRead, read_labels
    from .exchange.labels import LabelsWritten, write_labels
    from .exchange.splitting import SplitResult, split
    from .explain.explanation import Explanation
    from .exporters.export import ExportResult
    from .head.sgd import SgdSettings, SgdStep
    from .images.decode import Picture
    from .model.answers.writing import AnswersWritten
    from .model.classifier import Classifier, load
    from .model.prediction import Prediction
    from .sorting.piles import piles
    from .sorting.plan import SortOptions, SortStep
    from .sorting.sort import SortResult
    from .sorting.watching import WatchNotice
    from .training.options import TrainOptions, Watch
    from .training.result import TrainResult
    from .training.tensorflow_settings import (
        Distortions,
        Epoch,
        FineTuning,
        KerasBackbone,
        TensorFlow,
    )
    from .training.train import train

_HOMES = {
    "AnswersWritten": "model.answers.writing",
    "ArchiveError": "errors",
    "AsyncClient": "client.asynchronous",
    "BACKBONES": "backbones.rows",
    "Backbone": "backbones.rows",
    "BackboneError": "errors",
    "Classifier": "model.classifier",
    "Client": "client.client",
    "Collected": "collecting.collect",
    "DatasetError": "errors",
    "Decision": "dataset.decision",
    "DestinationError": "errors",
    "Distortions": "training.tensorflow_settings",
    "Epoch": "training.tensorflow_settings",
    "Explanation": "explain.explanation",
    "ExportResult": "exporters.export",
    "Finding": "assess.check.health",
    "FineTuning": "training.tensorflow_settings",
    "ForeignBackbone": "backbones.foreign",
    "Health": "assess.check.health",
    "KerasBackbone": "training.tensorflow_settings",
    "LabelsRead": "exchange.corrections",
    "LabelsWritten": "exchange.labels",
    "MissingExtraError": "errors",
    "ModelError": "errors",
    "Picture": "images.decode",
    "PictureError": "errors",
    "Pile": "assess.piling",
    "PiledPicture": "assess.piling",
    "Piles": "assess.piling",
    "Prediction": "model.prediction",
    "ServerError": "errors",
    "SgdSettings": "head.sgd",
    "SgdStep": "head.sgd",
    "SkippedFile": "dataset.sources",
    "SortOptions": "sorting.plan",
    "SortResult": "sorting.sort",
    "SortStep": "sorting.plan",
    "SplitResult": "exchange.splitting",
    "TellapartError": "errors",
    "TensorFlow": "training.tensorflow_settings",
    "TestResult": "assess.testing",
    "TrainOptions": "training.options",
    "TrainResult": "training.result",
    "UsageError": "errors",
    "Watch": "training.options",
    "WatchNotice": "sorting.watching",
    "WorkersError": "errors",
    "carry_out": "assess.carrying_out",
    "check": "assess.check.checking",
    "collect": "collecting.collect",
    "decide": "dataset.decisions",
    "explain": "",  # a package
    "load": "model.classifier",
    "piles": "sorting.piles",
    "read_labels": "exchange.corrections",
    "split": "exchange.splitting",
    "train": "training.train",
    "undo_carried_out": "assess.carrying_out",
    "undo_decisions": "dataset.decisions",
    "write_labels": "exchange.labels",
}

__all__ = [  # noqa: RUF022  in the order of `sorted`
    "AnswersWritten",
    "ArchiveError",
    "AsyncClient",
    "BACKBONES",
    "Backbone",
    "BackboneError",
    "Classifier",
    "Client",
    "Collected",
    "DatasetError",
    "Decision",
    "DestinationError",
    "Distortions",
    "Epoch",
    "Explanation",
    "ExportResult",
    "Finding",
    "FineTuning",
    "ForeignBackbone",
    "Health",
    "KerasBackbone",
    "LabelsRead",
    "LabelsWritten",
    "MissingExtraError",
    "ModelError",
    "Picture",
    "PictureError",
    "Pile",
    "PiledPicture",
    "Piles",
    "Prediction",
    "ServerError",
    "SgdSettings",
    "SgdStep",
    "SkippedFile",
    "SortOptions",
    "SortResult",
    "SortStep",
    "SplitResult",
    "TellapartError",
    "TensorFlow",
    "TestResult",
    "TrainOptions",
    "TrainResult",
    "UsageError",
    "Watch",
    "WatchNotice",
    "WorkersError",
    "__version__",
    "carry_out",
    "check",
    "collect",
    "decide",
    "explain",
    "load",
    "piles",
    "read_labels",
    "split",
    "train",
    "undo_carried_out",
    "undo_decisions",
    "write_labels",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if not (home := _HOMES[name]):
        return import_module(f".{name}", __name__)
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return __all__
