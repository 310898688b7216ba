"""A server's queue: in turn, bounded, within the deadline, and never for nobody."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

import tellapart
from conftest import draw_scene, encoded
from serving import Running, serving
from tellapart.server.app import server_on
from tellapart.server.config import Config
from tellapart.server.models import Models
from tellapart.server.problems import HttpError
from tellapart.server.process.running import bound
from tellapart.server.queue import Queue
from tellapart.server.records.access_log import Log
from tellapart.to_json.results import guessed, text
from tellapart.workers.local import submit, threads

PICTURES = [encoded(draw_scene(60 + 7 * n, 90 - 5 * n, seed=n)) for n in range(8)]


@contextmanager
def no_thread_free() -> Iterator[None]:
    """Keep all threads of this process at work until the end."""
    end = threading.Event()
    begun = threading.Barrier(threads() + 1)

    def work() -> None:
        begun.wait(60)
        end.wait(60)

    busy = [submit(work) for _ in range(threads())]
    begun.wait(60)
    try:
        yield
    finally:
        end.set()
        for future in busy:
            future.result()


@contextmanager
def here(served: Path, **config: Any) -> Iterator[int]:
    """A server in this process, at its port."""
    settings = Config(port=0, **config)
    listening = bound(settings)
    port: int = listening.getsockname()[1]
    ready = threading.Event()
    models, log = Models({"heroes": served}), Log(sys.stderr, as_json=True, quiet=True)
    server = server_on(listening, models, settings, log, ready.set, alone=False)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        assert ready.wait(60)
        yield port
    finally:
        server.should_exit = True
        thread.join()


def sent(port: int) -> http.client.HTTPConnection:
    """A connection on which a picture was sent, and whose answer was not read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/guess", PICTURES[0])
    return connection


def status(connection: http.client.HTTPConnection) -> int:
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.slow
def test_the_answer_of_32_clients_at_once_is_that_of_one_alone_to_the_last_byte(
    served: Path, tmp_path: Path
) -> None:
    classifier = tellapart.load(served)
    alone = [text(guessed("-", classifier.predict(picture))) + "\n" for picture in PICTURES]
    with serving(tmp_path, served) as server, ThreadPoolExecutor(32) as clients:
        asked = [(server, n % len(PICTURES)) for n in range(160)]
        for (_, n), answer in zip(asked, clients.map(_asked, asked), strict=True):
            assert answer.decode() == alone[n]


def _asked(asked: tuple[Running, int]) -> bytes:
    server, n = asked
    return server.ask("/v1/guess", PICTURES[n]).body


def test_a_full_queue_refuses_at_once_and_says_when_to_ask_again(
    served: Path,
) -> None:
    with here(served, waiting=1, most=1) as port:
        with no_thread_free():
            waiting = [sent(port) for _ in range(1 + threads())]
            refused = until(lambda: refusal(port))
            assert refused["status"] == 503
            assert refused["detail"] == "Too many pictures are waiting."
        assert [status(connection) for connection in waiting] == [200] * len(waiting)
        assert status(sent(port)) == 200


def refusal(port: int) -> dict[str, Any] | None:
    """The problem that a further picture meets, if it does before long; its place is given back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.3)
    try:
        connection.request("POST", "/v1/guess", PICTURES[0])
        answer = connection.getresponse()
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["Content-Type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(answer.read())
        return found
    except TimeoutError:
        return None
    finally:
        connection.close()


def until(found: Callable[[], Any]) -> Any:
    """What is found in the end."""
    for _ in range(200):
        if something := found():
            return something
        time.sleep(0.02)
    raise AssertionError("it never came")


def test_a_client_that_hangs_up_gives_its_place_to_another(served: Path) -> None:
    with here(served, waiting=1, most=1, deadline=60.0) as port, no_thread_free():
        gone = [sent(port) for _ in range(1 + threads())]
        until(lambda: refusal(port))
        for connection in gone:
            assert connection.sock
            connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
        # While no thread has begun anything:
        until(lambda: "tellapart_queue_pictures 0.0" in figures(port))
        hung_up = 'tellapart_requests_total{method="POST",route="/v1/guess",status="499"}'
        assert hung_up in figures(port)


def figures(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics")
    told = connection.getresponse().read().decode()
    connection.close()
    return told


def test_a_request_is_refused_when_its_time_has_passed_in_the_queue(served: Path) -> None:
    with here(served, deadline=0.2) as port, no_thread_free():
        connection = sent(port)
        answer = connection.getresponse()
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert json.loads(answer.read())["detail"] == "No answer within 0.2 seconds."
        connection.close()


def test_a_large_json_waits_no_longer_than_other_pictures_to_be_taken_apart(served: Path) -> None:
    picture = base64.b64encode(PICTURES[0] + bytes(2**18)).decode()
    with here(served, deadline=0.2) as port, no_thread_free():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        kind = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/guess", json.dumps({"picture": picture}), kind)
        answer = connection.getresponse()
        assert answer.status == 503
        assert json.loads(answer.read())["detail"] == "No answer within 0.2 seconds."
        connection.close()


def test_what_a_request_does_in_several_steps_has_one_deadline() -> None:
    begun: list[str] = []

    async def main() -> None:
        queue = Queue(waiting=4, deadline=5)
        late, in_time = time.monotonic() - 6, time.monotonic() - 4
        for refused in (
            queue.ask_all([lambda: begun.append("picture")], came=late),
            queue.aside(begun.append, "aside", came=late),
        ):
            with pytest.raises(HttpError, match="No answer within 5 seconds"):
                await refused
        await queue.aside(begun.append, "in time", came=in_time)

    asyncio.run(main())
    assert begun == ["in time"]


def test_what_is_under_way_for_long_counts_in_when_to_ask_again() -> None:
    async def main() -> None:
        queue = Queue(waiting=1, deadline=60)
        with no_thread_free():
            pass  # and so each thread is there
        end = threading.Event()
        slow = asyncio.ensure_future(queue.ask_all([partial(end.wait, 60)] * queue.most))
        await asyncio.sleep(1.1)
        with pytest.raises(HttpError) as refused:
            queue.check_room()
        assert int(refused.value.headers["Retry-After"]) >= 2
        end.set()
        await slow

    asyncio.run(main())


@pytest.mark.parametrize("how", ["deadline", "hung up"])
def test_what_nobody_waits_for_any_more_is_never_begun(how: str) -> None:
    begun: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def main() -> None:
        queue = Queue(waiting=4, deadline=0.05 if how == "deadline" else 60)
        gone = None if how == "deadline" else receive
        with no_thread_free():
            with pytest.raises(HttpError if how == "deadline" else ClientDisconnect):
                await queue.ask_all([lambda: begun.append("late")] * 3, gone)
            assert queue.held == 0
        await Queue(waiting=4, deadline=60).ask_all([lambda: begun.append("next")])

    asyncio.run(main())
    assert begun == ["next"]


def test_a_request_of_several_pictures_is_let_in_whole_or_not_at_all() -> None:
    begun: list[int] = []

    async def main() -> None:
        queue = Queue(waiting=2, deadline=60)
        most = 2 + threads()
        with no_thread_free():
            first = asyncio.ensure_future(queue.ask_all([lambda: begun.append(1)]))
            await asyncio.sleep(0)
            for calls in (most, most + 1):
                with pytest.raises(HttpError) as refused:
                    await queue.ask_all([lambda: begun.append(2)] * calls)
                assert refused.value.status == 503
                assert refused.value.headers["Retry-After"]
        await first

    asyncio.run(main())
    assert begun == [1]


def test_a_flood_meets_nothing_but_answers_and_503(served: Path, tmp_path: Path) -> None:
    short = ["--queue", 2, "--max-pictures", 2]
    with serving(tmp_path, served, *short) as server, ThreadPoolExecutor(24) as clients:
        answers = list(clients.map(lambda n: server.ask("/v1/guess", PICTURES[n % 8]), range(96)))
        assert {answer.status for answer in answers} == {200, 503}
        assert server.ask("/v1/guess", PICTURES[0]).status == 200
        assert '"level"' not in server.log.read_text()  # no warning
