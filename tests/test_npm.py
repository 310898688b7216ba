"""What npm fetches for a web page: told before, watched meanwhile, and given up in time."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from drawn import model_of, run
from tellapart.demo.walk import DemoPictures
from tellapart.errors import ModelError
from tellapart.exporters import npm
from tellapart.exporters.npm import Fetching, archive

PACKAGE = "onnxruntime-web@1.30.0"
FETCHING = (
    "npm downloads onnxruntime-web 1.30.0 from its registry, once (33.0 MB, 10 minutes at most)."
)
NEEDED = "Try again with a network. Once it is downloaded, it works offline."

needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")


@contextmanager
def listener(*, answers: bool) -> Iterator[tuple[str, list[str]]]:
    """The address of a registry that knows nothing, or that takes calls and never says a word, and
    what it was asked for."""
    asked: list[str] = []

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_PUT = do_GET  # noqa: N815

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Registry)
    if answers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        if answers:
            server.shutdown()
        server.server_close()


@contextmanager
def nobody() -> Iterator[tuple[str, list[str]]]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/", []


@pytest.mark.slow
@needs_npm
@pytest.mark.parametrize(
    ("registry", "why"),
    [
        (nobody, "its registry cannot be reached (ECONNREFUSED)"),
        pytest.param(
            lambda: listener(answers=False),
            "its registry does not answer",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda: listener(answers=True),
            "its registry does not have it (E404)",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_without_a_registry_it_refuses_at_once(
    registry: Callable[[], Iterator[tuple[str, list[str]]]],
    why: str,
    heroes: DemoPictures,
    tmp_path: Path,
) -> None:
    with registry() as (address, asked):  # type: ignore[attr-defined]
        began = time.monotonic()
        found = run(
            *("export", model_of(heroes), "--to", "web", "-o", tmp_path / "page"),
            environment={
                "npm_config_registry": address,
                "HOME": str(tmp_path / "home"),
                "TELLAPART_CACHE": str(tmp_path / "cache"),
            },
        )
        seconds = time.monotonic() - began
    assert found.code == 2
    assert found.out == ""
    assert found.err.splitlines() == [
        FETCHING,
        f"npm could not fetch onnxruntime-web 1.30.0: {why}.",
        NEEDED,
    ]
    assert seconds < 50  # below 5 where nothing else is at work; npm itself tries for minutes
    assert set(asked) <= {"/onnxruntime-web"}  # no updates, audits or funding
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.fixture
def own_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that puts a script in npm's place."""

    def put(script: str) -> None:
        file = tmp_path / "bin" / "npm"
        file.parent.mkdir()
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")

    return put


BEGINS = "echo npm info using npm@11 >&2"
CACHE = 'mkdir "${3#--cache=}"; cd "${3#--cache=}"'
ANSWERED = f"{BEGINS}; echo npm http fetch GET 200 http://registry/ >&2"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("sleep 60", "it does not start"),
        (f"{BEGINS}; sleep 60 & sleep 60", "its registry does not answer"),
        (f"{ANSWERED}; sleep 60", "nothing came for 1 seconds"),
        (
            f"{ANSWERED}; {CACHE}; while :; do echo >> part; sleep 0.1; done",
            "it was not done after 2 seconds",
        ),
        ("echo npm error code EAI_AGAIN >&2; exit 1", "its registry cannot be found, there may be"),
        ("echo npm ERR! code EWEIRD >&2; exit 1", "EWEIRD"),
        ("echo npm error Something is wrong. >&2; exit 1", "Something is wrong"),
        ("exit 1", "it does not say why"),
        ("exit 0", "it left no archive"),
    ],
)
def test_it_is_given_up_in_time_and_the_reason_told(
    script: str, why: str, own_npm: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in {"_STARTING": 1, "_FIRST_ANSWER": 1, "_STALLED": 1, "LONGEST": 2}.items():
        monkeypatch.setattr(npm, name, seconds)
    own_npm(script)
    began = time.monotonic()
    with pytest.raises(
        ModelError, match=r"npm could not fetch onnxruntime-web 1\.30\.0: "
    ) as caught:
        archive(PACKAGE, 1000, lambda fetching: None)
    assert why in caught.value.message
    assert caught.value.hint == NEEDED
    assert time.monotonic() - began < 50  # not the 60 of its sleep


def test_it_says_how_far_it_is(own_npm: Callable[[str], None]) -> None:
    own_npm(
        f"{ANSWERED}; {CACHE}; head -c 700 /dev/zero > part; sleep 1; echo content > ../package.tgz"
    )
    told: list[Fetching] = []
    assert archive(PACKAGE, 1000, told.append) == b"content\n"
    assert told[0] == Fetching("onnxruntime-web 1.30.0", 1000)
    assert told[-1].done == 700
    assert told[-1].seconds >= 0.5
