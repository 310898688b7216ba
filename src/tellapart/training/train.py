"""Training, in one straight line: the only place that joins the parts.

    source -> dataset -> quality -> embeddings -> pictures -> head -> findings -> model -> result

Each step is one call, and takes only what steps before it gave.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..assess.pictures import Pictures, gather
from ..assess.sides import choose_sides
from ..backbones.embed import embed_all
from ..backbones.foreign import ForeignBackbone
from ..backbones.graph import Network
from ..backbones.rows import Backbone
from ..dataset.groups import parse
from ..dataset.in_python import Source, read_source
from ..dataset.sources import Dataset
from ..errors import UsageError, option
from ..evaluation.judged import Evaluation
from ..files.addresses import place_of
from ..head.sgd import SgdSettings
from ..model.judged import evaluations_of
from ..workers.pausing import pausing
from ..workers.places import SETTING, THREADS, check_place_word, working_on
from .assembly import assemble
from .engines import engine_of
from .findings import find_out
from .fit import Fitted
from .options import TrainOptions, Watch
from .quality_choice import QualityChoice
from .quality_trials import choose_quality
from .result import TrainResult
from .tensorflow_settings import KerasBackbone, TensorFlow


def train(
    source: Source,
    *,
    quality: str = "good",
    time_limit: float | None = None,
    backbone: Backbone | ForeignBackbone | KerasBackbone | None = None,
    test: float | str | os.PathLike[str] | None = None,
    balanced: bool = False,
    head: str | None = None,
    sgd: SgdSettings | None = None,
    follow_links: bool = False,
    engine: TensorFlow | None = None,
    groups: str = "auto",
    repeats: int = 1,
    cache: str | os.PathLike[str] | None = None,
    on: str | None = None,
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

    The options are those of `TrainOptions`; `watch` is told how far it is. With `quality="auto"`
    the qualities are compared first, and `result.choice.words` says what each brings and costs.
    `groups` says which pictures are kept together, in split and folds: "none", "folder",
    "time:60s", "name:REGEX", "alike:0.9", or "auto", which takes what is known. `on` says where the
    pictures are embedded, and very many embeddings summed up: "threads", "processes",
    "processes:4", "ray" or "ray://head:10001".

    Raises:
        DatasetError: fewer than two labels have pictures that can be read.
        UsageError: an option that does not fit.
        MissingExtraError: `engine` is given and TensorFlow is not installed, or Ray is not.
        WorkersError: there is no such cluster, or its workers see other files.
    """
    check_place_word(on)
    if on not in (None, THREADS) and engine:
        raise UsageError(
            f"TensorFlow works on this machine alone: {option('engine')} does not go with "
            f"{option(SETTING)}.",
            hint="Leave out one of them.",
        )
    options = TrainOptions(
        quality=quality,
        time_limit=time_limit,
        backbone=backbone,
        test=place_of(test) if isinstance(test, str | os.PathLike) else test,
        balanced=balanced,
        head=head,
        sgd=sgd,
        follow_links=follow_links,
        engine=engine,
        groups=parse(groups),
        repeats=repeats,
        cache=None if cache is None else Path(cache),
    )
    watch = watch or Watch()
    with pausing(watch.pause):
        dataset = choose_sides(
            read_source(source, follow_links=follow_links), options.test, follow_links=follow_links
        )
        with working_on(on, watch.say):
            options, choice = choose_quality(dataset, options, watch)
            trainer = engine_of(options)
            embeddings = embed_all(
                dataset.items.paths,
                trainer.embedder(),
                progress=lambda done: watch.pictures(done, len(dataset.items)),
            )
            pictures = gather(dataset, embeddings, options.share, options.groups)
            watch.doing(trainer.doing)
            network, pictures, fitted = trainer.fit(pictures, watch)
        return completed(dataset, options, network, pictures, fitted, choice, watch)


def completed(
    dataset: Dataset,
    options: TrainOptions,
    network: Network,
    pictures: Pictures,
    fitted: Fitted,
    choice: QualityChoice | None,
    watch: Watch,
) -> TrainResult:
    """What follows once the head is fitted: what there is to know of the pictures, the model, and
    the result. `choice` is why this quality, if it was left to us."""
    findings = find_out(dataset, pictures, fitted, choice, watch)
    watch.doing("Putting the model together")
    classifier = assemble(network, pictures, fitted, findings, dataset, options)
    record = classifier.required_record()
    judged: Mapping[str, Evaluation | None] = (
        evaluations_of(classifier)  # which holds far less than all answers
        if record.left_out
        else {
            "cross-validated": fitted.cross_validated,
            "validation": fitted.validated,
            "held out": fitted.held_out,
        }
    )
    return TrainResult(
        classifier=classifier,
        dataset=dataset,
        options=options,
        skipped=findings.skipped,
        cross_validated=judged.get("cross-validated"),
        held_out=judged.get("held out"),
        kept_back=tuple(pictures.names[i] for i in pictures.tested),
        untested=pictures.untested,
        notes=record.run.notes,
        validated=judged.get("validation"),
        learning=findings.learning,
        bursts=findings.bursts,
        shortcuts=findings.shortcuts,
        repeated=fitted.repeated,
        choice=choice,
        unknowns=findings.unknowns,
        after_saving=fitted.after_saving,
    )
