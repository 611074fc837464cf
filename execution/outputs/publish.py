"""Publication of a finished sweep in its folder."""

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
    """The part of an earlier summary, of any release, that is needed here."""

    files: dict[str, str] = {}


def publish(execution: RunContext, summary: Summary, drawn: Report, more: Mapping[str, bytes]) -> None:
    """Replace the sweep's folder atomically and point `latest` to it. Files that the user has added to it stay.

    Parameters
    ----------
    more : files in addition to the report's, by name
    """
    storage = execution.storage
    files = {name: arrays.read_file(storage, file) for name, file in drawn.files.items()}
    files["summary.json"] = (summary.model_dump_json(indent=2) + "\n").encode()
    folder = f"{layout.SWEEPS}/{summary.name}"
    earlier = Earlier()
    with suppress(OSError, ValueError):
        earlier = Earlier.model_validate_json(storage.get(f"{folder}/summary.json"))
    with held(storage.lock(f"{layout.LOCKS}/publish.lock")):  # two programs may run the same sweep
        storage.publish(folder, {**files, **more}, latest=layout.LATEST, replaced={*earlier.files, "report.html"})
    remove_unwritten(storage)
    warn_of_damage(execution, {run for runs in summary.runs.values() for run in runs})
