"""The process that serves: how it begins, how it ends, and several of them."""

from __future__ import annotations

import base64
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conftest import draw_scene, encoded, mostly_slow
from serving import Running, running, serving
from tellapart.server.config import Config
from tellapart.server.process.running import bound
from tellapart.server.records.figures import FOLDER, added_up
from tellapart.workers.local import cores

PICTURE = encoded(draw_scene())
PATIENCE = "--client-timeout"


def half_sent(server: Running) -> http.client.HTTPConnection:
    """A connection on which half a picture was sent."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("POST", "/v1/guess")
    connection.putheader("Content-Length", str(len(PICTURE)))
    connection.endheaders(PICTURE[:100])
    server.ask("/v1/guess", PICTURE)  # and so the other has been taken
    return connection


def refused(server: Running) -> bool:
    try:
        socket.create_connection(("127.0.0.1", server.port), 5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it was waiting when the socket was closed
        return False
    return False


def until(found: Callable[[], Any]) -> Any:
    """What is found in the end."""
    for _ in range(600):
        if something := found():
            return something
        time.sleep(0.05)
    raise AssertionError("it never came")


@pytest.mark.parametrize("number", mostly_slow([signal.SIGTERM, signal.SIGINT], 1))
def test_told_to_end_it_answers_what_it_has_taken_and_takes_no_more(
    served: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path, served) as server:
        connection = half_sent(server)
        server.process.send_signal(number)
        until(lambda: refused(server))
        connection.send(PICTURE[100:])
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
        assert b'"label"' in answer.read()
        connection.close()
        assert server.process.wait(60) == 0
        assert '"level"' not in server.log.read_text()  # no warning


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_before_it_is_ready_it_ends_without_a_word(
    served: Path, tmp_path: Path, number: signal.Signals
) -> None:
    token = tmp_path / "token"
    os.mkfifo(token, 0o600)
    command = [sys.executable, "-m", "tellapart", "serve", str(served), "--token-file", str(token)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        with token.open("wb"):  # which returns when the server has come so far
            process.send_signal(number)
            assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 128 + number


@pytest.mark.slow
def test_told_twice_it_ends_at_once(served: Path, tmp_path: Path) -> None:
    with serving(tmp_path, served) as server:
        connection = half_sent(server)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: refused(server))
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 128 + signal.SIGTERM  # before the deadline
        connection.close()
        assert '"level"' not in server.log.read_text()  # no warning


def test_a_port_that_is_taken_is_one_sentence(served: Path, tmp_path: Path) -> None:
    with serving(tmp_path, served) as server:
        told = run("serve", served, "--port", server.port)
        assert told.returncode == 2
        assert told.stderr == (
            f"127.0.0.1:{server.port} is in use.\nChoose another with --port; 0 takes a free one.\n"
        )


def test_no_part_of_an_answer_waits_for_the_client_to_acknowledge_another() -> None:
    """asyncio looks at this before it sets TCP_NODELAY; 40 ms an answer hang on it."""
    listening = bound(Config(port=0))
    listening.listen()
    with listening, socket.create_connection(listening.getsockname()):
        taken, _ = listening.accept()
        with taken:
            assert taken.proto == socket.IPPROTO_TCP


def test_more_workers_than_cores_are_refused(served: Path) -> None:
    told = run("serve", served, "--port", 0, "--workers", cores() + 1)
    assert told.returncode == 2
    assert told.stderr == (
        f"{cores() + 1} workers are more than this computer has cores for ({cores()}).\n"
        f"Give --workers {cores()} or less.\n"
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--max-pictures", 200],
            "One request may have 200 pictures, and only 64 may wait.\n"
            "Give --queue 200 or more, or --max-pictures 64 or less.\n",
        ),
        (
            ["--deadline", "inf"],
            "--deadline inf is no time.\nGive a number of seconds, such as 30.\n",
        ),
    ],
)
def test_limits_that_cannot_be_are_refused(
    served: Path, options: list[object], sentence: str
) -> None:
    told = run("serve", served, "--port", 0, *options)
    assert (told.returncode, told.stdout, told.stderr) == (2, "", sentence)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tellapart", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


several = pytest.mark.skipif(
    cores() < 2 or not Path("/proc/self/task").is_dir(), reason="needs two cores and Linux"
)


def workers(server: Running) -> list[int]:
    """The processes that answer for a server."""
    task = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(process) for process in task.read_text().split()]


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@several
def test_several_workers_answer_alike_and_one_that_dies_is_replaced(
    served: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, served, "--workers", 2) as server:
        first = workers(server)
        assert len(first) == 2
        alone = server.ask("/v1/guess", PICTURE).body
        for process in first:
            os.kill(process, signal.SIGKILL)
        until(lambda: len(workers(server)) == 2 and not {*first} & {*workers(server)})
        assert {server.ask("/v1/guess", PICTURE).body for _ in range(8)} == {alone}
        connection = half_sent(server)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: refused(server))
        connection.send(PICTURE[100:])
        assert connection.getresponse().read() == alone
        connection.close()
        assert server.process.wait(60) == 0
        assert '"level"' not in server.log.read_text()  # no warning


@pytest.mark.slow
@several
def test_several_workers_take_a_request_of_the_most_pictures(served: Path, tmp_path: Path) -> None:
    pictures = json.dumps({"pictures": [base64.b64encode(PICTURE).decode()] * 40}).encode()
    limits = ["--max-pictures", 40, "--queue", 40]
    with serving(tmp_path, served, "--workers", 2, *limits) as server:
        answer = server.ask("/v1/guess", pictures, headers={"Content-Type": "application/json"})
        assert answer.status == 200
        assert len(answer.json) == 40


@pytest.mark.slow
@several
def test_several_workers_keep_to_the_connections_of_one(served: Path, tmp_path: Path) -> None:
    limits = ["--max-connections", 4, "--client-timeout", 60]
    with serving(tmp_path, served, "--workers", 2, *limits) as server, ExitStack() as stack:
        many = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 60))
            for _ in range(12)
        ]
        # Whoever is let in is waited for, and hears nothing.
        until(lambda: len(select.select(many, [], [], 0)[0]) >= 8)
        heard = select.select(many, [], [], 0)[0]
        assert all(connection.recv(12) == b"HTTP/1.1 503" for connection in heard)


@pytest.mark.slow
@several
def test_whichever_worker_is_asked_has_the_figures_of_all(served: Path, tmp_path: Path) -> None:
    with serving(tmp_path, served, "--workers", 2) as server:
        for _ in range(12):
            assert server.ask("/v1/guess", PICTURE).status == 200
        for _ in range(6):
            figures = server.ask("/metrics").body.decode()
            assert 'tellapart_pictures_total{model="heroes"} 12.0' in figures
        os.kill(workers(server)[0], signal.SIGKILL)
        assert server.ask("/v1/guess", PICTURE).status == 200
        assert (
            'tellapart_pictures_total{model="heroes"} 13.0' in server.ask("/metrics").body.decode()
        )


@pytest.mark.parametrize("before", [None, "elsewhere"])
def test_no_folder_of_figures_is_left_behind(
    before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    if before:
        monkeypatch.setenv(FOLDER, before)
    with added_up():
        folder = Path(os.environ[FOLDER])
        assert folder.is_dir()
    assert not folder.exists()
    assert os.environ.get(FOLDER) == before


@several
def test_workers_do_not_outlive_the_process_that_began_them(served: Path, tmp_path: Path) -> None:
    with serving(tmp_path, served, "--workers", 2) as server:
        left = workers(server)
        server.process.kill()
        server.process.wait()
        until(lambda: not any(map(is_alive, left)))


@pytest.mark.slow
def test_a_client_that_hangs_up_while_it_sends_leaves_no_word(served: Path, tmp_path: Path) -> None:
    with serving(tmp_path, served) as server:
        half_sent(server).close()
        assert server.ask("/v1/guess", PICTURE).status == 200
    assert '"level"' not in server.log.read_text()  # no warning


def program(model: Path, begin: str) -> str:
    """A program that does something and then serves a model."""
    return f"""
import time
from pathlib import Path
from tellapart.server.config import Config
from tellapart.server.models import Models
from tellapart.server.process.running import serve
from tellapart.server.records.access_log import log_to_stderr
from tellapart.workers.local import submit
{begin}
serve(Models({{"heroes": Path({str(model)!r})}}), Config(port=0), log_to_stderr(True, quiet=False),
    lambda address: print(address, flush=True))
"""


@pytest.mark.slow
def test_it_does_not_wait_for_a_thread_that_works_for_nobody(served: Path, tmp_path: Path) -> None:
    with running(tmp_path, "-c", program(served, "submit(time.sleep, 120)")) as server:
        assert server.ask("/healthz").status == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


@pytest.mark.slow
def test_an_upload_that_stopped_delays_the_end_for_little_more_than_its_patience(
    served: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, served, PATIENCE, 2) as server:
        connection = half_sent(server)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        answer = connection.getresponse()
        assert answer.status == 408
        assert server.process.wait(60) == 0
        assert time.monotonic() - begin < 3.9  # twice its patience
        connection.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors as Linux does")
def test_where_descriptors_are_few_so_are_connections_and_lines_of_the_log(
    served: Path, tmp_path: Path
) -> None:
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))"
    with running(tmp_path, "-c", program(served, few)) as server:
        many = [socket.create_connection(("127.0.0.1", server.port), 20) for _ in range(90)]
        assert many[40].recv(100).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        time.sleep(1.5)  # asyncio tries again each second
        for connection in many:
            connection.close()
        assert until(lambda: server.ask("/v1/guess", PICTURE).status == 200)
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert len([line for line in lines if "level" in line]) < 30


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such terminals")
def test_at_a_terminal_it_says_what_is_served_what_to_try_and_what_it_waits_for(
    served: Path,
) -> None:
    import pty

    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "tellapart", "serve", str(served), "--port", "0", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        try:
            assert process.stdout
            server = Running(process.stdout.readline().strip(), process, served)
            said = os.read(mine, 4096).decode().splitlines()
            tried = f"curl --data-binary @picture.jpg {server.address}/v1/guess"
            assert said == [f"heroes (2 labels). Try: {tried}", "Ctrl-C ends it."]
            connection = half_sent(server)
            process.send_signal(signal.SIGINT)
            assert os.read(mine, 4096).decode().splitlines() == [
                "Ending: 1 request is still being answered."
            ]
            connection.send(PICTURE[100:])
            assert connection.getresponse().status == 200
            connection.close()
            assert process.wait(60) == 0
        finally:
            process.kill()
            os.close(mine)
