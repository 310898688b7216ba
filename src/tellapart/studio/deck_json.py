"""What is still to be mended -> plain values for the page."""

from __future__ import annotations

from collections import Counter

from ..assess.answers import Answer
from ..assess.fixing import ONE_BY_ONE
from ..to_json.results import Json
from .deck import Card, Deck, Now
from .mending import Standing

MOST_CARDS = 30  # that a page is told of at a time
MOST_PICTURES = 12  # of a card


def standing(found: Standing, kind: str = "") -> dict[str, Json]:
    """How things are, with the first cards to answer, of one kind or of all."""
    deck = found.deck
    wanted = [card for card in found.open if kind in ("", card.kind)]
    return {
        "doing": found.doing,
        "done": found.done,
        "total": found.total,
        "trouble": {"detail": found.trouble[0], "hint": found.trouble[1]}
        if found.trouble
        else None,
        "checked": len(deck.health.pictures.names) if deck else None,
        "groups": _groups(found),
        "cards": [_card(deck, card, found.now) for card in wanted[:MOST_CARDS]] if deck else [],
        "to_answer": len(found.open),
        "skipped": found.skipped,
        "sure": len(deck.sure(found.now)) if deck else 0,
        "rest": found.rest.words,
        "worth": deck.health.label_errors.words if deck and deck.health.label_errors else "",
    }


def _groups(found: Standing) -> Json:
    """The kinds of which something is left, with how many cards and what these cost in points."""
    if found.deck is None:
        return []
    counts = Counter(card.kind for card in found.open)
    costs: dict[str, float] = {}
    for finding in {id(card.finding): card.finding for card in found.open}.values():
        costs[finding.kind] = costs.get(finding.kind, 0.0) + finding.cost
    return [
        {"kind": group.kind, "count": counts[group.kind], "cost": costs[group.kind]}
        for group in found.deck.groups
        if counts[group.kind]
    ]


def _card(deck: Deck, card: Card, now: dict[int, Now]) -> Json:
    finding, question = card.finding, card.question
    about = question.names if question else ()
    compared = _compared(deck, card, now) if question else []
    return {
        "key": card.key,
        "kind": card.kind,
        "words": _words(card),
        "label": finding.label,
        "suggested": finding.suggested,
        "sure": finding.sure,
        "score": finding.score,
        "cost": finding.cost,
        "pictures": len(card.names),
        "about": _ids(deck, about[:MOST_PICTURES]),
        "beside": _ids(deck, card.names[len(about) : len(about) + MOST_PICTURES]),
        "sides": [_ids(deck, side) for side in finding.sides],
        "halves": [_ids(deck, half) for half in finding.halves],
        "compared": compared,
        "names": [name for name in card.names[:MOST_PICTURES] if not deck.number(name)],
        "answers": [_answer(deck, one) for one in deck.answers(card, now)],
    }


def _words(card: Card) -> str:
    """What was found; nothing where that is said of several pictures that are asked about one by
    one."""
    alone = card.kind not in ONE_BY_ONE or len(card.finding.paths) == 1
    return card.finding.words if alone else ""


def _compared(deck: Deck, card: Card, now: dict[int, Now]) -> list[Json]:
    """Typical pictures of the label that a picture has, and of the one that it likely should."""
    question = card.question
    if question is None or question.suggestion is None or len(question.names) != 1:
        return []
    if question.suggestion.how != "relabel":
        return []
    (name,) = question.names
    own = now.get(deck.number(name))
    labels = ((own.label if own else "", "own"), (question.suggestion.value, "suggested"))
    return [
        {"label": label, "which": which, "ids": _ids(deck, deck.typical(label, (name,)))}
        for label, which in labels
    ]


def _answer(deck: Deck, answer: Answer) -> Json:
    mend = answer.mend
    return {
        "meaning": answer.meaning,
        "keys": list(answer.keys),
        "how": mend.how if mend else None,
        "value": mend.value if mend else "",
        "label": answer.label,
        "ids": _ids(deck, mend.names) if mend else [],
    }


def _ids(deck: Deck, names: tuple[str, ...] | list[str]) -> list[Json]:
    return [number for name in names if (number := deck.number(name))]
