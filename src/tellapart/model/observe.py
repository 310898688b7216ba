"""Pictures -> what a model sees in each, through the cache of embeddings.

Everything that needs a model's view of pictures comes through here. A picture whose content was
embedded before, by a training or another command, costs only reading the cache.

    picture ─ content ─ cache, or network ─ embedding ─ end of the model ─ scores, novelty

The model file is run in two halves, from the picture to the embedding and from there to the
answer; both are cut from it, so the answers are those of the whole, bit for bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..backbones.embed import Embedded, Embedder
from ..backbones.parts import embedded_far
from ..backbones.session import LazySession, beginning, ending
from ..errors import PictureError
from ..images.decode import Picture
from ..workers.local import Each, batches_of, local_map
from ..workers.places import Place, current_place
from .outputs import checked

if TYPE_CHECKING:
    from .classifier import Classifier

BATCH = 4  # pictures a thread takes at a time
_ANSWERS = ("logits", "scores", "novelty")


@dataclass(frozen=True)
class Observation:
    """What a model with K labels sees in one picture.

    Attributes:
        digest: the sha256 of the picture's content, in hex; empty where it was given as pixels.
        embedding: float32 `[D]`.
        logits: float32 `[K]`, calibrated; their softmax are the scores.
        scores: float32 `[K]`.
        novelty: how far it is from everything that was learnt from.
        unknown: whether it is farther than the model admits: none of its labels.
    """

    digest: str
    embedding: np.ndarray
    logits: np.ndarray
    scores: np.ndarray
    novelty: float
    unknown: bool


@dataclass(frozen=True)
class _NetworkInside:
    """The embedding network of a model, cut from its file. What it is known by in the cache is what
    it is, and not what the file says: a model from anyone can neither read nor write embeddings of
    another network."""

    name: str
    content: bytes

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Observer:
    """The unit of work: `process(pictures)` gives what is seen in each, or its `PictureError`."""

    def __init__(self, classifier: Classifier, cache_folder: Path | None = None) -> None:
        self.classifier = classifier
        self.cache_folder = cache_folder

    def start(self) -> None:
        self.embedder = embedder_of(self.classifier, self.cache_folder)
        self.embedder.start()
        self._end = _End(self.classifier)

    def process(self, batch: Sequence[Picture]) -> list[Observation | PictureError]:
        """The end of the model sees all of them at once: it is the same to the bit, and quicker."""
        embedded = [self._embedded(picture) for picture in batch]
        seen = iter(self._end.observe_all([one for one in embedded if isinstance(one, tuple)]))
        return [next(seen) if isinstance(one, tuple) else one for one in embedded]

    def finish(self) -> None:
        self.embedder.finish()

    def _embedded(self, picture: Picture) -> tuple[np.ndarray, str] | PictureError:
        try:
            found = self.embedder.embed(picture)
        except PictureError as error:
            return error
        assert found.vector is not None
        return found.vector, found.digest.hex()

    def observe(self, picture: Picture) -> Observation:
        """What the model sees in one picture.

        Raises:
            PictureError: it cannot be read.
        """
        found = self.embedder.embed(picture)
        assert found.vector is not None
        return self._end.observe(found.vector, found.digest.hex())


class _End:
    """The second half of a model: from the embedding to the answer."""

    def __init__(self, classifier: Classifier) -> None:
        self._session = LazySession(ending(classifier.content, "embedding"), "embedding")
        self._labels = len(classifier.labels)
        self._unknown_above = classifier.unknown_above

    def observe(self, vector: np.ndarray, digest: str) -> Observation:
        return self.observe_all([(vector, digest)])[0]

    def observe_all(self, embedded: Sequence[tuple[np.ndarray, str]]) -> list[Observation]:
        """The answers about several pictures, from (embedding float32 `[D]`, digest) of each."""
        if not embedded:
            return []
        answers = self._session.run(_ANSWERS, np.stack([vector for vector, _ in embedded]))
        count = len(embedded)
        if count > 1 and any(np.shape(answer)[:1] != (count,) for answer in answers):
            return [self.observe(*one) for one in embedded]  # which says what is wrong with it
        seen = []
        for at, (vector, digest) in enumerate(embedded):
            of_one = answers if count == 1 else [answer[at : at + 1] for answer in answers]
            logits, scores, novelty = checked(_ANSWERS, of_one, self._labels)
            is_unknown = bool(novelty > self._unknown_above)
            seen.append(Observation(digest, vector, logits, scores, float(novelty), is_unknown))
        return seen


def embedder_of(classifier: Classifier, cache_folder: Path | None = None) -> Embedder:
    """The unit of work that embeds pictures with a model's own network, through the cache."""
    network = _NetworkInside(_space_name(classifier), beginning(classifier.content, "embedding"))
    return Embedder(network, cache_folder, check=_check_embedding)


def _space_name(classifier: Classifier) -> str:
    """How the cache's folder begins, as in training; a model from anyone may say anything."""
    said = classifier.manifest.quality
    return said if said.isascii() and said.isalnum() else "own"


def _check_embedding(vector: np.ndarray) -> None:
    checked(["embedding"], [vector[None]], 0)


def observe(
    classifier: Classifier,
    pictures: Iterable[Picture],
    *,
    place: Place | None = None,
) -> Generator[Observation | PictureError, None, None]:
    """What a model sees in each picture, in order, as they come; memory does not grow. Pictures are
    embedded at a place, or else where the work of this thread runs.

    An unreadable picture's `PictureError` stands in its place.
    """
    place = place or current_place()
    if not place.is_far:
        yield from local_map(Observer(classifier), batches_of(pictures, BATCH))
        return
    end = _End(classifier)

    def seen(one: Embedded | PictureError) -> Observation | PictureError:
        if isinstance(one, PictureError):
            return one
        assert one.vector is not None
        return end.observe(one.vector, one.digest.hex())

    with closing(embedded_far(pictures, embedder_of(classifier), place.map)) as embedded:
        yield from local_map(Each(seen), batches_of(embedded, BATCH))


def observe_embedded(
    classifier: Classifier, embedded: Iterable[tuple[np.ndarray, str]]
) -> Iterator[Observation]:
    """What a model sees in pictures that its own network has embedded: from (embedding float32
    `[D]`, digest) of each. No picture is read."""
    end = _End(classifier)
    for vector, digest in embedded:
        yield end.observe(vector, digest)
