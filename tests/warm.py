"""Imported by the process that runs are forked from: what each of them would else do for the first time."""

import io
import ssl

import anyio._backends._asyncio  # noqa: F401
import certifi
import numpy as np
import pandas as pd
import prefect.flow_engine
import prefect.task_engine
import prefect.utilities.visualization  # noqa: F401
from prefect.events import Event

import report.page.data
import report.text.verdict  # noqa: F401
import tests.sketches  # noqa: F401
from execution.cache.closure import code_digest
from experiment.config import Experiment
from report import pictures
from softmax.check import relative_errors

ssl.create_default_context(cafile=certifi.where())
some = Experiment().combinations
table = pd.DataFrame([one.model_dump() | {"val_accuracy": 0.5, "diverged": False} for one in some])
table.to_csv()
pictures.confusion(np.eye(2, dtype=int), ["a", "b"]).savefig(io.BytesIO(), dpi=12)
relative_errors(np.zeros((8, 9), np.uint8), np.arange(8) % 2, classes=2, alpha=0.5, seed=1, engine="numba")
code_digest()
Event(event="warm", resource={"prefect.resource.id": "warm"})  # built when it is first used, as all it is made of
