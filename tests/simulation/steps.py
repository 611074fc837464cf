"""A training as Prefect's engine runs it, without Prefect and W&B: what their order is, and what is kept where."""

import hashlib
import json
from functools import partial

import numpy as np
from prefect._internal.result_records import ResultRecord, ResultRecordMetadata
from prefect.serializers import JSONSerializer

from execution.cache import locks, records
from execution.steps.run import Run
from execution.storage import arrays, layout
from execution.storage.folders import hand_over
from experiment.axes import Combination
from experiment.values import ArrayRef, Result
from softmax.sgd import train

EPOCHS = 6
COMBINATIONS = [Combination(learning_rate=rate, batch_size=8, alpha=0.0) for rate in (0.5, 0.1, 0.02)]
KEYS = {one: hashlib.sha256(repr(one).encode()).hexdigest() for one in COMBINATIONS}
PIXELS = np.random.default_rng(0).random((24, 3), np.float32)
LABELS = (PIXELS.sum(1) > 1.5).astype(np.int64)


def epochs(combination, **more):
    return train(
        PIXELS, LABELS, np.arange(16), np.arange(16, 24), classes=2, seed=1, max_epochs=EPOCHS, engine="numpy",
        rate=lambda _: combination.learning_rate, batch_size=combination.batch_size, alpha=combination.alpha, **more,
    )  # fmt: skip


class Played(Result):
    """What a training comes to."""

    epochs: int
    lowest: float
    W: ArrayRef
    b: ArrayRef
    history: ArrayRef


class Tracker:
    """What a training asks of its tracker; offline, a folder with a file of rows and one beside it."""

    def __init__(self):
        self.rows = []

    def log_epoch(self, row):
        self.rows.append(row.epoch)

    def summarize(self, **figures): ...

    def hand_over(self, storage, identity):
        folder = storage.folder(layout.TRACKING) / f"offline-run-now-{identity}"
        (folder / "files").mkdir(parents=True, exist_ok=True)
        (folder / f"run-{identity}.wandb").write_text(json.dumps(self.rows))
        (folder / "files" / "table.json").write_text("[]")
        hand_over(storage, folder, f"{layout.TRACKING}/offline-run-{identity}")


def step(execution, combination, holder, trained):
    """Lock, look, train, hand over, record, unlock: a step whose isolation is SERIALIZABLE. None if it was recorded."""
    storage, key, manager = execution.storage, KEYS[combination], locks.KeyLocks(execution)
    manager.acquire_lock(key, holder)
    try:
        if recorded(storage, combination):
            return None
        tracker, identity = Tracker(), key[: layout.IDENTITY]
        state = Run(execution, identity, tracker, {}, limited=False).follow(trained)
        tracker.hand_over(storage, identity)
        put = partial(arrays.put_array, storage)
        result = Played(
            task_run=holder, epochs=len(state.history), lowest=state.lowest, W=put(state.best.W), b=put(state.best.b),
            history=put(np.array(state.history)),
        )  # fmt: skip
        metadata = ResultRecordMetadata(storage_key=f"{layout.RECORDS}/{key}", serializer=JSONSerializer())
        content = ResultRecord(result=result, metadata=metadata).serialize()
        records.RecordStorage(storage=storage).write_path(key, content)
        return result
    finally:
        manager.release_lock(key, holder)


def recorded(storage, combination):
    """The result in the record of a combination; None if there is none that counts."""
    try:
        return records.read(storage, KEYS[combination]).result
    except ValueError:
        return None


def result_in(record):
    return Played.model_validate(json.loads(json.loads(record)["result"])["data"])


def bits(result):
    return result.W.digest, result.b.digest, result.history.digest


def truth():
    """What each combination comes to undisturbed."""
    for combination in COMBINATIONS:
        *_, state = epochs(combination)
        yield combination, state
