"""Checkpoints of trainings: one file each, replaced atomically, used only if intact and of the same training.

A checkpoint is the SHA-256 of the rest, then an `.npz` of the state's arrays and of the identity.
"""

import hashlib
import io
import zipfile

import numpy as np

from execution import log
from execution.cache.closure import PARSING
from execution.storage import Storage, layout
from softmax.sgd import Metrics, Parameters, State

PAIRS = ("last", "best", "mean")  # the fields of a state that are parameters


def save(storage: Storage, identity: str, state: State) -> None:
    """Write `state` so that it survives a crash, in place of an earlier one."""
    arrays = {"identity": np.array(identity), "progress": np.array([state.best_epoch, state.diverged])}
    arrays["history"] = np.array(state.history, dtype=np.float64)
    moments = {f"moment{i}": moment for i, moment in enumerate(state.moments)}
    for name, parameters in ({name: getattr(state, name) for name in PAIRS} | moments).items():
        if parameters:
            arrays[f"{name}_W"], arrays[f"{name}_b"] = parameters
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    content = buffer.getvalue()
    storage.put(key_of(identity), hashlib.sha256(content).digest() + content, durable=True)


def load(storage: Storage, identity: str) -> State | None:
    """The saved state; None if there is none. A damaged one is set aside with a warning."""
    key = key_of(identity)
    try:
        content = storage.get(key)
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            raise ValueError("it is damaged")
        with PARSING, np.load(io.BytesIO(content[32:]), allow_pickle=False) as arrays:  # NumPy parses their headers
            if str(arrays["identity"]) != identity:
                raise ValueError("it belongs to another training")
            names = [file.removesuffix("_W") for file in arrays.files if file.endswith("_W")]
            pairs = {name: Parameters(arrays[f"{name}_W"], arrays[f"{name}_b"]) for name in names}
            moments = sorted(pairs.keys() - set(PAIRS))
            best_epoch, diverged = arrays["progress"]
            return State(
                **{name: pair for name, pair in pairs.items() if name in PAIRS},
                moments=tuple(pairs[name] for name in moments),
                history=[Metrics(int(epoch), *rest) for epoch, *rest in arrays["history"].tolist()],
                best_epoch=int(best_epoch),
                diverged=bool(diverged),
            )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile) as error:
        storage.set_aside(key)
        log.warning("Checkpoint %s is not used: %s. Training starts over.", storage.where(key), error)
        return None


def key_of(identity: str) -> str:
    return f"{layout.CHECKPOINTS}/{identity}.ckpt"
