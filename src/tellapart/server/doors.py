"""The doors of a server, each once: the routes are made from these rows, and so are the description
of them all and the list of those that are open without a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..to_json.shapes import Alive, AllServed, Doors, Guess, Ready, Served, Unreadable
from .inference.shapes import (
    Inferred,
    ModelConfiguration,
    ModelIsReady,
    ModelMetadata,
    ModelState,
    ServerIsReady,
    ServerLives,
    ServerMetadata,
)

JSON = "application/json"
FIGURES = "text/plain; version=0.0.4; charset=utf-8"  # as Prometheus reads them
BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Door:
    """A method of a path.

    Attributes:
        method: of HTTP.
        path: the template of the route.
        answered_by: the name of what answers.
        summary: what it is for, in a sentence.
        answer: the type of what it answers.
        media: in which form.
        also: another form of the answer, which has no type; empty for none.
        errors: statuses of problems besides those of every door.
        body: what it takes; empty for nothing.
        more: other statuses, with what they mean.
        is_open: whether one may ask without a token.
    """

    method: str
    path: str
    answered_by: str
    summary: str
    answer: Any
    media: str = JSON
    also: str = ""
    errors: Sequence[int] = ()
    body: Literal["", "pictures", "tensors"] = ""
    more: Mapping[str, str] = field(default_factory=dict)
    is_open: bool = False


_BODY = (408, 413, 415, 422)
_GUESSES = Guess | list[Guess | Unreadable]
_OF_PICTURES: Sequence[Door] = (
    Door(
        "POST",
        "/v1/guess",
        "guess",
        "Say what is in a picture, or in several, by the default model.",
        _GUESSES,
        errors=(404, *_BODY),
        body="pictures",
    ),
    Door(
        "POST",
        "/v1/models/{name}/guess",
        "guess",
        "Say what is in a picture, or in several, by this model.",
        _GUESSES,
        errors=(404, *_BODY),
        body="pictures",
    ),
    Door(
        "GET", "/v1/models", "models", "All models: their labels, and how good they are.", AllServed
    ),
    Door(
        "GET",
        "/v1/models/{name}",
        "model",
        "A model: its labels, and how good it is.",
        Served,
        errors=(404,),
        more={"304": "The model is the one that `If-None-Match` names by its digest."},
    ),
)
_OF_THE_SERVER: Sequence[Door] = (
    Door("GET", "/healthz", "alive", "Whether the process lives.", Alive, is_open=True),
    Door("GET", "/readyz", "ready", "Whether it answers; 503 while it ends.", Ready, is_open=True),
    Door("GET", "/metrics", "metrics", "Figures for Prometheus.", str, FIGURES),
    Door("GET", "/openapi.json", "openapi", "This description.", dict[str, object]),
    Door("GET", "/", "doors", "What can be asked here, and where.", Doors),
)


def _of_a_version(version: str) -> Sequence[Door]:
    model = f"/v2/models/{{name}}{version}"
    return (
        Door(
            "GET",
            model,
            "v2_metadata",
            "The input and the outputs of a model.",
            ModelMetadata,
            errors=(404,),
        ),
        Door(
            "GET",
            f"{model}/ready",
            "v2_model_ready",
            "Whether a model answers.",
            ModelIsReady,
            errors=(404,),
        ),
        Door(
            "GET",
            f"{model}/config",
            "v2_configuration",
            "A model, in the words of Triton.",
            ModelConfiguration,
            errors=(404,),
        ),
        Door(
            "POST",
            f"{model}/infer",
            "v2_infer",
            "Outputs of a model for pictures.",
            Inferred,
            also=BYTES,
            errors=(404, *_BODY),
            body="tensors",
        ),
    )


_OF_TENSORS: Sequence[Door] = (
    Door("GET", "/v2", "v2_server", "The server, in the Open Inference Protocol.", ServerMetadata),
    Door(
        "GET", "/v2/health/live", "v2_live", "Whether the process lives.", ServerLives, is_open=True
    ),
    Door("GET", "/v2/health/ready", "v2_ready", "Whether it answers.", ServerIsReady, is_open=True),
    Door("POST", "/v2/repository/index", "v2_index", "The names of all models.", list[ModelState]),
    *_of_a_version(""),
    *_of_a_version("/versions/{version}"),
)
DOORS: Sequence[Door] = (*_OF_PICTURES, *_OF_THE_SERVER, *_OF_TENSORS)
OPEN = frozenset(door.path for door in DOORS if door.is_open)
"""What may be asked without a token: whether the server lives, for what balances load."""
