"""Training: what came of it, and what is chosen for it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...dataset.walk import UNLABELLED
from ...errors import DestinationError
from ...files.skipped import SkippedFile
from ...server.problems import HttpError
from ...text import shown
from ..studio import Studio
from ..verdict import figures
from .requests import body, in_thread, text


def _failed(file: SkippedFile) -> bool:
    """Whether a picture could not be read; else it has no label yet."""
    return file.reason != UNLABELLED


def routes(studio: Studio) -> list[Route]:
    trainer = studio.training

    def found() -> dict[str, object]:
        result = trainer.result
        return {
            "round": trainer.round,
            "result": figures(result) if result else None,
            "history": [one.to_json() for one in trainer.history],
            "skipped": [[shown(one.name), one.reason] for one in trainer.skipped if _failed(one)],
            "unlabelled": sum(not _failed(one) for one in trainer.skipped),
        }

    async def all_of_it(request: Request) -> Response:
        return JSONResponse(await in_thread(found))

    async def begin(request: Request) -> Response:
        trainer.ask(at_once=True)
        return JSONResponse(trainer.state)

    async def stop(request: Request) -> Response:
        trainer.stop()
        return JSONResponse(trainer.state)

    async def costs(request: Request) -> Response:
        trainer.take_times()
        return JSONResponse(trainer.state)

    async def choose(request: Request) -> Response:
        asked = await body(request)
        if not asked.keys() & {"quality", "sure_above"}:
            raise HttpError(400, "'quality' or 'sure_above' was expected.")
        try:
            if "quality" in asked:
                await in_thread(trainer.choose, text(asked, "quality"))
            if "sure_above" in asked:
                await in_thread(trainer.be_sure_above, asked["sure_above"])
        except OSError as error:
            raise DestinationError(
                f"The choice could not be written into the folder ({error.strerror}).",
                hint="It holds until the studio ends.",
            ) from error
        return JSONResponse(trainer.state)

    return [
        Route("/api/training", all_of_it),
        Route("/api/training/begin", begin, methods=["POST"]),
        Route("/api/training/stop", stop, methods=["POST"]),
        Route("/api/training/costs", costs, methods=["POST"]),
        Route("/api/training/choose", choose, methods=["POST"]),
    ]
