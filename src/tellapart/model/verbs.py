"""What a classifier can do, as methods that have the names of the commands.

Only this module imports from packages above it, and only when somebody calls a method.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from ..errors import PictureError
from ..images.decode import Picture, each_of
from ..workers.places import working_on

if TYPE_CHECKING:
    from ..assess.testing import TestResult
    from ..dataset.in_python import Source
    from ..explain.explanation import Explanation
    from ..exporters.export import ExportResult
    from ..sorting.plan import SortOptions
    from ..sorting.sort import SortResult
    from ..sorting.watching import Stop, Told
    from ..training.result import TrainResult
    from .answers.writing import AnswersWritten
    from .classifier import Classifier


class Verbs:
    """The methods that `Classifier` has beyond predicting, saving and loading."""

    def predict_scores(self, pictures: Iterable[Picture]) -> np.ndarray:
        """The scores of N pictures, float32 `[N,K]`, in the order of `labels`.

        >>> classifier = tellapart.load("heroes")
        >>> classifier.predict_scores(["a.jpg", "b.jpg"]).shape
        (2, 2)

        Raises:
            PictureError: one of them cannot be read; `path` says which.
            UsageError: one picture instead of several.
        """
        return self._rows(pictures, "scores")

    def predict_to(
        self,
        pictures: Iterable[Picture],
        to: str | os.PathLike[str],
        *,
        form: Literal["csv", "json", "parquet"] = "csv",
        embedding: bool = False,
        top: int | None = None,
        per_part: int = 1024,
        on: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> AnswersWritten:
        """Write the answers about any number of pictures into a folder, or to an address such as
        `s3://bucket/answers`, in shards of `per_part` pictures: `part-00000.csv` and so on, and
        `_SUCCESS` when all are there. A kill loses nothing: the same call goes on from there, also
        with more pictures after the others.

        A row has path, sha256, label, score, novelty, unknown, error, and the score of each label;
        an unreadable picture has path and error alone. A picture is a path, bytes or an array.
        `top` leaves out all but the likeliest scores, in JSON; `embedding` adds the embedding, in
        JSON or Parquet. `on` says where that is done, as for `train`. `progress` gets the count so
        far.

        >>> written = tellapart.load("heroes").predict_to(["a.jpg", "b.jpg"], "answers/")
        >>> written.total, written.parts
        (2, 1)

        Raises:
            UsageError: there are no pictures, or one that cannot be read again, or no such form.
            DestinationError: it cannot be written, or holds other answers or something else.
            ServerError: the server of several pictures in a row cannot be reached.
            MissingExtraError: Parquet or an address, and what knows it is not installed.
        """
        from .answers.writing import AnswerOptions, write_answers

        options = AnswerOptions(form, embedding, top, per_part)
        with working_on(on):
            return write_answers(self._classifier, pictures, to, options, progress=progress)

    def embed(self, pictures: Iterable[Picture]) -> np.ndarray:
        """The embeddings of N pictures, float32 `[N,D]`: similar pictures have similar ones.

        >>> tellapart.load("heroes").embed(["a.jpg", "b.jpg"]).shape
        (2, 1280)

        Raises:
            PictureError: one of them cannot be read; `path` says which.
            UsageError: one picture instead of several.
        """
        return self._rows(pictures, "embedding")

    def test(
        self, source: Source, *, follow_links: bool = False, on: str | None = None
    ) -> TestResult:
        """How often the model is right about labelled pictures, and where it is wrong.

        A source is whatever `train` takes, and so is `on`: where the pictures are embedded.

        >>> tellapart.load("heroes").test("photos-i-kept-back/").evaluation.accuracy.n
        12

        Raises:
            DatasetError: none of the pictures can be read and has a label of the model.
        """
        from ..assess.testing import evaluate

        with working_on(on):
            return evaluate(self._classifier, source, follow_links=follow_links)

    def add(self, source: Source, *, follow_links: bool = False) -> TrainResult:
        """A model that has learnt from more pictures, perhaps of new labels, with the same answers
        as one that is trained on all of them. The old pictures need not be there any more.

        A source is whatever `train` takes. The result is saved like that of a training.

        >>> result = tellapart.load("heroes").add("photos-i-kept-back/")
        >>> result.notes[0]
        'Added: 12 pictures of photos-i-kept-back.'
        >>> result.save("heroes-with-more")
        PosixPath('heroes-with-more')

        Raises:
            ModelError: this model has no training record.
            DatasetError: the source holds no pictures, or a label that looks like one of the
                model's and is another.
        """
        from ..training.adding import add

        return add(self._classifier, source, follow_links=follow_links)

    def explain(self, picture: Picture, *, own: str = "") -> Explanation:
        """Why a picture gets its label: where in it, because of which training pictures, in words.

        The label is compared with the runner-up, or with the picture's `own` label if it is known.

        >>> explanation = tellapart.load("heroes").explain("picture.jpg")
        >>> explanation.label
        'ice_queen'
        >>> explanation.words
        'ice queen 1.00. The middle argues most for it, ...'

        Raises:
            PictureError: it cannot be read.
            UsageError: the model does not know `own`.
        """
        from ..explain.explaining import explain

        return explain(self._classifier, picture, own=own)

    def sort(
        self,
        inbox: str | os.PathLike[str],
        destination: str | os.PathLike[str],
        options: SortOptions | None = None,
        *,
        on: str | None = None,
    ) -> SortResult:
        """Sort a folder of pictures into `destination` by what is in them; see `sorting.sort`. `on`
        says where the pictures are embedded, as for `train`.

        >>> result = tellapart.load("heroes").sort("inbox/", "sorted/")
        >>> result.total, result.results.name
        (12, 'results.csv')

        Raises:
            UsageError: there is no such inbox, or it is the destination.
            DestinationError: the destination cannot be written to, or holds another sort.
        """
        from ..sorting.sort import sort

        with working_on(on):
            return sort(self._classifier, inbox, destination, options)

    def watch(
        self,
        inbox: str | os.PathLike[str],
        destination: str | os.PathLike[str],
        options: SortOptions | None = None,
        *,
        quiet_time: float = 2.0,
        stop: Stop | None = None,
        reload_from: str | os.PathLike[str] | None = None,
    ) -> Iterator[Told]:
        """Sort pictures as they arrive in a folder, and tell of each; see `sorting.watching`.

        Ends when `stop` is set, say a `threading.Event`, or when nobody asks for more. A file is
        read when it has not changed for `quiet_time` seconds. Where `reload_from` is the folder
        that this model was loaded from, another that takes its place there is used from then on.

        >>> told = tellapart.load("heroes").watch("inbox/", "watched/", quiet_time=0)
        >>> sorted({type(one).__name__ for _, one in zip(range(8), told)})
        ['SkippedFile', 'SortStep', 'WatchNotice']

        Raises:
            UsageError: there is no such folder, or it is the destination.
            DestinationError: the destination cannot be written to, or holds another sort.
        """
        from ..sorting.watching import watch
        from .classifier import load
        from .on_disk import ModelOnDisk

        def load_(path: Path) -> Classifier:
            return load(path).admitting(self._classifier.admit)

        on_disk = ModelOnDisk(Path(reload_from), load_, self._classifier) if reload_from else None
        return watch(
            self._classifier,
            inbox,
            destination,
            options,
            quiet_time=quiet_time,
            stop=stop,
            renewed=on_disk.newer if on_disk else None,
        )

    def export(
        self,
        target: str,
        folder: str | os.PathLike[str],
        pictures: Iterable[str | os.PathLike[str]] = (),
    ) -> ExportResult:
        """Write the model in a form that other programs read; `target` as in `docs/exports.md`.

        It is proved on `pictures` (paths) first, or else on those it was trained on, where they
        still lie where they were.

        >>> tellapart.load("heroes").export("onnx", "for-others/").folder.name
        'for-others'

        Raises:
            UsageError: there is no such target, or no picture to prove it with.
            ModelError: its answers differ by more than the target admits; nothing is left.
            DestinationError: it cannot be written, or something else is there.
        """
        from ..exporters.export import export

        record = self._classifier.training_record
        known = record.files() if record else ()
        return export(
            self._classifier, target, folder, [Path(path) for path in pictures] or [*known]
        )

    @property
    def _classifier(self) -> Classifier:
        return cast("Classifier", self)

    def _rows(
        self, pictures: Iterable[Picture], name: Literal["scores", "embedding"]
    ) -> np.ndarray:
        """One of the things that are observed in each picture, as the rows of an array."""
        from .observe import observe

        rows: list[np.ndarray] = []
        for found in observe(self._classifier, each_of(pictures)):
            if isinstance(found, PictureError):
                raise found
            rows.append(found.scores if name == "scores" else found.embedding)
        if not rows:  # as wide as those of any picture
            (one,) = self._classifier.run(np.zeros((8, 8, 3), np.uint8), [name])
            return np.empty((0, len(one)), np.float32)
        return np.stack(rows)
