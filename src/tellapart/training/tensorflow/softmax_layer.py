"""The head by gradient descent in TensorFlow, as retrain.py trained it.

The same walk as `sgd.py`'s: equal seeds draw equal batches and begin at equal weights, so the two
differ only by rounding. What TensorFlow adds are embeddings of distorted pictures, summaries and
checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ...errors import UsageError
from ...head.blocks import Rows, Vectors, whole_of
from ...head.linear import Head
from ...head.sgd import SgdSettings, SgdStep, stretch
from .checkpoints import Checkpoints
from .runtime import tensorflow
from .summaries import Summaries

if TYPE_CHECKING:
    from tensorflow import Tensor, Variable

Distorted = Callable[[int, np.ndarray], "Tensor"]
"""Of a step and its batch `[B]` (positions): embeddings `[B,D]` of the pictures, distorted."""


@dataclass
class Layer:
    """Logits = embeddings @ weights.T + bias, with plain gradient descent on its cross entropy."""

    weights: Variable
    bias: Variable
    rate: float
    _compiled: dict[str, Callable[..., tuple[Tensor, Tensor]]] = field(default_factory=dict)

    @classmethod
    def drawn(cls, random: np.random.Generator, count: int, width: int, rate: float) -> Layer:
        """A layer with small random weights."""
        tf = tensorflow()
        weights = random.normal(0.0, 0.001, (count, width))
        return cls(
            tf.Variable(weights, dtype=tf.float32), tf.Variable(tf.zeros([count])), float(rate)
        )

    def judge(self, inputs: Tensor, targets: Tensor) -> tuple[float, float]:
        """Accuracy and mean cross entropy."""
        if not len(targets):
            return float("nan"), float("nan")
        accuracy, loss = self._function("judge", self._judge)(inputs, targets)
        return float(accuracy), float(loss)

    def walk(self, inputs: Tensor, targets: Tensor) -> None:
        """A step for each batch: inputs `[S,B,D]`, targets `[S,B]`."""
        self._function("walk", self._walk)(inputs, targets)

    def head(self) -> Head:
        return Head(self.weights.numpy().astype(np.float64), self.bias.numpy().astype(np.float64))

    def _function(
        self, name: str, function: Callable[..., tuple[Tensor, Tensor]]
    ) -> Callable[..., tuple[Tensor, Tensor]]:
        if name not in self._compiled:
            self._compiled[name] = tensorflow().function(
                function, reduce_retracing=True, autograph=False
            )
        return self._compiled[name]

    def _logits(self, inputs: Tensor) -> Tensor:
        return tensorflow().matmul(inputs, self.weights, transpose_b=True) + self.bias

    def _judge(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        tf = tensorflow()
        logits = self._logits(inputs)
        right = tf.equal(tf.argmax(logits, axis=1), targets)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
        return tf.reduce_mean(tf.cast(right, tf.float32)), tf.reduce_mean(losses)

    def _walk(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        tf = tensorflow()

        def step(at: Tensor) -> tuple[Tensor]:
            with tf.GradientTape() as tape:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels=targets[at], logits=self._logits(inputs[at])
                )
                loss = tf.reduce_mean(losses)
            slopes = tape.gradient(loss, [self.weights, self.bias])
            self.weights.assign_sub(self.rate * slopes[0])
            self.bias.assign_sub(self.rate * slopes[1])
            return (at + 1,)

        steps = tf.shape(inputs)[0]
        (done,) = tf.while_loop(lambda at: at < steps, step, (tf.constant(0),))
        return done, done


def fit_softmax_layer(
    embeddings: Vectors,
    labels: np.ndarray,
    count: int,
    settings: SgdSettings,
    *,
    validation: np.ndarray | None = None,
    on_step: Callable[[SgdStep], None] | None = None,
    distorted: Distorted | None = None,
    summaries: Summaries | None = None,
    checkpoints: Callable[[list[Variable]], Checkpoints] | None = None,
) -> Head:
    """Train a softmax layer on embeddings `[N,D]`; those marked in `validation` `[N]` only watch.

    As `sgd.fit_sgd`. With `distorted`, the batches' embeddings come from there. Where `checkpoints`
    holds an earlier state of the same training, it goes on from there.
    """
    tf = tensorflow()
    random = np.random.default_rng(settings.seed)
    watching = np.zeros(len(labels), bool) if validation is None else validation
    learn_from = np.flatnonzero(~watching)
    if not len(learn_from):
        raise UsageError(
            f"A validation fraction of {settings.validation:g} leaves no picture to learn from.",
            hint="Give a smaller fraction.",
        )
    layer = Layer.drawn(random, count, embeddings.shape[1], settings.learning_rate)
    done = tf.Variable(0, dtype=tf.int64)
    keeper = checkpoints([layer.weights, layer.bias, done]) if checkpoints else None
    if keeper:
        keeper.restore()
    by = stretch(Rows(embeddings, learn_from))
    inputs = tf.constant(whole_of(embeddings) * by, tf.float32)
    targets = tf.constant(labels, tf.int64)
    watched = tf.boolean_mask(inputs, watching), tf.boolean_mask(targets, watching)
    summaries = summaries or Summaries(None)
    first = int(done)
    for _ in range(first):  # the batches that were drawn before
        random.choice(learn_from, settings.batch_size)
    reports = set(_reports(settings))
    one_by_one = distorted is not None
    saves = set(range(0, settings.steps, keeper.every)) if keeper else set()
    ends = sorted({first, settings.steps, *(s for s in reports | saves if s > first)})
    if one_by_one:
        ends = list(range(first, settings.steps + 1))
    for begin, end in pairwise(ends):
        batches = np.stack(
            [random.choice(learn_from, settings.batch_size) for _ in range(begin, end)]
        )
        wanted = tf.gather(targets, batches)
        given = distorted(begin, batches[0])[None] * by if distorted else tf.gather(inputs, batches)
        if begin in reports and (on_step or summaries.wanted):
            accuracy, loss = layer.judge(given[0], wanted[0])
            found, found_loss = layer.judge(*watched)
            summaries.write("train", begin, accuracy=accuracy, cross_entropy=loss)
            summaries.write("validation", begin, accuracy=found, cross_entropy=found_loss)
            if on_step:
                on_step(SgdStep(begin, accuracy, loss, found))
        layer.walk(given, wanted)
        done.assign(end)
        if keeper and (keeper.due(end) or end == settings.steps):
            keeper.save(end)
    summaries.close()
    head = layer.head()
    return Head(head.weights * by, head.bias)


def _reports(settings: SgdSettings) -> Iterator[int]:
    """The steps that are reported: every so many, and the last."""
    yield from range(0, settings.steps, settings.eval_every)
    yield settings.steps - 1
