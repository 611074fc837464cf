"""Publication of a finished sweep in its folder."""

import json
from collections.abc import Mapping
from contextlib import suppress

from execution.config import RunContext
from execution.storage import arrays, folders, held, layout
from execution.tracking.offline import remove_unwritten, warn_of_damage
from experiment.results.report import Report
from experiment.summary import Summary


def publish(execution: RunContext, summary: Summary, drawn: Report, more: Mapping[str, bytes]) -> None:
    """Replace the sweep's folder by the report's files and `more`, and point `latest` to it. The user's files stay."""
    storage = execution.storage
    files = {name: arrays.read_file(storage, file) for name, file in drawn.files.items()}
    files["summary.json"] = (summary.model_dump_json(indent=2) + "\n").encode()
    replaced, folder = {"report.html"}, f"{layout.SWEEPS}/{summary.name}"
    with suppress(OSError, ValueError, LookupError, TypeError):  # an earlier summary, of any release
        replaced |= dict(json.loads(storage.get(f"{folder}/summary.json"))["files"]).keys()
    with held(storage.lock(f"{layout.LOCKS}/publish.lock")):  # two programs may run the same sweep
        folders.publish(storage, folder, {**files, **more}, replaced)
    remove_unwritten(storage)
    warn_of_damage(execution, {run for runs in summary.runs.values() for run in runs})
