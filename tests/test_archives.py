"""What somebody else packed is unpacked below its folder, or not at all."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import tracemalloc
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from conftest import draw_scene, encoded, flipped, mostly_slow
from tellapart.dataset import archives
from tellapart.dataset.archives import is_archive, unpack
from tellapart.dataset.encodings import ENCODINGS, decoded
from tellapart.dataset.sources import read_dataset
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


@pytest.mark.parametrize("name", mostly_slow(["a.zip", "a.tar.gz", "a.tar.xz"], 1))
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


@pytest.mark.slow
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


# Names that do not say their encoding


def raw_zip(
    path: Path,
    names: list[bytes],
    flag: int = 0,
    extra: bytes = b"",
    contents: dict[bytes, bytes] | None = None,
) -> Path:
    """A zip whose names are these bytes, as no module would write them."""
    body = directory = b""
    for number, name in enumerate(names):
        content = contents[name] if contents else b"picture %d" % number
        values = (20, flag, 0, 0, 0x5000, zlib.crc32(content), len(content), len(content))
        lengths = (len(name), len(extra))
        at = len(body)
        body += struct.pack("<4s5H3I2H", b"PK\3\4", *values, *lengths) + name + extra + content
        directory += (
            struct.pack("<4s6H3I5H2I", b"PK\1\2", 0x0314, *values, *lengths, 0, 0, 0, 0, at)
            + name
            + extra
        )
    count = len(names)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path


def raw_tar(path: Path, names: list[bytes]) -> Path:
    """A tar in the old format, whose names are these bytes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as opened:
        for number, name in enumerate(names):
            content = b"picture %d" % number
            member = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    path.write_bytes(stream.getvalue())
    return path


GERMAN = ["Gänseblümchen", "Löwenzahn", "Straße", "Öl"]
FRENCH = ["été", "forêt", "château", "Noël"]
SPANISH = ["niño", "árbol", "corazón"]
RUSSIAN = ["кошка", "собака", "Москва"]


@pytest.mark.parametrize(
    ("labels", "encoding"),
    [
        (GERMAN, "cp437"),
        (GERMAN, "cp850"),
        (GERMAN, "cp1252"),
        (GERMAN, "latin-1"),
        (FRENCH, "cp850"),
        (FRENCH, "cp1252"),
        (SPANISH, "cp850"),
        (SPANISH, "cp1252"),
        (["maçã", "avião", "coração"], "cp1252"),
        (["køer", "får", "Ålborg"], "cp850"),
        (RUSSIAN, "cp866"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (["żółw", "łódź", "źrebię"], "cp852"),
        (["kočka", "růže", "řeka"], "cp1250"),
        (["çiçek", "ağaç", "ışık"], "cp1254"),
        (["γάτα", "σκύλος", "λουλούδι"], "cp1253"),
        (["雪だるま", "ひまわり", "ソース", "表"], "cp932"),
        (["雪人", "向日葵", "蒲公英"], "gbk"),
        (["눈사람", "해바라기", "고양이"], "cp949"),
    ],
)
@pytest.mark.parametrize("packer", [raw_zip, raw_tar])
def test_names_without_an_encoding_are_read_and_said(
    labels: list[str],
    encoding: str,
    packer: Callable[[Path, list[bytes]], Path],
    tmp_path: Path,
    inside: Path,
) -> None:
    names = [f"photos/{label}/1.jpg" for label in labels] + ["photos/plain/1.jpg"]
    suffix = ".zip" if packer is raw_zip else ".tar"
    archive = packer(tmp_path / f"a{suffix}", [name.encode(encoding) for name in names])
    (note,) = unpack(archive, inside)
    assert sorted(files_below(inside)) == sorted(names)
    assert "do not say how their letters are encoded" in note
    assert all(label in note for label in labels)


@pytest.mark.parametrize("packer", [raw_zip, raw_tar])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("labels", [GERMAN, RUSSIAN, ["雪だるま"], ["猫", "🌸"]])
def test_utf8_needs_no_flag(
    labels: list[str],
    form: Literal["NFC", "NFD"],
    packer: Callable[[Path, list[bytes]], Path],
    tmp_path: Path,
    inside: Path,
) -> None:
    names = [unicodedata.normalize(form, f"{label}/1.jpg") for label in labels]
    suffix = ".zip" if packer is raw_zip else ".tar"
    archive = packer(tmp_path / f"a{suffix}", [name.encode() for name in names])
    assert unpack(archive, inside) == ()
    assert sorted(files_below(inside)) == sorted(names)


def unicode_path(raw: bytes, name: str) -> bytes:
    """Info-ZIP's field of a name in UTF-8, which counts for the name whose CRC it has."""
    field = b"\1" + struct.pack("<L", zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field


@pytest.mark.parametrize(("fits", "landing"), [(True, "猫.jpg"), (False, "é.jpg")])
def test_the_field_with_a_name_in_unicode(
    fits: bool, landing: str, tmp_path: Path, inside: Path
) -> None:
    raw = "é.jpg".encode("cp850")
    extra = b"\x99\x99\2\0ab" + unicode_path(raw if fits else b"other", "猫.jpg")
    notes = unpack(raw_zip(tmp_path / "a.zip", [raw], extra=extra), inside)
    assert list(files_below(inside)) == [landing]
    assert len(notes) == (not fits)


def test_names_said_to_be_utf8_that_are_not(tmp_path: Path, inside: Path) -> None:
    archive = raw_zip(tmp_path / "a.zip", [b"caf\xe9.jpg"], flag=0x800)
    assert "is damaged" in refused(archive, inside)


@pytest.mark.parametrize("packer", [raw_zip, raw_tar])
@pytest.mark.parametrize("name", [b"\xe9/../../a.jpg", b"/\xe9.jpg", b"..\\\xe9.jpg", b"C:\\\xe9"])
def test_names_in_any_encoding_stay_below_the_folder(
    name: bytes, packer: Callable[[Path, list[bytes]], Path], tmp_path: Path, inside: Path
) -> None:
    archive = packer(tmp_path / ("a.zip" if packer is raw_zip else "a.tar"), [name])
    assert "leads outside" in refused(archive, inside)


@pytest.mark.parametrize("packer", [raw_zip, raw_tar])
@pytest.mark.parametrize("name", [b"a.jpg", "é.jpg".encode("cp1252"), "é.jpg".encode()])
def test_a_name_that_is_there_twice(
    name: bytes, packer: Callable[[Path, list[bytes]], Path], tmp_path: Path, inside: Path
) -> None:
    archive = packer(tmp_path / ("a.zip" if packer is raw_zip else "a.tar"), [name, name])
    notes = unpack(archive, inside)
    assert list(files_below(inside).values()) == [b"picture 1"]
    assert "1 file more than once under the same name: the last one counts." in notes[-1]


@given(raws=st.lists(st.binary(min_size=1, max_size=12), max_size=5))
def test_any_bytes_are_some_text(raws: list[bytes]) -> None:
    names, encoding = decoded(raws)
    assert len(names) == len(raws)
    assert encoding in {"", "utf-8", *(row.name for row in ENCODINGS)}
    assert all(name.encode() for name in names)


def test_a_zip_of_such_names_trains_and_says_so(tmp_path: Path) -> None:
    names = [f"photos/{label}/{n}.png" for label in ("Gänse", "Öl") for n in range(3)]
    contents = {
        name.encode("cp1252"): encoded(draw_scene(64, 48, seed=seed))
        for seed, name in enumerate(names)
    }
    archive = raw_zip(tmp_path / "a.zip", list(contents), contents=contents)
    result = tellapart.train(archive, quality="fast", test=0)
    assert result.classifier.labels == ("Gänse", "Öl")
    assert any("They were read as cp1252" in note for note in result.notes)


def test_a_tar_that_ends_before_its_time_is_not_taken_for_a_smaller_one(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as opened:
        for name in ("a/1.jpg", "b/1.jpg", "b/2.jpg"):
            member = tarfile.TarInfo(name)
            member.size = 512
            opened.addfile(member, io.BytesIO(bytes(range(256)) * 2))
    content = archive.read_bytes()
    for other in (content[: 4 * 512 + 100], content[: 4 * 512] + b"x" * 512):
        archive.write_bytes(other)
        with pytest.raises(ArchiveError, match="is damaged"):
            read_dataset(archive)
