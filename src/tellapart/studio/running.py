"""Opening a studio: a folder, a socket, the server on it, and the link to its page once it answers.

the folder is one that can be worked in, and no other studio is open on it
a socket on the port that was asked for, or else the usual one, or any that is free
the link, with a token that is new each time
told to end: the streams end, the rest has a second, and what no one waits for is left
"""

from __future__ import annotations

import html
import os
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from socket import socket
from types import FrameType

from ..dataset.archives import is_archive
from ..dataset.stored.containers import check_are_files
from ..errors import DatasetError, UsageError
from ..files.workspaces import Workspace
from ..model.folder import MODEL_FILE
from ..server.app import running
from ..server.config import Config
from ..server.process.running import address_of, bound
from ..server.records.access_log import Log, take_over
from ..text import shown
from .app import application
from .session import kept_key, new_token
from .studio import Studio

PORT = 8321  # where pages that were left open find it again
_BODIES = 2**30  # bytes of the largest that may come, such as a zip
_LEAVE = 1  # seconds for what is under way when it is told to end


def open_studio(
    root: Path, port: int | None, quality: str | None, log: Log, ready: Callable[[str], None]
) -> None:
    """Serve a page on a folder until the process is told to end; `ready` is called with the link
    when the page answers. Without a port it takes the usual one, or else one that is free.

    Raises:
        UsageError: the port cannot be had.
        DatasetError: the folder makes no sense as labelled pictures.
        DestinationError: it cannot be written to, or another studio is open on it.
    """
    studio = Studio(root, quality)
    with closing(studio.changes):
        studio.folder.read()
        if studio.folder.problem:  # is told here, and not by a server that begins
            raise studio.folder.problem
        token = new_token()
        config, listening = _listening(port)
        link = f"{address_of(listening)}/?token={token}"
        take_over(log)
        app = application(studio, config, token, kept_key(root), log.request)
        server = running(
            app, listening, config, lambda: ready(link), lambda _: None, log.flush, alone=True
        )
        server.config.timeout_graceful_shutdown = _LEAVE
        ended = server.handle_exit

        def ending(sig: int, frame: FrameType | None) -> None:
            studio.events.end()  # streams never end by themselves
            ended(sig, frame)

        server.handle_exit = ending  # type: ignore[method-assign]
        server.run(sockets=[listening])
    others = [one for one in threading.enumerate() if one is not threading.main_thread()]
    if any(not one.daemon for one in others):  # Python would wait for them, and nobody else does
        sys.stdout.flush()
        os._exit(0)


def _listening(port: int | None) -> tuple[Config, socket]:
    """How it is served, to this computer alone, and the socket."""
    if port is None:
        with suppress(UsageError):
            usual = Config(port=PORT, largest=_BODIES)
            return usual, bound(usual)
    config = Config(port=port or 0, largest=_BODIES)
    return config, bound(config)


def check_studio_folder(given: Path) -> None:
    """Whether a studio can be opened on what was named.

    Raises:
        UsageError: what it holds are tars or Parquet files.
        DatasetError: it is no folder, cannot be read, or is a model's.
        DestinationError: it cannot be written to.
    """
    if not given.is_file():
        check_are_files(given)
    name = shown(given)
    try:
        is_folder, is_there = given.is_dir(), os.path.lexists(given)
        names = os.listdir(given) if is_folder else []
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DatasetError(
            f"{name} cannot be opened: {reason}.", hint="Name a folder that you may read."
        ) from error
    if not is_there:
        raise DatasetError(
            f"{name} does not exist.", hint=f"To begin with an empty folder: mkdir {name}"
        )
    if not is_folder:
        hint = "Name the folder of its pictures."
        if is_archive(given):
            hint = "Unpack it, or open an empty folder and drop the file onto the page."
        raise DatasetError(f"{name} is a file; the studio opens a folder of pictures.", hint=hint)
    if MODEL_FILE in names:
        raise DatasetError(
            f"{name} is a model; the studio opens a folder of pictures.",
            hint="Name the folder that it was trained on.",
        )


def leading_to(link: str) -> tuple[Path, Workspace]:
    """A page of the user's alone that leads a browser to a link, and the temporary folder that it
    lies in: a browser that is given the page's name says nothing of the token in the list of
    processes, which others on this computer can read."""
    apart = Workspace()
    page = apart.folder / "studio.html"
    quoted = html.escape(link, quote=True)
    text = (
        '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={quoted}"><title>tellapart</title>'
        f'<p><a href="{quoted}">tellapart studio</a>'
    )
    with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return page, apart
