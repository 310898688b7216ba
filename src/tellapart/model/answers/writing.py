"""Any number of pictures -> answers in shards, in a folder or at an address.

part-00000.parquet, part-00001.parquet, ...
_SUCCESS                 once all are there: how many pictures, and what was passed over, as JSON
_request.json            what was asked, so that nobody goes on with something else
_parts/part-00000.json   of which pictures a shard is made
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from ...backbones.parts import cannot_share
from ...cache.folder import cache_folder
from ...cache.shared import sharing_trouble
from ...errors import DestinationError, UsageError, option
from ...files.atomic import CLUTTER
from ...files.destinations import SETTING, Destination, destination_at
from ...files.leftovers import TEMPORARY
from ...files.skipped import SkippedFile
from ...images.decode import DECODER_VERSION, Picture, each_of
from ...text import shown
from ...workers.local import Map, Unit
from ...workers.parts import Counts, Part, parts_of
from ...workers.places import current_place
from ..classifier import Classifier
from .forms import FORMS
from .parts import RECORDS, SUCCESS, AnswerParts, Named, name_of, named
from .rows import Table

PER_PART = 1024  # pictures of a shard: small enough for the work of a minute, few enough files
REQUEST = "_request.json"
_NAMED = 100  # of what was passed over: there may be many
_VERSION = 1  # of what is written beside the shards


@dataclass(frozen=True)
class AnswerOptions:
    """How answers are written.

    Attributes:
        form: "csv", "json" (a line a picture) or "parquet".
        embedding: whether each picture's embedding is written too: not in CSV.
        top: write only the scores of so many labels, the likeliest: in JSON alone.
        per_part: pictures of a shard.
    """

    form: str = "csv"
    embedding: bool = False
    top: int | None = None
    per_part: int = PER_PART

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise UsageError(
                f"There is no form {self.form!r}.", hint=f"Choose one of: {', '.join(FORMS)}."
            )
        if self.embedding and not FORMS[self.form].embeddings:
            raise UsageError(
                f"{self.form.upper()} has no place for embeddings.",
                hint=f"Choose another form: {option('form=parquet')} or {option('form=json')}.",
            )
        if self.top is not None and not FORMS[self.form].top:
            raise UsageError(
                f"{option('top')} does not go with {option(f'form={self.form}')}, which has a "
                "column for every label.",
                hint=f"Leave out one of them, or choose {option('form=json')}.",
            )
        if self.per_part < 1:
            raise UsageError(f"{option('per_part')} must be 1 or more, not {self.per_part}.")


@dataclass(frozen=True)
class AnswersWritten:
    """What was written.

    Attributes:
        destination: the folder or the address, as it was given.
        parts: how many shards there are.
        read: pictures that were answered.
        unreadable: pictures that could not be read; each has its reason in its row.
        already_done: how many of all these an earlier run had done.
    """

    destination: str
    parts: int
    read: int
    unreadable: int
    already_done: int

    @property
    def total(self) -> int:
        return self.read + self.unreadable


def in_turn(
    unit: Unit[Part[Named], Counts], batches: Iterable[Sequence[Part[Named]]]
) -> Generator[Counts, None, None]:
    """A map for units that use all threads of this process by themselves: one part after another,
    so that few pictures and the last ones have all of them too."""
    unit.start()
    try:
        for batch in batches:
            yield from unit.process(batch)
    finally:
        unit.finish()


def write_answers(
    classifier: Classifier,
    pictures: Iterable[Picture],
    to: str | os.PathLike[str],
    options: AnswerOptions | None = None,
    *,
    map: Map[Part[Named], Counts] | None = None,  # noqa: A002
    progress: Callable[[int], None] | None = None,
    passed_over: Sequence[SkippedFile] = (),
) -> AnswersWritten:
    """Write the answers about pictures in shards; what an earlier run has done stays as it is. A
    `map` that is not given is where the work of this thread runs. `progress` gets the count so far.
    `passed_over` is what whoever gives the pictures has left out by the time they are all given:
    the mark of success names it.

    Raises:
        UsageError: there are no pictures, or one that cannot be read again.
        DestinationError: it cannot be written, or holds something else, such as the answers of
            another model.
        MissingExtraError: what writes such a form, or to such an address, is not installed.
        WorkersError: workers elsewhere could not share what they make: the cache is at an address
            that does not answer.
        ServerError: the server of several pictures in a row cannot be reached.
    """
    asked = options or AnswerOptions()
    destination = destination_at(to)
    FORMS[asked.form].encode((), Table(classifier.labels, classifier.digest))
    rest = each_of(pictures)
    first = next(rest, None)
    if first is None:
        raise UsageError("There are no pictures to answer.", hint="Give one or more.")
    where = current_place()
    if where.is_far and (trouble := sharing_trouble()):
        raise cannot_share(cache_folder(), trouble)
    _begin(destination, _request(classifier, asked))
    unit = AnswerParts(
        classifier,
        destination,
        asked.form,
        top=asked.top,
        embedding=asked.embedding,
        was_whole=destination.size(SUCCESS) is not None,
    )
    parts = read = unreadable = known = 0
    every = (named(picture, number) for number, picture in enumerate(chain([first], rest)))
    batches = ([part] for part in parts_of(every, asked.per_part))
    spread = map or (where.map if where.is_far else in_turn)
    told = progress or (lambda done: None)
    if spread is in_turn:  # the unit is here, and a part of it says how far it is
        within = count(1)
        unit.telling(lambda: told(read + unreadable + next(within)))
    with closing(spread(unit, batches)) as results:
        for counts in results:
            parts += 1
            read += counts.read
            unreadable += counts.unreadable
            known += counts.known
            within = count(1)
            told(read + unreadable)
    said: dict[str, Any] = {"pictures": read + unreadable, "read": read, "unreadable": unreadable}
    said["parts"] = parts
    if passed_over:
        some = [{"name": one.name, "reason": one.reason} for one in passed_over[:_NAMED]]
        said["passed_over"] = {"count": len(passed_over), "first": some}
    _end(destination, FORMS[asked.form].suffix, parts, said)
    return AnswersWritten(destination.name, parts, read, unreadable, known)


def _request(classifier: Classifier, options: AnswerOptions) -> dict[str, Any]:
    above = classifier.unknown_above
    return {
        "version": _VERSION,
        "model": classifier.digest,
        "labels": list(classifier.labels),
        "unknown_above": above if above < float("inf") else None,
        "form": options.form,
        "embedding": options.embedding,
        "top": options.top,
        "pictures_per_part": options.per_part,
        "decoder": DECODER_VERSION,
    }


_OTHERWISE: Mapping[str, str] = {
    "version": "by another release of tellapart",
    "decoder": "by another release of tellapart",
    "model": "with another model",
    "labels": "with another model",
    "unknown_above": "with another threshold for unknown pictures",
    "form": "as {before}, and now {now} is asked for",
    "embedding": "with other columns: only one of the two has embeddings",
    "top": "with another number of labels",
    "pictures_per_part": "with {before} pictures a part, and now it is {now}",
}


def _begin(destination: Destination, request: Mapping[str, Any]) -> None:
    """Write down what is asked, or see that it is what was asked before."""
    content = destination.read(REQUEST)
    if content is None:
        if there := [name for name in destination.names() if not _is_nothing(name)]:
            raise DestinationError(
                f"{shown(destination.name)} holds something else, such as {shown(there[0])}.",
                hint=f"Choose an empty place, or one that is not there"
                f"{option(SETTING, lead=' with ')}.",
            )
        destination.write(REQUEST, json.dumps(request, indent=2).encode("ascii"))
        return
    try:
        before = dict(json.loads(content))
    except (ValueError, TypeError):
        before = {}
    for key, words in _OTHERWISE.items():
        if before.get(key) != request[key]:
            said = words.format(before=before.get(key), now=request[key])
            raise DestinationError(
                f"The answers in {shown(destination.name)} were begun {said}.",
                hint=f"Ask for the same to go on, or choose another "
                f"place{option(SETTING, lead=' with ')}.",
            )


def _is_nothing(name: str) -> bool:
    """Whether a name is of what a kill may have left here, or of what a file manager leaves."""
    return name in CLUTTER or name == RECORDS or name.startswith(TEMPORARY)


def _end(destination: Destination, suffix: str, parts: int, said: Mapping[str, Any]) -> None:
    """Say that all is there; where there is more than that, it is of other pictures."""
    shards = {name for name in destination.names() if name.endswith(suffix)}
    made = {f"{name_of(number)}{suffix}" for number in range(parts)}
    if gone := sorted(made - shards):
        raise DestinationError(
            f"{shown(gone[0])} is not in {shown(destination.name)}: it was taken away, or whoever "
            "wrote it wrote to another disk.",
            hint="Let nobody change that place meanwhile; where others work, choose one that all "
            "of them share.",
        )
    if more := sorted(shards - made):
        raise DestinationError(
            f"{shown(destination.name)} holds answers about more pictures than are given now: "
            f"there is {shown(more[0])} too.",
            hint=f"Give the same pictures as before, or choose another "
            f"place{option(SETTING, lead=' with ')}.",
        )
    destination.write(SUCCESS, json.dumps(said).encode("ascii"))
