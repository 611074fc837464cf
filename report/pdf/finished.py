"""The folder of a finished sweep: summary, leaderboard and pictures."""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pydantic import ValidationError

from experiment.errors import InputError
from experiment.summary import Summary

WEIGHTS = "weights.png"  # only for pictures
PICTURES = ("parallel_coordinates.png", "learning_curves.png", "confusion.png", WEIGHTS)
LEADERBOARD = "leaderboard.csv"
AGAIN = "make sweep creates it again, mostly from the cache"


class Finished(NamedTuple):
    """The parts of a sweep that the submission uses."""

    summary: Summary
    leaderboard: pd.DataFrame  # the combinations, best first
    pictures: dict[str, bytes]  # PNG files, by name


def finished(folder: Path) -> Finished:
    """The finished sweep in a folder; InputError unless it is of this version and its files match its summary."""
    if folder.is_file():  # the name of the newest sweep, on file systems without links
        folder = folder.with_name(folder.read_text(errors="replace"))
    try:
        summary = Summary.model_validate_json((folder / "summary.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder}: no finished sweep; make sweep runs one") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); name another sweep's folder") from error
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "not JSON"
        raise InputError(f"{folder}: the summary has another version or was altered ({field}); {AGAIN}") from error
    drawn = [name for name in PICTURES if name != WEIGHTS or name in summary.files]
    files = {name: content_of(folder / name, summary.files.get(name)) for name in (LEADERBOARD, *drawn)}
    table = pd.read_csv(io.BytesIO(files.pop(LEADERBOARD)), keep_default_na=False, na_values=[""])
    # The row of a baseline has no rank.
    return Finished(summary, table.dropna(subset="rank").infer_objects(), files)


def content_of(path: Path, digest: str | None) -> bytes:
    """The content of a file; InputError unless its SHA-256 is `digest`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {AGAIN}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"{path}: not the file that the sweep wrote; {AGAIN}")
    return content
