"""How Prefect caches the steps of this project.

- The key is what determines a result: the task's inputs, its own module and the modules that it runs.
- A record is JSON with its own digest, and it counts only while every array that it refers to is intact.
  Anything else is set aside and the step runs again.
- While a step runs, its key is locked by the operating system, across threads and processes: of two sweeps
  on one artifact root the second waits and takes the first one's result. A killed process holds no lock.
"""

import hashlib
import json
import logging
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect.cache_policies import CachePolicy
from prefect.context import FlowRunContext, TaskRunContext
from prefect.filesystems import WritableFileSystem
from prefect.locking.protocol import LockManager
from prefect.task_runners import TaskRunner
from prefect.transactions import IsolationLevel, get_transaction
from pydantic import BaseModel

from experiment import interruption
from experiment.code import source_digest
from experiment.store import ArrayStore, StoreError, make_way, set_aside, write_atomically

log = logging.getLogger("sweep")

# Parameters that tell a task how and where it runs, or how the sweep went: never part of a key.
NOT_DETERMINING = {"execution", "cached", "seconds"}


@dataclass
class DeterminedBy(CachePolicy):
    """Key = SHA-256 of the determining inputs, the task's module and the named modules' sources."""

    modules: tuple[str, ...] = ()

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str:
        own = task_ctx.task.fn.__module__
        determining = {
            "inputs": {name: plain(value) for name, value in inputs.items() if name not in NOT_DETERMINING},
            "source": {name: source_digest(name) for name in (own, *self.modules)},
        }
        return hashlib.sha256(json.dumps(determining, sort_keys=True).encode()).hexdigest()


def determined_by(*modules: str) -> DeterminedBy:
    """The cache policy of a step that runs these modules."""
    return DeterminedBy(modules=modules, isolation_level=IsolationLevel.SERIALIZABLE)


def identity() -> str:
    """Of the running task, from its cache key: names its W&B run and its checkpoint."""
    transaction = get_transaction()
    assert transaction is not None
    assert transaction.key is not None
    return transaction.key[:20]


def plain(value: Any) -> Any:
    """Models, and tuples and lists of them, as JSON values, without what they are called in W&B."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "wandb_run"}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


class RecordStorage(WritableFileSystem):
    """Prefect's result storage: records under `root`/cache, their arrays under `root`/arrays."""

    root: Path

    def _resolve_path(self, path: str) -> Path:
        return self.root.resolve() / "cache" / path

    def read_path(self, path: str, _sync: bool = True) -> bytes:  # type: ignore[override]  # Prefect calls it synchronously
        """The record's bytes.

        Raises
        ------
        ValueError : there is no such record, or it is not whole; Prefect takes either for "not cached"
        """
        file = self._resolve_path(path)
        if not os.path.lexists(file):
            raise ValueError(f"no record {path}")
        try:
            envelope = json.loads(file.read_bytes())
            record: bytes = envelope["record"].encode()
            if hashlib.sha256(record).hexdigest() != envelope["sha256"]:
                raise ValueError("its content is not what was written")
            for digest in set(re.findall(rb"sha256:[0-9a-f]{64}", record)):
                ArrayStore(root=self.root.resolve() / "arrays").verify(digest.decode())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StoreError) as error:
            log.warning("Cached result %s… is not used: %s. Its step runs again.", file.name[:12], error)
            set_aside(file)
            raise ValueError(f"record {path} is not whole") from error
        return record

    def write_path(self, path: str, content: bytes, _sync: bool = True) -> None:  # type: ignore[override]
        file = self._resolve_path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        envelope = {"sha256": hashlib.sha256(content).hexdigest(), "record": content.decode()}
        write_atomically(file, json.dumps(envelope).encode(), sync=False)

    async def aread_path(self, path: str) -> bytes:
        return self.read_path(path)

    async def awrite_path(self, path: str, content: bytes) -> None:
        self.write_path(path, content)


class KeyLocks(LockManager):
    """Prefect's lock manager on locks of the operating system, which die with their process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.held: dict[str, tuple[str, FileLock]] = {}

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True)
        make_way(self.folder / f"{key}.lock")
        lock = FileLock(self.folder / f"{key}.lock", thread_local=False)
        try:
            lock.acquire(
                timeout=-1 if acquire_timeout is None else acquire_timeout,
                poll_interval=0.05,
                cancel_check=interruption.requested,
            )
        except Timeout:
            if interruption.requested():
                raise interruption.Interrupted("stopped while another sweep was at the same step") from None
            return False
        self.held[key] = (holder, lock)
        return True

    def release_lock(self, key: str, holder: str) -> None:
        if not self.is_lock_holder(key, holder):
            raise ValueError(f"no lock held by {holder} for {key}")
        self.held.pop(key)[1].release()

    def is_locked(self, key: str) -> bool:
        return not self.wait_for_lock(key, timeout=0)

    def is_lock_holder(self, key: str, holder: str) -> bool:
        return key in self.held and self.held[key][0] == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        probe = uuid.uuid4().hex
        if not self.acquire_lock(key, probe, acquire_timeout=timeout):
            return False
        self.release_lock(key, probe)
        return True

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        return self.acquire_lock(key, holder, acquire_timeout, hold_timeout)

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        return self.wait_for_lock(key, timeout)


@contextmanager
def steps_run_on(runner: TaskRunner[Any], artifacts: Path) -> Iterator[None]:
    """Inside a flow run: its tasks run on `runner` and keep their results under `artifacts`.

    A flow's own runner and storage are fixed where it is declared; here they are parameters of the run.
    """
    flow_run = FlowRunContext.get()
    assert flow_run is not None
    store = flow_run.result_store.model_copy(
        update={
            "result_storage": RecordStorage(root=artifacts),
            "lock_manager": KeyLocks(artifacts / "locks"),
        }
    )
    with runner, flow_run.model_copy(update={"task_runner": runner, "result_store": store}):
        yield
