"""`POST /v1/guess`: pictures in, what `guess --json` says of them out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from ..errors import PictureError, UsageError
from ..model.classifier import Classifier, Prediction
from ..to_json.results import Json, guessed, text
from .bodies import Sent, pictures_of
from .config import Config
from .models import Models
from .queue import Queue


@dataclass(frozen=True)
class Wishes:
    """What a query asks for: `?top=3&evidence=true&admit=95%`."""

    top: int | None = None
    evidence: bool = False
    admit: float | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wishes:
        """Those of a query.

        Raises:
            UsageError: one of them cannot be.
        """
        unknown = sorted(query.keys() - {"top", "evidence", "admit"})
        if unknown:
            raise UsageError(f"There is no parameter {unknown[0]!r}.")
        return cls(_top(query), query.get("evidence") == "true", None)


def _top(query: Mapping[str, str]) -> int | None:
    if "top" not in query:
        return None
    if not query["top"].isascii() or not query["top"].isdigit() or not int(query["top"]):
        raise UsageError("top is not a number from 1 on.")
    return int(query["top"])


@dataclass(frozen=True)
class Guessing:
    """The route, with what it needs."""

    models: Models
    queue: Queue
    config: Config

    async def answer(self, request: Request) -> Response:
        classifier = self.models.get(request.path_params.get("name", ""))
        wishes = Wishes.of(request.query_params)
        if wishes.admit is not None:
            classifier = classifier.admitting(wishes.admit)
        pictures = await pictures_of(request, self.config)
        jobs = [self._one(classifier, sent, wishes, pictures.listed) for sent in pictures.sent]
        told = await asyncio.gather(*jobs)
        return Response(text(told if pictures.listed else told[0]) + "\n", media_type=JSON)

    async def _one(
        self, classifier: Classifier, sent: Sent, wishes: Wishes, listed: bool
    ) -> dict[str, Json]:
        """What is said of one picture; among several, one that cannot be read has its `error`."""
        outcome: Prediction | PictureError
        try:
            outcome = await self.queue.ask(_predicted, classifier, sent.content, wishes.evidence)
        except PictureError as error:
            if not listed:
                raise
            outcome = error
        return guessed(sent.name, outcome, wishes.top)


JSON = "application/json"


def _predicted(classifier: Classifier, content: bytes, evidence: bool) -> Prediction:
    return classifier.predict(content, evidence=evidence)
