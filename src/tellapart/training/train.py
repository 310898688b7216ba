"""Training: pictures -> dataset -> embeddings -> head -> model, and how good it is.

The only place that joins the parts; each step is a function of another module.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from ..backbones.embed import Embedder, embed_all
from ..backbones.foreign import ForeignBackbone
from ..backbones.graph import OWN_VIEWS, HeadTensors, Network, network_of
from ..backbones.rows import Backbone, Quality
from ..backbones.rows import quality as quality_row
from ..dataset.in_python import Source, read_source
from ..dataset.sources import Dataset, Skipped
from ..evaluation.judged import Evaluation
from ..evaluation.learning_curve import LearningCurve
from ..evaluation.metrics import Proportion
from ..evaluation.notebook import evaluations_html
from ..evaluation.sentences import contradiction_words
from ..head.novelty import ADMITTED, fit_novelty
from ..head.regression import softmax
from ..head.sgd import SgdSettings
from ..health.shortcuts import Shortcut
from ..images.decode import Picture
from ..model.classifier import CARD_FILE, REPORT_FILE, Classifier, Prediction, replaced_in
from ..model.file import Manifest, build_model
from ..model.record import Run, TrainingRecord
from ..model.replacing import Change, change
from ..report.card import model_card
from ..report.content import content_of_training, without_pictures
from ..report.page import report_page
from ..report.reasons import with_reasons
from ..version import __version__
from ..workers.local import one_thread_each
from .command import train_command, versions
from .fitting import Fitted, Pictures, fit, gather, notes_on, shortcuts_of, would_more_help
from .options import TrainOptions, Watch, share_of
from .sides import choose_sides
from .tensorflow_settings import KerasBackbone, TensorFlow


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
        learning: whether more pictures would help; only with the exact solver.
        shortcuts: what else the labels can be told by.
        repeated: the accuracies of repeated cross-validation, if it was asked for.
        after_saving: deletes what a stopped training would have resumed from.
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


def train(
    source: Source,
    *,
    quality: str = "good",
    backbone: Backbone | ForeignBackbone | KerasBackbone | None = None,
    test: float | str | os.PathLike[str] | None = None,
    balanced: bool = False,
    sgd: SgdSettings | None = None,
    follow_links: bool = False,
    engine: TensorFlow | None = None,
    repeats: int = 1,
    watch: Watch | None = None,
) -> TrainResult:
    """Train a classifier from a folder, table or archive of labelled pictures, or from pictures
    that the program holds.

    >>> result = tellapart.train("photos/")
    >>> result.predict("picture.jpg").label
    'ice_queen'
    >>> result.save("heroes")
    PosixPath('heroes')

    In place of a path, `source` may be a list or an iterator of (picture, label), where a picture
    is a path, bytes, an open file, a Pillow image or an array; `(X, y)`, arrays of pictures
    `[N,H,W,3]` or `[N,H,W]` and of labels `[N]`; a DataFrame, a Hugging Face dataset or a mapping
    of lists, with columns as in a CSV file: path (or image), label, perhaps split and group.

    Raises:
        DatasetError: fewer than two labels have pictures that can be read.
        UsageError: an option that does not fit.
        MissingExtraError: `engine` is given and TensorFlow is not installed.
    """
    held = Path(test) if isinstance(test, str | os.PathLike) else test
    options = TrainOptions(quality, backbone, held, balanced, sgd, follow_links, engine, repeats)
    with one_thread_each():
        return _train(source, options, watch or Watch())


def _train(source: Source, options: TrainOptions, watch: Watch) -> TrainResult:
    dataset = choose_sides(read_source(source, follow_links=options.follow_links), options)
    items = dataset.items
    recipe = _recipe(options)
    embeddings = embed_all(
        [item.path for item in items],
        recipe.embedder(),
        progress=lambda done: watch.pictures(done, len(items)),
    )
    unreadable = tuple(Skipped(items[at].name, why) for at, why in embeddings.unreadable.items())
    pictures = gather(items, embeddings, share_of(options), unreadable)
    watch.doing("Cross-validating" if options.engine is None else "Training")
    network, pictures, fitted = recipe.fit(pictures, watch)
    skipped = (*dataset.skipped, *unreadable)
    contradiction = contradiction_words(fitted.cross_validated, fitted.held_out)
    notes = (*notes_on(dataset, pictures, embeddings), *contradiction, *fitted.notes)
    watch.doing("Finding out whether more pictures would help")
    learning = would_more_help(pictures, fitted)
    watch.doing("Looking for shortcuts")
    shortcuts = shortcuts_of(pictures, fitted)
    watch.doing("Putting the model together")
    run = Run(
        source=dataset.called,
        place=dataset.place,
        in_python=bool(dataset.given),
        command="" if dataset.given else _command(dataset.source, options),
        judged_by="cross-validated" if fitted.cross_validated else "validation",
        skipped=skipped,
        hidden=dataset.hidden,
        notes=notes,
        learning=learning,
        shortcuts=shortcuts,
        balanced=options.balanced,
        versions=versions(),
    )
    return TrainResult(
        classifier=_classifier(network, pictures, fitted, _roots(dataset, options), run),
        dataset=dataset,
        options=options,
        skipped=skipped,
        cross_validated=fitted.cross_validated,
        held_out=fitted.held_out,
        kept_back=tuple(pictures.names[i] for i in np.flatnonzero(pictures.held_out)),
        untested=pictures.untested,
        notes=notes,
        validated=fitted.validated,
        learning=learning,
        shortcuts=shortcuts,
        repeated=fitted.repeated,
        after_saving=fitted.after_saving,
    )


class Recipe(Protocol):
    """How pictures become embeddings, and embeddings a head. Fitting may change the network, and
    the embeddings with it."""

    def embedder(self) -> Embedder: ...

    def fit(self, pictures: Pictures, watch: Watch) -> tuple[Network, Pictures, Fitted]: ...


class _Plain:
    """The network as it is, and a head on it."""

    def __init__(self, options: TrainOptions) -> None:
        self.options = options
        self.network = build_network(options)

    def embedder(self) -> Embedder:
        return Embedder(self.network)

    def fit(self, pictures: Pictures, watch: Watch) -> tuple[Network, Pictures, Fitted]:
        options = self.options
        fitted = fit(
            pictures,
            balanced=options.balanced,
            sgd=options.sgd,
            repeats=options.repeats,
            on_step=watch.step,
        )
        return self.network, pictures, fitted


def _recipe(options: TrainOptions) -> Recipe:
    if options.engine is None:
        return _Plain(options)
    from .tensorflow.recipe import TensorFlowRecipe

    backbone = options.backbone
    assert backbone is None or isinstance(backbone, KerasBackbone)
    return TensorFlowRecipe(
        options.engine, backbone or options.quality, sgd=options.sgd, balanced=options.balanced
    )


def build_network(options: TrainOptions) -> Network:
    """The embedding network of the chosen quality, of one row's network, or the user's own."""
    if isinstance(options.backbone, KerasBackbone):
        from .tensorflow.keras_backbone import read_keras_backbone

        return Network("own", (read_keras_backbone(options.backbone).trunk(),), OWN_VIEWS)
    if isinstance(options.backbone, Backbone):
        name = options.backbone.name
        return network_of(Quality(name, (name,), OWN_VIEWS))
    if options.backbone:
        return Network("own", (options.backbone.trunk(),), OWN_VIEWS)
    return network_of(quality_row(options.quality))


def _classifier(
    network: Network,
    pictures: Pictures,
    fitted: Fitted,
    roots: tuple[str, ...],
    run: Run,
) -> Classifier:
    trained = ~pictures.held_out
    vectors = pictures.vectors[trained]
    novelty = fit_novelty(vectors, fitted.logits, fitted.fold)
    tensors = HeadTensors(fitted.head.weights, fitted.head.bias, novelty)
    manifest = Manifest(
        labels=pictures.labels,
        counts=pictures.counts,
        bias=tuple(float(value) for value in np.float32(fitted.head.bias)),
        quality=network.name,
        backbones=tuple(trunk.name for trunk in network.trunks),
        views=network.views,
        network=network.digest,
        solver=fitted.solver,
        strength=fitted.strength,
        temperature=fitted.temperature,
        admitted=ADMITTED,
        novelty=novelty.thresholds,
        version=__version__,
    )
    scores = np.zeros((len(pictures.names), len(pictures.labels)))
    scores[trained] = softmax(fitted.logits)
    if fitted.held_out:
        scores[~trained] = fitted.held_out.scores
    judged = ~trained
    if fitted.cross_validated:
        judged[trained] = fitted.judged
    if fitted.validated:
        place = {name: row for row, name in enumerate(fitted.validated.names)}
        watched = np.array([i for i in np.flatnonzero(trained) if pictures.names[i] in place], int)
        scores[watched] = fitted.validated.scores[[place[pictures.names[i]] for i in watched]]
        judged[watched] = True
    fold = np.full(len(trained), -1, np.int32)
    fold[trained] = fitted.fold
    record = TrainingRecord(
        vectors=pictures.vectors,
        labels=pictures.truth,
        names=pictures.names,
        digests=pictures.digests,
        held_out=pictures.held_out,
        scores=scores,
        roots=roots,
        judged=judged,
        run=run,
        fold=fold,
        fold_heads={number: head.rounded() for number, head in fitted.fold_heads.items()},
    )
    return Classifier(build_model(network, tensors, manifest), manifest, record)


def _command(source: str | os.PathLike[str], options: TrainOptions) -> str:
    return train_command(
        source,
        quality=options.quality,
        backbone=options.backbone,
        test=options.test,
        balanced=options.balanced,
        sgd=options.sgd,
        follow_links=options.follow_links,
        engine=options.engine,
        repeats=options.repeats,
    )


def _roots(dataset: Dataset, options: TrainOptions) -> tuple[str, ...]:
    """The folders that the pictures' names are below."""
    folders = [*dataset.roots]
    if isinstance(options.test, Path):
        folders.append(options.test.resolve().parent)  # names begin with the folder's own
    return tuple(str(folder) for folder in folders)
