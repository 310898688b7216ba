"""How the command line calls the settings that errors name: each by its flag.

option("test=0") in an error -> --test none
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import TellapartError

FLAGS: Mapping[str, str] = {
    "admit=1": "--always-choose",
    "destination": "-o",
    "engine": "--engine tensorflow",
    "form=csv": "--csv",
    "form=json": "--json",
    "form=parquet": "--parquet",
    "how=link": "--link",
    "how=move": "--move",
    "overlays": "--png",
    "pictures": "--pictures FOLDER",
    "sgd": "--solver sgd",
    "test=0": "--test none",
    "time_limit": "--within",
    "time_limit=120": "--within 2m",
}
"""Those that are not called by their names; a value of True is said by the flag alone."""


def flag(setting: str, called: Mapping[str, str] = FLAGS, dash: str = "-") -> str:
    """`--follow-links` of `follow_links=True`, `--learning-rate 0.01` of `learning_rate=0.01`."""
    if setting in called:
        return called[setting]
    name, _, value = setting.partition("=")
    own = called.get(name, f"--{name.replace('_', dash)}")
    return f"{own} {value}" if own and value not in ("", "True") else own


def in_flags(error: TellapartError) -> TellapartError:
    """An error as the command line says it; of settings that have flags already nothing changes."""
    return error.spelt(flag)
