"""A trained classifier: predict with it, save it, load it.

>>> classifier = tellapart.load("heroes")
>>> classifier.predict("picture.jpg").label
'ice_queen'
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from ..errors import ModelError, PictureError
from ..evaluation.judged import ranked
from ..files.folders import folder_written_atomically
from ..files.on_disk import check_model_here, check_written_here
from ..files.unread import Unread
from ..images.decode import Picture, each_of, read_picture
from ..text import first_few, shown
from ..workers.local import Each, batches_of, local_map
from ..workers.places import check_place_word, place_of
from .file import Manifest, check_model, seal_of
from .folder import (
    LABELS_FILE,
    MODEL_FILE,
    TRAINING_FILE,
    check_before,
    check_replaceable,
    labels_text,
    read_whole,
    replaced_in,
)
from .outputs import checked
from .prediction import Prediction
from .sessions import ANSWER, Sessions
from .verbs import Verbs

if TYPE_CHECKING:
    from .record import TrainingRecord
    from .replacing import Known

ADMIT = 0.99  # of the model's own kind; what is stranger than these is none of them
_GAP = 0.02  # seconds
_MANY = 4  # pictures from which on all cores and the cache are worth their opening


@dataclass(frozen=True)
class Classifier(Verbs):
    """A model: its manifest, and what it can do; `Verbs` has more methods.

    A picture counts as unknown if its novelty is above the threshold that a fraction `admit` of
    pictures of the model's own labels stays below.
    """

    content: bytes = field(repr=False)
    manifest: Manifest
    _record: TrainingRecord | Unread | None = field(default=None, repr=False)
    admit: float = ADMIT
    _shared: Sessions | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<Classifier of {len(self.labels)} labels: {first_few(list(self.labels), 3)}>"

    @property
    def labels(self) -> tuple[str, ...]:
        return self.manifest.labels

    @cached_property
    def digest(self) -> str:
        """The sha256 of the model file, in hex."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def unknown_above(self) -> float:
        """The novelty above which a picture is none of these; infinite if none is."""
        return self.manifest.unknown_above(self.admit)

    @cached_property
    def training_record(self) -> TrainingRecord | None:
        """The training record, if the model's folder has one.

        Raises:
            ModelError: it is damaged, or of another model.
        """
        if not isinstance(self._record, Unread):
            return self._record
        from .record import TrainingRecord  # a guess does without it

        try:
            content = self._record.read()
        except FileNotFoundError:  # it went with its folder, before a copy of this one was read
            return None
        except OSError as error:
            raise ModelError(
                f"{shown(self._record.path)} cannot be read: {(error.strerror or '').lower()}."
            ) from error
        record = TrainingRecord.from_bytes(content, seal_of(self.content))
        if record.scores.shape[1] != len(self.labels):
            raise ModelError("training.npz is damaged.", hint="Train again.")
        return record

    def required_record(self) -> TrainingRecord:
        """The training record.

        Raises:
            ModelError: there is none; its folder has no training.npz.
        """
        if self.training_record is None:
            raise ModelError(
                "This model has no training record: there is no training.npz beside it.",
                hint="Give the folder that tellapart train wrote, or train again.",
            )
        return self.training_record

    def predict(
        self, picture: Picture, *, evidence: bool = False, embedding: bool = False
    ) -> Prediction:
        """The label of one picture: a path, bytes, an open file, a Pillow image or an array.

        An array is `[H,W]` or `[H,W,C]` with grey, grey and alpha, RGB or RGBA, and holds uint8,
        uint16 or bool.

        Raises:
            PictureError: it cannot be read; the message says why, and `path` which it is.
            UsageError: it is no picture.
        """
        names = (*ANSWER, *["evidence"] * evidence, *["embedding"] * embedding)
        found = dict(zip(names, self.run(picture, names), strict=True))
        maps = dict(zip(self.labels, found["evidence"], strict=True)) if evidence else None
        told = self._told(found["scores"], found["novelty"])
        return replace(told, evidence=maps, embedding=found.get("embedding"))

    def _told(self, scores: np.ndarray, novelty: np.ndarray | float) -> Prediction:
        unknown = bool(novelty > self.unknown_above)
        return Prediction(ranked(self.labels, scores), float(novelty), unknown)

    def admitting(self, fraction: float) -> Classifier:
        """The same model, which admits another fraction of its own pictures; with 1 it calls none
        unknown.

        Raises:
            UsageError: a fraction that its training pictures cannot tell.
        """
        self.manifest.unknown_above(fraction)
        return replace(self, admit=fraction, _shared=self._sessions)  # what is open serves both

    def prepare(self) -> Classifier:
        """The same, ready for many calls of `predict`: its network is open, and cut down to what
        they need. Otherwise the first call opens it, and a later one cuts it down.

        Raises:
            ModelError: it cannot be run.
        """
        self._sessions.cut_down()
        return self

    @overload
    def predict_many(
        self,
        pictures: Iterable[Picture],
        *,
        errors: Literal["raise"] = "raise",
        evidence: bool = False,
        on: str | None = None,
    ) -> Iterator[Prediction]: ...

    @overload
    def predict_many(
        self,
        pictures: Iterable[Picture],
        *,
        errors: Literal["return"],
        evidence: bool = False,
        on: str | None = None,
    ) -> Iterator[Prediction | PictureError]: ...

    def predict_many(
        self,
        pictures: Iterable[Picture],
        *,
        errors: Literal["raise", "return"] = "raise",
        evidence: bool = False,
        on: str | None = None,
    ) -> Iterator[Prediction | PictureError]:
        """The answers for many pictures, in order, as they come; memory does not grow. `on` says
        where the pictures are embedded, as for `train`; evidence is always made here.

        With `errors="return"` an unreadable picture's `PictureError` stands in its place.

        Raises:
            UsageError: one picture instead of several.
            PictureError: one cannot be read; `path` says which.
        """
        check_place_word(on)
        return self._predict_each(each_of(pictures), errors, evidence, on)

    def _predict_each(
        self, pictures: Iterator[Picture], errors: str, evidence: bool, on: str | None
    ) -> Iterator[Prediction | PictureError]:
        first = list(islice(pictures, _MANY))
        tried = partial(self._tried, evidence=evidence)
        if len(first) < _MANY:
            answers: Iterator[Prediction | PictureError] = map(tried, first)
        elif evidence:  # which the cache does not hold
            answers = local_map(Each(tried), batches_of(chain(first, pictures), 1))
        else:
            answers = self._observed(chain(first, pictures), on)
        for answer in answers:
            if isinstance(answer, PictureError) and errors == "raise":
                raise answer
            yield answer

    def _tried(self, picture: Picture, *, evidence: bool) -> Prediction | PictureError:
        try:
            return self.predict(picture, evidence=evidence)
        except PictureError as error:
            return error

    def _observed(
        self, pictures: Iterable[Picture], on: str | None
    ) -> Iterator[Prediction | PictureError]:
        """The answers through the cache, by all cores: worth its making for many pictures."""
        from .observe import observe

        with place_of(on) if on else nullcontext(None) as place:
            for seen in observe(self, pictures, place=place):
                if isinstance(seen, PictureError):
                    yield seen
                else:
                    yield self._told(seen.scores, seen.novelty)

    def run(self, picture: Picture, outputs: Sequence[str]) -> list[np.ndarray]:
        """The named outputs for one picture: of scores, embedding, evidence, novelty.

        Raises:
            PictureError: the picture cannot be read.
            ModelError: the model cannot be run, or gives what cannot be.
        """
        answers = self._sessions.run(outputs, read_picture(picture)[None])
        return checked(outputs, answers, len(self.labels))

    def private(self, names: Iterable[str] = ()) -> Classifier:
        """The same model, remembering no name or place of a picture; see `privacy`.

        `names` are of other files that its notes may name.
        """
        from .privacy import private

        return replace(
            self, _record=private(self.training_record, names) if self.training_record else None
        )

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        replace: bool = False,
        private: bool = False,
        also: Mapping[str, bytes] = {},
    ) -> Path:
        """Write the model folder: model.onnx, labels.txt, training.npz, and `also` by name.

        A model of the same source is replaced in one step, and with `replace` any model; it is kept
        beside the new one, as `heroes.before`, until the next. Any other folder that holds
        something is left alone.

        With `private` it holds no name or place of a picture: training.npz keeps their embeddings,
        and the sha256 of their content, by which whoever has a picture can tell that it was learnt
        from.

        Raises:
            DestinationError: it cannot be written, or something else is there.
        """
        check_written_here(folder)
        target = Path(folder)
        old, new = self.check_place(target, replace=replace, private=private)
        files = {
            MODEL_FILE: self.content,
            LABELS_FILE: labels_text(self.labels).encode(),
            **also,
        }
        record = self.private().training_record if private else self.training_record
        if record is not None:
            files[TRAINING_FILE] = record.to_bytes(seal_of(self.content))
        keep = partial(check_before, target) if old and old.is_kept_for(new) else None
        with folder_written_atomically(target, keep=keep) as fresh:
            for name, content in files.items():
                (fresh / name).write_bytes(content)
        return target

    def check_place(
        self, target: Path, *, replace: bool = False, private: bool = False
    ) -> tuple[Known | None, Known]:
        """The model that saving would replace, if any, and this one.

        Raises:
            DestinationError: it cannot be saved there, as far as can be told beforehand.
        """
        check_replaceable(target)
        old, new = replaced_in(target), self.known_as(private=private)
        if old and not replace:
            from .replacing import check_same_source  # a guess does without it

            check_same_source(target, old, new)
        return old, new

    def __getstate__(self) -> dict[str, object]:
        """For a pickle: taken in one step, since other threads may be at work with it."""
        return self.__dict__.copy()

    def known_as(self, *, private: bool = False) -> Known:
        """What another model is held against that it may take the place of."""
        from .replacing import Known  # a guess does without it

        record = self.training_record
        without = private or record.run.private if record else None
        return Known(self.digest, self.labels, record, without)

    @cached_property
    def _sessions(self) -> Sessions:
        return self._shared or Sessions(self.content)


def load(path: str | os.PathLike[str]) -> Classifier:
    """Load a model folder, or a model file alone.

    Raises:
        UsageError: it is at an address.
        ModelError: there is none, or it is damaged, foreign, hostile, or from a newer release.
    """
    check_model_here(path)
    given = Path(path)
    if not os.path.exists(given):  # where no two folders can be exchanged in one step, a model that
        time.sleep(_GAP)  # is being replaced is away for a moment
    is_folder = os.path.isdir(given)  # unlike Path's, never raises
    file = given / MODEL_FILE if is_folder else given
    try:
        content, record = read_whole(file)
        manifest = check_model(content)
    except FileNotFoundError:
        raise ModelError(
            f"{shown(given)} has no {MODEL_FILE} in it."
            if is_folder
            else f"{shown(given)} does not exist.",
            hint="Give a model's folder, as tellapart train writes it.",
        ) from None
    except OSError as error:
        raise ModelError(
            f"{shown(file)} cannot be read: {(error.strerror or '').lower()}."
        ) from error
    except ModelError as error:
        raise error.about(shown(file)) from error
    return Classifier(content, manifest, record)
