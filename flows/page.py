"""`python -m flows page`: the page of a sweep, in the browser."""

import os
import sys
import webbrowser
from pathlib import Path

from execution.advice import short
from execution.config import Execution
from execution.storage import layout
from execution.storage.choose import storage_at
from experiment.errors import InputError
from report.page import PAGE


def page(name: str = layout.LATEST.rpartition("/")[2], *, artifacts: Path = Execution().artifacts) -> int:
    """Open a sweep's page in the browser, and say where it is.

    Parameters
    ----------
    name
        Of the sweep; left out, the newest.
    artifacts
        The artifact root.
    """
    path = storage_at(artifacts).local(f"{layout.SWEEPS}/{name}/{PAGE}")
    if not path.exists():
        raise InputError(f"{short(str(path))}: there is no such page; run the sweep first, or name another one")
    print(short(str(path)))
    # Elsewhere Python may find a browser that lives in the terminal, and shows no chart.
    if {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys() or sys.platform in ("darwin", "win32"):
        webbrowser.open(path.as_uri())
    return 0
