"""A connection that keeps within limits, which uvicorn's on httptools has none of: how long a head
may be, how long it may take, how long an answer may wait to be taken, and how many there are.

It also closes as a client can follow: one that still sends when it is refused gets the answer to
the end (a socket closed on unread bytes would take it back), and what it sends is thrown away.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..problems import BusyError, HttpError, problem
from ..records.account import METHODS, OTHER, Account

LONGEST_HEAD = 2**15  # bytes of all headers and the address
LONGEST_ADDRESS = 2**13
MOST_HEADERS = 100
KEEP_ALIVE = 30  # seconds in which a connection may wait for its next request
MOST_WAITING = 16  # requests that are sent before the first is answered
LEAVE = 1.0  # seconds for a client to take a refusal where the server is ending


def connections(most: int, patience: float, refused: Callable[[Account], None]) -> type[Connection]:
    """The kind of connection of which `most` may be open, each with `patience` in seconds;
    `refused` is told of each request that is refused before any route sees it."""
    logging.getLogger("uvicorn.error").addFilter(_is_not_told_twice)
    settings = {"most": most, "patience": patience, "refused": staticmethod(refused)}
    return type("Limited", (Connection,), settings)


def _is_not_told_twice(record: logging.LogRecord) -> bool:
    """Whether a word of uvicorn's is more than that a request was refused, which `refused` tells,
    with whose it was."""
    return record.getMessage() != "Invalid HTTP request received."


class Connection(HttpToolsProtocol):
    """uvicorn's, with limits."""

    most: int
    patience: float
    refused: Callable[[Account], None]

    _head: asyncio.TimerHandle | None = None  # ends one that does not send
    _stuck: asyncio.TimerHandle | None = None  # one that does not take
    _end: asyncio.TimerHandle | None = None  # one that is closed and still there
    _refusal: HttpError | None = None
    _in_head = False
    _in_message = False
    url = b""
    _since = 0.0  # when this head was waited for first, by the loop's clock
    _ending = False  # as the server is
    _size = 0  # of the head, as far as it is understood
    _pending = 0  # bytes that came since anything was understood

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.parser = _Parser(self)  # type: ignore[assignment]
        super().connection_made(_Closing(transport, self))  # type: ignore[arg-type]
        self._since = self.loop.time()
        if len(self.connections) > self.most:
            self._refuse(BusyError("Too many connections are open."))
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head, self._stuck, self._end):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return  # and is thrown away
        if not (self._head or self._in_message):
            self._wait_for_head()
        self._pending += len(data)
        super().data_received(data)
        if self._pending > LONGEST_HEAD and not self.transport.is_closing():
            self._refuse(_too_long())

    # What the parser tells.
    def on_message_begin(self) -> None:
        if not self._head:
            self._wait_for_head()
        self._in_head, self._in_message, self._size = True, True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._size += len(url)
        super().on_url(url)
        if len(self.url) > LONGEST_ADDRESS:
            self._give_up(HttpError(414, "The address is too long."))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._size += len(name) + len(value) + 4
        if self._size > LONGEST_HEAD or len(self.headers) >= MOST_HEADERS:
            self._give_up(_too_long())
        if self._in_head:  # what follows a body in pieces is no header: the guards have been passed
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._pending = False, 0
        if self.parser.get_method() == b"CONNECT":  # which the parser takes for an offer, each time
            self._give_up(HttpError(501, "CONNECT is for proxies, and this is none."))
        if not self.url.startswith(b"/"):
            self._give_up(HttpError(400, "The address of a request begins with a /."))
        if self.parser.should_upgrade():  # it is told of again, without the offer
            return
        self._forget_timer()
        super().on_headers_complete()
        if len(self.pipeline) > MOST_WAITING:
            self._give_up(HttpError(400, "Too many requests were sent before their answers."))

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_message, self._pending = False, 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _give_up(self, error: HttpError) -> None:
        self._refusal = error
        raise error  # which the parser turns into one of its own

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls where the parser gave up."""
        self._refuse(self._refusal or HttpError(400, "This is not a request of HTTP."))

    # Time.
    def _wait_for_head(self) -> None:
        self._forget_timer()
        self._since = self.loop.time()
        self._head = self.loop.call_later(self.patience, self._late)

    def _forget_timer(self) -> None:
        if self._head:
            self._head.cancel()
            self._head = None

    def _late(self) -> None:
        self._head = None
        if not self.transport.is_closing():
            self._refuse(HttpError(408, "The headers came too slowly."))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck:
            self._stuck.cancel()
            self._stuck = None

    def _watch(self, left: int) -> None:
        """Give a client up that takes nothing of its answer."""

        def look() -> None:
            now = self.transport.get_write_buffer_size()
            if now >= left:
                self.transport.abort()
            else:
                self._watch(now)

        self._stuck = self.loop.call_later(self.patience, look)

    # The end.
    def _refuse(self, error: HttpError) -> None:
        """Answer what no route will see, and close."""
        self._forget_timer()
        self._refusal = error
        answer = problem(error)
        lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}".encode()]
        lines += [b"%s: %s" % header for header in answer.raw_headers]
        lines += [b"connection: close", b"cache-control: no-store", b"", bytes(answer.body)]
        self.refused(self._account_of(error, len(answer.body)))
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    def _account_of(self, error: HttpError, sent: int) -> Account:
        """What is known of a request that was refused: of its first line as much as came."""
        seconds = self.loop.time() - self._since
        method = self.parser.get_method().decode("ascii") if self.url else OTHER
        return Account(
            method=method if method in METHODS else OTHER,
            path=self.url.partition(b"?")[0].decode("ascii", "backslashreplace"),
            client=self.client[0] if self.client else "",
            began=time.time() - seconds,
            status=error.status,
            sent=sent,
            seconds=seconds,
            shed=isinstance(error, BusyError),
        )

    def shutdown(self) -> None:
        self._ending = True
        if self.transport.is_closing():
            self.transport.abort()
        else:
            super().shutdown()

    def closing(self) -> bool:
        """Give the client a while to take what is left; whether it may still be sending."""
        patience = min(self.patience, LEAVE) if self._ending else self.patience
        self._end = self.loop.call_later(patience, self.transport.abort)
        return self._in_message or bool(self._refusal) or self._pending > 0


def _too_long() -> HttpError:
    return HttpError(431, "The headers are too long.")


class _Parser:
    """httptools', that passes over an offer to go on in another protocol: it would take the body of
    such a request for words of that one, and Java's client offers HTTP/2 with each it sends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parser = httptools.HttpRequestParser(connection)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def feed_data(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            head = self._without_the_offer()
            self._parser = httptools.HttpRequestParser(self._connection)
            self._parser.feed_data(head)
            self.feed_data(data[offer.args[0] :])

    def _without_the_offer(self) -> bytes:
        told = self._connection
        first = self._parser.get_method() + b" " + told.url + b" HTTP/1.1"
        kept = [b"%s: %s" % header for header in told.headers if header[0] != b"upgrade"]
        return b"\r\n".join([first, *kept, b"", b""])


class _Closing:
    """A transport that says that it has ended, and goes on taking what the client still sends."""

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self._closing = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._closing or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if not self._closing:
            self._transport.write(data)

    def close(self) -> None:
        if self.is_closing():
            return
        self._closing = True
        if self._connection.closing() and self._transport.can_write_eof():
            with suppress(OSError):  # the client has gone already
                self._transport.write_eof()
                self._transport.resume_reading()
                return
        self._transport.close()
