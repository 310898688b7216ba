"""How accurate a model is the farther a picture is from those that it learnt from."""

from __future__ import annotations

from dataclasses import dataclass

from .metrics import Proportion


@dataclass(frozen=True)
class Apart:
    """The accuracy where pictures that belong together by one measure are never parted.

    `groups` is the measure, as `--groups` takes it, such as `alike:0.9`; `count` how many groups
    there are.
    """

    groups: str
    count: int
    accuracy: Proportion


@dataclass(frozen=True)
class Bursts:
    """Whether pictures come in bursts, and what that does to the accuracy.

    Attributes:
        found: whether they do.
        why: what shows it, as a sentence; empty where they do not.
        apart: the accuracy with more and more kept together.
        low: the lowest accuracy that other occasions may bring, 0 to 1; None where that is not
            known.
        high: the highest.
    """

    found: bool = False
    why: str = ""
    apart: tuple[Apart, ...] = ()
    low: float | None = None
    high: float | None = None
