"""A lean client that asks a server for guesses and takes the time: pictures in, JSON out.

Closed loop: each of so many connections asks again as soon as it has its answer. Open loop:
requests come at random moments (Poisson, seeded) at a given rate, whatever the server does, each on
a free connection; what an answer took counts from the moment it was due, so a server that stalls is
not spared. HTTP is written and read by hand, for this shares the cores with the server; `cpu` says
what it costs itself. `serving.py` runs it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import time
from collections import Counter
from itertools import cycle
from pathlib import Path

_BOUNDARY = b"serving-benchmark"
_MOST = 1024  # connections


def request(port: int, path: str, picture: bytes, field: str) -> bytes:
    """A picture as the raw body, or as the file `field` of a form."""
    kind = b"application/octet-stream"
    if field:
        kind = b"multipart/form-data; boundary=" + _BOUNDARY
        head = (
            b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="p.jpg"\r\n'
            b"Content-Type: image/jpeg\r\n\r\n" % (_BOUNDARY, field.encode())
        )
        picture = head + picture + b"\r\n--%b--\r\n" % _BOUNDARY
    return (
        b"POST %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
        b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n"
        % (path.encode(), port, kind, len(picture))
    ) + picture


class Connection(asyncio.Protocol):
    """Sends one request at a time."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.buffer = b""
        self.due = 0.0  # of the request under way; 0 if none is
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.open = True

    def ask(self, content: bytes, due: float) -> None:
        self.due = due
        self.transport.write(content)

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + length:
            return
        status, due, self.buffer, self.due = head[9:12].decode(), self.due, b"", 0.0
        if b"connection: close" in head:
            self.open = False
            self.transport.close()
        self.load.answered(self, status, time.perf_counter() - due)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self.due:
            self.due = 0.0
            self.load.answered(self, "lost", 0.0)


class Load:
    """All connections, and what they were told."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self.port = port
        self.requests = cycle(requests)
        self.statuses: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.until = 0.0
        self.free: list[Connection] = []
        self.count = 0
        self.tasks: list[asyncio.Future[None]] = []
        self.closed = False  # the loop: each answer is followed by a request

    def answered(self, connection: Connection, status: str, seconds: float) -> None:
        now = time.perf_counter()
        if not self.closed or now < self.until:
            self.statuses[status] += 1
            if status == "200":
                self.seconds.append(seconds)
        if not connection.open:
            self.count -= 1
            if self.closed and now < self.until:
                self.tasks.append(asyncio.ensure_future(self.begin()))
        elif self.closed:
            if now < self.until:
                connection.ask(next(self.requests), now)
        else:
            self.free.append(connection)

    async def connect(self) -> Connection:
        self.count += 1
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port)
        return made

    async def begin(self) -> None:
        (await self.connect()).ask(next(self.requests), time.perf_counter())

    async def closed_loop(self, connections: int, seconds: float) -> None:
        self.closed = True
        self.until = time.perf_counter() + seconds
        await asyncio.gather(*[self.begin() for _ in range(connections)])
        await asyncio.sleep(self.until - time.perf_counter())

    async def open_loop(self, rate: float, seconds: float) -> None:
        chance = random.Random(0)
        begin = due = time.perf_counter()
        while (due := due + chance.expovariate(rate)) < begin + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            while self.free and not self.free[-1].open:
                self.free.pop()
                self.count -= 1
            if self.free:
                self.free.pop().ask(next(self.requests), due)
            elif self.count < _MOST:
                (await self.connect()).ask(next(self.requests), due)
            else:
                self.statuses["no connection"] += 1
        for _ in range(300):
            if len(self.free) >= self.count:
                break
            await asyncio.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--field", default="", help="of a form; without, the body is the picture")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second")
    options = parser.parse_args()
    pictures = [path.read_bytes() for path in sorted(options.pictures.iterdir())]
    load = Load(
        options.port, [request(options.port, options.path, one, options.field) for one in pictures]
    )
    gc.disable()
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(
        load.open_loop(options.rate, options.seconds)
        if options.rate
        else load.closed_loop(options.connections, options.seconds)
    )
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    answered = sorted(load.seconds) or [float("nan")]
    print(
        json.dumps(
            {
                "statuses": load.statuses,
                "seconds": options.seconds if not options.rate else wall,
                "cpu": cpu,
                **{
                    f"p{part}": answered[min(len(answered) - 1, len(answered) * part // 100)]
                    for part in (50, 95, 99)
                },
            }
        )
    )


if __name__ == "__main__":
    main()
