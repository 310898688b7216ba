"""Pictures on the web, from a server of our own: what it does not give is told as what it is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from conftest import draw_scene, encoded
from tellapart.dataset.stored.members import members
from tellapart.errors import DatasetError, PictureError
from tellapart.files import addresses
from tellapart.files.destinations import destination_at
from test_parquet import write
from test_tar_shards import pack

pytest.importorskip("aiohttp")
PICTURE = encoded(draw_scene())


class _Whole(SimpleHTTPRequestHandler):
    """A server as Python has one: it sends whole files, whatever part is asked for."""

    def do_HEAD(self) -> None:
        self.send_error(403) if "secret" in self.path else super().do_HEAD()

    def do_GET(self) -> None:
        self.send_error(403) if "secret" in self.path else super().do_GET()

    def log_message(self, *said: object) -> None:
        """Nothing."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_WAITS", (0.0, 0.0))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web")


@pytest.fixture(scope="module")
def web(files: Path) -> Iterator[str]:
    """The address of a server that sends whole files only."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Whole, directory=str(files)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_server_that_sends_whole_files_gives_pictures_and_no_parts(web: str, files: Path) -> None:
    named = {f"{label}/{n}.png": PICTURE + bytes([n]) for n in range(3) for label in "ab"}
    (files / "one.png").write_bytes(PICTURE)
    pack(files / "small.tar", named)
    pack(files / "large.tar", {name: content + bytes(2**20) for name, content in named.items()})
    rows = {"image": [{"bytes": content, "path": name} for name, content in named.items()]}
    write(files / "t.parquet", rows)
    (one,) = members(f"{web}/one.png")
    assert one.content() == PICTURE
    first, *_ = members(f"{web}/small.tar")
    with pytest.raises(PictureError, match=f"cannot be read: {addresses.NO_PARTS}$"):
        first.content()
    for name in ("large.tar", "t.parquet"):
        with pytest.raises(DatasetError) as caught:
            list(members(f"{web}/{name}"))
        assert caught.value.message == f"{web}/{name} cannot be read: {addresses.NO_PARTS}."


def test_what_went_wrong_on_the_web_is_told_as_what_it_is(web: str) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{unheard.getsockname()[1]}"
    for address, reason in (
        (f"{web}/nothing.png", "nothing is there: the server answers with 404"),
        (f"{web}/secret.png", "access denied: the server answers with 403"),
        (f"{web}/folder/", "a server on the web does not tell what it has"),
        (f"http://{closed}/a.png", f"{closed} cannot be reached: connection refused"),
        ("http://nohost.invalid/a.png", "there is no server called nohost.invalid"),
    ):
        with pytest.raises(DatasetError) as caught:
            list(members(address))
        assert caught.value.message.startswith(f"{address} cannot be read: {reason}")
    error = OSError(f'Could not connect to the endpoint URL: "http://{closed}/b?list-type=2"')
    assert addresses.reason_of(error) == f"{closed} cannot be reached"


def test_the_letters_of_a_scheme_may_be_large() -> None:
    fsspec.filesystem("memory").pipe("/capital/a.png", PICTURE)
    (one,) = members("MEMORY://capital/")
    assert one.content() == PICTURE
    assert destination_at("MEMORY://capital").names() == ["a.png"]
