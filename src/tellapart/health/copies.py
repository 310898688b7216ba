"""Which pictures are copies of others: saved again, resized, cropped or mirrored.

Their embeddings say where to look, and their pixels whether it is so. Measured with `good` on 15
pictures each of four real sets (heroes, flowers, clothing, groceries), in 15 ways: saved again
(JPEG quality 30 and 75), at 0.3 and 2 times the size, squeezed to a square, cropped by up to 10 %
of each side, mirrored, lighter, darker; some together. The likeness was at least `COPY` for 99 % of
these 900 copies, the embedding near enough for 99 %, and 98 % were found: 87 % of those at 0.3
times the size, 99 % of all others. Of the 1,549 pairs of different pictures that are looked at
between the test and training parts of these sets, none was taken for a copy: the likest was 0.77,
one flower photographed twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..head.blocks import Vectors, are_large, blocks, whole_of
from ..workers.local import side_by_side
from ..workers.pausing import pause
from .directions import unit

COPY = 0.88  # likeness from which a picture is a copy of another
NEAR = 0.33  # cosine of centred embeddings from which pixels are compared
SURE = 0.92  # the same from which they need not be, where there are none to compare
NEAREST = 2  # pictures that each is compared with
THUMBNAIL = 48  # pixels a side
_SIDE = 24  # of what is compared
_UNLIKE = 0.62  # likeness on the coarse grid below which the fine one cannot make it a copy
_NO_COPY = 0.7  # of many: of 320 copies that were cropped, all had 0.757 or more
_ROWS = 1024  # whose cosines are held at once
_SOFT, _SOFTER = 0.55, 0.8  # detail below which, and below so much of a smaller copy's, is blown up


def near_pairs(tested: Vectors, learnt: Vectors) -> Iterator[tuple[int, int, float]]:
    """(row of `tested` `[M,D]`, row of `learnt` `[N,D]`, cosine) of embeddings that are near, the
    nearest of each first."""
    if not len(tested) or not len(learnt):
        return
    if are_large(learnt):
        yield from _near_of_many(tested, learnt)
        return
    tested, learnt = whole_of(tested), whole_of(learnt)
    centre = learnt.mean(axis=0)
    others = unit(learnt, centre).T
    for begin in range(0, len(tested), _ROWS):
        cosines = unit(tested[begin : begin + _ROWS], centre) @ others
        few = min(NEAREST, cosines.shape[1])
        columns = np.argpartition(-cosines, few - 1, axis=1)[:, :few]
        for row, found in enumerate(columns):
            for column in found[np.argsort(-cosines[row, found], kind="stable")]:
                if cosines[row, column] >= NEAR:
                    yield begin + row, int(column), float(cosines[row, column])


def _near_of_many(tested: Vectors, learnt: Vectors) -> Iterator[tuple[int, int, float]]:
    """The same where those learnt from are too many for memory: block by block."""
    centre = np.zeros(learnt.shape[1])
    for _, held in blocks(learnt):
        centre += held.sum(axis=0, dtype=np.float64)
    centre = (centre / len(learnt)).astype(np.float32)

    def nearest(begin: int) -> tuple[np.ndarray, np.ndarray]:
        own = unit(tested[begin : begin + _ROWS], centre)
        best = np.full((len(own), NEAREST), -np.inf, np.float32)
        where = np.zeros((len(own), NEAREST), np.int64)
        for some, held in blocks(learnt):
            pause()
            found = own @ unit(held, centre).T
            rows = np.flatnonzero(found.max(axis=1) >= np.maximum(best.min(axis=1), NEAR))
            if not len(rows):  # as in most blocks
                continue
            cosines = np.concatenate([best[rows], found[rows]], axis=1)
            numbers = np.broadcast_to(np.arange(some.start, some.stop), (len(rows), len(held)))
            columns = np.concatenate([where[rows], numbers], axis=1)
            few = np.argpartition(-cosines, NEAREST - 1, axis=1)[:, :NEAREST]
            best[rows] = np.take_along_axis(cosines, few, axis=1)
            where[rows] = np.take_along_axis(columns, few, axis=1)
        return best, where

    begins = range(0, len(tested), _ROWS)
    for begin, (best, where) in zip(begins, side_by_side(nearest, begins), strict=True):
        for row in range(len(best)):
            for at in np.argsort(-best[row], kind="stable").tolist():
                if best[row, at] >= NEAR:
                    yield begin + row, int(where[row, at]), float(best[row, at])


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """A picture uint8 `[H,W,3]` small, square and grey: float32 `[THUMBNAIL,THUMBNAIL]`."""
    from PIL import Image

    grey = Image.fromarray(pixels).convert("L")
    return np.asarray(grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX), np.float32)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """How like two thumbnails are, whichever of them is cropped or mirrored: -1 to 1.

    The correlation of their details (what is left without a mean over five pixels) at the crop of
    one that fits the other best.
    """
    coarse = max(_best(one, other, _COARSE), _best(other, one, _COARSE))
    if coarse < _UNLIKE:
        return coarse
    return max(coarse, _best(one, other, _FINE), _best(other, one, _FINE))


def likenesses(
    thumbnails: Mapping[int, np.ndarray], pairs: Sequence[tuple[int, int]]
) -> list[float]:
    """`likeness` of many pairs of thumbnails, given by their keys: each is cropped once, and no
    finer than it takes to know whether a pair reaches `COPY`."""
    coarse = np.full((len(pairs), 2), -1.0)  # the first of a pair cropped, and the second
    partners: dict[int, list[tuple[int, int, int]]] = {}
    for number, (one, other) in enumerate(pairs):
        partners.setdefault(one, []).append((number, 0, other))
        partners.setdefault(other, []).append((number, 1, one))
    ways = {key: _ways(thumbnails[key]) for key in partners}
    for key, others in partners.items():
        crops = _crops(thumbnails[key], _COARSE)
        best = (crops @ np.concatenate([ways[other] for *_, other in others], axis=1)).max(axis=0)
        numbers, sides = np.array([entry[:2] for entry in others]).T
        coarse[numbers, sides] = best.reshape(-1, 2).max(axis=1)
    found = coarse.max(axis=1)
    for number in np.flatnonzero((found >= _NO_COPY) & (found < COPY)).tolist():
        side = int(coarse[number].argmax())
        cropped, whole = pairs[number][side], pairs[number][1 - side]
        found[number] = max(found[number], _best(thumbnails[cropped], thumbnails[whole], _FINE))
    return [float(value) for value in found]


def _best(cropped: np.ndarray, whole: np.ndarray, grid: tuple[np.ndarray, np.ndarray]) -> float:
    """The highest correlation of any crop of one thumbnail with all of the other."""
    return float(np.max(_crops(cropped, grid) @ _ways(whole)))


def _crops(thumbnail: np.ndarray, grid: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The details of all its crops `[K*K,S*S]`."""
    sharp, smooth = grid
    return _standard(_all_crops(sharp, thumbnail) - _all_crops(smooth, thumbnail))


def _ways(thumbnail: np.ndarray) -> np.ndarray:
    """The details of all of it, as it is and mirrored `[S*S,2]`."""
    full = _WHOLE @ thumbnail @ _WHOLE.T - _BLUR @ _WHOLE @ thumbnail @ (_BLUR @ _WHOLE).T
    return np.stack([_standard(full), _standard(full[:, ::-1])], axis=1)


def _all_crops(axis: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """All crops `[K*K,S,S]` of a picture, from the `K` of an axis `[K,S,THUMBNAIL]`."""
    rows = axis @ picture  # [K,S,T]
    crops = np.tensordot(rows, axis, axes=([2], [2]))  # [K,S,K,S]
    return np.asarray(crops.transpose(0, 2, 1, 3).reshape(-1, _SIDE, _SIDE))


def _standard(pictures: np.ndarray) -> np.ndarray:
    """Pictures `[...,S,S]` as vectors of mean 0 and length 1; of one without details, all 0."""
    flat = pictures.reshape(*pictures.shape[:-2], -1)
    flat = np.asarray(flat - flat.mean(axis=-1, keepdims=True))
    length = np.linalg.norm(flat, axis=-1, keepdims=True)
    return np.asarray(np.where(length > 1, flat / np.maximum(length, 1), 0), np.float32)


def _axis(step: float) -> np.ndarray:
    """What takes crops of a line, `[K,S,THUMBNAIL]`: of each, the fractions of its pixels."""
    cuts = np.arange(0, 0.1 + step / 2, step)
    pixel = np.arange(THUMBNAIL)
    found = []
    for begin in cuts:
        for end in cuts:
            edges = np.linspace(begin, 1 - end, _SIDE + 1)[:, None] * THUMBNAIL
            fraction = np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel)
            fraction = np.maximum(fraction, 0)
            found.append(fraction / fraction.sum(axis=1, keepdims=True))
    return np.array(found, np.float32)


def _mean_of_five() -> np.ndarray:
    """`[S,S]`: each pixel's mean with two on each side; the outermost stand for those beyond."""
    blur = np.zeros((_SIDE, _SIDE), np.float32)
    for pixel in range(_SIDE):
        for shift in range(-2, 3):
            blur[pixel, min(max(pixel + shift, 0), _SIDE - 1)] += 0.2
    return blur


_BLUR = _mean_of_five()
_WHOLE = _axis(1.0)[0]
_COARSE, _FINE = ((axis, _BLUR @ axis) for axis in (_axis(0.05), _axis(0.025)))


def blown_up(pixels: np.ndarray, detail: np.ndarray) -> np.ndarray:
    """Which of N copies of one picture, of so many `pixels` `[N]` and so much `detail` `[N]`, are
    plainly blown up, as a smaller one of them has more detail: bool `[N]`. That finds some, and
    hardly ever one that is not (benchmarks/blown_up.py)."""
    finer = np.where(pixels[None, :] < pixels[:, None], detail[None, :], 0).max(axis=1)
    return np.asarray(detail < np.minimum(_SOFT, _SOFTER * finer))
