"""What somebody else packed is unpacked below its folder, or not at all."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import flipped
from tellapart.dataset import archives
from tellapart.dataset.archives import is_archive, unpack
from tellapart.errors import ArchiveError, DestinationError

GOOD = {"photos/cat/a.jpg": b"first", "photos/dog/b.jpg": b"second", "photos/empty.txt": b""}
KINDS = ["a.zip", "a.ZIP", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"]


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".tgz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def pack(path: Path, members: dict[str, bytes]) -> Path:
    """An archive of the kind that its name says."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, content in members.items():
                opened.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return path
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as opened:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    compress = COMPRESSORS.get(path.suffix, bytes)
    path.write_bytes(compress(stream.getvalue()))
    return path


def pack_tar_member(path: Path, kind: bytes, target: str = "") -> Path:
    """A tar of one good file and one member of another kind."""
    with tarfile.open(path, "w:gz") as opened:
        good = tarfile.TarInfo("good.jpg")
        good.size = 4
        opened.addfile(good, io.BytesIO(b"good"))
        member = tarfile.TarInfo("strange")
        member.type, member.linkname = kind, target
        opened.addfile(member)
    return path


def pack_zip_link(path: Path, kind: int) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        member = zipfile.ZipInfo("strange")
        member.create_system = 3
        member.external_attr = (kind | 0o777) << 16
        opened.writestr(member, "/etc/passwd")
    return path


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """An empty folder to unpack into, deep enough that climbing out would be seen."""
    folder = tmp_path / "world" / "one" / "two"
    folder.mkdir(parents=True)
    return folder


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(archive: Path, inside: Path) -> str:
    """Why an archive is refused; fails where it is not, or where it wrote outside its folder."""
    with pytest.raises(ArchiveError) as caught:
        unpack(archive, inside)
    outside = {p for p in inside.parents[1].rglob("*") if not p.is_relative_to(inside)}
    assert outside == {inside.parent}
    assert not [path for path in inside.rglob("*") if path.is_symlink()]
    assert archive.name in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("name", KINDS)
def test_members_are_unpacked(name: str, tmp_path: Path, inside: Path) -> None:
    archive = pack(tmp_path / name, GOOD)
    assert is_archive(archive)
    unpack(archive, inside)
    assert files_below(inside) == GOOD


@pytest.mark.parametrize("name", ["a.csv", "a.jpg", "zip", "missing.zip"])
def test_other_files_are_no_archives(name: str, tmp_path: Path) -> None:
    if name != "missing.zip":
        (tmp_path / name).write_bytes(b"x")
    assert not is_archive(tmp_path / name)
    (tmp_path / "folder.zip").mkdir()
    assert not is_archive(tmp_path / "folder.zip")


@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize(
    ("name", "landing"),
    [
        ("./a.jpg", "a.jpg"),
        ("cat//a.jpg", "cat/a.jpg"),
        ("cat\\a.jpg", "cat/a.jpg"),
        ("a..b/..c.jpg", "a..b/..c.jpg"),
        ("\N{SNOWFLAKE}/x\ny.jpg", "\N{SNOWFLAKE}/x\ny.jpg"),
        ("../out.jpg", None),
        ("cat/../../out.jpg", None),
        ("cat/..", None),
        ("..\\out.jpg", None),
        ("cat\\..\\..\\out.jpg", None),
        ("/tmp/tellapart-out.jpg", None),
        ("//tellapart-out.jpg", None),
        ("//server/share/out.jpg", None),
        ("///tellapart-out.jpg", None),
        ("\\out.jpg", None),
        ("\\\\server\\share\\out.jpg", None),
        ("C:out.jpg", None),
        ("C:\\out.jpg", None),
        ("c:/out.jpg", None),
    ],
)
def test_names_stay_below_the_folder(
    kind: str, name: str, landing: str | None, tmp_path: Path, inside: Path
) -> None:
    archive = pack(tmp_path / kind, {name: b"here"})
    if landing is not None:
        unpack(archive, inside)
        assert files_below(inside) == {landing: b"here"}
    else:
        assert "a name that leads outside its folder" in refused(archive, inside)
        assert files_below(inside) == {}
    assert not Path("//tellapart-out.jpg").exists()


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "good.jpg"),
        (tarfile.LNKTYPE, "good.jpg"),
        (tarfile.LNKTYPE, "../../../etc/passwd"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_only_regular_members_of_a_tar(
    kind: bytes, target: str, tmp_path: Path, inside: Path
) -> None:
    archive = pack_tar_member(tmp_path / "a.tgz", kind, target)
    assert "holds strange, a link or a device" in refused(archive, inside)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_only_regular_members_of_a_zip(kind: int, tmp_path: Path, inside: Path) -> None:
    assert "holds strange" in refused(pack_zip_link(tmp_path / "a.zip", kind), inside)
    assert files_below(inside) == {}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.xz"])
def test_a_bomb_is_stopped_at_its_ratio(
    name: str, tmp_path: Path, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_FREE_OF_RATIO", 2**20)
    archive = pack(tmp_path / name, {"a.jpg": bytes(2**19), "b.jpg": bytes(2**26)})
    assert "more than 200 times its own size" in refused(archive, inside)
    assert sum(map(len, files_below(inside).values())) <= 2**20 + 200 * archive.stat().st_size


@pytest.mark.parametrize(("limit", "fits"), [(11, True), (10, False)])
def test_the_cap_on_bytes_is_on_all_members_together(
    limit: int, fits: bool, tmp_path: Path, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", limit)
    archive = pack(tmp_path / "a.zip", GOOD)
    if fits:
        unpack(archive, inside)
        assert files_below(inside) == GOOD
    else:
        assert "unpacks to more than" in refused(archive, inside)


@pytest.mark.parametrize(("limit", "fits"), [(3, True), (2, False)])
def test_the_cap_on_members(
    limit: int, fits: bool, tmp_path: Path, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", limit)
    archive = pack(tmp_path / "a.tar", GOOD)
    if fits:
        unpack(archive, inside)
    else:
        assert "more than 2 files" in refused(archive, inside)


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
def test_a_header_that_claims_gigabytes_is_never_read(
    suffix: str, tmp_path: Path, inside: Path
) -> None:
    member = tarfile.TarInfo("pax")
    member.type, member.size = tarfile.XHDTYPE, 2**26
    header = member.tobuf(tarfile.USTAR_FORMAT)
    content = header + b"30 comment=" + bytes(2**26) + bytes(1024)
    archive = tmp_path / f"a.tar{suffix}"
    archive.write_bytes(COMPRESSORS.get(suffix, bytes)(content))
    tracemalloc.start()
    try:
        assert "holds a header of more than 2 MB" in refused(archive, inside)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_long_names_are_no_bomb(tmp_path: Path, inside: Path) -> None:
    members = {"/".join(["f" * 200] * 10 + [f"{n}.jpg"]): b"x" for n in range(5)}
    unpack(pack(tmp_path / "a.tar.gz", members), inside)
    assert files_below(inside) == members


def encrypt(archive: Path) -> None:
    """Mark every member as encrypted, as a zip with a password is."""
    content = bytearray(archive.read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = -1
        while (place := content.find(mark, place + 1)) >= 0:
            content[place + at] |= 1
    archive.write_bytes(content)


def test_a_zip_with_a_password(tmp_path: Path, inside: Path) -> None:
    archive = pack(tmp_path / "a.zip", GOOD)
    encrypt(archive)
    assert "password" in refused(archive, inside)


NOISE = {f"photos/cat/{n}.jpg": os.urandom(3000) for n in range(20)}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_truncated_archive(name: str, share: float, tmp_path: Path, inside: Path) -> None:
    archive = pack(tmp_path / name, NOISE)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    assert "damaged" in refused(archive, inside)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_flipped_bytes_never_pass(name: str, tmp_path: Path, inside: Path) -> None:
    archive = pack(tmp_path / name, NOISE)
    content = archive.read_bytes()
    archive.write_bytes(flipped(content, len(content) // 2))
    refused(archive, inside)


@pytest.mark.parametrize("name", KINDS)
def test_what_only_has_the_name_of_an_archive(name: str, tmp_path: Path, inside: Path) -> None:
    archive = tmp_path / name
    archive.write_bytes(gzip.compress(b"not a tar") if "z" in name[2:] else b"<html>" * 100)
    assert "damaged" in refused(archive, inside)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_file_where_a_folder_is_needed(name: str, tmp_path: Path, inside: Path) -> None:
    archive = pack(tmp_path / name, {"cat": b"file", "cat/a.jpg": b"below it"})
    with pytest.raises(DestinationError, match="cannot be unpacked into"):
        unpack(archive, inside)
