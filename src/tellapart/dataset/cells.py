"""A cell of a table that a program or a Parquet file holds -> text, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import UsageError


def label_text(value: object) -> str:
    """A label as text: of a number its digits, whatever type holds it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():  # integers beside a missing value
        value = int(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if not isinstance(value, str | int | float):
        raise UsageError(
            f"A label is a text or a number, not {type(value).__name__}.",
            hint="Give each picture one label.",
        )
    return str(value).strip()


def is_missing(value: object) -> bool:
    """None, not a number, pandas' NA and NaT, or an empty text."""
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    if isinstance(value, str):
        return not value.strip()
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def one_label(value: object, names: Sequence[str] = ()) -> tuple[str | None, str]:
    """The label that a value says, also where it is the only one of a list; or None, and why there
    is none. `names` are those of labels that are numbers from 0 on, and -1 for none."""
    if isinstance(value, list):
        if len(value) > 1:
            return None, f"has {len(value)} labels"
        value = value[0] if value else None
    if names and isinstance(value, int) and value != -1:
        if value in range(len(names)):
            return names[value], ""
        return None, f"has the label {value}, and there are names for {len(names)}"
    if is_missing(value) or (names and value == -1):
        return None, "has no label"
    try:
        return label_text(value) or None, "has no label"
    except UsageError as error:
        return None, error.message
