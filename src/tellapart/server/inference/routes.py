"""The Open Inference Protocol, version 2, so that clients of KServe and Triton can ask.

A second face of the same models and the same queue. A model has one input, `image`: encoded
pictures as BYTES `[N]` or `[N,1]`, or pixels as UINT8 `[N,H,W,3]`. It has six outputs, of which
`embedding` and `evidence` come where a request names them; and one version, 1: the digest in its
configuration says which model it is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...errors import PictureError, UsageError
from ...model.classifier import Classifier
from ...model.prediction import Prediction
from ...text import shown
from ...to_json.results import Json
from ...version import __version__
from ..bodies.pictures import LARGE, whole
from ..config import Config
from ..guards.limits import holder
from ..models import Models
from ..problems import HttpError
from ..queue import Queue
from ..records.account import Account, account
from ..routes.health import ENDING, Health
from .shapes import (
    ConfiguredTensor,
    ModelConfiguration,
    ModelIsReady,
    ModelMetadata,
    ModelState,
    ServerIsReady,
    ServerLives,
    ServerMetadata,
    TensorMetadata,
)
from .tensors import (
    LENGTH,
    Output,
    Tensor,
    briefly,
    length_of_json,
    parted,
    pictures_in,
    unpacked,
    written,
)
from .versions import VERSION

EXTENSIONS = ("binary_tensor_data", "classification", "model_configuration")
_ALWAYS = ("scores", "label", "novelty", "unknown")
_ALSO = ("embedding", "evidence")
_LONGEST_ID = 1000
_TRITON: Mapping[str, Literal["TYPE_FP32", "TYPE_STRING", "TYPE_BOOL"]] = {
    "FP32": "TYPE_FP32",
    "BYTES": "TYPE_STRING",
    "BOOL": "TYPE_BOOL",
}
# Triton's, which are not offered. The first could be a model's name: it is looked at before those.
STATISTICS = (
    "/v2/models/stats",
    "/v2/models/{name}/stats",
    "/v2/models/{name}/versions/{version}/stats",
)


@dataclass(frozen=True)
class Wanted:
    """An output that a request asks for: as bytes or in JSON, and for `scores` the `classes`
    likeliest as texts, if that is not 0."""

    name: str
    binary: bool
    classes: int = 0


@dataclass(frozen=True)
class Wish:
    """What a request asks: of which pictures and for which outputs; `admit` as the model has it
    where it is None, and the `name` that the answer shall have, if it has one."""

    pictures: Sequence[bytes | np.ndarray]
    outputs: Sequence[Wanted]
    admit: float | None
    name: str | None


@dataclass(frozen=True)
class Inference:
    """The routes, with what they need."""

    models: Models
    queue: Queue
    config: Config
    health: Health

    async def server(self, request: Request) -> Response:
        answer: ServerMetadata = {
            "name": "tellapart",
            "version": __version__,
            "extensions": list(EXTENSIONS),
        }
        return JSONResponse(answer)

    async def live(self, request: Request) -> Response:
        answer: ServerLives = {"live": True}
        return JSONResponse(answer)

    async def ready(self, request: Request) -> Response:
        """Models are loaded before the first connection is taken, so whoever is answered knows,
        until the server is ending."""
        self.health.check_not_draining()
        answer: ServerIsReady = {"live": True, "ready": True}
        return JSONResponse(answer)

    async def index(self, request: Request) -> Response:
        ending = self.health.draining()
        answer: list[ModelState] = [
            {
                "name": name,
                "version": VERSION,
                "state": "UNAVAILABLE" if ending else "READY",
                "reason": ENDING if ending else "",
            }
            for name in self.models.names
        ]
        return JSONResponse(answer)

    async def model_ready(self, request: Request) -> Response:
        name, _ = self._asked(request)
        self.health.check_not_draining()
        answer: ModelIsReady = {"name": name, "ready": True}
        return JSONResponse(answer)

    async def statistics(self, request: Request) -> Response:
        """Triton's, which are not offered: said so, as else `stats` would be a model that is not
        here. A model of that name has its metadata at the one address that could be meant."""
        name = request.path_params.get("name")
        if name is None and "stats" in self.models.names:
            request.path_params["name"] = "stats"
            return await self.metadata(request)
        if name is not None:
            self._asked(request)
        raise HttpError(404, "Statistics are not offered.", hint="See /metrics.")

    async def metadata(self, request: Request) -> Response:
        name, classifier = self._asked(request)
        answer: ModelMetadata = {
            "name": name,
            "versions": [VERSION],
            "platform": "tellapart_onnx",
            "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1, 1]}],
            "outputs": [{**one, "shape": [-1, *one["shape"]]} for one in _outputs_of(classifier)],
        }
        return JSONResponse(answer)

    async def configuration(self, request: Request) -> Response:
        """What Triton's clients read before they ask, in its words."""
        name, classifier = self._asked(request)
        answer: ModelConfiguration = {
            "name": name,
            "platform": "tellapart_onnx",
            "backend": "tellapart",
            "max_batch_size": self.config.most,
            "input": [{"name": "image", "data_type": "TYPE_STRING", "dims": [1]}],
            "output": [_configured(one) for one in _outputs_of(classifier)],
            "parameters": {"digest": {"string_value": classifier.digest}},
        }
        return JSONResponse(answer)

    async def infer(self, request: Request) -> Response:
        name, classifier = self._asked(request)
        self.queue.check_room()  # before the body is read
        wish, came = await self._wish(request)
        if wish.admit is not None:
            classifier = classifier.admitting(wish.admit)
        names = frozenset(one.name for one in wish.outputs)
        looking = partial(_seen, account(), time.monotonic(), classifier, names)
        calls = [partial(looking, *numbered) for numbered in enumerate(wish.pictures)]
        seen = await self.queue.ask_all(calls, request.receive, came)
        outputs = [
            Output(one.name, _tensor(one, seen, classifier.labels), one.binary)
            for one in wish.outputs
        ]
        head: dict[str, Json] = {"model_name": name, "model_version": VERSION}
        if wish.name is not None:
            head["id"] = wish.name
        if any(one.name in _ALSO for one in wish.outputs):  # millions of numbers, perhaps
            answer, headers = await self.queue.aside(
                written, head, outputs, receive=request.receive, came=came
            )
        else:
            answer, headers = written(head, outputs)
        return Response(answer, headers=headers)

    def _asked(self, request: Request) -> tuple[str, Classifier]:
        """The model of a path.

        Raises:
            HttpError: 404 where there is none, or not this version of it.
        """
        name = request.path_params["name"]
        classifier = self.models.model(name).classifier
        account().model = name
        version = request.path_params.get("version", VERSION)
        if version != VERSION:
            raise HttpError(
                404,
                f"There is no version {shown(version)} of {shown(name)}.",
                hint=f"Every model has one version, {VERSION}.",
            )
        return name, classifier

    async def _wish(self, request: Request) -> tuple[Wish, float]:
        """What a request asks, and when the last of it came. Its body is counted as it comes and as
        it is unpacked; JSON that is long is read beside the event loop."""
        largest = self.config.largest
        content = await whole(request, largest, packed=True)
        self.queue.check_room()  # before it grows
        encoding = request.headers.get("Content-Encoding", "").strip().lower()
        came = time.monotonic()
        aside = partial(self.queue.aside, receive=request.receive, came=came)
        body: bytes | bytearray = content
        if encoding not in ("", "identity"):
            body = await aside(unpacked, content, encoding, largest, holder(request.scope))
        end = length_of_json(len(body), request.headers.get(LENGTH))
        reading = partial(_wish_in, body, end, self.config.most)
        return (reading() if end < LARGE else await aside(reading)), came


def _wish_in(content: bytes | bytearray, end: int, most: int) -> Wish:
    """What a body asks, of whose JSON nothing else is kept."""
    body = parted(content, end, most)
    name = body.said.get("id")
    if isinstance(name, str) and len(name) > _LONGEST_ID:
        raise UsageError(f"The id has more than {_LONGEST_ID} letters.")
    return Wish(
        pictures_in(body, most),
        _wanted(body.said),
        _admit(body.said.get("parameters")),
        name if isinstance(name, str) else None,
    )


def _seen(
    noted: Account,
    asked: float,
    classifier: Classifier,
    names: frozenset[str],
    number: int,
    picture: bytes | np.ndarray,
) -> Prediction:
    """What the library says of a picture, with what the named outputs need."""
    waited = time.monotonic() - asked
    try:
        prediction = classifier.predict(
            picture, evidence="evidence" in names, embedding="embedding" in names
        )
    except PictureError as error:
        noted.saw(waited, error)
        raise error.about(f"image[{number}]") from error
    noted.saw(waited, prediction)
    return prediction


def _outputs_of(classifier: Classifier) -> list[TensorMetadata]:
    """The outputs of a model; their shapes without the number of pictures."""
    labels = len(classifier.labels)
    return [
        {"name": "scores", "datatype": "FP32", "shape": [labels]},
        {"name": "label", "datatype": "BYTES", "shape": []},
        {"name": "novelty", "datatype": "FP32", "shape": []},
        {"name": "unknown", "datatype": "BOOL", "shape": []},
        {"name": "embedding", "datatype": "FP32", "shape": [-1]},
        {"name": "evidence", "datatype": "FP32", "shape": [labels, -1, -1]},
    ]


def _configured(output: TensorMetadata) -> ConfiguredTensor:
    """An output in the words of Triton, which has no tensor without a dimension."""
    shape = output["shape"]
    told: ConfiguredTensor = {
        "name": output["name"],
        "data_type": _TRITON[output["datatype"]],
        "dims": shape or [1],
    }
    if not shape:
        told["reshape"] = {"shape": []}
    return told


def _admit(parameters: object) -> float | None:
    """`admit` among a request's parameters, a number such as 0.95, if it is there."""
    admit = _object(parameters).get("admit")
    if admit is None:
        return None
    number = isinstance(admit, int | float) and not isinstance(admit, bool)
    if not number or not 0 <= admit <= 1:
        raise UsageError(f"The parameter admit is {briefly(admit)}, not a number such as 0.95.")
    return float(admit)


def _wanted(said: Mapping[str, Any]) -> list[Wanted]:
    """The outputs that a request asks for, or those that come where it names none.

    Raises:
        UsageError: one that there is not, one twice, or a number of classes that cannot be.
    """
    binary = _object(said.get("parameters")).get("binary_data_output") is True
    named = said.get("outputs")
    if not named:
        return [Wanted(name, binary) for name in _ALWAYS]
    if not isinstance(named, list):
        raise UsageError("outputs is no list.", hint='Give "outputs": [{"name": "scores"}], say.')
    found: dict[str, Wanted] = {}
    for one in named:
        name = _object(one).get("name")
        if name not in _ALWAYS + _ALSO or name in found:
            raise UsageError(
                f"{briefly(name)} is no output, or is asked for twice.",
                hint=f"There are: {', '.join(_ALWAYS + _ALSO)}.",
            )
        own = _object(_object(one).get("parameters"))
        classes = own.get("classification", 0)
        if type(classes) is not int or classes < 0 or (classes and name != "scores"):
            raise UsageError(
                f"The parameter classification of {name} is {briefly(classes)}.",
                hint="It is for scores: the number of labels to give.",
            )
        found[name] = Wanted(name, own.get("binary_data", binary) is True, classes)
    return list(found.values())


def _object(value: object) -> Mapping[str, Any]:
    """A JSON object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def _tensor(wanted: Wanted, predictions: Sequence[Prediction], labels: tuple[str, ...]) -> Tensor:
    """One output of all pictures, `[N]` or `[N,...]`; the scores are in the order of the labels."""
    if wanted.classes:
        return [_likeliest(one, wanted.classes, labels) for one in predictions]
    if wanted.name == "label":
        return [one.label for one in predictions]
    if wanted.name == "unknown":
        return np.array([one.unknown for one in predictions])
    rows: list[Any]
    if wanted.name == "scores":
        rows = [[one.scores[label] for label in labels] for one in predictions]
    elif wanted.name == "novelty":
        rows = [one.novelty for one in predictions]
    elif wanted.name == "embedding":
        rows = [one.embedding for one in predictions]
    else:
        maps = [one.evidence or {} for one in predictions]
        rows = [[one[label] for label in labels] for one in maps]
    return np.array(rows, "<f4")


def _likeliest(prediction: Prediction, count: int, labels: tuple[str, ...]) -> list[str]:
    """`score:place:label` of the likeliest labels, as the extension `classification` has it."""
    likeliest = list(prediction.scores.items())[:count]
    return [f"{np.float32(score)}:{labels.index(label)}:{label}" for label, score in likeliest]
