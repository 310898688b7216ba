"""Adding pictures to a model, from its own training record: the old pictures are not needed.

    record, new pictures -> embeddings by the model's own network -> head -> model -> result

The embeddings of old and new pictures are brought together, and from there on all is as in `train`.
So the answers are those of a training on all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ..assess.pictures import gather
from ..assess.sides import choose_sides
from ..backbones.embed import Embeddings, embed_all
from ..backbones.inside import network_inside
from ..backbones.rows import QUALITIES
from ..dataset import split
from ..dataset.groups import NONE, parse
from ..dataset.in_python import Source, read_source
from ..dataset.labels import Labels, check_not_ours
from ..dataset.sources import Dataset, Item, Items
from ..errors import DatasetError, ModelError
from ..head.sgd import SgdSettings
from ..images.properties import PROPERTIES, PROPERTIES_VERSION
from ..model.classifier import Classifier
from ..model.observe import embedder_of
from ..model.record import TrainingRecord
from ..text import first_few, several, shown
from .assembly import places_of_names
from .command import add_command
from .fit import fit
from .options import DEFAULT_TEST, TrainOptions, Watch
from .result import TrainResult
from .train import completed

_SIDES: Mapping[str, str | None] = {"": None, "train": "train", "test": "test"}


def add(
    classifier: Classifier,
    source: Source,
    *,
    follow_links: bool = False,
    cache: str | os.PathLike[str] | None = None,
    watch: Watch | None = None,
) -> TrainResult:
    """A model of the pictures that `classifier` learnt from, and of those in `source` too.

    Labels may be new. Pictures that the model knows already, by their content, are left out. What
    was held out stays held out, but for what `dataset.split.kept_back` says.

    Raises:
        ModelError: the model has no training record, or one that keeps only some of its pictures.
        DatasetError: the source holds no pictures, or none that can be read, or a label that is
            easy to confuse with one of the model's.
    """
    watch = watch or Watch()
    record = classifier.required_record()
    if record.left_out:
        raise ModelError(
            f"Nothing can be added to this model, as its training record keeps only "
            f"{len(record.names):,} of the {several(record.count, 'picture')} that it is made of.",
            hint="Train again, on the old pictures and the new ones. The cache knows the old ones, "
            "so that takes no longer than the new ones do.",
        )
    new = _with_labels_of(classifier, read_source(source, follow_links=follow_links, at_least=1))
    if set(new.items.splits) & {"test", "validation"}:
        new = choose_sides(new)
    found = embed_all(
        new.items.paths,
        embedder_of(classifier, None if cache is None else Path(cache)),
        progress=lambda done: watch.pictures(done, len(new.items)),
    )
    options, notes = _options(classifier, record)
    options = replace(options, follow_links=follow_links, cache=Path(cache) if cache else None)
    joined = _join(classifier, record, options, new, found)
    pictures = gather(joined.dataset, joined.embeddings, options.share, options.groups)
    if not joined.has_properties:
        notes.append(
            "Not looked for: shortcuts, as the record lacks what the old pictures are like."
        )
        pictures = replace(pictures, properties=None)
    watch.doing("Cross-validating")
    manifest = classifier.manifest
    network = network_inside(
        classifier.content, manifest.quality, manifest.backbones, manifest.views
    )
    fitted = fit(pictures, options, on_step=watch.step)
    fitted = replace(fitted, notes=(*joined.notes, *notes, *fitted.notes))
    result = completed(joined.dataset, options, network, pictures, fitted, None, watch)
    return replace(result, classifier=_remembering(result.classifier, record, new, options))


@dataclass(frozen=True)
class _Joined:
    """The old pictures and the new ones, as if one source held them all.

    Attributes:
        dataset: all of them, in order of their names.
        embeddings: of those that can be read.
        has_properties: whether the image properties of all are known.
        notes: sentences on what was left out.
    """

    dataset: Dataset
    embeddings: Embeddings
    has_properties: bool
    notes: tuple[str, ...]


def _join(
    classifier: Classifier,
    record: TrainingRecord,
    options: TrainOptions,
    new: Dataset,
    found: Embeddings,
) -> _Joined:
    labels = [classifier.labels[k] for k in record.labels]
    places = record.locate()
    known = dict(zip(record.digests, labels, strict=True))
    sides = _sides(record, labels, options.share)
    groups = record.group_names or ("",) * len(labels)
    columns = _columns()
    has_properties = (
        record.properties is not None and record.run.settings.get("properties") == columns
    )
    unknown = np.full((len(labels), len(PROPERTIES)), np.nan, np.float32)
    old_properties = record.properties if has_properties else unknown
    assert old_properties is not None
    rows: list[tuple[Item, str, np.ndarray, np.ndarray]] = [
        (
            Item(places.get(i) or _absent(name), name, labels[i], sides[i], groups[i] or None),
            record.digests[i],
            record.vectors[i],
            old_properties[i],
        )
        for i, name in enumerate(record.names)
    ]
    said = None not in sides
    names = _free_names(record.names, new)
    seen: list[str] = []
    torn: list[str] = []
    for row, at in enumerate(found.positions):
        item, digest = new.items[at], found.digests[row]
        if digest in known:
            seen.append(item.name)
            if known[digest] != item.label:
                torn.append(f"{item.name} ({item.label}; in the model {known[digest]})")
            continue
        side = "train" if said and item.split is None else item.split
        item = replace(item, name=names[item.name], split=side)
        rows.append((item, digest, found.vectors[row], found.properties[row]))
    unreadable = {new.items[at].name: (at, why) for at, why in found.unreadable.items()}
    everything = sorted(rows, key=lambda row: row[0].name)
    lost = [replace(new.items[at], name=names[name]) for name, (at, _) in unreadable.items()]
    count = len(everything)
    dataset = Dataset(
        new.source,
        Items(chain((item for item, *_ in everything), lost)),
        new.skipped,
        new.hidden,
        empty=new.empty,
        shut=new.shut,
        parts=new.parts,
        notes=new.notes,
        given=f"{record.run.source or 'the model'} and {new.called}",
        _workspaces=new._workspaces,
    )
    embeddings = Embeddings(
        vectors=np.stack([vector for _, _, vector, _ in everything]),
        properties=np.stack([properties for *_, properties in everything]),
        digests=tuple(digest for _, digest, _, _ in everything),
        positions=np.arange(count, dtype=np.int64),
        unreadable={count + i: why for i, (_, why) in enumerate(unreadable.values())},
        trouble=found.trouble,
    )
    if not (found.digests or seen):
        raise DatasetError(
            f"None of {several(len(new.items), 'picture')} in {new.called} can be read; the first "
            f"is {shown(new.items[0].name)}: {next(iter(found.unreadable.values()))}.",
            hint="Save them as JPEG or PNG.",
        )
    return _Joined(dataset, embeddings, has_properties, tuple(_on_known(new, found, seen, torn)))


def _on_known(new: Dataset, found: Embeddings, seen: list[str], torn: list[str]) -> Iterator[str]:
    added = len(found.digests) - len(seen)
    words = f"Added: {several(added, 'picture')} of {new.called}."
    if seen:
        words += f" {several(len(seen), 'picture')} of it were known already."
    yield words
    if torn:
        yield (
            f"{several(len(torn), 'picture')} known already under another label, which was left as "
            f"it is in the model: {first_few(torn, 3)}."
        )


def _with_labels_of(classifier: Classifier, new: Dataset) -> Dataset:
    """The same pictures, with labels written as the model writes those that it knows."""
    check_not_ours(new.labels)
    known = Labels(classifier.labels).known(new.labels, new.called, "the model's")
    items = Items(replace(i, label=known.get(i.label, i.label)) for i in new.items)
    return replace(new, items=items)


def _sides(record: TrainingRecord, labels: list[str], share: float) -> list[str | None]:
    """What is said of the side of each old picture; of a model of an earlier release, None where
    content alone explains what was held out."""
    if record.splits is not None:
        return [_SIDES[side] for side in record.splits]
    keys = split.tie(record.digests, [None] * len(labels))
    if np.array_equal(split.kept_back(keys, labels, share), record.held_out):
        return [None] * len(labels)
    return ["test" if held else "train" for held in record.held_out.tolist()]


def _absent(name: str) -> Path:
    """A path for a picture that cannot be found; no file has it."""
    return Path(os.devnull, name) if os.path.lexists(name) else Path(name)


def _free_names(taken: tuple[str, ...], new: Dataset) -> dict[str, str]:
    """A name for each new picture that none of the old ones has."""
    used = {*taken}
    names = {}
    for item in new.items:
        name = item.name
        if name in used:
            name = f"{new.source.resolve().name}/{item.name}"
        number = 1
        while name in used:
            number += 1
            name = f"{new.source.resolve().name}-{number}/{item.name}"
        used.add(name)
        names[item.name] = name
    return names


def _columns() -> str:
    return f"{PROPERTIES_VERSION}: {', '.join(PROPERTIES)}"


def _options(classifier: Classifier, record: TrainingRecord) -> tuple[TrainOptions, list[str]]:
    """What was asked of the training, and sentences on what cannot be done as it was then."""
    manifest, run = classifier.manifest, record.run
    settings: Mapping[str, Any] = run.settings
    notes = []
    sgd = None
    if manifest.solver == "sgd":
        sgd = SgdSettings(**(settings.get("sgd") or {}))
        how = "" if settings.get("sgd") else ", with the settings that it has by default"
        notes.append(f"The head was fitted anew in {sgd.steps:,} small steps{how}.")
    elif run.judged_by == "validation":
        notes.append(
            "This model's network was fine-tuned on the old pictures and stays as it is, so "
            "cross-validation flatters; go by the pictures held out, or by a test of its own."
        )
    if not settings:
        notes.append(
            "This model is of an earlier release, which did not note groups of pictures and "
            "options of the training: those by default were taken."
        )
    held = bool(record.held_out.any())
    options = TrainOptions(
        quality=manifest.quality if manifest.quality in QUALITIES else "good",
        test=float(settings.get("test", DEFAULT_TEST if held else 0.0)),
        balanced=run.balanced and not sgd,
        head=None if sgd else settings.get("head"),
        sgd=sgd,
        groups=parse(settings.get("groups", NONE)),  # earlier releases kept nothing together
        repeats=int(settings.get("repeats", 1)),
    )
    return options, notes


def _remembering(
    classifier: Classifier, old: TrainingRecord, new: Dataset, options: TrainOptions
) -> Classifier:
    """The new model, whose record says where the pictures of both are from."""
    record = classifier.required_record()
    folders = places_of_names(new)
    parents = [str(root.parent) for root in new.roots]  # names may begin with the folder's own
    run = replace(
        record.run,
        source=old.run.source,
        place=old.run.place,
        in_python=bool(new.given),
        command="" if new.given else add_command(new.written, options),
    )
    roots = tuple(dict.fromkeys((*old.roots, *folders, *parents)))
    return replace(classifier, _record=replace(record, roots=roots, run=run))
