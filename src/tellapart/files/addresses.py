"""Files at an address, such as `s3://photos/2026/`: whatever fsspec can read. It is imported when
an address is asked for, and never before, so nothing is sent unless somebody gives one.

Credentials are those of the environment, as the programs of each service take them. For public
buckets `FSSPEC_S3_ANON=true` asks without any; fsspec takes each of its settings so, as
`FSSPEC_<SCHEME>_<SETTING>`.
"""

from __future__ import annotations

import io
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from ..errors import PictureError, UsageError, need
from ..text import shown
from ..workers.deadlines import NoAnswerError, answered
from ..workers.pausing import pause
from .reading import MAX_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
NO_PARTS = "the server does not send parts of files"
_WAITS = (0.5, 2.0)  # seconds before a second and a third try
_PART = 8 * 2**20  # bytes that are asked for at once, and come within `deadlines.PATIENCE`
_BUFFER = 2 * 2**20  # bytes
_VERSIONS = ("ETag", "etag", "blob_id", "md5Hash", "mtime", "LastModified", "updated", "created")
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError)
_ENDPOINT = re.compile(r"endpoint URL: \"(?:https?://)?([^/\"]+)")  # as botocore says it
_HOSTS = {
    **dict.fromkeys(("s3", "s3a", "gs", "gcs"), "bucket"),
    **dict.fromkeys(("http", "https"), "server"),
}
_NO_CREDENTIALS = re.compile(r"credential|profile|token", re.IGNORECASE)  # in an error's name

Out = TypeVar("Out")


class UnansweredError(OSError):
    """A server did not give what was asked for, and may another time."""


class UnreachedError(UnansweredError):
    """It could not be reached at all, or said nothing."""


_lock = threading.Lock()
_opened: dict[tuple[int, str, str], Any] = {}


def is_address(text: str) -> bool:
    """Whether a text is an address, and no path."""
    return _ADDRESS.match(text) is not None


def place_of(text: str | os.PathLike[str]) -> Path | str:
    """An address as it is, and a path as one."""
    text = os.fspath(text)
    return text if is_address(text) else Path(text)


def filesystem(address: str) -> tuple[Any, str]:
    """What reads and writes at an address, as fsspec has it, and the path that it takes there. One
    serves all threads of a process.

    Raises:
        MissingExtraError: the packages that know its scheme are not installed.
        UsageError: there is no such scheme.
        OSError: it names no server, or its server cannot be reached, with the reason in plain
            words.
    """
    scheme, rest = address.split("://", 1)
    address = f"{scheme.lower()}://{rest}"
    host = rest.partition("/")[0]
    if not host and (what := _HOSTS.get(scheme.lower())):
        raise OSError(None, f"it names no {what}")
    key = (os.getpid(), scheme.lower(), host)
    with _lock:
        if key not in _opened:
            _opened[key] = _opened_for(address, scheme)
        found = _opened[key]
    return found, found._strip_protocol(address)


def _opened_for(address: str, scheme: str) -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when its package is imported
    try:
        import fsspec.core
    except ImportError as error:
        raise need("cloud", why="fsspec") from error
    try:
        return fsspec.core.url_to_fs(address)[0]
    except ImportError as error:
        package = re.search(r"[Ii]nstall (\w+)", str(error))
        why = package[1] if package else f"what knows {scheme}://"
        raise need("cloud", why=why) from error
    except ValueError as error:
        raise UsageError(
            f"{shown(address)} is no address that can be read: {_first_line(error)}.",
            hint="Addresses begin with s3://, gs://, hf://, https:// or what else fsspec knows.",
        ) from error
    except Exception as error:  # some connect at once, and raise whatever they like
        raise _failure(error) from error


def asked(address: str, function: Callable[[], Out]) -> Out:
    """What a function gets from an address; it is called again where that may help.

    Raises:
        OSError: it gets nothing, with the reason in plain words; FileNotFoundError where nothing
            is there.
    """
    for wait in (*_WAITS, None):
        try:
            return answered(lambda call: function(), address.split("/")[2])
        except Exception as raised:  # whatever a service's package raises
            error = _of_the_web(raised)
            if isinstance(error, FileNotFoundError):
                raise FileNotFoundError(None, "nothing is there") from raised
            if wait is None or not _may_pass(error):
                raise _failure(error) from raised
        pause()
        time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _of_the_web(error: Exception) -> BaseException:
    """What a server on the web said: fsspec says of anything that nothing is there."""
    cause = error.__cause__
    is_other = getattr(cause, "status", 0) not in (0, 404) or hasattr(cause, "os_error")
    return cause if isinstance(error, FileNotFoundError) and cause and is_other else error


def _may_pass(error: BaseException) -> bool:
    """Whether another try may help: not where one took as long as a try may take, nor where
    botocore has tried five times to reach a server."""
    if (isinstance(error, NoAnswerError) and error.was_long) or _ENDPOINT.search(str(error)):
        return False
    if 400 <= getattr(error, "status", 0) < 500 or _is_unknown_host(error):
        return False
    return not isinstance(error, _LASTING) and not _NO_CREDENTIALS.search(type(error).__name__)


def _failure(error: BaseException) -> OSError:
    """What to raise where nothing came, and another try is of no use now."""
    reason = reason_of(error)
    is_unreached = _ENDPOINT.search(str(error)) or hasattr(error, "os_error")
    if isinstance(error, NoAnswerError) or is_unreached:
        return UnreachedError(None, reason)
    if _may_pass(error):
        return UnansweredError(None, reason)
    return OSError(None, reason)


def is_for_now(error: BaseException) -> bool:
    """Whether a file could not be read for a reason that may pass: a server or a disk did not
    answer, or the file was just then changing. It is not so where the file is damaged, not there,
    or not to be read by us."""
    if isinstance(error, PictureError):
        return error.may_pass
    if isinstance(error, UnansweredError | NoAnswerError):
        return True
    return isinstance(error, OSError) and bool(error.errno) and not isinstance(error, _LASTING)


def unreached(error: BaseException) -> str:
    """Why a server could not be reached at all; empty if something else went wrong."""
    return error.strerror or "" if isinstance(error, UnreachedError) else ""


def _is_unknown_host(error: BaseException) -> bool:
    return isinstance(getattr(error, "os_error", None), socket.gaierror)


def reason_of(error: BaseException, verb: str = "give") -> str:
    """Why nothing came, or with another verb was not taken, in plain words."""
    if isinstance(error, NoAnswerError):
        return error.reason
    if isinstance(error, PermissionError):
        return "access denied: the credentials in the environment do not allow it"
    if _NO_CREDENTIALS.search(type(error).__name__):
        return (
            "no credentials were found in the environment (for a public bucket, set "
            "FSSPEC_S3_ANON=true)"
        )
    if isinstance(error, FileNotFoundError) and "bucket" in str(error).lower():
        return "there is no such bucket"
    return _reason_of_the_web(error) or f"the server does not {verb} it: {_first_line(error)}"


def _reason_of_the_web(error: BaseException) -> str:
    """What went wrong between us and a server, or the number that it answers with; or nothing."""
    if endpoint := _ENDPOINT.search(str(error)):
        return f"{shown(endpoint[1])} cannot be reached"
    if isinstance(said := getattr(error, "os_error", None), OSError):
        host = shown(str(getattr(error, "host", "its server")))
        if _is_unknown_host(error):
            return f"there is no server called {host}, or no way to it"
        number = said.errno or 0
        reason = os.strerror(number).lower() if number > 0 else _first_line(said)
        return f"{host}:{getattr(error, 'port', '')} cannot be reached: {reason}"
    status = getattr(error, "status", None)
    if status in (401, 403):
        return f"access denied: the server answers with {status}"
    if isinstance(status, int) and status >= 300:
        return f"the server answers with {status} ({shown(str(getattr(error, 'message', '')))})"
    return ""


def _first_line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return (text or type(error).__name__).rstrip(".")


def version_of(info: Mapping[str, Any]) -> str:
    """What a server says of an object that changes when its content does."""
    return next((str(info[name]).strip('"') for name in _VERSIONS if info.get(name)), "")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A container at an address, or a picture: its size in bytes, and what the server calls its
    version."""

    name: str
    size: int
    version: str = ""

    @classmethod
    def at(cls, address: str) -> RemoteFile:
        """Raises OSError where nothing can be found out about it."""
        system, path = filesystem(address)
        info = asked(address, lambda: system.info(path))
        if info.get("size") is None:
            raise OSError(None, "its server does not say how large it is")
        return cls(address, int(info["size"]), version_of(info))

    def stamp(self) -> str:
        return f"{self.size}+{self.version}"

    def content(self) -> bytes:
        if self.size > MAX_BYTES:
            raise PictureError(f"larger than {MAX_BYTES // 2**20} MB")
        content = self._read(0, self.size + 1) if self.size else b""
        if len(content) != self.size:
            raise PictureError("was changed while it was in use", may_pass=True)
        return content

    def read(self, offset: int, size: int) -> bytes:
        return self._read(offset, min(offset + size, self.size))

    def part(self, offset: int, size: int) -> bytes:
        """The same as `read`, but raises OSError, with the reason in plain words."""
        return b"".join(self._parts(offset, min(offset + size, self.size)))

    def _read(self, start: int, end: int) -> bytes:
        try:
            parts = [*self._parts(start, end)]
        except FileNotFoundError as error:
            raise PictureError("is not there any more", may_pass=True) from error
        except OSError as error:
            raise PictureError(
                f"cannot be read: {error.strerror}", may_pass=True, unreached=unreached(error)
            ) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _parts(self, start: int, end: int) -> Iterator[bytes]:
        system, path = filesystem(self.name)
        for at in range(start, end, _PART):
            part = {"start": at, "end": min(at + _PART, end)}
            content = asked(self.name, partial(system.cat_file, path, **part))
            if len(content) > part["end"] - at:
                raise OSError(None, NO_PARTS)
            yield content

    def open(self) -> IO[bytes]:
        return io.BufferedReader(_Ranges(self), _BUFFER)


class _Ranges(io.RawIOBase):
    """A file at an address as a stream, of which any part is asked for when it is read."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        content = self._file.part(self._at, min(len(view), _PART))
        view[: len(content)] = content
        self._at += len(content)
        return len(content)
