"""What a file has beside its bytes, taken along when it moves to another disk.

On one disk a moved file stays what it is. Onto another it is written anew: its times, permissions,
owner, access control lists and extended attributes are set again, as far as the system and the
disk let us, and what they do not keep is named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_NOT_OURS = frozenset({"security.selinux", "security.ima", "security.evm"})  # each system's own
_ACCESS = "system.posix_acl_access"


def take_along(source: Path, target: Path) -> frozenset[str]:
    """Give a new file what `source` has; returns in plain words what could not be kept."""
    try:
        found = source.stat()
    except OSError:  # it is gone, and the new file is all there is
        return frozenset()
    lost = {*_set_owner(found, target), *_set_extended(source, target)}
    mode = stat.S_IMODE(found.st_mode)
    if "owner" in lost:
        mode &= ~(stat.S_ISUID | stat.S_ISGID)
    if _ACCESS in lost:  # its mask stands where the group's rights do, and may be wider
        mode &= ~stat.S_IRWXG
    with suppress(OSError):
        os.chmod(target, mode)
    with suppress(OSError):
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
    now = target.stat()
    if stat.S_IMODE(now.st_mode) != stat.S_IMODE(found.st_mode):
        lost.add("permissions")
    if now.st_mtime_ns != found.st_mtime_ns:
        lost.add("exact times")
    if found.st_nlink > 1:
        lost.add("hard links to other names")
    return frozenset("access control list" if name == _ACCESS else name for name in lost)


def _set_owner(found: os.stat_result, target: Path) -> Iterator[str]:
    if not hasattr(os, "chown"):
        return
    now = target.stat()
    if now.st_uid != found.st_uid:
        with suppress(OSError):
            os.chown(target, found.st_uid, -1)
    if now.st_gid != found.st_gid:
        with suppress(OSError):
            os.chown(target, -1, found.st_gid)
    now = target.stat()
    if now.st_uid != found.st_uid:
        yield "owner"
    if now.st_gid != found.st_gid:
        yield "group"


def _set_extended(source: Path, target: Path) -> Iterator[str]:
    """Where Python can read extended attributes: on Linux."""
    if not hasattr(os, "listxattr"):
        return
    try:
        names = os.listxattr(source)
    except OSError:  # a disk that has none
        return
    for name in names:
        if name in _NOT_OURS:
            continue
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError:
            yield _ACCESS if name == _ACCESS else "extended attributes"
