"""What a training gives back: the classifier, how good it is, and its folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.sources import Dataset, SkippedFile
from ..evaluation.judged import Evaluation
from ..evaluation.learning_curve import LearningCurve
from ..evaluation.metrics import Proportion
from ..evaluation.notebook import evaluations_html
from ..evaluation.occasions import Bursts
from ..evaluation.unknowns import Unknowns
from ..files.stored import Place
from ..health.shortcuts import Shortcut
from ..images.decode import Picture
from ..model.classifier import Classifier
from ..model.folder import CARD_FILE, REPORT_FILE
from ..model.prediction import Prediction
from ..model.replacing import Change, change
from ..report.card import model_card
from ..report.gathering import content_of_training, without_pictures
from ..report.page import report_page
from ..report.reasons import with_reasons
from ..text import percent
from .options import TrainOptions
from .quality_choice import QualityChoice


@dataclass(frozen=True)
class TrainResult:
    """A trained classifier, and everything that was found out on the way.

    Attributes:
        classifier: the model.
        dataset: the pictures.
        options: how it was trained.
        skipped: files that were passed over, with the reason.
        cross_validated: a head that never saw the picture judged each training picture; None after
            fine-tuning or with distortions.
        held_out: the finished model judged the pictures held out; None if there are none.
        kept_back: names of the pictures held out.
        untested: labels without held-out pictures.
        notes: sentences on what to know.
        validated: instead of `cross_validated`, a network and a head that did not learn from them
            judged the validation pictures, which decided when to stop.
        bursts: whether the pictures come in bursts, and what to expect of other occasions.
        learning: whether more pictures would help; only with the exact solver.
        shortcuts: what else the labels can be told by.
        repeated: the accuracies of repeated cross-validation, if it was asked for.
        choice: why this quality was taken, where it was left to `quality="auto"`.
        unknowns: how well a label that it was never shown would be told apart; only with three
            labels or more, and not after fine-tuning.
        after_saving: deletes what a stopped training would have resumed from.
    """

    classifier: Classifier
    dataset: Dataset
    options: TrainOptions
    skipped: tuple[SkippedFile, ...]
    cross_validated: Evaluation | None
    held_out: Evaluation | None
    kept_back: tuple[str, ...]
    untested: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())
    validated: Evaluation | None = None
    learning: LearningCurve | None = None
    bursts: Bursts = field(default_factory=Bursts)
    shortcuts: tuple[Shortcut, ...] = ()
    repeated: tuple[Proportion, ...] = ()
    choice: QualityChoice | None = None
    unknowns: Unknowns | None = None
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

    def replaces(
        self, folder: str | os.PathLike[str], *, replace: bool = True, private: bool = False
    ) -> Change | None:
        """What would be different in a folder once this is saved there; None where no model is.

        Raises:
            DestinationError: it cannot be saved there, or without `replace` shall not be.
        """
        old, new = self.classifier.check_place(Path(folder), replace=replace, private=private)
        return change(Path(folder), old, new) if old else None

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        replace: bool = False,
        private: bool = False,
        report: bool = True,
    ) -> Path:
        """Write the model folder, with its report and its card; see `Classifier.save`.

        With `private` its report embeds no pictures, and nothing in it names or places any. Drawing
        the report takes longer than all the rest: without `report` the folder has none, until
        `tellapart report` is asked for it.
        """
        record = self.classifier.training_record
        assert record
        items, remembered = self.dataset.items, set(record.names)
        there = {
            name: items.paths[at]
            for at, name in enumerate(items.names)
            if name in remembered and _is_there(items.paths[at])
        }
        paths = {i: there[name] for i, name in enumerate(record.names) if name in there}
        classifier = self.classifier.private(items.names) if private else self.classifier
        also = {CARD_FILE: model_card(classifier, self.evaluations).encode()}
        if report:
            content = with_reasons(content_of_training(classifier, paths), of_training=True)
            page = report_page(without_pictures(content) if private else content)
            also[REPORT_FILE] = page.encode()
        written = classifier.save(folder, replace=replace, also=also)
        if self.after_saving:
            self.after_saving()
        return written

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return evaluations_html(self.evaluations, self.bursts)

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
        """The accuracy held out; if nothing was, cross-validated or of the validation. The lower of
        two that differ by more than chance."""
        *others, last = [one.accuracy for one in self.evaluations.values()]
        lower = [one for one in others if one.interval[1] < last.interval[0]]
        return lower[0] if lower else last


def _is_there(place: Place) -> bool:
    return not isinstance(place, Path) or os.path.exists(place)
