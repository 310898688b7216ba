"""`POST /v1/guess`: pictures in, what `guess --json` says of them out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from ...errors import PictureError
from ...model.classifier import Classifier
from ...to_json.results import guessed, text
from ..bodies.pictures import Sent, pictures_of
from ..config import Config
from ..models import Models
from ..queue import Queue
from ..records.account import Account, account
from .query import GuessQuery


@dataclass(frozen=True)
class Guessing:
    """The route, with what it needs."""

    models: Models
    queue: Queue
    config: Config

    async def answer(self, request: Request) -> Response:
        model = self.models.model(request.path_params.get("name", ""))
        account().model, classifier = model.name, model.classifier
        wishes = GuessQuery.of(request.query_params)
        if wishes.admit is not None:
            classifier = classifier.admitting(wishes.admit)
        self.queue.check_room()  # before the body is read
        pictures = await pictures_of(request, self.config, self.queue)
        listed = pictures.listed
        said = partial(_said, classifier, wishes, listed, account(), time.monotonic())
        calls = [partial(said, sent) for sent in pictures.sent]
        told = await self.queue.ask_all(calls, request.receive, pictures.came)
        body = f"[{', '.join(told)}]" if listed else told[0]
        return Response(body + "\n", media_type=JSON)


JSON = "application/json"


def _said(
    classifier: Classifier,
    wishes: GuessQuery,
    listed: bool,
    noted: Account,
    asked: float,
    sent: Sent,
) -> str:
    """What is said of one picture, as JSON; of several, one that cannot be read has its `error`."""
    waited = time.monotonic() - asked
    try:
        found = classifier.predict(sent.content, evidence=wishes.evidence)
    except PictureError as error:  # kept in no variable, which it would keep, and so the picture
        noted.saw(waited, error)
        if not listed:
            raise PictureError(error.message, hint=error.hint or sent.hint) from None
        return text(guessed(sent.name, error, wishes.top))
    noted.saw(waited, found)
    return text(guessed(sent.name, found, wishes.top))
