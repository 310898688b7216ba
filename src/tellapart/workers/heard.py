"""Whether anybody listens at the address of a cluster: Ray takes a minute or more to find out."""

from __future__ import annotations

import re
import socket

from ..errors import WorkersError
from ..text import shown

_HOST_AND_PORT = re.compile(
    r"(?P<client>ray://)?(?P<host>\[[^\]/]+\]|[^:/\s]+)(?::(?P<port>[0-9]{1,5}))?(?:/.*)?"
)
_CLIENT_PORT = 10001  # of `ray://` where none is given
_PATIENCE = 5.0  # seconds for somebody to listen at an address


def check_heard(address: str) -> None:
    """Whether anybody listens at an address.

    Raises:
        WorkersError: nobody does.
    """
    found = _HOST_AND_PORT.fullmatch(address)
    if not found or not (found["client"] or found["port"]):  # `auto`, or what Ray alone knows
        return
    host, port = found["host"].strip("[]"), int(found["port"] or _CLIENT_PORT)
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE):
            """Somebody listens."""
    except socket.gaierror as error:
        raise cannot_be_used(
            address, f"there is no machine called {shown(host)}, or no way to it"
        ) from error
    except TimeoutError as error:
        raise cannot_be_used(address, f"it did not answer within {_PATIENCE:g} seconds") from error
    except (OSError, OverflowError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise cannot_be_used(address, shown(why.lower())) from error


def cannot_be_used(address: str, why: str) -> WorkersError:
    return WorkersError(
        f"The Ray cluster {shown(address)} cannot be used: {why}.",
        hint="See that it is running, with the same versions of Ray and Python as here.",
    )
