"""How TensorFlow trains: the engine that `training.engines` takes where `engine=` asks for it.

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
from typing import TYPE_CHECKING

import numpy as np

from ...backbones.embed import Embedder, embed_all
from ...backbones.graph import OWN_VIEWS, Network
from ...cache.stores import FINE_TUNING
from ...errors import DatasetError, ModelError, option
from ...files.workspaces import temporary_folder
from ...head.calibration import fit_temperature
from ...head.cross_validation import cross_validate, out_of_fold
from ...head.kinds import REGRESSION, Part
from ...head.linear import Head, balanced_weights
from ...head.prepared import Prepared
from ...head.recipe import Recipe
from ...head.sgd import SgdSettings
from ...images.decode import read_picture
from ...text import several
from ...workers.local import one_thread_each
from ..fit import Fitted, fit, judged, judged_by, scores_of, stand_in
from ..options import TrainOptions, Watch
from ..pictures import Pictures
from ..tensorflow_settings import FineTuning, KerasBackbone, TensorFlow
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
_TOLERANCE = 1e-3  # of an embedding's largest entry: how far TensorFlow and ONNX may be apart
_COMPARED = 8  # pictures that are compared in both
_FEW_WATCHING = 50


class TensorFlowEngine:
    """Embeds with TensorFlow, fits the head by gradient descent, or trains the network too."""

    doing = "Training"

    def __init__(self, options: TrainOptions, settings: TensorFlow) -> None:
        self.options = options
        self.settings = settings
        self.sgd = options.sgd or SgdSettings()
        if isinstance(options.backbone, KerasBackbone):
            self.keras = KerasNetwork("own", (read_keras_backbone(options.backbone),), OWN_VIEWS)
        else:
            assert options.backbone is None
            self.keras = quality_network(options.quality)
        self.onnx = self.keras.network()

    def embedder(self) -> Embedder:
        return KerasEmbedder(self.keras, self.onnx, self.options.cache)

    def fit(self, pictures: Pictures, watch: Watch) -> tuple[Network, Pictures, Fitted]:
        """The finished network, the pictures with its embeddings, and the head."""
        tensorflow().random.set_seed(self.sgd.seed)
        if self.settings.fine_tuning:
            return self._fine_tuned(pictures, self.settings.fine_tuning, watch)
        if self.settings.distortions:
            return self.onnx, pictures, self._distorted(pictures, watch)
        fitted = fit(
            pictures,
            replace(self.options, sgd=self.sgd),
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
        settings = (
            self.settings.distortions,
            self.settings.fine_tuning,
            self.sgd,
            self.options.balanced,
        )
        return training_key(
            pictures.digests,
            pictures.labels,
            pictures.truth,
            pictures.held_out,
            self.onnx.content,
            settings,
        )

    def _distorted(self, pictures: Pictures, watch: Watch) -> Fitted:
        """The head on pictures that are changed anew in every step, as retrain.py could."""
        rows, fold = pictures.learnt, pictures.folds(pictures.learnt)
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
        solver = partial(fit_softmax_layer, settings=sgd)
        with one_thread_each():
            logits = head.logits(vectors[watching])
            temperature = fit_temperature(logits, truth[watching])
            plain = out_of_fold(vectors, truth, count, fold, solver).logits
            unseen = plain / fit_temperature(plain, truth)
        unseen[watching] = logits / temperature
        head = head.calibrated(temperature)
        note = (
            f"Not cross-validated, because with distortions that would take five times as long. "
            f"Scores are calibrated on the {several(int(watching.sum()), 'validation picture')}, "
            f"which the head did not learn from."
        )
        scores = scores_of(unseen)
        return Fitted(
            head=head,
            solver="sgd",
            parts=(Part(REGRESSION, None, temperature),),
            logits=unseen,
            scores=scores,
            fold=fold,
            judged=watching,
            cross_validated=None,
            held_out=judged_by(head, pictures),
            validated=judged(pictures, rows, scores, watching),
            notes=(note, *_few(watching)),
            refit=stand_in(len(rows)),
        )

    def _fine_tuned(
        self, pictures: Pictures, settings: FineTuning, watch: Watch
    ) -> tuple[Network, Pictures, Fitted]:
        """The head on the network as it was, then all layers, then the head anew."""
        rows = pictures.learnt
        watching = _watching(pictures, rows, settings.validation)
        truth, learn = pictures.truth[rows], ~watching
        unseen, frozen, recipe = self._frozen(pictures, watching)
        tuned, done = self._tune(pictures, rows, watching, frozen, settings, watch)
        network = self.keras.network(self.onnx.name + TUNED)
        pictures = _embedded_anew(pictures, network, self.keras, watch)
        # The recipe stays: the network has seen the pictures now, so choosing would tell nothing.
        with one_thread_each():
            watched = pictures.vectors[rows[watching]].astype(np.float64)
            logits = self._head(pictures, rows[learn], recipe).logits(watched)
            recipe = recipe.calibrated(fit_temperature(logits, truth[watching]))
            unseen[watching] = self._head(pictures, rows[learn], recipe).logits(watched)
            head = self._head(pictures, rows, recipe)
        scores = scores_of(unseen)
        fitted = Fitted(
            head=head,
            solver="exact",
            parts=recipe.parts,
            logits=unseen,
            scores=scores,
            fold=pictures.folds(rows),
            judged=watching,
            cross_validated=None,
            held_out=judged_by(head, pictures),
            validated=judged(pictures, rows, scores, watching),
            notes=(*_said(tuned, int(watching.sum())), *_few(watching)),
            after_saving=done,
        )
        return network, pictures, fitted

    @one_thread_each()
    def _frozen(self, pictures: Pictures, watching: np.ndarray) -> tuple[np.ndarray, Head, Recipe]:
        """On the network as it was: calibrated logits `[N,K]`, 0 for those that watch, the head
        to begin with, and its recipe."""
        rows, learn = pictures.learnt, ~watching
        truth, count = pictures.truth[rows], len(pictures.labels)
        found = cross_validate(
            pictures.vectors[rows[learn]],
            truth[learn],
            count,
            pictures.folds(rows[learn]),
            balanced=self.options.balanced,
            kind=self.options.head,
            groups=pictures.groups(rows[learn]),
        )
        assert found.recipe
        unseen = np.zeros((len(rows), count))
        unseen[learn] = found.logits
        return unseen, self._head(pictures, rows[learn], found.recipe), found.recipe

    def _tune(
        self,
        pictures: Pictures,
        rows: np.ndarray,
        watching: np.ndarray,
        head: Head,
        settings: FineTuning,
        watch: Watch,
    ) -> tuple[FineTuned, Callable[[], None] | None]:
        """Train the network in place; what came of it, and what to do when its model is saved."""
        truth = pictures.truth[rows]
        weights = np.ones(len(rows))
        if self.options.balanced:
            weights[~watching] = balanced_weights(truth[~watching], len(pictures.labels))
        given = self.settings.checkpoints
        folder = given or FINE_TUNING.folder(self.options.cache) / self._key(pictures)
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

    def _head(self, pictures: Pictures, rows: np.ndarray, recipe: Recipe) -> Head:
        vectors = pictures.vectors[rows].astype(np.float64)
        labels, count = pictures.truth[rows], len(pictures.labels)
        return recipe.fit(Prepared(vectors, labels, count, balanced=self.options.balanced))


def _forget(checkpoints: Path) -> None:
    """Delete what a stopped training would have gone on from: this one is done."""
    shutil.rmtree(checkpoints, ignore_errors=True)


def _watching(pictures: Pictures, rows: np.ndarray, fraction: float) -> np.ndarray:
    watching = pictures.watching(rows, fraction)
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
    pictures: Pictures, network: Network, keras: KerasNetwork, watch: Watch
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
        if not apart <= _TOLERANCE * float(np.abs(ours).max()):
            raise ModelError(
                f"As ONNX, the trained network does not give the embeddings that TensorFlow gives: "
                f"they are {apart:.2g} apart.",
                hint="Please report this.",
            )
    return replace(pictures, vectors=found.vectors)
