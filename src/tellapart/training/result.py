"""What a training gives back: the classifier, how good it is, and its folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.sources import Dataset, Skipped
from ..evaluation.judged import Evaluation
from ..evaluation.learning_curve import LearningCurve
from ..evaluation.metrics import Proportion
from ..evaluation.notebook import evaluations_html
from ..health.shortcuts import Shortcut
from ..images.decode import Picture
from ..model.classifier import CARD_FILE, REPORT_FILE, Classifier, Prediction, replaced_in
from ..model.replacing import Change, change
from ..report.card import model_card
from ..report.content import content_of_training, without_pictures
from ..report.page import report_page
from ..report.reasons import with_reasons
from ..text import percent
from .options import TrainOptions


@dataclass(frozen=True)
class TrainResult:
    """A trained classifier, and everything that was found out on the way.

    Attributes:
        classifier: the model.
        dataset: what was found in the source.
        options: what was asked for.
        skipped: files that could not be read, with their reasons.
        cross_validated: judges every training picture by a head that never saw it, where there is
            one: of very few pictures it judges none, and says so in `notes`. None after fine-tuning
            and with distortions.
        held_out: judges the pictures kept back, by the finished model; None without any.
        kept_back: the names of those.
        untested: labels of which no picture was kept back.
        notes: what the user should know, in sentences.
        validated: judges the pictures that only watched, where nothing is cross-validated: by a
            network and a head that did not learn from them, though they chose when to stop.
        learning: whether more pictures would help; only the exact solver tells.
        shortcuts: what else the labels can be told by.
        repeated: the out-of-fold accuracies of each time that the pictures were dealt into folds,
            if that was done more than once.
        after_saving: deletes what a stopped training would have gone on from.
    """

    classifier: Classifier
    dataset: Dataset
    options: TrainOptions
    skipped: tuple[Skipped, ...]
    cross_validated: Evaluation | None
    held_out: Evaluation | None
    kept_back: tuple[str, ...]
    untested: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())
    validated: Evaluation | None = None
    learning: LearningCurve | None = None
    shortcuts: tuple[Shortcut, ...] = ()
    repeated: tuple[Proportion, ...] = ()
    after_saving: Callable[[], None] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        assert self.cross_validated or self.validated

    def __repr__(self) -> str:
        counts = f"{sum(self.classifier.manifest.counts)} pictures learnt from"
        name, judged = list(self.evaluations.items())[-1]
        return f"<TrainResult of {counts}, {name} {percent(judged.accuracy.value)}>"

    def predict(self, picture: Picture) -> Prediction:
        """The label of one picture; see `Classifier.predict`."""
        return self.classifier.predict(picture)

    def replaces(self, folder: str | os.PathLike[str], *, private: bool = False) -> Change | None:
        """What would be different in a folder once this is saved there; None where no model is."""
        old, new = replaced_in(Path(folder)), self.classifier.known_as(private=private)
        return change(Path(folder), old, new) if old else None

    def save(
        self, folder: str | os.PathLike[str], *, replace: bool = False, private: bool = False
    ) -> Path:
        """Write the model folder, with its report and its card; see `Classifier.save`.

        With `private` its report embeds no pictures, and nothing in it names or places any.
        """
        record = self.classifier.training_record
        assert record
        where = {item.name: item.path for item in self.dataset.items}
        paths = {i: where[name] for i, name in enumerate(record.names)}
        classifier = self.classifier.private(where) if private else self.classifier
        content = with_reasons(content_of_training(classifier, paths), of_training=True)
        page = report_page(without_pictures(content) if private else content)
        card = model_card(classifier, self.evaluations)
        written = classifier.save(
            folder,
            replace=replace,
            also={REPORT_FILE: page.encode(), CARD_FILE: card.encode()},
        )
        if self.after_saving:
            self.after_saving()
        return written

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return evaluations_html(self.evaluations)

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """By name: cross-validated or validation, then held out; those there are."""
        found = {
            "cross-validated": self.cross_validated,
            "validation": self.validated,
            "held out": self.held_out,
        }
        return {name: evaluation for name, evaluation in found.items() if evaluation}

    @property
    def accuracy(self) -> Proportion:
        """The accuracy held out; if nothing was, cross-validated or of the validation."""
        return list(self.evaluations.values())[-1].accuracy
