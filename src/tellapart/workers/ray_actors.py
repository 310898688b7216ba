"""Workers that are actors of a Ray cluster: a crew for `crew_map`, and the door to Ray.

Only Ray's core is used: the unit goes through its object store once, then parts go to the actors
and counts come back. The loop replaces an actor that dies, and not Ray. Each actor has one core.

Ray reports its use to its maker unless it is told not to before it starts, looks up the machine's
address at somebody else's server, and lets whoever reaches its ports run programs. A cluster that
is made here is told not to report, hears this machine alone, and wants a token.
"""

from __future__ import annotations

import logging
import os
import pickle
import secrets
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from ..errors import WorkersError, need
from ..text import shown
from ..version import __version__
from .copies import Copy
from .crew import Batch, Died, Done, News, crew_map
from .heard import cannot_be_used, check_heard
from .local import Map, Unit, cores

ADDRESS = "RAY_ADDRESS"
_SAID = {  # before Ray is loaded
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # or it warns of a change to come
    "RAY_DISABLE_DOCKER_CPU_WARNING": "1",
    "RAY_NUM_REDIS_GET_RETRIES": "1",  # tries to reach a cluster, each of 40 seconds
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",  # all that it would print of deaths, on stdout
}
_CLUSTER = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # where not, it hears this machine alone
_STORE = 256 * 2**20  # bytes of its object store on this machine: it holds the unit
_STEADY = 5.0  # seconds for which the size of a cluster is not looked up again
_SHORT = 12  # letters of a folder for temporary ones: a socket's path has 107 at most

In = TypeVar("In")
Out = TypeVar("Out")


def ray() -> ModuleType:
    """The module `ray`, which reports nothing.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ.update(_SAID)
    try:
        return import_module("ray")
    except ImportError as error:
        raise need("ray", why="Ray") from error


@contextmanager
def ray_map(address: str, say: Callable[[str], None]) -> Iterator[Map[Any, Any]]:
    """What runs a unit on a cluster: at an address such as `ray://head:10001`, or, where that is
    empty, at `$RAY_ADDRESS`, on the cluster that this machine is of, or else on one that is made of
    this machine's cores and ends with the block.

    Raises:
        MissingExtraError: Ray is not installed.
        WorkersError: there is no cluster at that address, or none can be made.
    """
    module = ray()
    if module.is_initialized():  # by the program that calls us
        yield partial(_actors_map, say=say)
        return
    with _connected(module, address or os.environ.get(ADDRESS, ""), say):
        yield partial(_actors_map, say=say)


def _actors_map(
    unit: Unit[In, Out], batches: Iterable[Sequence[In]], *, say: Callable[[str], None]
) -> Generator[Out, None, None]:
    return crew_map(Actors(unit), batches, say=say)


@contextmanager
def _connected(module: ModuleType, address: str, say: Callable[[str], None]) -> Iterator[None]:
    said: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    address = address or _begun_here(module)
    if address:
        say(f"Connecting to the Ray cluster {shown(address)}.")
        check_heard(address)
    own = nullcontext("") if address else _own_folder()
    with own as folder, _ended(module, folder):
        try:
            with warnings.catch_warnings(), _deaf_to_signals(module._private.utils):
                warnings.simplefilter("ignore")
                if address:
                    module.init(address, **said)
                else:
                    _begin_here(module, folder, said)
        except Exception as error:  # of many kinds
            if address:
                raise cannot_be_used(address, _short(error)) from error
            raise WorkersError(f"Ray cannot begin on this machine: {_short(error)}.") from error
        yield


@contextmanager
def _ended(module: ModuleType, folder: str) -> Iterator[None]:
    """Leave Ray at the end, however far it had come, and end all processes of the cluster that has
    its files in `folder`: some of them would look for the others only minutes later."""
    try:
        yield
    finally:
        own = _processes_of(folder) if folder else []
        module.shutdown()
        for one in own:
            with suppress(Exception):  # it has ended
                one.kill()


def _processes_of(folder: str) -> list[Any]:
    """Those that this process has begun with the name of a folder, and all below them."""
    processes = import_module("psutil")  # Ray brings it along
    found: list[Any] = []
    for one in processes.Process().children():
        with suppress(processes.Error):
            if any(folder in word for word in one.cmdline()):
                found += [one, *one.children(recursive=True)]
    return found


@contextmanager
def _deaf_to_signals(utils: ModuleType) -> Iterator[None]:
    """Whoever calls us says what SIGTERM does: with Ray's way, the program would end in the middle
    of its start, without a word."""
    take = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda handler: None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        utils.set_sigterm_handler = take  # type: ignore[attr-defined]


def _begun_here(module: ModuleType) -> str:
    """The address of the cluster that somebody made this machine a part of, with `ray start`; empty
    if nobody did. Ray's own search takes any that is at work here, such as another command's."""
    address: str | None = module._private.utils.read_ray_address()
    return address if address and address in module._private.services.find_gcs_addresses() else ""


def _short(error: Exception) -> str:
    """The line of an error that says most."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = lines[-1] if lines[0].endswith(":") else lines[0]
    return shown(line.strip().rstrip(".:"))


def _begin_here(module: ModuleType, folder: str, said: dict[str, Any]) -> None:
    """A cluster of this machine's cores. Ray lets in whoever knows its token: it is one that nobody
    else knows, and that is not written into the home folder."""
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ[_CLUSTER] = "0"  # for its processes; this one has read it already
    module._private.ray_constants.ENABLE_RAY_CLUSTER = False
    with _without_reporter(module._private.services):
        module.init(
            "local",
            num_cpus=cores(),
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=_STORE,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
            **said,
        )


@contextmanager
def _without_reporter(services: ModuleType) -> Iterator[None]:
    """Without a dashboard Ray begins its process all the same, to report its use alone. Told not to
    report, that still asks name servers and its neighbours in which cloud it is."""
    begin = services.start_api_server
    services.start_api_server = lambda *given, **named: ("", None)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        services.start_api_server = begin  # type: ignore[attr-defined]


@contextmanager
def _own_folder() -> Iterator[str]:
    """A temporary folder for Ray's sockets and logs, with a path that is short enough for them."""
    usual = tempfile.gettempdir()
    is_short = len(usual) <= _SHORT or not os.path.isdir("/tmp")
    folder = tempfile.mkdtemp(prefix="tellapart-ray-", dir=usual if is_short else "/tmp")
    try:
        yield os.path.join(folder, "ray")  # which Ray opens to everybody, and nobody gets there
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Actor(Copy):
    """What an actor is."""

    def begin(self, version: str, folder: str) -> News:
        """Start the unit, where this is the same release as the caller's; relative paths are then
        of the caller's `folder`."""
        if version != __version__:
            return Done(
                error=WorkersError(
                    f"The cluster has tellapart {__version__}, and this is {version}.",
                    hint="Install the same release on all of its machines.",
                )
            )
        with suppress(OSError):
            os.chdir(folder)
        return self.start()


class _Hired:
    """One actor, seen from the caller. What it was asked is done in order."""

    def __init__(self, crew: Actors, actor: Any) -> None:
        self._crew, self.actor = crew, actor

    def give(self, batch: Batch) -> None:
        self._crew.ask(self, self.actor.process.remote(pickle.dumps(batch)))

    def release(self) -> None:
        self._crew.ask(self, self.actor.finish.remote())


class Actors:
    """A crew of actors, as many as the cluster has cores, each with its own copy of a unit."""

    def __init__(self, unit: Unit[Any, Any]) -> None:
        self._ray = ray()
        self._content = self._ray.put(pickle.dumps(unit))
        self._made = self._ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Actor)
        self._hired: list[_Hired] = []
        self._asked: dict[Any, _Hired] = {}  # in order
        self._size, self._looked_up = 1, -_STEADY

    def size(self) -> int:
        """It may change, as machines come and go."""
        now = time.monotonic()
        if now - self._looked_up > _STEADY:
            self._size = max(1, int(self._ray.cluster_resources().get("CPU", 0)))
            self._looked_up = now
        return self._size

    def hire(self) -> _Hired:
        one = _Hired(self, self._made.remote(self._content))
        self._hired.append(one)
        self.ask(one, one.actor.begin.remote(__version__, os.getcwd()))
        return one

    def ask(self, one: _Hired, answer: Any) -> None:
        self._asked[answer] = one

    def news(self, seconds: float) -> Iterable[tuple[_Hired, News]]:
        asked = list(self._asked)
        self._ray.wait(asked, timeout=seconds)
        ready, _ = self._ray.wait(asked, num_returns=len(asked), timeout=0)
        for answer in ready:
            one = self._asked.pop(answer, None)
            if one is None:  # it has died
                continue
            news = self._told(answer)
            if isinstance(news, Died):
                self._forget(one)
            yield one, news

    def end(self) -> None:
        for one in [*self._hired]:
            self._forget(one)

    def _told(self, answer: Any) -> News:
        errors = self._ray.exceptions
        try:
            news: News = self._ray.get(answer)
        except errors.RayTaskError as error:
            return Done(error=WorkersError(f"A worker fails: {shown(str(error.cause))}"))
        except errors.RayError as error:
            return Died(_why(str(error)))
        return news

    def _forget(self, one: _Hired) -> None:
        """End an actor, also one that can only not be reached."""
        self._hired.remove(one)
        self._asked = {answer: who for answer, who in self._asked.items() if who is not one}
        with suppress(Exception):
            self._ray.kill(one.actor)


def _why(said: str) -> str:
    """Ray's many lines on a death, as the end of "A worker ..."."""
    if "No module named 'tellapart'" in said or "failed to import" in said:
        return "has no tellapart: install it on all machines of the cluster"
    if "node has died" in said or "node was terminated" in said or "NodeDied" in said:
        return "was on a machine that has left the cluster"
    if "low on memory" in said or "OutOfMemory" in said:  # Ray names lack of it as likely in any
        return "was ended, as its machine had too little memory left"
    return "was ended by the system, perhaps for lack of memory"
