"""A check in one straight line: read, embed, cross-validate, and ask each finder what it finds.

source -> dataset -> embeddings -> Looked -> findings -> Health
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ...backbones.embed import Embedder, embed_all
from ...backbones.graph import network_of
from ...backbones.rows import quality as quality_row
from ...dataset.groups import Groups, parse
from ...dataset.in_python import Source, read_source
from ...dataset.sources import Dataset
from ...errors import UsageError, option
from ...files.addresses import place_of
from ...head.blocks import are_large
from ...head.cross_validation import cross_validate
from ...text import shown
from ...workers.local import one_thread_each
from ...workers.places import check_place_word, working_on
from ..pictures import FOLDS, Pictures, gather
from ..sides import choose_sides
from .bursts import bursts
from .copies import copies
from .harm import harmful
from .health import Finding, Health
from .labels import wrong_labels
from .listed import imbalance, shortcuts, unreadable
from .listing import Finder, left_out, listed
from .looked import Looked
from .looks import looks
from .structure import confusable, strangers, two_in_one

_MANY = 15_000_000  # values of embeddings, from which there are fewer folds
_FEWER = 3
_MOST_SCORES = 20_000_000  # of pictures and labels, that are kept; more are said again when needed

FINDERS: tuple[Finder, ...] = (
    unreadable,
    wrong_labels,
    bursts,
    imbalance,
    shortcuts,
    copies,
    looks,
    strangers,
    confusable,
    two_in_one,
    harmful,
)
"""Each looks for findings of its own kinds."""


def check(
    source: Source,
    *,
    quality: str = "good",
    test: str | os.PathLike[str] | None = None,
    groups: str = "auto",
    every: bool = False,
    follow_links: bool = False,
    cache: str | os.PathLike[str] | None = None,
    on: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Health:
    """Say what is wrong with labelled pictures, what it costs, and how to mend it.

    >>> health = tellapart.check("photos/")
    >>> health.accuracy.n
    60
    >>> mends = [finding.mend for finding in health.findings]

    `source` is given as `train` takes it. `test` is a labelled folder to test on; what the source
    marks as test counts as such. `groups` says which pictures are kept together when they are
    judged, as for `train`. With `every`, each picture is ranked by how likely its label is
    wrong. `on` says where the pictures are embedded, as for `train`.

    Raises:
        DatasetError: fewer than two labels have pictures that can be read.
        UsageError: there is no such quality, pictures cannot be grouped so, or `test` is no folder.
    """
    check_place_word(on)
    asked = parse(groups)
    if not (test is None or isinstance(test, str | os.PathLike)):
        raise UsageError(
            f"check looks through all pictures and holds none out, so {option('test')} is a folder "
            f"of pictures to test on, not {shown(str(test))}.",
            hint="Leave it out, or give a folder.",
        )
    aside = None if test is None else place_of(test)
    read = read_source(source, follow_links=follow_links)
    dataset = choose_sides(read, aside, follow_links=follow_links)
    with working_on(on):
        looked = looked_at(
            dataset, quality, groups=asked, every=every, cache=cache, progress=progress
        )
    return examine(looked).asked(quality, str(asked))


def looked_at(
    dataset: Dataset,
    quality: str = "good",
    *,
    groups: Groups = Groups(),  # noqa: B008
    every: bool = False,
    cache: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Looked:
    """Embed the pictures, and cross-validate those to learn from."""
    embedder = Embedder(network_of(quality_row(quality)), None if cache is None else Path(cache))
    embeddings = embed_all(
        dataset.items.paths,
        embedder,
        progress=(lambda done: progress(done, len(dataset.items))) if progress else None,
    )
    pictures = gather(dataset, embeddings, 0.0, groups)
    del embeddings  # of many pictures they are large
    return look(dataset, pictures, every=every, embedder=embedder, asked=groups)


@one_thread_each()
def look(
    dataset: Dataset,
    pictures: Pictures,
    *,
    every: bool = False,
    embedder: Embedder | None = None,
    asked: Groups = Groups(),  # noqa: B008
) -> Looked:
    """Cross-validate the pictures to learn from; of very many in fewer folds, which say the same of
    so many and need half the memory."""
    begun = time.monotonic()
    rows = pictures.learnt
    many = rows.size * pictures.vectors.shape[1] > _MANY
    fold = pictures.folds(rows, count=_FEWER if many else FOLDS)
    vectors, count = pictures.vectors_of(rows), len(pictures.labels)
    not_kept = are_large(vectors) or rows.size * count > _MOST_SCORES
    found = cross_validate(
        vectors,
        pictures.truth[rows],
        count,
        fold,
        groups=pictures.groups(rows),
        into=np.zeros((0, count), np.float32) if not_kept else None,
    )
    seconds = time.monotonic() - begun
    return Looked(dataset, pictures, fold, found, every, embedder, asked, seconds)


def rest_of(health: Health) -> Iterator[Finding]:
    """The findings that are not listed, one after the other; they are looked for again."""
    assert health.looked
    with one_thread_each():
        for one in left_out(health.looked, FINDERS, health.findings, health.more):
            yield health.asking(one)


@one_thread_each()
def examine(looked: Looked) -> Health:
    """All findings, the dearest first; of very many, the dearest of each kind."""
    found, more = listed(looked, FINDERS)
    return Health(
        dataset=looked.dataset,
        pictures=looked.pictures,
        accuracy=looked.accuracy,
        bursts=looked.bursts,
        findings=found,
        more=more,
        skipped=(*looked.dataset.skipped, *looked.pictures.unreadable),
        notes=(
            *looked.dataset.notes,
            *looked.dataset.words_on_empty,
            *filter(None, [looked.pictures.grouping.words]),
            *looked.in_part,
        ),
        label_errors=looked.label_errors,
        looked=looked,
    )
