"""`POST /v1/guess`: pictures in, what `guess --json` says of them out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from ..errors import PictureError
from ..model.classifier import Classifier, Prediction
from ..to_json.results import Json, guessed, text
from .bodies import Sent, pictures_of
from .config import Config
from .models import Models
from .queue import Queue
from .wishes import Wishes


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
