"""How far the qualities can be compared in the time there is: arithmetic, no picture and no clock.

seconds that each quality costs, seconds there are -> which to try, on how many pictures
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Price:
    """What a quality costs from now on, in seconds; there are S pictures to compare on.

    Attributes:
        sample: of embedding the first 0 to S of them, `[S+1]`, as far as that is not done.
        rest: of embedding all other pictures after the first 0 to S of those, `[S+1]`.
        fit: of cross-validating on all S.
        finish: of what training does once all is embedded.
    """

    sample: np.ndarray
    rest: np.ndarray
    fit: float
    finish: float


@dataclass(frozen=True)
class Plan:
    """What there is time for.

    Attributes:
        tried: the slower qualities to try; none where there is no time for any.
        pictures: how many of the pictures to compare on; 0 if none is tried.
        needs: the seconds from now that comparing with each slower one takes at least, with those
            before it, and training with the costliest of them.
    """

    tried: tuple[str, ...]
    pictures: int
    needs: Mapping[str, float]


def plan(prices: Mapping[str, Price], sizes: Sequence[int], left: float) -> Plan:
    """The most that can be done in the seconds that are `left`, whichever quality is taken then.

    `prices` has the quickest quality first. `sizes` are the numbers of pictures to choose among,
    growing. As many qualities as possible are tried, then on as many pictures as possible.
    """
    quickest, *slower = prices
    worst = {
        name: _longest([prices[one] for one in (quickest, *slower[: at + 1])])[list(sizes)]
        for at, name in enumerate(slower)
    }
    needs = {name: float(seconds[0]) for name, seconds in worst.items()}
    for count in range(len(slower), 0, -1):
        enough = np.flatnonzero(worst[slower[count - 1]] <= left)
        if len(enough):
            return Plan(tuple(slower[:count]), sizes[int(enough[-1])], needs)
    return Plan((), 0, needs)


def _longest(prices: Sequence[Price]) -> np.ndarray:
    """The seconds for comparing on the first 0 to S pictures and then training with the costliest,
    `[S+1]`."""
    part = np.linspace(0, 1, len(prices[0].sample))
    comparing = np.sum([price.sample + part * price.fit for price in prices], axis=0)
    training = np.max([price.rest + price.finish for price in prices], axis=0)
    return np.asarray(comparing + training)
