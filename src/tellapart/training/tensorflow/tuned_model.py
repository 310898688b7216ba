"""The model of a fine-tuning: the tuned network with a head of its own, if that is better than the
frozen network by more than luck on pictures that only watched; or else the frozen one's.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...assess.pictures import Pictures
from ...backbones.embed import Embedder, embed_all
from ...backbones.graph import VIEWS, Network
from ...errors import DatasetError, ModelError, option
from ...files.room import room
from ...files.workspaces import temporary_folder
from ...head.blocks import scores_are_large
from ...head.calibration import fit_temperature
from ...head.cross_validation import cross_validate
from ...head.kinds import REGRESSION, Part
from ...head.linear import Head, balanced_weights, log_loss
from ...head.prepared import Prepared
from ...head.recipe import Recipe
from ...head.regression import ROUGH
from ...images.decode import read_picture
from ...text import several
from ...workers.local import one_thread_each
from ..fit import Fitted, fit, judged, judged_by, scores_of
from ..options import TrainOptions, Watch
from ..tensorflow_settings import USUAL, Distortions, FineTuning, TensorFlow
from .checkpoints import Checkpoints
from .fine_tuning import FineTuned, Lesson, Told, fine_tune
from .networks import KerasNetwork
from .progress_file import ProgressFile
from .summaries import Summaries
from .verdict import Verdict, calibrated, verdict
from .watching import few_notes, watching_of

if TYPE_CHECKING:
    from tensorflow import Variable

TUNED = "-tuned"  # what the name of a fine-tuned network ends in
_TOLERANCE = 1e-3  # of an embedding's largest entry: how far TensorFlow and ONNX may be apart
_COMPARED = 8  # pictures that are compared in both
_ENOUGH = 300  # validation pictures, that tell a gain from luck
_LEAST, _MOST = 0.1, 0.2  # the fraction of the pictures that these may be
_FACTORS = (1.0, 0.1, 10.0, 0.01, 100.0)  # by which the new head may be held back less or more
_GAIN = 2e-3  # nats that another factor has to save


class Tuner:
    """Trains the network `keras`, which is `onnx`, in place, and fits the heads before and after.

    While it is at work, checkpoints and progress are in a folder.
    """

    def __init__(
        self, options: TrainOptions, settings: TensorFlow, keras: KerasNetwork, onnx: Network
    ) -> None:
        assert settings.fine_tuning
        self.options, self.settings, self.tuning = options, settings, settings.fine_tuning
        self.keras, self.onnx = keras, onnx

    def fit(
        self,
        pictures: Pictures,
        watch: Watch,
        folder: Path,
        checkpoints: Callable[[list[Variable]], Checkpoints],
    ) -> tuple[Network, Pictures, Fitted]:
        """The network is trained from the head on it as it was, then the head anew. Where the
        validation does not find that better by more than luck, all stays as it was."""
        rows = pictures.learnt
        share = self.tuning.validation or min(_MOST, max(_LEAST, _ENOUGH / len(rows)))
        watching = watching_of(pictures, rows, share)
        watched = rows[watching]
        truth, seen = pictures.truth[watched], rows[~watching]
        unseen, frozen, recipe = self._frozen(pictures, watching)
        told = Told(
            watch.epoch,
            watch.pictures,
            watch.say,
            ProgressFile(folder),
            Summaries(self.settings.summaries),
        )
        watch.doing("Fine-tuning")
        tuned = self._tune(pictures, rows, watching, frozen, checkpoints, told)
        done = None if self.settings.checkpoints else partial(_forget, folder)
        if tuned.ruined:
            return self._as_it_was(pictures, watch, tuned, _of_ruin(tuned, self.tuning), done)
        watch.doing("Reading the pictures with the tuned network")
        network = self.keras.network(self.onnx.name + TUNED)
        anew = _embedded_anew(pictures, network, self.keras, watch)
        with one_thread_each():
            _, before = self._best_recipe(pictures, seen, watched, recipe)
            recipe, logits = self._best_recipe(anew, seen, watched, recipe)
            keys = [pictures.keys[i] for i in watched]
            found = verdict(before, logits, truth, keys)
        if not found.kept:
            return self._as_it_was(pictures, watch, tuned, _of_luck(tuned, found), done)
        with one_thread_each():
            head = self._head(anew, rows, recipe)
        unseen[watching] = logits
        scores = scores_of(unseen)
        fitted = Fitted(
            head=head,
            solver="exact",
            parts=recipe.parts,
            logits=unseen,
            scores=scores,
            fold=anew.folds(rows),
            judged=watching,
            cross_validated=None,
            held_out=judged_by(head, anew),
            validated=judged(anew, rows, scores, watching),
            notes=(*_of_gain(tuned, found), *_resumed(tuned), *few_notes(watching)),
            after_saving=done,
        )
        return network, anew, fitted

    def _as_it_was(
        self,
        pictures: Pictures,
        watch: Watch,
        tuned: FineTuned,
        why: str,
        done: Callable[[], None] | None,
    ) -> tuple[Network, Pictures, Fitted]:
        """The frozen network's model, as without fine-tuning."""
        tuned.undo()
        watch.doing("Cross-validating")
        fitted = fit(pictures, self.options)
        notes = (f"{why} So the network stays as it was.", *_resumed(tuned), *fitted.notes)
        return self.onnx, pictures, replace(fitted, notes=notes, after_saving=done)

    def _best_recipe(
        self, pictures: Pictures, seen: np.ndarray, watched: np.ndarray, before: Recipe
    ) -> tuple[Recipe, np.ndarray]:
        """How to fit the head, calibrated, and its logits `[W,K]` for those that watch.

        Cross-validating would tell nothing, as the network has seen the other pictures. So its
        settings are what suits those that watch, and what they were `before` where that is as good.
        """
        truth, count = pictures.truth[seen], len(pictures.labels)
        prepared = Prepared(_vectors(pictures, seen), truth, count, balanced=self.options.balanced)
        vectors, wanted = _vectors(pictures, watched), pictures.truth[watched]
        best = math.inf
        for factor in _FACTORS:
            recipe = replace(before, parts=tuple(_freer(part, factor) for part in before.parts))
            logits = recipe.fit(prepared, ROUGH).logits(vectors)
            temperature = fit_temperature(logits, wanted)
            loss = log_loss(logits / temperature, wanted)
            if loss < best - _GAIN:
                best, found = loss, recipe.calibrated(temperature)
        return found, found.fit(prepared, ROUGH).logits(vectors)

    @one_thread_each()
    def _frozen(self, pictures: Pictures, watching: np.ndarray) -> tuple[np.ndarray, Head, Recipe]:
        """On the network as it was: calibrated logits `[N,K]`, 0 for those that watch, the head
        to begin with, and its recipe."""
        rows, learn = pictures.learnt, ~watching
        truth, count = pictures.truth[rows], len(pictures.labels)
        shape = len(rows[learn]), count
        found = cross_validate(
            pictures.vectors[rows[learn]],
            truth[learn],
            count,
            pictures.folds(rows[learn]),
            balanced=self.options.balanced,
            kind=self.options.head,
            groups=pictures.groups(rows[learn]),
            into=room(*shape) if scores_are_large(*shape) else None,
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
        checkpoints: Callable[[list[Variable]], Checkpoints],
        told: Told,
    ) -> FineTuned:
        """Train the network in place."""
        truth = pictures.truth[rows]
        weights = np.ones(len(rows))
        if self.options.balanced:
            weights[~watching] = balanced_weights(truth[~watching], len(pictures.labels))
        return fine_tune(
            self.keras,
            head,
            Lesson([pictures.paths[i] for i in rows], truth, weights, watching),
            self.tuning,
            self._distortions(pictures, rows[watching], head, told.say),
            checkpoints=checkpoints,
            told=told,
        )

    def _distortions(
        self, pictures: Pictures, watched: np.ndarray, head: Head, say: Callable[[str], None]
    ) -> Distortions:
        """What was asked for; or else `USUAL`, with mirroring where that changes no label: some
        view is mirrored, or the frozen network recognises mirrored pictures as well as others."""
        if self.settings.distortions is not None:
            return self.settings.distortions
        if any(VIEWS[view].mirrored for view in self.keras.views):
            return replace(USUAL, flip_left_right=True)
        truth = pictures.truth[watched]
        mirrored = [
            np.asarray(self.keras.embed(read_picture(pictures.paths[i])[None, :, ::-1]))
            for i in watched.tolist()
        ]
        found = verdict(
            calibrated(head.logits(_vectors(pictures, watched)), truth),
            calibrated(head.logits(np.concatenate(mirrored).astype(np.float64)), truth),
            truth,
            [pictures.keys[i] for i in watched],
        )
        say(
            "No picture is mirrored in training, because mirrored ones are recognised less well."
            if found.worse
            else "Half of the pictures are mirrored in training, because mirrored ones are "
            "recognised as well as the others."
        )
        return replace(USUAL, flip_left_right=not found.worse)

    def _head(self, pictures: Pictures, rows: np.ndarray, recipe: Recipe) -> Head:
        labels, count = pictures.truth[rows], len(pictures.labels)
        vectors = _vectors(pictures, rows)
        return recipe.fit(Prepared(vectors, labels, count, balanced=self.options.balanced))


def _freer(part: Part, factor: float) -> Part:
    """A part that is held back less by this factor: a larger C, or a smaller shrinkage."""
    assert part.setting is not None
    if part.kind == REGRESSION:
        return replace(part, setting=part.setting * factor)
    return replace(part, setting=min(1.0, part.setting / factor))


def _forget(checkpoints: Path) -> None:
    """Delete what a stopped training would have gone on from: this one is done."""
    shutil.rmtree(checkpoints, ignore_errors=True)


def _of_ruin(tuned: FineTuned, settings: FineTuning) -> str:
    return (
        f"Fine-tuning was stopped after {several(tuned.epochs, 'epoch')}, because the network only "
        f"got worse. A lower {option('learning_rate')} than {settings.rate:g} may do better."
    )


def _of_luck(tuned: FineTuned, found: Verdict) -> str:
    return (
        f"Fine-tuning for {several(tuned.epochs, 'epoch')} did not make the network better by more "
        f"than luck: {found.words}."
    )


def _of_gain(tuned: FineTuned, found: Verdict) -> tuple[str, str]:
    return (
        f"Fine-tuned for {several(tuned.epochs, 'epoch')}: {found.words}.",
        f"Not cross-validated, because the network itself has seen the training pictures. It has "
        f"not seen the {several(found.count, 'validation picture')}, but they decided whether to "
        f"keep it, so their accuracy is a little too high. The pictures held out decided nothing.",
    )


def _resumed(tuned: FineTuned) -> tuple[str, ...]:
    if not tuned.resumed_at:
        return ()
    return (f"Resumed at step {tuned.resumed_at:,} of a training that was stopped.",)


def _vectors(pictures: Pictures, rows: np.ndarray) -> np.ndarray:
    return np.asarray(pictures.vectors[rows], np.float64)


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
