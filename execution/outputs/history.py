"""Every finished run of every sweep on an artifact root, a line each: no night overwrites another's figures."""

import csv
import io
from datetime import UTC, datetime

from execution.config import RunContext
from execution.storage import layout
from experiment.config import Experiment
from experiment.summary import Summary

FIGURES = ("best", "best_epoch", "val_accuracy", "val_loss", "test_accuracy", "test_loss")  # news if one has changed


def remember(execution: RunContext, experiment: Experiment, summary: Summary) -> str:
    """Add a line on this run; return what has changed since the last run of the same experiment, "" if nothing."""
    storage = execution.storage
    line = {
        "finished": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        "experiment": experiment.digest[:8],
        "name": summary.name,
        **{figure: str(getattr(summary, figure)) for figure in FIGURES},
        "combinations": str(summary.combinations),
        "cached": str(summary.cached),
        "seconds": str(summary.seconds),
        "flow_run": execution.flow_run,
    }
    lock = storage.lock(f"{layout.LOCKS}/history.lock")
    lock.acquire(None, given_up=lambda: False)
    try:
        earlier = (
            list(csv.DictReader(io.StringIO(storage.get(layout.HISTORY).decode())))
            if storage.exists(layout.HISTORY)
            else []
        )
        lines = io.StringIO()
        writer = csv.DictWriter(lines, line)
        writer.writeheader()
        writer.writerows([*earlier, line])
        storage.put(layout.HISTORY, lines.getvalue().encode())
    finally:
        lock.release()
    same = [other for other in earlier if other["experiment"] == line["experiment"]]
    return news(same[-1], line) if same else ""


def news(before: dict[str, str], now: dict[str, str]) -> str:
    """Return which figures differ between two lines, and how."""
    changes = [
        f"{figure.replace('_', ' ')} {before[figure]} → {now[figure]}"
        for figure in FIGURES
        if before[figure] != now[figure]
    ]
    return f"changed since {before['finished']}: {'; '.join(changes)}" if changes else ""
