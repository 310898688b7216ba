"""The command line: its commands put together, and one place that turns errors into messages."""

from __future__ import annotations

import errno
import gc
import io
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from typing import Annotated

import typer

from ..errors import TellapartError
from ..files.system import WINDOWS
from ..text import shown
from . import interrupts
from .commands import (
    add,
    cache,
    check,
    collect,
    compare,
    demo,
    explain,
    export,
    fix,
    gaps,
    guess,
    info,
    labels,
    piles,
    report,
    retrain,
    serve,
    sort,
    split,
    studio,
    suggest,
    test,
    train,
    watch,
    what_if,
)
from .commands.options import complain
from .flags import in_flags
from .on_disk import OnDisk

app = typer.Typer(
    name="tellapart",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Folders of labelled pictures in, a tested image classifier out: in seconds, offline.

    \b
    See it work on pictures it draws itself:
      tellapart demo

    \b
    Put your pictures into one folder per label. Then train, guess, and test:
      photos/elsa/*.jpg  photos/darth_vader/*.jpg
      tellapart train photos/ -o heroes
      tellapart guess heroes picture.jpg
      tellapart test heroes photos-i-kept-back/

    \b
    Ask why a picture got its label, and see maps in a browser:
      tellapart explain heroes picture.jpg --open

    \b
    Sort a folder of new pictures by copying them, and undo it if you do not like it:
      tellapart sort heroes inbox/ sorted/
      tellapart sort --undo sorted/

    Every command has --help, and --json if it prints results.
    tellapart sends nothing anywhere but to addresses that you give. collect asks servers at those
    in its list; any command, those that you give for pictures (s3://, gs://, hf:// or https://).
    guess --to writes answers to one, and a cache at one (TELLAPART_CACHE) is read and written.
    """,
)
cache_app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="""Look after what is kept between runs: embeddings and networks.

    \b
    tellapart cache info
    tellapart cache clear

    The network reads each picture once. tellapart keeps the result under the picture's content, so
    moving or renaming pictures costs nothing. Clearing the cache only costs time.
    """,
)


def _summary(function: Callable[..., None]) -> str:
    """The first line of a command's docstring, which --help would cut."""
    return (function.__doc__ or "").split("\n", 1)[0]


def _add(function: Callable[..., None]) -> None:
    app.command(cls=OnDisk, short_help=_summary(function))(function)


app.add_typer(
    cache_app,
    name="cache",
    short_help="Look after what is kept between runs: embeddings and networks.",
)
_add(studio.studio)
_add(train.train)
_add(guess.guess)
_add(test.test)
_add(explain.explain)
app.command(cls=what_if.InOrder, short_help=_summary(what_if.what_if))(what_if.what_if)
_add(sort.sort)
_add(watch.watch)
_add(add.add)
_add(split.split)
_add(labels.labels)
_add(check.check)
_add(fix.fix)
_add(collect.collect)
_add(compare.compare)
_add(suggest.suggest)
_add(piles.piles)
_add(gaps.gaps)
_add(report.report)
_add(export.export)
_add(serve.serve)
_add(info.info)
_add(demo.demo)
app.command(
    context_settings={"ignore_unknown_options": True}, short_help=_summary(retrain.retrain)
)(retrain.retrain)
cache_app.command("dir", short_help=_summary(cache.cache_dir))(cache.cache_dir)
cache_app.command("info", short_help=_summary(cache.cache_info))(cache.cache_info)
cache_app.command("verify", short_help=_summary(cache.cache_verify))(cache.cache_verify)
cache_app.command("merge", short_help=_summary(cache.cache_merge))(cache.cache_merge)
cache_app.command("clear", short_help=_summary(cache.cache_clear))(cache.cache_clear)


def _version(wanted: bool) -> None:
    if wanted:
        from ..version import __version__

        typer.echo(f"tellapart {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; every expected error becomes a sentence and an exit code."""
    # One thread for numpy: faster on matrices as small as ours, and the same sums on every machine.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.filterwarnings("ignore", module="PIL")  # remarks on tags in files, not for users
    _open_streams()
    _hush_codecs()
    gc.set_threshold(100_000, 20, 20)  # a command makes few cycles, and most objects stay
    interrupts.hear_termination()
    code = _run()
    _clear_leftovers()
    for number in (signal.SIGINT, signal.SIGTERM):  # all is done; Python takes a while to end
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()  # less of a while without a search for cycles: the system frees it all
    sys.exit(code)


def _clear_leftovers() -> None:
    """Remove temporary folders that killed runs left behind; now, when nobody waits."""
    from ..files.workspaces import clear_leftovers

    with suppress(KeyboardInterrupt):
        clear_leftovers()


def _open_streams() -> None:
    """Open /dev/null for each standard stream that was closed before we began.

    So output to it is dropped, and the system gives none of our files its descriptor.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _hush_codecs() -> None:
    """Silence codecs, which write remarks on damaged pictures straight to file descriptor 2.

    Our own stderr becomes a copy of it.
    """
    try:
        copy = os.dup(2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    except OSError:  # there is no stderr to speak of
        return
    sys.stderr = os.fdopen(copy, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        chosen = "PYTHONIOENCODING" in os.environ
        # Windows would write what is piped in the letters of one part of the world.
        piped = WINDOWS and not chosen and not sys.stdout.isatty()
        sys.stdout.reconfigure(encoding="utf-8" if piped else None, errors="backslashreplace")


def _only(name: str) -> typer.Typer:
    """The app with only this command, if it is one: building all of them takes a while."""
    function = name.replace("-", "_")
    asked = [c for c in app.registered_commands if c.callback and c.callback.__name__ == function]
    if not asked:
        return app
    small = copy(app)
    small.registered_commands, small.registered_groups = asked, []
    return small


def _call() -> int:
    """Run the command; Ctrl-C in it raises KeyboardInterrupt and nothing else."""
    try:
        interrupts.raise_once()
        arguments = sys.argv[1:]
        if "--fine-tune" in arguments:
            from .commands.train_settings import with_epochs

            arguments = with_epochs(arguments)
        asked = _only(arguments[0]) if arguments else app
        code = asked(arguments, prog_name="tellapart", standalone_mode=False)
        sys.stdout.flush()
    except Exception:  # Ctrl-C in the middle of an import can come out as any; others pass through
        if interrupts.came():
            raise KeyboardInterrupt from None
        raise
    if code == interrupts.EXIT_CODE:  # typer's way of telling of Ctrl-C
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _run() -> int:
    try:
        return _call()
    except TellapartError as error:
        complain(*in_flags(error).said)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        complain(interrupts.SENTENCE, "")
        interrupts.end_with_code()
        return interrupts.EXIT_CODE
    except SystemExit as error:  # of completion; or made of a broken pipe, by typer and rich
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        _close_stdout()
        return 0
    except BrokenPipeError:  # whoever read our output has seen enough
        _close_stdout()
        return 0
    except OSError as error:  # stdout on a full disk, say
        _close_stdout()
        if WINDOWS and error.errno == errno.EINVAL and not error.filename:  # its broken pipe
            return 0
        complain(f"The system refuses: {(error.strerror or str(error)).lower()}.", "")
        return TellapartError.exit_code
    except Exception as error:  # typer's errors of usage share no public base; others pass through
        show = getattr(error, "show", None)
        if show is None:
            raise
        said = str(getattr(error, "message", ""))
        if shut := re.fullmatch(r"\w+ '(.*)' is not (?:readable|writable)\.", said, re.DOTALL):
            complain(
                f"{shown(shut[1])} cannot be opened: permission denied.",
                "Give yourself permission to read it, or name another place.",
            )
        elif number := _NO_NUMBER.search(said):
            complain(f"{_about(error)} {shown(number[1])} is not {_NUMBERS[number[2]]}.", "")
        elif type(error).__name__ == "MissingParameter":
            path = getattr(getattr(error, "ctx", None), "command_path", "tellapart")
            complain(f"{path} needs {_about(error).rstrip('.')}.", f"{path} -h has examples.")
        else:
            show()
        return int(getattr(error, "exit_code", 2))


_NO_NUMBER = re.compile(r"^'(.*)' is not a valid (int|float)", re.DOTALL)
_NUMBERS = {"int": "a whole number", "float": "a number"}


def _about(error: Exception) -> str:
    """The option or argument that an error of usage is about, as --help calls it."""
    param = getattr(error, "param", None)
    names = [name for name in getattr(param, "opts", ()) if name.startswith("-")]
    return max(names, key=len) if names else str(getattr(param, "metavar", None) or "an argument")


def _close_stdout() -> None:
    """Drop what is not yet written; otherwise Python complains about it when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
