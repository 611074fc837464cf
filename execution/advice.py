"""Parts of the commands that messages tell a person to type."""

import os
import sys


def interpreter() -> str:
    """This run's Python: another one may lack the packages."""
    return short(sys.executable)


def extras() -> str:
    """The command that installs the optional packages."""
    return f"`make extras`, or {interpreter()} -m pip install --requirement requirements-extras.lock"


def short(path: str) -> str:
    """The path relative to the working directory, if that is shorter; addresses are unchanged."""
    return path if "://" in path else min(path, os.path.relpath(path), key=len)
