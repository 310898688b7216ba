"""Training the backbone too: from a fitted head, all layers in small steps, and the best kept.

Batch norms stay as they were. After every epoch the validation pictures are embedded as the
finished model would embed them; the weights with the lowest loss on them are the result, which may
be those it began with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...head.calibration import fit_temperature
from ...head.linear import Head, log_loss
from ...images.decode import read_picture
from ..tensorflow_settings import Distortions, Epoch, FineTuning
from .checkpoints import Checkpoints
from .networks import CHANCES, KerasNetwork
from .runtime import keras, tensorflow
from .summaries import Summaries

if TYPE_CHECKING:
    from tensorflow import Tensor, Variable


@dataclass(frozen=True)
class FineTuned:
    """What came out: the network now has the weights of `best_epoch`, and `head` is the one that
    was trained with it; 0: nothing got better."""

    head: Head
    epochs: int
    best_epoch: int
    resumed_at: int  # the step it went on from; 0: from the beginning


@dataclass(frozen=True)
class Lesson:
    """N pictures to learn from and what each is: `truth` int `[N]`, `weights` `[N]` in the loss;
    those marked in `watching` `[N]` only watch."""

    paths: Sequence[Path]
    truth: np.ndarray
    weights: np.ndarray
    watching: np.ndarray


def fine_tune(
    network: KerasNetwork,
    head: Head,
    lesson: Lesson,
    settings: FineTuning,
    distortions: Distortions,
    *,
    checkpoints: Callable[[list[Variable]], Checkpoints],
    summaries: Summaries,
    on_epoch: Callable[[Epoch], None],
    progress: Callable[[int, int], None],
) -> FineTuned:
    """Train all of `network` in place, beginning with `head` on it; `progress` counts pictures.

    A training that was stopped goes on at the last checkpoint, with the same batches and the same
    distortions as if nothing had happened.
    """
    return _Tuning(network, head, lesson, settings, distortions, summaries).run(
        checkpoints, on_epoch, progress
    )


class _Tuning:
    """One training under way. `state` `[6]`: steps done, epochs judged, best epoch, its loss, and
    the sums of accuracy and loss over this epoch's steps so far."""

    def __init__(
        self,
        network: KerasNetwork,
        head: Head,
        lesson: Lesson,
        settings: FineTuning,
        distortions: Distortions,
        summaries: Summaries,
    ) -> None:
        tf = tensorflow()
        self.network, self.lesson, self.settings = network, lesson, settings
        self.distortions, self.summaries = distortions, summaries
        self.learn_from = np.flatnonzero(~lesson.watching)
        self.watching = np.flatnonzero(lesson.watching)
        self.steps_an_epoch = math.ceil(len(self.learn_from) / settings.batch_size)
        variable = keras().Variable
        self.weights = variable(head.weights.astype(np.float32))
        self.bias = variable(head.bias.astype(np.float32))
        self.variables = [*network.variables, self.weights, self.bias]
        schedule = keras().optimizers.schedules.CosineDecay(
            settings.rate, settings.epochs * self.steps_an_epoch
        )
        self.optimizer = keras().optimizers.Adam(schedule)
        self.optimizer.build(self.variables)
        self.best = [tf.Variable(one.value) for one in self.variables]
        self.state = tf.Variable([0.0, 0.0, 0.0, math.inf, 0.0, 0.0], dtype=tf.float64)
        self.step = tf.function(
            self._step,
            autograph=False,
            input_signature=[
                [tf.TensorSpec([None, t.size, t.size, 3], tf.float32) for t in network.trunks],
                tf.TensorSpec([None], tf.int64),
                tf.TensorSpec([None], tf.float32),
            ],
        )

    def run(
        self,
        checkpoints: Callable[[list[Variable]], Checkpoints],
        on_epoch: Callable[[Epoch], None],
        progress: Callable[[int, int], None],
    ) -> FineTuned:
        trained = [one.value for one in (*self.variables, *self.optimizer.variables)]
        keeper = checkpoints([*trained, *self.best, self.state])
        keeper.restore()
        resumed = step = int(self.state[0])
        batch, pictures = self.settings.batch_size, len(self.learn_from)
        while True:
            epoch, at = divmod(step, self.steps_an_epoch)
            if at == 0:
                if int(self.state[1]) <= epoch:
                    on_epoch(self._judge(epoch, step))
                    keeper.save(step)
                best = int(self.state[2])
                if epoch == self.settings.epochs or epoch - best >= self.settings.patience:
                    break
            self._learn(epoch, at)
            step += 1
            self.state[0].assign(float(step))
            progress(min((at + 1) * batch, pictures) + epoch * pictures, self._all_pictures)
            if keeper.due(step):
                keeper.save(step)
        for one, kept in zip(self.variables, self.best, strict=True):
            one.assign(kept)
        self.summaries.close()
        return FineTuned(self._head(), epoch, best, resumed)

    def _head(self) -> Head:
        return Head(np.asarray(self.weights.value), np.asarray(self.bias.value))

    @property
    def _all_pictures(self) -> int:
        return self.settings.epochs * len(self.learn_from)

    def _learn(self, epoch: int, at: int) -> None:
        """The step number `at` of an epoch, on pictures that only the seed chooses."""
        size = self.settings.batch_size
        random = np.random.default_rng([self.settings.seed, epoch])
        order = random.permutation(len(self.learn_from))
        chances = random.random((len(order), CHANCES))
        chosen = slice(at * size, (at + 1) * size)
        batch = self.learn_from[order[chosen]]
        pictures = [read_picture(self.lesson.paths[i]) for i in batch]
        inputs = self.network.prepare(pictures, chances[chosen], self.distortions)
        accuracy, loss = self.step(
            inputs,
            self.lesson.truth[batch].astype(np.int64),
            self.lesson.weights[batch].astype(np.float32),
        )
        self.state[4].assign(self.state[4] + float(accuracy))
        self.state[5].assign(self.state[5] + float(loss))

    def _step(
        self, inputs: list[Tensor], targets: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        tf = tensorflow()
        count = self.bias.shape[0]
        smoothing = self.settings.smoothing
        wanted = tf.one_hot(targets, count) * (1.0 - smoothing) + smoothing / count
        with tf.GradientTape() as tape:
            embedding = self.network.embed_prepared(inputs)
            logits = tf.matmul(embedding, self.weights.value, transpose_b=True) + self.bias.value
            losses = tf.nn.softmax_cross_entropy_with_logits(labels=wanted, logits=logits)
            loss = tf.reduce_mean(losses * weights)
        slopes = tape.gradient(loss, [one.value for one in self.variables])
        self.optimizer.apply(slopes, self.variables)
        right = tf.equal(tf.argmax(logits, axis=1), targets)
        return tf.reduce_mean(tf.cast(right, tf.float32)), loss

    def _judge(self, epoch: int, step: int) -> Epoch:
        """Embed the validation pictures, and keep the weights if they are the best so far."""
        vectors = np.concatenate(
            [
                np.asarray(self.network.embed(read_picture(self.lesson.paths[i])[None]))
                for i in self.watching.tolist()
            ]
        )
        logits, truth = (
            self._head().logits(vectors).astype(np.float64),
            self.lesson.truth[self.watching],
        )
        steps = self.steps_an_epoch if epoch else math.nan
        temperature = fit_temperature(
            logits, truth
        )  # smoothed targets make scores too low; that is put right
        found = Epoch(
            epoch,
            float(self.state[4]) / steps,
            float(self.state[5]) / steps,
            float((logits.argmax(axis=1) == truth).mean()),
            log_loss(logits / temperature, truth),
        )
        self.summaries.write(
            "train", step, accuracy=found.train_accuracy, cross_entropy=found.train_loss
        )
        self.summaries.write(
            "validation",
            step,
            accuracy=found.validation_accuracy,
            cross_entropy=found.validation_loss,
        )
        if found.validation_loss < float(self.state[3]):
            for one, kept in zip(self.variables, self.best, strict=True):
                kept.assign(one.value)
            self.state[2].assign(float(epoch))
            self.state[3].assign(found.validation_loss)
        self.state[1].assign(epoch + 1.0)
        self.state[4].assign(0.0)
        self.state[5].assign(0.0)
        return found
