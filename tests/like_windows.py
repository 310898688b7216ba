"""Makes this process, on Linux, as much like one on Windows as can be: imported before tellapart.

The calls and modules that only POSIX has are gone, and an open file, or a folder that holds one,
can be neither deleted nor renamed. What cannot be had here: `os.name`, by which pathlib chooses
its classes, the letters of drives, and names that Windows refuses.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import types
from collections.abc import Callable
from importlib import import_module
from typing import Any

# Availability: Unix, as the documentation of os and signal has it, and not Windows.
OS = frozenset(
    """
    O_ASYNC O_CLOEXEC O_DIRECT O_DIRECTORY O_DSYNC O_NDELAY O_NOATIME O_NOCTTY O_NOFOLLOW
    O_NONBLOCK O_PATH O_RSYNC O_SYNC WNOHANG chown chroot confstr copy_file_range ctermid
    eventfd fchdir fchown fdatasync fork forkpty fpathconf fstatvfs getegid geteuid getgid
    getgroups getloadavg getpgid getpgrp getpriority getresgid getresuid getsid getuid getxattr
    initgroups killpg lchown listxattr lockf major makedev memfd_create minor mkfifo mknod nice
    openpty pathconf pidfd_open pipe2 posix_fadvise posix_fallocate posix_spawn posix_spawnp
    pread preadv pwrite pwritev readv register_at_fork removexattr sched_getaffinity
    sched_setaffinity sched_yield sendfile setegid seteuid setgid setpgid setpriority setsid
    setuid setxattr statvfs sync sysconf tcgetpgrp ttyname uname wait wait3 wait4 waitid writev
    """.split()  # noqa: SIM905
)
SIGNAL = frozenset(
    """
    SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGTTIN
    SIGTTOU SIGUSR1 SIGUSR2 SIGWINCH alarm getitimer pause pthread_kill pthread_sigmask
    setitimer siginterrupt sigpending sigtimedwait sigwait sigwaitinfo
    """.split()  # noqa: SIM905
)
MODULES = frozenset(
    """
    fcntl grp pty pwd resource syslog termios tty
    """.split()  # noqa: SIM905
)


# What others made looks at the system when it is imported: that is before all this.
OTHERS = (
    *("ctypes", "tempfile", "concurrent.futures", "multiprocessing", "jinja2", "numpy", "onnx"),
    *("onnxruntime", "PIL.Image", "platformdirs", "rich.console", "rich.progress"),
    *("threadpoolctl", "typer", "asyncio", "httpx", "prometheus_client", "uvicorn"),
    *("starlette.applications", "starlette.middleware"),
)
_listdir, _readlink = os.listdir, os.readlink


def _held(path: Any) -> bool:
    """Whether this process has the file open, or a file in the folder."""
    place = os.path.realpath(os.fsdecode(path))
    for number in _listdir("/proc/self/fd"):
        try:
            held = _readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if held == place or held.startswith(f"{place}/"):
            return True
    return False


def _refusing(call: Callable[..., Any], *, new: bool = False) -> Callable[..., Any]:
    """A call that deletes or renames what its first arguments name."""

    def refused(*paths: Any, **more: Any) -> Any:
        at = more.get("dir_fd")
        for path in paths[:2]:
            if at is None and not os.path.islink(path) and _held(path):
                raise PermissionError(errno.EACCES, "The file is in use", os.fsdecode(path))
        if new and os.path.lexists(paths[1]):
            raise FileExistsError(errno.EEXIST, "It is there already", os.fsdecode(paths[1]))
        return call(*paths, **more)

    return refused


def be() -> None:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import shutil
    import subprocess
    from fcntl import LOCK_EX, LOCK_NB, flock

    for name in OTHERS:
        import_module(name)
    library: Any = shutil
    library._use_fd_functions = library._USE_CP_SENDFILE = False
    library = subprocess
    library._USE_POSIX_SPAWN = library._USE_VFORK = False
    locks: Any = types.ModuleType("msvcrt")
    locks.LK_NBLCK, locks.locking = 2, lambda number, mode, size: flock(number, LOCK_EX | LOCK_NB)
    for name in OS:
        if hasattr(os, name):
            delattr(os, name)
    for name in SIGNAL:
        if hasattr(signal, name):
            delattr(signal, name)
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    os.rename = _refusing(os.rename, new=True)
    os.replace = _refusing(os.replace)
    os.unlink = os.remove = _refusing(os.unlink)
    sys.modules["msvcrt"] = locks
    sys.platform = "win32"
    import tellapart.files.system

    tellapart.files.system.WINDOWS = True
