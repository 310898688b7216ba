"""What may be connected to: a name is looked up once, what it leads to is judged, and the
connection goes to that very address.

So a name that leads to this machine, or to one nearby, is refused, also where a redirect leads to
it, and also if it leads elsewhere the next time it is looked up (DNS rebinding). No proxy is used:
it would look up names by itself, from where it is.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import ssl

    import httpcore

    SocketOptions: TypeAlias = Iterable[Any] | None

_Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
# IPv6 networks whose addresses hold one of IPv4, which is where a packet arrives; and at which bit
# from the right. RFC 8215 (local NAT64), RFC 3056 (6to4), RFC 4291 (IPv4-compatible). What RFC 6052
# (NAT64) translates is only that: to a network without IPv4, every host of IPv4 is there.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_HOLDING = (
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("::/96"), 0),
)
_TEREDO = ipaddress.IPv6Network("2001::/32")
_NOT_GLOBAL = (  # that some releases of Python take for public
    ipaddress.IPv4Network("0.0.0.0/8"),
    ipaddress.IPv4Network("100.64.0.0/10"),  # behind a provider's NAT, RFC 6598
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("198.18.0.0/15"),
)


NOT_ASKED = "not asked"  # how the reason begins why an address was refused that is not public
_CONNECTING = 10.0  # seconds for one address: a host may have several, of which some are dead


class RefusedAddressError(Exception):
    """A host leads to an address that must not be connected to; said in plain words."""


def why_refused(address: str) -> str:
    """What speaks against connecting to an IP address, as a noun; empty for a public one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "no IP address"
    return next(filter(None, map(_why_refused, _held(found))), "")


def _held(address: _Address) -> Iterator[_Address]:
    """An address, and the ones of IPv4 inside it; where it stands only for one, that alone."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped or address in _NAT64:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            return
        if address in _TEREDO and address.teredo:
            yield from address.teredo
        for network, at in _HOLDING:
            if address in network and int(address) > 1:
                yield ipaddress.IPv4Address(int(address) >> at & 0xFFFFFFFF)
    yield address


def _why_refused(address: _Address) -> str:
    if address.is_unspecified or address.is_loopback:
        return "this machine itself"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast or str(address) == "255.255.255.255":
        return "an address of many machines"
    shut = isinstance(address, ipaddress.IPv4Address) and any(address in one for one in _NOT_GLOBAL)
    local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    if shut or local or address.is_private or address.is_reserved or not address.is_global:
        return "a private or reserved address"
    return ""


def looked_up(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The IP addresses of a host that may be connected to, in the system's order.

    Raises:
        RefusedAddressError: there are only others.
        OSError: there is no such host, or nobody answers who could know.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    reasons = {one: "" if allow_private else why_refused(one) for one in addresses}
    allowed = [one for one, reason in reasons.items() if not reason]
    if not allowed:
        address, reason = next(iter(reasons.items()))
        raise RefusedAddressError(_refusal(host, address, reason))
    return allowed


def _refusal(host: str, address: str, reason: str) -> str:
    leads = "is" if address == host.strip("[]") else f"leads to {address},"
    return f"{NOT_ASKED}: {host} {leads} {reason}"


@dataclass
class Deadline:
    """When a request has to be done: no server keeps it longer by sending a little at a time."""

    ends: float = field(default=float("inf"))  # of `time.monotonic`

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self.ends = time.monotonic() + seconds
        try:
            yield
        finally:
            self.ends = float("inf")

    def left(self, at_most: float | None) -> float:
        """Seconds that are left, and no more than `at_most`.

        Raises:
            TimeoutError: there are none.
        """
        seconds = self.ends - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds if at_most is None else min(seconds, at_most)


def guarded_backend(deadline: Deadline, *, allow_private: bool) -> httpcore.NetworkBackend:
    """What httpcore opens its connections with: to judged addresses alone, and in time.

    Its streams raise TimeoutError at the deadline.
    """
    import httpcore

    plain = httpcore.SyncBackend()

    class Stream(httpcore.NetworkStream):
        """A connection that keeps to the deadline of the request that uses it."""

        def __init__(self, inner: httpcore.NetworkStream) -> None:
            self.inner = inner

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return self.inner.read(max_bytes, deadline.left(timeout))

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self.inner.write(buffer, deadline.left(timeout))

        def close(self) -> None:
            self.inner.close()

        def start_tls(
            self,
            ssl_context: ssl.SSLContext,
            server_hostname: str | None = None,
            timeout: float | None = None,
        ) -> httpcore.NetworkStream:
            limit = deadline.left(timeout)
            return Stream(self.inner.start_tls(ssl_context, server_hostname, limit))

        def get_extra_info(self, info: str) -> Any:
            return self.inner.get_extra_info(info)

    class Backend(httpcore.NetworkBackend):
        """Connects to what `looked_up` allows, one address after another."""

        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: SocketOptions = None,
        ) -> httpcore.NetworkStream:
            refused: Exception | None = None
            for address in looked_up(host, port, allow_private=allow_private):
                try:
                    limit = min(deadline.left(timeout), _CONNECTING)
                    stream = plain.connect_tcp(address, port, limit, local_address, socket_options)
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    refused = error
                    continue
                peer = stream.get_extra_info("server_addr")
                reason = "" if allow_private else why_refused(str(peer[0]))
                if reason:  # whatever stands between us and the network
                    stream.close()
                    raise RefusedAddressError(_refusal(host, str(peer[0]), reason))
                return Stream(stream)
            assert refused is not None  # there is an address at least
            raise refused

    return Backend()
