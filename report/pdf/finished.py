"""The folder of a finished sweep: summary, leaderboard and pictures."""

import csv
import hashlib
import io
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from experiment.errors import InputError
from experiment.summary import Summary

WEIGHTS = "weights.png"  # only for pictures
PICTURES = ("parallel_coordinates.png", "learning_curves.png", "confusion.png", WEIGHTS)
LEADERBOARD = "leaderboard.csv"  # the row of a baseline has no rank
AGAIN = "make sweep creates it again, mostly from the cache"


class Finished(NamedTuple):
    """The parts of a sweep that the submission uses."""

    summary: Summary
    leaderboard: list[dict[str, str]]  # rows of combinations, best first
    pictures: dict[str, bytes]  # PNG files, by name


def finished(folder: Path) -> Finished:
    """The finished sweep in a folder.

    Raises
    ------
    InputError : there is no finished sweep, it has another version, or its files do not match its summary
    """
    if folder.is_file():  # the name of the newest sweep, on file systems without links
        folder = folder.with_name(folder.read_text(errors="replace"))
    try:
        content = (folder / "summary.json").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder}: no finished sweep; make sweep runs one") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); name another sweep's folder") from error
    try:
        summary = Summary.model_validate_json(content)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "not JSON"
        raise InputError(f"{folder}: the summary has another version or was altered ({field}); {AGAIN}") from error
    drawn = [name for name in PICTURES if name != WEIGHTS or name in summary.files]
    table, *pictures = [content_of(folder / name, summary.files.get(name)) for name in (LEADERBOARD, *drawn)]
    rows = csv.DictReader(io.StringIO(table.decode("utf-8"), newline=""))
    return Finished(summary, [row for row in rows if row["rank"]], dict(zip(drawn, pictures, strict=True)))


def content_of(path: Path, digest: str | None) -> bytes:
    """The content of a file; InputError unless its SHA-256 is `digest`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {AGAIN}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"{path}: not the file that the sweep wrote; {AGAIN}")
    return content
