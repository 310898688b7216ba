"""Embeds the pictures of a folder at a place, as a process that can be killed: prints how many are
done, each worker that died, how many an earlier run had done, and a hash of all that came out.

    python far_driver.py FOLDER CACHE PLACE
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

from tellapart.backbones import parts
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.backbones.graph import network_of
from tellapart.backbones.rows import quality
from tellapart.workers.local import Unit
from tellapart.workers.places import Place, place_of


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def tell(sentence: str) -> None:
    if sentence.startswith("A worker "):
        say("lost", sentence)


def main(folder: str, cache: str, word: str) -> None:
    vars(parts)["SIZE"] = 32
    known = 0
    with place_of(word, tell) as place:

        def counted(
            unit: Unit[Any, Any], batches: Iterable[Sequence[Any]]
        ) -> Generator[Any, None, None]:
            nonlocal known
            for count in place.map(unit, batches):
                known += count.known
                yield count

        found = embed_all(
            sorted(Path(folder).iterdir()),
            Embedder(network_of(quality("fast")), Path(cache)),
            place=Place(word, counted, is_far=True) if place.is_far else place,
            progress=lambda done: say("done", done),
        )
    digest = hashlib.sha256(found.vectors.tobytes() + found.properties.tobytes())
    digest.update(repr(([*found.digests], found.unreadable)).encode())
    say("known", known)
    say("hash", digest.hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
