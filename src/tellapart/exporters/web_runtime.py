"""onnxruntime-web's files: fetched once by the npm client, checked, and kept in the cache.

They are pinned to one version. The package is held against its sha512, and each file against its
sha384 whenever it is read, so what goes into a page is what was tested; a page that links to a
public network carries the same sha384 for the browser to check.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from ..cache.stores import BROWSER_RUNTIME
from ..errors import ModelError
from ..files.atomic import write_atomically
from .npm import Watch, archive

VERSION = "1.30.0"
PACKAGE_SHA512 = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
SCRIPT = "ort.wasm.min.js"  # what a page calls
LOADER = "ort-wasm-simd-threaded.mjs"  # what that imports
PROGRAM = "ort-wasm-simd-threaded.wasm"  # what that runs
SHA384: Mapping[str, str] = {
    SCRIPT: "Bw6URI+Gvoadw0do7/QrSHUC9D1vCYYK5OSqChFyhyV5mzPL4oe2rOAFljAnS8Sq",
    LOADER: "XcXA/MtAf0WpB8e023xQH9CM7RIjiugakT7x99DIwpFf7k56BIFFcAPerIF7FDad",
    PROGRAM: "vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
}
NETWORK = "https://cdn.jsdelivr.net"
ADDRESS = f"{NETWORK}/npm/onnxruntime-web@{VERSION}/dist/"
LICENSE = f"""ONNX Runtime Web {VERSION}
Copyright (c) Microsoft Corporation

MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
_SIZE = 33_000_000  # bytes that npm fetches, about
_unkept: dict[str, bytes] = {}  # the files, where there is no cache to keep them


def runtime_files(watch: Watch = lambda fetching: None) -> Mapping[str, bytes]:
    """The three files by name: from the cache, or through npm where they are not there yet.

    `watch` is called with the progress of a download, if there is one.

    Raises:
        MissingExtraError: they are not in the cache, and there is no npm.
        ModelError: npm could not fetch them, or they are not the ones that were pinned.
    """
    folder = BROWSER_RUNTIME.folder() / VERSION
    if files := _read(folder) or _unkept:
        return files
    files = _unpacked(archive(f"onnxruntime-web@{VERSION}", _SIZE, watch))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(folder / name, content)
    except OSError:  # the next process fetches them again
        _unkept.update(files)
    return files


def at_hand() -> bool:
    """Whether they are here already, so that nothing is fetched."""
    return bool(_read(BROWSER_RUNTIME.folder() / VERSION) or _unkept)


def download_words() -> str:
    """What npm would fetch, from where, and how much."""
    return (
        f"npm downloads onnxruntime-web {VERSION} from its registry, once "
        f"({_SIZE // 10**6} MB). After that it works offline."
    )


def _read(folder: Path) -> dict[str, bytes] | None:
    try:
        files = {name: (folder / name).read_bytes() for name in SHA384}
    except OSError:
        return None
    return files if all(_good(name, content) for name, content in files.items()) else None


def _unpacked(archive: bytes) -> dict[str, bytes]:
    found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != PACKAGE_SHA512:
        raise ModelError(
            f"What npm fetched is not onnxruntime-web {VERSION} as it was published: refused.",
            hint="A mirror or a proxy may have changed it.",
        )
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
        for name in SHA384:
            member = members.extractfile(f"package/dist/{name}")
            files[name] = member.read() if member else b""
    if not all(_good(name, content) for name, content in files.items()):
        raise ModelError(f"onnxruntime-web {VERSION} does not hold the files it should: refused.")
    return files


def _good(name: str, content: bytes) -> bool:
    return base64.b64encode(hashlib.sha384(content).digest()).decode() == SHA384[name]
