"""A form (multipart/form-data) -> the files in it, kept in memory and never on the disk."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from ..problems import HttpError, too_many

logging.getLogger(
    "python_multipart.multipart"
).disabled = True  # it warns of what is told to the client


async def parts_of(body: AsyncIterator[bytes], kind: str, most: int) -> list[tuple[str, bytes]]:
    """Name and content of each part, in their order; a part that is not called after a file is
    called after its field. `kind` is the Content-Type.

    Raises:
        HttpError: 400 where it is no form or holds nothing, 413 where it holds more than `most`.
    """
    boundary = parse_options_header(kind)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= 70:  # RFC 2046, section 5.1.1
        raise HttpError(400, "The Content-Type of the form has no boundary.", hint=_FORM)
    parts = _Parts(most)
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": parts.begin,
            "on_header_field": parts.on_field,
            "on_header_value": parts.on_value,
            "on_header_end": parts.header,
            "on_part_data": parts.data,
            "on_part_end": parts.end,
            "on_end": parts.finish,
        },
        max_header_count=8,
        max_header_size=4096,
    )
    try:
        async for piece in body:
            parser.write(piece)
    except FormParserError as error:
        raise HttpError(400, "The form is damaged.", hint=_FORM) from error
    if not parts.finished:
        raise HttpError(400, "The form ends too early.", hint=_FORM)
    if not parts.found:
        raise HttpError(400, "The form has no pictures in it.", hint=_FORM)
    return parts.found


_FORM = "With curl: -F picture=@a.jpg -F picture=@b.jpg; or send one picture as the body."


class _Parts:
    """What the parser finds, piece by piece."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.found: list[tuple[str, bytes]] = []
        self.finished = False
        self._field, self._value, self._name = bytearray(), bytearray(), ""
        self._content = bytearray()

    def begin(self) -> None:
        if len(self.found) == self.most:
            raise too_many(self.most)
        self._name = ""
        self._content = bytearray()

    def on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header(self) -> None:
        if self._field.lower() == b"content-disposition":
            named = parse_options_header(bytes(self._value))[1]
            name = named.get(b"filename") or named.get(b"name", b"")
            self._name = name.decode("utf-8", "replace")
        self._field, self._value = bytearray(), bytearray()

    def data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def end(self) -> None:
        self.found.append((self._name, bytes(self._content)))

    def finish(self) -> None:
        self.finished = True
