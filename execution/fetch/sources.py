"""Sources of Fashion-MNIST, asked in turn: earlier downloads, the course's NumPy files, Zalando's IDX files
(https://github.com/zalandoresearch/fashion-mnist), Debian's package of those.

The decoded arrays are verified, since the same pixels come as .npy, in Zalando's gzip and in Debian's.
"""

import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pooch
import requests
from filelock import FileLock
from numpy.typing import NDArray
from urllib3.exceptions import MaxRetryError

from execution.fetch.debian import DebianPackage, Installed
from experiment.data.formats import FASHION_MNIST, Arrays, Wanted, npy_name, verified
from experiment.errors import DataError, Unreachable


class Source(Protocol):
    """A source of the files. `fetch` yields (array, path of its file) and raises DataError or OSError when it cannot
    continue. It writes only into the folder `into`, which is empty at first."""

    @property
    def name(self) -> str: ...

    def fetch(self, wanted: Wanted, into: Path) -> Iterator[tuple[str, Path]]: ...


@dataclass(frozen=True)
class Kept:
    """Files that earlier runs or the user put into `folder`, under the course's or Zalando's names."""

    folder: Path

    @property
    def name(self) -> str:
        return f"Files kept in {self.folder}"

    def fetch(self, wanted: Wanted, into: Path) -> Iterator[tuple[str, Path]]:
        for array, expected in wanted.items():
            for file in (npy_name(array), expected.idx):
                if (self.folder / file).exists():
                    yield array, self.folder / file


@dataclass(frozen=True)
class Web:
    """Files below a base address.

    A failed connection (no such host, refused, no answer within `timeout[0]` seconds) gives up at once, for all files.
    Later failures (5xx, 429, a reset, a truncated body, `timeout[1]` seconds of silence) are tried `attempts` times in
    all, with pauses of `pause` × 1, 2, 4, … seconds ± 50 %.
    """

    name: str
    base: str
    idx: bool
    attempts: int = 4
    pause: float = 1.0
    timeout: tuple[float, float] = (10.0, 30.0)

    def fetch(self, wanted: Wanted, into: Path) -> Iterator[tuple[str, Path]]:
        for array, expected in wanted.items():
            path = into / (expected.idx if self.idx else npy_name(array))
            self.download(self.base + path.name, path)
            yield array, path

    def download(self, url: str, path: Path) -> None:
        get = pooch.HTTPDownloader(
            progressbar=sys.stderr.isatty(),
            chunk_size=1 << 16,
            timeout=self.timeout,
            headers={"Accept-Encoding": "identity"},  # or requests may unpack the .gz on the way
        )
        for attempt in range(1, self.attempts + 1):
            try:
                get(url, str(path), None)  # starts the file anew
                return
            except requests.RequestException as error:
                problem, passing = diagnose(error)
                if attempt == self.attempts or not passing:
                    tried = f" (tried {attempt} times)" if attempt > 1 else ""
                    raise DataError(f"{url}: {problem}{tried}") from error
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing
            time.sleep(self.pause * 2 ** (attempt - 1) * jitter)


def diagnose(error: requests.RequestException) -> tuple[str, bool]:
    """A description of the error, and whether another attempt may help."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):  # without retries requests raises this only for failed connections
        return f"cannot connect, {str(cause.reason).split(': ', 1)[-1]}", False
    if isinstance(error, requests.HTTPError):
        status = error.response.status_code
        return f"the server answered {status} {error.response.reason}", status >= 500 or status == 429
    broken = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return str(error), isinstance(error, broken)


SOURCES: tuple[Source, ...] = (
    Web("The course's NumPy files", "https://s3.amazonaws.com/jrwprojects/", idx=False),
    Web("Zalando's files", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", idx=True),
    Installed(),
    DebianPackage(),
)


def fashion_mnist(
    folder: Path, say: Callable[[str], None], *, sources: Sequence[Source] = SOURCES, expected: Wanted = FASHION_MNIST
) -> Arrays:
    """Fashion-MNIST: 60,000 training and 10,000 test images as (n, 784) uint8, labels 0–9 as (n,) int64.

    Parameters
    ----------
    folder : of fetched files, and the first source; one process at a time fetches into it. Incomplete downloads are in
        its subfolder `.partial`, which the next run empties. A file with unexpected content is set aside as
        `<name>.bad` (then `.bad2`, …) and not used again
    say : called with one line for each source that was asked: what it gave and what was wrong
    sources : asked after `folder`, in this order, each for the missing arrays

    Raises
    ------
    Unreachable : none of the sources has some array (a line for each says why)
    DataError : `folder` cannot be written to
    """
    staging = folder / ".partial"
    found: dict[str, NDArray[Any]] = {}
    answers = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            for source in (Kept(folder), *sources):
                wanted = {array: what for array, what in expected.items() if array not in found}
                if not wanted:
                    break
                shutil.rmtree(staging, ignore_errors=True)
                staging.mkdir()
                problems = collect(source, wanted, folder, staging, found)
                got = sum(array in found for array in wanted)
                answers.append("; ".join([f"{source.name}: {got} of {len(wanted)} arrays", *problems]))
                say(answers[-1])
            shutil.rmtree(staging)
    except OSError as error:
        raise DataError(f"{folder}: cannot store files ({error}): make it writable or choose another") from error
    if len(found) < len(expected):
        idx, npy = ", ".join(what.idx for what in expected.values()), ", ".join(map(npy_name, expected))
        raise Unreachable(
            "\n  ".join(["Fashion-MNIST could not be fetched from any source:", *answers])
            + f"\nPut its files ({idx}; or {npy}) into {folder}, or give a folder as data_dir."
        )
    return Arrays(**found)


def collect(source: Source, wanted: Wanted, folder: Path, staging: Path, found: dict[str, NDArray[Any]]) -> list[str]:
    """Add the wanted arrays that the source has to `found` and store their files; return the problems."""
    problems = []
    try:
        for array, path in source.fetch(wanted, staging):
            if array in found:  # present both as .npy and as IDX
                continue
            try:
                found[array] = verified(path, wanted[array])
            except (DataError, OSError) as error:
                names = (folder / f"{path.name}.bad{i if i > 1 else ''}" for i in count(1))
                aside = path.rename(next(name for name in names if not name.exists()))
                problems.append(f"{error}; set aside as {aside}")
            else:
                path.replace(folder / path.name)
    except (ValueError, OSError) as error:  # DataError, or an invalid Content-Length
        problems.append(str(error))
    return problems
