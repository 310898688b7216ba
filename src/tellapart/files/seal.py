"""A seal: the sha256 of a file as its own last bytes, which tells any later change.

What comes before the digest is for each kind of file to choose, such that others who read the file
pass over both.
"""

from __future__ import annotations

import hashlib

DIGITS = 64  # of a sha256 in hex


def seal(body: bytes) -> bytes:
    """The same bytes, and then their digest in hex."""
    return body + _digest(body)


def is_whole(content: bytes) -> bool:
    """Whether sealed bytes are as they were written: each bit, and not one more or fewer."""
    return content[-DIGITS:] == _digest(memoryview(content)[:-DIGITS])


def is_sealed(content: bytes, header: bytes) -> bool:
    """Whether bytes end as a kind of file does whose digest follows `header`."""
    return content[-DIGITS - len(header) : -DIGITS] == header


def unsealed(content: bytes, header: bytes) -> bytes:
    """What was sealed, without `header`; the same bytes if nothing was."""
    return content[: -DIGITS - len(header)] if is_sealed(content, header) else content


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode("ascii")
