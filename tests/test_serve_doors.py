"""What a server tells of itself and its models, and what it writes in its log."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

import tellapart
from conftest import draw_scene, encoded
from serving import Running, serving
from tellapart.demo.walk import DemoPictures
from tellapart.server.app import application
from tellapart.server.config import Config
from tellapart.server.models import Models


@pytest.fixture(scope="module")
def server(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two models: `heroes`, and the file of it alone as `bare`."""
    folder = tmp_path_factory.mktemp("doors")
    shutil.copy(served / "model.onnx", folder / "alone.onnx")
    with serving(folder, served, f"bare={folder / 'alone.onnx'}") as running:
        yield running


def figures(server: Running) -> dict[tuple[str, tuple[str, ...]], float]:
    """What /metrics says: by name and the values of the labels."""
    text = server.ask("/metrics").body.decode()
    return {
        (sample.name, tuple(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def lines(server: Running, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The lines of the log that are wanted, of which there is one soon; each line is JSON."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        every = [json.loads(line) for line in server.log.read_text().splitlines()]
        if found := [line for line in every if wanted(line)]:
            return found
        time.sleep(0.01)
    return []


def test_a_model_says_what_info_says_and_names_no_picture(
    server: Running, served: Path, heroes: DemoPictures
) -> None:
    command = [sys.executable, "-m", "tellapart", "info", str(served), "--json"]
    info = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    answer = server.ask("/v1/models/heroes")
    told = answer.json
    assert told.keys() - info.keys() == {"name", "default", "modified"}  # the server's own
    for key in told.keys() & info.keys():
        assert told[key] == info[key], key
    assert told["judged"]["cross-validated"]["accuracy"]["n"] > 0
    moment = datetime.fromisoformat(told["modified"]).timestamp()
    assert moment == int(os.stat(served / "model.onnx").st_mtime)
    assert told["digest"] == tellapart.load(served).digest
    said = answer.body.decode()
    assert not any(picture.name in said for picture in heroes.photos.rglob("*.*"))
    assert str(served.parent) not in said
    assert "photos" not in said


def test_a_model_file_alone_is_served_without_figures(server: Running) -> None:
    told = server.ask("/v1/models/bare").json
    assert (told["judged"], told["bursts"]) == ({}, None)
    assert told["labels"] == server.ask("/v1/models/heroes").json["labels"]


def test_the_models_are_listed_with_the_default_first(server: Running) -> None:
    every = server.ask("/v1/models").json["models"]
    assert [(one["name"], one["default"]) for one in every] == [("heroes", True), ("bare", False)]
    assert every[0] == server.ask("/v1/models/heroes").json
    assert server.ask("/v1/models/cats").status == 404


def test_a_model_that_is_known_is_not_sent_again(server: Running) -> None:
    first = server.ask("/v1/models/heroes")
    tag = first.headers["etag"]
    assert tag == f'"{first.json["digest"]}"'
    for known in (tag, f'"other", W/{tag}', "*"):
        again = server.ask("/v1/models/heroes", headers={"If-None-Match": known})
        assert (again.status, again.body) == (304, b"")
    assert server.ask("/v1/models/heroes", headers={"If-None-Match": '"other"'}).status == 200


def test_it_lives_and_is_ready_and_names_its_doors(server: Running) -> None:
    assert server.ask("/healthz").json == {"status": "ok"}
    ready = server.ask("/readyz").json
    assert ready["status"] == "ready"
    assert {name: one["stale"] for name, one in ready["models"].items()} == {
        "heroes": False,
        "bare": False,
    }
    doors = server.ask("/").json["doors"]
    assert {"method": "POST", "path": "/v1/guess"}.items() <= doors[0].items()
    for door in doors:
        if door["method"] == "GET":
            path = door["path"].replace("{name}", "bare").replace("{version}", "1")
            assert server.ask(path).status == 200, door


def asked_beside(
    app: Starlette, path: str, method: str = "GET", body: bytes | None = None
) -> httpx.Response:
    """The answer of an application in this process."""

    async def ask() -> httpx.Response:
        wire = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=wire, base_url="http://127.0.0.1:8000") as client:
            return await client.request(method, path, content=body)

    return asyncio.run(ask())


def test_a_server_that_is_ending_lives_and_is_not_ready(served: Path) -> None:
    app = application(Models({"heroes": served}), Config(), lambda _: None, lambda: True)

    def ask(path: str, method: str = "GET") -> httpx.Response:
        return asked_beside(app, path, method)

    for path in ("/healthz", "/v2/health/live"):
        assert ask(path).status_code == 200
    for path in ("/readyz", "/v2/health/ready", "/v2/models/heroes/ready"):
        answer = ask(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json()["detail"] == "This server is ending."
    (told,) = ask("/v2/repository/index", "POST").json()
    assert (told["state"], told["reason"]) == ("UNAVAILABLE", "This server is ending.")
    assert "\ntellapart_shed_total 0.0" in ask("/metrics").text  # it has not too much to do


def test_what_is_refused_for_want_of_time_is_shed(served: Path) -> None:
    models = Models({"heroes": served})
    app = application(models, Config(deadline=0.001), lambda _: None, lambda: False)
    answer = asked_beside(app, "/v1/guess", "POST", encoded(draw_scene()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "\ntellapart_shed_total 1.0" in asked_beside(app, "/metrics").text


def test_the_figures_count_what_was_asked(server: Running) -> None:
    before = figures(server)
    picture = encoded(draw_scene())
    server.ask("/v1/models/bare/guess", picture)
    server.ask("/v1/models/bare/guess", picture[: len(picture) // 2])
    server.ask("/v1/models/tigers/guess", picture)
    server.ask("/nowhere/secret", method="PROPFIND")
    now = figures(server)

    def more(name: str, *labels: str) -> float:
        return now.get((name, labels), 0) - before.get((name, labels), 0)

    guessing = ("POST", "/v1/models/{name}/guess")
    assert more("tellapart_requests_total", *guessing, "200") == 1
    assert more("tellapart_requests_total", *guessing, "422") == 1
    assert more("tellapart_requests_total", *guessing, "404") == 1
    assert more("tellapart_requests_total", "other", "other", "404") == 1
    assert more("tellapart_request_seconds_count", guessing[1]) == 3
    assert more("tellapart_queue_seconds_count") == 2
    assert more("tellapart_pictures_total", "bare") == 2
    assert more("tellapart_pictures_unreadable_total", "bare") == 1
    assert more("tellapart_pictures_total", "heroes") == 0
    assert more("tellapart_received_bytes_total") >= len(picture)
    assert now["tellapart_requests_in_progress", ()] == 1  # this one
    assert now["tellapart_queue_pictures", ()] == 0
    assert now["process_resident_memory_bytes", ()] > 1e7


def test_no_figure_has_a_label_that_a_client_chose(server: Running) -> None:
    server.ask("/v1/models/tigers")
    server.ask("/v1/guess?top=7777", encoded(draw_scene()))
    server.ask("/secrets")
    said = server.ask("/metrics").body.decode()
    labels = " ".join(re.findall(r"\{.*\}", said))  # the figures are anything
    assert "route=" in labels
    assert not re.search("tigers|7777|secrets|PROPFIND", labels)
    paths = set(re.findall(r'route="(.*?)"', said))
    assert paths <= {door["path"] for door in server.ask("/").json["doors"]} | {"other"}


def test_a_request_is_a_line_of_the_log(server: Running) -> None:
    picture = encoded(draw_scene())
    size = len(server.ask("/v1/models/bare/guess?top=1", picture).body)
    (line,) = lines(server, lambda line: line.get("bytes_out") == size)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line.pop("seconds") >= line.pop("waited") >= 0
    assert line == {
        "client": "127.0.0.1",
        "method": "POST",
        "route": "/v1/models/{name}/guess",
        "path": "/v1/models/bare/guess",
        "status": 200,
        "bytes_in": len(picture),
        "bytes_out": size,
        "model": "bare",
        "pictures": 1,
    }


def test_nothing_that_a_client_sends_breaks_a_line_of_the_log(server: Running) -> None:
    sent = b"GET /" + b"%0a%1b[31m" + b"x" * 5000 + b"\xff\x1b?token=hidden HTTP/1.1\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(sent + b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n")
        client.recv(4096)
    server.ask("/v1/models/%22%7D%0A%7B/guess?token=hidden", b"x")
    said = server.log.read_bytes()
    assert b"hidden" not in said
    assert re.fullmatch(rb"[\x20-\x7e\n]*", said)
    found = lines(server, lambda line: "%0A" in line.get("path", ""))
    assert [line["status"] for line in found] == [404]
    assert all(len(line) < 1000 for line in said.splitlines())


@pytest.mark.parametrize(
    ("option", "logged"),
    [
        ("--log=text", r"\d\d:\d\d:\d\d 127.0.0.1 GET /healthz 200 \d+\.\d ms\n"),
        ("--quiet", ""),
    ],
)
def test_the_log_has_other_forms(served: Path, tmp_path: Path, option: str, logged: str) -> None:
    with serving(tmp_path, served, option) as server:
        assert server.ask("/healthz").status == 200
    assert re.fullmatch(logged, server.log.read_text())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a full pipe makes others wait there")
def test_a_log_that_nobody_reads_stops_nothing(served: Path) -> None:
    """Its pipe is full after some hundred lines; then it is closed."""
    command = [sys.executable, "-m", "tellapart", "serve", str(served), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        try:
            server = Running(process.stdout.readline().strip(), process, served)
            for _ in range(700):
                assert server.ask("/healthz").status == 200
            said = os.read(process.stderr.fileno(), 2**20)
            assert 2**15 < len(said) < 2**17
            assert server.ask("/healthz").status == 200
            process.stderr.close()
            for _ in range(3):
                assert server.ask("/healthz").status == 200
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["{served}", "{served}"], "Two models are called heroes"),
        (["{folder}/a=b"], "Give it another, such as "),
        (["{folder}/my heroes"], "Give it another, such as "),
        (["a/b={served}"], "does not exist"),
        (["é={served}"], "cannot be a model's name"),
        (["..={served}"], "cannot be a model's name"),
        (["={served}"], "has nothing before its =."),
        (["{folder}/missing"], "does not exist"),
        (["a={served}", "b={folder}"], "has no model.onnx in it"),
    ],
)
def test_a_model_that_cannot_be_served_is_told_in_a_sentence(
    served: Path, tmp_path: Path, given: list[str], said: str
) -> None:
    for name in ("a=b", "my heroes"):
        (tmp_path / name).mkdir()
    models = [one.format(served=served, folder=tmp_path) for one in given]
    run = subprocess.run(
        [sys.executable, "-m", "tellapart", "serve", *models], capture_output=True, text=True
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_models_have_the_names_of_their_folders(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tellapart.server.names import places_of

    (tmp_path / "x=y").mkdir()
    (tmp_path / "latest").symlink_to(served)
    monkeypatch.chdir(served)
    given = [".", "cats=a=b", f"y={tmp_path}/x=y", f"{tmp_path}/latest", "other.onnx"]
    assert list(places_of(given)) == ["heroes", "cats", "y", "latest", "other"]
    assert places_of(["model.onnx"]) == {"heroes": Path("model.onnx")}
    assert places_of(given)["cats"] == Path("a=b")
