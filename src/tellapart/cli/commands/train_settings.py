"""What `tellapart train`'s options mean together: settings from them, or a sentence why not.

No option is taken and ignored: one that does not go with the others is refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ...backbones.foreign import ForeignBackbone
from ...backbones.rows import BACKBONES, Backbone
from ...errors import UsageError
from ...head.sgd import SgdSettings
from ...training.tensorflow_settings import (
    KERAS,
    Distortions,
    FineTuning,
    KerasBackbone,
    TensorFlow,
)

Given: TypeAlias = "Mapping[str, int | float | bool | Path | None]"
FINE_TUNE = "--fine-tune"

_DISTORTIONS = ("flip_left_right", "random_crop", "random_scale", "random_brightness")
_ENGINE = (*_DISTORTIONS, "fine_tune", "checkpoints", "checkpoint_every")
_NOT_OF_DESCENT = (*_ENGINE, "summaries")
_TUNING = {  # under the names that fine-tuning has for them
    "learning_rate": "rate",
    "batch_size": "batch_size",
    "validation": "validation",
    "seed": "seed",
}


@dataclass(frozen=True)
class Asked:
    """What was asked for, by the words of the command line; None where nothing was said."""

    engine: str  # "onnxruntime" or "tensorflow"
    solver: str | None  # "exact" or "sgd"
    balanced: bool
    given: Given  # the options of gradient descent and of TensorFlow, by their names


def settings(asked: Asked) -> tuple[SgdSettings | None, TensorFlow | None]:
    """The settings of gradient descent and of TensorFlow; None for each that is not at work.

    Raises:
        UsageError: options that do not go together.
    """
    given = {name: value for name, value in asked.given.items() if value is not None}
    if asked.engine != "tensorflow":
        _refuse(given, _ENGINE, "goes with --engine tensorflow.")
        given.pop("summaries", None)  # written after training, whatever the solver
        if asked.solver != "sgd":
            _refuse(given, tuple(given), "goes with --solver sgd.")
            return None, None
        if asked.balanced:
            raise UsageError("--class-weights goes with --solver exact.")
        return SgdSettings(**given), None  # type: ignore[arg-type]
    if "fine_tune" in given:
        _refuse(given, ("steps", "eval_every"), f"does not go with {FINE_TUNE}, which has epochs.")
        if asked.solver == "sgd":
            raise UsageError(f"--solver sgd does not go with {FINE_TUNE}: its head is exact.")
        tuned = {ours: given[name] for name, ours in _TUNING.items() if name in given}
        return None, _engine(given, FineTuning(epochs=given["fine_tune"], **tuned))  # type: ignore[arg-type]
    if asked.solver == "exact":
        raise UsageError(
            f"--engine tensorflow trains the head by gradient descent, as in 2016, unless "
            f"{FINE_TUNE} is given.",
            hint="Leave out --solver exact, or --engine tensorflow.",
        )
    if asked.balanced:
        raise UsageError(
            f"--class-weights goes with --solver exact, or with --engine tensorflow {FINE_TUNE}."
        )
    distorted = any(given.get(name) for name in _DISTORTIONS)
    if "checkpoint_every" in given and "checkpoints" not in given:
        raise UsageError("--checkpoint-every goes with --checkpoints.")
    descent = {name: value for name, value in given.items() if name not in _NOT_OF_DESCENT}
    sgd = SgdSettings(**descent)  # type: ignore[arg-type]
    if distorted and not sgd.validation:
        raise UsageError("Distortions need a --validation fraction above 0.")
    return sgd, _engine(given, None)


def _engine(given: Given, tuning: FineTuning | None) -> TensorFlow:
    distortions = {name: given[name] for name in _DISTORTIONS if name in given}
    others = ("summaries", "checkpoints", "checkpoint_every")
    rest = {name: given[name] for name in others if name in given}
    chosen = Distortions(**distortions) if distortions else None  # type: ignore[arg-type]
    return TensorFlow(chosen, tuning, **rest)  # type: ignore[arg-type]


def own_backbone(
    name: str | None, entry: str, output: str, pixels: str | None
) -> Backbone | ForeignBackbone | KerasBackbone | None:
    """The network to build on: a row's name, an ONNX file, or after `keras:` an application or a
    `.keras` file.

    Raises:
        UsageError: what is said of a backbone does not go with it.
    """
    if not name:
        if entry or output or pixels:
            raise UsageError("--backbone-input, -output and -pixels go with --backbone.")
        return None
    if name in BACKBONES:
        if entry or output or pixels:
            raise UsageError(f"--backbone-input, -output and -pixels do not go with {name}.")
        return BACKBONES[name]
    if name.startswith(KERAS):
        if entry or output:
            raise UsageError("--backbone-input and -output go with an ONNX file, not with keras:.")
        return KerasBackbone(name.removeprefix(KERAS), pixels or "")
    if pixels:
        return ForeignBackbone(Path(name), entry, output, pixels)
    return ForeignBackbone(Path(name), entry, output)


def with_epochs(arguments: Sequence[str]) -> list[str]:
    """The command line with its number of epochs after `--fine-tune`, where it was left out.

    No library here has options whose value may be left out.
    """
    found: list[str] = []
    for at, argument in enumerate(arguments):
        if argument == "--":
            return [*found, *arguments[at:]]
        found.append(argument)
        after = arguments[at + 1] if at + 1 < len(arguments) else ""
        if argument == FINE_TUNE and not after.lstrip("-").isdigit():
            found.append(str(FineTuning().epochs))
    return found


def _refuse(given: Given, names: Sequence[str], why: str) -> None:
    for name in names:
        if name in given:
            raise UsageError(f"--{name.replace('_', '-')} {why}")
