"""`tellapart.Client` and `AsyncClient`: the answers of the library, from a server; and what they
make of servers that are busy, broken, or something else."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import multiprocessing
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tellapart
from conftest import draw_scene, encoded
from serving import Running, serving
from tellapart import (
    AsyncClient,
    Classifier,
    Client,
    PictureError,
    Prediction,
    ServerError,
    TellapartError,
    UsageError,
)
from tellapart.client.patience import LONGEST, pause, seconds_of

SCENE = draw_scene()
PICTURE = encoded(SCENE)


@pytest.fixture(scope="module")
def server(served: Path) -> Iterator[Running]:
    with serving(served.parent, f"heroes={served}", f"again={served}") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[Client]:
    with Client(server.address) as asking:
        yield asking


@pytest.fixture(scope="module")
def classifier(served: Path) -> Classifier:
    return tellapart.load(served)


def turned(image: Image.Image) -> Image.Image:
    exif = Image.Exif()
    exif[274] = 6
    return Image.open(io.BytesIO(encoded(image, "JPEG", exif=exif)))


GIVEN: dict[str, Callable[[], tellapart.Picture]] = {
    "bytes": lambda: PICTURE,
    "view": lambda: memoryview(PICTURE),
    "open file": lambda: io.BytesIO(PICTURE),
    "image": lambda: SCENE,
    "turned image": lambda: turned(SCENE),
    "transparent image": lambda: SCENE.convert("RGBA").rotate(30),
    "palette": lambda: SCENE.convert("P"),
    "CMYK": lambda: SCENE.convert("CMYK"),
    "array": lambda: np.asarray(SCENE),
    "large array": lambda: np.asarray(draw_scene(1000, 1300)),
    "grey and alpha": lambda: np.asarray(SCENE.convert("LA")),
    "16 bits": lambda: np.asarray(SCENE.convert("L")).astype(np.uint16) * 257 + 3,
    "bits": lambda: np.asarray(SCENE.convert("L")) > 100,
}


@pytest.mark.parametrize("kind", GIVEN)
def test_every_picture_has_the_answer_of_the_library(
    client: Client, classifier: Classifier, kind: str
) -> None:
    assert client.predict(GIVEN[kind]()) == classifier.predict(GIVEN[kind]())


def test_evidence_admit_and_model_are_passed_on(
    client: Client, classifier: Classifier, heroes: object
) -> None:
    expected = classifier.admitting(0.9).predict(PICTURE, evidence=True)
    found = client.predict(PICTURE, evidence=True, admit=0.9, model="again")
    assert found == expected
    assert found.evidence
    assert expected.evidence
    assert found.evidence.keys() == expected.evidence.keys()
    for label, one in found.evidence.items():
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, expected.evidence[label], atol=1e-6)


def test_many_pictures_have_their_answers_in_order(
    client: Client, classifier: Classifier, tmp_path: Path
) -> None:
    scenes = [encoded(draw_scene(seed=seed)) for seed in range(20)]
    (tmp_path / "half.jpg").write_bytes(encoded(SCENE, "JPEG")[:700])
    asked: list[tellapart.Picture] = [*scenes, tmp_path / "half.jpg", "missing.jpg"]
    answers = list(client.predict_many(iter(asked), errors="return"))
    assert answers[:20] == [classifier.predict(one) for one in scenes]
    half, missing = answers[20:]
    assert isinstance(half, PictureError)
    assert isinstance(missing, PictureError)
    assert (half.path, missing.path) == (tmp_path / "half.jpg", "missing.jpg")
    assert str(half).startswith(f"{tmp_path / 'half.jpg'}: cut short")
    with pytest.raises(PictureError, match=r"missing\.jpg: cannot be opened"):
        list(client.predict_many(["missing.jpg"]))
    with pytest.raises(UsageError, match="Several pictures must be"):
        client.predict_many("picture.jpg")


def test_pictures_are_taken_as_they_are_needed(client: Client) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield PICTURE

    answers = client.predict_many(endless())
    for _ in range(3):
        next(answers)
    assert taken < 16
    answers.close()  # type: ignore[attr-defined]


def test_the_same_from_code_that_awaits(
    server: Running, classifier: Classifier, tmp_path: Path
) -> None:
    async def asked() -> None:
        async with AsyncClient(server.address) as client:
            assert await client.ready()
            found, again = await asyncio.gather(
                client.predict(PICTURE), client.predict(SCENE, model="again")
            )
            assert found == again == classifier.predict(PICTURE)
            answers = client.predict_many([PICTURE, "missing.jpg", SCENE], errors="return")
            first, missing, last = [one async for one in answers]
            assert first == last == found
            assert isinstance(missing, PictureError)
            with pytest.raises(UsageError, match="no model villains"):
                await client.predict(PICTURE, model="villains")

    asyncio.run(asked())


def test_threads_share_a_client(client: Client, classifier: Classifier) -> None:
    scenes = [encoded(draw_scene(seed=seed)) for seed in range(6)]
    found: dict[int, Prediction] = {}

    def ask(number: int) -> None:
        found[number] = client.predict(scenes[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: classifier.predict(one) for number, one in enumerate(scenes)}


def test_a_client_can_be_copied_closed_and_asked_again(
    server: Running, classifier: Classifier
) -> None:
    client = Client(server.address + "/")
    assert client.url == server.address
    assert client.ready()
    client.close()
    client.close()
    copy = pickle.loads(pickle.dumps(client))
    assert client.predict(PICTURE) == copy.predict(PICTURE) == classifier.predict(PICTURE)
    client.close()
    threads = threading.active_count()
    del copy
    gc.collect()
    assert threading.active_count() < threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_asks_by_connections_of_its_own(server: Running) -> None:
    with Client(server.address) as client:
        expected = client.predict(PICTURE)
        child = multiprocessing.get_context("fork").Process(
            target=lambda: os._exit(7 if client.predict(PICTURE) == expected else 1)
        )
        child.start()
        child.join(30)
        assert child.exitcode == 7
        assert client.predict(PICTURE) == expected


@pytest.mark.parametrize(
    ("picture", "more", "kind", "said"),
    [
        (b"", {}, PictureError, "an empty file"),
        (b"<html>", {}, PictureError, "an HTML page"),
        (encoded(SCENE, "JPEG")[:700], {}, PictureError, "cut short"),
        (7, {}, UsageError, "A picture is a path"),
        (PICTURE, {"admit": 0.2}, UsageError, "cannot admit a fraction of 0.2"),
        (PICTURE, {"model": "vil/lains"}, UsageError, "vil/lains cannot be a model's name"),
        (PICTURE, {"model": ".."}, UsageError, r"\.\. cannot be a model's name"),
        (PICTURE, {"model": "villains"}, UsageError, "There are: heroes, again"),
    ],
)
def test_errors_are_those_of_the_one_tree(
    client: Client, picture: bytes, more: dict[str, object], kind: type[TellapartError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        client.predict(picture, **more)  # type: ignore[arg-type]


def of_a_server(reason: str) -> str:
    """It takes fewer pixels than the library does."""
    return reason.replace("179 million in all", "50 million in all")


def test_a_broken_file_has_the_reason_of_the_library(
    client: Client, classifier: Classifier, broken_pictures: dict[Path, str]
) -> None:
    answers = client.predict_many(list(broken_pictures), errors="return")
    for path, answer in zip(broken_pictures, answers, strict=True):
        assert isinstance(answer, PictureError)
        assert (answer.path, answer.message) == (path, of_a_server(broken_pictures[path]))
        with pytest.raises(PictureError) as caught:
            classifier.predict(path)
        assert str(answer) == of_a_server(str(caught.value))


def test_what_a_server_has_is_told(client: Client, classifier: Classifier) -> None:
    first, second = client.models()
    assert (first["name"], first["default"], second["name"]) == ("heroes", True, "again")
    assert first["labels"] == list(classifier.labels)
    assert first["digest"] == classifier.digest
    assert client.model("heroes") == first
    with pytest.raises(UsageError, match="no model villains"):
        client.model("villains")


def test_a_token_is_asked_for_and_given(served: Path, tmp_path: Path) -> None:
    token = "0123456789abcdef0123"
    (tmp_path / "token").write_text(token)
    (tmp_path / "token").chmod(0o600)
    with serving(tmp_path, served, "--token-file", tmp_path / "token") as running:
        with Client(running.address, token) as client:
            assert client.predict(PICTURE).label
            assert client.ready()
        for wrong in ("", token[:-1]):
            with (
                Client(running.address, wrong) as client,
                pytest.raises(ServerError, match=r"Give its token: Client\(url, token\)") as caught,
            ):
                client.predict(PICTURE)
            assert caught.value.status == 401
            assert client.ready()
            client.close()


def test_a_file_that_is_too_large_for_the_server_is_a_picture_error(
    client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(PICTURE + bytes(40 * 2**20))
    with pytest.raises(PictureError, match="larger than") as caught:
        client.predict(path)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("url", "more", "said"),
    [
        ("localhost:8000", {}, "localhost:8000 is no address of a server"),
        ("", {}, "is no address"),
        ("ftp://host", {}, "is no address"),
        ("http://", {}, "is no address"),
        ("http://host/?a=1", {}, "is no address"),
        ("http://host:port", {}, "is no address"),
        ("http://me:secret@host", {}, "has a user's name in it"),
        ("http://host", {"token": "a\nb"}, "The token has characters"),
        ("http://host", {"token": "\u00e4"}, "The token has characters"),
        ("http://host", {"token": b"abc"}, "The token is no text. Read its file as text"),
        ("http://host", {"timeout": 0}, "A timeout of 0 cannot be"),
        ("http://host", {"timeout": float("nan")}, "A timeout of nan cannot be"),
        ("http://host", {"retries": -1}, "-1 retries cannot be"),
    ],
)
def test_an_address_that_cannot_be_is_refused(url: str, more: dict[str, object], said: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(UsageError) as caught:
            kind(url, **more)  # type: ignore[arg-type]
        assert said in str(caught.value)
        assert "secret" not in str(caught.value)


Step = Callable[[socket.socket], None] | bytes


class Scripted:
    """A server that plays one step for each request, over and over the last one."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            if self._over.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            said = b""
            while b"\r\n\r\n" not in said:
                said += connection.recv(65536)
            head, _, body = said.partition(b"\r\n\r\n")
            length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-l")]
            while length and len(body) < int(length[0].split(b":")[1]):
                body += connection.recv(65536)
            self.requests.append(head)
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            if isinstance(step, bytes):
                connection.sendall(step)
            else:
                step(connection)

    def close(self) -> None:
        self._over.set()
        socket.create_connection(self._listening.getsockname()).close()
        for thread in self._threads:
            thread.join()
        self._listening.close()


@contextmanager
def scripted(*steps: Step) -> Iterator[Scripted]:
    server = Scripted(*steps)
    try:
        yield server
    finally:
        server.close()


def http(status: str, body: bytes = b"", *headers: str, kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "Connection: close", "", ""]).encode() + body


ANSWER = {"path": "-", "label": "a", "score": 1.0, "scores": {"a": 1.0}, "unknown": False}
RIGHT = http("200 OK", json.dumps({**ANSWER, "novelty": 0.25}).encode())
EXPECTED = Prediction({"a": 1.0}, 0.25, False)
PROBLEM = {"type": "about:blank", "title": "x", "detail": "Too many.", "hint": "Wait."}


def problem(status: str, *headers: str) -> bytes:
    body = json.dumps({**PROBLEM, "status": int(status[:3])}).encode()
    return http(status, body, *headers, kind="application/problem+json")


def closed(connection: socket.socket) -> None:
    """Without a word."""


def half(connection: socket.socket) -> None:
    connection.sendall(RIGHT[:-10])


def drop_by_drop(connection: socket.socket) -> None:
    """Never to an end, and never so slow that a wait for the next byte is long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    try:
        for _ in range(300):
            connection.sendall(b"X-A: b\r\n")
            time.sleep(0.02)
    except OSError:
        pass


@pytest.mark.parametrize(
    "steps",
    [
        (problem("503 Service Unavailable", "Retry-After: 0"),),
        (problem("429 Too Many Requests", "Retry-After: 0"),),
        (http("503 Service Unavailable", b"<html>", kind="text/html"),),
        (closed,),
        (closed, problem("503 Service Unavailable"), closed),
    ],
)
def test_what_passes_is_asked_again(steps: tuple[Step, ...]) -> None:
    with scripted(*steps, RIGHT) as server, Client(server.address, retries=3) as client:
        assert client.predict(PICTURE) == EXPECTED
        assert len(server.requests) == len(steps) + 1


@pytest.mark.parametrize(("date", "least"), [(False, 1.0), (True, 0.5)])
def test_a_server_is_asked_again_when_it_wants_to_be(date: bool, least: float) -> None:
    moment = datetime.now(timezone.utc) + timedelta(seconds=2)  # a date has whole seconds
    wish = format_datetime(moment, usegmt=True) if date else "1"
    busy = problem("503 Service Unavailable", f"Retry-After: {wish}")
    with scripted(busy, RIGHT) as server, Client(server.address) as client:
        before = time.monotonic()
        assert client.predict(PICTURE) == EXPECTED
        assert time.monotonic() - before >= least


def test_no_one_waits_longer_than_the_time_there_is() -> None:
    busy = problem("503 Service Unavailable", "Retry-After: 3600")
    with scripted(busy) as server, Client(server.address, timeout=5) as client:
        before = time.monotonic()
        with pytest.raises(ServerError, match=r"refused: Too many\. Wait\.") as caught:
            client.predict(PICTURE)
        assert time.monotonic() - before < 4
        assert caught.value.status == 503
        assert len(server.requests) == 1


@pytest.mark.parametrize("step", [drop_by_drop, lambda connection: time.sleep(1)])
def test_a_slow_server_has_the_time_of_the_whole_call(step: Step) -> None:
    with scripted(step) as server, Client(server.address, timeout=0.3) as client:
        before = time.monotonic()
        with pytest.raises(ServerError, match=r"did not answer within 0\.3 seconds"):
            client.predict(PICTURE)
        assert time.monotonic() - before < 5
        assert not client.ready()


@pytest.mark.parametrize(
    ("step", "status", "said"),
    [
        (half, None, "broke off in the middle of its answer"),
        (problem("500 Internal Server Error"), 500, "refused: Too many."),
        (problem("401 Unauthorized"), 401, "Give its token: Client(url, token)."),
        (problem("403 Forbidden"), 403, "refused: Too many."),
        (http("401 Unauthorized", b"<html>", kind="text/html"), 401, "did not let us in"),
        (http("502 Bad Gateway", b"<html>", kind="text/html"), 502, "502 Bad Gateway, with an"),
        (http("404 Not Found", b"<!DOCTYPE html>"), 404, "no tellapart server: it answered 404"),
        (http("404 Not Found", b'{"detail": "Not Found"}'), 404, "with JSON of another kind"),
        (http("200 OK", b"<!DOCTYPE html><html>", kind="text/html"), 200, "with an HTML page"),
        (http("200 OK", b"[]"), 200, "no tellapart server"),
        (http("200 OK", b'{"scores": {}}'), None, "JSON that is no answer for a picture"),
        (http("200 OK", RIGHT[-20:]), 200, "no tellapart server"),
        (
            http("200 OK", bytes(20), "Content-Encoding: gzip, gzip"),
            200,
            "answered packed (gzip, g",
        ),
        (http("200 OK", bytes(20), "Content-Encoding: br"), 200, "though it was asked not to"),
        (http("302 Found", b"", "Location: http://127.0.0.1:9/"), 302, "no redirect is followed"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", None, "does not speak HTTP"),
    ],
)
def test_what_is_wrong_is_said_once_and_not_asked_again(
    step: Step, status: int | None, said: str
) -> None:
    with scripted(step) as server, Client(server.address, "secret") as client:
        with pytest.raises(ServerError) as caught:
            client.predict(PICTURE)
        assert said in str(caught.value)
        assert "secret" not in str(caught.value)
        assert caught.value.status == status
        assert len(server.requests) == 1
        assert b"\r\nAuthorization: Bearer secret" in server.requests[0]
        assert b"\r\nAccept-Encoding: identity\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("scores", '{"a": 1%s}' % ("0" * 400)),
        ("scores", '{"a": NaN}'),
        ("scores", '{"a": true}'),
        ("scores", '{"a": -0.5}'),
        ("scores", '{"a": 7}'),
        ("scores", "[1.0]"),
        ("novelty", "1%s" % ("0" * 400)),
        ("novelty", "1e400"),
        ("novelty", "false"),
        ("unknown", "0"),
        ("evidence", '{"a": [[1%s]]}' % ("0" * 400)),
        ("evidence", '{"a": [[NaN]]}'),
        ("evidence", '{"a": [[1], [1, 2]]}'),
        ("evidence", '{"a": 1}'),
        ("evidence", '{"b": [[1.0]]}'),
    ],
)
def test_an_answer_that_cannot_be_is_a_server_error(key: str, wrong: str) -> None:
    right = {**ANSWER, "novelty": 0.25}
    right.pop(key, None)
    body = f'{json.dumps(right)[:-1]}, "{key}": {wrong}}}'.encode()
    with (
        scripted(http("200 OK", body)) as server,
        Client(server.address) as client,
        pytest.raises(ServerError, match="JSON that is no answer for a picture"),
    ):
        client.predict(PICTURE)


@pytest.mark.parametrize(
    ("token", "sent"),
    [("secret\n", b"secret"), (" secret \r\n", b"secret"), (None, None), ("", None)],
)
def test_a_token_is_taken_as_its_file_or_the_environment_has_it(
    token: str | None, sent: bytes | None
) -> None:
    with scripted(RIGHT) as server, Client(server.address, token) as client:
        client.predict(PICTURE)
        heads = [line for line in server.requests[0].split(b"\r\n") if b"Authorization" in line]
        assert heads == ([b"Authorization: Bearer " + sent] if sent else [])


def test_a_server_without_tls_says_so(server: Running) -> None:
    with (
        Client(server.address.replace("http", "https"), retries=0) as client,
        pytest.raises(ServerError, match=r"does not speak TLS.*itself speaks http://"),
    ):
        client.predict(PICTURE)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("413 Content Too Large", PictureError),
        ("415 Unsupported Media Type", PictureError),
        ("422 Unprocessable Content", PictureError),
        ("400 Bad Request", UsageError),
    ],
)
def test_a_proxy_or_server_that_refuses_the_picture_or_the_request(
    status: str, kind: type[TellapartError], tmp_path: Path
) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(PICTURE)
    with scripted(problem(status)) as server, Client(server.address) as client:
        with pytest.raises(kind, match="Too many") as caught:
            client.predict(path)
        assert getattr(caught.value, "path", path) == path
        assert len(server.requests) == 1
    page = http("413 Request Entity Too Large", b"<html>", kind="text/html")
    with (
        scripted(page) as server,
        Client(server.address) as client,
        pytest.raises(PictureError, match=r"picture\.png: larger than http"),
    ):
        client.predict(path)


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", retries=1) as client:
        with pytest.raises(ServerError, match=r"cannot be reached.*Is tellapart serve running"):
            client.predict(PICTURE)
        assert not client.ready()


def test_behind_a_proxy_its_path_is_kept_and_no_other_proxy_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    models = http("200 OK", json.dumps({"models": [{"name": "heroes"}]}).encode())
    with scripted(RIGHT, models, http("200 OK", b"{}")) as server:
        with Client(f"{server.address}/shop/cats/") as client:
            client.predict(PICTURE, evidence=True, admit=0.95, model="a b")
            assert client.models()[0]["name"] == "heroes"
            assert not client.model("heroes")
        lines = [head.split(b"\r\n")[0].decode() for head in server.requests]
        assert lines == [
            "POST /shop/cats/v1/models/a%20b/guess?evidence=true&admit=0.95 HTTP/1.1",
            "GET /shop/cats/v1/models HTTP/1.1",
            "GET /shop/cats/v1/models/heroes HTTP/1.1",
        ]


@given(st.integers(1, 10**6), st.none() | st.floats(0, 1e6), st.floats(0, 1))
def test_pauses_grow_to_a_limit_and_are_never_shorter_than_is_asked(
    tried: int, asked: float | None, chance: float
) -> None:
    found = pause(tried, asked, chance)
    assert (asked or 0) <= found <= (asked or 0) + LONGEST
    assert found <= pause(tried + 1, asked, chance)
    assert found <= pause(tried, asked, 1)
    assert asked is not None or found > 0


NOW = datetime(2026, 11, 29, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("Sun, 29 Nov 2026 00:01:30 GMT", 90),
        ("Sat, 28 Nov 2026 00:00:00 GMT", 0),
        ("Sun, 29 Nov 2026 00:00:05 -0000", 5),
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("Sun, 99 Nov 2026 00:01:30 GMT", None),
        ("9" * 500, 999999999999),
    ],
)
def test_a_wish_to_be_asked_later_is_in_seconds_or_a_date(
    text: str | None, seconds: float | None
) -> None:
    assert seconds_of(text, NOW) == seconds
