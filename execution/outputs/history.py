"""Every finished run of every sweep on an artifact root, a line each: no night overwrites another's figures."""

import csv
import io
import logging
from datetime import UTC, datetime

from execution.config import RunContext
from execution.outputs.retention import held
from execution.storage import layout
from execution.storage.choose import AnyStorage
from experiment.config import Experiment
from experiment.errors import SweepError
from experiment.summary import Summary

log = logging.getLogger("sweep")

FIGURES = ("best", "best_epoch", "val_accuracy", "val_loss", "test_accuracy", "test_loss")  # news if one has changed


def remember(execution: RunContext, experiment: Experiment, summary: Summary) -> str:
    """Add a line on this run; return what has changed since the last run of the same experiment, "" if nothing.

    A sweep does without: what goes wrong is a warning.
    """
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
    try:
        with held(execution.storage.lock(f"{layout.LOCKS}/history.lock")):
            earlier = add(execution.storage, line)
    except (OSError, SweepError) as error:
        log.warning("%s has no line on this run: %s", execution.storage.where(layout.HISTORY), error)
        return ""
    same = [other for other in earlier if other["experiment"] == line["experiment"]]
    return news(same[-1], line) if same else ""


def add(storage: AnyStorage, line: dict[str, str]) -> list[dict[str, str]]:
    """Add a line to the history; return the earlier ones. One that is none, to a spreadsheet say, is set aside."""
    try:
        text = storage.get(layout.HISTORY).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
        earlier, columns = list(reader), reader.fieldnames or ()
        if not {"finished", "experiment", *FIGURES} <= set(columns) or any(None in other for other in earlier):
            raise ValueError("its columns are others")
    except FileNotFoundError:
        earlier, columns = [], ()
    except (ValueError, csv.Error) as error:
        storage.set_aside(layout.HISTORY)
        log.warning("%s is begun anew, and the old one set aside: %s", storage.where(layout.HISTORY), error)
        earlier, columns = [], ()
    lines = io.StringIO()
    writer = csv.DictWriter(lines, dict.fromkeys([*columns, *line]), restval="")  # a person's own columns stay
    writer.writeheader()
    writer.writerows([*earlier, line])
    storage.put(layout.HISTORY, lines.getvalue().encode(), durable=True)
    return earlier


def news(before: dict[str, str], now: dict[str, str]) -> str:
    """Return which figures differ between two lines, and how."""
    changes = [
        f"{figure.replace('_', ' ')} {before[figure]} → {now[figure]}"
        for figure in FIGURES
        if before[figure] != now[figure]
    ]
    return f"changed since {before['finished']}: {'; '.join(changes)}" if changes else ""
