"""What a server answered -> predictions and plain values, or an error of the one tree."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import numpy as np

from ..errors import PictureError, ServerError, TellapartError, UsageError
from ..images.kinds import sniff
from ..model.prediction import Prediction
from ..text import shown
from ..to_json.results import Json
from ..to_json.shapes import Served

OURS = "application/problem+json"
_OF_THE_PICTURE = (413, 415, 422)
_OF_THE_REQUEST = (400, 404)
_MOST = 200  # letters of what a server says that are told


@dataclass(frozen=True)
class Answer:
    """What came back: `headers` by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """Its media type, such as `application/json`."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def json(self) -> Json:
        """Its body as JSON; None where it is none."""
        try:
            value: Json = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value


def value_of(answer: Answer, address: str) -> Mapping[str, Json]:
    """The JSON object that a server at `address` answered.

    Raises:
        PictureError: it cannot read the picture.
        UsageError: there is no such model, or it does not offer what it was asked for.
        ServerError: it refused, failed, or is no server of ours.
    """
    if answer.status != 200:
        raise refusal(answer, address)
    value = answer.json
    if not isinstance(value, Mapping):
        raise _no_server(answer, address)
    return value


def refusal(answer: Answer, address: str) -> TellapartError:
    """What an answer other than 200 means."""
    status = answer.status
    said = answer.json if answer.kind == OURS else None
    if not isinstance(said, Mapping) or not isinstance(said.get("detail"), str):
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return PictureError(f"larger than {address}, or what stands before it, takes")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return ServerError(
                f"{address} did not let us in.",
                hint="It, or what stands before it, wants another token.",
                status=status,
            )
        return _no_server(answer, address)
    detail, hint = _short(said["detail"]), _short(said.get("hint"))
    if status in _OF_THE_PICTURE:
        # Of a broken picture the hint is on how to send it, which is ours to know.
        too_large = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return PictureError(detail, hint=hint if too_large else "")
    if status in _OF_THE_REQUEST:
        return UsageError(detail, hint=hint)
    if status == HTTPStatus.UNAUTHORIZED:
        hint = "Give its token: Client(url, token)."
    return ServerError(f"{address} refused: {detail}", hint=hint, status=status)


def _short(said: object) -> str:
    text = shown(said) if isinstance(said, str) else ""
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."


def _no_server(answer: Answer, address: str) -> ServerError:
    """The error where something else answered, or something in between."""
    status = answer.status
    if 300 <= status < 400:
        place = _short(answer.headers.get("location", "nowhere"))
        return ServerError(
            f"{address} sent us on, to {place}, and no redirect is followed.",
            hint="Give the address of the server itself.",
            status=status,
        )
    kind = sniff(answer.body) if answer.body else "an empty answer"
    what = "JSON of another kind" if answer.json is not None else kind
    if status >= 500:
        return ServerError(
            f"{address} failed: it answered {_phrase(status)}, with {what}.",
            hint="What it wrote to its log says why.",
            status=status,
        )
    return ServerError(
        f"{address} is no tellapart server: it answered {_phrase(status)}, with {what}.",
        hint="Give the address that tellapart serve prints; behind a proxy, with the proxy's path.",
        status=status,
    )


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def prediction_of(value: Mapping[str, Json], address: str) -> Prediction:
    """The answer for one picture, from a line of `guess --json`.

    Its maps of evidence are float32, of numbers that were rounded to six digits.

    Raises:
        ServerError: it is something else.
    """
    try:
        scores = value["scores"]
        if not isinstance(scores, Mapping) or not scores:
            raise ValueError("no scores")
        told = {label: _number(one) for label, one in scores.items()}
        if not all(0 <= score <= 1 for score in told.values()):
            raise ValueError("scores that cannot be")
        unknown = value["unknown"]
        if not isinstance(unknown, bool):
            raise ValueError("neither true nor false")
        evidence = _maps(value.get("evidence"), told)
        return Prediction(told, _number(value["novelty"]), unknown, evidence)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ServerError(
            f"{address} answered with JSON that is no answer for a picture.",
            hint="Is it a tellapart server, and of a release as new as this one?",
        ) from None


def _number(value: Json) -> float:
    """A finite number, which `true`, NaN, and an integer of 400 digits are not."""
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise ValueError("no number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _maps(value: Json, scores: Mapping[str, float]) -> dict[str, np.ndarray] | None:
    """The maps `[h,w]` of evidence, one for each label."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or value.keys() != scores.keys():
        raise ValueError("maps of other labels")
    maps = {label: np.array(one, np.float32) for label, one in value.items()}
    if any(one.ndim != 2 or not np.isfinite(one).all() for one in maps.values()):
        raise ValueError("no maps")
    return maps


def model_of(value: Mapping[str, Json]) -> Served:
    """A model as a server describes it: its word is taken for it."""
    return cast("Served", value)


def models_of(value: Mapping[str, Json], address: str) -> list[Served]:
    """The models that a server has.

    Raises:
        ServerError: it is something else.
    """
    models = value.get("models")
    if isinstance(models, list) and all(isinstance(one, Mapping) for one in models):
        return [model_of(one) for one in models]
    raise ServerError(f"{address} answered with JSON that is no list of models.")
