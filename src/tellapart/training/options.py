"""What can be asked of a training, and what a caller wants to be told while it runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..backbones.foreign import ForeignBackbone
from ..backbones.rows import Backbone
from ..backbones.rows import quality as quality_row
from ..dataset.groups import Groups
from ..errors import UsageError, option
from ..head.kinds import KINDS, REGRESSION
from ..head.sgd import SgdSettings, SgdStep
from .quality_choice import AUTO
from .tensorflow_settings import Epoch, KerasBackbone, TensorFlow

DEFAULT_TEST = 0.10


@dataclass(frozen=True)
class TrainOptions:
    """How to train.

    Attributes:
        quality: a row of `QUALITIES`; or "auto", which compares them on the pictures to learn from
            and takes a slower one only where it is right more often by more than luck.
        time_limit: with "auto", the seconds in which comparing, and training with the quality that
            is taken, shall be done as far as the speeds measured at the start can tell; None for
            300. Where there is no time to compare, fast is taken, and a note says so.
        backbone: the network to build on, instead of those of `quality`.
        test: what to hold out: a fraction, a labelled folder, the text of an address, or 0 for
            nothing; None for what the source marks as test, or else a tenth.
        balanced: whether every label has the same weight.
        head: "regression", "discriminant" or "mean" of both; None chooses by cross-validation.
        sgd: settings of gradient descent, as in 2016; None fits the head exactly.
        follow_links: whether to follow links to folders.
        engine: settings of TensorFlow; None trains without it.
        groups: what is kept together, in split and folds.
        repeats: how often to cross-validate, with new folds each time.
        cache: the folder for embeddings; None for the system's place. It does not change the model.
    """

    quality: str = "good"
    time_limit: float | None = None
    backbone: Backbone | ForeignBackbone | KerasBackbone | None = None
    test: float | Path | str | None = None
    balanced: bool = False
    head: str | None = None
    sgd: SgdSettings | None = None
    follow_links: bool = False
    engine: TensorFlow | None = None
    groups: Groups = field(default_factory=Groups)
    repeats: int = 1
    cache: Path | None = None

    def __post_init__(self) -> None:
        self._check_quality()
        if self.engine and isinstance(self.backbone, Backbone | ForeignBackbone):
            of_ours = isinstance(self.backbone, Backbone)
            raise UsageError(
                f"TensorFlow cannot train on {'our own networks' if of_ours else 'an ONNX file'}.",
                hint=f"Give a Keras network, such as {option('backbone=keras:FILE.keras')}, or "
                f"leave out {option('engine')}.",
            )
        if self.head is not None and self.head not in KINDS:
            raise UsageError(
                f"There is no head {self.head!r}.", hint=f"Choose one of: {', '.join(KINDS)}."
            )
        in_steps = self.sgd or (self.engine and not self.engine.fine_tuning)
        if self.head not in (None, REGRESSION) and in_steps:
            raise UsageError(
                f"Gradient descent fits a regression, not a {self.head}.",
                hint=f"Leave out {option('head')}, or choose the exact solver.",
            )
        if self.repeats < 1 or (self.repeats > 1 and self.engine):
            raise UsageError(
                f"Cross-validation cannot be repeated {self.repeats} times"
                + (" with TensorFlow." if self.engine else "."),
                hint=f"Give a whole number from 1, and leave out {option('engine')}.",
            )
        if self.sgd and self.engine and self.engine.fine_tuning:
            raise UsageError("Fine-tuning has its own settings: leave out the settings of sgd.")
        if self.balanced and (self.sgd or (self.engine and not self.engine.fine_tuning)):
            raise UsageError("Balanced class weights go with the exact solver or fine-tuning.")
        if self.test is not None and not isinstance(self.test, float | int | Path | str):
            raise UsageError(
                f"What to test on is a share or a path, not {type(self.test).__name__}.",
                hint="Say which in a column called split, or ask result.classifier.test(...).",
            )
        if isinstance(self.test, float | int) and not 0 <= self.test < 1:
            raise UsageError(
                f"A fraction of {self.test:g} cannot be held out for testing.",
                hint="Give a fraction from 0 to below 1, such as 0.1 or 10%.",
            )

    def _check_quality(self) -> None:
        if self.quality != AUTO:
            quality_row(self.quality)
            if self.time_limit is not None:
                raise UsageError(f"{option('time_limit')} goes with {option('quality=auto')}.")
            return
        for name, value in (
            ("backbone", self.backbone),
            ("engine", self.engine),
            ("sgd", self.sgd),
        ):
            if value:
                raise UsageError(
                    f"{option('quality=auto')} does not go with {option(name)}.",
                    hint="Leave out one of the two.",
                )
        if self.time_limit is not None and not 0 < self.time_limit < math.inf:
            raise UsageError(
                f"A time limit of {self.time_limit:g} seconds cannot be kept.",
                hint=f"Give more than 0, such as {option('time_limit=120')}.",
            )

    @property
    def share(self) -> float:
        """The fraction of pictures held out where the source does not say which."""
        return self.test if isinstance(self.test, float | int) else DEFAULT_TEST


@dataclass(frozen=True)
class Watch:
    """What a caller wants to be told while training. What any of these raises ends the training.

    Attributes:
        pictures: pictures done, of how many.
        doing: what is being done after that.
        step: a step of gradient descent.
        epoch: an epoch of fine-tuning.
        say: a sentence that cannot wait for the end.
        pause: nothing. It is there to raise: it is called every fraction of a second, by several
            threads (see `workers.pausing`).
    """

    pictures: Callable[[int, int], None] = lambda done, total: None
    doing: Callable[[str], None] = lambda what: None
    step: Callable[[SgdStep], None] | None = None
    epoch: Callable[[Epoch], None] = lambda epoch: None
    say: Callable[[str], None] = lambda sentence: None
    pause: Callable[[], None] = lambda: None
