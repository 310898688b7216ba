"""Which kind of system this is, where that makes a difference that can only be known, not tried."""

from __future__ import annotations

import os

WINDOWS = os.name == "nt"
"""An open file cannot be deleted, renamed or replaced there, nor can a folder that holds one."""
