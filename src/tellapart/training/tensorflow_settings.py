"""What can be asked of the TensorFlow engine; TensorFlow itself is not needed to ask.

The settings are retrain.py's where it had them. All are checked here, so that nothing is found to
be wrong after an hour of training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ..backbones.foreign import PIXELS
from ..errors import UsageError

KERAS = "keras:"  # how the name of a Keras backbone begins


@dataclass(frozen=True)
class Distortions:
    """retrain.py's random changes of training pictures; all but the first in percent.

    A picture is enlarged by `random_crop` and by up to `random_scale`, a random part of it of the
    network's size is cut out, perhaps mirrored, and its brightness changed by up to
    `random_brightness` either way.
    """

    flip_left_right: bool = False
    random_crop: int = 0
    random_scale: int = 0
    random_brightness: int = 0

    def __post_init__(self) -> None:
        for name in ("random_crop", "random_scale", "random_brightness"):
            if not 0 <= getattr(self, name) <= 100:
                words = name.replace("_", " ")
                raise UsageError(
                    f"The {words} must be a percentage from 0 to 100, not {getattr(self, name)}."
                )

    def __bool__(self) -> bool:
        return self != Distortions()


USUAL = Distortions(random_scale=60, random_brightness=10)
"""What fine-tuning does to pictures where nothing else is asked for; where some view is mirrored,
or mirrored pictures are recognised as well as others, it mirrors half of them too."""


@dataclass(frozen=True)
class FineTuning:
    """How to train the backbone itself: upper layers first, then all, in shrinking steps.

    Attributes:
        epochs: how often to go through the pictures.
        rate: the highest learning rate of the highest layer; all rates rise for a tenth of the
            steps and then fall to zero along half a cosine.
        lowest: what the lowest layer's rate is of that; the others lie evenly between.
        head_rate: the head's own, in parts of the mean size of its weights.
        upper_first: the fraction of the steps in which the lower half of the layers stays as it is.
        batch_size: pictures per step, or fewer where memory is short.
        average: how much of the running average of the weights stays at each step.
        smoothing: the fraction of each target that is spread over all labels (Szegedy et al. 2016,
            arXiv:1512.00567).
        validation: the fraction of the pictures kept for validation; None keeps 300, but at least
            a tenth and at most a fifth: with fewer, no gain is told from luck.
        seed: which random batches to draw.
    """

    epochs: int = 6
    rate: float = 5e-4
    lowest: float = 0.06
    head_rate: float = 0.01
    upper_first: float = 0.2
    batch_size: int = 32
    average: float = 0.99
    smoothing: float = 0.1
    validation: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, sound, expected in (
            ("epochs", self.epochs >= 1, "1 or more"),
            ("rate", 0 < self.rate < math.inf, "above 0"),
            ("batch_size", self.batch_size >= 1, "1 or more"),
            ("lowest", 0 < self.lowest <= 1, "above 0 and at most 1"),
            ("head_rate", 0 <= self.head_rate < math.inf, "0 or more"),
            ("upper_first", 0 <= self.upper_first <= 1, "from 0 to 1"),
            ("average", 0 <= self.average < 1, "from 0 to below 1"),
            ("smoothing", 0 <= self.smoothing < 1, "from 0 to below 1"),
            (
                "validation",
                self.validation is None or 0 < self.validation < 1,
                "a fraction above 0 and below 1",
            ),
            ("seed", self.seed >= 0, "0 or more"),
        ):
            if not sound:
                words = name.replace("_", " ")
                raise UsageError(f"The {words} must be {expected}, not {getattr(self, name)}.")


@dataclass(frozen=True)
class Epoch:
    """How it stood after an epoch; epoch 0 is before the first. Training figures are the mean of
    its steps, with smoothed targets and distorted pictures; nan for epoch 0. The validation's loss
    is that of calibrated scores."""

    number: int
    train_accuracy: float
    train_loss: float
    validation_accuracy: float
    validation_loss: float


@dataclass(frozen=True)
class TensorFlow:
    """Train with TensorFlow, in one of three ways.

    The head alone, as retrain.py did; with `distortions`, on changed pictures whose embeddings are
    computed anew in every step; with `fine_tuning`, the backbone too, by default on pictures that
    are changed as `USUAL` says. `summaries` is a folder for TensorBoard. `checkpoints` is a folder
    from which a stopped training resumes; without one, fine-tuning keeps checkpoints in the cache.
    One is written every `checkpoint_every` steps.
    """

    distortions: Distortions | None = None
    fine_tuning: FineTuning | None = None
    summaries: Path | None = None
    checkpoints: Path | None = None
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        if self.checkpoint_every < 1:
            raise UsageError(
                f"Checkpoints must be 1 or more steps apart, not {self.checkpoint_every}."
            )


@dataclass(frozen=True)
class KerasBackbone:
    """A Keras application by its name (`InceptionV3`), or a `.keras` file by its path.

    `pixels` is a row of `foreign.PIXELS`; left empty, an application's own are taken, and 0..255
    for a network that begins by scaling them itself.
    """

    name: str
    pixels: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise UsageError(
                "Nothing comes after keras:.",
                hint="Give an application or a file, such as keras:InceptionV3 or keras:my.keras.",
            )
        if self.pixels and self.pixels not in PIXELS:
            raise UsageError(
                f"There is no kind of pixels called {self.pixels!r}.",
                hint=f"Choose one of: {', '.join(PIXELS)}.",
            )
