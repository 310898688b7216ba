"""One request for a picture -> its bytes, or what came in their place, in plain words.

Nothing that a server does keeps this waiting for longer than the time it was given, or makes it
hold more bytes than the cap. Cookies, credentials and JavaScript are not for it; what a picture is
called and what the server says of its type do not count: its first bytes do.
"""

from __future__ import annotations

import http
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeAlias

from ..images.kinds import FORMATS, UNKNOWN, sniff
from ..version import __version__
from .addresses import Deadline, RefusedAddressError, guarded_backend

if TYPE_CHECKING:
    import ssl

    import httpcore
    import httpx

AGENT = f"tellapart/{__version__} (+https://github.com/tellapart/tellapart)"
_HEAD = 512  # bytes that tell what a file is
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})  # the whole host is to be left alone for a while
_PASSING = frozenset({408, 425, 500, 502, 504})
_HEADERS = (
    ("User-Agent", AGENT),
    ("Accept", "image/*,*/*;q=0.5"),
    ("Accept-Encoding", "identity"),
)


@dataclass(frozen=True)
class Fetched:
    """The bytes of what begins as a picture does."""

    content: bytes


@dataclass(frozen=True)
class Moved:
    """It is elsewhere."""

    url: str


@dataclass(frozen=True)
class Later:
    """It may come another time: after so many seconds, where the server says that; `busy` where
    nothing else should be asked of that host before, and `answered` where it was reached."""

    reason: str
    seconds: float | None = None
    busy: bool = False
    answered: bool = True


@dataclass(frozen=True)
class Failed:
    """It will not come."""

    reason: str


Outcome: TypeAlias = Fetched | Moved | Later | Failed


@dataclass(frozen=True)
class Limits:
    """How much a request may take: seconds and bytes; and whether private addresses are asked."""

    timeout: float = 60.0
    max_bytes: int = 20_000_000
    allow_private: bool = False


def normal(url: str, base: str = "") -> httpx.URL:
    """A web address as it is asked for, without what stands after `#`.

    Raises:
        ValueError: it is none, said in plain words.
    """
    import httpx

    try:
        found = httpx.URL(base).join(url) if base else httpx.URL(url.strip())
        found = found.copy_with(fragment=None)
        host = found.raw_host  # which may not be a name
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise ValueError(f"not an address of the web: {error}") from error
    if found.scheme not in ("http", "https"):
        scheme = f" ({found.scheme}:)" if found.scheme else ""
        raise ValueError(f"not an address that begins with http:// or https://{scheme}")
    if not host:
        raise ValueError("an address without a host")
    if found.userinfo:
        raise ValueError("an address with a name or password in it, which is not sent")
    return found


class Fetcher:
    """Asks servers, from one thread; connections are kept open for the next request."""

    def __init__(self, limits: Limits, context: ssl.SSLContext, stopped: threading.Event) -> None:
        import httpcore

        self.limits, self.stopped = limits, stopped
        self.deadline = Deadline()
        self.pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=4,
            keepalive_expiry=15.0,
            network_backend=guarded_backend(self.deadline, allow_private=limits.allow_private),
        )

    def close(self) -> None:
        self.pool.close()

    def fetch(self, url: str) -> Outcome:
        """Ask once. A redirect is not followed: it is `Moved`."""
        import httpcore

        try:
            with self.deadline.within(self.limits.timeout):
                return self._ask(normal(url))
        except RefusedAddressError as error:
            return Failed(str(error))
        except socket.gaierror as error:
            passing = error.errno == socket.EAI_AGAIN
            said = "its host was not found: there is none of this name, or no network"
            return Later(said, answered=False) if passing else Failed(said)
        except httpcore.ConnectTimeout:
            return Later("its server cannot be reached", answered=False)
        except (TimeoutError, httpcore.TimeoutException):
            return Later(f"no whole answer within {self.limits.timeout:g} s")
        except httpcore.ConnectError as error:
            if (reason := _certificate(error)) or "[SSL" in str(error):
                return Failed(f"no safe connection: {reason or 'its server speaks no TLS'}")
            return Later("its server cannot be reached", answered=False)
        except httpcore.NetworkError:
            return Later("the connection broke off")
        except httpcore.RemoteProtocolError:
            return Later("the answer is cut short, or not HTTP")
        except (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol, ValueError) as error:
            return Failed(str(error))
        except OSError as error:
            return Later(f"the connection failed: {(error.strerror or str(error)).lower()}")

    def _ask(self, url: httpx.URL) -> Outcome:
        # One time for all: whatever httpcore waits for, the deadline ends it.
        waits = dict.fromkeys(("connect", "read", "write", "pool"), self.limits.timeout)
        headers = [("Host", url.netloc.decode("ascii")), *_HEADERS]
        with self.pool.stream(
            "GET", str(url), headers=headers, extensions={"timeout": waits}
        ) as answer:
            said = {k.lower().decode("latin-1"): v.decode("latin-1") for k, v in answer.headers}
            if answer.status in _REDIRECTS and "location" in said:
                return Moved(str(normal(said["location"], str(url))))
            if answer.status in _BUSY | _PASSING:
                seconds = seconds_to_wait(said.get("retry-after", ""), time.time())
                return Later(_status(answer.status), seconds, answer.status in _BUSY)
            if answer.status != 200:
                return Failed(_status(answer.status))
            return self._body(answer, said)

    def _body(self, answer: httpcore.Response, said: dict[str, str]) -> Outcome:
        most = self.limits.max_bytes
        too_large = Failed(f"larger than {most / 1e6:g} MB")
        length = said.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) > most:
            return too_large
        packed = said.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity", "gzip", "x-gzip", "deflate"):
            return Failed(f"packed as {packed}, which was not asked for")
        unpack = None if packed in ("", "identity") else zlib.decompressobj(wbits=47)
        content = bytearray()
        try:
            for chunk in _chunks(answer, unpack, most):
                content += chunk
                if len(content) > most:
                    return too_large
                if len(content) >= _HEAD and (wrong := _no_picture(bytes(content[:_HEAD]))):
                    return Failed(wrong)
                if self.stopped.is_set():
                    return Later("stopped")
        except zlib.error:
            return Failed("packed as gzip, and damaged")
        if unpack is not None and not unpack.eof:
            return Later("the answer is cut short, or not HTTP")
        if wrong := _no_picture(bytes(content[:_HEAD])):
            return Failed(wrong)
        return Fetched(bytes(content))


def _chunks(
    answer: httpcore.Response, unpack: zlib._Decompress | None, most: int
) -> Iterator[bytes]:
    """The body, unpacked a little at a time: a few bytes may stand for very many."""
    for chunk in answer.iter_stream():
        if unpack is None:
            yield chunk
            continue
        while chunk and not unpack.eof:
            yield unpack.decompress(chunk, min(most + 1, 2**20))
            chunk = unpack.unconsumed_tail
    if unpack is not None:
        yield unpack.flush()


def _no_picture(head: bytes) -> str:
    """What came in place of a picture; empty where it is one by its first bytes."""
    if not head:
        return "an empty answer"
    kind = sniff(head)
    if kind in FORMATS:
        return ""
    return kind if kind == UNKNOWN else f"{kind} in place of a picture"


def _status(code: int) -> str:
    with suppress(ValueError):
        return f"the server answers {code} ({http.HTTPStatus(code).phrase.lower()})"
    return f"the server answers {code}"


def _certificate(error: BaseException) -> str:
    """What is wrong with a server's certificate, if that is why it was not connected to."""
    import ssl

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not valid ({cause.verify_message})"
        cause = cause.__cause__ or cause.__context__
    return ""


def seconds_to_wait(retry_after: str, now: float) -> float | None:
    """What a header `Retry-After` says, in seconds from `now`, a Unix time; None where it says
    nothing that makes sense. RFC 9110, section 10.2.3: seconds, or a date."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    with suppress(ValueError, TypeError, OverflowError):
        found: datetime = parsedate_to_datetime(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=timezone.utc)
        return max(0.0, found.timestamp() - now)
    return None
