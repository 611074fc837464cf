"""The history of an artifact root: one line for each finished run of a sweep."""

import csv
import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Any

from execution import log
from execution.config import RunContext
from execution.storage import AnyStorage, held, layout
from experiment.config import Experiment
from experiment.errors import SweepError
from experiment.summary import Summary

# Figures that are compared with the last run, with their formats.
FIGURES = {
    "best": "", "best_epoch": "", "val_accuracy": ".2%", "val_loss": ".4f", "test_accuracy": ".2%", "test_loss": ".4f",
}  # fmt: skip
ORIGINS = {"data": "data", "experiment": "settings", "code": "code", "packages": "packages"}


def remember(execution: RunContext, experiment: Experiment, summary: Summary) -> str | None:
    """Add a line for this run, unless an error prevents it, which is only a warning.

    Returns what is new since the last run of the same experiment or name; None if there is none.
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
        "data": digest(summary.provenance["data"]["digests"]),
        "code": summary.provenance["code"][:8],
        "packages": digest({name: summary.provenance[name] for name in ("python", "packages")}),
    }
    try:
        with held(execution.storage.lock(f"{layout.LOCKS}/history.lock")):
            earlier = add(execution.storage, line)
    except (OSError, SweepError) as error:
        log.warning("%s has no line for this run: %s", execution.storage.where(layout.HISTORY), error)
        return None
    same = [other for other in earlier if line["experiment"] == other["experiment"] or line["name"] == other["name"]]
    return news(same[-1], line) if same else None


def digest(of: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]


def add(storage: AnyStorage, line: dict[str, str]) -> list[dict[str, str]]:
    """Add a line to the history; return the earlier lines. A file that is no history is set aside."""
    try:
        text = storage.get(layout.HISTORY).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
        earlier, columns = list(reader), reader.fieldnames or ()
        if not {"finished", "experiment", *FIGURES} <= set(columns) or any(None in other for other in earlier):
            raise ValueError("it has other columns")
    except FileNotFoundError:
        earlier, columns = [], ()
    except (ValueError, csv.Error) as error:
        storage.set_aside(layout.HISTORY)
        log.warning("%s is started anew, and the old file set aside: %s", storage.where(layout.HISTORY), error)
        earlier, columns = [], ()
    lines = io.StringIO()
    writer = csv.DictWriter(lines, dict.fromkeys([*columns, *line]), restval="")  # columns added by the user stay
    writer.writeheader()
    writer.writerows([*earlier, line])
    storage.put(layout.HISTORY, lines.getvalue().encode(), durable=True)
    return earlier


def news(before: dict[str, str], now: dict[str, str]) -> str:
    """Which origins of the figures differ between two lines, and the figures that do as shown; "" if no figure does."""
    changes = [
        f"{figure.replace('_', ' ')} {old} → {new}"
        for figure, form in FIGURES.items()
        if (old := shown(before[figure], form)) != (new := shown(now[figure], form))
    ]
    if not changes:
        return ""
    known = [name for name in ORIGINS if before.get(name)]  # lines of earlier versions have fewer
    other = [ORIGINS[name] for name in known if before[name] != now[name]]
    cause = f"{', '.join(other)} changed: " if other else "same data, settings, code and packages: " if known else ""
    return f"{cause}{'; '.join(changes)}; since {before['finished']}"


def shown(figure: str, form: str) -> str:
    try:
        return format(float(figure), form) if form else figure
    except ValueError:  # edited by the user
        return figure
