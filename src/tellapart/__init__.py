"""tellapart: folders of labelled pictures -> a tested, explained, shareable image classifier.

>>> import tellapart
>>> result = tellapart.train("photos/")
>>> result.predict("picture.jpg").label
'elsa'
>>> result.save("heroes")
>>> classifier = tellapart.load("heroes")
>>> tellapart.explain.explain(classifier, "picture.jpg").words
'elsa 0.98. The bright area on the left argues most for it. ...'

Names are imported when they are first used, so that `import tellapart` costs nothing.
"""

from __future__ import annotations

from .backbones import telemetry
from .version import __version__

telemetry.forbid()  # before anything else is loaded

TYPE_CHECKING = False  # as typing has it, whose import would take longer than all of this
if TYPE_CHECKING:
    from . import explain
    from .errors import PictureError, TellapartError
    from .model.classifier import Classifier, Prediction, load
    from .training.options import TrainOptions
    from .training.train import TrainResult, train

_HOMES = {
    "Classifier": "model.classifier",
    "PictureError": "errors",
    "Prediction": "model.classifier",
    "TellapartError": "errors",
    "TrainOptions": "training.options",
    "TrainResult": "training.train",
    "explain": "",  # a package
    "load": "model.classifier",
    "train": "training.train",
}

__all__ = [
    "Classifier",
    "PictureError",
    "Prediction",
    "TellapartError",
    "TrainOptions",
    "TrainResult",
    "__version__",
    "explain",
    "load",
    "train",
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
