"""The addresses by which the neighbours in a local network reach this computer.

The system is asked which it has; no packet is sent to find out, and no name is looked up.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ...files.system import WINDOWS

_UP, _LOOPBACK, _POINT_TO_POINT = 0x1, 0x8, 0x10  # of an interface's flags, on every Unix
_WITH_LENGTH = sys.platform == "darwin" or "bsd" in sys.platform  # a byte before the family
_INSIDE = ("docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "bridge", "podman", "cni")


@dataclass(frozen=True)
class Neighbourly:
    """An IPv4 address of this computer, and the name of the interface that has it; empty where the
    system does not say."""

    address: str
    interface: str


def neighbourly() -> list[Neighbourly]:
    """The addresses that others in a local network may ask, the likeliest first: those kept for
    private networks before others, and those of virtual machines and containers last."""
    found = {one.address: one for one in _all()}  # an interface may be listed twice
    return sorted(found.values(), key=_order)


def _order(one: Neighbourly) -> tuple[bool, bool, str]:
    private = ipaddress.ip_address(one.address).is_private
    return one.interface.startswith(_INSIDE), not private, one.interface


def _all() -> Iterator[Neighbourly]:
    every = _of_windows() if WINDOWS else _of_unix()
    for one in every:
        address = ipaddress.ip_address(one.address)
        if not (address.is_loopback or address.is_link_local or address.is_unspecified):
            yield one


def _of_windows() -> Iterator[Neighbourly]:
    """Windows knows the addresses of its own name without asking anybody."""
    _, _, addresses = socket.gethostbyname_ex(socket.gethostname())
    for address in addresses:
        yield Neighbourly(address, "")


class _Interface(ctypes.Structure):
    """`struct ifaddrs`, as far as it is read."""


_Interface._fields_ = [
    ("next", ctypes.POINTER(_Interface)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.POINTER(ctypes.c_ubyte)),
]


def _of_unix() -> Iterator[Neighbourly]:
    system = ctypes.CDLL(None)  # the library of C that this process has already
    first = ctypes.POINTER(_Interface)()
    if system.getifaddrs(ctypes.byref(first)):
        return
    try:
        each = first
        while each:
            row = each.contents
            usable = row.flags & _UP and not row.flags & (_LOOPBACK | _POINT_TO_POINT)
            if usable and row.address and _family(row.address) == socket.AF_INET:
                address = socket.inet_ntop(socket.AF_INET, bytes(row.address[4:8]))
                yield Neighbourly(address, row.name.decode(errors="replace"))
            each = row.next
    finally:
        system.freeifaddrs(first)


def _family(address: ctypes._Pointer[ctypes.c_ubyte]) -> int:
    if _WITH_LENGTH:
        return int(address[1])
    return int.from_bytes(bytes(address[0:2]), sys.byteorder)
