"""What a server is asked to be."""

from __future__ import annotations

import math
import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UsageError, option
from ..images.budget import SMALL
from ..text import shown

LOOPBACK = "127.0.0.1"
PORT = 8000
SHORTEST = 16  # letters of a token
LONGEST = 1024
_BODIES = 8  # of the largest, which are held at once


@dataclass(frozen=True)
class Config:
    """What a server is asked to be.

    Attributes:
        host: the address it binds to.
        port: its port; 0 for any that is free.
        token: what a client must send; none where it is empty.
        no_auth: whether anyone may ask, beyond this computer too.
        origins: of pages that may ask from a browser, such as "https://example.org".
        names: by which clients may call it besides its address, such as "example.org" or
            "localhost:9000"; without a port, with any.
        waiting: pictures that may wait for their turn, beyond those that are worked on.
        deadline: seconds in which a request that has come is answered, or refused.
        largest: bytes of a request's body.
        most: pictures in one request.
        pixels: of a picture, once unpacked; a JPEG is unpacked no larger than it is needed.
        workers: processes that answer, each with its share of the cores and of the limits.
        connections: that may be open at once.
        patience: seconds for a client to send the head of a request, to go on with a body, and to
            go on taking an answer.

    Raises:
        UsageError: others can reach it and nobody is asked for a token, a value cannot be, or
            no queue would ever take what one request may have.
    """

    host: str = LOOPBACK
    port: int = PORT
    token: str = ""
    no_auth: bool = False
    origins: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    waiting: int = 64
    deadline: float = 30.0
    largest: int = SMALL
    most: int = 64
    pixels: int = 50_000_000
    workers: int = 1
    connections: int = 512
    patience: float = 10.0

    def __post_init__(self) -> None:
        if self.token and self.no_auth:
            raise UsageError(
                f"{option('no_auth=True')} does not go with {option('token_file')}.",
                hint="Leave one of them out.",
            )
        if not (self.local or self.token or self.no_auth):
            raise UsageError(
                f"Other computers can reach {shown(self.host) or 'every address'}, so whoever asks "
                "must know a token.",
                hint="Make one, openssl rand -hex 32 > token, and add "
                f"{option('token_file=token')}. Or let anyone ask: add {option('no_auth=True')}.",
            )
        for origin in self.origins:
            _check_origin(origin)
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise UsageError(
                    f"{shown(name)} is no name of a computer.",
                    hint="Give a name such as example.org, with or without a port.",
                )
        for setting, seconds in (("deadline", self.deadline), ("client_timeout", self.patience)):
            if not 0 < seconds < math.inf:
                raise UsageError(
                    f"{option(f'{setting}={seconds:g}')} is no time.",
                    hint="Give a number of seconds, such as 30.",
                )
        if self.most > self.waiting:
            raise UsageError(
                f"One request may have {self.most} pictures, and only {self.waiting} may wait.",
                hint=f"Give {option(f'queue={self.most}')} or more, or "
                f"{option(f'max_pictures={self.waiting}')} or less.",
            )

    @property
    def together(self) -> int:
        """Bytes of all bodies that each process holds at once: room for one at least."""
        return max(1, _BODIES // self.workers) * self.largest

    def share_of_worker(self) -> Config:
        """What each of the processes is asked to be. Together they keep to the limits, but each
        takes a request of the most pictures, and a connection."""
        return replace(
            self,
            waiting=max(self.most, self.waiting // self.workers),
            connections=max(1, self.connections // self.workers),
        )

    @property
    def local(self) -> bool:
        """Whether only this computer can reach it."""
        import ipaddress  # the command line knows this class before it knows its command

        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


_NAME = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1


def _check_origin(origin: str) -> None:
    if not _ORIGIN.fullmatch(origin) or re.search("^http:.*:80$|^https:.*:443$", origin):
        raise UsageError(
            f"{shown(origin)} is not what a browser calls the origin of a page.",
            hint="Give scheme, name and port without a path, in small letters and without the "
            "usual port: https://example.org or http://localhost:3000. One each; * is not taken.",
        )


def token_in(path: Path) -> str:
    """The token in a file: one line of at least 16 letters.

    Raises:
        UsageError: it cannot be read, others may write it, or it is no token.
    """
    named = f"The token file {shown(path)}"
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LONGEST + 3)
    except OSError as error:
        raise UsageError(
            f"{named} cannot be read: {(error.strerror or str(error)).lower()}.",
            hint=_MAKE if isinstance(error, FileNotFoundError) else _YOURS,
        ) from error
    if os.name == "posix" and mode & stat.S_IWOTH:
        raise UsageError(f"{named} may be written by anyone.", hint=f"chmod 600 {shown(path)}")
    token = content.decode("ascii", "replace").strip("\r\n \t")
    if not token:
        raise UsageError(f"{named} is empty.", hint=_MAKE)
    if not _TOKEN.fullmatch(token) or len(token) > LONGEST:
        raise UsageError(
            f"{named} holds no token: one line of letters, digits and -._~+/ was expected.",
            hint=_MAKE,
        )
    if len(token) < SHORTEST:
        raise UsageError(
            f"{named} holds {len(token)} letters, which can be guessed; at least {SHORTEST} are "
            "needed.",
            hint=_MAKE,
        )
    return token


_YOURS = "Name a file that you may read, with the token as its one line."
_MAKE = "Make one: openssl rand -hex 32 > token"


def others_may_read(path: Path) -> bool:
    """Whether other users of this computer may read a file, as far as its mode says."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
