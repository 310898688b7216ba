"""Testing: what the newest model says of a picture, and which model that is."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...errors import PictureError
from ...images.budget import at_most
from ...model.classifier import Classifier
from ...server.bodies.pictures import whole
from ...server.queue import Queue
from ...to_json.results import guessed, text
from ..model import model_json, trained
from ..studio import Studio
from .requests import in_thread

LARGEST = 2**26  # bytes of a picture to test
_WAITING = 8  # pictures: each page asks for one at a time
_DEADLINE = 20.0  # seconds
_PIXELS = 200_000_000
_BYTES = "application/octet-stream"
_READ = "Choose a picture's file as it is: JPEG, PNG, WebP, HEIC or the like."


def routes(studio: Studio) -> list[Route]:
    queue = Queue(_WAITING, _DEADLINE, partial(at_most, _PIXELS))

    async def guess(request: Request) -> Response:
        classifier = trained(studio).classifier
        queue.check_room()
        content = await whole(request, LARGEST)
        name = request.query_params.get("name", "-")
        told = await queue.ask_all([partial(_said, classifier, name, content)], request.receive)
        return Response(told[0] + "\n", media_type="application/json")

    async def model(request: Request) -> Response:
        return JSONResponse(await in_thread(model_json, studio))

    async def keep(request: Request) -> Response:
        content = await whole(request, LARGEST)
        number = studio.tested.keep(content)
        return JSONResponse({"tested": number}, 201)

    async def kept(request: Request) -> Response:
        return Response(studio.tested.content(request.path_params["number"]), media_type=_BYTES)

    return [
        Route("/api/guess", guess, methods=["POST"]),
        Route("/api/model", model),
        Route("/api/tested", keep, methods=["POST"]),
        Route("/api/tested/{number:number}/file", kept),
    ]


def _said(classifier: Classifier, name: str, content: bytes) -> str:
    try:
        return text(guessed(name, classifier.predict(content)))
    except PictureError as error:
        raise PictureError(
            f"This picture cannot be read: {error.message}.", hint=error.hint or _READ
        ) from None
