"""Templates -> pages: one way of rendering them, and of keeping them compiled between runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .built import sealed, unsealed
from .cache import cache_folder
from .files import write_atomically

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"


def environment(filters: Mapping[str, object], names: Mapping[str, object]) -> jinja2.Environment:
    """What renders the templates; all that is put into a page is escaped.

    Compiling them takes longer than rendering, so they are kept compiled, as Python's own modules
    are; where that cannot be written, they are compiled again.
    """
    import jinja2

    class Compiled(jinja2.BytecodeCache):
        """Checked when it is read: damaged code would do anything."""

        folder = cache_folder() / "templates"

        def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
            with suppress(OSError):
                if code := unsealed((self.folder / bucket.key).read_bytes()):
                    bucket.bytecode_from_string(bytes(code))

        def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
            with suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True)
                write_atomically(self.folder / bucket.key, sealed(bucket.bytecode_to_string()))

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
