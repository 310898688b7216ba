"""A line on stderr for each request and for each warning, which nothing that a client sends can
break in two.

Nothing waits for the log: what stderr does not take at once is kept for a while, and what is too
much is counted and dropped.
"""

from __future__ import annotations

import json
import logging
import os
import select
import sys
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from ...text import several, shown
from .account import Account

_LONGEST = 200  # letters of a path
_KEPT = 1000  # lines that wait for stderr
_AT_ONCE = 4096  # bytes that a pipe which takes any takes without waiting: PIPE_BUF
_ALIKE, _WINDOW = 5, 10.0  # warnings of the same words that are told in so many seconds
_PAUSE = 0.02  # seconds before a stream that takes no more is asked again


@dataclass
class _Said:
    """What was said since when, and how often."""

    since: float
    times: int = 0


class Log:
    """Writes lines to a stream, by its descriptor; any thread may ask."""

    def __init__(self, stream: TextIO, *, as_json: bool, quiet: bool = False) -> None:
        """`as_json`: an object a line, or else a short text. `quiet`: warnings and errors only."""
        self._stream = stream
        self._as_json = as_json
        self._quiet = quiet
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._said: dict[str, _Said] = {}
        self._lock = threading.Lock()

    def request(self, account: Account) -> None:
        """A request was answered."""
        if not self._quiet:
            self._say(request_json(account) if self._as_json else request_text(account))

    def warn(self, message: str, *, level: str = "warning", trace: str = "") -> None:
        """Something is to be known; `trace` is where it went wrong. `level` is "info", which a
        quiet log leaves out, "warning" or "error". What is said again and again is left out for a
        while, and counted."""
        if level == "info" and self._quiet:
            return
        # asyncio adds lines that tell one event from the next
        left_out = self._left_out(message.split("\n", 1)[0] + trace)
        if left_out is None:
            return
        if left_out:
            message = f"{message} ({several(left_out, 'time')} more before)"
        moment = _moment(time.time())
        if not self._as_json:
            lines = [f"{moment} {level}: {message}", *trace.splitlines()]
            self._say("\n".join(map(shown, lines)))
            return
        told = {"time": moment, "level": level, "message": message}
        self._say(json.dumps({**told, "trace": trace} if trace else told))

    def flush(self, patience: float = 1.0) -> None:
        """Write what still waits, as far as the stream takes it within `patience` in seconds."""
        until = time.monotonic() + patience
        with self._lock, suppress(OSError, ValueError):
            self._write()
            while self._waiting and time.monotonic() < until:
                time.sleep(_PAUSE)
                self._write()

    def _left_out(self, words: str) -> int | None:
        """How often these words were left out before; None where they are to be again."""
        now, left_out = time.monotonic(), 0
        with self._lock:
            said = self._said.get(words)
            if said is None or now - said.since > _WINDOW:
                left_out = max(0, said.times - _ALIKE) if said else 0
                if len(self._said) >= _KEPT:
                    self._said.clear()
                said = self._said[words] = _Said(now)
            said.times += 1
            return left_out if said.times <= _ALIKE else None

    def _say(self, line: str) -> None:
        with self._lock:
            with suppress(OSError, ValueError):  # it is closed, or its disk is full
                self._write()
            if len(self._waiting) >= _KEPT:
                self._dropped += 1
                return
            if self._dropped:
                lost = f"{several(self._dropped, 'line')} of this log were lost."
                self._dropped = 0
                self._waiting.append(f'{{"level": "warning", "message": "{lost}"}}\n'.encode())
            self._waiting.append(line.encode("ascii", "backslashreplace") + b"\n")
            with suppress(OSError, ValueError):  # it is closed, or its disk is full
                self._write()

    def _write(self) -> None:
        descriptor = self._stream.fileno()
        while self._waiting and _takes_more(descriptor):
            line = self._waiting[0]
            written = os.write(descriptor, line[:_AT_ONCE])
            self._waiting.popleft()
            if written < len(line):
                self._waiting.appendleft(line[written:])


def _takes_more(descriptor: int) -> bool:
    """Whether a write would not wait. A file always takes it; Windows cannot tell."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    ready = poll.poll(0)
    if any(event & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, event in ready):
        raise BrokenPipeError
    return bool(ready)


def request_json(account: Account) -> str:
    """A request as a line of JSON, in ASCII."""
    return json.dumps(
        {
            "time": _moment(account.began),
            "client": account.client[:64],
            "method": account.method,
            "route": account.route,
            "path": _path(account.path),
            "status": account.status,
            "bytes_in": account.read,
            "bytes_out": account.sent,
            "seconds": round(account.seconds, 6),
            "waited": round(account.waited, 6),
            "model": account.model or None,
            "pictures": len(account.outcomes),
        }
    )


def request_text(account: Account) -> str:
    """A request as a line for a person."""
    words = [
        _moment(account.began)[11:19],
        shown(account.client[:64]),
        account.method,
        shown(_path(account.path)),
        str(account.status),
        f"{1000 * account.seconds:.1f} ms",
    ]
    if account.outcomes:
        words.append(f"({several(len(account.outcomes), 'picture')}, {account.model})")
    return " ".join(words)


def _path(path: str) -> str:
    return path if len(path) <= _LONGEST else path[: _LONGEST - 3] + "..."


def _moment(seconds: float) -> str:
    """`2026-11-29T08:05:01.250Z`."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def take_over(log: Log) -> None:
    """Have all warnings of this process's loggers, uvicorn's above all, told in the log, and what
    our own have to say besides."""
    logging.getLogger(_OURS).setLevel(logging.INFO)
    logging.getLogger().addHandler(_Handler(log))


_OURS = "tellapart"


class _Handler(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING and not record.name.startswith(f"{_OURS}."):
            return
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self._log.warn(record.getMessage(), level=record.levelname.lower(), trace=trace)


def log_to_stderr(as_json: bool | None, quiet: bool) -> Log:
    """The log of this process; if it is not said, a terminal gets text and all else JSON."""
    if as_json is None:
        as_json = not sys.stderr.isatty()
    return Log(sys.stderr, as_json=as_json, quiet=quiet)
