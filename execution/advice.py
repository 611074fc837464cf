"""What goes into commands that a person is told to type."""

import os
import sys


def interpreter() -> str:
    """Return this run's Python: another one may lack everything."""
    return short(sys.executable)


def extras() -> str:
    """Return the command that installs what the default sweep does without."""
    return f"`make extras`, or {interpreter()} -m pip install --requirement requirements-extras.lock"


def short(path: str) -> str:
    """Return the path relative to where the user is, if that is shorter; an address as it is."""
    return path if "://" in path else min(path, os.path.relpath(path), key=len)
