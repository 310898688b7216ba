"""Places that are on this machine, and no addresses: of models, and of all that is written but the
answers of `guess --to` and the cache."""

from __future__ import annotations

import os
import re

from ..errors import UsageError, option
from ..text import shown
from .addresses import is_address

# A `Path` has one slash of two left. A drive of Windows has one letter.
_AS_PATH = re.compile(r"([a-z][a-z0-9+.-]+:)[\\/]+(?=[^\\/]|$)", re.IGNORECASE)
_SLIP = re.compile(  # in what people know; a folder may have the name of a scheme
    r"(s3|gs|gcs|hf|az|abfss?|https?)(?::/|//|:(?=[^\\/]))(?=[^\\/])", re.IGNORECASE
)
_TAKEN = (
    "Addresses are taken for pictures by train, add, test, check, compare, gaps and guess, for the "
    f"answers that guess writes{option('to', lead=' with ')}, and for the cache as TELLAPART_CACHE."
)


def address_in(place: str | os.PathLike[str]) -> str:
    """The address that was given where a path belongs, or empty."""
    text = os.fspath(place)
    if isinstance(place, str) and is_address(text):
        return text
    found = _AS_PATH.match(text)
    if not found or os.path.isdir(found[1]):
        return ""
    return f"{found[1]}//{text[found.end() :]}"


def address_meant(path: str | os.PathLike[str]) -> str:
    """The address that a path is a slip of, such as `s3:/photos/` or `s3//photos/`; empty where
    there is such a file, or it is no slip."""
    text = os.fspath(path)
    if is_address(text):
        return ""
    found = _SLIP.match(text)
    if not found or os.path.lexists(text):
        return ""
    return f"{found[1].lower()}://{text[found.end() :]}"


def check_written_here(place: str | os.PathLike[str], name: str = "") -> None:
    """Refuse an address where something is to be written; `name` is the option's or argument's.

    Raises:
        UsageError: it is one.
    """
    _check(place, "this can be written to a folder of this machine only", name=name)


def check_read_here(place: str | os.PathLike[str], name: str = "") -> None:
    """Refuse an address where something of this machine's is read.

    Raises:
        UsageError: it is one.
    """
    _check(place, "this is read from the disks of this machine only", name=name)


def check_pictures_here(place: str | os.PathLike[str]) -> None:
    """Refuse an address where pictures are moved, linked or decided about.

    Raises:
        UsageError: it is one.
    """
    _check(
        place,
        "this needs files on a disk",
        hint=f"Download the pictures into a folder, and give that. {_TAKEN}",
    )


def check_model_here(place: str | os.PathLike[str]) -> None:
    """Refuse an address for a model.

    Raises:
        UsageError: it is one.
    """
    _check(
        place,
        "models are read from the disks of this machine only",
        hint="Download the model's folder, and give that.",
    )


def _check(place: str | os.PathLike[str], only: str, *, name: str = "", hint: str = _TAKEN) -> None:
    if address := address_in(place):
        called = f"{name} {shown(address)}".lstrip()
        raise UsageError(f"{called} is an address, and {only}.", hint=hint)
