"""retrain.py's own command line, flag by flag, put into our settings; `retrain.py` carries it out.

    --image_dir ... --how_many_training_steps ... -> Flags -> Retraining

`Flags` has every flag that any release of it had (TensorFlow 0.8 to 1.x, then TensorFlow Hub), with
its defaults. Each is honoured, or refused in a sentence, or answered with a note that says what is
done instead: docs/retrain.md has the table. Nothing is passed over in silence.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NoReturn

from ...backbones.rows import QUALITIES
from ...errors import UsageError
from ...files.on_disk import check_written_here
from ...head.sgd import SgdSettings
from ...text import shown
from ...training.tensorflow_settings import Distortions, TensorFlow
from ..flags import flag

_SPELT = {
    "checkpoints": "--checkpoint_path",
    "pictures": "--image_dir",
    "replace=True": "--replace_model",
    "summaries": "--summaries_dir",
    "test": "--testing_percentage",
    "validation": "--validation_percentage",
}
"""The flags of settings that errors name, where they are not called by the setting's name."""
LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")
FINAL_TENSOR = "final_result"
NETWORKS = {"inception": "good", "mobilenet": "fast"}  # which quality stands in for which


@dataclass(frozen=True)
class Flags:
    """The flags of retrain.py, with its defaults; percentages are whole numbers. The last two are
    ours.

    Attributes:
        image_dir: the folder of labelled pictures.
        output_graph: the frozen graph to write.
        intermediate_output_graphs_dir: where graphs of earlier steps go.
        intermediate_store_frequency: write such a graph every so many steps; 0 for never.
        output_labels: the list of labels to write.
        summaries_dir: where event files for TensorBoard go.
        how_many_training_steps: the number of steps.
        learning_rate: the size of a step.
        testing_percentage: percent of the pictures held out.
        validation_percentage: percent of the pictures kept for validation.
        eval_step_interval: steps between two lines of the log.
        train_batch_size: pictures per step.
        test_batch_size: ignored; all pictures held out are tested.
        validation_batch_size: ignored; all validation pictures are used.
        print_misclassified_test_images: whether to list the mistakes.
        model_dir: ignored; nothing is downloaded.
        bottleneck_dir: where embeddings are cached.
        final_tensor_name: the name of the graph's output.
        flip_left_right: whether to learn from mirrored pictures too.
        random_crop: percent of the picture to crop at most.
        random_scale: percent to enlarge by at most.
        random_brightness: percent to brighten or darken by at most.
        architecture: the network.
        tfhub_module: the network, by its address.
        saved_model_dir: where a SavedModel goes.
        checkpoint_path: where checkpoints go.
        logging_verbosity: how much is printed.
        output_model: where the tellapart model goes.
        replace_model: whether to replace a model of other pictures there.
    """

    image_dir: str = ""
    output_graph: str = "/tmp/output_graph.pb"
    intermediate_output_graphs_dir: str = "/tmp/intermediate_graph/"
    intermediate_store_frequency: int = 0
    output_labels: str = "/tmp/output_labels.txt"
    summaries_dir: str = ""
    how_many_training_steps: int = 4000
    learning_rate: float = 0.01
    testing_percentage: int = 10
    validation_percentage: int = 10
    eval_step_interval: int = 10
    train_batch_size: int = 100
    test_batch_size: int = -1
    validation_batch_size: int = -1
    print_misclassified_test_images: bool = False
    model_dir: str = ""
    bottleneck_dir: str = ""
    final_tensor_name: str = FINAL_TENSOR
    flip_left_right: bool = False
    random_crop: int = 0
    random_scale: int = 0
    random_brightness: int = 0
    architecture: str = ""
    tfhub_module: str = ""
    saved_model_dir: str = ""
    checkpoint_path: str = ""
    logging_verbosity: str = "INFO"
    output_model: str = ""
    replace_model: bool = False


def spelt(setting: str, destination: str = "") -> str:
    """A setting that an error names, as a flag; `destination` is that of what is being written."""
    return flag(setting, {**_SPELT, "destination": destination}, dash="_")


@dataclass(frozen=True)
class Retraining:
    """What the flags mean here.

    Attributes:
        flags: the flags as they were read.
        asked: the names of the flags that were given.
        quality: the row of `QUALITIES` that stands for the network.
        share: the fraction of all pictures held out for testing.
        sgd: settings of gradient descent.
        engine: settings of TensorFlow; None without it.
        notes: sentences on flags that mean something else here.
    """

    flags: Flags
    asked: frozenset[str]
    quality: str
    share: float
    sgd: SgdSettings
    engine: TensorFlow | None
    notes: tuple[str, ...]

    @property
    def model(self) -> Path:
        """Our model folder: beside the graph where no other place is given."""
        graph = Path(self.flags.output_graph)
        return Path(self.flags.output_model or graph.with_name(f"{graph.stem}-model"))

    @property
    def cache(self) -> Path | None:
        """Where embeddings are kept, which it called bottlenecks; None: where ours are."""
        folder = self.flags.bottleneck_dir
        return Path(folder).absolute() if folder else None

    @property
    def intermediate(self) -> range:
        """The steps after which the graph as it then is is written too."""
        every = self.flags.intermediate_store_frequency
        return range(every, self.sgd.steps, every) if every > 0 else range(0)

    @property
    def needs_tensorflow(self) -> bool:
        """Whether more than the final graph needs it: without that graph there is still a model."""
        return bool(self.engine or self.flags.saved_model_dir or self.intermediate)


def read_flags(arguments: Sequence[str]) -> Retraining:
    """Understand a command line as retrain.py did: `--flag value`, `--flag=value`, unambiguous
    beginnings of a name; and booleans as absl does: `--flag`, `--noflag`, `--flag=true`.

    Raises:
        UsageError: a flag or value that there is not, or that cannot be honoured here.
    """
    given = vars(_parser().parse_args(arguments))
    flags = Flags(**given)
    _check(flags)
    for name in _WRITTEN:
        check_written_here(getattr(flags, name), f"--{name}")
    quality, notes = _network(flags)
    notes += [
        f"--{name} {getattr(flags, name)}: {remark}"
        for name, remark in _REMARKS.items()
        if name in given and getattr(flags, name) != -1
    ]
    distortions = Distortions(
        flags.flip_left_right, flags.random_crop, flags.random_scale, flags.random_brightness
    )
    wanted = distortions or flags.summaries_dir or flags.checkpoint_path
    if distortions and flags.intermediate_store_frequency > 0:
        raise UsageError(
            "--intermediate_store_frequency does not go with distorted pictures.",
            hint="Leave out one of the two, or keep the steps between with --checkpoint_path.",
        )
    learnt = 100 - flags.testing_percentage
    return Retraining(
        flags=flags,
        asked=frozenset(given),
        quality=quality,
        share=flags.testing_percentage / 100,
        sgd=SgdSettings(
            steps=flags.how_many_training_steps,
            learning_rate=flags.learning_rate,
            batch_size=flags.train_batch_size,
            validation=flags.validation_percentage / learnt,  # of those not kept back
            eval_every=flags.eval_step_interval,
        ),
        engine=TensorFlow(
            distortions=distortions,
            summaries=_folder(flags.summaries_dir),
            checkpoints=_folder(flags.checkpoint_path),
        )
        if wanted
        else None,
        notes=tuple(notes),
    )


_WRITTEN = (
    "output_graph",
    "intermediate_output_graphs_dir",
    "output_labels",
    "summaries_dir",
    "bottleneck_dir",
    "saved_model_dir",
    "checkpoint_path",
    "output_model",
)

_REMARKS = {
    "model_dir": "ignored, because nothing is downloaded.",
    "test_batch_size": "ignored, because all pictures held out are tested, not a sample.",
    "validation_batch_size": "ignored, because all validation pictures are used, not a sample.",
}


def _folder(text: str) -> Path | None:
    return Path(text) if text else None


class _Parser(argparse.ArgumentParser):
    """Errors as sentences of ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"{message[:1].upper()}{message[1:]}.",
            hint="docs/retrain.md has every flag and what it does here.",
        )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    for field in fields(Flags):
        option, kind = f"--{field.name}", type(field.default)
        if kind is bool:
            parser.add_argument(option, nargs="?", const=True, type=_truth)
            parser.add_argument(
                f"--no{field.name}", dest=field.name, action="store_const", const=False
            )
        else:
            parser.add_argument(option, type=kind)
    return parser


def _truth(text: str) -> bool:
    if text.lower() in ("true", "t", "yes", "y", "1"):
        return True
    if text.lower() in ("false", "f", "no", "n", "0"):
        return False
    raise argparse.ArgumentTypeError(f"expected true or false, not {text!r}")


def _check(flags: Flags) -> None:
    """Refuse what cannot be meant."""
    testing, validation = flags.testing_percentage, flags.validation_percentage
    for sound, problem in (
        (flags.image_dir, "--image_dir is missing: it says where the labelled pictures are."),
        (testing >= 0, f"--testing_percentage must be 0 or more, not {testing}."),
        (validation >= 0, f"--validation_percentage must be 0 or more, not {validation}."),
        (
            testing + validation < 100,
            f"{testing} % for testing and {validation} % for validation leave nothing to learn "
            f"from.",
        ),
        (
            flags.intermediate_store_frequency >= 0,
            f"--intermediate_store_frequency must be 0 or more steps, "
            f"not {flags.intermediate_store_frequency}.",
        ),
        (
            flags.logging_verbosity in LEVELS,
            f"--logging_verbosity must be one of {', '.join(LEVELS)}, "
            f"not {shown(flags.logging_verbosity)}.",
        ),
        (
            re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.-]*", flags.final_tensor_name, re.ASCII),
            f"--final_tensor_name {shown(flags.final_tensor_name)}: TensorFlow takes letters, "
            f"digits, dots, dashes and underscores.",
        ),
        (
            not (flags.architecture and flags.tfhub_module),
            "--architecture and --tfhub_module both name the network: give one of them.",
        ),
    ):
        if not sound:
            raise UsageError(problem)


def _network(flags: Flags) -> tuple[str, list[str]]:
    """The quality that stands in for the network asked for, and what is to be said of it."""
    flag = "architecture" if flags.architecture else "tfhub_module"
    asked = flags.architecture or flags.tfhub_module
    if not asked or asked in QUALITIES:
        return asked or "good", []
    for word, quality in NETWORKS.items():
        if word in asked.lower():
            notes = [
                f"--{flag} {shown(asked)}: EfficientNet-Lite is used instead, as with --quality "
                f"{quality}; nothing is downloaded."
            ]
            if "quant" in asked.lower():
                notes.append(
                    "The graph is not quantised; tellapart export --list has forms that are."
                )
            return quality, notes
    raise UsageError(
        f"--{flag} {shown(asked)}: tellapart does not have that network, and downloads nothing.",
        hint=f"Leave it out, or give {', '.join(QUALITIES)}. To build on a network of your own: "
        f"tellapart train --backbone.",
    )
