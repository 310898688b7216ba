"""`tellapart cache ...`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from .options import AsJson, show

if TYPE_CHECKING:
    from ...cache.folder import SpaceInfo


def cache_dir() -> None:
    """Print where the cache is. TELLAPART_CACHE chooses another place."""
    from ...cache.folder import cache_folder

    typer.echo(str(cache_folder()))


def cache_info(as_json: AsJson = False) -> None:
    """Say what the cache holds."""
    from ...cache.stores import cache_info as info

    _print_spaces(info(), as_json)


def cache_verify(as_json: AsJson = False) -> None:
    """Check all that is kept; what is damaged is counted and not used. Exits with 1 if any is."""
    from ...cache.stores import verify_cache

    spaces = verify_cache()
    _print_spaces(spaces, as_json)
    if any(space.damaged for space in spaces):
        raise typer.Exit(1)


def cache_clear() -> None:
    """Delete all that is kept. Only time is lost, and where a stopped fine-tuning would go on from.

    What a web page needs of the browser's runtime is fetched again by the next export.
    """
    from ...cache.stores import clear_cache

    typer.echo(f"Freed {clear_cache() / 1e6:.1f} MB.")


def _print_spaces(spaces: Sequence[SpaceInfo], as_json: bool) -> None:
    from ...to_json import results as to_json
    from ..terminal.models import print_spaces

    show(to_json.spaces(spaces), as_json, lambda: print_spaces(spaces))
