"""Whether a cluster listens at an address: Ray takes half a minute or more to find out.

Ray speaks gRPC, so who listens there answers the beginning of HTTP/2 with one, and at once.
"""

from __future__ import annotations

import os
import re
import socket

from ..errors import WorkersError
from ..text import shown

_HOST_AND_PORT = re.compile(
    r"(?P<client>ray://)?(?P<host>\[[^\]/]+\]|[^:/\s]+)(?::(?P<port>[0-9]{1,5}))?(?:/.*)?"
)
_CLIENT_PORT = 10001  # of `ray://` where none is given
_PATIENCE = 5.0  # seconds for somebody to listen at an address, and again to answer
_BEGINNING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # of HTTP/2 (RFC 9113, 3.4)
_SETTINGS = b"\0\0\0\4\0\0\0\0\0"  # a frame of no settings; its kind is in the fourth byte
_TLS = "RAY_USE_TLS"


def check_heard(address: str) -> None:
    """Whether a cluster listens at an address.

    Raises:
        WorkersError: nobody does, or somebody else.
    """
    found = _HOST_AND_PORT.fullmatch(address)
    if not found or not (found["client"] or found["port"]):  # `auto`, or what Ray alone knows
        return
    host, port = found["host"].strip("[]"), int(found["port"] or _CLIENT_PORT)
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE) as there:
            if not (_is_encrypted() or _is_answered(there)):
                raise cannot_be_used(address, "who listens there is no Ray")
    except socket.gaierror as error:
        raise cannot_be_used(
            address, f"there is no machine called {shown(host)}, or no way to it"
        ) from error
    except TimeoutError as error:
        raise cannot_be_used(address, f"it did not answer within {_PATIENCE:g} seconds") from error
    except (OSError, OverflowError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise cannot_be_used(address, shown(why.lower())) from error


def _is_encrypted() -> bool:
    """Whether Ray is told to encrypt what it says: then it alone understands the answer."""
    return os.environ.get(_TLS, "0").lower() in ("1", "true")


def _is_answered(there: socket.socket) -> bool:
    """Whether who listens speaks HTTP/2."""
    there.sendall(_BEGINNING + _SETTINGS)
    answer = b""
    while len(answer) < len(_SETTINGS):
        some = there.recv(len(_SETTINGS) - len(answer))
        if not some:
            return False
        answer += some
    return answer[3] == _SETTINGS[3]


def cannot_be_used(address: str, why: str) -> WorkersError:
    return WorkersError(
        f"The Ray cluster {shown(address)} cannot be used: {why}.",
        hint="See that it is running, with the same versions of Ray and Python as here.",
    )
