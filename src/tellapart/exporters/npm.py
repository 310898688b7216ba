"""The npm client: fetches the archive of one package, is watched meanwhile, and asks for no more.

What npm would do besides (look for its own updates, audits, funding, scripts, a log) is off. Where
its registry cannot be reached it would go on trying for minutes: here a first answer has seconds.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import MissingExtraError, ModelError
from ..files.system import WINDOWS
from ..files.workspaces import temporary_folder

LONGEST = 600  # seconds for all of it
_STARTING = 20  # seconds until npm itself says a first word, on a machine that is busy
_FIRST_ANSWER = 3  # seconds from there until the registry has answered
_STALLED = 30  # seconds in which nothing more came
_LOOK = 0.1  # seconds between two looks at it
_OPTIONS = (
    "--loglevel=info",  # tells of npm's beginning, and of each answer
    "--fetch-retries=0",
    "--update-notifier=false",
    "--audit=false",
    "--fund=false",
    "--progress=false",
    "--ignore-scripts",
    "--logs-max=0",
)
_REASONS: Mapping[str, str] = {
    "E401": "its registry refuses it",
    "E403": "its registry refuses it",
    "E404": "its registry does not have it",
    "EAI_AGAIN": "its registry cannot be found, there may be no network",
    "ECONNREFUSED": "its registry cannot be reached",
    "ECONNRESET": "its registry cannot be reached",
    "EHOSTUNREACH": "its registry cannot be reached",
    "ENETUNREACH": "its registry cannot be reached, there is no network",
    "ENOSPC": "the disk is full",
    "ENOTCACHED": "it is told to stay offline",
    "ENOTFOUND": "its registry cannot be found, there may be no network",
    "ETIMEDOUT": "its registry does not answer",
}


@dataclass(frozen=True)
class Fetching:
    """How far npm is with a package: `done` of about `size` bytes, after so many seconds."""

    package: str
    size: int
    done: int = 0
    seconds: float = 0


Watch = Callable[[Fetching], None]


def archive(package: str, size: int, watch: Watch) -> bytes:
    """The archive of a package, `name@version`, of about `size` bytes.

    `watch` is called before npm is started, and then again and again until it is done.

    Raises:
        MissingExtraError: there is no npm.
        ModelError: npm could not fetch it, or not in time.
    """
    name = package.replace("@", " ")
    npm = shutil.which("npm")
    if npm is None:
        raise MissingExtraError(
            f"A web page needs {name}, which npm downloads once, and npm is not installed.",
            hint="Install Node.js, which brings npm, and type this again. After that it works "
            "offline.",
        )
    watch(Fetching(name, size))
    with temporary_folder() as folder:
        place = Path(folder)
        cache = place / "npm"  # not the user's: nothing is left there
        command = [npm, "pack", package, f"--cache={cache}", *_OPTIONS]
        try:
            with _running(command, place) as (process, said):
                for done, seconds in _subgroups(process, said, cache):
                    watch(Fetching(name, size, min(done, size), seconds))
            if process.returncode:
                raise _FailedError(_reason(said))
            found = next(place.glob("*.tgz"), None)
            if found is None:
                raise _FailedError("it left no archive")
            return found.read_bytes()
        except (_FailedError, OSError) as error:
            raise ModelError(
                f"npm could not fetch {name}: {error}.",
                hint="Try again with a network. Once it is downloaded, it works offline.",
            ) from error


class _FailedError(Exception):
    """Why npm was not waited for any longer, or what it said."""


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A process and the lines that it has written so far; it does not outlive this."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    said: list[str] = []

    def listen() -> None:
        assert process.stderr
        for line in process.stderr:
            said.append(line.strip())

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield process, said
    finally:
        if process.poll() is None:
            with suppress(OSError, subprocess.TimeoutExpired):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)  # npm may have started others
                elif WINDOWS:  # where npm is a script that starts the program
                    kill = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
                    subprocess.run(kill, capture_output=True, timeout=10, check=False)
                process.kill()
        process.wait()
        listener.join(timeout=1)
        if process.stderr and not listener.is_alive():
            process.stderr.close()


def _subgroups(
    process: subprocess.Popen[str], said: list[str], cache: Path
) -> Iterator[tuple[int, float]]:
    """The bytes that have come and the seconds that have passed, until it is done.

    Raises:
        _FailedError: it takes too long.
    """
    start = heard = grown = time.monotonic()
    most = 0
    while process.poll() is None:
        time.sleep(_LOOK)
        now = time.monotonic()
        if not said:
            heard = now
            if now - start > _STARTING:
                raise _FailedError("it does not start")
        elif not any("http fetch" in line or "http cache" in line for line in said):
            grown = now
            if now - heard > _FIRST_ANSWER:
                raise _FailedError("its registry does not answer")
        if (size := _size(cache)) > most:
            most, grown = size, now
        elif now - grown > _STALLED:
            raise _FailedError(f"nothing came for {_STALLED} seconds")
        if now - start > LONGEST:
            raise _FailedError(f"it was not done after {LONGEST} seconds")
        yield most, now - start


def _size(folder: Path) -> int:
    """The bytes in a folder that others write to."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(place, name)).st_size
    return total


def _reason(said: list[str]) -> str:
    """Why npm failed, in words where its code is known."""
    errors = [found[1] for line in said if (found := re.match(r"npm (?:error|ERR!) (.+)", line))]
    codes = [found[1] for line in errors if (found := re.match(r"code (\w+)$", line))]
    if codes:
        return f"{_REASONS[codes[0]]} ({codes[0]})" if codes[0] in _REASONS else codes[0]
    return errors[0].rstrip(".") if errors else "it does not say why"
