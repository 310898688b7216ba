"""How accurate a model is the farther a picture is from those that it learnt from."""

from __future__ import annotations

from dataclasses import dataclass

from ..text import percent
from .metrics import Proportion

TO_KNOW = "test on pictures of another day or place"


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
        apart: the accuracy with more and more kept together, first with nothing but copies.
        low: the lowest accuracy that other occasions may bring, 0 to 1; None where that is not
            known.
        high: the highest.
        kept: the measure by which the training kept them together, and so was judged; empty where
            it parted them.
        occasions: about how many there are; None where that is not known.
        tested: whether there are pictures held out, and of other occasions than those learnt from.
    """

    found: bool = False
    why: str = ""
    apart: tuple[Apart, ...] = ()
    low: float | None = None
    high: float | None = None
    kept: str = ""
    occasions: int | None = None
    tested: bool = False

    @property
    def parted(self) -> bool:
        """Whether pictures of one burst were parted when they were judged."""
        return self.found and not self.kept

    def flatter(self, name: str) -> bool:
        """Whether the figure called "cross-validated", "validation" or "held out" is of the same
        moments as those learnt from, and so too high."""
        return self.parted and name != "tested" and not (name == "held out" and self.tested)

    @property
    def range(self) -> str:
        """The accuracy on other occasions, `59.7 to 97.6`; empty where it is not known."""
        if self.low is None or self.high is None:
            return ""
        return f"{100 * self.low:.1f} to {100 * self.high:.1f}"

    @property
    def expected(self) -> str:
        """`99.8 % on pictures of the same moments, 59.7 to 97.6 % on pictures of other
        occasions`; empty where nothing is known."""
        if not (self.found and self.apart and self.apart[0].accuracy.n):
            return ""
        same = f"{percent(self.apart[0].accuracy.value)} on pictures of the same moments"
        if not self.range:
            return f"{same}; on pictures of other occasions it is not known"
        return f"{same}, {self.range} % on pictures of other occasions"

    @property
    def words(self) -> str:
        """What was found and what it means, in sentences; empty where nothing was."""
        if not self.found:
            return ""
        if self.tested:
            return f"{self.why} The pictures held out are of other occasions: expect their figure."
        if not self.expected:
            return f"{self.why} To know how it does on other occasions, {TO_KNOW}."
        return f"{self.why} Expect {self.expected}. To know, {TO_KNOW}."


def measure_words(groups: str) -> str:
    """What `--groups` keeps together, in words."""
    by, _, value = groups.partition(":")
    return {
        "none": "only copies of one picture",
        "source": "the groups of the source",
        "folder": "one folder",
        "time": f"taken less than {value} apart",
        "name": f"named alike by {value}" if value else "names in a row, and alike",
        "alike": f"as alike as {value}",
    }.get(by, groups)
