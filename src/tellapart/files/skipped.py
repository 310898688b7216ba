"""A file that was left alone, and why: what every walk and every undo reports."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that was passed over, and the reason in plain words; `may_pass` as in `PictureError`,
    where it is known."""

    name: str
    reason: str
    may_pass: bool = field(default=False, repr=False, compare=False)
