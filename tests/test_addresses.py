"""Pictures at an address: in a bucket of an S3 server of our own, and where fsspec keeps memory."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import fsspec
import pytest
from botocore.exceptions import EndpointConnectionError

import tellapart
from conftest import draw_scene, encoded
from drawn import run_here
from s3_server import forget_servers, s3_server
from tellapart.dataset.given import expand
from tellapart.dataset.sources import SkippedFile, read_dataset
from tellapart.dataset.stored.members import members
from tellapart.demo.walk import DemoPictures
from tellapart.errors import (
    ArchiveError,
    DatasetError,
    DestinationError,
    MissingExtraError,
    PictureError,
    UsageError,
)
from tellapart.files import addresses
from tellapart.files.destinations import destination_at
from tellapart.images.decode import Stored, read_picture
from tellapart.workers import deadlines
from test_parquet import write
from test_tar_shards import known, pack

PICTURE = encoded(draw_scene())


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client of an S3 server in this process."""
    with s3_server(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "_WAITS", (0.01, 0.01))
        yield boto3.client("s3")


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("_", "-").replace("[", "-").strip("]")[-60:]
    s3.create_bucket(Bucket=name)
    return str(name)


@pytest.fixture
def put(s3: Any, bucket: str) -> Callable[[str, bytes], None]:
    def put(key: str, content: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=content)

    return put


def test_a_bucket_teaches_the_model_that_files_teach(
    heroes: DemoPictures, bucket: str, put: Callable[[str, bytes], None], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    for path in [path for path in heroes.photos.rglob("0[01]*.*") if int(path.stem) % 2]:
        name = path.relative_to(heroes.photos)
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(path.read_bytes())
        put(f"2026/photos/{name.as_posix()}", path.read_bytes())
    put("2026/photos/notes.txt", b"none")
    put("2026/photos/.hidden/1.png", PICTURE)
    source = f"s3://{bucket}/2026/photos"
    dataset = read_dataset(source)
    assert known(dataset) == known(read_dataset(photos))
    assert [one.reason for one in dataset.skipped] == ["not a picture (.txt)"]
    assert dataset.place == dataset.called == source
    ours = tellapart.train(photos, quality="fast").classifier
    result = tellapart.train(source, quality="fast")
    assert result.classifier.digest == ours.digest
    folder = result.save(tmp_path / "model")
    command = result.classifier.required_record().run.command
    assert command.startswith(f"tellapart train {source} ")
    private = result.save(tmp_path / "private", private=True)
    assert not any(b"s3:/" in path.read_bytes() for path in private.iterdir())
    tested = run_here("test", folder, source, "--json")
    assert tested.code == 0
    assert tested.json()["accuracy"] > 0.9


@pytest.mark.slow
def test_objects_tars_and_tables_in_a_bucket_are_read_alike(
    bucket: str, put: Callable[[str, bytes], None], tmp_path: Path
) -> None:
    labelled = {f"{label}/{n}.png": PICTURE + bytes([n]) for n in range(3) for label in "ab"}
    for name, content in labelled.items():
        put(f"loose/{name}", content)
    put("tars/d-0.tar", pack(tmp_path / "d-0.tar", labelled).read_bytes())
    rows = {
        "image": [{"bytes": content, "path": name} for name, content in labelled.items()],
        "label": [name[0] for name in labelled],
    }
    put("tables/t.parquet", write(tmp_path / "t.parquet", rows).read_bytes())
    expected = sorted((name, name[0], content) for name, content in labelled.items())
    for source in ("loose", "loose/*/*.png", "tars/d-{0..0}.tar", "tars", "tables/", "tables/*"):
        place = f"s3://{bucket}/{source}"
        found = list(members(place))
        assert sorted(one.content() for one in found) == sorted(labelled.values())
        assert all(one.name.startswith(f"s3://{bucket}/") for one in found)
        assert pickle.loads(pickle.dumps(found[0])).content() == found[0].content()
        assert [one.stamp() for one in found] == [one.stamp() for one in members(place)]
        if "png" not in source:
            items = read_dataset(place).items
            assert [
                (item.name, item.label, item.path.content())
                for item in items
                if isinstance(item.path, Stored)
            ] == expected


def test_an_object_may_be_called_as_a_pattern_is(
    bucket: str, put: Callable[[str, bytes], None], tmp_path: Path
) -> None:
    names = [
        "a b.png",
        "a#b.png",
        "a [3].png",
        "a*.png",
        "a{x,y}.png",
        "what?.png",
        "e\u0301%25.png",
    ]
    for at, name in enumerate(names):
        put(f"odd/{name}", PICTURE + bytes([at]))
    places = [f"s3://{bucket}/odd/{name}" for name in names]
    assert sorted(one.name for one in members(f"s3://{bucket}/odd/")) == sorted(places)
    (tmp_path / "list").write_text("\n".join(places))
    found = list(expand([], follow_links=False, lists=[str(tmp_path / "list")]))
    assert [one.content()[-1] for one in found if isinstance(one, Stored)] == [*range(len(names))]


def test_a_long_prefix_comes_page_by_page(
    bucket: str, put: Callable[[str, bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tellapart.dataset.stored.addresses._PAGE", 3)
    names = [f"{n:02d}.png" for n in range(8)]
    for name in [*names, "other.png"]:
        put(f"many/{name}" if name in names else name, PICTURE)
    found = members(f"s3://{bucket}/many/")
    assert [one.name for one in found] == [f"s3://{bucket}/many/{name}" for name in names]


def test_what_was_deleted_or_changed_meanwhile_is_told(
    s3: Any, bucket: str, put: Callable[[str, bytes], None]
) -> None:
    for name in "ab":
        put(f"{name}.png", PICTURE)
    gone, changed = members(f"s3://{bucket}/")
    s3.delete_object(Bucket=bucket, Key="a.png")
    put("b.png", PICTURE * 2)
    with pytest.raises(PictureError, match="is not there any more") as caught:
        read_picture(gone)
    assert str(caught.value) == f"s3://{bucket}/a.png: is not there any more"
    with pytest.raises(PictureError, match="was changed while it was in use"):
        changed.content()


def test_places_that_are_none_say_so(
    bucket: str, put: Callable[[str, bytes], None], tmp_path: Path
) -> None:
    put("notes.txt", b"none")
    put("broken.tar", b"no tar " * 200)
    put("packed/a.tar.gz", b"\x1f\x8b\x08")
    put("table/labels.csv", b"path,label")
    for source in (f"s3://{bucket}/empty/", "s3://no-such-bucket-of-ours/"):
        with pytest.raises(DatasetError, match="holds nothing, or is not there"):
            read_dataset(source)
    with pytest.raises(DatasetError, match=r"broken\.tar is damaged, or no tar"):
        list(members(f"s3://{bucket}/broken.tar"))
    with pytest.raises(UsageError, match=r"no pictures in it.*notes\.txt"):
        list(members(f"s3://{bucket}/notes.txt"))
    with pytest.raises(ArchiveError, match=r"a\.tar\.gz is compressed, so"):
        list(members(f"s3://{bucket}/packed/"))
    with pytest.raises(UsageError, match=r"labels\.csv \(a table, which is read only as a file on"):
        list(members(f"s3://{bucket}/table/"))
    with pytest.raises(UsageError, match="is no address that can be read"):
        list(members("nowhere://at/all"))
    for nowhere in ("s3://", "s3:///photos/"):
        with pytest.raises(DatasetError, match="cannot be read: it names no bucket"):
            list(members(nowhere))
        with pytest.raises(DestinationError, match="cannot be reached: it names no bucket"):
            destination_at(nowhere)
    run = run_here("train", f"s3://{bucket}/empty/", "-o", tmp_path / "m")
    assert run.code == 2
    assert f"s3://{bucket}/empty/ holds nothing" in run.err


def test_a_bucket_that_is_not_there_is_told_where_one_writes(s3: Any) -> None:
    with pytest.raises(DestinationError, match="cannot be written: there is no such bucket"):
        destination_at("s3://no-such-bucket-of-ours/answers").write("a", b"content")


def test_commands_that_need_files_say_so(s3: Any, served: Path, tmp_path: Path) -> None:
    tar = pack(tmp_path / "in" / "photos.tar", {"a/1.png": PICTURE, "b/1.png": PICTURE})
    commands: tuple[tuple[str | Path, ...], ...] = (
        ("sort", served, "s3://photos/inbox/", tmp_path / "sorted"),
        ("piles", "s3://photos/heap/", "-o", tmp_path / "piles"),
        ("suggest", served, "s3://photos/heap/"),
        ("split", "s3://photos/", tmp_path / "parts"),
        ("explain", served, "s3://photos/1.jpg"),
        ("fix", "s3://photos/", "a/1.png", "--drop"),
    )
    for command in commands:
        run = run_here(*command)
        assert run.code == 2
        assert "is an address, and this needs files on a disk" in run.err
    commands = (
        ("sort", served, tar, tmp_path / "sorted"),
        ("sort", served, tar.parent / "p*.tar", tmp_path / "sorted"),
        ("watch", served, tar, tmp_path / "sorted"),
        ("piles", tar.parent, "-o", tmp_path / "piles"),
        ("suggest", served, tar),
        ("suggest", served, tar.parent / "photos.{tar,tar}"),
        ("explain", served, tar),
        ("explain", served, "--follow-links", tar.parent / "p*.tar"),
        ("split", tar, tmp_path / "parts"),
        ("studio", tar.parent),
    )
    for command in commands:
        run = run_here(*command)
        assert run.code == 2
        assert "a file for each picture" in run.err
    assert not (tmp_path / "sorted").exists()
    with pytest.raises(UsageError, match="s3://photos/ is an address"):
        tellapart.decide("s3://photos/", "a/1.png", drop=True)


def test_what_the_credentials_do_not_allow_is_said(
    bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(addresses, "_opened", {})
    forget_servers()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(DatasetError, match=r"no credentials were found.*FSSPEC_S3_ANON=true"):
        read_dataset(f"s3://{bucket}/")
    forget_servers()


@pytest.mark.slow
def test_a_public_bucket_is_read_without_credentials(s3: Any, bucket: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="1.png", Body=PICTURE, ACL="public-read")
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    script = (
        "from tellapart.dataset.stored.members import members\n"
        f"print(*(len(one.content()) for one in members('s3://{bucket}/')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**kept, "HOME": str(tmp_path), "FSSPEC_S3_ANON": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip() == str(len(PICTURE)), run.stderr


def test_what_passes_is_waited_for_and_what_does_not_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "_WAITS", (0.0, 0.0))
    system = fsspec.filesystem("memory")
    system.pipe("/w/a.png", PICTURE)
    (one,) = members("memory://w/")
    left = [OSError("503 Slow Down"), TimeoutError("later")]
    real = type(system).cat_file

    def cat_file(self: Any, path: str, **more: Any) -> bytes:
        if left:
            raise left.pop()
        return bytes(real(self, path, **more))

    monkeypatch.setattr(type(system), "cat_file", cat_file)
    assert one.content() == PICTURE
    left += [OSError("503 Slow Down")] * 3
    with pytest.raises(PictureError, match="503 Slow Down") as caught:
        one.content()
    assert caught.value.may_pass
    left[:] = [PermissionError("Forbidden"), OSError("not asked again")]
    left.reverse()
    with pytest.raises(PictureError, match="access denied"):
        one.content()
    assert len(left) == 1


def test_a_server_that_cannot_be_reached_is_not_asked_by_us_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "_WAITS", (0.0, 0.0))
    monkeypatch.setattr(deadlines, "PATIENCE", 0.2)
    asked = []

    def refused() -> None:  # botocore, which has asked five times
        asked.append("refused")
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9/photos")

    def silent() -> None:
        asked.append("silent")
        time.sleep(0.5)

    with pytest.raises(OSError, match=r"127\.0\.0\.1:9 cannot be reached"):
        addresses.asked("s3://photos/", refused)
    with pytest.raises(OSError, match=r"did not answer within 0\.2 seconds"):
        addresses.asked("s3://photos/", silent)
    assert asked == ["refused", "silent"]


def test_a_damaged_shard_does_not_stop_the_others(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for number in range(2):
        contents = {f"{label}/{number}.png": PICTURE for label in "ab"}
        system.pipe(f"/s/d-{number}.tar", pack(tmp_path / "d.tar", contents).read_bytes())
    system.pipe("/s/d-2.tar", b"nothing " * 100)
    skipped: list[SkippedFile] = []
    assert len(list(members("memory://s/d-*.tar", skipped))) == 4
    assert "damaged, or no tar" in skipped[-1].reason


def test_large_files_come_in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(addresses, "_PART", 100)
    system = fsspec.filesystem("memory")
    system.pipe("/p/a.png", PICTURE)
    system.pipe("/p/b.tar", pack(tmp_path / "b.tar", {"1.png": PICTURE}).read_bytes())
    assert [one.content() for one in members("memory://p/")] == [PICTURE] * 2


def test_without_an_address_fsspec_is_not_imported(tmp_path: Path) -> None:
    for label in "ab":
        for number in range(3):
            place = tmp_path / "photos" / label / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            draw_scene(seed=number).save(place)
    script = (
        "import sys; from tellapart.dataset.sources import read_dataset\n"
        "from tellapart.dataset.given import expand\n"
        f"read_dataset({str(tmp_path / 'photos')!r})\n"
        f"list(expand([{str(tmp_path)!r}], follow_links=False))\n"
        "print(*(n for n in ('fsspec', 's3fs', 'pyarrow', 'aiohttp') if n in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_opened", {})
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"tellapart\[cloud\]"):
        read_dataset("s3://bucket/photos/")
