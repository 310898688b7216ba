"""Which pictures only watch while a network or a head is trained, and what to say of so few."""

from __future__ import annotations

import numpy as np

from ...assess.pictures import Pictures
from ...errors import DatasetError, option
from ...text import several

_FEW = 50


def watching_of(pictures: Pictures, rows: np.ndarray, fraction: float) -> np.ndarray:
    watching = pictures.watching(rows, fraction)
    if not watching.any():
        raise DatasetError(
            "No label has pictures to spare for the validation, and this training cannot be judged "
            "without one.",
            hint="Add pictures until a label has ten different ones, or keep more of them for it "
            f"with {option('validation')}.",
        )
    return watching


def few_notes(watching: np.ndarray) -> list[str]:
    count = int(watching.sum())
    if count >= _FEW:
        return []
    return [
        f"The validation has only {several(count, 'picture')}, so its figures and the calibration "
        f"are rough. A larger fraction for the validation makes them better."
    ]
