"""The models that are served, each under its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..model.classifier import Classifier, load
from ..text import shown
from .problems import HttpError


class Models:
    """The models by name; the first is the one that is asked where no name is said."""

    def __init__(self, places: Mapping[str, Path]) -> None:
        """Load them all.

        Raises:
            ModelError: one cannot be loaded.
        """
        self.places = dict(places)
        self._loaded = {name: load(place) for name, place in places.items()}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._loaded)

    def get(self, name: str = "") -> Classifier:
        """The model of a name, or the first.

        Raises:
            HttpError: 404 where there is none of that name.
        """
        try:
            return self._loaded[name or self.names[0]]
        except KeyError:
            raise HttpError(
                404,
                f"There is no model {shown(name)} here.",
                hint=f"There are: {', '.join(self.names)}.",
            ) from None
