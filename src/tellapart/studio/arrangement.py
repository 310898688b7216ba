"""How the pictures of a heap lie in piles: made by look, split, merged. Pure; pictures are numbers.

A picture that gets a label keeps its place in its pile, so that undoing brings it back there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import UsageError
from ..health.directions import unit
from ..health.grouping import central, in_groups
from ..health.piles import pile_up
from ..text import several

IN_PILE = 15  # pictures on average: few enough to be alike, so many of one label have one name
MOST_PILES = 48  # that are made of a heap: a person goes through them one by one
SMALL = 4  # a pile of fewer comes after the others: its name teaches little


@dataclass(frozen=True)
class Look:
    """A picture's embedding `[D]`, and the sha256 of its content."""

    vector: np.ndarray
    digest: str


Looks = Mapping[int, Look]


@dataclass(frozen=True)
class Pile:
    """Pictures that look alike, the most typical first; a number that no other pile gets; and the
    direction of their mean, `[D]`."""

    number: int
    pictures: tuple[int, ...]
    centre: np.ndarray = field(repr=False, compare=False)


@dataclass(frozen=True)
class Arrangement:
    """Piles, and the pictures that are unlike all of them; `next` numbers the next pile."""

    piles: tuple[Pile, ...] = ()
    apart: tuple[int, ...] = ()
    next: int = 1

    @property
    def pictures(self) -> frozenset[int]:
        """All that lie somewhere."""
        return frozenset(self.apart).union(*(pile.pictures for pile in self.piles))

    def pile(self, number: int) -> Pile:
        """The pile with a number.

        Raises:
            UsageError: there is none.
        """
        for pile in self.piles:
            if pile.number == number:
                return pile
        raise UsageError("This pile is not there any more.", hint="The piles were made anew.")


def arranged(pictures: Sequence[int], looks: Looks, first: int = 1) -> Arrangement:
    """Pictures in piles, the pile of the most alike ones first; `first` is its number."""
    digests = [looks[one].digest for one in pictures]
    if len(set(digests)) < SMALL:
        piles = (_pile(first, pictures, looks),) if pictures else ()
        return Arrangement(piles, (), first + len(piles))
    vectors = _vectors(pictures, looks)
    count = int(np.clip(round(len(set(digests)) / IN_PILE), 1, MOST_PILES))
    found = pile_up(vectors, digests, count)
    ranks = np.lexsort((digests, -found.typical.round(9)))
    rows = [[row for row in ranks.tolist() if found.pile[row] == k] for k in np.unique(found.pile)]
    piled = [of for of in rows if found.pile[of[0]] >= 0]
    piled.sort(key=lambda of: (len(of) < SMALL, -round(float(found.typical[of].mean()), 9)))
    return Arrangement(
        tuple(
            _pile(first + at, [pictures[row] for row in of], looks) for at, of in enumerate(piled)
        ),
        tuple(pictures[row] for row in ranks[::-1].tolist() if found.pile[row] < 0),
        first + len(piled),
    )


def split(arrangement: Arrangement, number: int, into: int, looks: Looks) -> Arrangement:
    """A pile cut into so many, by look; they take its place, the largest first.

    Raises:
        UsageError: there is no such pile, or its pictures cannot be parted so.
    """
    pile = arrangement.pile(number)
    if not 2 <= into <= max(2, len(pile.pictures)):
        raise UsageError(
            f"A pile of {several(len(pile.pictures), 'picture')} cannot be split into {into}.",
            hint="Split it into 2.",
        )
    vectors = unit(_vectors(pile.pictures, looks), kind=np.float64)
    groups = in_groups(vectors, into) if len(pile.pictures) > 1 else np.zeros(1, np.int64)
    parts = [np.flatnonzero(groups == k) for k in np.unique(groups)]
    if len(parts) < 2:
        raise UsageError("These pictures look all the same, so they cannot be split.")
    parts.sort(key=lambda rows: -len(rows))
    new = []
    for at, rows in enumerate(parts):
        ordered = central(vectors[rows])
        own = [pile.pictures[row] for row in rows[ordered].tolist()]
        new.append(_pile(arrangement.next + at, own, looks))
    return replace(
        arrangement,
        piles=tuple(part for one in arrangement.piles for part in (new if one is pile else [one])),
        next=arrangement.next + len(new),
    )


def merged(arrangement: Arrangement, first: int, second: int, looks: Looks) -> Arrangement:
    """Two piles as one, in the place of the first.

    Raises:
        UsageError: they are not two piles.
    """
    if first == second:
        raise UsageError("A pile cannot be merged with itself.", hint="Choose another.")
    one, other = arrangement.pile(first), arrangement.pile(second)
    both = one.pictures + other.pictures
    order = central(_vectors(both, looks)).tolist()
    union = _pile(arrangement.next, [both[row] for row in order], looks)
    return replace(
        arrangement,
        piles=tuple(
            union if pile is one else pile for pile in arrangement.piles if pile is not other
        ),
        next=arrangement.next + 1,
    )


def joined(arrangement: Arrangement, new: Sequence[int], looks: Looks) -> Arrangement:
    """New pictures laid behind those of the pile that each is most like; nothing else moves."""
    if not arrangement.piles:
        return arranged([*arrangement.apart, *new], looks, arrangement.next)
    centres = np.stack([pile.centre for pile in arrangement.piles])
    nearest = (unit(_vectors(new, looks), kind=np.float64) @ centres.T).argmax(axis=1)
    added: dict[int, list[int]] = {}
    for picture, at in zip(new, nearest.tolist(), strict=True):
        added.setdefault(at, []).append(picture)
    return replace(
        arrangement,
        piles=tuple(
            replace(pile, pictures=(*pile.pictures, *added.get(at, ())))
            for at, pile in enumerate(arrangement.piles)
        ),
    )


def most_alike(piles: Sequence[Pile]) -> dict[int, int]:
    """The number of the pile that each is most like, by numbers."""
    if len(piles) < 2:
        return {}
    centres = np.stack([pile.centre for pile in piles])
    alike = centres @ centres.T
    np.fill_diagonal(alike, -np.inf)
    return {piles[at].number: piles[k].number for at, k in enumerate(alike.argmax(axis=1).tolist())}


def _pile(number: int, pictures: Sequence[int], looks: Looks) -> Pile:
    mean = unit(_vectors(pictures, looks), kind=np.float64).mean(axis=0)
    return Pile(number, tuple(pictures), unit(mean[None], kind=np.float64)[0])


def _vectors(pictures: Sequence[int], looks: Looks) -> np.ndarray:
    return np.stack([looks[one].vector for one in pictures])
