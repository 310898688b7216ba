"""What is chosen for a folder, kept in it: with which quality it trains, and from which score on an
answer counts as sure."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from ..backbones.rows import QUALITIES
from ..files.atomic import write_atomically
from .folder import HIDDEN

FILE = "settings.json"


@dataclass(frozen=True)
class Preferences:
    """`sure_above` is a score, or None: the one above which 99 % are right, as far as one is."""

    quality: str = "good"
    sure_above: float | None = None


def read_preferences(root: Path) -> Preferences:
    """Those of a folder; what is not there, or makes no sense, is as usual."""
    try:
        found = json.loads((root / HIDDEN / FILE).read_bytes())
        quality, score = found.get("quality"), found.get("sure_above")
    except (OSError, ValueError, AttributeError):
        return Preferences()
    known = isinstance(quality, str) and quality in QUALITIES
    return Preferences(
        quality=quality if known else Preferences.quality,
        sure_above=float(score) if is_score(score) else None,
    )


def write_preferences(root: Path, preferences: Preferences) -> None:
    """Keep them.

    Raises:
        OSError: they cannot be written.
    """
    (root / HIDDEN).mkdir(exist_ok=True)
    write_atomically(root / HIDDEN / FILE, json.dumps(asdict(preferences)).encode())


def is_score(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value <= 1
    )
