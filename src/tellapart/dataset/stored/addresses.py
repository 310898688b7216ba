"""What an address means -> files in it, in a stable order: one object, those that a pattern means,
or all below a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ...errors import DatasetError
from ...files.addresses import RemoteFile, asked, filesystem, is_for_now, version_of
from ...text import shown
from .patterns import is_pattern, unbraced

_PAGE = 1000  # objects that S3 tells at a time


def files_at(address: str) -> Iterator[tuple[RemoteFile, str]]:
    """The files that an address means, each with its name from there on; of one file, its own.

    Raises:
        DatasetError: nothing is there, or it cannot be read.
    """
    try:
        empty = True
        for found in _files(address):
            empty = False
            yield found
    except FileNotFoundError:
        pass
    except OSError as error:
        raise DatasetError(
            f"{shown(address)} cannot be read: {error.strerror}.", may_pass=is_for_now(error)
        ) from error
    if empty:
        raise DatasetError(
            f"{shown(address)} holds nothing, or is not there.",
            hint="An address is that of an object, or of a bucket or a folder in it, such as "
            "s3://photos/2026/; a pattern means objects, such as s3://photos/2026-*.tar.",
        )


def _files(address: str) -> Iterator[tuple[RemoteFile, str]]:
    system, path = filesystem(address)
    scheme = address.partition("://")[0].lower()
    web = scheme in ("http", "https")
    if not address.endswith("/"):  # an object may be called as a pattern is: it comes first
        try:
            info = asked(address, lambda: system.info(path))
        except FileNotFoundError as error:
            if web:
                raise OSError(None, "nothing is there: the server answers with 404") from error
            info = {}
        if info.get("type") == "file":
            yield _file(scheme, info), path.rpartition("/")[2]
            return
    if web:
        raise OSError(None, "a server on the web does not tell what it has, so give a file")
    if is_pattern(address):
        for one in unbraced(address):
            yield from _matching(system, scheme, system._strip_protocol(one), one)
        return
    top = path.rstrip("/") + "/"
    for info in _below(system, address, path):
        yield _file(scheme, info), info["name"].removeprefix(top).lstrip("/")


def _matching(
    system: Any, scheme: str, pattern: str, address: str
) -> Iterator[tuple[RemoteFile, str]]:
    found = asked(address, lambda: system.glob(pattern, detail=True))
    for info in sorted(found.values(), key=lambda info: str(info["name"])):
        if info["type"] == "file":
            yield _file(scheme, info), info["name"].rpartition("/")[2]


def _file(scheme: str, info: dict[str, Any]) -> RemoteFile:
    name = str(info["name"])
    address = name if "://" in name else f"{scheme}://{name}"
    return RemoteFile(address, int(info["size"] or 0), version_of(info))


def _below(system: Any, address: str, path: str) -> Iterator[dict[str, Any]]:
    """What fsspec says of each file below a path; of S3 page by page, and elsewhere folder by
    folder."""
    if hasattr(system, "call_s3"):
        yield from _pages(system, address, path)
        return
    entries = asked(address, lambda: system.ls(path, detail=True))
    for info in sorted(entries, key=lambda info: str(info["name"])):
        if info["type"] == "directory":
            yield from _below(system, address, info["name"])
        elif info["type"] == "file":
            yield info


def _pages(system: Any, address: str, path: str) -> Iterator[dict[str, Any]]:
    bucket, _, prefix = path.partition("/")
    prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    more: dict[str, str] = {}
    while True:
        where = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": _PAGE, **more}
        page = asked(address, partial(system.call_s3, "list_objects_v2", **where))
        for one in page.get("Contents", ()):
            if not one["Key"].endswith("/"):  # a folder that a web page made
                yield {"name": f"{bucket}/{one['Key']}", "size": one["Size"], "ETag": one["ETag"]}
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}
