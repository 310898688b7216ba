"""A server is safe as it is: asked over a bare socket, as those ask who mean no good."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conftest import draw_scene, encoded, mostly_slow, png_header
from drawn import run_here
from serving import Running, serving
from tellapart.errors import ModelError, TellapartError
from tellapart.server.config import Config
from tellapart.server.guards.admission import guards
from tellapart.server.problems import told

TOKEN = "0123456789abcdef-tellapart"
FRIEND = "https://friend.example"
PICTURE = encoded(draw_scene())
MB = 2**20


@pytest.fixture(scope="module")
def server(served: Path) -> Iterator[Running]:
    """As it is without options, but for less patience and smaller limits."""
    limits = ["--client-timeout", 1, "--max-body", 1, "--max-connections", 20]
    limits += ["--max-pictures", 3]
    with serving(served.parent, served, *limits) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(served: Path) -> Iterator[Running]:
    """One that others can reach."""
    token = served.parent / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    options = ["--host", "0.0.0.0", "--token-file", token]
    friends = ["--allow-origin", FRIEND, "--allow-host", "shop.example"]
    with serving(served.parent, served, *options, *friends) as running:
        yield running


@contextlib.contextmanager
def connected(server: Running) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        yield connection


def rest(connection: socket.socket) -> bytes:
    """All that a server says until it closes."""
    said = b""
    while piece := connection.recv(65536):
        said += piece
    return said


def one(connection: socket.socket) -> bytes:
    """The next answer, of a connection that is kept."""
    said = b""
    while True:
        length = header(said, "content-length")
        if length and len(said.partition(b"\r\n\r\n")[2]) == int(length):
            return said
        piece = connection.recv(65536)
        assert piece, said
        said += piece


def say(server: Running, *pieces: bytes) -> bytes:
    """All that a server says to these bytes until it closes the connection."""
    with connected(server) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return rest(connection)


def request(
    server: Running,
    *headers: str,
    method: str = "POST",
    path: str = "/v1/guess",
    body: bytes = PICTURE,
    host: str | None = "",
    version: str = "1.1",
) -> bytes:
    lines = [f"{method} {path} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host or f'127.0.0.1:{server.port}'}")
    if body and not any(line.lower().startswith("transfer-encoding") for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


def ask(server: Running, *headers: str, **more: object) -> bytes:
    return say(server, request(server, *headers, "Connection: close", **more))  # type: ignore[arg-type]


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1.1 (\d{3}) ", answer)
    assert found, answer[:200]
    return int(found[1])


def header(answer: bytes, name: str) -> str | None:
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    found = re.search(rf"^{name}: (.*?)\r?$", head, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else None


def said(answer: bytes) -> dict[str, object]:
    """The problem that is told, which every refusal is."""
    assert header(answer, "content-type") == "application/problem+json"
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert told.keys() == {"type", "title", "status", "detail", "hint", "error"}
    assert told["status"] == status(answer)
    return dict(told)


# Whom it answers.


def test_it_is_reached_from_this_computer_alone(server: Running) -> None:
    assert server.address == f"http://127.0.0.1:{server.port}"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=5)


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST:{}", "[::1]:{}"])
def test_its_own_names_are_answered(server: Running, host: str) -> None:
    assert status(ask(server, host=host.format(server.port))) == 200


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("evil.example:{}", 421),  # a name made to lead here
        ("127.0.0.1.evil.example:{}", 421),
        ("localhost.evil.example:{}", 421),
        ("192.168.1.1:{}", 421),
        ("127.0.0.1", 421),
        ("127.0.0.1:1", 421),
        ("evil.example/v1/guess?@127.0.0.1:{}", 400),  # CVE-2026-48710
        ("127.0.0.1:{}/?", 400),
        ("127.0.0.1:{},evil.example", 400),
        ("me@127.0.0.1:{}", 400),
        (" ", 400),
        (None, 400),
    ],
)
def test_no_other_host_is_answered(server: Running, host: str | None, refused: int) -> None:
    named = host and host.format(server.port)
    assert status(answer := ask(server, host=named)) == refused
    assert refused != 421 or f"the name {named} in the Host" in str(said(answer)["detail"])
    assert said(answer)["hint"]


def test_one_host_is_answered_and_not_two(server: Running) -> None:
    own = f"Host: 127.0.0.1:{server.port}"
    assert status(ask(server, own)) == 400
    assert status(ask(server, "Host: evil.example")) == 400
    assert status(ask(server, "X-Forwarded-Host: evil.example", "Forwarded: host=evil")) == 200
    elsewhere = request(server, "Connection: close", path="http://evil.example/v1/guess")
    assert status(say(server, elsewhere)) == 400


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("shop.example", 200),
        ("shop.example:8443", 200),
        ("192.168.1.7:9000", 200),  # as a container or a router is called
        ("[2001:db8::1]:9000", 200),
        ("localhost:9000", 200),
        (f"{socket.gethostname()}:9000", 200),
        (f"{socket.gethostname()}.local:9000", 200),
        ("evil.example", 421),
        ("192.168.1.7.evil.example", 421),
    ],
)
def test_beyond_loopback_it_answers_to_addresses_and_to_names_that_it_was_given(
    guarded: Running, host: str, expected: int
) -> None:
    answer = ask(guarded, f"Authorization: Bearer {TOKEN}", host=host)
    assert status(answer) == expected


@pytest.mark.parametrize("called", ["shop.lan:8000", "SHOP.lan", "localhost:8000"])
def test_beyond_loopback_it_answers_to_the_name_that_it_is_bound_to(called: str) -> None:
    app = Starlette(middleware=guards(Config(host="Shop.lan", no_auth=True)))

    async def asked(host: str) -> int:
        wire = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=wire, base_url="http://x") as client:
            return (await client.get("/", headers={"Host": host})).status_code

    assert asyncio.run(asked(called)) == 404  # which is the routes' word
    assert asyncio.run(asked("evil.lan:8000")) == 421


# Pages in a browser.


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), 200),  # a program
        (("Sec-Fetch-Site: same-origin", "Origin: http://127.0.0.1:{}"), 200),
        (("Sec-Fetch-Site: none",), 200),
        (("Sec-Fetch-Site: cross-site",), 403),
        (("Sec-Fetch-Site: same-site",), 403),
        (("Sec-Fetch-Site: cross-site", "Origin: http://127.0.0.1:{}"), 403),
        (("Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"), 403),
        (("Origin: https://evil.example",), 403),
        (("Origin: http://127.0.0.1:1",), 403),
        (("Origin: null",), 403),
        (("Origin: http://127.0.0.1:{}", "Origin: https://evil.example"), 403),
        (("Origin: https://evil.example", "Content-Type: text/plain"), 403),  # no preflight
    ],
)
def test_a_page_of_another_site_may_not_send(
    server: Running, headers: tuple[str, ...], expected: int
) -> None:
    answer = ask(server, *(line.format(server.port) for line in headers))
    assert status(answer) == expected
    assert header(answer, "access-control-allow-origin") is None


def test_no_page_of_another_origin_reads_an_answer_unless_it_is_allowed(
    server: Running, guarded: Running
) -> None:
    asks = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization")
    friend, token = f"Origin: {FRIEND}", f"Authorization: Bearer {TOKEN}"
    for where, origin in ((server, friend), (guarded, "Origin: https://evil.example")):
        answer = ask(where, origin, *asks, method="OPTIONS", body=b"")
        assert status(answer) == 403
        assert header(answer, "access-control-allow-origin") is None
    answer = ask(guarded, friend, *asks, method="OPTIONS", body=b"")
    assert status(answer) == 204
    assert header(answer, "access-control-allow-origin") == FRIEND
    assert header(answer, "access-control-allow-headers") == "authorization, content-type"
    for sent, expected in (((token,), 200), ((), 401)):  # who is refused is told why
        answer = ask(guarded, friend, "Sec-Fetch-Site: cross-site", *sent)
        assert status(answer) == expected
        assert header(answer, "access-control-allow-origin") == FRIEND
        assert header(answer, "vary") == "Origin"
        assert header(answer, "access-control-allow-credentials") is None
    assert header(ask(guarded, token), "vary") == "Origin"


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "friend.example", "https://friend.example/", "https://Friend.example",
     "https://friend.example:443", "file://x", "https://*.example"],
)  # fmt: skip
def test_an_origin_is_one_that_a_browser_can_send(origin: str) -> None:
    assert "origin of a page" in refusal("--allow-origin", origin)


# The token.


def refusal(*arguments: str | Path) -> str:
    """What is said of options that are refused, before a model is looked for."""
    told = run_here("serve", "no-model", "--port", "0", *arguments)
    assert told.code == 2
    assert not told.out
    return " ".join(told.err.split())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_beyond_loopback_it_asks_for_a_token_or_for_a_word(host: str) -> None:
    told = refusal("--host", host)
    assert "--token-file" in told
    assert "--no-auth" in told


def test_without_a_token_it_goes_only_by_no_auth(served: Path) -> None:
    with serving(served.parent, served, "--host", "0.0.0.0", "--no-auth") as anyone:
        assert status(ask(anyone)) == 200
        assert status(ask(anyone, host="evil.example")) == 421


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ((f"Authorization: Bearer {TOKEN}",), 200),
        ((f"authorization: bearer {TOKEN}",), 200),
        ((), 401),
        ((f"Authorization: Bearer {TOKEN}x",), 401),
        ((f"Authorization: Bearer {TOKEN[:-1]}",), 401),
        (("Authorization: Bearer ",), 401),
        (("Authorization: Bearer \xe9\xff",), 401),
        ((f"Authorization: Basic {TOKEN}",), 401),
        ((f"Authorization: {TOKEN}",), 401),
        (("Authorization: Bearer x", f"Authorization: Bearer {TOKEN}"), 401),
        ((f"Cookie: token={TOKEN}",), 401),
    ],
)
def test_only_who_knows_the_token_is_answered(
    guarded: Running, sent: tuple[str, ...], expected: int
) -> None:
    answer = ask(guarded, *sent)
    assert status(answer) == expected
    if expected == 401:
        assert said(answer)
        assert (header(answer, "www-authenticate") or "").startswith('Bearer realm="tellapart"')


def test_without_the_token_one_may_ask_only_whether_it_lives(guarded: Running) -> None:
    for path in ("/v1/guess", "/v1/models", "/metrics", "/openapi.json", "/nothing", "//healthz"):
        assert status(ask(guarded, method="GET", path=path, body=b"")) == 401
    for path in ("/healthz", "/readyz"):
        assert status(ask(guarded, method="GET", path=path, body=b"")) != 401
        assert status(ask(guarded, path=path)) == 401


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"short", "can be guessed"),
        (b"two words of a token", "holds no token"),
        ("öäüöäüöäüöäüöäüöäü".encode(), "holds no token"),
        (b"x" * 5000, "holds no token"),
        (b"\x00" * 40, "holds no token"),
        (None, "cannot be read"),
    ],
)
def test_a_token_file_that_is_none_is_refused(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    assert problem in refusal("--token-file", file)


@pytest.mark.skipif(os.name != "posix", reason="a file's mode says nothing here")
def test_a_token_file_that_others_may_read_is_told_of_and_one_that_they_may_write_is_refused(
    served: Path, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o644)
    with serving(tmp_path, served, "--token-file", file) as running:
        assert status(ask(running)) == 401  # on loopback too, where one was given
        assert "chmod 600" in running.log.read_text()
    file.chmod(0o666)
    assert "may be written by anyone" in refusal("--token-file", file)


# What is sent.


def test_a_body_that_says_that_it_is_too_large_is_refused_before_it_is_sent(
    server: Running,
) -> None:
    head = request(server, body=b"").replace(b"\r\n\r\n", b"\r\nContent-Length: 1048577\r\n\r\n")
    assert status(answer := say(server, head)) == 413
    assert header(answer, "connection") == "close"
    assert "1 MB" in str(said(answer)["detail"])
    waiting = head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    assert status(say(server, waiting)) == 413  # and no word of going on


def test_a_body_in_pieces_is_refused_as_soon_as_it_is_too_large(server: Running) -> None:
    head = request(server, "Transfer-Encoding: chunked", body=b"")
    piece = b"%x\r\n" % 65536 + PICTURE.ljust(65536, b"\0") + b"\r\n"
    with connected(server) as connection:
        connection.sendall(head)
        for _ in range(64):  # four times as large, all of it before the answer is read
            connection.sendall(piece)
        assert status(answer := rest(connection)) == 413
    assert said(answer)


def test_who_sends_all_before_reading_still_reads_the_refusal(server: Running) -> None:
    assert status(ask(server, body=bytes(8 * MB))) == 413
    assert status(ask(server, "Origin: https://evil.example", body=bytes(MB))) == 403


@pytest.mark.parametrize("kind", ["image/png", "text/html", "application/octet-stream", ""])
def test_a_picture_is_one_by_what_it_is_and_not_by_what_it_is_called(
    server: Running, kind: str
) -> None:
    assert status(ask(server, f"Content-Type: {kind}")) == 200
    for content in (b"<html></html>", b"%PDF-1.7", b"PK\x03\x04" + bytes(100), bytes(100), b""):
        assert status(answer := ask(server, f"Content-Type: {kind}", body=content)) == 415
        assert said(answer)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, identity"])
def test_a_compressed_body_is_refused_and_not_unpacked(server: Running, coding: str) -> None:
    assert status(answer := ask(server, f"Content-Encoding: {coding}")) == 415
    assert said(answer)
    assert header(answer, "accept-encoding") == "identity"


def held(server: Running, name: str = "VmHWM") -> int:
    """Bytes of memory that a server takes, or took at most."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name))) * 1024


def bomb(width: int, height: int) -> bytes:
    """A PNG of grey nothing, which takes a thousandth of its pixels."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height))
    content = rows + packer.flush()
    size = png_header(width, height)
    start = size[: 8 + 25]
    grey = start[:-4][: 8 + 8] + start[16:24] + bytes([8, 0, 0, 0, 0])
    grey += zlib.crc32(grey[12:]).to_bytes(4, "big")
    data = b"IDAT" + content
    end = b"IEND"
    return (
        grey
        + len(content).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")
        + bytes(4) + end + zlib.crc32(end).to_bytes(4, "big")
    )  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_bomb_is_refused_with_memory_flat(server: Running) -> None:
    assert status(ask(server)) == 200
    before = held(server)
    for content in (png_header(30_000, 30_000), bomb(30_000, 6_000), png_header(2**31 - 1, 1)):
        for _ in range(4):
            assert status(answer := ask(server, body=content)) == 422
            assert "too large" in str(said(answer)["detail"])
    assert held(server) - before < 32 * MB


def test_a_picture_of_too_many_pixels_is_refused_by_every_door_before_it_is_unpacked(
    served: Path, tmp_path: Path
) -> None:
    large = encoded(draw_scene(1200, 900), "PNG")
    with serving(tmp_path, served, "--max-pixels", 1) as server:
        refused = server.ask("/v1/guess", large)
        assert refused.status == 422
        assert refused.json["detail"] == (
            "too large: 1200 x 900 pixels; the limits are 30000 a side and 1 million in all"
        )
        data = [base64.b64encode(large).decode()]
        tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": data}
        asked = json.dumps({"inputs": [tensor]}).encode()
        assert server.ask("/v2/models/heroes/infer", asked).status == 422
        assert server.ask("/v1/guess", encoded(draw_scene(1100, 900), "PNG")).status == 200
        jpeg = encoded(draw_scene(1600, 1200), "JPEG")  # is unpacked at a half
        assert server.ask("/v1/guess", jpeg).status == 200


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_bodies_and_heads_that_are_too_large_leave_memory_flat(server: Running) -> None:
    ask(server)
    before = held(server)
    for _ in range(4):
        say_what_goes(server, request(server, body=bytes(16 * MB)))
        say_what_goes(server, request(server, "X: " + "x" * 16 * MB))
        say_what_goes(server, request(server, path="/" + "x" * 16 * MB))
    assert held(server) - before < 32 * MB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_pictures_that_cannot_be_read_leave_memory_flat(server: Running) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="p"; filename="a"\r\n\r\n'
    form = part + b"words " * 170_000 + b"\r\n--x--\r\n"
    kind = "Content-Type: multipart/form-data; boundary=x"
    cut = PICTURE[:60] + bytes(MB - 60)
    before = 0
    for turn in range(35):
        assert b'"error"' in ask(server, kind, body=form)
        assert status(ask(server, body=cut)) == 422
        before = before if turn > 5 else held(server, "VmRSS")
    assert held(server, "VmRSS") - before < 15 * MB


def test_bodies_have_a_limit_together(server: Running) -> None:
    head = request(server, body=b"").replace(b"\r\n\r\n", b"\r\nContent-Length: 1000000\r\n\r\n")
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(connected(server)) for _ in range(15)]
        for connection in many:  # each begins what may be sent, and none ends
            with contextlib.suppress(ConnectionError):
                connection.sendall(head + bytes(900_000))
        answers = [rest(connection) for connection in many]
    assert {status(answer) for answer in answers} == {503, 408}
    refused = next(answer for answer in answers if status(answer) == 503)
    assert header(refused, "retry-after") == "1"
    assert status(ask(server)) == 200


def say_what_goes(server: Running, content: bytes) -> bytes:
    """As `say`, to a server that may hang up while it is spoken to."""
    with connected(server) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(content)
        return rest(connection)
    return b""


# Heads.


@pytest.mark.parametrize(
    ("head", "refused"),
    [
        (("X: " + "x" * 40_000,), 431),
        (("X: " + "x" * 10 * MB,), 431),
        (tuple(f"X-{number}: x" for number in range(200)), 431),
        (("x" * 40_000 + ": x",), 431),
    ],
)
def test_headers_have_a_limit(server: Running, head: tuple[str, ...], refused: int) -> None:
    assert status(answer := ask(server, *head)) == refused
    assert said(answer)


def test_an_address_has_a_limit(server: Running) -> None:
    for length in (10_000, 10 * MB):
        assert status(answer := ask(server, path="/?" + "x" * length)) in (414, 431)
        assert said(answer)


def test_what_follows_a_body_is_no_header(guarded: Running) -> None:
    head = request(guarded, "Transfer-Encoding: chunked", "Connection: close", body=b"")
    last = b"0\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
    assert status(say(guarded, head + last)) == 401


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: +4",),
        ("Content-Length: 4, 5",),
        ("Content-Length: -1",),
        ("Content-Length: 99999999999999999999999",),
        ("Transfer-Encoding: gzip, chunked, identity",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding: xchunked",),
        (" X: folded",),
        ("X: \0",),
    ],
)
def test_nothing_is_smuggled_behind_a_request(server: Running, lines: tuple[str, ...]) -> None:
    smuggled = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = say_what_goes(server, request(server, *lines, body=b"") + smuggled)
    assert status(answer) in (400, 413, 415, 501)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert said(answer)


@pytest.mark.parametrize(
    "content",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
     b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
     b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_request_is_told_so(server: Running, content: bytes) -> None:
    answer = say(server, content)
    assert status(answer) in (400, 421, 501)
    assert said(answer)


# Time.


@pytest.mark.parametrize(
    "beginning", mostly_slow([b"POST / HTTP/1.1\r\nX:", b"", b"\r\n", b"POST /v1/guess"], 2)
)
def test_headers_that_trickle_are_given_up(server: Running, beginning: bytes) -> None:
    began = time.monotonic()
    with connected(server) as connection:
        with contextlib.suppress(ConnectionError):
            for letter in beginning.ljust(60, b"x") if beginning.strip() else beginning:
                connection.sendall(bytes([letter]))
                time.sleep(0.05)
        assert status(answer := rest(connection)) == 408
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert said(answer)
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_a_body_that_stops_or_trickles_is_given_up(server: Running) -> None:
    head = request(server, body=PICTURE)
    assert status(answer := say(server, head[:-10])) == 408
    assert said(answer)
    with connected(server) as connection:
        connection.sendall(request(server, body=bytes(9000))[:-9000])
        with contextlib.suppress(ConnectionError):
            for _ in range(60):
                connection.sendall(b"x")
                time.sleep(0.05)
        assert status(rest(connection)) == 408


@pytest.mark.slow
def test_who_takes_no_answers_is_given_up(server: Running) -> None:
    again = request(server, path="/v1/guess?evidence=true", body=PICTURE)
    with connected(server) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        with pytest.raises(ConnectionError):  # and no time-out
            forever(connection, again)
    assert status(ask(server)) == 200


def forever(connection: socket.socket, content: bytes) -> None:
    while True:
        connection.sendall(content)


def test_only_so_many_connections_are_open(server: Running) -> None:
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(connected(server)) for _ in range(25)]
        many[-1].settimeout(20)
        answer = rest(many[-1])
        assert status(answer) == 503
        assert header(answer, "retry-after") == "1"
        assert said(answer)
    deadline = time.monotonic() + 20
    while status(ask(server)) != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert status(ask(server)) == 200


@pytest.mark.parametrize(
    ("content", "noted"),
    [
        (b"hello\r\n\r\n", ("other", "", 400)),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", ("GET", "/" + "x" * 196 + "...", 414)),
        (b"POST /v1/guess?top=secret HTTP/1.1\r\nX: " + b"x" * 40_000, ("POST", "/v1/guess", 431)),
        (b"GET /slow HTTP/1.1\r\n", ("GET", "/slow", 408)),
        (b"", ("other", "", 408)),
    ],
)
def test_what_is_refused_before_a_route_has_its_line_and_is_counted(
    server: Running, content: bytes, noted: tuple[str, str, int]
) -> None:
    method, _, refusal = noted
    counted = f'requests_total{{method="{method}",route="other",status="{refusal}"}} '
    before = _after(counted, server.ask("/metrics").body.decode())
    length = len(server.log.read_text())
    answer = say(server, content)
    assert status(answer) == refusal
    (line,) = [
        told
        for told in map(json.loads, server.log.read_text()[length:].splitlines())
        if told.get("route") != "/metrics"
    ]
    assert (line["method"], line["path"], line["status"]) == noted
    assert (line["client"], line["route"]) == ("127.0.0.1", "other")
    assert line["bytes_out"] == len(answer.partition(b"\r\n\r\n")[2])
    now = server.ask("/metrics").body.decode()
    assert _after(counted, now) == before + 1
    assert _after("\ntellapart_requests_in_progress ", now) == 1  # this one


def _after(name: str, figures: str) -> float:
    return float(figures.partition(name)[2].partition("\n")[0] or 0)


@pytest.mark.parametrize("path", ["/healthz", "x:1"])
def test_who_asks_for_a_tunnel_is_refused_and_keeps_no_connection(
    server: Running, path: str
) -> None:
    answer = say(server, request(server, method="CONNECT", path=path, body=b""))
    assert status(answer) == 501
    assert said(answer)


# What HTTP asks of a server.


def test_a_client_that_waits_to_be_told_to_go_on_is_told(server: Running) -> None:
    asked = request(server, "Expect: 100-continue", "Connection: close")
    with connected(server) as connection:
        connection.sendall(asked.removesuffix(PICTURE))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(PICTURE)
        assert status(rest(connection)) == 200


def test_an_older_client_is_answered(server: Running) -> None:
    answer = say(server, request(server, version="1.0"))
    assert status(answer) == 200
    assert header(answer, "connection") == "close"


def test_requests_in_one_breath_are_answered_in_order(server: Running) -> None:
    first = request(server, path="/v1/guess?top=1")
    last = request(server, "Connection: close", path="/v1/nothing", method="GET", body=b"")
    answers = say(server, first + first + last)
    assert re.findall(rb"HTTP/1.1 (\d{3})", answers) == [b"200", b"200", b"404"]


def test_a_connection_is_kept_and_asks_again(server: Running) -> None:
    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(request(server))
            assert status(one(connection)) == 200
        connection.sendall(request(server, "Connection: close"))
        assert status(rest(connection)) == 200


def test_an_offer_to_speak_otherwise_is_passed_over(server: Running) -> None:
    """As `curl --http2` sends it."""
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    with connected(server) as connection:
        connection.settimeout(20)
        for _ in range(2):
            connection.sendall(request(server, *offer))
            assert status(one(connection)) == 200


def test_errors_are_problems_that_name_no_path_and_no_code(server: Running, served: Path) -> None:
    cases = {
        404: ask(server, method="GET", path="/nothing", body=b""),
        405: ask(server, method="DELETE", body=b""),
        400: ask(server, path="/v1/guess?top=x"),
        422: ask(server, body=PICTURE[:300]),
        415: ask(server, body=b"words"),
    }
    cases_too = [ask(server, path="/v1/models/..%2f..%2fetc%2fpasswd/guess")]
    for expected, answer in cases.items():
        assert status(answer) == expected
        cases_too.append(answer)
    assert header(cases[405], "allow") == "POST"
    assert "?top=" in str(said(cases[400])["detail"])
    for answer in cases_too:
        assert said(answer)
        assert str(served.parent).encode() not in answer
        assert b"Traceback" not in answer
        assert b".py" not in answer
    head = ask(server, method="HEAD", body=b"")
    assert status(head) == 405
    assert not head.partition(b"\r\n\r\n")[2]


def test_every_answer_makes_a_browser_careful(server: Running) -> None:
    for answer in (ask(server), ask(server, body=b"x"), ask(server, host="evil.example")):
        assert header(answer, "x-content-type-options") == "nosniff"
        assert header(answer, "cache-control") == "no-store"
        assert header(answer, "content-security-policy") == "default-src 'none'"
        assert header(answer, "server") is None


def test_what_nobody_foresaw_is_told_without_a_word_of_it() -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("in /a/secret/place")

    async def unreadable(request: Request) -> Response:
        raise ModelError("/a/secret/place is damaged.")

    routes = [Route("/broken", broken), Route("/unreadable", unreadable)]
    handlers = {TellapartError: told}
    app = Starlette(routes=routes, middleware=guards(Config()), exception_handlers=handlers)

    async def asking() -> list[httpx.Response]:
        wire = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=wire, base_url="http://127.0.0.1:8000") as client:
            return [await client.get(path) for path in ("/broken", "/unreadable")]

    answers = asyncio.run(asking())
    assert [answer.status_code for answer in answers] == [500, 503]
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "secret" not in answer.text


@pytest.mark.slow
def test_who_hangs_up_leaves_no_trace_in_the_log(server: Running) -> None:
    for content in (b"", PICTURE[:10], PICTURE):
        with connected(server) as connection:
            connection.sendall(request(server).removesuffix(PICTURE) + content)
    assert status(ask(server)) == 200
    assert "Traceback" not in server.log.read_text()
