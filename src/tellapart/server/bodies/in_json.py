"""JSON that holds pictures as base64 -> their bytes.

{"picture": "/9j/4AAQ..."}                                     one, and one answer
{"pictures": ["/9j/4AAQ...", {"name": "a.jpg", "picture": "..."}]}    a list of answers
"""

from __future__ import annotations

import json
from typing import Any

from ..problems import HttpError, too_many
from .encoded import from_base64

_TOKENS = 16  # brackets, commas and colons that a picture may take: a few are enough
_FORM = 'Send {"picture": BASE64} or {"pictures": [BASE64, {"name": NAME, "picture": BASE64}]}.'


def spelt(content: bytes, most: int) -> tuple[list[tuple[str, bytes]], bool]:
    """Name and bytes of each picture, and whether they are a list.

    What is deep or has many values is refused before any is made: a body of brackets takes twenty
    times its size in memory.

    Raises:
        HttpError: 400 where it is not such JSON, 413 where it holds more than `most`.
    """
    if sum(map(content.count, (b"[", b"{", b",", b":"))) > _TOKENS * (most + 1):
        raise _wrong("The JSON has more values than pictures need.")
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise _wrong("The body is not JSON, which its Content-Type says it is.") from error
    if not isinstance(value, dict) or len(value) != 1:
        raise _wrong("The JSON is not an object with one key.")
    if "picture" in value:
        return [("", _bytes(value["picture"], "picture"))], False
    several = value.get("pictures")
    if not isinstance(several, list) or not several:
        raise _wrong("The JSON has no pictures in it.")
    if len(several) > most:
        raise too_many(most)
    return [_named(one, f"pictures[{at}]") for at, one in enumerate(several)], True


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these keys, none of which may be there twice: readers differ in which counts.

    Raises:
        ValueError: one is.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _named(value: object, place: str) -> tuple[str, bytes]:
    if not isinstance(value, dict):
        return "", _bytes(value, place)
    name = value.get("name", "")
    if not isinstance(name, str) or not {"picture"} <= value.keys() <= {"name", "picture"}:
        raise _wrong(f"{place} has other keys than a name and a picture.")
    return name, _bytes(value["picture"], f"{place}.picture")


def _bytes(value: object, place: str) -> bytes:
    try:
        return from_base64(value)
    except ValueError:
        raise _wrong(f"{place} is not a picture in base64.") from None


def _wrong(message: str) -> HttpError:
    return HttpError(400, message, hint=_FORM)
