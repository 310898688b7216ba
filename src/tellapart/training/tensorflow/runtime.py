"""TensorFlow and Keras, imported when they are first used, and without their greetings."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from contextlib import suppress
from types import ModuleType

from ...errors import UsageError, need
from ...workers.local import cores

EXTRA = "tensorflow"


def tensorflow() -> ModuleType:
    """The module `tensorflow`, which may use as many cores as this process may.

    Raises:
        MissingExtraError: it is not installed.
    """
    if found := sys.modules.get("tensorflow"):
        return found
    if importlib.util.find_spec("tensorflow") is None:
        raise need(EXTRA, why="TensorFlow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    module = importlib.import_module("tensorflow")
    module.get_logger().setLevel("ERROR")
    with suppress(RuntimeError):  # it is at work already
        module.config.threading.set_intra_op_parallelism_threads(cores())
        module.config.threading.set_inter_op_parallelism_threads(cores())
    return module


def keras() -> ModuleType:
    """The module `keras`, on TensorFlow.

    Raises:
        MissingExtraError: it is not installed.
        UsageError: this process already uses Keras on something else.
    """
    tensorflow()
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    module = importlib.import_module("keras")
    if module.config.backend() != "tensorflow":
        raise UsageError(
            f"Keras runs on {module.config.backend()} in this process.",
            hint="Set KERAS_BACKEND=tensorflow before Keras is imported.",
        )
    return module
