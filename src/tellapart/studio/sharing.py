"""What is taken out of a studio: the model as a folder or a zip, its report, and any export, each
written and proved by the library; and the commands that do the same."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..dataset.filenames import folded, safe_name
from ..errors import ModelError, TellapartError, UsageError
from ..exporters.export import TARGETS, ExportResult, export, readiness
from ..exporters.npm import Fetching
from ..files.workspaces import Workspace
from ..files.zipped import zipped
from ..report.gathering import content_of_training, without_pictures
from ..report.page import report_page
from ..report.reasons import with_reasons
from ..text import label_words, shown
from ..to_json import results as to_json
from ..training.result import TrainResult
from .commands import commands_for

_log = logging.getLogger(__name__)

_AS_IT_IS = "onnx"  # a form that needs nothing more, and changes nothing


@dataclass
class Job:
    """An export that is under way, is done, or has failed.

    Attributes:
        target: its row in the library's table.
        digest: of the model.
        place: the temporary folder that it is written into.
        began: when, by `time.monotonic()`.
        fetching: how far npm is, where it fetches something.
        result: what was written, once it is done.
        error: what went wrong, with what to do about it.
    """

    target: str
    digest: str
    place: Workspace
    began: float
    fetching: Fetching | None = None
    result: ExportResult | None = None
    error: TellapartError | None = None

    @property
    def is_over(self) -> bool:
        return bool(self.result or self.error)


class Sharing:
    """Takes out of a studio what it has; `newest` gives what was trained last, `trained` does so or
    says what is missing, and `tell` is called whenever `state` has changed."""

    def __init__(
        self,
        root: Path,
        newest: Callable[[], TrainResult | None],
        trained: Callable[[], TrainResult],
        tell: Callable[[], None],
    ) -> None:
        self.root = root
        self._newest = newest
        self._trained = trained
        self._tell = tell
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._working = threading.Lock()  # one export at a time: each takes all cores
        self._report: tuple[tuple[str, bool], str] | None = None

    @property
    def usual_name(self) -> str:
        """What the folder of the model is called, unless somebody says otherwise."""
        return f"{safe_name(self.root.name or 'pictures')}-model"

    def state(self) -> dict[str, object]:
        """What there is to be taken, and how far the exports are."""
        result = self._newest()
        with self._lock:
            jobs = dict(self._jobs)
        digest = result.classifier.digest if result else ""
        return {
            "model": bool(result),
            "labels": list(map(label_words, result.classifier.labels)) if result else [],
            "name": self.usual_name,
            "beside": shown(self.root.parent),
            "exports": {name: _told(job, digest) for name, job in jobs.items()},
        }

    def targets(self) -> list[dict[str, str]]:
        """The library's table of exports, with what each still needs here."""
        rows = []
        for name, row in TARGETS.items():
            ready = readiness(name)
            rows.append(
                {
                    "name": name,
                    "writes": row.writes,
                    "read_by": row.read_by,
                    "missing": ready.missing,
                    "extra": ready.extra,
                    "fetches": ready.fetches,
                }
            )
        return rows

    def commands(self, name: str, *, private: bool) -> dict[str, str]:
        """What to type in a terminal to do the same, for the model's folder of a name; see
        `commands`. It is exported in the form that was exported last, or as it is.

        Raises:
            ModelError: there is no model yet.
            UsageError: no folder may have this name.
        """
        result = self._trained()
        with self._lock:
            done = [job for job in self._jobs.values() if job.result]
        to = max(done, key=lambda job: job.began).target if done else _AS_IT_IS
        place = self._place(name)
        return commands_for(self.root, result.options, place, to=to, private=private)

    def save(self, name: str, *, private: bool = False, replace: bool = False) -> dict[str, str]:
        """Save the model as a folder beside the pictures, as `train` does: a model of the same
        pictures is replaced and kept as NAME.before, and with `replace` any model is.

        Raises:
            ModelError: there is no model yet.
            UsageError: no folder may have this name.
            DestinationError: something else is there, or it cannot be written.
        """
        result, place = self._trained(), self._place(name)
        change = result.replaces(place, replace=replace, private=private)
        result.save(place, private=private, replace=replace)
        kept = change.kept if change else None
        return {
            "folder": shown(place),
            "changed": change.words if change else "",
            "kept": shown(kept) if kept else "",
        }

    def zipped(self, *, private: bool = False) -> tuple[str, Iterator[bytes]]:
        """The folder that `save` would write, as the name and the pieces of a zip.

        Raises:
            ModelError: there is no model yet.
            DestinationError: the system's temporary folder is full.
        """
        result, apart = self._trained(), Workspace()
        with apart.filling() as folder:
            result.save(folder / "model", private=private)

        def pieces() -> Iterator[bytes]:
            try:
                yield from zipped(folder / "model", self.usual_name)
            finally:
                apart.remove()

        return f"{self.usual_name}.zip", pieces()

    def report(self, *, private: bool = False) -> str:
        """The page that `tellapart report` writes of the model.

        Raises:
            ModelError: there is no model yet.
        """
        result = self._trained()
        key = (result.classifier.digest, private)
        if (kept := self._report) and kept[0] == key:
            return kept[1]
        classifier = result.classifier.private() if private else result.classifier
        found = result.classifier.required_record().locate()
        content = with_reasons(content_of_training(classifier, found), of_training=True)
        page = report_page(without_pictures(content) if private else content)
        self._report = (key, page)
        return page  # and not what another thread may have kept meanwhile, with pictures

    def begin(self, target: str) -> None:
        """Begin an export of the newest model, in a thread; the one before of this form is gone.

        Raises:
            ModelError: there is no model yet.
            UsageError: there is no such form, or one is being written.
        """
        result, ready = self._trained(), readiness(target)
        if ready.missing:
            raise UsageError(f"{target} cannot be written here yet.", hint=ready.missing)
        if not self._working.acquire(blocking=False):
            raise UsageError("An export is being written.", hint="Wait until it is done.")
        try:
            job = Job(target, result.classifier.digest, Workspace(), time.monotonic())
            with self._lock:
                before, self._jobs[target] = self._jobs.get(target), job
            if before:
                before.place.remove()
            thread = threading.Thread(
                target=self._export, args=(job, result), name="exporting", daemon=True
            )
            thread.start()
        except BaseException:
            self._working.release()
            raise
        self._tell()

    def exported(self, target: str) -> tuple[str, Iterator[bytes]]:
        """An export that is done, as the name and the pieces of a zip.

        Raises:
            UsageError: there is none.
        """
        with self._lock:
            job = self._jobs.get(target)
        if not job or not job.result:
            raise UsageError(f"There is no export {shown(target)} to download.")
        folder = job.result.folder
        return f"{folder.name}.zip", zipped(folder, folder.name)

    def _export(self, job: Job, result: TrainResult) -> None:
        def fetching(now: Fetching) -> None:
            job.fetching = now
            self._tell()

        try:
            found = result.classifier.required_record().files()
            folder = job.place.folder / f"{self.usual_name}-{job.target}"
            job.result = export(result.classifier, job.target, folder, found, fetching=fetching)
        except TellapartError as error:
            job.error = error
        except Exception:  # the page says that it failed, and the log why
            _log.exception("An export has failed.")
            job.error = ModelError("This went wrong.", hint="The terminal says what it was.")
        finally:
            self._working.release()
            self._tell()

    def _place(self, name: str) -> Path:
        """The folder of a name beside the pictures.

        Raises:
            UsageError: not every system takes it as a folder's name, or it is that of the pictures.
        """
        if not name:
            raise UsageError("The folder needs a name.", hint=f"Such as {self.usual_name}.")
        if safe_name(name) != name:
            better = safe_name(name) if name.strip(". /\\") else self.usual_name
            raise UsageError(
                f"{shown(name)} cannot be the name of a folder on every system.",
                hint=f"Take another, such as {better}.",
            )
        if folded(name) == folded(self.root.name):
            raise UsageError(
                f"{shown(name)} is the folder of the pictures.",
                hint=f"Take another, such as {self.usual_name}.",
            )
        return self.root.parent / name


def _told(job: Job, digest: str) -> Mapping[str, object]:
    """How far an export is."""
    if job.error:
        return {"state": "failed", "error": job.error.message, "hint": job.error.hint}
    if job.result:
        proof = to_json.exported(job.result)
        return {**proof, "folder": "", "state": "done", "older": job.digest != digest}
    now = job.fetching
    return {
        "state": "working",
        "seconds": round(time.monotonic() - job.began),
        "fetched": now.done if now else 0,
        "size": now.size if now else 0,
    }
