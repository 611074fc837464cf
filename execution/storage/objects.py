"""Storage under a prefix in a bucket of Amazon, Google, Azure or a compatible store."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from obstore.store import ObjectStore

from execution import faults
from execution.storage import copies, layout
from execution.storage.client import with_retry
from execution.storage.files import draft
from execution.storage.leases import LeasedLock
from experiment.values import Frozen

T = TypeVar("T")

ADDRESSED_BY_CONTENT = (layout.ARRAYS, layout.FILES)
PART = 8 * 2**20  # bytes fetched with one request
PARTS_AT_ONCE = 2  # parts of 5 MB that are sent in parallel
SECONDS_BETWEEN_LOOKS = 1.0  # at a flow run's marks, which trainings check after every epoch

_there: set[tuple[str, str]] = set()  # (store, key) of content-addressed objects known to exist
_absent: dict[tuple[str, str], float] = {}  # time at which a mark was found absent
_looking = threading.Lock()


class ObjectStorage(Frozen):
    """Objects lie below `url`, as `root` in `choose.py` gives it. See `Storage`."""

    remote: ClassVar[bool] = True

    url: str

    def get(self, key: str) -> bytes:
        return self.ask(lambda store: bytes(store.get(self.path(key)).bytes()))

    def put(self, key: str, content: bytes | Path, *, durable: bool = False) -> None:
        if isinstance(content, bytes) and kind(key) in ADDRESSED_BY_CONTENT:
            with draft(self.folder(layout.DRAFTS)) as file:
                file.write(content)
                file.flush()
                self.put(key, Path(file.name))
            return
        faults.point(f"{kind(key)} drafted")
        self.ask(lambda store: store.put(key, content, max_concurrency=PARTS_AT_ONCE))
        if isinstance(content, Path):
            copies.admit(self.home, content, key)  # so that this machine need not fetch it
            _there.add((self.url, key))
        _absent.pop((self.url, key), None)
        faults.point(f"{kind(key)} written")

    def exists(self, key: str) -> bool:
        here = (self.url, key)
        if here in _there:
            return True
        if kind(key) != layout.RUNS:
            found = self.head(key) is not None
            if found and kind(key) in ADDRESSED_BY_CONTENT:
                _there.add(here)
            return found
        with _looking:  # one training asks for all
            if time.monotonic() - _absent.get(here, -SECONDS_BETWEEN_LOOKS) < SECONDS_BETWEEN_LOOKS:
                return False
            if self.head(key) is not None:
                return True
            _absent[here] = time.monotonic()
            return False

    def list(self, prefix: str) -> Iterator[str]:
        try:
            below = self.ask(lambda store: store.list_with_delimiter(self.path(f"{prefix}/")))
        except FileNotFoundError:  # below `latest`, before any sweep has finished
            return
        names = {str(path).rpartition("/")[2] for path in below["common_prefixes"]}
        names |= {str(entry["path"]).rpartition("/")[2] for entry in below["objects"]}
        yield from (f"{prefix}/{name}" for name in sorted(names))

    def delete(self, key: str) -> None:
        self.remove([*(entry["path"] for entry in self.below(key)), key])

    def remove(self, keys: Sequence[str]) -> None:
        """Remove these objects, and this machine's copies."""
        with suppress(FileNotFoundError):  # some stores raise it
            self.ask(lambda store: store.delete(keys))
        for key in keys:
            self.forget(key)

    def set_aside(self, key: str) -> None:
        aside = f"{key}.bad-{time.time_ns()}"
        self.ask(lambda store: store.copy(key, aside))
        self.remove([key])

    def local(self, key: str, *, anew: bool = False) -> Path:
        lasting = kind(key) in ADDRESSED_BY_CONTENT
        path = self.home / key
        if lasting and not anew and copies.used(path):
            return path
        with copies.one_at_a_time(self.home, key):
            if lasting and not anew and copies.used(path):  # another process has fetched it
                return path
            try:
                self.fetch(self.path(key), key)
            except FileNotFoundError:
                self.forget(key)
                raise
        return path

    def fetch(self, source: str, key: str) -> None:
        """Fetch a copy of a non-empty object, part by part."""

        def part(start: int, size: int) -> tuple[bytes, int]:
            def ask(store: ObjectStore) -> tuple[bytes, int]:
                answer = store.get(source, options={"range": (start, start + size)})
                return bytes(answer.bytes()), answer.meta["size"]

            return self.ask(ask)

        with draft(self.folder(layout.DRAFTS)) as file:
            content, size = part(0, PART)
            file.write(content)
            for start in range(PART, size, PART):
                file.write(part(start, min(PART, size - start))[0])
            file.flush()
            copies.admit(self.home, Path(file.name), key)

    def forget(self, key: str) -> None:
        """Forget an object and remove its copy."""
        _there.discard((self.url, key))
        _absent.pop((self.url, key), None)
        if (path := self.home / key).is_file():
            path.unlink(missing_ok=True)

    def lock(self, key: str) -> LeasedLock:
        return LeasedLock(self.url, key)

    def folder(self, name: str) -> Path:
        path = self.home / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def where(self, key: str) -> str:
        return f"{self.url}/{key}"

    @property
    def home(self) -> Path:
        """This machine's folder for copies of the store."""
        return copies.home(self.url)

    def ask(self, ask: Callable[[ObjectStore], T], patience: float | None = None) -> T:
        return with_retry(self.url, ask, patience)

    def path(self, key: str) -> str:
        """The object's path. A folder's `latest` is an object that holds the newest one's name."""
        folder, latest, inside = key.partition("/latest/")
        return f"{folder}/{self.get(f'{folder}/latest').decode()}/{inside}" if latest else key

    def head(self, key: str) -> Any:
        """The object's metadata; None if there is no object."""
        try:
            return self.ask(lambda store: store.head(self.path(key)))
        except FileNotFoundError:
            return None

    def below(self, key: str) -> Sequence[Any]:
        """Metadata of every object below a folder."""
        return self.ask(lambda store: store.list(self.path(key)).collect())


def kind(key: str) -> str:
    return key.partition("/")[0]
