"""The log: whole lines, which wait for nobody, and not the same one without end."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tellapart.server.records.access_log import Log, take_over

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a full pipe makes others wait")


@pytest.fixture
def pipe() -> Iterator[tuple[int, Log]]:
    """The end from which a log is read, and the log."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    with os.fdopen(writes, "w") as stream:
        yield reads, Log(stream, as_json=True, quiet=True)
    os.close(reads)


def read(descriptor: int) -> list[dict[str, Any]]:
    """The lines that are in a pipe."""
    content = b""
    while True:
        try:
            content += os.read(descriptor, 65536)
        except BlockingIOError:
            return [json.loads(line) for line in content.splitlines()]


def test_a_log_whose_reader_was_away_for_long_goes_on(pipe: tuple[int, Log]) -> None:
    descriptor, log = pipe
    for number in range(3000):
        log.warn(f"{number} {'y' * 200}")
    content = b""
    for number in range(3000, 3020):
        with_more = os.read(descriptor, 2**20)
        content += with_more
        log.warn(f"{number}")
    log.flush()
    content += os.read(descriptor, 2**20)
    lines = [json.loads(line)["message"] for line in content.splitlines()]
    assert lines[-1] == "3019"
    assert any("lines of this log were lost" in line for line in lines)


def test_at_the_end_what_waits_is_written_as_far_as_somebody_reads(pipe: tuple[int, Log]) -> None:
    descriptor, log = pipe
    for number in range(400):
        log.warn(f"{number} {'y' * 200}")
    first = os.read(descriptor, 2**20)
    log.flush()
    rest = os.read(descriptor, 2**20)
    assert json.loads((first + rest).splitlines()[-1])["message"].startswith("399 ")
    log.warn("z" * 2**17)
    log.flush(0.1)  # does not wait for a reader that never comes


def test_the_same_words_are_told_a_few_times_and_then_counted(
    pipe: tuple[int, Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor, log = pipe
    for _ in range(1000):
        log.warn("Too many open files.")
    log.warn("Something else.")
    said = [line["message"] for line in read(descriptor)]
    assert said == ["Too many open files."] * 5 + ["Something else."]
    monkeypatch.setattr("tellapart.server.records.access_log._WINDOW", -1.0)  # as if it had passed
    log.warn("Too many open files.")
    assert [line["message"] for line in read(descriptor)] == [
        "Too many open files. (995 times more before)"
    ]


@pytest.mark.parametrize(("quiet", "levels"), [(True, ["warning"]), (False, ["info", "warning"])])
def test_what_went_well_is_no_warning_and_a_quiet_log_leaves_it_out(
    capfd: pytest.CaptureFixture[str], quiet: bool, levels: list[str]
) -> None:
    before = list(logging.getLogger().handlers)
    take_over(Log(sys.stderr, as_json=True, quiet=quiet))
    try:
        logging.getLogger("tellapart.server.models").info("A new model answers.")
        logging.getLogger("tellapart.server.models").warning("It is gone.")
        logging.getLogger("someone.else").info("Hello.")
    finally:
        logging.getLogger().handlers[:] = before
    said = capfd.readouterr().err
    assert [json.loads(line)["level"] for line in said.splitlines()] == levels
