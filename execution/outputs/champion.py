"""The champion of each data set: `champion/<data>/latest`, beside the champions before it."""

import io
import re
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from execution import log
from execution.config import RunContext
from execution.storage import folders, held, layout
from execution.storage.arrays import ARRAY, open_array
from experiment.champion import Correct, Decision, decide
from experiment.summary import Summary
from experiment.values import ArrayRef, Frozen


class Champion(Frozen):
    """`champion.json`."""

    sweep: str
    since: str  # ISO 8601
    why: str
    best: str
    val_accuracy: float
    test_accuracy: float
    test_loss: float
    data: dict[str, str]  # SHA-256 of its arrays
    correct: ArrayRef  # correct.npy beside it
    flow_run: str


class Challenge(NamedTuple):
    champion: Champion | None
    decision: Decision


def challenge(execution: RunContext, summary: Summary) -> Challenge:
    """Compare a sweep's model with the champion of its data set; change nothing."""
    assert summary.correct
    storage, data = execution.storage, summary.provenance["data"]["digests"]
    champion: Champion | None = None
    before: Correct | None = None
    latest = f"{folder(summary)}/latest"
    # The latest one, or the last on the same rows: another deployment may prepare data of this name in another way.
    for key in sorted(storage.list(folder(summary)), reverse=True):
        if is_draft(key):
            continue
        try:
            known = Champion.model_validate_json(storage.get(f"{key}/champion.json"))
            if champion is None or known.data == data:
                rows = storage.get(f"{key}/correct.npy")
                if ARRAY + sha256(rows).hexdigest() != known.correct.digest:
                    raise ValueError("correct.npy was altered")
                champion, before = known, np.load(io.BytesIO(rows), allow_pickle=False)
        except (FileNotFoundError, NotADirectoryError, ValueError) as error:
            if key != latest:  # which is the same as one of the others
                problem = str(error).partition("\n")[0]
                log.warning("%s is left out: no champion can be read there (%s)", storage.where(key), problem)
            continue
        if known.data == data:
            break
    same = champion is not None and champion.data == data
    same_rows = champion is not None and champion.correct.digest == summary.correct.digest  # nothing to fetch
    now = before if same_rows and before is not None else open_array(storage, summary.correct)
    return Challenge(champion, decide(before, now, same))


def promote(execution: RunContext, summary: Summary, why: str) -> None:
    """Make a published sweep's model the champion."""
    assert summary.correct
    storage, since = execution.storage, summary.provenance["finished"]
    champion = Champion(
        sweep=summary.name, since=since, why=why, best=str(summary.best), val_accuracy=summary.val_accuracy,
        test_accuracy=summary.test_accuracy, test_loss=summary.test_loss,
        data=summary.provenance["data"]["digests"], correct=summary.correct, flow_run=execution.flow_run,
    )  # fmt: skip
    rows = io.BytesIO()
    np.save(rows, open_array(storage, summary.correct))
    files = {
        "champion.json": (champion.model_dump_json(indent=2) + "\n").encode(),
        "model.npz": storage.get(f"{layout.SWEEPS}/{summary.name}/model.npz"),
        "correct.npy": rows.getvalue(),
    }
    where = folder(summary)
    with held(storage.lock(f"{layout.LOCKS}/publish.lock")):
        for key in filter(is_draft, list(storage.list(where))):
            storage.delete(key)
        folders.publish(storage, f"{where}/{re.sub(r'[^0-9]', '', since[:23])}-{summary.name}", files)


def is_draft(key: str) -> bool:
    """Whether a promotion that was killed, or found the disk full, left this."""
    return key.rpartition("/")[2].startswith(".")


def folder(summary: Summary) -> str:
    """Its champions' folder."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", summary.provenance["data"]["name"]).strip("-") or "data"
    return f"{layout.CHAMPIONS}/{name}"
