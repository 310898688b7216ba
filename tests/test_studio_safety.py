"""Nobody but who has the link can use a studio: no other page, no other name, no other address."""

from __future__ import annotations

import http.server
import re
import shutil
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from serving import Answered
from studio import Opened, browser, page_of, studio
from tellapart.demo.walk import DemoPictures
from tellapart.server.config import Config
from tellapart.studio.app import application
from tellapart.studio.running import leading_to
from tellapart.studio.session import OPEN, OPEN_BELOW
from tellapart.studio.studio import Studio

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def opened(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("safe") / "photos"
    for label in ("dark_knight", "ice_queen"):
        (folder / label).mkdir(parents=True)
        for picture in sorted((heroes.photos / label).iterdir())[:4]:
            shutil.copy(picture, folder / label)
    shutil.copy(picture, folder / f"{EVIL}.jpg")
    (folder / EVIL).mkdir()  # no system's own way to name a folder, but one may come from elsewhere
    with studio(folder) as found:
        yield found


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """All methods and paths of a studio."""
    one = Studio(tmp_path_factory.mktemp("empty"), "fast")
    app = application(one, Config(), "t", "k", lambda _: None)
    one.changes.close()
    found = []
    for route in app.routes:
        path = re.sub(r"\{\w+(:\w+)?\}", "1", getattr(route, "path", ""))
        methods = sorted(getattr(route, "methods", None) or ["GET"])
        found += [(method, path) for method in methods if method != "HEAD"]
    assert ("POST", "/api/undo") in found
    assert len(found) > 15
    return found


def body(method: str) -> bytes | None:
    return b"{}" if method == "POST" else None


def test_every_door_is_shut_without_the_link(opened: Opened, doors: list[tuple[str, str]]) -> None:
    for method, path in doors:
        if path in OPEN or path.startswith(OPEN_BELOW):
            continue
        for headers in ({}, {"Cookie": f"tellapart-{opened.running.port}=x; =;;"}):
            said = opened.running.ask(path, body(method), method=method, headers=headers)
            assert said.status == 401, (method, path)


def test_every_door_is_shut_for_other_pages_and_other_names(
    opened: Opened, doors: list[tuple[str, str]]
) -> None:
    before = opened.state()["revision"]
    for method, path in doors:
        for site in ("cross-site", "same-site"):
            said = opened.ask(path, body(method), method=method, headers={"Sec-Fetch-Site": site})
            assert said.status == 403, (method, path)
        if method != "GET":
            evil = {"Origin": "http://127.0.0.1:1"}
            assert opened.ask(path, body(method), method=method, headers=evil).status == 403
        for name in ("evil.example", f"evil.example:{opened.running.port}", "127.0.0.1:1"):
            said = opened.ask(path, body(method), method=method, headers={"Host": name})
            assert said.status == 421, (method, path)
    assert opened.state()["revision"] == before


def test_another_page_may_only_lead_to_the_page(opened: Opened) -> None:
    led = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    assert opened.running.ask("/", headers=led).status == 200
    assert opened.running.ask("/", headers={**led, "Sec-Fetch-Dest": "iframe"}).status == 403
    assert opened.ask("/api/state", headers=led).status == 403


def told(answer: Answered) -> dict[str, str]:
    """The headers, their names in small letters."""
    return {name.lower(): value for name, value in answer.headers.items()}


def test_a_browser_is_told_to_be_careful(opened: Opened) -> None:
    page = told(opened.running.ask("/"))
    assert "default-src 'none'" in page["content-security-policy"]
    assert "frame-ancestors 'none'" in page["content-security-policy"]
    assert page["permissions-policy"].startswith("camera=(self)")
    (picture, *_) = opened.pictures().values()
    for path in ("/", "/page/app.js", "/api/state", f"/api/pictures/{picture['id']}/file"):
        headers = told(opened.ask(path))
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers


def answered(opened: Opened, path: str) -> bytes:
    """What a path is answered that no client would clean up before it asks."""
    with socket.create_connection(("127.0.0.1", opened.running.port), timeout=20) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{opened.running.port}\r\n"
        head += f"Authorization: Bearer {opened.token}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        said = b""
        while piece := connection.recv(65536):
            said += piece
        return said


@pytest.mark.parametrize(
    "path",
    [
        "/page/../app.py",
        "/page/%2e%2e/app.py",
        "/page/..%2fapp.py",
        "/page//etc/passwd",
        "/page/....//app.py",
        "/page/css/../../app.py",
        "/api/share/exports/..%2f..%2fx.zip",
        "/api/share/exports/onnx.zip",
        "/api/pictures/..%2f1/file",
        "/api/pictures/99999/file",
    ],
)
def test_no_path_leads_out_of_the_page(path: str, opened: Opened) -> None:
    said = answered(opened, path)
    assert re.match(rb"HTTP/1.1 40[04] ", said), said
    assert b"import" not in said
    assert b"root:" not in said
    assert b"/v1/guess" not in said  # which is at a server, and not here


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/api/label", b"[" * 100_000),
        ("POST", "/api/label", b'{"ids": ' * 100_000),
        ("POST", "/api/label", b'{"label": "a", "ids": [' + b"9" * 5000 + b"]}"),
        ("POST", "/api/label", b'{"label": "\\ud800", "ids": [1]}'),
        ("GET", f"/api/pictures/{'9' * 5000}/file", None),
        ("POST", f"/api/why/{'9' * 5000}", b""),
        ("POST", "/api/why/tested/0", b""),
        ("GET", "/api/why/tested/0/pixels", None),
    ],
)
def test_what_no_page_would_ask_is_refused_as_such(
    opened: Opened, method: str, path: str, content: bytes | None
) -> None:
    said = opened.ask(path, content, method=method)
    assert 400 <= said.status < 500, said
    assert "content-security-policy" in told(said)


def test_a_revision_of_any_length_is_one_that_never_was(opened: Opened) -> None:
    epoch = opened.state()["epoch"]
    for since in ("9" * 5000, "٣", "-1", "1e9", ""):
        asked = urllib.parse.urlencode({"since": since, "epoch": epoch})
        assert opened.ask(f"/api/state?{asked}").json["whole"], since


def test_the_token_leaves_the_address_and_the_cookie_is_out_of_reach(opened: Opened) -> None:
    said = answered(opened, opened.link.partition(opened.address)[2])
    assert said.startswith(b"HTTP/1.1 303 ")
    assert b"\r\nlocation: /\r\n" in said
    (cookie,) = re.findall(rb"set-cookie: (.*)\r\n", said)
    assert cookie.startswith(b"tellapart-%d=" % opened.running.port)
    assert cookie.endswith(b"; HttpOnly; Path=/; SameSite=strict")
    wrong = answered(opened, "/?token=somebody-elses")
    assert wrong.startswith(b"HTTP/1.1 303 ")
    assert b"set-cookie" not in wrong
    assert opened.token not in opened.running.log.read_text()


ATTACKS = """
<!doctype html><body><script>
const studio = "http://127.0.0.1:%d", said = {};
const tried = async (name, what) => { said[name] = await what().then((x) => x, (e) => "no"); };
const post = (mode, type) => fetch(studio + "/api/labels", {method: "POST", mode,
  credentials: "include", body: '{"name": "stolen"}', headers: {"Content-Type": type}})
  .then((a) => a.type === "opaque" ? "sent" : "read");
const loaded = (name, set) => new Promise((yes) => {
  const element = Object.assign(document.createElement(name), set);
  element.onload = () => yes("loaded"); element.onerror = () => yes("no");
  document.body.append(element);
});
Promise.all([
  tried("read", () => fetch(studio + "/api/state", {credentials: "include"}).then(() => "read")),
  tried("opaque", () => fetch(studio + "/api/state", {mode: "no-cors", credentials: "include"})
    .then(() => "sent")),
  tried("post", () => post("cors", "application/json")),
  tried("simple", () => post("no-cors", "text/plain")),
  tried("image", () => loaded("img", {src: studio + "/api/pictures/1/thumbnail"})),
  tried("script", () => loaded("script", {src: studio + "/page/store.js"})),
  tried("events", () => new Promise((yes) => {
    const stream = new EventSource(studio + "/api/events", {withCredentials: true});
    stream.onopen = () => yes("heard"); stream.onerror = () => yes("no");
  })),
]).then(() => { document.title = JSON.stringify(said); });
const form = Object.assign(document.createElement("form"),
  {method: "POST", action: studio + "/api/undo", target: "frame", enctype: "text/plain"});
const frame = Object.assign(document.createElement("iframe"), {name: "frame"});
document.body.append(frame, form); form.submit();
document.body.append(Object.assign(document.createElement("iframe"), {src: studio + "/"}));
</script>
"""


@contextmanager
def elsewhere(page: str) -> Iterator[int]:
    """A page of somebody else's at its port of this computer."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.slow
def test_in_a_browser(opened: Opened) -> None:
    """Another site's page, a page of another port (to which a browser would send the cookie), a
    label that would be markup, and a browser that comes from the file that leads to the link."""
    assert EVIL in [one["name"] for one in opened.ask("/api/state").json["labels"]]
    before = what_is_done(opened)
    with browser() as chromium, elsewhere(ATTACKS % opened.running.port) as port:
        page = page_of(chromium, opened.link)
        asked: list[str] = []
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        page.get_by_text(EVIL).first.wait_for()
        assert page.url == f"{opened.address}/"
        for host in ("localhost", "127.0.0.1"):
            other = page.context.new_page()
            other.goto(f"http://{host}:{port}/")
            other.wait_for_function("document.title")
            said = other.evaluate("JSON.parse(document.title)")
            assert set(said.values()) <= {"no", "sent"}, said
            assert {name for name, how in said.items() if how == "sent"} <= {"opaque", "simple"}
            assert [frame.title() for frame in other.frames[1:]] == ["", ""]
            other.close()
        assert what_is_done(opened) == before
        _check_led(chromium, opened)
        stranger = chromium.new_context().new_page()
        stranger.goto(opened.address)
        stranger.get_by_role("alert").filter(has_text="Open the link").wait_for()
        assert asked == []


def what_is_done(opened: Opened) -> dict[str, Any]:
    state = opened.state()
    return {key: state[key] for key in ("revision", "labels", "undo", "redo")}


def _check_led(chromium: Any, opened: Opened) -> None:
    place, workspace = leading_to(opened.link)
    page = chromium.new_context().new_page()
    page.goto(Path(place).as_uri())
    page.get_by_role("heading", name="photos").wait_for()
    assert page.url == f"{opened.address}/"
    workspace.remove()


HIDE = """() => {
    Object.defineProperty(document, "hidden", {get: () => window.out !== false});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
SHOW = "() => { window.out = false; document.dispatchEvent(new Event('visibilitychange')); }"


@pytest.mark.slow
def test_more_pages_are_left_open_than_a_browser_has_connections(opened: Opened) -> None:
    with browser() as chromium:
        first = page_of(chromium, opened.link)
        pages = [first]
        for _ in range(6):
            pages[-1].evaluate(HIDE)
            pages.append(first.context.new_page())
            pages[-1].goto(opened.address)
            pages[-1].get_by_role("heading", name="photos").wait_for()
        assert opened.ask("/api/labels", {"name": "a new one"}).status == 200
        pages[-1].get_by_title("a new one").first.wait_for()
        pages[-1].evaluate(HIDE)
        assert first.get_by_title("a new one").count() == 0
        first.evaluate(SHOW)
        first.get_by_title("a new one").first.wait_for()
    assert opened.ask("/api/undo", {}).status == 200
