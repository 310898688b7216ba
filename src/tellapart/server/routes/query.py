"""What the query of a request asks for: `?top=3&evidence=true&admit=95%`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from ...errors import UsageError, option
from ...text import as_fraction, first_few, shown


@dataclass(frozen=True)
class Parameter:
    """One of a query: what its text is parsed by, and how it is described."""

    name: str
    parse: Callable[[str], Any]
    schema: Mapping[str, object]
    description: str


@dataclass(frozen=True)
class GuessQuery:
    """What a query asks for.

    Attributes:
        top: how many of the likeliest labels have their scores told; all of them where it is None.
        evidence: whether the maps of evidence are told.
        admit: the fraction of pictures of its own labels that a model takes for these; its own
            where it is None.
    """

    top: int | None = None
    evidence: bool = False
    admit: float | None = None

    @classmethod
    def of(cls, query: QueryParams) -> GuessQuery:
        """Those of a query.

        Raises:
            UsageError: one of them cannot be, is there twice, or is not known.
        """
        names = [name for name, _ in query.multi_items()]
        known = [one.name for one in PARAMETERS]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise UsageError(
                f"There is no parameter {first_few(unknown, 1)}.",
                hint=f"There are {', '.join(known)}.",
            )
        for name in known:
            if names.count(name) > 1:
                raise UsageError(f"{option(name)} is there twice.", hint="Leave one of them out.")
        given = [one for one in PARAMETERS if one.name in names]
        return cls(**{one.name: one.parse(query[one.name]) for one in given})


def _top(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text)):
        raise UsageError(
            f"{option('top')} {shown(text[:20])} is not a whole number from 1 on.",
            hint=f"Ask for {option('top=3')}, say.",
        )
    return int(text)


def _evidence(text: str) -> bool:
    if text not in ("true", "false"):
        raise UsageError(
            f"{option('evidence')} {shown(text[:20])} is neither true nor false.",
            hint=f"Ask for {option('evidence=true')}, or leave it out.",
        )
    return text == "true"


def _admit(text: str) -> float:
    number = as_fraction(text)
    if not 0 <= number <= 1:
        raise UsageError(
            f"{option('admit')} {shown(text[:20])} is not a fraction.",
            hint=f"Ask for {option('admit=95%')} or {option('admit=0.95')}, say; "
            f"{option('admit=1')} calls no picture unknown.",
        )
    return number


PARAMETERS: Sequence[Parameter] = (
    Parameter(
        "top",
        _top,
        {"type": "integer", "minimum": 1},
        "How many of the likeliest scores to give.",
    ),
    Parameter(
        "evidence",
        _evidence,
        {"type": "boolean", "default": False},
        "Whether to give a map for each label: where in the picture it was seen.",
    ),
    Parameter(
        "admit",
        _admit,
        {"type": "string", "examples": ["95%", "0.95", "100%"]},
        "The fraction of pictures of the model's own labels that counts as known, such as 95% or "
        "0.95; with 100% no picture is unknown.",
    ),
)
