"""The studio's page as it lies there: small, whole, ours alone, and said in two languages."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from studio import bare_page
from tellapart.assess.check.health import KINDS
from tellapart.explain.places import place
from tellapart.studio.routes.page import PAGE, POLICY, packed

MOST = 150_000  # bytes that a browser is sent, without pictures
FILES = sorted(path for path in PAGE.rglob("*") if path.suffix in {".js", ".css", ".html", ".svg"})
OURS = [path for path in FILES if path.parent.name != "vendor"]
IMPORT = re.compile(
    r"""^(?:import|export)\b[^"';=(]*["']([^"']+)["'];|\bimport\(["']([^"']+)["']\)""", re.MULTILINE
)


def imported(text: str) -> list[str]:
    """The modules that a module imports."""
    return [first or second for first, second in IMPORT.findall(text)]


def test_the_page_is_small() -> None:
    assert sum(len(packed(path)) for path in FILES) < MOST


def test_what_others_wrote_is_as_they_published_it() -> None:
    for line in (PAGE / "vendor" / "SHA256SUMS.txt").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((PAGE / "vendor" / name).read_bytes()).hexdigest() == digest
        assert list((PAGE / "vendor").glob("LICENSE*"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_asks_for_nothing_elsewhere(path: Any) -> None:
    text = path.read_text("utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
    assert not {one for one in addresses if path.parent.name != "vendor"}
    assert "innerHTML" not in text or path.parent.name == "vendor"
    for name in imported(text) if path.suffix == ".js" else ():
        assert (path.parent / name).is_file(), name


def test_every_file_is_asked_for() -> None:
    """No module or style lies there unused."""
    index = (PAGE / "index.html").read_text()
    linked = {PAGE / one.removeprefix("/page/") for one in re.findall(r'"(/page/[^"]+)"', index)}
    for page in PAGE.glob("*.html"):
        linked |= {
            PAGE / one.removeprefix("/page/")
            for one in re.findall(r'"(/page/[^"]+)"', page.read_text())
        }
    seen: set[Any] = set()
    while linked - seen:
        path = (linked - seen).pop()
        seen.add(path)
        if path.suffix == ".js":
            linked |= {(path.parent / one).resolve() for one in imported(path.read_text())}
    assert {path for path in FILES if path.suffix != ".html"} == seen


def test_the_policy_lets_it_load_nothing_else() -> None:
    said = dict(part.split(" ", 1) for part in POLICY.split("; "))
    assert said["default-src"] == "'none'"
    assert said["script-src"] == said["style-src"] == said["connect-src"] == "'self'"
    assert "unsafe" not in POLICY


def test_every_language_says_all() -> None:
    """The same keys, with the same values in them; and every key that the page uses is there."""
    words = _words()
    english = dict(_flat(words["en"]))
    for language, said in words.items():
        flat = dict(_flat(said))
        assert flat.keys() == english.keys(), language
        for key, text in flat.items():
            values = set(re.findall(r"\{(\w+)", text))
            assert values == set(re.findall(r"\{(\w+)", english[key])), (language, key)
    used = set()
    for path in OURS:
        if path.suffix == ".js":
            used |= set(re.findall(r"\bt\(\s*[\"']([\w.]+)[\"']", path.read_text("utf-8")))
    assert used <= english.keys()


def _words() -> Mapping[str, Mapping[str, Any]]:
    languages = sorted(path.stem for path in (PAGE / "words").glob("*.js"))
    with bare_page() as page:
        found: dict[str, Mapping[str, Any]] = {
            one: page.evaluate(f"import('/words/{one}.js').then((module) => module.{one})")
            for one in languages
        }
        return found


def _flat(words: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in words.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value


SHARED_CLASSES = {"grid", "score", "why"}  # of a part whose rules stand in two files that know it


def test_no_style_of_one_part_reaches_into_another() -> None:
    """A class is styled by one file; what is a view's own may be nested in the view."""
    files: dict[str, set[str]] = {}
    for path in sorted((PAGE / "css").glob("*.css")):
        if path.stem == "phone":  # a page of its own
            continue
        text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
        for selector in re.findall(r"(?:^|\})\s*([^{}@]+)\{", _outside(text)):
            for one in selector.split(","):
                if found := re.match(r"\.([\w-]+)", one.strip()):
                    files.setdefault(found[1], set()).add(path.stem)
    several = {name for name, of in files.items() if len(of) > 1}
    assert several - SHARED_CLASSES == set()


def _outside(text: str) -> str:
    """The rules of a sheet without what is nested in a view."""
    return "" if text.strip().startswith("main[data-view=") else text


def test_every_finding_and_every_place_has_words() -> None:
    """What the library says by a key, the page says in each language; of what has no words of its
    own the library's sentence is shown, and these are known."""
    for language, said in _words().items():
        words = dict(_flat(said))
        kinds = {kind for kind in KINDS if f"mend.title.{kind}" in words}
        assert kinds == set(KINDS), language
        reasons = {key.split(".")[2].partition("_")[0] for key in words if "mend.reason." in key}
        assert set(KINDS) - reasons == {"shortcut", "unreadable"}, language
        assert {f"why.place.{one or 'all over'}" for one in _places()} <= words.keys(), language


def _places() -> set[str]:
    """What evidence in each box of a picture is said to be."""
    sides = [(begin, end) for begin in range(9) for end in range(begin + 1, 10)]
    maps = np.zeros((len(sides) ** 2, 9, 9))
    for number, (rows, columns) in enumerate(itertools.product(sides, sides)):
        maps[number, slice(*rows), slice(*columns)] = 1
    found = {place(one) for one in maps}
    corners = np.zeros((9, 9))
    corners[[0, 0, 8, 8], [0, 8, 0, 8]] = 1
    apart = np.zeros((9, 9))
    apart[[1, 4, 7], [1, 4, 7]] = 1
    return {*found, place(corners), place(apart)}
