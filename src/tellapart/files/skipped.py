"""A file that was left alone, and why: what every walk and every undo reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Skipped:
    """A file that was passed over, and the reason in plain words."""

    name: str
    reason: str
