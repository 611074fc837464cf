"""A finished sweep's folder: its figures and its pictures."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from experiment.errors import InputError
from experiment.summary import Summary

WEIGHTS = "weights.png"  # of square pictures alone
PICTURES = ("parallel_coordinates.png", "learning_curves.png", "confusion.png", WEIGHTS)
AGAIN = "make sweep makes it anew, most of it from the cache"


class Finished(NamedTuple):
    """What the submission takes from a sweep."""

    summary: Summary
    pictures: dict[str, bytes]  # PNG files, by name


def finished(folder: Path) -> Finished:
    """Return what a sweep's folder holds.

    Raises
    ------
    InputError : no finished sweep is there, it is another version's, or its files are not those of its summary
    """
    try:
        content = (folder / "summary.json").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder}: no finished sweep is there; make sweep runs one") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); name another sweep's folder") from error
    try:
        summary = Summary.model_validate_json(content)
    except ValidationError as error:
        what = ".".join(map(str, error.errors()[0]["loc"])) or "its text"
        raise InputError(f"{folder}: the summary is another version's, or altered ({what}); {AGAIN}") from error
    drawn = [name for name in PICTURES if name != WEIGHTS or name in summary.files]
    return Finished(summary, {name: picture(folder / name, summary.files.get(name)) for name in drawn})


def picture(path: Path, digest: str | None) -> bytes:
    """Return a picture's file, which must be the one that the sweep wrote."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {AGAIN}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"{path}: not the file that the sweep wrote; {AGAIN}")
    return content
