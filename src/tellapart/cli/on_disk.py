"""Paths on a command line that are addresses: refused before a command does anything."""

from __future__ import annotations

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

_PATHS = ("path", "file", "directory")
_MODELS = ("MODEL", "A", "B")
_READ = ("folder", "given", "photos", "picture", "pictures", "source", "test", "token_file")


class OnDisk(TyperCommand):
    """A command whose paths are all on this machine: what may be an address too is text to it."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        rest = super().parse_args(ctx, args)
        for parameter in self.params:
            text = ctx.params.get(parameter.name or "")
            if not isinstance(parameter, TyperArgument | TyperOption) or not isinstance(text, str):
                continue
            if self.name == "collect" and text.startswith(("http://", "https://")):
                continue  # it says itself what to do with one
            if parameter.type.name in _PATHS and ":" in text:
                _check(parameter, text, is_written=self.name == "demo")
        return rest


def _check(parameter: TyperArgument | TyperOption, text: str, *, is_written: bool) -> None:
    from ..files.on_disk import check_model_here, check_read_here, check_written_here

    options = [option for option in parameter.opts if option.startswith("-")]
    if not options and parameter.metavar in _MODELS:
        check_model_here(text)
        return
    name = min(options, key=len) if options else str(parameter.metavar)
    is_read = parameter.name in _READ and not is_written
    (check_read_here if is_read else check_written_here)(text, name)
