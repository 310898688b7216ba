"""Templates -> pages: one way of rendering them, of writing them, and of keeping them compiled.

A page is one HTML file that needs no other file, no network and no script; its policy forbids
everything but the pictures in it and its own style.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..cache.drawers import COMPILED
from ..files import cannot_write, write_atomically

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"


def render(
    templates: jinja2.Environment, name: str, styles: Sequence[str], values: Mapping[str, object]
) -> str:
    """The page of a template that extends `page.html`, in the given style sheets."""
    style = "".join((TEMPLATES / sheet).read_text("utf-8") for sheet in styles)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return templates.get_template(name).render(**values, style=style, style_hash=digest)


def write_page(page: str, path: Path, option: str = "-o") -> None:
    """Write a page to a file; `option` is how another is chosen.

    Raises:
        DestinationError: it cannot be written.
    """
    try:
        write_atomically(path, page.encode())
    except OSError as error:
        raise cannot_write(path, error, option) from error


def environment(filters: Mapping[str, object], names: Mapping[str, object]) -> jinja2.Environment:
    """What renders the templates; all that is put into a page is escaped.

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
    )
    made.filters |= filters
    made.globals |= names
    return made
