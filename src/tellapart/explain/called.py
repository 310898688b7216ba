"""What is said to whoever calls the package as if it were a function."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import NoReturn

from ..errors import UsageError


class ExplainModule(ModuleType):
    """`tellapart.explain` is a module in whatever order things are imported, and no function."""

    def __call__(self, *arguments: object, **options: object) -> NoReturn:
        raise UsageError(
            "tellapart.explain is a module, and cannot be called.",
            hint="Ask the model: classifier.explain(picture).",
        )


sys.modules[__package__].__class__ = ExplainModule
