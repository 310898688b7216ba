"""A page that classifies in the browser: a folder, or one HTML file with everything in it.

The model and onnxruntime-web travel in the page as text (gzip, base64), because a page opened from
a folder may not fetch its neighbours. Pixels enter the graph at the picture's own size: resizing is
the model's, not the canvas's.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import shutil
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MissingExtraError, ModelError
from ..model.classifier import Classifier
from ..text import label_words, several
from ..version import __version__
from .npm import Watch
from .target import Export, Readiness, Target
from .web_proof import prove
from .web_runtime import (
    ADDRESS,
    LICENSE,
    LOADER,
    NETWORK,
    PROGRAM,
    SCRIPT,
    SHA384,
    VERSION,
    at_hand,
    download_words,
    runtime_files,
)

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["PAGE", "prepare", "prove", "readiness", "write"]

PAGE = "index.html"
_SOURCES = Path(__file__).parent / "web_page"
_FEW = 5  # labels that a title can name
_SHORT = 60  # letters of such a title


def readiness(target: Target) -> Readiness:
    """Whether npm has to fetch onnxruntime-web's files first, and whether it is there."""
    if at_hand():
        return Readiness()
    if shutil.which("npm"):
        return Readiness(fetches=download_words())
    return Readiness(missing="Install Node.js, which brings npm.", fetches=download_words())


def prepare(cdn: bool, watch: Watch) -> None:
    """Have onnxruntime-web's files here; a page that links to them needs them only for its proof.

    Raises:
        MissingExtraError: they are not in the cache, and there is no npm.
        ModelError: npm could not fetch them, or they are not the ones that were pinned.
    """
    if not cdn:
        runtime_files(watch)
    elif find_spec("playwright"):
        with suppress(MissingExtraError, ModelError):  # the proof says so
            runtime_files(watch)


def write(export: Export) -> None:
    """Write the page; the setting `form` is `folder` or `page`, the latter being one file."""
    scripts = _scripts(export)
    style = (_SOURCES / "page.css").read_text("utf-8")
    network = f" {NETWORK}" if export.cdn else ""
    asked = network or " 'none'"
    if export.target.settings["form"] == "folder":
        for name, content in {**scripts, "page.css": style}.items():
            (export.folder / name).write_text(content, "utf-8")
        own, blocks = "'self' file:", [f'<script src="{name}"></script>' for name in scripts]
        style_source, style_block = own, '<link rel="stylesheet" href="page.css">'
    else:
        own = " ".join(_hash_source(content) for content in scripts.values())
        blocks = [f"<script>{content}</script>" for content in scripts.values()]
        style_source, style_block = _hash_source(style), f"<style>{style}</style>"
    if export.cdn:
        blocks.insert(0, _link())
    else:
        (export.folder / "LICENSE-onnxruntime.txt").write_text(LICENSE, "utf-8")
        blocks.insert(0, f"<!--\n{LICENSE}-->")
    policy = (
        f"default-src 'none'; script-src {own}{network} blob: 'wasm-unsafe-eval'; "
        f"style-src {style_source}; connect-src{asked}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _filled(export.classifier, policy, style_block, blocks)
    (export.folder / PAGE).write_text(page, "utf-8")


def _scripts(export: Export) -> dict[str, str]:
    """The page's scripts by name, in the order in which they run."""
    classifier = export.classifier
    labels, threshold = list(classifier.labels), classifier.unknown_above
    scripts = {
        "model.js": f"var tellapart = {{ labels: {_literal(labels)}, "
        f"unknownAbove: {_literal(threshold)} }};\n"
        f'tellapart.model = "{_packed(classifier.content)}";\n'
    }
    if export.cdn:
        parts: dict[str, dict[str, str]] = {
            key: {"address": ADDRESS + name, "integrity": f"sha384-{SHA384[name]}"}
            for key, name in (("loader", LOADER), ("program", PROGRAM))
        }
    else:
        files = runtime_files()
        scripts = {SCRIPT: files[SCRIPT].decode(), **scripts}
        parts = {
            "loader": {"text": _packed(files[LOADER])},
            "program": {"text": _packed(files[PROGRAM])},
        }
    scripts["runtime.js"] = (
        f"// ONNX Runtime Web {VERSION}, Copyright (c) Microsoft Corporation, MIT License.\n"
        f"tellapart.runtime = {_literal(parts)};\n"
    )
    for name in ("engine.js", "page.js"):
        scripts[name] = (_SOURCES / name).read_text("utf-8")
    return scripts


def _link() -> str:
    return (
        f'<script src="{ADDRESS}{SCRIPT}" integrity="sha384-{SHA384[SCRIPT]}" '
        'crossorigin="anonymous" referrerpolicy="no-referrer"></script>'
    )


def _packed(content: bytes) -> str:
    """gzip and base64; equal contents give equal texts."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _literal(value: object) -> str:
    """JSON that may stand inside a script element: nothing in it can close the element."""
    return json.dumps(value).replace("<", "\\u003c")


def _hash_source(content: str) -> str:
    """How a content security policy admits exactly this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _filled(classifier: Classifier, policy: str, style: str, blocks: list[str]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_SOURCES), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html").render(
        title=page_title(classifier.labels),
        labels=classifier.labels,
        pictures=several(sum(classifier.manifest.counts), "picture"),
        version=__version__,
        policy=_as_it_is(html.escape(policy, quote=False)),
        style=_as_it_is(style),
        scripts=_as_it_is("\n".join(blocks)),
    )


def _as_it_is(text: str) -> Markup:
    from markupsafe import Markup

    return Markup(text)


def page_title(labels: tuple[str, ...]) -> str:
    """`darth vader or elsa?`, or how many there are to choose from."""
    *others, last = (label_words(label) for label in labels)
    title = f"{', '.join(others)} or {last}?"
    if len(labels) > _FEW or len(title) > _SHORT:
        return f"Which of {len(labels)} is it?"
    return title
