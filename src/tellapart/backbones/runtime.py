"""ONNX Runtime: the only door through which it is imported, forbidden to report to its maker.

Whatever goes wrong comes out of it as an exception, and as nothing else: by itself it writes a
banner to stdout and its log to stderr.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from . import telemetry

if TYPE_CHECKING:
    from onnxruntime import InferenceSession as Session
    from onnxruntime import RunOptions

__all__ = ["Session", "onnxruntime", "open_session", "quantization", "shrinking"]

_SILENT = 4  # the severity of its log at which it writes what is fatal only


def onnxruntime() -> ModuleType:
    """The module `onnxruntime`, which sends nothing.

    Where the program has imported it before tellapart, without the variable that forbids it, it has
    made its first report already; all that can be done then is to ask for no more, and to warn.
    """
    telemetry.forbid()
    runtime = import_module("onnxruntime")
    _ask_for_no_reports(runtime)
    return runtime


def quantization() -> ModuleType:
    """The module `onnxruntime.quantization`."""
    onnxruntime()
    return import_module("onnxruntime.quantization")


def open_session(content: bytes) -> Session:
    """A session that runs on the calling thread: parallelism is one picture a thread.

    Results do not depend on how many threads there are or on what else is in a batch.
    """
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # pictures differ in size, so no plan of memory holds
    options.log_severity_level = _SILENT
    session: Session = runtime.InferenceSession(
        content,
        options,
        providers=["CPUExecutionProvider"],
        enable_fallback=0,  # it would try the same once more, after a banner on stdout
    )
    return session


def shrinking() -> RunOptions:
    """A run after which the session gives back the memory it took."""
    options: RunOptions = onnxruntime().RunOptions()
    options.log_severity_level = _SILENT
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


@cache
def _ask_for_no_reports(runtime: ModuleType) -> None:
    runtime.disable_telemetry_events()  # all there is where the system collects, as Windows does
    if telemetry.TOO_LATE:
        warnings.warn(
            "onnxruntime was imported before tellapart, so it may report this process to its "
            f"maker. Import tellapart first, or set {telemetry.VARIABLE}=1 in the environment.",
            RuntimeWarning,
            stacklevel=3,
        )
