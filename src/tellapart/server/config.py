"""What a server is asked to be."""

from __future__ import annotations

from dataclasses import dataclass

from ..images.budget import SMALL

LOOPBACK = "127.0.0.1"
PORT = 8000


@dataclass(frozen=True)
class Config:
    """What a server is asked to be.

    Attributes:
        host: the address it binds to.
        port: its port; 0 for any that is free.
        token: what a client must send; none where it is empty.
        no_auth: whether anyone may ask, beyond this computer too.
        origins: of pages that may ask from a browser, such as "https://example.org".
        waiting: pictures that may wait for their turn, beyond those that are worked on.
        deadline: seconds in which a request is answered, or refused.
        largest: bytes of a request's body.
        most: pictures in one request.
    """

    host: str = LOOPBACK
    port: int = PORT
    token: str = ""
    no_auth: bool = False
    origins: tuple[str, ...] = ()
    waiting: int = 64
    deadline: float = 30.0
    largest: int = SMALL
    most: int = 64
