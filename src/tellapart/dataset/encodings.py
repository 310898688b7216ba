"""Names that are bytes, in an encoding that nobody wrote down -> text, and which encoding it was.

Zips of macOS and of old programs leave out the flag for UTF-8; those of Windows hold what its
language's code page makes of a name. Bytes that are UTF-8 by chance are next to none, so what is
valid UTF-8 is that. For all else the encoding is taken that makes the likeliest letters of all
names of the archive together; that is a guess, and `words_on` says so.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..text import first_few, shown

_MOST = 2000  # names that are looked at
_WESTERN = "äöüéßñèàçóáíÄÖÜêëâîïôûùúãõåøæÉÀÑÇÅØÆÁÍÓÚ"
_CENTRAL = "ąćęłńóśźżŁŚŻČŘŠŽčřšžýáíéěůúőűöüäÖÜßăâîţş"
_TURKISH = "ğışçöüİŞÇÖÜâ"
_RUSSIAN = "оеаинтсрвлкмдпуягзьыбчйхжшюцщэфОЕАИНТСРВЛКМДПУ"
_GREEK = "αοιετνσηυρπκλμςωθγδβχφάίόέήώΑΕΙΚΛΜΝΟΠΣΤ"
_SIGNS = "°–—’‘“”…"  # which people do put into names
_FULL, _HALF, _LITTLE = 1.0, 0.7, 0.3


@dataclass(frozen=True)
class Encoding:
    """A code page, what people know it as, and how usual a character of it is in names, 0 to 1:
    by a string of the usual ones, or by its bytes."""

    name: str
    words: str
    usual: str | Callable[[str, bytes], float]
    prior: float = 1.0  # how common names in it are, where they could as well be in another

    def weight(self, letter: str) -> float:
        if not isinstance(self.usual, str):
            return self.usual(letter, letter.encode(self.name))
        at = self.usual.find(letter)
        return self.prior * (_LITTLE if at < 0 else _FULL if at < 12 else 0.95)


def _japanese(letter: str, raw: bytes) -> float:
    if "\uff61" <= letter <= "\uff9f":  # half-width, as most two bytes of anything else would be
        return -0.5
    if "\u3041" <= letter <= "\u30ff":
        return _FULL
    return _HALF if 0x88 <= raw[0] <= 0x97 else 0.1  # level 1


def _chinese(letter: str, raw: bytes) -> float:
    return 0.8 if 0xB0 <= raw[0] <= 0xD7 and raw[1] >= 0xA1 else 0.1  # level 1


def _taiwanese(letter: str, raw: bytes) -> float:
    return _HALF if 0xA4 <= raw[0] <= 0xC6 else 0.1  # level 1


def _korean(letter: str, raw: bytes) -> float:
    return 0.85 if 0xB0 <= raw[0] <= 0xC8 and raw[1] >= 0xA1 else 0.1  # syllables in use


ENCODINGS = (  # of equals, the first is taken
    Encoding("cp850", "DOS and Windows zips, Western Europe", _WESTERN),
    Encoding("cp1252", "Windows, Western Europe", _WESTERN),
    Encoding("cp437", "DOS, United States", _WESTERN),
    Encoding("cp866", "DOS and Windows zips, Russia", _RUSSIAN),
    Encoding("cp1251", "Windows, Russia", _RUSSIAN),
    Encoding("koi8_r", "Unix, Russia", _RUSSIAN),
    Encoding("cp852", "DOS and Windows zips, Central Europe", _CENTRAL, 0.92),
    Encoding("cp1250", "Windows, Central Europe", _CENTRAL, 0.92),
    Encoding("cp857", "DOS and Windows zips, Turkey", _TURKISH, 0.9),
    Encoding("cp1254", "Windows, Turkey", _TURKISH, 0.9),
    Encoding("cp737", "DOS and Windows zips, Greece", _GREEK),
    Encoding("cp1253", "Windows, Greece", _GREEK),
    Encoding("cp932", "Windows, Japan", _japanese),
    Encoding("gbk", "Windows, China", _chinese),
    Encoding("cp949", "Windows, Korea", _korean),
    Encoding("big5", "Windows, Taiwan", _taiwanese),
    Encoding("mac_roman", "Mac OS 9", _WESTERN, 0.85),
)


def decoded(raws: Sequence[bytes]) -> tuple[list[str], str]:
    """The names as text, and their encoding: "utf-8", one of `ENCODINGS`, or "" where there are
    no names."""
    distinct = {raw: _utf8(raw) for raw in raws}
    read = sum(text is not None for text in distinct.values())
    if not distinct:
        return [], ""
    if read == len(distinct):
        return [distinct[raw] or "" for raw in raws], "utf-8"
    mostly = 2 * read > len(distinct)  # packed by two programs
    unread = [raw for raw, text in distinct.items() if text is None or not mostly]
    best = max(ENCODINGS, key=lambda encoding: likelihood(unread[:_MOST], encoding))
    return [
        text if mostly and (text := distinct[raw]) is not None else raw.decode(best.name, "replace")
        for raw in raws
    ], best.name


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def likelihood(raws: Sequence[bytes], encoding: Encoding) -> float:
    """How like names these bytes are in an encoding: 1 is very, below 0 is not; the mean of all
    their bytes that are not ASCII."""
    total = count = 0.0
    parts = {part for raw in raws for part in raw.replace(b"\\", b"/").split(b"/")}
    whole = encoding.name in ("cp932", "gbk", "big5")  # where a backslash is half a character
    for part in raws if whole else parts:
        try:
            text = part.decode(encoding.name)
        except UnicodeDecodeError:
            return -10.0
        for size, value in _values(text, encoding):
            total, count = total + size * value, count + size
    return total / count if count else -10.0


def _values(text: str, encoding: Encoding) -> Iterator[tuple[int, float]]:
    """(bytes, value) of each character of a name that is not ASCII."""
    run = 0
    for before, letter, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if letter.isascii():
            run = 0
            continue
        size = len(letter.encode(encoding.name))
        if not letter.isalpha() and unicodedata.category(letter) not in ("Mn", "Mc"):
            yield size, 0.0 if letter in _SIGNS else -1.0
            continue
        run += 1
        value = encoding.weight(letter)
        script = _script(letter)
        if script == "CJK" and any(o.isascii() and o.isalpha() for o in (before, after)):
            value -= 0.5
        if script != "CJK" and any(
            other.isalpha() and _script(other) != script for other in (before, after)
        ):
            value -= 1.5  # two alphabets in one word
        if letter == "ß" and not before.isalpha():
            value -= 0.8  # no word begins with it
        if letter.isupper() and before.islower():
            value -= 0.8
        if script == "LATIN" and run > 2:
            value -= 0.8  # no language writes so many accents in a row
        yield size, value


def _script(letter: str) -> str:
    first = unicodedata.name(letter, "").partition(" ")[0]
    return first if first in ("LATIN", "GREEK", "CYRILLIC") else "CJK"


def words_on(archive: Path, names: Sequence[str], encoding: str) -> str:
    """What to know of an archive whose names were read in a guessed encoding."""
    parts = dict.fromkeys(
        part for name in names for part in PurePosixPath(name).parts if not part.isascii()
    )
    words = next(row.words for row in ENCODINGS if row.name == encoding)
    return (
        f"Names in {shown(archive)} do not say how their letters are encoded. They were read as "
        f"{encoding} ({words}): {first_few(list(parts), 5)}. If that is wrong, unpack it yourself, "
        f"and give the folder."
    )
