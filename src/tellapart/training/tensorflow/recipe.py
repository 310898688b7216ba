"""How TensorFlow trains: what `training.train` does with `engine=` in place of its own fitting.

A network or a head that was chosen by pictures cannot be judged by them. So after fine-tuning, and
with distortions, a fraction of the pictures only watches: scores are calibrated on those, and they
are what the result is judged by where nothing is held out.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...backbones.embed import Embedder, embed_all
from ...backbones.graph import OWN_VIEWS, Network
from ...cache.stores import FINE_TUNING
from ...errors import DatasetError, ModelError, option
from ...files.workspaces import temporary_folder
from ...head.regression import (
    Head,
    Regression,
    balanced_weights,
    cross_validate,
    fit_temperature,
    out_of_fold,
)
from ...head.sgd import SgdSettings, SgdStep
from ...images.decode import read_picture
from ...text import several
from ..fitting import Fitted, Pictures, fit, folds_of, judged, judged_by, watching_of
from ..tensorflow_settings import Epoch, FineTuning, KerasBackbone, TensorFlow
from .checkpoints import Checkpoints, training_key
from .fine_tuning import FineTuned, Lesson, fine_tune
from .keras_backbone import read_keras_backbone
from .networks import CHANCES, KerasEmbedder, KerasNetwork, quality_network
from .runtime import tensorflow
from .softmax_layer import fit_softmax_layer
from .summaries import Summaries

if TYPE_CHECKING:
    from tensorflow import Tensor, Variable

TUNED = "-tuned"  # what the name of a fine-tuned network ends in
_TOLERANCE = 1e-3  # of a score: how far TensorFlow and the finished ONNX graph may be apart
_COMPARED = 8  # pictures that are compared in both
_FEW_WATCHING = 50


class Watching(Protocol):
    """`options.Watch`."""

    @property
    def pictures(self) -> Callable[[int, int], None]: ...

    @property
    def step(self) -> Callable[[SgdStep], None] | None: ...

    @property
    def epoch(self) -> Callable[[Epoch], None]: ...


class TensorFlowRecipe:
    """Embeds with TensorFlow, fits the head by gradient descent, or trains the network too."""

    def __init__(
        self,
        settings: TensorFlow,
        backbone: KerasBackbone | str,
        *,
        sgd: SgdSettings | None,
        balanced: bool,
    ) -> None:
        self.settings = settings
        self.sgd = sgd or SgdSettings()
        self.balanced = balanced
        if isinstance(backbone, str):
            self.keras = quality_network(backbone)
        else:
            self.keras = KerasNetwork("own", (read_keras_backbone(backbone),), OWN_VIEWS)
        self.onnx = self.keras.network()

    def embedder(self) -> Embedder:
        return KerasEmbedder(self.keras, self.onnx)

    def fit(self, pictures: Pictures, watch: Watching) -> tuple[Network, Pictures, Fitted]:
        """The finished network, the pictures with its embeddings, and the head."""
        tensorflow().random.set_seed(self.sgd.seed)
        if self.settings.fine_tuning:
            return self._fine_tuned(pictures, self.settings.fine_tuning, watch)
        if self.settings.distortions:
            return self.onnx, pictures, self._distorted(pictures, watch)
        fitted = fit(
            pictures,
            sgd=self.sgd,
            on_step=watch.step,
            descent=fit_softmax_layer,
            last_descent=partial(
                fit_softmax_layer,
                summaries=Summaries(self.settings.summaries),
                checkpoints=self._checkpoints(pictures, self.settings.checkpoints),
            ),
        )
        return self.onnx, pictures, fitted

    def _checkpoints(
        self, pictures: Pictures, folder: Path | None
    ) -> Callable[[list[Variable]], Checkpoints]:
        return partial(Checkpoints, folder, self._key(pictures), self.settings.checkpoint_every)

    def _key(self, pictures: Pictures) -> str:
        """What this training is: pictures, labels, split, network and settings."""
        settings = (self.settings.distortions, self.settings.fine_tuning, self.sgd, self.balanced)
        return training_key(
            pictures.digests,
            pictures.labels,
            pictures.truth,
            pictures.held_out,
            self.onnx.content,
            settings,
        )

    def _distorted(self, pictures: Pictures, watch: Watching) -> Fitted:
        """The head on pictures that are changed anew in every step, as retrain.py could."""
        rows, tested = np.flatnonzero(~pictures.held_out), np.flatnonzero(pictures.held_out)
        watching = _watching(pictures, rows, self.sgd.validation)
        vectors, truth = pictures.vectors[rows].astype(np.float64), pictures.truth[rows]
        count, sgd = len(pictures.labels), self.sgd

        def distorted(step: int, batch: np.ndarray) -> Tensor:
            chances = np.random.default_rng([sgd.seed, step]).random((len(batch), CHANCES))
            read = [read_picture(pictures.paths[rows[i]]) for i in batch]
            watch.pictures(step + 1, sgd.steps)
            return self.keras.embed_distorted(read, chances, self.settings.distortions)

        head = fit_softmax_layer(
            vectors,
            truth,
            count,
            sgd,
            validation=watching,
            on_step=watch.step,
            distorted=distorted,
            summaries=Summaries(self.settings.summaries),
            checkpoints=self._checkpoints(pictures, self.settings.checkpoints),
        )
        logits = head.logits(vectors[watching])
        temperature = fit_temperature(logits, truth[watching])
        plain = out_of_fold(
            vectors,
            truth,
            count,
            folds_of(pictures, rows),
            partial(fit_softmax_layer, settings=sgd),
        ).logits
        unseen = plain / fit_temperature(plain, truth)
        unseen[watching] = logits / temperature
        head = head.calibrated(temperature)
        note = (
            f"Not cross-validated, because with distortions that would take five times as long. "
            f"Scores are calibrated on the {several(int(watching.sum()), 'validation picture')}, "
            f"which the head did not learn from."
        )
        return Fitted(
            head=head,
            solver="sgd",
            strength=None,
            temperature=temperature,
            logits=unseen,
            fold=folds_of(pictures, rows),
            cross_validated=None,
            held_out=judged_by(head, pictures, tested),
            validated=judged(pictures, rows[watching], logits / temperature),
            notes=(note, *_few(watching)),
        )

    def _fine_tuned(
        self, pictures: Pictures, settings: FineTuning, watch: Watching
    ) -> tuple[Network, Pictures, Fitted]:
        """The head on the network as it was, then all layers, then the head anew."""
        rows, tested = np.flatnonzero(~pictures.held_out), np.flatnonzero(pictures.held_out)
        watching = _watching(pictures, rows, settings.validation)
        truth, count = pictures.truth[rows], len(pictures.labels)
        learn = ~watching
        frozen = cross_validate(
            pictures.vectors[rows[learn]],
            truth[learn],
            count,
            folds_of(pictures, rows[learn]),
            balanced=self.balanced,
        )
        assert frozen.strength is not None
        temperature = fit_temperature(frozen.logits, truth[learn], least=1)
        unseen = np.zeros((len(rows), count))
        unseen[learn] = frozen.logits / temperature
        head = self._head(pictures, rows[learn], frozen.strength).calibrated(temperature)
        tuned, done = self._tune(pictures, rows, watching, head, settings, watch)
        network = self.keras.network(self.onnx.name + TUNED)
        pictures = _embedded_anew(pictures, network, self.keras, watch)
        # C stays: the network has seen the pictures now, so cross-validating would tell nothing.
        watched = pictures.vectors[rows[watching]].astype(np.float64)
        logits = self._head(pictures, rows[learn], frozen.strength).logits(watched)
        temperature = fit_temperature(logits, truth[watching])
        unseen[watching] = logits / temperature
        head = self._head(pictures, rows, frozen.strength).calibrated(temperature)
        fitted = Fitted(
            head=head,
            solver="exact",
            strength=frozen.strength,
            temperature=temperature,
            logits=unseen,
            fold=folds_of(pictures, rows),
            cross_validated=None,
            held_out=judged_by(head, pictures, tested),
            validated=judged(pictures, rows[watching], logits / temperature),
            notes=(*_said(tuned, int(watching.sum())), *_few(watching)),
            after_saving=done,
        )
        return network, pictures, fitted

    def _tune(
        self,
        pictures: Pictures,
        rows: np.ndarray,
        watching: np.ndarray,
        head: Head,
        settings: FineTuning,
        watch: Watching,
    ) -> tuple[FineTuned, Callable[[], None] | None]:
        """Train the network in place; what came of it, and what to do when its model is saved."""
        truth = pictures.truth[rows]
        weights = np.ones(len(rows))
        if self.balanced:
            weights[~watching] = balanced_weights(truth[~watching], len(pictures.labels))
        given = self.settings.checkpoints
        folder = given or FINE_TUNING.folder() / self._key(pictures)
        tuned = fine_tune(
            self.keras,
            head,
            Lesson([pictures.paths[i] for i in rows], truth, weights, watching),
            settings,
            self.settings.distortions,
            checkpoints=self._checkpoints(pictures, folder),
            summaries=Summaries(self.settings.summaries),
            on_epoch=watch.epoch,
            progress=watch.pictures,
        )
        return tuned, None if given else partial(_forget, folder)

    def _head(self, pictures: Pictures, rows: np.ndarray, strength: float) -> Head:
        vectors = pictures.vectors[rows].astype(np.float64)
        labels, count = pictures.truth[rows], len(pictures.labels)
        return Regression(vectors, labels, count, balanced=self.balanced).fit(strength)


def _forget(checkpoints: Path) -> None:
    """Delete what a stopped training would have gone on from: this one is done."""
    shutil.rmtree(checkpoints, ignore_errors=True)


def _watching(pictures: Pictures, rows: np.ndarray, fraction: float) -> np.ndarray:
    watching = watching_of(pictures, rows, fraction)
    if not watching.any():
        raise DatasetError(
            "No label has pictures to spare for the validation, and this training cannot be judged "
            "without one.",
            hint="Add pictures until a label has ten different ones, or keep more of them for it "
            f"with {option('validation')}.",
        )
    return watching


def _few(watching: np.ndarray) -> list[str]:
    count = int(watching.sum())
    if count >= _FEW_WATCHING:
        return []
    return [
        f"The validation has only {several(count, 'picture')}, so its figures and the calibration "
        f"are rough. A larger fraction for the validation makes them better."
    ]


def _said(tuned: FineTuned, watching: int) -> list[str]:
    """What the user should know of a fine-tuning."""
    notes = [
        f"Not cross-validated, because the network itself has seen the training pictures. It has "
        f"not seen the {several(watching, 'validation picture')}, but they decided when to stop, "
        f"so their accuracy is a little too high. The pictures held out decided nothing.",
    ]
    if tuned.best_epoch == 0:
        notes.insert(
            0,
            f"Fine-tuning did not improve the network in {several(tuned.epochs, 'epoch')}, so it "
            f"stays as it was.",
        )
    else:
        notes.insert(
            0, f"Fine-tuned for {several(tuned.epochs, 'epoch')}; the best was {tuned.best_epoch}."
        )
    if tuned.resumed_at:
        notes.append(f"Resumed at step {tuned.resumed_at:,} of a training that was stopped.")
    return notes


def _embedded_anew(
    pictures: Pictures, network: Network, keras: KerasNetwork, watch: Watching
) -> Pictures:
    """The pictures with the finished network's embeddings, by the ONNX graph that will be used.

    Raises:
        ModelError: that graph does not give what TensorFlow trained.
    """
    with temporary_folder() as folder:  # of no use to another run
        found = embed_all(
            pictures.paths,
            Embedder(network, Path(folder)),
            progress=lambda done: watch.pictures(done, len(pictures.paths)),
        )
    if found.unreadable or found.digests != pictures.digests:
        raise DatasetError("Some pictures were changed or moved during the training.")
    step = max(1, len(pictures.paths) // _COMPARED)
    for at in range(0, len(pictures.paths), step):
        ours = np.asarray(keras.embed(read_picture(pictures.paths[at])[None]))[0]
        apart = float(np.abs(ours - found.vectors[at]).mean())
        if not apart <= _TOLERANCE * max(1.0, float(np.abs(ours).max())):
            raise ModelError(
                f"As ONNX, the trained network does not give the embeddings that TensorFlow gives: "
                f"they are {apart:.2g} apart.",
                hint="Please report this.",
            )
    return replace(pictures, vectors=found.vectors)
