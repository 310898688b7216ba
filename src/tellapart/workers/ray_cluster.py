"""The door to Ray: a cluster that is reached, or made of this machine's cores, and left again.

Ray reports its use to its maker unless it is told not to before it starts, looks up the machine's
address at somebody else's server, and lets whoever reaches its ports run programs. A cluster that
is made here is told not to report, hears this machine alone, and wants a token.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib import import_module
from types import ModuleType
from typing import Any

from ..errors import WorkersError, need
from ..text import shown
from .heard import cannot_be_used, check_heard
from .local import cores
from .ray_folder import own_folder

ADDRESS = "RAY_ADDRESS"
_LOCAL = "local"  # the address that stands for a new cluster
_SETTINGS = {  # before Ray is loaded
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # or it warns of a change to come
    "RAY_DISABLE_DOCKER_CPU_WARNING": "1",
    "RAY_NUM_REDIS_GET_RETRIES": "1",  # tries to reach a cluster, each of 40 seconds
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",  # all that it would print of deaths, on stdout
}
_CLUSTER = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # where not, it hears this machine alone
_SILENT: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}
_STORE = 256 * 2**20  # bytes of its object store on this machine: it holds the unit


def ray() -> ModuleType:
    """The module `ray`, which reports nothing.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ.update(_SETTINGS)
    try:
        return import_module("ray")
    except ImportError as error:
        raise need("ray", why="Ray") from error


@contextmanager
def cluster_at(address: str, say: Callable[[str], None]) -> Iterator[None]:
    """Have Ray on a cluster: at an address such as `ray://head:10001`, or, where that is empty, at
    `$RAY_ADDRESS`, on the cluster that this machine is of, or else on one that is made of this
    machine's cores and ends with the block. `say` gets a sentence on one that is being reached.

    Raises:
        MissingExtraError: Ray is not installed.
        WorkersError: there is no cluster at that address, or none can be made.
    """
    module = ray()
    if module.is_initialized():  # by the program that calls us
        yield
        return
    address = address or os.environ.get(ADDRESS, "")
    if address == _LOCAL:
        address = ""
    elif not address:
        address = _begun_here(module)
    if address:
        say(f"Connecting to the Ray cluster {shown(address)}.")
        check_heard(address)
    own = nullcontext("") if address else own_folder()
    with own as folder, _left_at_the_end(module, folder):
        try:
            with (
                warnings.catch_warnings(),
                _signals_left_alone(module._private.utils),
                _no_interrupt_lost(),
            ):
                warnings.simplefilter("ignore")
                logging.getLogger("ray").setLevel(logging.CRITICAL)
                if address:
                    module.init(address, **_SILENT)
                else:
                    _begin_here(module, folder)
        except Exception as error:  # of many kinds
            if address:
                raise cannot_be_used(address, _short(error)) from error
            raise WorkersError(f"Ray cannot begin on this machine: {_short(error)}.") from error
        yield


@contextmanager
def _left_at_the_end(module: ModuleType, folder: str) -> Iterator[None]:
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
def _no_interrupt_lost() -> Iterator[None]:
    """Ctrl-C while Python forks is raised in the release of a lock, where Python ignores it with a
    traceback: it is raised once more at the end."""
    before, is_lost = sys.unraisablehook, False

    def note(ignored: Any) -> None:
        nonlocal is_lost
        if issubclass(ignored.exc_type, KeyboardInterrupt):
            is_lost = True
        else:
            before(ignored)

    sys.unraisablehook = note
    try:
        yield
    finally:
        sys.unraisablehook = before
    if is_lost:
        raise KeyboardInterrupt


@contextmanager
def _signals_left_alone(utils: ModuleType) -> Iterator[None]:
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


def _begin_here(module: ModuleType, folder: str) -> None:
    """A cluster of this machine's cores. Ray lets in whoever knows its token: it is one that nobody
    else knows, and that is not written into the home folder."""
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ[_CLUSTER] = "0"  # for its processes; this one has read it already
    module._private.ray_constants.ENABLE_RAY_CLUSTER = False
    with _without_reporter(module._private.services):
        module.init(
            _LOCAL,
            num_cpus=cores(),
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=_STORE,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
            **_SILENT,
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
