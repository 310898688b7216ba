"""Why a picture gets its answer, and what it would be if the picture were another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...explain import Sweep
from ...explain.files import Explained
from ...explain.places import place
from ...explain.words import arguing
from ...server.bodies.pictures import whole as body_of
from ...server.problems import HttpError
from ...to_json.explain import explained, predicted, swept
from ...to_json.results import Json
from ...workers.local import threads
from ..model import trained
from ..studio import Studio
from ..why import Look, Patch, Told, Why, to_show, whole, with_size
from .requests import in_thread, picture, until_hung_up

Out = TypeVar("Out")

_LARGEST = 2**26  # bytes of what was painted
_OFTEN = 0.1  # seconds between two words on how far a search is
_KEPT = {"Cache-Control": "private, max-age=3600"}
_BYTES = "application/octet-stream"
_NUMBERS = ("logits", "bias", "evidence", "overlays", "sweep", "mend")  # the page draws no numbers


def routes(studio: Studio) -> list[Route]:
    why = Why(lambda: trained(studio).classifier)
    turn = asyncio.Semaphore(threads())

    def found(request: Request) -> tuple[Path | bytes, Callable[[], Look]]:
        """The picture in the address: where it is, and how it is looked into."""
        if (number := request.path_params.get("number")) is not None:
            content = studio.tested.content(number)
            return content, lambda: why.look(f"tested-{number}", content, "tested")
        kept = picture(studio, request)
        path = studio.folder.path(kept)
        key = f"{kept.id}-{kept.version}"
        return path, lambda: why.look(key, path, kept.name, kept.label)

    async def asked(request: Request, answer: Callable[[Look, Patch | None], Out]) -> Out:
        """The answer for a picture as it was painted, which nobody gets who has hung up."""
        patch = await _patch(request)
        _, look = found(request)
        async with turn:
            if await request.is_disconnected():  # a newer stroke has taken this one's place
                raise ClientDisconnect
            return await until_hung_up(request, lambda: answer(look(), patch))

    async def explain(request: Request) -> Response:
        told = await asked(request, why.explain)
        return JSONResponse(_explained(studio, told))

    async def answer(request: Request) -> Response:
        return JSONResponse(predicted(await asked(request, why.answer)))

    async def depends(request: Request) -> Response:
        told, name = 0.0, request.query_params.get("as", "")

        def progress(done: int, total: int) -> None:
            nonlocal told
            if done == total or time.monotonic() - told > _OFTEN:
                told = time.monotonic()
                studio.events.tell("depends", {"as": name, "done": done, "total": total})

        def answer(look: Look, patch: Patch | None) -> Sweep:
            return why.hangs_on(look, patch, progress=progress)

        return JSONResponse(swept(await asked(request, answer)))

    async def pixels(request: Request) -> Response:
        source, look = found(request)
        seen = (await in_thread(look)).pixels
        if "whole" in request.query_params:
            seen = await in_thread(whole, source, seen)
        return Response(await in_thread(with_size, seen), media_type=_BYTES)

    async def shown(request: Request) -> Response:
        source, look = found(request)
        content = await in_thread(to_show, source, (await in_thread(look)).pixels)
        return Response(content, media_type="image/webp", headers=_KEPT)

    async def evidence(request: Request) -> Response:
        key, label = request.path_params["key"], request.query_params.get("label", "")
        content = await in_thread(why.map_of, key, label)
        return Response(content, media_type="image/png", headers=_KEPT)

    return [
        Route("/api/why/maps/{key}", evidence),
        *(
            route
            for place in ("/api/why/{id:number}", "/api/why/tested/{number:number}")
            for route in (
                Route(place, explain, methods=["POST"]),
                Route(f"{place}/answer", answer, methods=["POST"]),
                Route(f"{place}/depends", depends, methods=["POST"]),
                Route(f"{place}/pixels", pixels),
                Route(f"{place}/picture", shown),
            )
        ),
    ]


async def _patch(request: Request) -> Patch | None:
    """What was painted: the body, in the box `?box=left,top,right,bottom`; None without a box.

    Raises:
        HttpError: the box is none, or the body is too large.
    """
    said = request.query_params.get("box", "")
    content = await body_of(request, _LARGEST)
    if not said:
        return None
    edges = said.split(",")
    if len(edges) != 4 or not all(edge.isdecimal() and len(edge) < 8 for edge in edges):
        raise HttpError(400, "A box was expected as ?box=left,top,right,bottom.")
    left, top, right, bottom = map(int, edges)
    return Patch(left, top, right, bottom, content)


def _explained(studio: Studio, told: Told) -> dict[str, Json]:
    """What `explain --json` says, without what the page does not draw; `map` is the key of the
    maps, `size` the width and height of what the model is given, and the `id` of a training picture
    is that of the folder, null where it is not there any more. `where` is the place in the picture
    that argues most for the winner, and for its rival: empty where it is spread, null where hardly
    any does."""
    found = told.explanation
    said: dict[str, Any] = explained(Explained(told.name, found, None, ()))
    for name in _NUMBERS:
        del said[name]
    shares = said["shares"] or {}
    sides = [case[side] for case in shares.values() for side in ("most_for", "most_against")]
    for one in [*said["nearest"], *(one for side in sides for one in side)]:
        kept = studio.folder.named(one["path"])
        one["id"], one["version"] = (kept.id, kept.version) if kept else (None, "")
    height, width = found.pixels.shape[:2]
    gain, loss = arguing(found.lead)
    where: dict[str, Json] = {
        "for": place(found.lead) if gain else None,
        "against": place(-found.lead) if loss else None,
    }
    return {**said, "where": where, "map": told.key, "size": [width, height]}
