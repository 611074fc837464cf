"""A finished sweep, put where a person looks for it."""

from collections.abc import Mapping
from contextlib import suppress

from pydantic import BaseModel

from execution.config import RunContext
from execution.outputs.retention import held
from execution.storage import arrays, layout
from execution.tracking.offline import remove_unwritten, warn_of_damage
from experiment.results.report import Report
from experiment.summary import Summary


class Earlier(BaseModel):
    """What of an earlier summary is needed here, of whatever release."""

    files: dict[str, str] = {}


def publish(execution: RunContext, summary: Summary, drawn: Report, more: Mapping[str, bytes]) -> None:
    """Put the sweep's folder in place, whole, instead of an earlier one of that name, and point `latest` to it.

    What a person has put into the earlier one stays.

    Parameters
    ----------
    more : files beside those of the report, by name
    """
    storage = execution.storage
    files = {name: arrays.read_file(storage, file) for name, file in drawn.files.items()}
    files["summary.json"] = (summary.model_dump_json(indent=2) + "\n").encode()
    folder = f"{layout.SWEEPS}/{summary.name}"
    earlier = Earlier()
    with suppress(OSError, ValueError):
        earlier = Earlier.model_validate_json(storage.get(f"{folder}/summary.json"))
    with held(storage.lock(f"{layout.LOCKS}/publish.lock")):  # two programs may be at the same sweep
        storage.publish(folder, {**files, **more}, latest=layout.LATEST, replaced={*earlier.files, "report.html"})
    remove_unwritten(storage)
    warn_of_damage(execution, {run for runs in summary.runs.values() for run in runs})
