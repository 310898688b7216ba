"""A real studio in a process of its own, asked over HTTP, or looked at by a real browser."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from serving import Answered, Running, running
from tellapart.studio.routes.page import PAGE

PATIENCE = 30.0  # seconds for a loaded machine


@dataclass(frozen=True)
class Opened:
    """A studio that runs, on a folder; `link` is what it printed."""

    link: str
    folder: Path
    running: Running

    @property
    def address(self) -> str:
        return self.link.partition("/?")[0]

    @property
    def token(self) -> str:
        return self.link.partition("token=")[2]

    def ask(
        self,
        path: str,
        body: object = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] = {},
    ) -> Answered:
        """Ask as the page does; what is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        token = {"Authorization": f"Bearer {self.token}"}
        return self.running.ask(path, content, method=method, headers={**token, **headers})

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("/api/state").json
        return found

    def pictures(self) -> dict[str, dict[str, Any]]:
        """All pictures by their names."""
        keys = ("id", "name", "label", "part", "version", "decided")
        listed = [dict(zip(keys, one, strict=True)) for one in self.state()["pictures"]]
        return {one["name"]: one for one in listed}

    def wait(self, until: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The state once something holds of it."""
        end = time.monotonic() + PATIENCE
        while not until(state := self.state()):
            assert time.monotonic() < end, state
            time.sleep(0.05)
        return state


@contextmanager
def studio(folder: Path, *arguments: object, logs: Path | None = None) -> Iterator[Opened]:
    """`tellapart studio FOLDER --no-open` on a free port, quality `fast` unless it is said."""
    said = [*map(str, arguments)]
    if "--quality" not in said:
        said += ["--quality", "fast"]
    if "--port" not in said:
        said += ["--port", "0"]
    command = ("-m", "tellapart", "studio", str(folder), "--no-open", *said)
    with running(logs or folder.parent, *command) as found:
        address, _, _ = found.address.partition("/?")
        yield Opened(found.address, folder, Running(address, found.process, found.log))


@contextmanager
def browser(*arguments: str) -> Iterator[Any]:
    """A real browser; tests that need one are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = os.environ.get("TELLAPART_CHROMIUM") or shutil.which("chromium")
    with playwright.sync_playwright() as started:
        try:
            opened = started.chromium.launch(
                executable_path=found, args=["--no-sandbox", *arguments]
            )
        except playwright.Error as error:
            pytest.skip(f"no browser: {error}")
        yield opened
        opened.close()


def page_of(opened: Any, link: str, **context: Any) -> Any:
    """The studio's page in a browser, once it shows the folder; an error in its scripts fails the
    test that asks for one more of its answers."""
    page = opened.new_context(**context).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(link)
    page.get_by_role("navigation").wait_for()
    page.locator("main[aria-busy=false]").wait_for()
    return page


@contextmanager
def bare_page() -> Iterator[Any]:
    """A browser's page with nothing in it, which can import the studio's modules and no more."""

    def serve(route: Any) -> None:
        path = PAGE / route.request.url.removeprefix("http://page.test/")
        if path.is_file():
            route.fulfill(body=path.read_bytes(), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    with browser() as opened:
        page = opened.new_page()
        page.route("**/*", serve)
        page.goto("http://page.test/")
        yield page
