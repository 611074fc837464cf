"""Storage under a prefix in a bucket of Amazon, Google, Azure or a compatible store."""

import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO, Any, ClassVar, TypeVar

from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore

from execution import faults
from execution.storage import client, copies, folders, layout
from execution.storage.client import with_retry
from execution.storage.leases import LeasedLock
from experiment.errors import InputError, Unavailable
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

    def check(self, space: int) -> None:
        probe, once = f"{layout.DRAFTS}/{uuid.uuid4().hex}", client.PATIENCE_AT_START
        try:
            self.ask(lambda store: store.put(probe, b"", mode="create"), once)
            try:
                self.ask(lambda store: store.get(probe).bytes(), once)
                self.ask(lambda store: store.list_with_delimiter(layout.DRAFTS), once)
                self.ask(lambda store: store.put(probe, b"", mode="create"), once)
            except AlreadyExistsError:
                pass
            else:
                raise InputError(
                    f"artifacts: {self.url} ignores conditions on writes (If-None-Match), which locks need: use "
                    "another store, or a newer version"
                )
            finally:
                self.ask(lambda store: store.delete(probe), once)
        except (Unavailable, FileNotFoundError) as error:
            raise InputError(f"artifacts: {error}") from error
        try:
            with tempfile.TemporaryFile(dir=self.folder(layout.DRAFTS)):
                pass
            free = shutil.disk_usage(self.home).free
        except OSError as error:
            raise InputError(
                f"artifacts: copies of {self.url} go to {self.home}, which cannot be written to ({error.strerror}): "
                "set XDG_CACHE_HOME to another folder"
            ) from error
        if free < space:
            raise InputError(
                f"artifacts: copies of {self.url} go to {self.home}, where {free / 1e6:.0f} MB are free and this sweep "
                f"needs {space / 1e6:.0f} MB: make room, or set XDG_CACHE_HOME to another folder"
            )

    def get(self, key: str) -> bytes:
        return self.ask(lambda store: bytes(store.get(self.path(key)).bytes()))

    def put(self, key: str, content: bytes, *, durable: bool = False) -> None:
        if kind(key) in ADDRESSED_BY_CONTENT:
            with self.draft() as file:
                file.write(content)
                self.adopt(file, key)
            return
        faults.point(f"{kind(key)} drafted")
        self.ask(lambda store: store.put(key, content))
        faults.point(f"{kind(key)} written")

    def put_if_absent(self, key: str, content: bytes) -> bool:
        try:
            self.ask(lambda store: store.put(key, content, mode="create"))
        except AlreadyExistsError:
            return False
        finally:
            _absent.pop((self.url, key), None)
        return True

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

    def size(self, key: str) -> int:
        found = self.head(key)
        return sum(entry["size"] for entry in ([found] if found else self.below(key)))

    def draft(self) -> AbstractContextManager[IO[bytes]]:
        return copies.draft(self.home)

    def adopt(self, draft: IO[bytes], key: str) -> None:
        draft.flush()
        faults.point(f"{kind(key)} drafted")
        path = Path(draft.name)
        self.ask(lambda store: store.put(key, path, max_concurrency=PARTS_AT_ONCE))
        copies.admit(self.home, draft, key)  # so that this machine need not fetch it
        _there.add((self.url, key))
        faults.point(f"{kind(key)} written")

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

        with copies.draft(self.home) as file:
            content, size = part(0, PART)
            file.write(content)
            for start in range(PART, size, PART):
                file.write(part(start, min(PART, size - start))[0])
            copies.admit(self.home, file, key)

    def forget(self, key: str) -> None:
        """Forget an object and remove its copy."""
        _there.discard((self.url, key))
        _absent.pop((self.url, key), None)
        if (path := self.home / key).is_file():
            path.unlink(missing_ok=True)

    def lock(self, key: str) -> LeasedLock:
        return LeasedLock(self.url, key)

    def publish(self, folder: str, files: Mapping[str, bytes], latest: str, replaced: Collection[str]) -> None:
        # A store cannot exchange folders. So the old files are removed first: for a moment there are none, rather than
        # files of two sweeps. After a kill, running the sweep again, by then cached, writes them.
        old = {f"{folder}/{name}" for name in (*files, *replaced)}
        self.remove([entry["path"] for entry in self.below(folder) if entry["path"] in old])
        for name, content in files.items():
            self.put(f"{folder}/{name}", content)
        faults.point("publish in place")
        self.put(latest, folder.rpartition("/")[2].encode())

    def folder(self, name: str) -> Path:
        path = self.home / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def hand_over(self, made: Path, key: str) -> None:
        folders.hand_over(self, made, key)

    def gather(self, name: str) -> Sequence[Path]:
        return folders.gather(self, name)

    def where(self, key: str) -> str:
        return f"{self.url}/{key}"

    @property
    def home(self) -> Path:
        """This machine's folder for copies of the store."""
        return copies.home(self.url)

    def ask(self, ask: Callable[[ObjectStore], T], patience: float | None = None) -> T:
        return with_retry(self.url, ask, patience)

    def path(self, key: str) -> str:
        """The object's path. `latest` is an object that holds the newest sweep's name."""
        inside = key.removeprefix(f"{layout.LATEST}/")
        return key if inside == key else f"{layout.SWEEPS}/{self.get(layout.LATEST).decode()}/{inside}"

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
