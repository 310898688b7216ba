"""`GET /openapi.json`: every door, in the words of OpenAPI 3.1.

What is answered is described from the very types that the functions of `to_json` give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...images.kinds import FORMATS
from ...to_json.shapes import Problem
from ...version import __version__
from .. import problems
from ..doors import BYTES, DOORS, JSON, Door
from ..inference.tensors import LENGTH
from ..inference.versions import VERSION as MODEL_VERSION
from .query import PARAMETERS
from .schemas import Schema, Schemas

VERSION = "3.1.0"
_PICTURES = "image/*"

_REFUSED = {
    400: "The request is not as it should be: `detail` says what was wrong, `hint` what to do.",
    401: "The token is missing or wrong.",
    403: "A page of another origin asks, which is not allowed.",
    404: "There is no such model, or no such address.",
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
    problem = schemas.of(Problem)
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
            "content": {
                door.media: {"schema": schemas.of(door.answer)},
                **({door.also: {}} if door.also else {}),
            },
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
    if door.is_open:
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
    if door.body == "pictures":
        parameters += [
            {
                "name": one.name,
                "in": "query",
                "description": one.description,
                "schema": dict(one.schema),
            }
            for one in PARAMETERS
        ]
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
    if door.body == "tensors":
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
            BYTES: {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "description": "Files, whatever their fields are called.",
                    "additionalProperties": {"type": "string", "format": "binary"},
                    "minProperties": 1,
                }
            },
            JSON: {
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
    return {"required": True, "content": {JSON: {"schema": asked}}}
