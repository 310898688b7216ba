"""`tellapart cache ...`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from .options import (
    AsJson,
    show,
)

if TYPE_CHECKING:
    from ..cache import SpaceInfo


def cache_dir() -> None:
    """Print where the cache is. TELLAPART_CACHE chooses another place."""
    from ..cache import cache_folder

    typer.echo(str(cache_folder()))


def cache_info(as_json: AsJson = False) -> None:
    """Say what the cache holds."""
    from ..built import built_info
    from ..cache import cache_info as info

    _print_spaces([*info(), *built_info()], as_json)


def cache_verify(as_json: AsJson = False) -> None:
    """Check all that is kept; what is damaged is counted and not used. Exits with 1 if any is."""
    from ..built import built_info
    from ..cache import verify_cache

    spaces = [*verify_cache(), *built_info(check=True)]
    _print_spaces(spaces, as_json)
    if any(space.damaged for space in spaces):
        raise typer.Exit(1)


def cache_clear() -> None:
    """Delete embeddings and networks. Nothing is lost but the time to compute them again."""
    from ..built import clear_built
    from ..cache import clear_cache

    typer.echo(f"Freed {(clear_cache() + clear_built()) / 1e6:.1f} MB.")


def _print_spaces(spaces: Sequence[SpaceInfo], as_json: bool) -> None:
    from .. import summaries, terminal

    show(summaries.spaces(spaces), as_json, lambda: terminal.print_spaces(spaces))
