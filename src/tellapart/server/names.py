"""What a command line names -> the places of models, each under a name that stands in addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..model.folder import MODEL_FILE
from ..text import shown

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")  # stands in an address as it is


def places_of(given: Sequence[str]) -> dict[str, Path]:
    """The models that a command line names, each `NAME=MODEL` or a model alone, which has the name
    of its folder, or of its file where that is not called model.onnx.

    Raises:
        UsageError: a name that cannot stand in an address, or two alike; or one side is missing.
    """
    places: dict[str, Path] = {}
    for one in given:
        name, place = _named(one)
        if not _NAME.fullmatch(name) or name in (".", ".."):
            raise UsageError(
                f"{shown(name) or shown(place)} cannot be a model's name in an address: it may "
                "have letters from a to z, digits, and . _ - only.",
                hint=f"Give it another, such as {_like(name)}={shown(place)}.",
            )
        if name in places:
            raise UsageError(
                f"Two models are called {name}: {shown(places[name])} and {shown(place)}.",
                hint="Give each its own name: NAME=MODEL.",
            )
        places[name] = place
    return places


def _named(given: str) -> tuple[str, Path]:
    name, equals, place = given.partition("=")
    if "://" in given:
        raise UsageError(
            f"{shown(given)} is an address; a model is a folder on this computer.",
            hint="Give a model's folder, as tellapart train writes it.",
        )
    if equals and os.sep not in name and not os.path.exists(given):
        if not name or not place:
            where, there = ("after", name) if name else ("before", place)
            raise UsageError(
                f"{shown(given)} has nothing {where} its =.",
                hint=f"Give name and folder, such as {_like(Path(there).name)}={shown(there)}.",
            )
        return name, Path(place)
    path = Path(os.path.abspath(given))  # a link has a name of its own
    is_other_file = path.suffix == ".onnx" and path.name != MODEL_FILE
    if is_other_file:
        return path.stem, Path(given)
    return (path.parent if path.name == MODEL_FILE else path).name, Path(given)


def _like(name: str) -> str:
    """A name that can stand in an address, after one that perhaps cannot."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:100] or "model"


class UnknownModelError(UsageError):
    """There is no model of the name that a request gives."""
