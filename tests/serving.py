"""A real server in a process of its own, for the tests that ask one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATIENCE = 60.0  # seconds for a loaded machine


@dataclass(frozen=True)
class Answered:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A server that runs, at its address."""

    address: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] = {},
    ) -> Answered:
        """Ask once; a body is sent by POST unless another method is named."""
        asked = urllib.request.Request(
            self.address + path, body, dict(headers), method=method or ("POST" if body else "GET")
        )
        try:
            with urllib.request.urlopen(asked, timeout=_PATIENCE) as answer:
                return Answered(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answered(error.code, dict(error.headers), error.read())


@contextmanager
def serving(folder: Path, *arguments: object) -> Iterator[Running]:
    """`tellapart serve ARGUMENTS` on a free port; its log goes to a file in `folder`."""
    with running(folder, "-m", "tellapart", "serve", *map(str, arguments), "--port", "0") as found:
        yield found


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Running]:
    log = folder / f"serve-{time.monotonic_ns()}.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout
        address = process.stdout.readline().strip()
        try:
            assert address.startswith("http://"), log.read_text()
            yield Running(address, process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
