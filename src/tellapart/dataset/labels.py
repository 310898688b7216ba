"""When two labels are one: the only place that compares them, for every door.

A label is kept verbatim. Two that are the same text in Unicode's form NFC are one label: macOS
writes `é` as two characters, everybody else as one. Two that differ only in what a reader overlooks
(case, spaces, `_` for a space, invisible characters, letters of two alphabets that look alike) are
two, and one cannot tell what was meant: they are refused, with both named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from ..errors import DatasetError
from ..text import shown

_LOOK_ALIKE = str.maketrans(  # of Cyrillic and of Greek, and the Latin letters they look like
    "аеорсухіјѕһԁԛԝАВЕЅІЈКМНОРСТУХԜ" + "οναιρυχκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwABESIJKMHOPCTYXW" + "ovaipuxkABEZHIKMNOPTYX",
)
_WIDE = {"<wide>", "<narrow>", "<noBreak>"}  # what else a character of the same looks is for


_OURS = {
    "none of these": "what pictures of no label are called",
    "unsure": "where sort puts pictures that are scored low",
}
"""Names that answers and folders have which are no label's."""


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _visible(text: str) -> str:
    """Without what prints as nothing, and with full-width letters as their plain ones."""
    letters = []
    for letter in text:
        way, _, plain = unicodedata.decomposition(letter).partition(" ")
        if way in _WIDE:
            letters.append("".join(chr(int(code, 16)) for code in plain.split()))
        elif unicodedata.category(letter) != "Cf" and letter not in "\ufe0e\ufe0f":
            letters.append(letter)
    return "".join(letters)


_OVERLOOKED: Mapping[str, Callable[[str], str]] = {
    "invisible or full-width characters": _visible,
    "spaces at their ends": lambda text: text.strip().strip("_").strip(),
    "spaces, underscores or hyphens": lambda text: re.sub(r"(?<=\S)[\s_-]+(?=\S)", " ", text),
    "letters that look alike": lambda text: text.translate(_LOOK_ALIKE),
    "case or encoding": lambda text: text.casefold(),
}
"""What a reader overlooks, and how a label is without it; in the order in which they are done."""


def _folded(label: str, without: Collection[str] = _OVERLOOKED) -> str:
    """A label without some of what is overlooked, or without all of it."""
    for what, change in _OVERLOOKED.items():
        label = change(_composed(label)) if what in without else label
    return _composed(label)


def ordered(labels: Iterable[str]) -> tuple[str, ...]:
    """The order of a model's labels: whole numbers by their value if all are, else as texts."""
    found = list(labels)
    if all(re.fullmatch(r"-?(?:0|[1-9]\d{0,17})", label, re.ASCII) for label in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


class Labels:
    """Labels that are all different, and which of them a written one is."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._exact = {_composed(label): label for label in labels}
        self._near = {_folded(label): label for label in self._exact.values()}

    def same(self, written: str) -> str | None:
        """The label that is meant, by whatever encoding it is written; None if it is none."""
        return self._exact.get(_composed(written))

    def near(self, written: str) -> str | None:
        """The label that one would read `written` for; None if there is none."""
        return self.same(written) or self._near.get(_folded(written))

    def known(self, written: Iterable[str], source: str | Path, whose: str) -> dict[str, str]:
        """The label for each of `written`; those that are like none are left out.

        Raises:
            DatasetError: one is not a label, but easy to confuse with one; `source` is where
                it was found, and `whose` label it is like, as in "the model's".
        """
        found = {}
        for name in dict.fromkeys(written):
            if (label := self.same(name)) is not None:
                found[name] = label
            elif (like := self.near(name)) is not None:
                raise DatasetError(
                    f"The labels {_quoted(name, like)} and {_quoted(like, name)} differ only in "
                    f"{difference(name, like)}: the first is in {shown(source)}, the second is "
                    f"{whose}.",
                    hint="Write both the same way.",
                )
        return found


def distinct(labels: Iterable[str]) -> dict[str, str]:
    """How each label is to be written: as it is, but in NFC where it is written in two ways.

    Raises:
        DatasetError: two of them differ only in what a reader overlooks.
    """
    written: dict[str, set[str]] = {}
    for label in labels:
        written.setdefault(_composed(label), set()).add(label)
    seen: dict[str, str] = {}
    for label in written:
        folded = _folded(label)
        if folded in seen:
            other = seen[folded]
            raise DatasetError(
                f"The labels {_quoted(other, label)} and {_quoted(label, other)} differ only in "
                f"{difference(other, label)}.",
                hint="Rename one of them, or put their pictures into one folder.",
            )
        seen[folded] = label
    return {
        way: way if len(ways) == 1 else label for label, ways in written.items() for way in ways
    }


def check_not_ours(labels: Iterable[str]) -> None:
    """Whether labels to learn can be told from what we call pictures of none.

    Raises:
        DatasetError: one is read as such a name.
    """
    ours = Labels(_OURS)
    for label in labels:
        if name := ours.near(label):
            raise DatasetError(
                f"{shown(label)!r} cannot be a label: {name!r} is {_OURS[name]}.",
                hint="Call the label something else, such as other; if sort made that folder, move "
                "it elsewhere.",
            )


def difference(one: str, other: str) -> str:
    """What two labels differ in that look alike: "case or encoding"."""
    needed = list(_OVERLOOKED)
    for what in _OVERLOOKED:
        fewer = [each for each in needed if each != what]
        if _folded(one, fewer) == _folded(other, fewer):
            needed = fewer
    return " and ".join(needed)


def _quoted(label: str, other: str) -> str:
    """In quotation marks; by its codes where it could not be told from the other."""
    alike = difference(label, other)
    return ascii(label) if "look alike" in alike or "invisible" in alike else repr(shown(label))
