"""The shapes of what a server answers: the functions beside this give them, mypy holds both to each
other, and `/openapi.json` is written from them. Keys are a promise, as everywhere here."""

from __future__ import annotations

from typing import Literal, TypedDict


class Proportion(TypedDict):
    """So many of `n` are right: `accuracy`, 0 to 1, with its 95 % interval; null of none."""

    accuracy: float | None
    correct: int
    n: int
    interval: list[float]


class Estimate(TypedDict):
    """A figure with its 95 % interval; null where it is not known."""

    value: float | None
    interval: list[float | None]


class Sure(TypedDict):
    """Of the pictures whose score is `score` or more, the fraction `asked` is right, as far as can
    be told: `coverage` says how many pictures these are, `accuracy` how many of them are right."""

    asked: float
    score: float
    coverage: Proportion
    accuracy: Proportion


class Judged(TypedDict):
    """How good a model is on pictures that it was judged by; `sure` is null where no score makes
    it sure."""

    accuracy: Proportion
    sure: Sure | None


class LeftOut(TypedDict):
    """A label that was left out of the training, and how well its pictures were told apart."""

    label: str
    pictures: int
    auroc: float


class Unknowns(TypedDict):
    """How well pictures of a label that the model was never shown would be told apart: `auroc` is
    0.5 by chance and 1 at best. `held_out` is the same for the pictures held out, or null."""

    auroc: Estimate
    labels: list[LeftOut]
    held_out: float | None


class Apart(Proportion):
    """The accuracy where pictures that belong together by the measure `groups`, such as
    `alike:0.9`, are never parted; `count` is the number of such groups."""

    groups: str
    count: int


class Bursts(TypedDict):
    """Whether the training pictures come in bursts, and `why` that is thought; if so, `low` and
    `high` are the accuracies to expect on pictures of other occasions, or null where that is not
    known. `apart` has the accuracies with more and more kept together."""

    found: bool
    why: str
    apart: list[Apart]
    low: float | None
    high: float | None


class Served(TypedDict):
    """A model that is served.

    `digest` is the sha256 of its file, `counts` has the training pictures of each label, `bias`
    what a label's evidence lacks to be its logit; `admitted` are the fractions of the model's own
    pictures that it knows a threshold for: the first and the last are the least and the largest
    `admit` beside 100 %. `judged` has the figures by the way of judging, such as `cross-validated`
    and `held out`; it is empty where the model has no training record. `modified` is when its file
    was. What `tellapart info --json` says too has the same name there.
    """

    name: str
    default: bool
    digest: str
    labels: list[str]
    counts: list[int]
    bias: list[float]
    quality: str
    backbones: list[str]
    views: list[str]
    solver: str
    admitted: list[float]
    version: str
    modified: str | None
    judged: dict[str, Judged]
    bursts: Bursts | None
    unknowns: Unknowns | None


class AllServed(TypedDict):
    """The models that are served, the default one first."""

    models: list[Served]


class _Guess(TypedDict):
    path: str
    label: str
    score: float
    scores: dict[str, float]
    unknown: bool
    novelty: float


class Guess(_Guess, total=False):
    """The answer for a picture: the likeliest `label`, its `score` from 0 to 1, and the `scores` of
    all labels, the highest first. A picture that is `unknown` is none of these: unlike everything
    the model learnt from, as `novelty` measures it; `label` is then the closest one. `evidence` has
    a map `[h][w]` for each label, if asked for. `path` is the name that the picture was sent with,
    or `-`."""

    evidence: dict[str, list[list[float]]]


class Unreadable(TypedDict):
    """What is answered for one of several pictures if it cannot be read."""

    path: str
    error: str


class Alive(TypedDict):
    """The process lives."""

    status: Literal["ok"]


class ModelReady(TypedDict):
    """A model that answers. It is `stale` if its files are gone or damaged, so that the model of
    before answers."""

    digest: str
    stale: bool


class Ready(TypedDict):
    """Requests are answered."""

    status: Literal["ready"]
    models: dict[str, ModelReady]


class Door(TypedDict):
    """One of the doors of a server."""

    method: str
    path: str
    summary: str


class Doors(TypedDict):
    """What a server answers at its root."""

    tellapart: str
    doors: list[Door]
