"""How TensorFlow trains: the engine that `training.engines` takes where `engine=` asks for it.

A network or a head that was chosen by pictures cannot be judged by them. So after fine-tuning, and
with distortions, a fraction of the pictures only watches: scores are calibrated on those, and they
are what the result is judged by where nothing is held out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...assess.pictures import Pictures
from ...backbones.embed import Embedder
from ...backbones.graph import OWN_VIEWS, Network
from ...cache.stores import FINE_TUNING
from ...files.room import room
from ...head.blocks import scores_are_large
from ...head.calibration import fit_temperature
from ...head.cross_validation import out_of_fold
from ...head.kinds import REGRESSION, Part
from ...head.sgd import SgdSettings
from ...images.decode import read_picture
from ...text import several
from ...workers.local import one_thread_each
from ..fit import Fitted, fit, judged, judged_by, scores_of, stand_in
from ..options import TrainOptions, Watch
from ..tensorflow_settings import KerasBackbone, TensorFlow
from .checkpoints import Checkpoints, training_key
from .keras_backbone import read_keras_backbone
from .networks import CHANCES, KerasEmbedder, KerasNetwork, quality_network
from .runtime import tensorflow
from .softmax_layer import fit_softmax_layer
from .summaries import Summaries
from .tuned_model import Tuner
from .watching import few_notes, watching_of

if TYPE_CHECKING:
    from tensorflow import Tensor, Variable


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
            checkpoints = self.settings.checkpoints or (
                FINE_TUNING.folder(self.options.cache) / self._key(pictures)
            )
            return Tuner(self.options, self.settings, self.keras, self.onnx).fit(
                pictures, watch, checkpoints, self._checkpoints(pictures, checkpoints)
            )
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
            tuple(pictures.digests),
            pictures.labels,
            pictures.truth,
            pictures.held_out,
            self.onnx.content,
            settings,
        )

    def _distorted(self, pictures: Pictures, watch: Watch) -> Fitted:
        """The head on pictures that are changed anew in every step, as retrain.py could."""
        rows, fold = pictures.learnt, pictures.folds(pictures.learnt)
        watching = watching_of(pictures, rows, self.sgd.validation)
        vectors, truth = pictures.vectors[rows].astype(np.float64), pictures.truth[rows]
        count, sgd, distortions = len(pictures.labels), self.sgd, self.settings.distortions
        assert distortions

        def distorted(step: int, batch: np.ndarray) -> Tensor:
            chances = np.random.default_rng([sgd.seed, step]).random((len(batch), CHANCES))
            read = [read_picture(pictures.paths[rows[i]]) for i in batch]
            watch.pictures(step + 1, sgd.steps)
            return self.keras.embed_distorted(read, chances, distortions)

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
        shape = len(truth), count
        with one_thread_each():
            logits = head.logits(vectors[watching])
            temperature = fit_temperature(logits, truth[watching])
            into = room(*shape) if scores_are_large(*shape) else None
            plain = out_of_fold(vectors, truth, count, fold, solver, into=into).logits
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
            notes=(note, *few_notes(watching)),
            refit=stand_in(len(rows)),
        )
