"""Pictures in a column of a Parquet file, as Hugging Face writes it or anyone else."""

from __future__ import annotations

import base64
import json
import pickle
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption
import pytest

import tellapart
from conftest import draw_scene, encoded
from tellapart.dataset.sources import read_dataset
from tellapart.dataset.stored import parquet_cells
from tellapart.dataset.stored.members import members
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DatasetError, PictureError
from tellapart.images.decode import Stored, read_picture
from test_tar_shards import known

PICTURE = encoded(draw_scene())
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(
    path: Path, columns: Mapping[str, Any], labels: Sequence[str] = (), rows: int = 1000
) -> Path:
    """A Parquet file; a column called image that holds mappings is written as Hugging Face's, and
    `labels` are the names of the numbers in the column called label."""
    table = pa.table(
        {
            name: pa.array(values, STRUCT)
            if isinstance(values[0], dict)
            else (values if isinstance(values, pa.Array) else pa.array(list(values)))
            for name, values in columns.items()
        }
    )
    if labels:
        label: dict[str, object] = {"names": list(labels), "_type": "ClassLabel"}
        if isinstance(columns["label"][0], list):
            label = {"feature": label, "_type": "List"}
        features = {"image": {"_type": "Image"}, "label": label}
        said = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": said})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=rows, write_batch_size=16)  # small pages
    return path


def test_a_table_teaches_the_model_that_files_teach(heroes: DemoPictures, tmp_path: Path) -> None:
    files = sorted(path for path in heroes.photos.rglob("*.*") if path.is_file())
    labels = sorted({path.parent.name for path in files})
    for number in range(2):
        part = files[number::2][::-1]
        columns = {
            "image": [
                {"bytes": path.read_bytes(), "path": path.relative_to(heroes.photos).as_posix()}
                for path in part
            ],
            "label": [labels.index(path.parent.name) for path in part],
        }
        write(tmp_path / f"train-{number:05d}-of-00002.parquet", columns, labels, rows=7)
    pattern = str(tmp_path / "train-*.parquet")
    assert known(read_dataset(pattern)) == known(read_dataset(heroes.photos))
    ours = tellapart.train(heroes.photos, quality="fast").classifier
    theirs = tellapart.train(pattern, quality="fast").classifier
    assert theirs.digest == ours.digest
    read = [one.content() for one in members(str(tmp_path / "train-00000-of-00002.parquet"))]
    assert read == [path.read_bytes() for path in files[::2][::-1]]


@pytest.mark.parametrize(
    ("columns", "labels", "expected"),
    [
        ({"image": [PICTURE] * 2, "label": ["a", "b"]}, (), ["a", "b"]),
        ({"content": [PICTURE] * 2, "class": [0, 1]}, (), ["0", "1"]),
        ({"image": [{"bytes": PICTURE, "path": None}] * 2, "label": [1, 0]}, "xy", ["y", "x"]),
        ({"img": [PICTURE] * 2, "Labels": [["a"], ["b"]]}, (), ["a", "b"]),
        ({"path": ["pics/1.png", "pics/2.png"], "label": ["a", "b"]}, (), ["a", "b"]),
        (
            {"image": [{"bytes": None, "path": "pics/1.png"}] * 2, "label": ["a", "b"]},
            (),
            ["a", "b"],
        ),
        ({"image": [{"bytes": PICTURE, "path": f"{n}/1.png"} for n in "ab"]}, (), ["a", "b"]),
        ({"image": pa.array([PICTURE] * 2, pa.binary_view()), "label": [1, 0]}, "xy", ["y", "x"]),
        ({"image": [PICTURE] * 2, "label": [[1], [0]]}, "xy", ["y", "x"]),
    ],
)
def test_columns_are_known_by_what_they_hold(
    columns: Mapping[str, Any], labels: Sequence[str], expected: Sequence[str], tmp_path: Path
) -> None:
    (tmp_path / "pics").mkdir()
    for number in "12":
        (tmp_path / "pics" / f"{number}.png").write_bytes(PICTURE)
    dataset = read_dataset(write(tmp_path / "a.parquet", columns, labels))
    assert [item.label for item in sorted(dataset.items, key=lambda i: i.path.stamp())] == expected  # type: ignore[union-attr]
    for item in dataset.items:
        assert isinstance(item.path, Stored)
        assert np.array_equal(read_picture(item.path), read_picture(PICTURE))


def test_splits_and_groups_are_columns_or_the_names_of_files(tmp_path: Path) -> None:
    columns = {
        "image": [PICTURE] * 4,
        "label": ["a", "a", "b", "b"],
        "split": ["train", "test"] * 2,
        "group": ["g", None, None, "h"],
    }
    dataset = read_dataset(write(tmp_path / "one.parquet", columns))
    assert [(i.name, i.split, i.group) for i in dataset.items] == [
        ("one.parquet/0", "train", "g"),
        ("one.parquet/1", "test", None),
        ("one.parquet/2", "train", None),
        ("one.parquet/3", "test", "h"),
    ]
    assert dataset.parts == (
        ("train", "what is marked train"),
        ("test", "what is marked test"),
    )
    for part in ("train", "test"):
        rows = {"image": [PICTURE] * 2, "label": ["a", "b"]}
        write(tmp_path / "hf" / f"{part}-00000-of-00001.parquet", rows)
    dataset = read_dataset(str(tmp_path / "hf" / "*.parquet"))
    assert [(i.name, i.split) for i in dataset.items[:2]] == [
        ("test-00000-of-00001.parquet/0", "test"),
        ("test-00000-of-00001.parquet/1", "test"),
    ]


def test_rows_without_a_label_or_a_picture_are_told(tmp_path: Path) -> None:
    columns = {
        "image": [PICTURE] * 4 + [None],
        "label": [0, None, -1, -2, 1],
    }
    dataset = read_dataset(write(tmp_path / "a.parquet", columns, "xy"))
    assert [(one.name.rpartition("/")[2], one.reason) for one in dataset.skipped] == [
        ("1", "has no label"),
        ("2", "has no label"),
        ("3", "has the label -2, and there are names for 2"),
    ]
    with pytest.raises(PictureError, match="an empty cell"):
        read_picture(dataset.items[-1].path)
    torn = {"image": [PICTURE] * 2, "labels": [["a", "b"], []]}
    with pytest.raises(DatasetError, match=r"2 files were passed over.*has 2 labels"):
        read_dataset(write(tmp_path / "b.parquet", torn))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"caption": ["x"], "width": [3]}, "no column of pictures; its columns are: caption"),
        ({"image": [PICTURE], "width": [3]}, "no column says its label; the columns are image, wi"),
        ({"image": [PICTURE], "label": ["a"], "split": ["mine"]}, "row 0, has the split 'mine'"),
    ],
)
def test_what_is_missing_is_said_with_the_columns_there_are(
    columns: Mapping[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=words):
        read_dataset(write(tmp_path / "a.parquet", columns))


def test_a_file_that_is_none_or_changes_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DatasetError, match="is damaged, or no Parquet file"):
        list(members(str(path)))
    write(path, {"image": [PICTURE]})
    (one,) = members(str(path))
    write(path, {"image": [PICTURE, PICTURE]})
    with pytest.raises(PictureError, match="was changed while it was in use"):
        pickle.loads(pickle.dumps(one)).content()


def test_an_address_in_a_cell_is_not_asked_for(tmp_path: Path) -> None:
    (one,) = members(str(write(tmp_path / "a.parquet", {"image": ["https://example.org/1.jpg"]})))
    with pytest.raises(PictureError, match="nothing is fetched because a table names it"):
        one.content()


def test_a_large_row_group_is_read_through_a_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any order, by any thread, and never whole."""
    for name, size in (("_WHOLE", 2**20), ("_WINDOW", 2**20), ("_READ", 2**18)):
        monkeypatch.setattr(parquet_cells, name, size)
    lot = np.random.default_rng(0)
    contents = [lot.bytes(80_000 + n) for n in range(400)]  # 32 MB
    path = write(tmp_path / "a.parquet", {"image": contents}, rows=400)
    cells = list(members(str(path)))
    before = most = pa.total_allocated_bytes()
    for cell, content in zip(cells, contents, strict=True):
        assert cell.content() == content
        most = max(most, pa.total_allocated_bytes())
    assert most - before < 12 * 2**20
    order = lot.permutation(400)[:12]
    assert [cells[at].content() for at in order] == [contents[at] for at in order]
    found: dict[int, bytes] = {}

    def read(thread: int) -> None:
        found.update({at: cells[at].content() for at in range(thread, 400, 4)})

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [found[at] for at in range(400)] == contents


def test_row_groups_are_not_kept_for_ever(tmp_path: Path) -> None:
    lot = np.random.default_rng(0)
    contents = [lot.bytes(2**16) for _ in range(128)]  # 8 MB in all
    path = write(tmp_path / "a.parquet", {"image": contents}, rows=4)
    before = pa.total_allocated_bytes()
    most = 0
    for one, content in zip(members(str(path)), contents, strict=True):
        assert one.content() == content
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 3 * 2**20


class Keys(encryption.KmsClient):  # type: ignore[misc]
    """Whoever keeps keys; the test needs no secret."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return base64.b64encode(key_bytes)


@pytest.mark.parametrize("plaintext_footer", [True, False])
def test_an_encrypted_table_is_refused_in_a_sentence(
    plaintext_footer: bool, tmp_path: Path
) -> None:
    """pyarrow ends the process if it is asked where such a column lies."""
    asked = encryption.EncryptionConfiguration(
        footer_key="k", column_keys={"c": ["image"]}, plaintext_footer=plaintext_footer
    )
    with_keys = encryption.CryptoFactory(lambda given: Keys())
    properties = with_keys.file_encryption_properties(encryption.KmsConnectionConfig(), asked)
    table = pa.table({"image": [PICTURE] * 2, "label": ["a", "b"]})
    path = tmp_path / "a.parquet"
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    with pytest.raises(DatasetError, match=r"cannot be read: it is encrypted\.") as caught:
        read_dataset(path)
    assert "Write it anew" in str(caught.value.hint)
