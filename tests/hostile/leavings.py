"""What a sweep leaves behind, to be compared with what an undisturbed one leaves."""

import csv
import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import PROJECT, clean_environment
from tests.offline import offline_runs
from tests.patience import PATIENCE
from tests.wandb_server import WandbServer

Row = tuple[str, Any]  # of W&B: the run, what it says


def results(artifacts: Path) -> dict[str, Any]:
    """Everything that must be the same whatever happened on the way, to the byte."""
    folder = artifacts / "sweeps" / "latest"
    summary = json.loads((folder / "summary.json").read_text())
    for differing in ("seconds", "cached"):
        del summary[differing]
    summary["provenance"] = {name: summary["provenance"][name] for name in ("experiment", "data", "code")}
    with np.load(folder / "model.npz", allow_pickle=False) as arrays:
        model = {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}
    with (folder / "leaderboard.csv").open() as file:
        assert len(list(csv.DictReader(file))) == summary["combinations"]
    stored = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in artifacts.glob("arrays/*.npy")}
    assert all(name == digest for name, digest in stored.items())
    return {
        "summary": summary,
        "model": model,
        "leaderboard": (folder / "leaderboard.csv").read_bytes(),
        "arrays": sorted(stored),
        "files": sorted(path.name for path in folder.iterdir()),
    }


def own(values: dict[str, Any]) -> str:
    """Without what W&B adds: clocks, step counts, addresses; numbers as floats, for a sync turns 0.0 to 0."""
    plain = {
        name: own(value) if isinstance(value, dict) else float(value) if isinstance(value, int) else value
        for name, value in sorted(values.items())
        if not name.startswith("_") and name != "artifact_path"
    }
    return str(plain)


def rows_on_disk(artifacts: Path) -> list[Row]:
    """Every row of every offline run, then every run's summary and end."""
    runs = offline_runs(artifacts)
    rows = [(run.id, own(row)) for run in runs for row in run.rows]
    return rows + [(run.id, f"{run.job_type} {run.exit_code} {own(run.summary)}") for run in runs]


def rows_synced(artifacts: Path) -> list[Row]:
    """The same, as they arrive at a W&B server when the runs are synced."""
    with WandbServer() as server:
        folders = [str(path) for path in sorted(artifacts.glob("wandb/offline-run-*"))]
        subprocess.run(
            [sys.executable, "-m", "wandb", "sync", *folders],
            cwd=PROJECT, env=clean_environment() | server.env(), check=True, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip
        runs = server.runs.values()
        rows = [(run.id, own(row)) for run in runs for row in run.received]
        return rows + [(run.id, f"{run.job_type} {run.exitcode} {own(run.summary)}") for run in runs]


def lost_and_doubled(found: list[Row], expected: list[Row]) -> tuple[int, int]:
    """How many rows are missing, how many are there too often or do not belong; in each run they stand in order."""
    lost, doubled = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
    if not lost and not doubled:
        for run in {run for run, _ in expected}:
            assert [row for owner, row in found if owner == run] == [row for owner, row in expected if owner == run]
    return lost.total(), doubled.total()
