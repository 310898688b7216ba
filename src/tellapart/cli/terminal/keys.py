"""One key at a time from a terminal, without Enter; and lines, where words are asked for.

Ctrl-C raises KeyboardInterrupt, as it does everywhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ENTER, END = "enter", "end"  # END: nobody types any more
OTHER = ""  # a key that stands for no letter, such as an arrow
_ESCAPE = "\x1b"
_REST = 0.02  # seconds in which the other bytes of an arrow come


def read_key() -> str:
    """The next key: a letter, `ENTER`, `END` or `OTHER`. Within `one_by_one`."""
    letter = _pressed()
    if letter in ("\r", "\n"):
        return ENTER
    if letter in ("", "\x04", "\x1a"):
        return END
    return letter if letter.isprintable() else OTHER


if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def one_by_one() -> Iterator[None]:
        """The terminal gives each key at once and shows none of them."""
        yield

    def read_line() -> str | None:
        """A line that is typed and can be corrected; None where nobody types any more."""
        line = sys.stdin.readline()
        return line.strip() if line else None

    def _pressed() -> str:
        letter = msvcrt.getwch()
        if letter == "\x03":
            raise KeyboardInterrupt
        if letter in ("\x00", "\xe0"):  # the first half of an arrow or a function key
            msvcrt.getwch()
            return _ESCAPE
        return letter

else:
    import select
    import termios
    import tty

    @contextmanager
    def one_by_one() -> Iterator[None]:
        """The terminal gives each key at once and shows none of them."""
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
        tty.setcbreak(number, termios.TCSADRAIN)
        try:
            yield
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)

    def read_line() -> str | None:
        """A line that is typed and can be corrected; None where nobody types any more."""
        with _in_lines():
            line = b""
            while not line.endswith(b"\n"):
                part = os.read(sys.stdin.fileno(), 1)
                if not part:
                    break
                line += part
        return line.decode("utf-8", "replace").strip() if line else None

    @contextmanager
    def _in_lines() -> Iterator[None]:
        """For a moment the terminal shows what is typed, and gives it with Enter."""
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
        lines = termios.tcgetattr(number)
        lines[3] |= termios.ECHO | termios.ICANON
        termios.tcsetattr(number, termios.TCSADRAIN, lines)
        try:
            yield
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)

    def _pressed() -> str:
        number = sys.stdin.fileno()
        first = os.read(number, 1)
        if first == _ESCAPE.encode():
            if _more(number) and os.read(number, 1) in (b"[", b"O"):  # up to the letter of an arrow
                while _more(number) and not b"@" <= os.read(number, 1) <= b"~":
                    pass
            return _ESCAPE
        more = sum(first >= bound for bound in (b"\xc0", b"\xe0", b"\xf0"))  # bytes of a letter
        whole = first + b"".join(os.read(number, 1) for _ in range(more))
        return whole.decode("utf-8", "replace")

    def _more(number: int) -> bool:
        return bool(select.select([number], [], [], _REST)[0])
