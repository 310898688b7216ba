"""The shapes of what a server answers: the functions beside this give them, mypy holds both to each
other, and `/openapi.json` is written from them, with the words beside each key. Keys are a
promise, as everywhere here."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict


class Proportion(TypedDict):
    """So many of `n` are right: `accuracy`, 0 to 1, with its 95 % interval; null of none."""

    accuracy: Annotated[float | None, "`correct` of `n`."]
    correct: Annotated[int, "How many are right."]
    n: Annotated[int, "How many there are."]
    interval: Annotated[list[float], "Its 95 % interval: the lowest and the highest."]


class Estimate(TypedDict):
    """A figure with its 95 % interval; null where it is not known."""

    value: Annotated[float | None, "The figure."]
    interval: Annotated[list[float | None], "Its 95 % interval: the lowest and the highest."]


class Sure(TypedDict):
    """Of the pictures whose score is `score` or more, the fraction `asked` is right, as far as can
    be told: `coverage` says how many pictures these are, `accuracy` how many of them are right."""

    asked: Annotated[float, "The fraction that is right."]
    score: Annotated[float, "The score from which on it is."]
    coverage: Annotated[Proportion, "How many pictures have such a score."]
    accuracy: Annotated[Proportion, "How many of these are right."]


class Judged(TypedDict):
    """How good a model is on pictures that it was judged by; `sure` is null where no score makes
    it sure."""

    accuracy: Annotated[Proportion, "How many pictures are right."]
    sure: Annotated[Sure | None, "From which score on it is sure."]


class LeftOut(TypedDict):
    """A label that was left out of the training, and how well its pictures were told apart."""

    label: Annotated[str, "The label."]
    pictures: Annotated[int, "How many pictures it has."]
    auroc: Annotated[float, "0.5 by chance, 1 at best."]


class Unknowns(TypedDict):
    """How well pictures of a label that the model was never shown would be told apart: `auroc` is
    0.5 by chance and 1 at best. `held_out` is the same for the pictures held out, or null."""

    auroc: Annotated[Estimate, "The mean over the labels."]
    labels: Annotated[list[LeftOut], "Each label."]
    held_out: Annotated[float | None, "The same for the pictures held out."]


class Apart(Proportion):
    """The accuracy where pictures that belong together by the measure `groups`, such as
    `alike:0.9`, are never parted; `count` is the number of such groups."""

    groups: Annotated[str, "By what pictures are kept together."]
    count: Annotated[int, "How many groups that makes."]


class Bursts(TypedDict):
    """Whether the training pictures come in bursts, and `why` that is thought; if so, `low` and
    `high` are the accuracies to expect on pictures of other occasions, or null where that is not
    known. `apart` has the accuracies with more and more kept together."""

    found: Annotated[bool, "Whether they come in bursts."]
    why: Annotated[str, "Why that is thought."]
    apart: Annotated[list[Apart], "The accuracies with more and more pictures kept together."]
    low: Annotated[float | None, "The lowest accuracy to expect."]
    high: Annotated[float | None, "The highest accuracy to expect."]


class Served(TypedDict):
    """A model that is served.

    `digest` is the sha256 of its file, `counts` has the training pictures of each label, `bias`
    what a label's evidence lacks to be its logit; `admitted` are the fractions of the model's own
    pictures that it knows a threshold for: the first and the last are the least and the largest
    `admit` beside 100 %. `judged` has the figures by the way of judging, such as `cross-validated`
    and `held out`; it is empty where the model has no training record. `modified` is when its file
    was. What `tellapart info --json` says too has the same name there.
    """

    name: Annotated[str, "Its name in addresses."]
    default: Annotated[bool, "Whether `/v1/guess` asks it."]
    digest: Annotated[str, "The sha256 of its file."]
    labels: Annotated[list[str], "Its labels."]
    counts: Annotated[list[int], "The training pictures of each label."]
    bias: Annotated[list[float], "What the evidence of each label lacks to be its logit."]
    quality: Annotated[str, "The quality it was trained with, such as `good`."]
    backbones: Annotated[list[str], "The networks it looks with."]
    views: Annotated[list[str], "The parts of a picture it looks at."]
    solver: Annotated[str, "How its head was fitted."]
    admitted: Annotated[list[float], "Fractions that it knows a threshold of novelty for."]
    version: Annotated[str, "The release of tellapart that wrote it."]
    modified: Annotated[str | None, "When its file was."]
    judged: Annotated[dict[str, Judged], "How good it is, by the way of judging."]
    bursts: Annotated[Bursts | None, "Whether its training pictures come in bursts."]
    unknowns: Annotated[Unknowns | None, "How well it tells pictures of none of its labels."]


class AllServed(TypedDict):
    """The models that are served, the default one first."""

    models: Annotated[list[Served], "The default one first."]


class _Guess(TypedDict):
    path: Annotated[str, "The name that the picture was sent with, or `-`."]
    label: Annotated[str, "The likeliest label; of a picture that is `unknown`, the closest."]
    score: Annotated[float, "The score of `label`, from 0 to 1."]
    scores: Annotated[dict[str, float], "The score of each label, the highest first."]
    unknown: Annotated[bool, "Whether the picture is none of the labels."]
    novelty: Annotated[
        float,
        "How unlike the training pictures it is; above a limit of the model's own it is `unknown`.",
    ]


class Guess(_Guess, total=False):
    """The answer for a picture: the likeliest `label`, its `score` from 0 to 1, and the `scores` of
    all labels, the highest first. A picture that is `unknown` is none of these: unlike everything
    the model learnt from, as `novelty` measures it; `label` is then the closest one. `evidence` has
    a map `[h][w]` for each label, if asked for. `path` is the name that the picture was sent with,
    or `-`."""

    evidence: Annotated[
        dict[str, list[list[float]]], "A map `[h][w]` for each label: where it was seen."
    ]


class Unreadable(TypedDict):
    """What is answered for one of several pictures if it cannot be read."""

    path: Annotated[str, "The name that the picture was sent with, or `-`."]
    error: Annotated[str, "Why it cannot be read."]


class Problem(TypedDict):
    """What was wrong, in `detail`, and what to do, in `hint` (RFC 9457); `error` has both, for
    clients of `/v2`."""

    type: Annotated[str, "Always `about:blank`."]
    title: Annotated[str, "The status in words."]
    status: Annotated[int, "The status of HTTP."]
    detail: Annotated[str, "What was wrong, and what was expected."]
    hint: Annotated[str, "What to do."]
    error: Annotated[str, "Both, for clients of `/v2`."]


class Alive(TypedDict):
    """The process lives."""

    status: Annotated[Literal["ok"], "Always `ok`."]


class ModelReady(TypedDict):
    """A model that answers. It is `stale` if its files are gone or damaged, so that the model of
    before answers."""

    digest: Annotated[str, "The sha256 of the model that answers."]
    stale: Annotated[bool, "Whether its files are gone or damaged since it was loaded."]


class Ready(TypedDict):
    """Requests are answered."""

    status: Annotated[Literal["ready"], "Always `ready`."]
    models: Annotated[dict[str, ModelReady], "By name."]


class Door(TypedDict):
    """One of the doors of a server."""

    method: Annotated[str, "The method of HTTP."]
    path: Annotated[str, "The path, with `{name}` for a model's."]
    summary: Annotated[str, "What it is for."]


class Doors(TypedDict):
    """What a server answers at its root."""

    tellapart: Annotated[str, "The release."]
    doors: Annotated[list[Door], "All of them."]
