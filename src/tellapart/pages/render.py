"""Templates -> pages: one way of rendering them, of writing them, and of keeping them compiled.

A page is one HTML file that needs no other file, no network and no script; its policy forbids
everything but the pictures in it and its own style.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ..cache.stores import COMPILED
from ..errors import DestinationError
from ..files.atomic import (
    DESTINATION,
    cannot_write,
    check_file_writable,
    chosen_with,
    write_atomically,
)
from ..text import label_words, shown
from .contents import with_contents

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"
_MARK = b'<meta name="generator" content="tellapart'  # in the head of every page of ours
_HEAD = 2000  # bytes of a page within which it stands
_UNIT = re.compile(r"(?<=\d) (?=%|points?\b|MB\b|pixels?\b)")


class Name(str):
    """A text that is shown as it is, unlike a sentence: a file's name, a label, a command."""

    __slots__ = ()


def file_name(name: str) -> Name:
    """A picture's name without its folders, where its label stands beside it."""
    return Name(shown(PurePath(name).name))


def joined(value: object) -> object:
    """A sentence whose numbers cannot be parted from their units; anything else as it is."""
    return _UNIT.sub("\u00a0", value) if type(value) is str else value


def render(
    templates: jinja2.Environment, name: str, styles: Sequence[str], values: Mapping[str, object]
) -> str:
    """The page of a template that extends `page.html`, in the given style sheets."""
    style = "".join((TEMPLATES / sheet).read_text("utf-8") for sheet in styles)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = templates.get_template(name).render(**values, style=style, style_hash=digest)
    return with_contents(page)


def check_page_writable(path: Path, setting: str = DESTINATION) -> None:
    """Whether a page may be written to a file; `setting` is what chooses another.

    A page takes the place of a page of ours, or of an empty file, and of nothing else: not of a
    picture, of a file of the model, or of anything that its owner has write-protected.

    Raises:
        DestinationError: it may not, or its folder is missing or read-only.
    """
    check_file_writable(path, setting)
    if not os.path.lexists(path):
        return
    if not _is_ours(path):
        why = "is there already, and is not a page that tellapart wrote"
    elif not os.access(path, os.W_OK):
        why = "is write-protected"
    else:
        return
    raise DestinationError(
        f"{shown(path)} {why}.",
        hint=f"Nothing was changed. Choose another place{chosen_with(setting)}.",
    )


def _is_ours(path: Path) -> bool:
    """Whether what is there is a page of ours, or a file in which there is nothing to lose."""
    if not os.path.isfile(path):  # a pipe or a device, too, which would never end
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return False
    return not head or _MARK in head


def write_page(page: str, path: Path, setting: str = DESTINATION) -> None:
    """Write a page to a file; `setting` is what chooses another.

    Raises:
        DestinationError: it cannot be written, or may not be (see `check_page_writable`).
    """
    check_page_writable(path, setting)
    try:
        write_atomically(path, page.encode())
    except OSError as error:
        raise cannot_write(path, error, setting) from error


def environment(
    filters: Mapping[str, object], names: Mapping[str, object], *, html: bool = True
) -> jinja2.Environment:
    """What renders the templates; all that is put into a page is escaped, and sentences are
    `joined`. `shown` and `label_words` are for names, `said` for sentences that hold some.

    Compiling them takes longer than rendering, so they are kept compiled, as Python's own modules
    are; where that cannot be written, they are compiled again.
    """
    import jinja2

    class Compiled(jinja2.BytecodeCache):
        """Checked when it is read: damaged code would do anything."""

        def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
            if code := COMPILED.read(f"{bucket.key}.template"):
                bucket.bytecode_from_string(code)

        def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
            COMPILED.keep(f"{bucket.key}.template", bucket.bytecode_to_string())

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        bytecode_cache=Compiled(),
        finalize=joined if html else None,
    )
    if html:
        made.filters |= {
            "as_it_is": Name,
            "label_words": lambda label: Name(label_words(label)),
            "said": shown,
            "shown": lambda name: Name(shown(name)),
        }
    made.filters |= filters
    made.globals |= names
    return made
