"""Mending: what is confused, what a check finds, what is lacking, and what was decided."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...assess.carrying_out import planned
from ...assess.check.mending import DROP, GROUP, KEEP, RELABEL
from ...assess.deciding import listed
from ...dataset.decision import Decision
from ...errors import TellapartError
from ...model.classifier import Classifier
from ...server.problems import HttpError
from ...text import shown
from ...to_json import fix
from ...to_json.results import Json
from ..carrying import carried_out
from ..changes import TakeBack
from ..confusion import confusion, pictures_in
from ..deck_json import standing
from ..folder import Folder
from ..gaps import gaps_of
from ..labelling import Plan
from ..studio import Studio
from .requests import body, in_thread, numbers, text


def routes(studio: Studio) -> list[Route]:
    def told(kind: str = "") -> JSONResponse:
        return JSONResponse(standing(studio.mending.standing(), kind))

    async def change(plan: Callable[[Folder], Plan]) -> Response:
        await in_thread(studio.change, plan)
        return await in_thread(told)

    async def now(request: Request) -> Response:
        return await in_thread(told, request.query_params.get("kind", ""))

    async def again(request: Request) -> Response:
        studio.mending.check_again()
        return await in_thread(told)

    async def decide(request: Request) -> Response:
        asked = await body(request)
        how = text(asked, "how")
        if how not in (RELABEL, DROP, KEEP, GROUP):
            raise HttpError(400, f"There is no decision {shown(how)}.")
        value, key = str(asked.get("value") or ""), str(asked.get("key") or "")
        ids = numbers(asked)
        return await change(lambda _: studio.mending.decided(ids, how, value, key))

    async def skip(request: Request) -> Response:
        asked = await body(request)
        studio.mending.skip(text(asked, "key"), back=bool(asked.get("back")))
        return await in_thread(told)

    async def apply(request: Request) -> Response:
        return await change(lambda _: studio.mending.all_sure())

    async def matrix(request: Request) -> Response:
        return await of_model(confusion, request.query_params.get("of", ""))

    async def cell(request: Request) -> Response:
        query = request.query_params
        asked = [query.get(key, "") for key in ("of", "label", "predicted")]
        return await of_model(pictures_in, *asked, studio.folder.known_as)

    async def gaps(request: Request) -> Response:
        return await of_model(gaps_of, studio.folder.known_as)

    async def of_model(tell: Callable[..., dict[str, Json]], *arguments: object) -> Response:
        classifier: Classifier | None = studio.training.classifier
        if classifier is None:
            return JSONResponse({"trained": False})
        found = await in_thread(tell, classifier, *arguments)
        return JSONResponse({"trained": True, **found})

    async def decided(request: Request) -> Response:
        return JSONResponse(await in_thread(_decided, studio))

    async def take_back(request: Request) -> Response:
        asked = await body(request)
        wanted = (text(asked, "path"), text(asked, "sha256"), text(asked, "decision"))

        def plan(folder: Folder) -> Plan:
            rows = [one for one in listed(folder.root) if _known_by(one) == wanted]
            return f"Decision on {shown(wanted[0])} taken back", [TakeBack(one) for one in rows]

        await in_thread(studio.change, plan)
        return JSONResponse(await in_thread(_decided, studio))

    async def carry_out(request: Request) -> Response:
        await in_thread(studio.change, carried_out)
        return JSONResponse(await in_thread(_decided, studio))

    return [
        Route("/api/mend", now),
        Route("/api/mend/again", again, methods=["POST"]),
        Route("/api/mend/decide", decide, methods=["POST"]),
        Route("/api/mend/skip", skip, methods=["POST"]),
        Route("/api/mend/apply", apply, methods=["POST"]),
        Route("/api/mend/matrix", matrix),
        Route("/api/mend/cell", cell),
        Route("/api/mend/gaps", gaps),
        Route("/api/mend/decided", decided),
        Route("/api/mend/take-back", take_back, methods=["POST"]),
        Route("/api/mend/carry-out", carry_out, methods=["POST"]),
    ]


def _known_by(one: Decision) -> tuple[str, str, str]:
    return one.path, one.digest, one.decision


def _decided(studio: Studio) -> dict[str, Json]:
    """What was decided, the newest first, each with the number of its picture (0 where that is not
    known), and how many files would move if all was carried out."""
    rows = listed(studio.root)
    told = fix.listed(rows)["decisions"]
    assert isinstance(told, list)
    decisions = [{**row, "id": studio.folder.known_as(row["path"])} for row in reversed(told)]
    try:
        files = len(planned(studio.root)) if any(one.in_force for one in rows) else 0
    except TellapartError:  # a folder without labels yet
        files = 0
    return {"decisions": decisions, "to_move": files}
