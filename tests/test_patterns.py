"""What patterns stand for is what Python's `glob` says, in order, however many files that are."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.dataset import listing
from tellapart.dataset.given import expand
from tellapart.dataset.listing import ordered
from tellapart.dataset.stored.patterns import matching, names_meant

FILES = (
    *(f"a/{number}.jpg" for number in range(30)),
    "a-b/1.jpg",
    "a/B.JPG",
    "a/.hidden.jpg",
    "a/.dark/1.jpg",
    "a/below/[1].jpg",
    "a/below/deep/\u00e9\udcff.jpg" if os.name == "posix" else "a/below/deep/\u00e9.jpg",
    "one.jpg",
    "ab.txt",
)
PARTS = st.text("ab-*?[1].!", min_size=1, max_size=4) | st.sampled_from(
    ["*", "**", "*.jpg", ".*", ".", "..", "", "[ab]*", "below", "a"]
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


@pytest.fixture(autouse=True, scope="module")
def few_at_once() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_AT_ONCE", 3)
        yield


@given(parts=st.lists(PARTS, min_size=1, max_size=4))
def test_a_pattern_means_what_glob_says(tree: Path, parts: list[str]) -> None:
    pattern = os.path.join(tree, *filter(None, parts))
    if glob.has_magic(pattern):
        assert [*matching(pattern)] == sorted(glob.iglob(pattern, recursive=True))


def test_a_pattern_in_the_folder_one_is_in(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    for pattern in (
        "*",
        "*.jpg",
        "*/*.jpg",
        "**/*.jpg",
        "**/**/*.jpg",
        "**",
        ".*",
        "a*/",
        "nowhere/*",
    ):
        assert [*matching(pattern)] == sorted(glob.iglob(pattern, recursive=True)), pattern


def test_braces_come_in_their_order_and_each_pattern_in_that_of_names(tree: Path) -> None:
    given_ = os.path.join(tree, "{a-b,a,b}", "1*.jpg")
    found = [os.path.relpath(name, tree) for name in names_meant(given_)]
    assert found[:3] == [os.path.join(*way) for way in (("a-b", "1.jpg"), ("a", "1.jpg"))] + [
        os.path.join("a", "10.jpg")
    ]


def test_pictures_that_a_pattern_means_are_given_in_order(tree: Path) -> None:
    pattern = os.path.join(tree, "a", "*")
    files = [name for name in sorted(glob.glob(pattern)) if os.path.isfile(name)]
    assert [*expand([pattern], follow_links=False)] == files


@given(texts=st.lists(st.text(st.characters(exclude_characters="\0"), max_size=3), max_size=40))
def test_texts_are_ordered_as_sorted_orders_them(texts: list[str]) -> None:
    assert [*ordered(texts)] == sorted(texts)
