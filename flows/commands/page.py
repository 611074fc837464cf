"""`python -m flows page`: a sweep's page in the browser."""

import os
import sys
import webbrowser

from execution.advice import short
from execution.storage import layout, storage_at
from experiment.errors import InputError
from report.page import PAGE


def page(name: str = layout.LATEST.rpartition("/")[2], *, artifacts: str = "artifacts") -> int:
    """Open a sweep's page in the browser, and print its path.

    Parameters
    ----------
    name
        Name of the sweep. Default: the newest.
    artifacts
        The artifact root.
    """
    storage, key = storage_at(artifacts), f"{layout.SWEEPS}/{name}/{PAGE}"
    if not storage.exists(key):
        where = short(storage.where(key))
        raise InputError(f"{where}: there is no such page: run the sweep first, or give another name")
    path = storage.local(key)
    print(short(str(path)))
    # Without a display Python may find a terminal browser, which shows no charts.
    if {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys() or sys.platform in ("darwin", "win32"):
        webbrowser.open(path.as_uri())
    return 0
