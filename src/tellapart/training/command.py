"""What it takes to repeat a training run: the command, and the versions it ran with."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterator
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..backbones.foreign import ForeignBackbone
from ..backbones.rows import Backbone
from ..dataset.groups import Groups
from ..head.sgd import SgdSettings
from ..text import shown
from ..version import __version__
from .options import TrainOptions
from .tensorflow_settings import Distortions, FineTuning, KerasBackbone

_PACKAGES = ("numpy", "pillow", "onnx", "onnxruntime")
_OTHER_NAMES = {"epochs": "fine-tune", "rate": "learning-rate"}
_NO_OPTION = frozenset(  # only Python can ask for these
    {"lowest", "head_rate", "upper_first", "average", "smoothing"}
)


def train_command(source: str | os.PathLike[str], options: TrainOptions) -> str:
    """The command line that trains the same model again, but for where it is written."""
    backbone, test, engine, sgd = options.backbone, options.test, options.engine, options.sgd
    words = ["tellapart", "train", shown(source)]
    words += _of_backbone(backbone) if backbone else ["--quality", options.quality]
    if test is not None:
        words += [
            "--test",
            "none" if test == 0 else shown(test) if isinstance(test, Path | str) else f"{test:g}",
        ]
    if options.groups != Groups():
        words += ["--groups", str(options.groups)]
    if options.repeats > 1:
        words += ["--repeats", str(options.repeats)]
    if options.balanced:
        words += ["--class-weights", "balanced"]
    if options.head:
        words += ["--head", options.head]
    if engine:
        words += ["--engine", "tensorflow"]
        if engine.fine_tuning and engine.distortions == Distortions():
            words += ["--random-scale", "0"]  # without it, pictures would be changed a little
        for part in (engine.distortions, engine.fine_tuning):
            words += _changed(part) if part else []
    elif sgd:
        words += ["--solver", "sgd"]
    if sgd:
        words += _changed(sgd)
    if options.follow_links:
        words.append("--follow-links")
    return shlex.join(words)


def add_command(source: str | os.PathLike[str], options: TrainOptions) -> str:
    """The command line that adds the same pictures again to the model as it was."""
    words = ["tellapart", "add", "MODEL", shown(source)]
    return shlex.join([*words, *(["--follow-links"] if options.follow_links else [])])


def versions() -> dict[str, str]:
    """Of what shapes a model: ours, Python's, the packages', and the kind of machine."""
    found = {"tellapart": __version__, "Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # built into something else, without its metadata
            continue
    return found | {"machine": f"{platform.system()} {platform.machine()}"}


def _of_backbone(backbone: Backbone | ForeignBackbone | KerasBackbone) -> Iterator[str]:
    chosen: dict[str, str] = {}
    if isinstance(backbone, Backbone):
        yield from ("--backbone", backbone.name)
    elif isinstance(backbone, KerasBackbone):
        yield from ("--backbone", f"keras:{backbone.name}")
        chosen = {"pixels": backbone.pixels}
    else:
        yield from ("--backbone", shown(backbone.path))
        chosen = {"input": backbone.input, "output": backbone.output, "pixels": backbone.pixels}
    for name, value in chosen.items():
        if value:
            yield from (f"--backbone-{name}", value)


def _changed(settings: SgdSettings | Distortions | FineTuning) -> Iterator[str]:
    """Options for the fields that are not as they are by default; fine-tuning says its epochs."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name in _NO_OPTION or (value == field.default and field.name != "epochs"):
            continue
        yield f"--{_OTHER_NAMES.get(field.name, field.name.replace('_', '-'))}"
        if value is not True:
            yield f"{value:g}"
