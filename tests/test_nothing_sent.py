"""Nothing is sent: the system calls of our commands and programs are watched, and what they leave.

ONNX Runtime would report after about ten seconds, so some are kept alive for longer; what a shorter
process has to report, it leaves in a file. A build server's variables would keep it quiet, so the
processes here have an environment, a home and a cache of their own.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

import tellapart
from conftest import draw_scene, encoded
from drawn import COMMAND, few_of, model_of
from misbehaving import misbehaving
from tellapart.demo.walk import DemoPictures
from tellapart.exporters.export import export
from tellapart.model.classifier import load

BROWSERS = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", str(Path.home() / ".cache/ms-playwright"))
LONG_ENOUGH = 16  # seconds
CALLED = re.compile(
    r"connect\([^\n]*?sin6?_port=htons\((\d+)\)[^\n]*?"
    r'(?:inet_addr\("([^"]+)"|inet_pton\(AF_INET6, "([^"]+)")'
)
NAME_SERVER = "53"  # its port; it may be on this machine
OTHER_SOCKET = re.compile(r"\bsocket\((?!AF_UNIX\b)[^)]*")


@dataclass(frozen=True)
class Watch:
    """Where watched processes live, and what is written down of them."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *command: str | Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """A process that is watched, with all that it starts."""
        log = self.folder / "calls" / f"{time.monotonic_ns()}"
        home = self.folder / "home"
        process = subprocess.Popen(
            ["strace", "-f", "-qq", "-e", "trace=network", "-o", log, *command],
            cwd=cwd or self.folder / "work",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(sys.path),
                "HOME": str(home),
                "XDG_CACHE_HOME": str(home / "cache"),
                "TMPDIR": str(self.folder / "temporary"),
                **self.variables,
            },
        )
        self.started.append(process)
        return process

    def run(self, *command: str | Path, cwd: Path | None = None) -> str:
        """The same to its end, which must be a good one; what it says."""
        process = self.start(*command, cwd=cwd)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err.decode()
        return out.decode()

    def sockets(self) -> list[str]:
        """The sockets that were opened, but for those between processes of this machine."""
        logs = [path.read_text(errors="replace") for path in (self.folder / "calls").iterdir()]
        assert logs
        return [found for log in logs for found in OTHER_SOCKET.findall(log)]

    def called(self) -> set[str]:
        """The addresses that anything was connected to, beyond this machine or for a look-up."""
        logs = [path.read_text(errors="replace") for path in (self.folder / "calls").iterdir()]
        found = {(port, four or six) for log in logs for port, four, six in CALLED.findall(log)}
        return {
            address
            for port, address in found
            if port == NAME_SERVER or not (address.startswith("127.") or address == "::1")
        }

    def strange_files(self) -> list[str]:
        """The files in the home that are not of our cache, and temporary files that were left."""
        places = [self.folder / name for name in ("home", "temporary")]
        found = [path for place in places for path in place.rglob("*") if not path.is_dir()]
        names = [path.relative_to(self.folder).as_posix() for path in found]
        return [name for name in names if not name.startswith("home/cache/tellapart/")]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    if not shutil.which("strace"):
        pytest.skip("system calls cannot be watched: there is no strace here")
    trial = subprocess.run(["strace", "-f", "-o", tmp_path / "trial", "true"], check=False)
    if trial.returncode:
        pytest.skip("system calls cannot be watched: strace is not allowed to here")
    for name in ("calls", "home", "temporary", "work"):
        (tmp_path / name).mkdir()
    watch = Watch(tmp_path)
    yield watch
    for process in watch.started:
        process.kill()  # where a test failed in between
        process.communicate()


def test_the_watch_sees_what_it_is_to_see(watch: Watch) -> None:
    watch.run(
        sys.executable,
        "-c",
        "import pathlib, socket; socket.socket(); pathlib.Path.home().joinpath('deviceid').touch()",
    )
    assert watch.sockets() == ["socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP"]
    assert watch.strange_files() == ["home/deviceid"]


@pytest.mark.slow
def test_no_socket_is_opened_and_no_file_is_left(
    watch: Watch, heroes: DemoPictures, tmp_path: Path
) -> None:
    model = model_of(heroes)
    pictures = sorted(heroes.kept_back.rglob("*.jpg"))[:5]
    program = export(load(model), "onnx", tmp_path / "program", pictures).folder
    photos = few_of(heroes, tmp_path / "photos", 6)
    script = (
        f"import tellapart; print(tellapart.load({str(model)!r}).predict({str(pictures[0])!r}))"
    )
    example = (sys.executable, "example.py")

    # These three have the network at work, and wait for one more picture.
    guess = watch.start(*COMMAND, "guess", model, *pictures[:4], "-")
    library = watch.start(sys.executable, "-c", f"{script}\nimport sys; sys.stdin.read()")
    exported = watch.start(*example, pictures[0], "/dev/stdin", cwd=program)
    until = time.monotonic() + LONG_ENOUGH

    watch.run(*COMMAND, "train", photos, "-o", "trained", "--quality", "fast")
    watch.run(*COMMAND, "explain", "trained", pictures[0], "-o", "why.html")
    watch.run(*example, pictures[0], cwd=program)
    time.sleep(max(0, until - time.monotonic()))
    waiting = [process.poll() for process in (guess, library, exported)]
    said, _ = guess.communicate(pictures[4].read_bytes(), timeout=60)
    answer, _ = library.communicate(timeout=60)
    scores, _ = exported.communicate(timeout=60)  # it cannot read nothing, and ends
    assert waiting == [None, None, None]
    assert said.count(b"(score = ") + said.count(b"(closest: ") >= 5
    assert b"Prediction(" in answer
    assert scores.count(b"(score = ") == 2

    assert watch.sockets() == []
    assert watch.strange_files() == []


BOUND = re.compile(r'bind\([^\n]*?(?:inet_addr\("([^"]+)"|inet_pton\(AF_INET6, "([^"]+)")')


@pytest.mark.slow
def test_ray_on_this_machine_calls_nobody_and_hears_nobody_else(
    watch: Watch, heroes: DemoPictures
) -> None:
    """By itself it would report to its maker, ask for a way to a name server, listen to the whole
    network, and leave a token in the home."""
    pytest.importorskip("ray")
    watch.variables["TMPDIR"] = tempfile.gettempdir()  # the paths of its sockets have to be short
    photos = few_of(heroes, watch.folder / "work" / "photos", 6)
    watch.run(*COMMAND, "train", photos, "-o", "trained", "--quality", "fast", "--on", "ray")
    logs = "".join(path.read_text(errors="replace") for path in (watch.folder / "calls").iterdir())
    bound = {four or six for four, six in BOUND.findall(logs)}
    assert bound
    assert bound <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert watch.called() - {"::ffff:127.0.0.1"} == set()
    assert watch.strange_files() == []


BROWSER = """
import time
from playwright.sync_api import sync_playwright
from tellapart.exporters.web_proof import launched

with sync_playwright() as driver:
    browser = launched(driver)
    if browser:
        browser.new_context().new_page().goto("data:text/html,<p>A page.")
        time.sleep(10)
        browser.close()
    print("done" if browser else "none")
"""


@pytest.mark.slow
def test_the_browser_that_proves_a_page_calls_nobody(watch: Watch) -> None:
    """By itself it would look up where its maker's updates and accounts are, within seconds."""
    pytest.importorskip("playwright.sync_api", reason="needs a browser driver")
    watch.variables["PLAYWRIGHT_BROWSERS_PATH"] = BROWSERS
    watch.variables["TMPDIR"] = tempfile.gettempdir()  # the paths of its sockets have to be short
    if watch.run(sys.executable, "-c", BROWSER).strip() == "none":
        pytest.skip("no Chromium, Chrome or Edge was found")
    # Chromium asks the system for a route to this one, to know whether there is IPv6; that it sends
    # nothing there shows in that it is no name server's, nor a stream.
    assert watch.called() <= {"2001:4860:4860::8888"}


@pytest.mark.slow
def test_an_address_is_asked_for_what_it_has_and_nobody_else(
    watch: Watch, served: Path, tmp_path: Path
) -> None:
    """The server is on this machine; a service's package would look for credentials elsewhere, if
    the environment had none."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        said = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "ours",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in said.items():
                patch.setenv(name, value)
            client = boto3.client("s3")
            client.create_bucket(Bucket="photos")
            for label in ("dark_knight", "ice_queen"):
                for seed in range(2):
                    content = encoded(draw_scene(seed=seed))
                    client.put_object(Bucket="photos", Key=f"{label}/{seed}.png", Body=content)
        watch.variables.update(said)
        watch.run(*COMMAND, "test", served, "s3://photos/")
        assert watch.sockets()
        assert watch.called() == set()
        assert watch.strange_files() == []
    finally:
        server.stop()


def test_collect_calls_the_hosts_of_its_list_and_nobody_else(watch: Watch, tmp_path: Path) -> None:
    with misbehaving() as server:
        server.pictures = {"/a.png": encoded(draw_scene())}
        listed = tmp_path / "list.txt"
        listed.write_text(f"{server.root}/moved\n{server.root}/page\n")
        asked = ("collect", listed, "photos", "--label", "rose", "--allow-private")
        assert "rose" in watch.run(*COMMAND, *asked)
        logs = "".join(path.read_text() for path in (watch.folder / "calls").iterdir())
        assert {port for port, _, _ in CALLED.findall(logs)} == {str(server.server_port)}
    assert watch.called() == set()
    assert watch.strange_files() == []


ASKING = """
import sys, tellapart
with tellapart.Client(sys.argv[1]) as client:
    print(client.predict(sys.stdin.buffer.read()).label)
"""


def test_a_server_calls_nobody_and_a_client_its_server_alone(
    watch: Watch, served: Path, tmp_path: Path
) -> None:
    watch.variables["http_proxy"] = "http://192.0.2.1:80"  # an address that is nobody's
    serving = watch.start(*COMMAND, "serve", served, "--port", "0")
    assert serving.stdout
    address = serving.stdout.readline().decode().strip()
    (watched,) = Path(f"/proc/{serving.pid}/task/{serving.pid}/children").read_text().split()
    try:
        logs = list((watch.folder / "calls").iterdir())
        asking = watch.start(sys.executable, "-c", ASKING, address)
        said, _ = asking.communicate(encoded(draw_scene()), timeout=60)
    finally:
        os.kill(int(watched), signal.SIGTERM)
        serving.communicate(timeout=60)
    assert said.decode().strip() in {"dark_knight", "ice_queen"}
    assert [CALLED.findall(log.read_text(errors="replace")) for log in logs] == [[]]
    (client,) = set((watch.folder / "calls").iterdir()) - set(logs)
    assert {port for port, _, _ in CALLED.findall(client.read_text(errors="replace"))} == {
        address.rpartition(":")[2]
    }
    assert watch.called() == set()
    assert watch.strange_files() == []


@pytest.mark.slow
def test_a_studio_calls_nobody_though_it_shares_with_a_phone(
    watch: Watch, heroes: DemoPictures
) -> None:
    photos = few_of(heroes, watch.folder / "work" / "photos", 6)
    options = ("--no-open", "--quality", "fast", "--port", "0")
    serving = watch.start(*COMMAND, "studio", photos, *options)
    assert serving.stdout
    root, _, token = serving.stdout.readline().decode().strip().partition("/?token=")
    (watched,) = Path(f"/proc/{serving.pid}/task/{serving.pid}/children").read_text().split()
    logs = list((watch.folder / "calls").iterdir())
    try:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
            until = time.monotonic() + 60
            while not (now := client.get(f"{root}/api/share").json())["model"]:
                assert time.monotonic() < until
                time.sleep(0.2)
            for one in now["phone"]["addresses"][:1]:
                shared = client.post(f"{root}/api/share/phone", json={"address": one["address"]})
                assert shared.json()["phone"]["on"]
    finally:
        os.kill(int(watched), signal.SIGTERM)
        serving.communicate(timeout=60)
    assert [CALLED.findall(log.read_text(errors="replace")) for log in logs] == [[]]
    assert "SOCK_DGRAM" not in logs[0].read_text(errors="replace")  # nor asks for a way to anybody
    assert watch.strange_files() == []


SOURCE = Path(tellapart.__file__).parent
CARRIED = SOURCE / "exporters" / "examples"  # programs for others, which are only copied
OPENERS = {
    "asyncio",
    "fsspec",
    "ftplib",
    "http",
    "httpcore",
    "httpx",
    "requests",
    "socket",
    "urllib",
}
HARMLESS = {"http", "http.cookies", "urllib.parse"}  # names of statuses, and reading addresses
CONNECTS = re.compile(
    r"connect|connect_ex|sendto|getaddrinfo|gethostbyname|urlopen"
    r"|(create|open)_(unix_)?(connection|datagram_endpoint)"
)


def opening(tree: ast.AST) -> set[str]:
    """The modules that a module imports and that can open a connection."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
    return {name for name in found - HARMLESS if name.partition(".")[0] in OPENERS}


def test_three_rooms_alone_can_open_a_connection_and_two_take_them() -> None:
    """Those that open: `collecting`, to what is in a list, `client`, to its server, and `files`, to
    an address that is given for pictures or answers. `server` and `studio` have sockets and an
    event loop to be connected to, and call nothing that connects."""
    found: dict[str, set[str]] = {}
    connects = set()
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0]
        tree = ast.parse(path.read_text("utf-8"))
        if not path.is_relative_to(CARRIED) and (opened := opening(tree)):
            found[room] = found.get(room, set()) | opened
        if any(
            isinstance(node, ast.Attribute) and CONNECTS.fullmatch(node.attr)
            for node in ast.walk(tree)
        ):
            connects.add(room)
    assert found.keys() == {"client", "collecting", "files", "server", "studio", "workers"}
    assert found["files"] == {"fsspec.core", "socket"}
    assert found["server"] | found["studio"] <= {"asyncio", "socket"}
    assert connects.isdisjoint({"server", "studio"})


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("import httpx", {"httpx"}),
        ("import os, http.client", {"http.client"}),
        ("from urllib.request import urlopen", {"urllib.request"}),
        ("def f():\n    import asyncio", {"asyncio"}),
        ("from http import HTTPStatus\nfrom urllib.parse import quote", set()),
        ("from .http import x", set()),
    ],
)
def test_all_that_can_open_a_connection_is_seen(text: str, seen: set[str]) -> None:
    assert opening(ast.parse(text)) == seen
