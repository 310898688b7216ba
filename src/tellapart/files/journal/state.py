"""The hidden folder that a journal lies in: made in one step, locked while one run is at work, and
taken away with the folders that were made around it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ...errors import DestinationError
from ...text import shown
from ..folders import make_folders, moved_away, new_folder
from ..leftovers import clear_leftovers
from ..locks import is_still, open_lock, take
from ..purpose import Purpose
from .journal import Journal, writing
from .record import RECORD, How

_LOCK = "lock"


@contextmanager
def opened(
    folder: Path,
    purpose: Purpose,
    *,
    request: Mapping[str, object],
    root: str = "",
    how: How = "move",
    check: Callable[[Journal], None] = lambda journal: None,
) -> Iterator[Journal]:
    """The journal to write to, of work that begins or that goes on; the folder is made if need be.

    Args:
        folder: where files are placed; a real path.
        request: what is asked, as JSON; it is kept with a journal that begins.
        root: the folder that sources are named below; empty for `folder` itself.
        how: how files are placed, where a step does not say.
        check: called with a journal that is there; raises what speaks against going on with it,
            such as another request.

    Raises:
        DestinationError: the folder cannot be written to, another run is at work in it, or its
            journal is damaged; or what `check` raises.
    """
    finish_leftovers(folder, purpose)
    chain = (folder, *folder.parents)
    made = tuple(str(path) for path in chain if not os.path.lexists(path))

    def new(made: tuple[str, ...]) -> Journal:
        return Journal.new(folder, purpose, request=request, root=root, how=how, made=made)

    with writing(folder, purpose, begun=False):
        if made:  # in one step: a kill leaves no folder of which nobody knows who made it
            top = Path(made[-1])
            with new_folder(top) as fresh:
                state = fresh / folder.relative_to(top) / purpose.hidden
                make_folders(state)
                with closing(new(made)) as begun:
                    begun.begin(state)
        (folder / purpose.hidden).mkdir(parents=True, exist_ok=True)
    with locked(folder, purpose):
        earlier = Journal.load(folder, purpose)
        if earlier is not None:
            check(earlier)
            with closing(earlier):
                with writing(folder, purpose):
                    earlier.go_on()
                yield earlier
            return
        with closing(new(())) as journal:
            try:
                with writing(folder, purpose, begun=False):
                    journal.begin(folder / purpose.hidden)
            except DestinationError:
                remove_state(folder, purpose, ())
                raise
            yield journal


@contextmanager
def locked(folder: Path, purpose: Purpose) -> Iterator[None]:
    """Keep a second run or undo out; the system lets go of the lock when a process is killed."""
    path = folder / purpose.hidden / _LOCK
    for place in (path.parent, path.with_name(RECORD)):
        if place.is_symlink():  # it may have come with the folder, and lead to anything
            raise DestinationError(f"{shown(place)} is a link.", hint=purpose.if_damaged)
    with writing(folder, purpose):
        stream = open_lock(path)
    with stream:
        if take(stream) is False or not is_still(path, stream):
            raise DestinationError(
                f"{shown(folder)} is being {purpose.done} {purpose.joint}, or taken back, by "
                "another run.",
                hint="Wait until that has ended.",
            )
        yield


def remove_state(folder: Path, purpose: Purpose, made: tuple[str, ...]) -> None:
    """Delete what the work kept for itself, and the folders it made around it if they are empty."""
    state = folder / purpose.hidden
    if folders := _made_folders(folder, made):
        with suppress(OSError), moved_away(state, folders[-1]):
            _remove_empty(folders)
    with suppress(OSError):
        (state / RECORD).unlink(missing_ok=True)
        (state / _LOCK).unlink(missing_ok=True)
        state.rmdir()
    _remove_empty(folders)


def _made_folders(folder: Path, made: tuple[str, ...]) -> list[Path]:
    """The folder, and those above it as long as they are where they were made."""
    chain = (folder, *folder.parents)[: len(made)]
    return [path for path in chain if path == folder or str(path) in made]


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def finish_leftovers(folder: Path, purpose: Purpose) -> None:
    """End what a kill interrupted when the folders were made, or when undo took them away."""

    def finish(state: Path) -> None:
        with suppress(OSError, ValueError, KeyError), (state / RECORD).open("rb") as stream:
            _remove_empty(_made_folders(folder, tuple(json.loads(stream.readline())["made"])))

    for place in (folder, *folder.parents[:-1]):
        clear_leftovers(place, finish)
