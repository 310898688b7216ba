"""Pictures as text -> their bytes."""

from __future__ import annotations

import base64

_LONGEST_LEAD = 100  # letters
_NO_LINES = {10: None, 13: None}


def from_base64(value: object) -> bytes:
    """The bytes that a text holds as base64, which may be broken into lines, and stand after
    `data:image/jpeg;base64,` as a browser writes it.

    Raises:
        ValueError: it is no text, or none of base64.
    """
    if not isinstance(value, str):
        raise ValueError("no text")
    start = value[:_LONGEST_LEAD].find(";base64,") + 8 if value.startswith("data:") else 0
    return base64.b64decode(value[start:].translate(_NO_LINES), validate=True)
