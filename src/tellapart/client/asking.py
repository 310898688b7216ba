"""Asking a server: one request, again where that helps, within the time there is."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import h11
import httpx

from ..errors import PictureError, ServerError, TellapartError, UsageError
from ..images.decode import Picture, naming
from ..model.prediction import Prediction
from ..text import shown
from ..to_json.shapes import Served
from ..version import __version__
from .answers import Answer, model_of, models_of, prediction_of, refusal, value_of
from .patience import pause, seconds_of
from .sending import no_picture, sendable

TIMEOUT = 60.0  # seconds
RETRIES = 4
AT_ONCE = 8  # requests of `predict_many` that are under way
_LARGEST = 64 * 2**20  # bytes of an answer
_BUSY = (429, 503)
_NO_PICTURE = 415
_IDLE = 2.0  # seconds for which a connection is kept: servers close theirs after 5
_left_behind: list[object] = []  # of the process that this one was forked from


@dataclass(frozen=True)
class Asked:
    """What is asked of a picture: maps of `evidence`, what to `admit`, and by which `model`; an
    empty name is the server's first."""

    evidence: bool
    admit: float | None
    model: str

    @property
    def path(self) -> str:
        """Raises:
        UsageError: no model can have this name.
        """
        return f"{_place_of(self.model)}/guess" if self.model else "/v1/guess"

    @property
    def query(self) -> dict[str, str]:
        admit = {} if self.admit is None else {"admit": repr(float(self.admit))}
        return {**({"evidence": "true"} if self.evidence else {}), **admit}


class Asking:
    """What both clients do; the connections belong to the event loop that uses them first."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
    ) -> None:
        self.url = _checked_address(url)
        token = _checked_token(token)
        if not timeout > 0:
            raise UsageError(f"A timeout of {timeout} cannot be: give seconds, such as 30.")
        if retries < 0:
            raise UsageError(f"{retries} retries cannot be: give a whole number from 0 on.")
        self.timeout = timeout
        self.retries = retries
        self._headers = {
            "User-Agent": f"tellapart/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._http: httpx.AsyncClient | None = None

    def __getstate__(self) -> dict[str, object]:
        """For a pickle: a copy opens connections of its own."""
        return {**self.__dict__, "_http": None}

    def forget(self, *also: object) -> None:
        """Leave the connections, and what else they need, to the process that this one was forked
        from. What is let go of here would be closed, and complain of its event loop: so it is
        kept."""
        _left_behind.append((self._http, *also))
        self._http = None

    async def close(self) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def predict(self, picture: Picture, asked: Asked) -> Prediction:
        path, query = asked.path, asked.query
        with naming(picture):
            at_once = isinstance(picture, bytes)  # nothing that others would wait for
            content = sendable(picture) if at_once else await asyncio.to_thread(sendable, picture)
            answer = await self._answer("POST", path, query, content)
            if answer.status == _NO_PICTURE and (error := no_picture(picture, content)):
                raise error
            return prediction_of(value_of(answer, self.url), self.url)

    async def tried(self, picture: Picture, errors: str, asked: Asked) -> Prediction | PictureError:
        """The same; with `errors="return"` the error of a picture in place of its answer."""
        try:
            return await self.predict(picture, asked)
        except PictureError as error:
            if errors == "raise":
                raise
            return error

    async def models(self) -> list[Served]:
        return models_of(value_of(await self._answer("GET", "/v1/models"), self.url), self.url)

    async def model(self, name: str) -> Served:
        return model_of(value_of(await self._answer("GET", _place_of(name)), self.url))

    async def ready(self) -> bool:
        try:
            asked = self._once("GET", "/readyz", {}, b"")
            answer = await asyncio.wait_for(asked, self.timeout)
        except (asyncio.TimeoutError, httpx.TransportError):
            return False
        if answer.status in _BUSY:
            return False
        value_of(answer, self.url)
        return True

    async def _answer(
        self, method: str, path: str, query: Mapping[str, str] = {}, content: bytes = b""
    ) -> Answer:
        """An answer that is no wish to come back later, within the time there is."""
        until = time.monotonic() + self.timeout
        tried = 0
        while True:
            tried += 1
            left = until - time.monotonic()
            failure: TellapartError
            asked: float | None = None
            try:
                answer = await asyncio.wait_for(self._once(method, path, query, content), left)
            except asyncio.TimeoutError as error:
                raise ServerError(
                    f"{self.url} did not answer within {self.timeout:g} seconds.",
                    hint="Try again later, or give it longer with timeout=SECONDS.",
                ) from error
            except httpx.TransportError as error:
                if not _passes(error):
                    raise ServerError(
                        f"{self.url} does not speak HTTP.",
                        hint="Another program has this port: give the address that tellapart serve "
                        "prints.",
                    ) from error
                failure = _unreachable(error, self.url)
                failure.__cause__ = error
            else:
                if answer.status not in _BUSY:
                    return answer
                failure = refusal(answer, self.url)
                asked = seconds_of(answer.headers.get("retry-after"))
            wait = pause(tried, asked, random.random())
            if tried > self.retries or time.monotonic() + wait >= until:
                raise failure
            await asyncio.sleep(wait)

    async def _once(
        self, method: str, path: str, query: Mapping[str, str], content: bytes
    ) -> Answer:
        """One request. What breaks before anything was answered is a `TransportError`; what breaks
        after that is not asked for again."""
        self._http = self._http or self._opened()
        async with self._http.stream(
            method, self.url + path, params=query, content=content or None
        ) as response:
            # A few packed bytes can be gigabytes, unpacked at one go and past every limit.
            packing = response.headers.get("content-encoding", "")
            if packing.strip().lower() not in ("", "identity"):
                raise ServerError(
                    f"{self.url} answered packed ({_cut(packing)}), though it was asked not to.",
                    hint="If a proxy stands before it, have that compress nothing.",
                    status=response.status_code,
                )
            body = bytearray()
            try:
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > _LARGEST:
                        raise ServerError(f"{self.url} answers more than {_LARGEST >> 20} MB.")
            except httpx.TransportError as error:
                raise ServerError(
                    f"{self.url} broke off in the middle of its answer.",
                    hint="What it wrote to its log says why; try again later.",
                ) from error
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, bytes(body))

    def _opened(self) -> httpx.AsyncClient:
        """A client that asks nothing of the environment: no proxy, no password file."""
        secure = None
        if self.url.startswith("https:"):
            secure = httpx.create_ssl_context(trust_env=False)
            secure.load_default_certs()  # an organisation's own are with the system's
        return httpx.AsyncClient(
            headers=self._headers,
            verify=secure or False,
            timeout=None,  # one clock for the whole call
            limits=httpx.Limits(keepalive_expiry=_IDLE),
            trust_env=False,
        )


def _checked_address(url: str) -> str:
    """An address without a slash at its end.

    Raises:
        UsageError: it is none.
    """
    try:
        found = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise _no_address(url) from error
    if found.scheme not in ("http", "https") or not found.host or found.query or found.fragment:
        raise _no_address(url)
    if found.userinfo:
        raise UsageError(
            "The address has a user's name in it, which is not sent.",
            hint="Give the server's token: Client(url, token).",
        )
    return str(found).rstrip("/")


def _checked_token(token: str | None) -> str:
    """A token without the end of the line that its file had; of None, as of a variable that is not
    set, none.

    Raises:
        UsageError: it is none.
    """
    if token is not None and not isinstance(token, str):
        raise UsageError("The token is no text.", hint="Read its file as text, not as bytes.")
    token = (token or "").strip()
    if not token.isascii() or not token.isprintable():
        raise UsageError(
            "The token has characters that no token has.",
            hint="It is one line: that of the file which the server takes its token from.",
        )
    return token


def _cut(text: str) -> str:
    return shown(text[:40])


def _no_address(url: str) -> UsageError:
    return UsageError(
        f"{shown(url)} is no address of a server.",
        hint="Give it as tellapart serve prints it, such as http://127.0.0.1:8000.",
    )


def _place_of(model: str) -> str:
    """Where a model is asked; a name is a part of the path by itself.

    Raises:
        UsageError: no model can have this name.
    """
    if "/" in model or model in ("", ".", ".."):
        raise UsageError(f"{shown(model) or 'Nothing'} cannot be a model's name.")
    return f"/v1/models/{quote(model, safe='')}"


def _passes(error: httpx.TransportError) -> bool:
    """Whether a failure may be over by the next try: not where h11, which reads the answer for
    httpcore, found that it is no HTTP."""
    read = error.__cause__ and error.__cause__.__context__
    return not isinstance(read, h11.RemoteProtocolError)


def _unreachable(error: httpx.TransportError, address: str) -> ServerError:
    """What to say where a connection failed, or broke before anything was answered."""
    if isinstance(error, httpx.ConnectError):
        said = shown(str(error)).rstrip(".")
        if "[SSL" in said and "CERTIFICATE" not in said:
            return ServerError(
                f"{address} does not speak TLS.",
                hint="tellapart serve itself speaks http://; https:// is for a proxy before it.",
            )
        return ServerError(
            f"{address} cannot be reached: {said[:1].lower()}{said[1:]}.",
            hint="Is tellapart serve running there, and is the port right?",
        )
    return ServerError(
        f"{address} closed the connection without an answer.",
        hint="If it uses TLS, its address begins with https; else its log says why.",
    )
