"""Pictures -> small JPEGs in `data:` URLs, as many at a time as there are cores."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence

from ..errors import PictureError
from ..files.stored import Place
from ..images.decode import read_picture
from ..workers.local import Each, batches_of, local_map

QUALITY = 76
_BATCH = 8  # pictures a thread takes at a time

Wanted = tuple[str, int]
"""A picture's name, and the longest side it is wanted at."""


def thumbnails(
    wanted: Sequence[Wanted], paths: Mapping[str, Place], budget: int
) -> dict[Wanted, str]:
    """As many of the `wanted` pictures as fit into `budget` characters, the first ones first.

    Each picture is decoded once, however many sizes of it are wanted; one that is wanted several
    times takes its room several times. Those without a path, or that cannot be read any more, are
    left out.
    """
    sides: dict[str, list[int]] = {}
    for name, side in wanted:
        if name in paths and side not in sides.setdefault(name, []):
            sides[name].append(side)
    times = Counter(wanted)
    made: dict[Wanted, str] = {}
    work = [(name, paths[name], tuple(of)) for name, of in sides.items()]
    for name, found in local_map(Each(_shrunk), batches_of(work, _BATCH)):
        for side, data in found.items():
            room = len(data) * times[name, side]
            if data and room <= budget:
                made[name, side] = data
                budget -= room
        if budget < 1000:  # too little for any picture
            break
    return made


def fitting(made: Mapping[Wanted, str], wanted: Sequence[Wanted], budget: int) -> dict[Wanted, str]:
    """Those of `made` that fit into fewer characters than were thought, the first ones first."""
    times = Counter(wanted)
    kept = {}
    for one, data in made.items():
        room = len(data) * times[one]
        if room <= budget:
            kept[one] = data
            budget -= room
    return kept


def _shrunk(work: tuple[str, Place, tuple[int, ...]]) -> tuple[str, dict[int, str]]:
    name, path, sides = work
    return name, _thumbnails(path, sides)


def _thumbnails(path: Place, sides: Sequence[int]) -> dict[int, str]:
    from PIL import Image

    try:
        picture = Image.fromarray(read_picture(path, enough=max(sides)))
    except PictureError:  # a page is still a page with one picture missing
        return dict.fromkeys(sides, "")
    made = {}
    for side in sorted(sides, reverse=True):
        picture.thumbnail((side, side))  # the smaller from the larger
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=QUALITY)
        made[side] = "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
    return made
