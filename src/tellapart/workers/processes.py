"""Workers that are processes of this machine: a crew for `crew_map`.

Each is a new Python, never a fork: what is open here is not open there, and no script of the user's
runs again. It hears over its standard input and answers over its standard output, and it ends when
either closes, so none outlives the process that hired it. It works on one core.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO, Any, TypeVar

from ..text import shown
from .copies import Copy
from .crew import Batch, Died, News, crew_map
from .local import Unit, cores

_ONE_CORE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_BEGIN = "import sys; sys.path[:] = {path}; from tellapart.workers.processes import work; work()"
_PATIENCE = 5.0  # seconds for a process that was killed or has finished to be gone
_LENGTH = struct.Struct("<Q")  # before each thing that is said
_NO_MORE = b""  # said instead of a batch: the unit is to be finished

In = TypeVar("In")
Out = TypeVar("Out")


class _Process:
    """One of them, seen from who hired it. A thread listens to it, and another sends: a pipe is
    full where its other end is slow to read."""

    def __init__(self, unit: bytes, news: SimpleQueue[tuple[_Process, News]]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  what it writes to stderr
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN.format(path=[path or os.getcwd() for path in sys.path])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, **dict.fromkeys(_ONE_CORE, "1")},
        )
        self._news = news
        self._orders: SimpleQueue[bytes | None] = SimpleQueue()
        self._orders.put(unit)
        for run in (self._listen, self._send):
            threading.Thread(target=run, name="tellapart-worker", daemon=True).start()

    def give(self, batch: Batch) -> None:
        self._orders.put(pickle.dumps(batch))

    def release(self) -> None:
        self._orders.put(_NO_MORE)

    def kill(self) -> None:
        self._process.kill()

    def bury(self) -> None:
        """Wait until it is gone."""
        self._orders.put(None)
        with suppress(subprocess.TimeoutExpired):  # the system holds it: a drive does not answer
            self._process.wait(_PATIENCE)
        self._said.close()

    def _send(self) -> None:
        stream = self._process.stdin
        assert stream
        with suppress(OSError), stream:  # it has died, which the other thread hears
            while (order := self._orders.get()) is not None:
                _write(stream, order)

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream
        with stream, suppress(EOFError):  # it has died, perhaps in the middle of a word
            while True:
                self._news.put((self, pickle.loads(_read(stream))))
        self._news.put((self, Died(self._reason())))

    def _reason(self) -> str:
        code = self._process.wait()
        if code < 0:
            lack = ", perhaps for lack of memory" if -code == getattr(signal, "SIGKILL", 0) else ""
            with suppress(ValueError):
                return f"was ended by the system ({signal.Signals(-code).name}{lack})"
        with suppress(ValueError, OSError):  # the file is closed already
            self._said.seek(0)
            lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
            if lines:
                return f"ended with code {code}: {shown(lines[-1])}"
        return f"ended with code {code}"


def processes_map(
    unit: Unit[In, Out],
    batches: Iterable[Sequence[In]],
    *,
    most: int = 0,
    say: Callable[[str], None] = lambda sentence: None,
) -> Generator[Out, None, None]:
    """The results of all batches in order, worked on by `most` processes, or as many as there are
    cores; see `crew_map`."""
    return crew_map(Processes(unit, most or cores()), batches, say=say)


class Processes:
    """A crew of at most `most` processes, each with its own copy of a unit."""

    def __init__(self, unit: Unit[Any, Any], most: int) -> None:
        self._unit = pickle.dumps(unit)
        self._most = most
        self._news: SimpleQueue[tuple[_Process, News]] = SimpleQueue()
        self._hired: list[_Process] = []

    def size(self) -> int:
        return self._most

    def hire(self) -> _Process:
        process = _Process(self._unit, self._news)
        self._hired.append(process)
        return process

    def news(self, seconds: float) -> Iterable[tuple[_Process, News]]:
        with suppress(Empty):
            yield self._news.get(timeout=seconds)

    def end(self) -> None:
        for process in self._hired:
            process.kill()
        for process in self._hired:
            process.bury()
        self._hired.clear()


def work() -> None:
    """The life of such a process: a unit, then batches, then nothing more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever hired it hears that too, and ends it
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what a library prints is no answer
    waiting: SimpleQueue[bytes] = SimpleQueue()

    def hear() -> None:
        with suppress(EOFError):
            while True:
                waiting.put(_read(orders))
        os._exit(0)  # whoever hired it is gone: nobody wants what it does now

    threading.Thread(target=hear, name="tellapart-orders", daemon=True).start()
    copy = Copy(waiting.get())
    _write(answers, pickle.dumps(copy.start()))
    while (order := waiting.get()) != _NO_MORE:
        _write(answers, pickle.dumps(copy.process(order)))
    _write(answers, pickle.dumps(copy.finish()))
    os._exit(0)  # the other thread waits for orders, and Python would wait for its lock


def _write(stream: IO[bytes], content: bytes) -> None:
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes:
    """The next thing that is said; raises EOFError where there is no more, or only half of it."""
    length = stream.read(_LENGTH.size)
    if len(length) == _LENGTH.size:
        (count,) = _LENGTH.unpack(length)
        content = stream.read(count)
        if len(content) == count:
            return content
    raise EOFError
