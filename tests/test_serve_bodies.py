"""Pictures reach a server as a body, in a form or in JSON, and the query says what is asked."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from conftest import draw_scene, encoded
from serving import Answered, Running, serving

FIRST, SECOND = encoded(draw_scene(seed=1)), encoded(draw_scene(seed=2), "JPEG")
CUT = FIRST[:300]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(served: Path) -> Iterator[Running]:
    with serving(served.parent, served, "--max-pictures", 4, "--max-body", 1) as running:
        yield running


@pytest.fixture(scope="module")
def expected(server: Running) -> dict[bytes, Any]:
    """What is said of each picture alone."""
    return {content: server.ask("/v1/guess", content).json for content in (FIRST, SECOND)}


def form(*parts: tuple[str, bytes], boundary: str = "xxBOUNDARYxx") -> tuple[bytes, dict[str, str]]:
    """Parts, each with its Content-Disposition, as a browser sends them."""
    body = b"".join(
        b"--%s\r\nContent-Disposition: form-data; %s\r\nContent-Type: image/png\r\n\r\n%s\r\n"
        % (boundary.encode(), said.encode(), content)
        for said, content in parts
    )
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return body + b"--%s--\r\n" % boundary.encode(), kind


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def refused(answer: Answered, status: int, *words: str) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    for word in words:
        assert word in answer.json["detail"] + answer.json["hint"]


def test_a_form_is_answered_by_a_list_in_its_order(
    server: Running, expected: dict[bytes, Any]
) -> None:
    body, kind = form(
        ('name="anything"; filename="b.png"', SECOND),
        ('name="anything"; filename="a.png"', FIRST),
        ('name="else"; filename="cut.png"', CUT),
        ('name="words"', b"no picture"),
    )
    second, first, cut, words = server.ask("/v1/guess", body, headers=kind).json
    assert second == {**expected[SECOND], "path": "b.png"}
    assert first == {**expected[FIRST], "path": "a.png"}
    assert cut.keys() == words.keys() == {"path", "error"}
    assert (cut["path"], words) == ("cut.png", {"path": "words", "error": "a text file"})


def test_a_list_says_what_guess_says_of_files(
    server: Running, tmp_path: Path, served: Path
) -> None:
    for name, content in (("a.png", FIRST), ("b.jpg", SECOND), ("cut.png", CUT)):
        (tmp_path / name).write_bytes(content)
    run = subprocess.run(
        [sys.executable, "-m", "tellapart", "guess", served, ".", "--json"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    said = {one["path"]: one for one in map(json.loads, run.stdout.splitlines())}
    names = [("a.png", FIRST), ("b.jpg", SECOND), ("cut.png", CUT)]
    sent = {"pictures": [{"name": name, "picture": b64(content)} for name, content in names]}
    answers = server.ask("/v1/guess", json.dumps(sent).encode(), headers=JSON).json
    assert answers == [said[name] for name, _ in names]


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_curl_sends_one_as_a_body_and_several_as_a_form(
    server: Running, expected: dict[bytes, Any], tmp_path: Path
) -> None:
    def curl(*arguments: str) -> Any:
        command = ["curl", "-s", f"{server.address}/v1/guess", *arguments]
        return json.loads(subprocess.run(command, cwd=tmp_path, stdout=-1, check=True).stdout)

    (tmp_path / "a.png").write_bytes(FIRST)
    (tmp_path / "b.jpg").write_bytes(SECOND)
    assert curl("--data-binary", "@a.png") == expected[FIRST]
    assert curl("-X", "POST", "-T", "a.png") == expected[FIRST]
    assert curl("--http2", "--data-binary", "@a.png") == expected[FIRST]
    assert curl("-H", "Transfer-Encoding: chunked", "--data-binary", "@a.png") == expected[FIRST]
    first, second = curl("-F", "p=@a.png", "-F", "p=@b.jpg;filename=../../etc/passwd")
    assert first == {**expected[FIRST], "path": "a.png"}
    assert second == {**expected[SECOND], "path": "../../etc/passwd"}  # a word, and no more


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
@pytest.mark.parametrize(("name", "status"), [("a.png", 415), ("b.jpg", 422)])
def test_a_picture_that_curl_took_for_text_is_told_what_to_type(
    server: Running, tmp_path: Path, name: str, status: int
) -> None:
    """`curl -d` leaves out ends of lines: a PNG's first bytes are then no PNG's, a JPEG is broken.
    It ends its line in a log of both, as an answer does."""
    (tmp_path / "a.png").write_bytes(FIRST)
    (tmp_path / "b.jpg").write_bytes(SECOND)
    command = ["curl", "-s", f"{server.address}/v1/guess", "-d", f"@{name}"]
    said = subprocess.run(command, cwd=tmp_path, stdout=-1, check=True).stdout
    told = json.loads(said)
    assert (told["status"], told["hint"][-26:]) == (status, "--data-binary @picture.jpg")
    assert said.endswith(b"}\n")
    assert said.count(b"\n") == 1


def test_every_refusal_says_what_to_do(server: Running) -> None:
    refusals = [
        server.ask("/v1/guess", CUT),
        server.ask("/v1/guess", b"words"),
        server.ask("/v1/guess", b"\xff\xd8\xff" + bytes(2**20)),
        server.ask("/v1/guess?evidence=maybe", FIRST),
        server.ask("/v1/guess?top=x", FIRST),
        server.ask("/v1/guess?admit=x", FIRST),
        server.ask("/v1/guess?tip=1", FIRST),
        server.ask("/v1/guess?top=1&top=2", FIRST),
        server.ask("/v1/guess", b"[]", headers=JSON),
        server.ask("/v1/guess", FIRST, headers={"Content-Type": "multipart/form-data"}),
        server.ask("/v1/guess", FIRST, headers={"Content-Encoding": "br"}),
        server.ask("/v1/guess", FIRST, headers={"Origin": "http://elsewhere"}),
        server.ask("/v1/guess", FIRST, headers={"Host": "elsewhere"}),
        server.ask("/v1/guess", FIRST, headers={"X": "x" * 40_000}),
        server.ask("/" + "x" * 10_000),
        server.ask("/v1/guess"),
        server.ask("/v1/models/villains"),
        server.ask("/v1/models/villains/guess", FIRST),
        server.ask("/nothing"),
        server.ask("/v2/models/heroes/infer", b"[]"),
        server.ask("/v2/models/heroes/infer", b"{}"),
        server.ask("/v2/models/heroes/infer", b"{}", headers={"Content-Encoding": "br"}),
    ]
    for answer in refusals:
        assert answer.status >= 400
        assert answer.json["hint"], answer.body
        detail = answer.json["detail"].removesuffix(".")
        assert answer.json["error"] == f"{detail}. {answer.json['hint']}"


@pytest.mark.parametrize("lead", ["", "data:image/png;base64,", "data:;base64,"])
def test_json_holds_one_picture_or_several(
    server: Running, expected: dict[bytes, Any], lead: str
) -> None:
    one = server.ask("/v1/guess", json.dumps({"picture": lead + b64(FIRST)}).encode(), headers=JSON)
    assert one.json == expected[FIRST]
    sent = {"pictures": [lead + b64(FIRST), {"name": "b.jpg", "picture": lead + b64(SECOND)}]}
    kind = {"Content-Type": "Application/JSON; charset=utf-8"}
    several = server.ask("/v1/guess", json.dumps(sent).encode(), headers=kind)
    assert several.json == [expected[FIRST], {**expected[SECOND], "path": "b.jpg"}]


def test_base64_may_be_broken_into_lines_and_large(server: Running) -> None:
    noisy = encoded(draw_scene(500, 400).effect_spread(40), "PNG")
    assert 300_000 < len(noisy) < 2**20 * 3 // 4
    lines = base64.encodebytes(noisy).decode()
    answer = server.ask("/v1/guess", json.dumps({"picture": lines}).encode(), headers=JSON)
    assert answer.json == server.ask("/v1/guess", noisy).json


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "not JSON"),
        (b"\xff\xd8\xff", 400, "not JSON"),
        (b'{"picture": "AAAA"', 400, "not JSON"),
        (b'{"picture": NaN}', 400, "base64"),
        (b'{"picture": 1}', 400, "base64"),
        (b'{"picture": "????"}', 400, "base64"),
        (b'{"picture": "A"}', 400, "base64"),
        (b'{"picture": "https://example.org/a.png"}', 400, "base64"),
        (b'{"picture": "file:///etc/passwd"}', 400, "base64"),
        (b'{"picture": "AAAA", "picture": "AAAA"}', 400, "not JSON"),
        (b'{"picture": "AAAA", "pictures": []}', 400, "one key"),
        (b'{"image": "AAAA"}', 400, "no pictures"),
        (b'{"pictures": []}', 400, "no pictures"),
        (b'{"pictures": [{"picture": "AAAA", "path": "/etc/passwd"}]}', 400, "pictures[0]"),
        (b'{"pictures": [{"name": "a.jpg"}]}', 400, "pictures[0]"),
        (b'{"pictures": [{"name": 1, "picture": "AAAA"}]}', 400, "pictures[0]"),
        (b'{"pictures": ["AAAA", "A"]}', 400, "pictures[1]"),
        (b'{"pictures": ["AAAA","AAAA","AAAA","AAAA","AAAA"]}', 413, "More than 4"),
        (b"[]", 400, "one key"),
        (b"7", 400, "one key"),
        (b"9" * 10_000, 400, "not JSON"),
        (b"[" * 500_000, 400, "more values"),
        (b"[" + b"{}," * 300_000 + b"{}]", 400, "more values"),
        (b'{"picture": "AAAA"}', 415, "not a picture"),
    ],
)
def test_other_json_is_refused(server: Running, body: bytes, status: int, word: str) -> None:
    refused(server.ask("/v1/guess", body, method="POST", headers=JSON), status, word)


def damaged_forms() -> Sequence[object]:
    whole, kind = form(('name="p"; filename="a.png"', FIRST))
    many, _ = form(*[('name="p"', FIRST)] * 5)
    lines, _ = form(*[(f'name="p"\r\nX-{"x" * 5000}: x', FIRST)])
    headers, _ = form(('name="p"\r\n' + "\r\n".join(f"X-{n}: x" for n in range(20)), FIRST))
    none = {"Content-Type": "multipart/form-data"}
    return [
        pytest.param(whole, none, 400, "boundary", id="no boundary"),
        pytest.param(whole[:-40], kind, 400, "too early", id="cut short"),
        pytest.param(b"", kind, 400, "too early", id="nothing"),
        pytest.param(b"--xxBOUNDARYxx--\r\n", kind, 400, "form", id="no part"),
        pytest.param(FIRST, kind, 400, "damaged", id="a picture"),
        pytest.param(many, kind, 413, "More than 4", id="too many"),
        pytest.param(lines, kind, 400, "damaged", id="long header"),
        pytest.param(headers, kind, 400, "damaged", id="many headers"),
        pytest.param(
            form(('name="p"', bytes(2**20)))[0], kind, 413, "larger than 1 MB", id="large"
        ),
        pytest.param(
            whole, {"Content-Type": f"multipart/form-data; boundary={'x' * 80}"}, 400, "boundary",
            id="long boundary",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "status", "word"), damaged_forms())
def test_a_damaged_form_is_refused(
    server: Running, body: bytes, kind: dict[str, str], status: int, word: str
) -> None:
    refused(server.ask("/v1/guess", body, method="POST", headers=kind), status, word)


def test_a_name_is_only_ever_said(server: Running) -> None:
    names = ["../../../etc/passwd", "/etc/passwd", "a\\b.png", "ä\u202e.png"]
    body, kind = form(*((f'name="p"; filename="{name}"', FIRST) for name in names))
    assert [one["path"] for one in server.ask("/v1/guess", body, headers=kind).json] == names


def test_a_fraction_is_admitted_as_on_the_command_line(server: Running, served: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tellapart", "guess", served, "-", "--json", "--admit", "95%"],
        input=FIRST,
        capture_output=True,
        check=True,
    )
    for query in (
        "admit=95%",
        "admit=95%25",
        "admit=0.95",
        "admit=95+%",
        "evidence=false&admit=.95",
    ):
        assert server.ask(f"/v1/guess?{query}", FIRST).body == run.stdout


def test_all_are_admitted_where_no_picture_is_to_be_unknown(server: Running) -> None:
    assert server.ask("/v1/guess", FIRST).json["unknown"]
    for query in ("admit=1", "admit=100%"):
        assert not server.ask(f"/v1/guess?{query}", FIRST).json["unknown"]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("top=0", "?top="),
        ("top=-1", "?top="),
        ("top=x", "?top="),
        ("top=", "?top="),
        ("top=1.5", "?top="),
        ("top=%D9%A3", "?top="),
        ("top=" + "9" * 5000, "?top="),
        ("top=1&top=2", "?top= is there twice"),
        ("evidence=1", "?evidence="),
        ("evidence", "?evidence="),
        ("evidence=true&evidence=true", "?evidence= is there twice"),
        ("admit=x", "?admit="),
        ("admit=nan", "?admit="),
        ("admit=-1", "?admit="),
        ("admit=101%", "?admit="),
        ("admit=", "?admit="),
        ("admit=0", "cannot admit"),
        ("Top=1", "no parameter Top"),
        ("path=/etc/passwd", "no parameter path"),
        ("%00=1", "no parameter \\x00"),
    ],
)
def test_a_query_that_cannot_be_is_told_so(server: Running, query: str, word: str) -> None:
    refused(server.ask(f"/v1/guess?{query}", FIRST), 400, word)
