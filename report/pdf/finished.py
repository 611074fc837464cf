"""A finished sweep's folder: its figures and its pictures."""

import csv
import hashlib
import io
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from experiment.errors import InputError
from experiment.summary import Summary

WEIGHTS = "weights.png"  # of pictures alone
PICTURES = ("parallel_coordinates.png", "learning_curves.png", "confusion.png", WEIGHTS)
LEADERBOARD = "leaderboard.csv"  # with a baseline's figures in a row of no rank
AGAIN = "make sweep makes it anew, most of it from the cache"


class Finished(NamedTuple):
    """What the submission takes from a sweep."""

    summary: Summary
    leaderboard: list[dict[str, str]]  # of the combinations, best first
    pictures: dict[str, bytes]  # PNG files, by name


def finished(folder: Path) -> Finished:
    """Return what a sweep's folder holds.

    Raises
    ------
    InputError : no finished sweep is there, it is another version's, or its files are not those of its summary
    """
    if folder.is_file():  # the newest sweep's name, on a file system without links
        folder = folder.with_name(folder.read_text(errors="replace"))
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
    table, *pictures = [content_of(folder / name, summary.files.get(name)) for name in (LEADERBOARD, *drawn)]
    rows = csv.DictReader(io.StringIO(table.decode("utf-8"), newline=""))
    return Finished(summary, [row for row in rows if row["rank"]], dict(zip(drawn, pictures, strict=True)))


def content_of(path: Path, digest: str | None) -> bytes:
    """A file's content, which must be what the sweep wrote."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {AGAIN}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"{path}: not the file that the sweep wrote; {AGAIN}")
    return content
