"""`tellapart cache ...`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ...errors import DestinationError
from .options import AsJson, aside, show

if TYPE_CHECKING:
    from ...cache.folder import SpaceInfo


def cache_dir() -> None:
    """Print where the cache is. Set TELLAPART_CACHE to put it elsewhere.

    It is a folder, or an address such as s3://bucket/cache, for machines that share no disk. Each
    keeps a copy and fetches what others have made: then this prints the address, and below it the
    folder of the copy.
    """
    from ...cache.folder import address_of, cache_folder

    if address := address_of(cache_folder()):
        typer.echo(address)
    typer.echo(str(cache_folder()))


def cache_info(as_json: AsJson = False) -> None:
    """Show what the cache holds; of one at an address, what the copy on this machine holds."""
    from ...cache.stores import cache_info as info

    _check_address()
    _print_spaces(info(), as_json)


def cache_verify(as_json: AsJson = False) -> None:
    """Check every file of the cache. Damaged ones are named, never used; then exits with 1."""
    from ...cache.stores import verify_cache

    _check_address()
    spaces = verify_cache()
    _print_spaces(spaces, as_json)
    if any(space.damaged for space in spaces):
        raise typer.Exit(1)


def cache_merge(as_json: AsJson = False) -> None:
    """Merge small files of embeddings into large ones, which are read faster.

    Commands that add pictures merge a few when they end, so this is never needed. It needs as much
    free space as the small files take, for a while. Others may use the cache meanwhile. Files that
    are copies of those at an address stay as they are.
    """
    from ...cache.folder import address_of, cache_folder
    from ...cache.stores import merge_cache

    _check_address()
    if address_of(cache_folder()):
        aside(False)("A cache at an address is not merged: all its files stay as they are.")
    _print_spaces(merge_cache(), as_json)


def cache_clear() -> None:
    """Empty the cache. You lose time only, and the points where stopped fine-tunings would resume.

    The next export of a web page downloads the browser's runtime again. If the cache is at an
    address, what is there stays: this empties the copy on this machine.
    """
    from ...cache.stores import clear_cache

    typer.echo(f"Freed {clear_cache() / 1e6:.1f} MB.")


def _check_address() -> None:
    """Refuse an address that does not answer: nothing that is told of the copy would be shared.

    Raises:
        DestinationError: the cache is at such a one.
    """
    from ...cache.shared import sharing_trouble

    if trouble := sharing_trouble():
        raise DestinationError(
            f"The cache is at an address that does not answer: {trouble}.",
            hint="Set TELLAPART_CACHE to a folder, or to another address.",
        )


def _print_spaces(spaces: Sequence[SpaceInfo], as_json: bool) -> None:
    from ...to_json import results as to_json
    from ..terminal.models import print_spaces

    show(to_json.spaces(spaces), as_json, lambda: print_spaces(spaces))
