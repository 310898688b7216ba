"""Work done in a process that is killed at one moment: before one of its calls of the system."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable

_CALLS = {"open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def killed_at(moment: int, work: Callable[[], object]) -> bool:
    """Do some work in a process that is killed before its so-manieth call of the system; whether
    it came to its end before."""

    def at(count: int) -> None:
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    code = os.waitstatus_to_exitcode(os.waitpid(_in_a_child(work, at), 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code == 0


def moments(work: Callable[[], object]) -> int:
    """How many calls of the system some work is, which is done."""
    reading, writing = os.pipe()
    child = _in_a_child(work, lambda count: os.write(writing, b"."))
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        count = len(said.read())
    assert os.waitpid(child, 0)[1] == 0
    return count


def _in_a_child(work: Callable[[], object], at: Callable[[int], object]) -> int:
    """Start some work, and call `at` with the number of each of its calls; the process."""
    child = os.fork()
    if child:
        return child
    count = 0

    def hear(event: str, given: object) -> None:
        nonlocal count
        if event in _CALLS:
            count += 1
            at(count)

    sys.addaudithook(hear)
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
