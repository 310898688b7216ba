"""Nothing is sent: the environment variable that must be set before a dependency is loaded.

ONNX Runtime reports to its maker from the moment it is loaded, unless this variable is set before.
The root of the package forbids it, so whoever has imported tellapart is safe, and so are
the processes that are started from there: they inherit the variable.
"""

from __future__ import annotations

import os
import sys

VARIABLE = "ORT_DISABLE_TELEMETRY"
_MEANS_YES = frozenset({"1", "true", "yes", "on"})

#: Whether ONNX Runtime was loaded before this could be said to it.
TOO_LATE = "onnxruntime" in sys.modules and os.environ.get(VARIABLE, "").lower() not in _MEANS_YES


def forbid() -> None:
    """Forbid the dependencies that are loaded from now on to report to their makers."""
    os.environ[VARIABLE] = "1"
