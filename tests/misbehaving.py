"""A web server on this machine that misbehaves in each way that real ones do."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Misbehaving(ThreadingHTTPServer):
    """Serves `pictures`, by path, and below that each fault by its name.

    Attributes:
        pictures: path -> bytes.
        asked: how often each path was asked for.
        at_once: the most requests that were ever under way together.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.pictures: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.agents: set[str] = set()
        self.times: dict[str, list[float]] = {}
        self.at_once = self.under_way = 0
        self.delay = 0.0
        self.lock = threading.Lock()
        self.over = threading.Event()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what these tests are about."""


@cache
def _bomb(picture: bytes) -> bytes:
    """A picture and 20 MB of nothing behind it, in few bytes."""
    return gzip.compress(picture + bytes(20 * 10**6), 1)


@contextmanager
def misbehaving() -> Iterator[Misbehaving]:
    server = Misbehaving()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Answers(BaseHTTPRequestHandler):
    server: Misbehaving
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        server, path = self.server, urlsplit(self.path).path
        with server.lock:
            server.asked[self.path] += 1
            server.times.setdefault(path, []).append(time.monotonic())
            server.agents.add(self.headers["User-Agent"])
            server.under_way += 1
            server.at_once = max(server.at_once, server.under_way)
        time.sleep(server.delay)
        with server.lock:  # before the client hears of it, and asks for the next
            server.under_way -= 1
        self._answer(path)

    def _answer(self, path: str) -> None:
        if path in self.server.pictures:
            self._send(self.server.pictures[path])
            return
        fault = path.strip("/").partition("/")[0].replace("-", "_").partition(".")[0]
        answer = getattr(self, f"_{fault}", None)
        if answer is None:
            self._send(b"<!doctype html><p>Nothing here.", 404)
        else:
            answer(next(iter(self.server.pictures.values()), b""), self.server.asked[self.path])

    def _send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _slow(self, picture: bytes, _: int) -> None:
        """A byte now and then, always in time for the next read."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(picture)))
        self.end_headers()
        for byte in picture:
            if self.server.over.wait(0.05):
                return
            self.wfile.write(bytes([byte]))

    def _silent(self, picture: bytes, _: int) -> None:
        self.server.over.wait(30)
        self.close_connection = True

    def _slow_head(self, picture: bytes, _: int) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(1000):
            if self.server.over.wait(0.05):
                return
            self.wfile.write(b"X-%d: y\r\n" % number)

    def _endless(self, picture: bytes, _: int) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        body = picture + bytes(65536)
        while not self.server.over.is_set():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    def _escape(self, picture: bytes, _: int) -> None:
        self._send(picture, Content_Encoding="\x1b[31mred")

    def _too_short(self, picture: bytes, _: int) -> None:
        self._send(picture[: len(picture) // 2], Content_Length=str(len(picture)))
        self.close_connection = True

    def _too_long(self, picture: bytes, _: int) -> None:
        self._send(picture, Content_Length=str(len(picture) // 2))
        self.close_connection = True

    def _huge(self, picture: bytes, _: int) -> None:
        self._send(picture, Content_Length="123456789012")
        self.close_connection = True

    def _loop(self, picture: bytes, _: int) -> None:
        self._send(b"", 302, Location="/loop-2")

    def _loop_2(self, picture: bytes, _: int) -> None:
        self._send(b"", 302, Location="/loop")

    def _deep(self, picture: bytes, _: int) -> None:
        self._send(b"", 307, Location=f"{self.path}/x")

    def _moved(self, picture: bytes, _: int) -> None:
        self._send(b"", 301, Location=next(iter(self.server.pictures)))

    def _inward(self, picture: bytes, _: int) -> None:
        self._send(b"", 302, Location="http://169.254.169.254/latest/meta-data/")

    def _to_file(self, picture: bytes, _: int) -> None:
        self._send(b"", 302, Location="file:///etc/passwd")

    def _page(self, picture: bytes, _: int) -> None:
        self._send(b"<!DOCTYPE html><title>Sorry</title>", Content_Type="image/jpeg")

    def _drawing(self, picture: bytes, _: int) -> None:
        self._send(b'<svg xmlns="http://www.w3.org/2000/svg"/>', Content_Type="image/svg+xml")

    def _empty(self, picture: bytes, _: int) -> None:
        self._send(b"")

    def _wait(self, picture: bytes, times: int) -> None:
        if times == 1:
            self._send(b"", 429, Retry_After="1")
        else:
            self._send(picture)

    def _wait_date(self, picture: bytes, times: int) -> None:
        if times == 1:
            self._send(b"", 503, Retry_After=formatdate(time.time() + 2, usegmt=True))
        else:
            self._send(picture)

    def _wait_long(self, picture: bytes, _: int) -> None:
        self._send(b"", 429, Retry_After="7200")

    def _fails_once(self, picture: bytes, times: int) -> None:
        if times == 1:
            self._send(b"oh", 500)
        else:
            self._send(picture)

    def _reset(self, picture: bytes, times: int) -> None:
        """Half of it, and then the connection is reset; the whole from the third time on."""
        if times > 2:
            self._send(picture)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(picture)))
        self.end_headers()
        self.wfile.write(picture[: len(picture) // 2])
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def _packed(self, picture: bytes, _: int) -> None:
        self._send(gzip.compress(picture), Content_Encoding="gzip")

    def _bomb(self, picture: bytes, _: int) -> None:
        self._send(_bomb(picture), Content_Encoding="gzip")

    def _no_http(self, picture: bytes, _: int) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        self.close_connection = True
