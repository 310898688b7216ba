"""Networks that take a while to build, built once and kept in the user's cache.

A file is named by a hash of all that it is built from, and holds the sha256 of the network before
the network itself: one that is damaged, or cannot be written, is built again and nothing fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from ..cache.stores import NETWORKS

_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Built:
    """What was built, and its sha256 in hex, which takes a while too."""

    content: bytes
    digest: str


def built_once(origin: str, build: Callable[[], bytes]) -> Built:
    """What `build` returns, from the cache if it was built before from the same `origin`.

    Without an origin it is built each time.
    """
    name = hashlib.sha256(origin.encode()).hexdigest()[:24] + ".network"
    kept = NETWORKS.read(name) if origin else None
    if kept:
        return Built(kept[_DIGEST:], kept[:_DIGEST].hex())
    content = build()
    digest = hashlib.sha256(content).digest()
    if origin:
        NETWORKS.keep(name, digest + content)
    return Built(content, digest.hex())
