"""What if the picture were another? Change its pixels, ask the same model, and compare.

>>> from tellapart.explain import Oval, Paint, Region, what_if
>>> eyes = [Paint(Oval(Region(left, 0.1, 0.06, 0.04)), (0, 0, 0)) for left in (0.4, 0.5)]
>>> what_if(classifier, "dress.jpg", *eyes).flipped
False

A change is a pure function from pixels to pixels. Pixels go in and come out through the one
decoder, so the changed picture is judged just as the picture itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..errors import UsageError
from ..images.decode import Picture, read_picture
from ..model.classifier import Classifier
from ..model.prediction import Prediction
from ..text import label_words
from .regions import Color, Place, Region, color_text

BLUR = 0.2  # of the shorter side: all that is left is colour and light and dark


class Change(Protocol):
    """Something done to a picture."""

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 `[H,W,3]` -> uint8 `[H,W,3]`; what was given stays as it is."""
        ...


@dataclass(frozen=True)
class Blank:
    """Fill a place with one colour: if none is given, the mean of the rest of the picture."""

    place: Place
    color: Color | None = None

    def __str__(self) -> str:
        return f"blank {self.place}" + (f"={color_text(self.color)}" if self.color else "")

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        mask = self.place.mask(pixels)
        rest = pixels if mask.all() else pixels[~mask]
        return _filled(pixels, mask, self.color or rest.reshape(-1, 3).mean(axis=0))


@dataclass(frozen=True)
class Paint:
    """Fill a place with a colour."""

    place: Place
    color: Color

    def __str__(self) -> str:
        return f"paint {self.place}={color_text(self.color)}"

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        return _filled(pixels, self.place.mask(pixels), self.color)


@dataclass(frozen=True)
class Blur:
    """Blur a place beyond recognition, by a Gaussian; `radius` in fractions of the shorter side."""

    place: Place
    radius: float = BLUR

    def __post_init__(self) -> None:
        if not 0 < self.radius <= 1:
            raise UsageError(
                f"A blur cannot have a radius of {self.radius:.4g}.",
                hint="Give it as a fraction of the picture's shorter side, such as 20%.",
            )

    def __str__(self) -> str:
        return f"blur {self.place}={100 * self.radius:.4g}%"

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        mask = self.place.mask(pixels)
        return np.where(mask[..., None], blurred(pixels, self.radius), pixels)


@dataclass(frozen=True)
class Brightness:
    """Multiply all values by a factor: below 1 darker, above 1 lighter."""

    factor: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor) and self.factor >= 0):
            raise UsageError(
                f"The brightness cannot be multiplied by {self.factor:.4g}.",
                hint="Give a number such as 0.7 for darker or 1.3 for lighter.",
            )

    def __str__(self) -> str:
        return f"brightness {self.factor:.4g}"

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        return np.asarray(np.rint(pixels * self.factor).clip(0, 255).astype(np.uint8))


@dataclass(frozen=True)
class Crop:
    """Leave only a region."""

    region: Region

    def __str__(self) -> str:
        return f"crop {self.region}"

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        return np.array(pixels[self.region.box(*pixels.shape[:2])])


@dataclass(frozen=True)
class Paste:
    """Lay another picture over a region, stretched to fit."""

    region: Region
    picture: Picture = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"paste {self.region}"

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        from PIL import Image

        other = Image.fromarray(read_picture(self.picture))
        rows, columns = self.region.box(*pixels.shape[:2])
        size = (columns.stop - columns.start, rows.stop - rows.start)
        changed = np.array(pixels)
        changed[rows, columns] = np.asarray(other.resize(size, Image.Resampling.BICUBIC))
        return changed


@dataclass(frozen=True)
class WhatIf:
    """What a model says of a picture as it is, and of the same picture changed.

    `pixels_before` and `pixels_after` are uint8 `[H,W,3]`, as the model was given them.
    """

    changes: tuple[Change, ...]
    before: Prediction
    after: Prediction
    pixels_before: np.ndarray = field(repr=False)
    pixels_after: np.ndarray = field(repr=False)

    @property
    def flipped(self) -> bool:
        """Whether the answer is another label."""
        return self.before.label != self.after.label

    @property
    def words(self) -> str:
        """`elsa 0.95 becomes darth vader 0.57.`"""
        old, new = self.before, self.after
        if self.flipped:
            words = f"{_answer(old)} becomes {_answer(new)}."
        else:
            words = f"It stays {label_words(old.label)}: {old.score:.2f} becomes {new.score:.2f}."
        if new.unknown and not old.unknown:
            words += " After the change it is unlike everything the model learnt from."
        return words


def what_if(classifier: Classifier, picture: Picture, *changes: Change) -> WhatIf:
    """What the model says of a picture before and after `changes`, done one after the other.

    Raises:
        PictureError: the picture, or one to be pasted, cannot be read; the message says why.
    """
    before = after = read_picture(picture)
    for change in changes:
        after = change.apply(after)
    return WhatIf(
        tuple(changes), classifier.predict(before), classifier.predict(after), before, after
    )


def blurred(pixels: np.ndarray, radius: float = BLUR) -> np.ndarray:
    """All of a picture blurred by a Gaussian whose `radius` is in fractions of its shorter side."""
    from PIL import Image, ImageFilter

    softened = ImageFilter.GaussianBlur(radius * min(pixels.shape[:2]))
    return np.asarray(Image.fromarray(pixels).filter(softened))


def _filled(pixels: np.ndarray, mask: np.ndarray, color: Color | np.ndarray) -> np.ndarray:
    changed = np.array(pixels)
    changed[mask] = np.rint(color).astype(np.uint8)
    return changed


def _answer(prediction: Prediction) -> str:
    return f"{label_words(prediction.label)} {prediction.score:.2f}"
