"""What the tests of the upper half share: the command line as a process, and small networks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper
from typer.testing import CliRunner

import tellapart
from tellapart.cli.app import app
from tellapart.cli.flags import in_flags
from tellapart.demo.walk import DemoPictures
from tellapart.errors import TellapartError

COMMAND = (sys.executable, "-m", "tellapart")
FOUR = {"accuracy", "correct", "n", "interval"}


@dataclass(frozen=True)
class Run:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """All of stdout as one JSON value."""
        return json.loads(self.out)

    def json_lines(self) -> list[Any]:
        """Each line of stdout as a JSON value."""
        return [json.loads(line) for line in self.out.splitlines()]


def run(
    *arguments: str | os.PathLike[str],
    cwd: Path | None = None,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Run:
    """`tellapart ...` as a process of its own; that it shows no traceback is asserted here."""
    found = subprocess.run(
        [*COMMAND, *(os.fspath(argument) for argument in arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        timeout=300,
        check=False,
        env={**os.environ, **(environment or {})},
        preexec_fn=before,
    )
    out, err = (said.decode(errors="backslashreplace") for said in (found.stdout, found.stderr))
    assert "Traceback" not in out + err, err
    return Run(found.returncode, out, err)


def run_here(
    *arguments: str | os.PathLike[str],
    cwd: Path | None = None,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Run:
    """The same within this process, which is ten times as fast, and what a test takes that is not
    about processes; only errors meant for users may come out."""
    before = Path.cwd()
    heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        os.chdir(cwd or before)
        words = [os.fspath(argument) for argument in arguments]
        result = CliRunner().invoke(app, words, input=stdin, env=environment)
    finally:
        os.chdir(before)
        for number, handler in heard.items():
            if signal.getsignal(number) is not handler:  # a command has its own
                signal.signal(number, handler)
    if isinstance(result.exception, TellapartError):
        error = in_flags(result.exception)
        return Run(error.exit_code, result.stdout, "\n".join((*error.said, "")))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Run(result.exit_code, result.stdout, result.stderr)


def on_two_threads(script: str) -> Any:
    """What a script prints as JSON where numpy has two threads, of which `threads()` tells; in the
    tests it has one."""
    begin = """
import json
from threadpoolctl import threadpool_info
def threads():
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
"""
    found = subprocess.check_output(
        [sys.executable, "-c", begin + script],
        env={
            **os.environ,
            "OPENBLAS_NUM_THREADS": "2",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        timeout=300,
    )
    return json.loads(found)


def only_sentences(text: str) -> bool:
    """Whether an error is said in whole sentences, a line each."""
    lines = text.strip().splitlines()
    return bool(lines) and all(line.endswith((".", "%", "upgrade tellapart")) for line in lines)


@cache
def _model_of(photos: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="model-", dir=photos.parents[2])) / "heroes"
    tellapart.train(photos, quality="fast").save(folder)
    return folder


def model_of(heroes: DemoPictures) -> Path:
    """The model folder of the drawn heroes: trained once, to be read only."""
    return _model_of(heroes.photos)


def few_of(heroes: DemoPictures, folder: Path, count: int) -> Path:
    """A folder of the first `count` training pictures of each label."""
    for label in sorted(heroes.photos.iterdir()):
        shelf = folder / label.name
        shelf.mkdir(parents=True)
        for picture in sorted(label.iterdir())[:count]:
            shutil.copy(picture, shelf)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def small_network(
    *,
    pool: str = "GlobalAveragePool",
    channels_last: bool = False,
    batch: int | str = "N",
    inputs: Sequence[str] = ("pixels",),
    output: str = "logits",
    opset: int = 18,
    side: int = 32,
) -> ModelProto:
    """A classifier of a few weights: convolution, ReLU ("map"), pool ("pooled"), and a head.

    Each further input is an image too, which only its own output, "other", depends on.
    """
    lot = np.random.default_rng(7)
    kernel = lot.normal(0, 0.3, (6, 3, 8, 8)).astype(np.float32)
    head = lot.normal(0, 1, (6, 4)).astype(np.float32)
    weights = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(head, "head")]
    axes = [1, 2] if channels_last else [2, 3]
    pixels = inputs[0]
    nodes = []
    if channels_last:
        nodes.append(helper.make_node("Transpose", [pixels], ["first"], perm=[0, 3, 1, 2]))
        pixels = "first"
    nodes += [
        helper.make_node("Conv", [pixels, "kernel"], ["conv"], strides=[8, 8], name="conv"),
        helper.make_node("Relu", ["conv"], ["relu" if channels_last else "map"]),
    ]
    if channels_last:
        nodes.append(helper.make_node("Transpose", ["relu"], ["map"], perm=[0, 2, 3, 1]))
    if pool == "GlobalAveragePool":
        nodes.append(helper.make_node(pool, ["map"], ["squares"]))
        nodes.append(helper.make_node("Flatten", ["squares"], ["pooled"]))
    elif opset < 18:
        nodes.append(helper.make_node("ReduceMean", ["map"], ["pooled"], axes=axes, keepdims=0))
    elif pool == "ReduceMean":
        weights.append(numpy_helper.from_array(np.array(axes, np.int64), "axes"))
        nodes.append(helper.make_node("ReduceMean", ["map", "axes"], ["pooled"], keepdims=0))
    else:  # the axes come from a node, as some exporters write them, and are counted from the end
        value = numpy_helper.from_array(np.array([axis - 4 for axis in axes], np.int64))
        nodes.append(helper.make_node("Constant", [], ["axes"], value=value))
        nodes.append(helper.make_node("ReduceMean", ["map", "axes"], ["pooled"], keepdims=0))
    nodes.append(helper.make_node("MatMul", ["pooled", "head"], ["logits"]))
    outputs = [output]
    for name in inputs[1:]:
        nodes.append(helper.make_node("Relu", [name], ["other"]))
        outputs.append("other")
    shape = [batch, side, side, 3] if channels_last else [batch, 3, side, side]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model
