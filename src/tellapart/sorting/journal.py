"""What a sort writes down: its request, and with each picture what the classifier said of it.

How that is written, resumed and taken back is the work of `files/journal/`, which knows nothing
of labels and scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from ..errors import DestinationError, option
from ..files.journal.entries import Index
from ..files.journal.journal import Journal
from ..files.journal.record import Entry, How
from ..files.journal.state import opened as opened_
from ..files.purpose import Purpose
from ..text import shown


@dataclass(frozen=True)
class Request:
    """What a sort was asked to do; to go on with it is to ask the same again."""

    inbox: str  # an absolute path
    only: str  # the name of the one picture to be sorted, or empty: all in the inbox
    options: Mapping[str, object]
    labels: tuple[str, ...]
    model: str  # sha256 of the model


@dataclass(frozen=True)
class Answer:
    """What a classifier said of one picture."""

    label: str
    score: float
    scores: Mapping[str, float]
    unknown: bool


def _upgraded(header: dict[str, Any]) -> dict[str, Any]:
    """The first line of a journal with what the first sorts did not write."""
    asked = header["request"]
    options = {"keep_names": False, **asked["options"]}
    request = Request(**{**asked, "labels": tuple(asked["labels"]), "options": options})
    found = {"root": request.inbox, "how": options["how"], **header}
    return {**found, "request": asdict(request)}


SORTING = Purpose(
    hidden=".tellapart-sort",
    done="sorted",
    joint="into",
    if_damaged="Nothing was changed. Move that file away to sort anew.",
    if_stopped="No picture was lost. Do the same again to go on, or take back what was done with "
    f"{option('undo')}.",
    if_refused="Nothing was done. Choose another folder to sort into.",
    if_nothing="Give the folder that the pictures were sorted into.",
    if_kept=f"It was left where it is. Without {option('how=move')}, pictures are copied.",
    if_no_links=f"Without {option('how=link')}, pictures are copied.",
    upgraded=_upgraded,
)
STATE = SORTING.hidden  # the hidden folder in a destination


def opened(
    destination: Path, request: Request, *, newer: bool = False
) -> AbstractContextManager[Journal]:
    """The journal to write to, of a sort that begins or that goes on; `newer`: with a model that
    may have taken the place of the one before, as `check_same` says.

    Raises:
        DestinationError: the folder cannot be written to, is being sorted into, or holds the
            pictures of a sort that was asked for something else.
    """
    return opened_(
        destination,
        SORTING,
        request=asdict(request),
        root=request.inbox,
        how=cast(How, request.options["how"]),
        check=lambda journal: check_same(journal, request, newer=newer),
    )


def request_of(journal: Journal) -> Request:
    return Request(**journal.request)


def answer_in(said: Mapping[str, Any]) -> Answer:
    """What the classifier said of a picture, by its line in the journal."""
    unknown = said.get("unknown", False)  # not written by the first sorts
    return Answer(said["label"], said["score"], said["scores"], unknown)


def settled_index(journal: Journal) -> Index:
    """For what need not be sorted again, by source."""
    return Index(journal.entry_at, lambda entry: entry.source)


def is_settled(journal: Journal, entry: Entry) -> bool:
    """Whether what is in the destination need not be sorted again. Where a picture was moved away,
    another of its name is a new one."""
    return entry.how != "move" or not journal.entries.is_done(entry)


def unknown_labels(journal: Journal, request: Request) -> list[str]:
    """The labels that pictures were sorted by, and that the model now asked does not know."""
    return sorted(set(request_of(journal).labels) - set(request.labels))


def check_same(journal: Journal, request: Request, *, newer: bool = False) -> None:
    """Refuse to go on with a sort that was asked for something else. Where the model may be a
    `newer` one, it has to know all labels that pictures were sorted by."""
    before = request_of(journal)
    if newer and not unknown_labels(journal, request):
        before = replace(before, model=request.model, labels=request.labels)
    if (before.inbox, before.only) != (request.inbox, request.only):
        what = f"pictures of {shown(before.inbox)}"
    elif (before.model, before.labels) != (request.model, request.labels):
        what = "pictures sorted by another model"
    elif dict(before.options) != dict(request.options):
        changed = [n for n, value in before.options.items() if request.options.get(n) != value]
        was = ", ".join(_asked(name, before.options[name], request.options) for name in changed)
        what = f"pictures sorted with other options ({was})"
    else:
        return
    raise DestinationError(
        f"{shown(journal.folder)} already holds {what}.",
        hint=f"Choose another folder, or take that sort back first with {option('undo')}.",
    )


def _asked(name: str, value: object, now: Mapping[str, object]) -> str:
    """An option of the sort before, as it was given or left out then."""
    if name == "how" and value == "copy":
        return f"without {option(f'how={now[name]}')}"
    if value is False:
        return f"without {option(f'{name}=True')}"
    if name == "unsure_below" and not value:
        return f"without {option(name)}"
    given = f"{value:g}" if isinstance(value, float) else str(value)
    return f"with {option(f'{name}={given}')}"
