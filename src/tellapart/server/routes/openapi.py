"""`GET /openapi.json`: every door, in the words of OpenAPI 3.1.

What is answered is described from the very types that the functions of `to_json` give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...images.kinds import FORMATS
from ...to_json.shapes import Alive, AllServed, Doors, Guess, Ready, Served, Unreadable
from ...version import __version__
from .. import problems
from ..guards.admission import OPEN
from ..inference.routes import VERSION as MODEL_VERSION
from ..inference.tensors import LENGTH
from . import metrics
from .schemas import Schema, Schemas

VERSION = "3.1.0"
_JSON = "application/json"
_PICTURES = "image/*"

_QUERY: Sequence[Schema] = (
    {
        "name": "top",
        "in": "query",
        "description": "How many of the likeliest scores to give.",
        "schema": {"type": "integer", "minimum": 1},
    },
    {
        "name": "evidence",
        "in": "query",
        "description": "Whether to give a map for each label: where in the picture it was seen.",
        "schema": {"type": "boolean", "default": False},
    },
    {
        "name": "admit",
        "in": "query",
        "description": "The fraction of pictures of the model's own labels that counts as known, "
        "such as 95% or 0.95; with 100% no picture is unknown.",
        "schema": {"type": "string", "examples": ["95%", "0.95", "100%"]},
    },
)
_REFUSED = {
    400: "The request is not as it should be: `detail` says what was wrong, `hint` what to do.",
    401: "The token is missing or wrong.",
    403: "A page of another origin asks, which is not allowed.",
    404: "There is no such model, or no such door.",
    405: "Not by this method.",
    408: "The request took too long to come.",
    413: "The body is too large, or has too many pictures.",
    415: "This is no picture of a kind that can be read.",
    421: "The Host header has a name that this server does not answer to.",
    422: "This picture is broken, or too large to be read.",
    431: "The head of the request is too large.",
    500: "Something went wrong here.",
    503: "Too much to do; `Retry-After` has the seconds until it is worth asking again.",
}
_RETRY = {
    "Retry-After": {
        "description": "Seconds after which it is worth asking again.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_ALWAYS = (400, 401, 403, 405, 421, 431, 500, 503)


@dataclass(frozen=True)
class Door:
    """A method of a path.

    Attributes:
        method: of HTTP.
        path: the template of the route.
        summary: what it is for, in a sentence.
        answer: the type of what it answers.
        media: in which form.
        errors: statuses of problems besides those of every door.
        takes_pictures: whether its body is pictures.
        more: other statuses, with what they mean.
    """

    method: str
    path: str
    summary: str
    answer: Any = None
    media: str = _JSON
    errors: Sequence[int] = ()
    takes_pictures: bool = False
    more: Mapping[str, str] = field(default_factory=dict)


_GUESSING = (404, 408, 413, 415, 422)
_DOORS: Sequence[Door] = (
    Door(
        "POST",
        "/v1/guess",
        "Say what is in a picture, or in several, by the default model.",
        Guess | list[Guess | Unreadable],
        errors=_GUESSING,
        takes_pictures=True,
    ),
    Door(
        "POST",
        "/v1/models/{name}/guess",
        "Say what is in a picture, or in several, by this model.",
        Guess | list[Guess | Unreadable],
        errors=_GUESSING,
        takes_pictures=True,
    ),
    Door("GET", "/v1/models", "All models: their labels, and how good they are.", AllServed),
    Door(
        "GET",
        "/v1/models/{name}",
        "A model: its labels, and how good it is.",
        Served,
        errors=(404,),
        more={"304": "The model is the one that `If-None-Match` names by its digest."},
    ),
    Door("GET", "/healthz", "Whether the process lives.", Alive),
    Door("GET", "/readyz", "Whether it answers; 503 while it ends.", Ready),
    Door("GET", "/metrics", "Figures for Prometheus.", str, media=metrics.MEDIA_TYPE),
    Door("GET", "/openapi.json", "This description.", dict[str, object]),
    Door("GET", "/", "The names of all doors.", Doors),
)
_TENSORS = (404, 408, 413, 415, 422)
DOORS: Sequence[Door] = (
    *_DOORS,
    Door("GET", "/v2", "The server, in the Open Inference Protocol.", dict[str, object]),
    Door("GET", "/v2/health/live", "Whether the process lives.", dict[str, bool]),
    Door("GET", "/v2/health/ready", "Whether it answers.", dict[str, bool]),
    Door("POST", "/v2/repository/index", "The names of all models.", list[dict[str, str]]),
    *(
        Door(
            method, f"/v2/models/{{name}}{version}{path}", summary, dict[str, object], errors=errors
        )
        for method, path, summary, errors in (
            ("GET", "", "The input and the outputs of a model.", (404,)),
            ("GET", "/ready", "Whether a model answers.", (404,)),
            ("GET", "/config", "A model, in the words of Triton.", (404,)),
            ("POST", "/infer", "Outputs of a model for pictures.", _TENSORS),
        )
        for version in ("", "/versions/{version}")
    ),
)
_TAGS = {"/v1": "Pictures and models", "/v2": "Open Inference Protocol", "/": "The server"}


@dataclass(frozen=True)
class OpenApi:
    """The route. It never changes: the names of the models are those of the command line."""

    document: Schema

    async def answer(self, request: Request) -> Response:
        return JSONResponse(self.document)


def document(names: Sequence[str], *, token: bool, largest: int, most: int) -> Schema:
    """The description of a server of models of these `names`. Whether clients need a `token`, and
    how many bytes and pictures a request may have at most, is in it too."""
    schemas = Schemas()
    problem = _problem(schemas)
    paths: dict[str, Schema] = {}
    for door in DOORS:
        paths.setdefault(door.path, {})[door.method.lower()] = _operation(
            door, names, schemas, problem, largest, most
        )
    described: Schema = {
        "openapi": VERSION,
        "info": {
            "title": "tellapart",
            "version": __version__,
            "summary": "A picture in, its label out.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas.named},
    }
    if token:
        described["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
        }
        described["security"] = [{"token": []}]
    return described


def _operation(
    door: Door,
    names: Sequence[str],
    schemas: Schemas,
    problem: Schema,
    largest: int,
    most: int,
) -> Schema:
    answers: dict[str, Schema] = {
        "200": {
            "description": door.summary,
            "content": {door.media: {"schema": schemas.of(door.answer)}},
        },
        **{status: {"description": words} for status, words in door.more.items()},
    }
    for status in sorted({*_ALWAYS, *door.errors}):
        answers[str(status)] = {
            "description": f"{HTTPStatus(status).phrase}. {_REFUSED[status]}",
            "content": {problems.MEDIA_TYPE: {"schema": problem}},
            **({"headers": _RETRY} if status == 503 else {}),
        }
    operation: Schema = {
        "summary": door.summary,
        "operationId": _identifier(door),
        "tags": [next(words for start, words in _TAGS.items() if door.path.startswith(start))],
        "responses": answers,
    }
    if door.path in OPEN:
        operation["security"] = []
    parameters: list[Schema] = []
    if "{name}" in door.path:
        parameters.append(
            {
                "name": "name",
                "in": "path",
                "required": True,
                "description": "The name of a model.",
                "schema": {"type": "string", "enum": list(names)},
            }
        )
    if door.takes_pictures:
        parameters += _QUERY
        operation["requestBody"] = _body(largest, most)
    if "{version}" in door.path:
        parameters.append(
            {
                "name": "version",
                "in": "path",
                "required": True,
                "description": "The version of the model; there is one.",
                "schema": {"type": "string", "enum": [MODEL_VERSION]},
            }
        )
    if door.path.endswith("/infer"):
        parameters.append(
            {
                "name": LENGTH,
                "in": "header",
                "description": "The length of the JSON in the body, if bytes of tensors follow it.",
                "schema": {"type": "integer", "minimum": 0},
            }
        )
        operation["requestBody"] = _inference_body()
    if parameters:
        operation["parameters"] = parameters
    return operation


def _identifier(door: Door) -> str:
    words = [word.strip("{}") for word in door.path.replace(".", "/").split("/") if word]
    return "_".join([door.method.lower(), *words])


def _body(largest: int, most: int) -> Schema:
    coded = {"type": "string", "contentEncoding": "base64"}
    named = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "picture": coded},
        "required": ["picture"],
        "additionalProperties": False,
    }
    several = {
        "type": "array",
        "items": {"oneOf": [coded, named]},
        "minItems": 1,
        "maxItems": most,
    }
    return {
        "required": True,
        "description": f"One picture ({', '.join(sorted(FORMATS))}) as the body itself; or several,"
        f" at most {most}, as a form's files or in JSON. At most {largest / 2**20:.0f} MB in all.",
        "content": {
            _PICTURES: {"schema": {"type": "string", "format": "binary"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "description": "Files, whatever their fields are called.",
                    "additionalProperties": {"type": "string", "format": "binary"},
                    "minProperties": 1,
                }
            },
            _JSON: {
                "schema": {
                    "oneOf": [
                        {
                            "type": "object",
                            "properties": {"picture": coded},
                            "required": ["picture"],
                            "additionalProperties": False,
                        },
                        {
                            "type": "object",
                            "properties": {"pictures": several},
                            "required": ["pictures"],
                            "additionalProperties": False,
                        },
                    ]
                }
            },
        },
    }


def _inference_body() -> Schema:
    tensor = {
        "type": "object",
        "description": "Encoded pictures, BYTES [N] or [N,1], in JSON as base64; or pixels, UINT8 "
        "[N,H,W,3].",
        "properties": {
            "name": {"const": "image"},
            "datatype": {"enum": ["BYTES", "UINT8"]},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "data": {"type": "array"},
            "parameters": {"type": "object"},
        },
        "required": ["name", "datatype", "shape"],
    }
    asked = {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": tensor, "minItems": 1, "maxItems": 1},
            "outputs": {"type": "array", "items": {"type": "object"}},
            "parameters": {"type": "object"},
        },
        "required": ["inputs"],
    }
    return {"required": True, "content": {_JSON: {"schema": asked}}}


def _problem(schemas: Schemas) -> Schema:
    """RFC 9457, as `problems.problem` writes it."""
    schemas.named["Problem"] = {
        "type": "object",
        "description": "What was wrong, in `detail`, and what to do, in `hint` (RFC 9457).",
        "properties": {
            "type": {"type": "string", "description": "Always `about:blank`."},
            "title": {"type": "string", "description": "The status in words."},
            "status": {"type": "integer", "description": "The status of HTTP."},
            "detail": {"type": "string", "description": "What was wrong, and what was expected."},
            "hint": {"type": "string", "description": "What to do."},
            "error": {"type": "string", "description": "Both, for clients of `/v2`."},
        },
        "required": ["type", "title", "status", "detail", "hint"],
    }
    return {"$ref": "#/components/schemas/Problem"}
