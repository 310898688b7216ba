"""Does one job: reads it as JSON from standard input, writes files, answers in one line of JSON.

The job is `{"form", "model", "folder", "pictures", "options"}`; the answer `{}`, or the error to
raise as `{"error", "message", "hint"}`, or the system's, as on a full disk, as `{"errno"}`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from ...errors import TellapartError
from ..anatomy import read_anatomy


def main() -> None:
    job = json.load(sys.stdin)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's own Keras runs on
    os.environ["KERAS_HOME"] = os.devnull  # its usual settings, and none are left in a home
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # writing a file needs none
    try:
        anatomy = read_anatomy(Path(job["model"]).read_bytes())
        from .forms import FORMS

        pictures = [Path(path) for path in job["pictures"]]
        FORMS[job["form"]](anatomy, Path(job["folder"]), pictures, **job["options"])
        answer: dict[str, str | int] = {}
    except TellapartError as error:
        message, hint = error.said
        answer = {"error": type(error).__name__, "message": message, "hint": hint}
    except OSError as error:
        if error.errno is None:
            raise
        answer = {"errno": error.errno}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


main()
