"""Pictures that somebody looks into: explained, painted on, and asked about again.

A picture is looked at once, and kept as the pixels that the model is given. What was painted comes
as a box of pixels and is laid over these, so it is judged as the saved picture will be, and only
what changed travels.
"""

from __future__ import annotations

import hashlib
import io
import math
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import UsageError
from ..explain import Asked, Explainer, Explanation, Sweep, sweep
from ..explain.files import Known
from ..files.reading import read_content
from ..images.decode import ENOUGH, read_picture
from ..model.classifier import Classifier
from ..model.prediction import Prediction
from ..pages.overlays import common_scale, layer, png
from ..server.problems import HttpError
from .latest import Latest

_LOOKS = 12  # pictures whose pixels are kept: at most 720 pixels on the shorter side
_TOLD = 24  # explanations whose maps can be asked for
_LARGEST = 16_000_000  # pixels of a picture that is painted on in its own size
_MAP = 256  # pixels, the longer side of a map: it has no more than 9 cells a side


@dataclass(frozen=True)
class Look:
    """A picture as the model is given it.

    Attributes:
        key: by which it is kept.
        name: what it is called.
        own: its label, or "".
        digest: the sha256 of its file's content, in hex.
        pixels: uint8 `[H,W,3]`, upright.
    """

    key: str
    name: str
    own: str
    digest: str
    pixels: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Patch:
    """A box of a picture that was painted on: its edges in pixels, and what it holds, `content`
    being red, green and blue, row by row."""

    left: int
    top: int
    right: int
    bottom: int
    content: bytes = field(repr=False)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture uint8 `[H,W,3]` with the box laid over it.

        Raises:
            UsageError: the box reaches beyond the picture, or holds more or less than it has room
                for.
        """
        height, width = self.bottom - self.top, self.right - self.left
        inside = 0 <= self.left <= self.right <= pixels.shape[1]
        if not (inside and 0 <= self.top <= self.bottom <= pixels.shape[0]):
            raise UsageError("What was painted reaches beyond the picture.")
        if len(self.content) != 3 * height * width:
            raise UsageError(
                f"What was painted is {len(self.content):,} bytes, and not the "
                f"{3 * height * width:,} of {width} x {height} pixels."
            )
        painted = pixels.copy()
        box = np.frombuffer(self.content, np.uint8).reshape(height, width, 3)
        painted[self.top : self.bottom, self.left : self.right] = box
        return np.asarray(painted)


@dataclass(frozen=True)
class Told:
    """The explanation of a picture, and the `key` by which its maps are asked for."""

    name: str
    key: str
    explanation: Explanation


class Why:
    """Explains the pictures of one studio; any thread may use it. `classifier` gives the newest
    model, or raises what says that there is none."""

    def __init__(self, classifier: Callable[[], Classifier]) -> None:
        self._classifier = classifier
        self._looks: Latest[str, Look] = Latest(_LOOKS)
        self._told: Latest[str, Explanation] = Latest(_TOLD)
        self._lock = threading.Lock()
        self._asking: _Asking | None = None

    def look(self, key: str, source: Path | bytes, name: str, own: str = "") -> Look:
        """Look into a picture; what was kept under this key is not read again.

        Raises:
            PictureError: it cannot be read.
        """
        found = self._looks.get(key)
        if found is None or found.own != own:
            content = source if isinstance(source, bytes) else read_content(source)
            digest = hashlib.sha256(content).hexdigest()
            found = Look(key, name, own, digest, read_picture(source))
            self._looks.keep(key, found)
        return found

    def explain(self, look: Look, patch: Patch | None = None) -> Told:
        """Why a picture gets its label, as it is or as it was painted on.

        Raises:
            UsageError: what was painted does not fit the picture.
        """
        found = self._current().explained(look, _pixels(look, patch))
        key = secrets.token_hex(8)
        self._told.keep(key, found)
        return Told(look.name, key, found)

    def answer(self, look: Look, patch: Patch | None = None) -> Prediction:
        """What the model says of a picture that was painted on; by the same head as `explain`.

        Raises:
            UsageError: what was painted does not fit the picture.
        """
        return self._current().answered(look, _pixels(look, patch))

    def hangs_on(
        self,
        look: Look,
        patch: Patch | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Sweep:
        """What the answer for a picture depends on."""
        pixels = _pixels(look, patch)
        return sweep(self._current().classifier, pixels, progress=progress)

    def map_of(self, key: str, label: str) -> bytes:
        """A label's evidence as a PNG that is laid over the picture, or, where `label` is empty,
        the winner's minus its rival's; all in one scale, that of the page of `explain`.

        Raises:
            HttpError: 404 where the explanation is not kept any more, or has no such label.
        """
        found = self._told.get(key)
        if found is None or (label and label not in found.labels):
            raise HttpError(404, "There is no such map.", hint="Open the picture again.")
        two = [found.map_of(found.label), found.map_of(found.rival)]
        scale = common_scale([*two, found.lead])
        height, width = found.pixels.shape[:2]
        times = min(1.0, _MAP / max(height, width))
        size = max(1, round(height * times)), max(1, round(width * times))
        return png(layer(found.map_of(label) if label else found.lead, *size, scale))

    def _current(self) -> _Asking:
        """The model that is asked now."""
        classifier = self._classifier()
        with self._lock:
            if self._asking is None or self._asking.classifier is not classifier:
                self._asking = _Asking(classifier)
            return self._asking


class _Asking:
    """One model, with what it knows of its training pictures."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self._known = Known(classifier)
        self._explainer = Explainer(classifier)

    def explained(self, look: Look, pixels: np.ndarray) -> Explanation:
        return self._explainer.explain(self._asked(look, pixels))

    def answered(self, look: Look, pixels: np.ndarray) -> Prediction:
        return self._explainer.predict(self._asked(look, pixels))

    def _asked(self, look: Look, pixels: np.ndarray) -> Asked:
        asked = self._known.asked(pixels, look.name, look.digest, "")
        own = look.own if look.own in self.classifier.labels else asked.own
        return replace(asked, own=own)


def whole(source: Path | bytes, pixels: np.ndarray) -> np.ndarray:
    """A picture in its own size, upright, uint8 `[H,W,3]`; a very large one halved until it has
    fewer than `_LARGEST` pixels. `pixels` are the same picture as the model is given it.

    Raises:
        PictureError: its file cannot be read any more.
    """
    shorter, longer = sorted(pixels.shape[:2])
    return read_picture(source, enough=max(ENOUGH, int(math.sqrt(_LARGEST * shorter / longer) / 2)))


def to_show(source: Path | bytes, pixels: np.ndarray) -> bytes:
    """A picture as WebP, in more pixels than the model is given where it has more.

    Raises:
        PictureError: its file cannot be read any more.
    """
    from PIL import Image

    large = pixels if min(pixels.shape[:2]) < ENOUGH else read_picture(source, enough=2 * ENOUGH)
    file = io.BytesIO()
    Image.fromarray(large).save(file, "WEBP", quality=90, method=0)
    return file.getvalue()


def with_size(pixels: np.ndarray) -> bytes:
    """Pixels uint8 `[H,W,3]` as the page reads them: width and height in four bytes each, the
    lowest first, and then red, green and blue."""
    height, width = pixels.shape[:2]
    return b"".join([width.to_bytes(4, "little"), height.to_bytes(4, "little"), pixels.tobytes()])


def _pixels(look: Look, patch: Patch | None) -> np.ndarray:
    return patch.apply(look.pixels) if patch else look.pixels
