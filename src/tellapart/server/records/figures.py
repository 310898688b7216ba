"""Where the processes of one server add up their figures: a folder, which prometheus_client looks
for in the environment when it is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ...files.workspaces import Workspace

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def added_up() -> Iterator[None]:
    """Processes that are forked meanwhile keep their figures where each finds those of all."""
    before = os.environ.get(FOLDER)
    figures = Workspace()
    os.environ[FOLDER] = str(figures.folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[FOLDER]
        else:
            os.environ[FOLDER] = before
        figures.remove()


def forget(process: int) -> None:
    """What a process that is gone had under way counts no more."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process)  # type: ignore[no-untyped-call]
