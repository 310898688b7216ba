"""A folder and a bucket hold named files alike: each whole or not there, and answers go to both."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tellapart
from conftest import mostly_slow
from drawn import contents, model_of, run
from s3_server import new_bucket, s3_server
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DestinationError
from tellapart.files.destinations import Destination, destination_at

MARK = "_SUCCESS"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server that speaks S3, with a bucket called `bucket`; its address."""
    with s3_server() as address:
        new_bucket("bucket")
        yield address


PLACES = mostly_slow(["folder", "file", "memory", "s3"], 3)


@pytest.fixture(params=PLACES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place where nothing is yet."""
    if request.param == "s3":
        request.getfixturevalue("server")
        return f"s3://bucket/{tmp_path.name}/out"
    if request.param == "memory":
        pytest.importorskip("fsspec")
    places = {
        "folder": str(tmp_path / "out"),
        "file": f"file://{tmp_path.as_posix()}/out",
        "memory": f"memory://{tmp_path.name}/out",
    }
    return places[str(request.param)]


def test_every_place_holds_files_by_their_names(address: str) -> None:
    place: Destination = destination_at(address)
    assert (place.names(), place.read("a"), place.size("a")) == ([], None, None)
    place.write("a", b"one")
    place.write("b/c", b"two")
    other = pickle.loads(pickle.dumps(destination_at(address)))  # as somebody elsewhere sees it
    assert (other.names(), other.read("a"), other.read("b/c")) == (["a", "b"], b"one", b"two")
    place.write("a", b"another")
    assert (other.read("a"), other.size("a")) == (b"another", 7)
    other.remove("a")
    other.remove("a")
    assert (place.names(), place.read("a"), place.size("a")) == (["b"], None, None)


def test_answers_are_the_same_wherever_they_are_written(
    address: str, heroes: DemoPictures, tmp_path: Path
) -> None:
    classifier = tellapart.load(model_of(heroes))
    pictures = sorted(heroes.inbox.iterdir())[:6]
    classifier.predict_to(pictures, tmp_path / "local", per_part=4)
    expected = contents(tmp_path / "local")
    written = classifier.predict_to(pictures, address, per_part=4)
    place = destination_at(address)
    assert written.destination == place.name
    assert {name: place.read(name) for name in expected} == expected
    place.remove("part-00001.csv")
    place.remove(MARK)
    assert classifier.predict_to(pictures, address, per_part=4).already_done == 4
    assert {name: place.read(name) for name in expected} == expected
    with pytest.raises(DestinationError, match="as csv, and now json is asked for"):
        classifier.predict_to(pictures, address, form="json", per_part=4)


def test_a_place_that_renames_shows_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no store of objects gets a file under another name first."""
    memory = pytest.importorskip("fsspec.implementations.memory")
    system = memory.MemoryFileSystem
    monkeypatch.setattr(system, "protocol", "ftp")
    moved: list[tuple[str, str]] = []
    move = system.mv

    def mv(self: object, before: str, after: str) -> None:
        moved.append((before, after))
        move(self, before, after)

    monkeypatch.setattr(system, "mv", mv)
    place = destination_at(f"memory://{tmp_path.name}")
    place.write("a", b"one")
    assert place.read("a") == b"one"
    ((before, after),) = moved
    assert before != after
    assert place.names() == ["a"]


@pytest.mark.slow
def test_guess_writes_into_a_bucket(server: str, heroes: DemoPictures, tmp_path: Path) -> None:
    asked = ["guess", str(model_of(heroes)), str(heroes.inbox), "--to", "s3://bucket/answers"]
    found = run(*asked, "--per-part", "5")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith("13 answers in 3 parts, in s3://bucket/answers (1 of them")
    names = destination_at("s3://bucket/answers").names()
    assert names == [MARK, "_parts", "_request.json", *(f"part-0000{n}.csv" for n in range(3))]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://no-such-bucket/out", "s3://no-such-bucket/out cannot be written: "),
        ("nonsense://a/b", "nonsense:// is not known."),
        ("ftp://127.0.0.1:1/out", "ftp://127.0.0.1:1/out cannot be reached: "),
    ],
)
@pytest.mark.usefixtures("server")
def test_a_place_that_cannot_be_had_is_said_in_a_sentence(address: str, said: str) -> None:
    with pytest.raises(DestinationError) as caught:
        destination_at(address).write("a", b"one")
    assert said in caught.value.message
    assert caught.value.message.endswith(".")


def test_only_an_address_needs_what_knows_addresses(tmp_path: Path) -> None:
    destination_at(tmp_path).write("a", b"one")
    script = f"""
import sys
import tellapart.model.answers.writing
from tellapart.files import addresses
from tellapart.files.destinations import destination_at
destination_at({str(tmp_path / "b")!r}).write("a", b"one")
print({{"fsspec", "pyarrow"}} & set(sys.modules))
"""
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout == "set()\n"
