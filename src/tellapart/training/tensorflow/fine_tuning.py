"""Training the backbone too: from a fitted head, the upper layers first, then all of them.

Batch norms stay as they were. A running average of the weights is what is judged after every epoch;
what remains at the end lies between it and the weights before (WiSE-FT, Wortsman et al. 2022,
arXiv:2109.01903), which forgets less. Whether it is any better than what it began with is
judged elsewhere.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...head.calibration import fit_temperature
from ...head.linear import Head, log_loss
from ...images.decode import read_picture
from ...text import duration, several, shown
from ..tensorflow_settings import Distortions, Epoch, FineTuning
from .averaged_adam import AveragedAdam
from .checkpoints import Checkpoints
from .memory import most_pictures
from .networks import CHANCES, KerasNetwork
from .progress_file import Pace, ProgressFile
from .runtime import keras, tensorflow
from .summaries import Summaries

if TYPE_CHECKING:
    from tensorflow import Tensor, Variable

_WARM = 0.1  # of all steps, in which the rates rise to their highest
_TUNED = 0.5  # of the way from the weights before to their average, that is gone
_UPPER = 0.5  # of the layers, the lower part that does not learn at first
_UNSURE = 0.8  # of the loss of guessing: from there on, there is not much to forget


@dataclass(frozen=True)
class FineTuned:
    """What came out: the network has weights half way between those it began with and the average
    now, and `undo` gives it back the former."""

    undo: Callable[[], None]
    epochs: int
    resumed_at: int  # the step it went on from; 0: from the beginning
    ruined: bool  # whether it was stopped because it only got worse


@dataclass(frozen=True)
class Lesson:
    """N pictures to learn from and what each is: `truth` int `[N]`, `weights` `[N]` in the loss;
    those marked in `watching` `[N]` only watch."""

    paths: Sequence[Path]
    truth: np.ndarray
    weights: np.ndarray
    watching: np.ndarray


@dataclass(frozen=True)
class Told:
    """Who is told what: an epoch's figures, how many pictures are done, a sentence for the user."""

    on_epoch: Callable[[Epoch], None]
    progress: Callable[[int, int], None]
    say: Callable[[str], None]
    file: ProgressFile
    summaries: Summaries


def fine_tune(
    network: KerasNetwork,
    head: Head,
    lesson: Lesson,
    settings: FineTuning,
    distortions: Distortions,
    *,
    checkpoints: Callable[[list[Variable]], Checkpoints],
    told: Told,
) -> FineTuned:
    """Train all of `network` in place, beginning with `head` on it.

    A training that was stopped goes on at the last checkpoint, with the same batches and the same
    distortions as if nothing had happened.
    """
    return _Tuning(network, head, lesson, settings, distortions, told).run(checkpoints)


def layer_rates(network: KerasNetwork, settings: FineTuning) -> list[float]:
    """A rate for each of the network's variables: the highest layer's is `rate`, the lowest's
    `lowest` times that, those between fall evenly on the way down (Howard & Ruder 2018,
    arXiv:1801.06146)."""
    return [settings.rate * settings.lowest ** (1.0 - height) for height in network.heights]


class _Tuning:
    """One training under way. `state` `[7]`: steps done, epochs judged, the sums of accuracy and
    loss over this epoch's steps so far, pictures per step, and the validation's loss in the
    beginning and in the last epoch."""

    def __init__(
        self,
        network: KerasNetwork,
        head: Head,
        lesson: Lesson,
        settings: FineTuning,
        distortions: Distortions,
        told: Told,
    ) -> None:
        tf = tensorflow()
        self.network, self.lesson, self.settings = network, lesson, settings
        self.distortions, self.told = distortions, told
        self.learn_from = np.flatnonzero(~lesson.watching)
        self.watching = np.flatnonzero(lesson.watching)
        variable = keras().Variable
        self.weights = variable(head.weights.astype(np.float32))
        self.bias = variable(head.bias.astype(np.float32))
        self.variables = [one.value for one in (*network.variables, self.weights, self.bias)]
        # The rate of the head is told in parts of its weights, which are as large as embeddings
        # are small.
        usual = float(np.sqrt(np.mean(np.square(head.weights))))
        rates = [*layer_rates(network, settings), *[settings.head_rate * usual] * 2]
        self.adam = AveragedAdam(self.variables, rates, settings.average)
        self.began = self.adam.weights()
        self.pace = Pace()
        self.upper = sum(height < _UPPER for height in network.heights)
        self.state = tf.Variable([0.0] * 7, dtype=tf.float64)

    @property
    def batch(self) -> int:
        """Pictures per step."""
        return int(self.state[4])

    @property
    def steps_an_epoch(self) -> int:
        return math.ceil(len(self.learn_from) / self.batch)

    @property
    def steps(self) -> int:
        return self.settings.epochs * self.steps_an_epoch

    @property
    def first(self) -> int:
        """Steps in which the upper layers learn alone."""
        return round(self.settings.upper_first * self.steps)

    def run(self, checkpoints: Callable[[list[Variable]], Checkpoints]) -> FineTuned:
        asked = self.settings.batch_size
        batch = min(asked, most_pictures(self.network))
        self.state[4].assign(float(batch))
        keeper = checkpoints([*self.variables, *self.adam.state, self.state])
        keeper.restore()
        if self.batch < asked:
            self.told.say(
                f"Learning from {self.batch} pictures at a time instead of {asked}, because more "
                f"would need more memory than is free."
            )
        resumed = step = int(self.state[0])
        if step == 0:
            self._judge(0, step)
        if step < self.steps and not self.ruined:
            self._say_how_long(step)
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self._batch, step)  # while the step before it is taken
            while step < self.steps and not self.ruined:
                began = time.monotonic()
                inputs, chosen = ahead.result()
                if step + 1 < self.steps:
                    ahead = reader.submit(self._batch, step + 1)
                self._learn(step, inputs, chosen)
                self.pace.took(step < self.first, time.monotonic() - began)
                step += 1
                self.state[0].assign(float(step))
                epoch, at = divmod(step, self.steps_an_epoch)
                self._tell(step)
                if at == 0 and int(self.state[1]) <= epoch:
                    self._judge(epoch, step)
                if at == 0 or keeper.due(step):
                    keeper.save(step)
        self.told.summaries.close()
        self.adam.assign(_TUNED * self.adam.average + (1 - _TUNED) * self.began)
        return FineTuned(
            lambda: self.adam.assign(self.began), step // self.steps_an_epoch, resumed, self.ruined
        )

    @property
    def ruined(self) -> bool:
        """Whether it forgot half of what it knew, which too high a rate does."""
        began, last, nothing = *map(float, self.state[5:7]), math.log(self.bias.shape[0])
        return not (last <= (began + nothing) / 2 or began > _UNSURE * nothing)

    def _head(self) -> Head:
        return Head(
            np.asarray(self.weights.value, np.float64), np.asarray(self.bias.value, np.float64)
        )

    def _batch(self, step: int) -> tuple[list[Tensor], np.ndarray]:
        """The pictures of a step, prepared, and which they are; only the seed chooses them."""
        epoch, at = divmod(step, self.steps_an_epoch)
        random = np.random.default_rng([self.settings.seed, epoch])
        order = random.permutation(len(self.learn_from))
        chances = random.random((len(order), CHANCES))
        part = slice(at * self.batch, (at + 1) * self.batch)
        chosen = self.learn_from[order[part]]
        pictures = [read_picture(self.lesson.paths[i]) for i in chosen]
        return self.network.prepare(pictures, chances[part], self.distortions), chosen

    def _learn(self, step: int, inputs: list[Tensor], chosen: np.ndarray) -> None:
        accuracy, loss, slopes = self._slopes(step < self.first, inputs, chosen)
        if step == self.first:
            self.adam.forget()
        before = self.first if step >= self.first else 0
        self.adam.step(slopes, self._fraction(step), step + 1, before)
        self.state[2].assign(self.state[2] + float(accuracy))
        self.state[3].assign(self.state[3] + float(loss))

    def _fraction(self, step: int) -> float:
        """Of the rates: rises in a line, then falls along half a cosine to zero."""
        rising = (step + 1) / max(1.0, _WARM * self.steps)
        return min(1.0, rising) * 0.5 * (1.0 + math.cos(math.pi * step / self.steps))

    def _slopes(
        self, upper: bool, inputs: list[Tensor], chosen: np.ndarray
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Accuracy and loss of a batch, and the slopes `[W]`; with `upper`, of those layers."""
        function = self._upper_slopes if upper else self._all_slopes
        found: tuple[Tensor, Tensor, Tensor] = function(
            inputs,
            self.lesson.truth[chosen].astype(np.int64),
            self.lesson.weights[chosen].astype(np.float32),
        )
        return found

    @cached_property
    def _all_slopes(self) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
        return self._compiled(0)

    @cached_property
    def _upper_slopes(self) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
        return self._compiled(self.upper)

    def _compiled(self, lower: int) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
        """The slopes of all variables but the first `lower`, which stay as they are."""
        tf = tensorflow()
        count, smoothing = self.bias.shape[0], self.settings.smoothing
        learning = self.variables[lower:]

        def slopes(
            inputs: list[Tensor], targets: Tensor, weights: Tensor
        ) -> tuple[Tensor, Tensor, Tensor]:
            wanted = tf.one_hot(targets, count) * (1.0 - smoothing) + smoothing / count
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(learning)
                embedding = self.network.embed_prepared(inputs)
                logits = tf.matmul(embedding, self.weights.value, transpose_b=True)
                logits += self.bias.value
                losses = tf.nn.softmax_cross_entropy_with_logits(labels=wanted, logits=logits)
                loss = tf.reduce_mean(losses * weights)
            found = [None] * lower + tape.gradient(loss, learning)
            right = tf.equal(tf.argmax(logits, axis=1), targets)
            return tf.reduce_mean(tf.cast(right, tf.float32)), loss, self.adam.flat(found)

        pixels = [
            tf.TensorSpec([None, trunk.size, trunk.size, 3], tf.float32)
            for trunk in self.network.trunks
        ]
        signature = [pixels, tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.float32)]
        compiled: Callable[..., tuple[Tensor, Tensor, Tensor]] = tf.function(
            slopes, autograph=False, input_signature=signature
        )
        return compiled

    def _say_how_long(self, step: int) -> None:
        """Try a step of each kind without taking it, and say how long all of them will take."""
        for upper in sorted({step < self.first, False}, reverse=True):
            self._slopes(upper, *self._batch(step))  # compiles it
            began = time.monotonic()
            self._slopes(upper, *self._batch(step))
            self.pace.took(upper, time.monotonic() - began)
        epochs, pictures = self.settings.epochs, len(self.learn_from)
        file = self.told.file.path
        self.told.say(
            f"Fine-tuning takes about {duration(self._left(step))} for "
            f"{several(epochs, 'epoch')} of {several(pictures, 'picture')}"
            + (f"; {shown(file)} says how far it is." if file else ".")
        )

    def _left(self, step: int) -> float:
        """Seconds until all steps are done."""
        return self.pace.left(max(0, self.first - step), self.steps - max(step, self.first))

    def _tell(self, step: int) -> None:
        """Say how many pictures are done, and from time to time write that into the file."""
        pictures, (epoch, at) = len(self.learn_from), divmod(step, self.steps_an_epoch)
        self.told.progress(
            epoch * pictures + min(at * self.batch, pictures), self.settings.epochs * pictures
        )
        if self.told.file.due():
            self.told.file.write(step=step, **self._where(step))

    def _where(self, step: int) -> dict[str, float]:
        return {"steps": self.steps, "seconds_left": round(self._left(step), 1)}

    def _judge(self, epoch: int, step: int) -> None:
        """Embed the validation pictures with the average of the weights, and say how right it is.

        Smoothed targets make scores too low, so they are calibrated first.
        """
        weights = self.adam.weights()
        self.adam.assign(_TUNED * self.adam.average + (1 - _TUNED) * self.began)
        vectors = np.concatenate(
            [
                np.asarray(self.network.embed(read_picture(self.lesson.paths[i])[None]))
                for i in self.watching.tolist()
            ]
        )
        logits = self._head().logits(vectors.astype(np.float64))
        self.adam.assign(weights)
        truth = self.lesson.truth[self.watching]
        steps = self.steps_an_epoch if epoch else math.nan
        found = Epoch(
            epoch,
            float(self.state[2]) / steps,
            float(self.state[3]) / steps,
            float((logits.argmax(axis=1) == truth).mean()),
            log_loss(logits / fit_temperature(logits, truth), truth),
        )
        self._write(found, step)
        if epoch == 0:
            self.state[5].assign(found.validation_loss)
        self.state[6].assign(found.validation_loss)
        self.state[1].assign(epoch + 1.0)
        self.state[2].assign(0.0)
        self.state[3].assign(0.0)
        self.told.on_epoch(found)

    def _write(self, found: Epoch, step: int) -> None:
        write = self.told.summaries.write
        write("train", step, accuracy=found.train_accuracy, cross_entropy=found.train_loss)
        write(
            "validation",
            step,
            accuracy=found.validation_accuracy,
            cross_entropy=found.validation_loss,
        )
        self.told.file.write(
            step=step,
            **self._where(step),
            epoch=found.number,
            train_accuracy=found.train_accuracy,
            train_loss=found.train_loss,
            validation_accuracy=found.validation_accuracy,
            validation_loss=found.validation_loss,
        )
