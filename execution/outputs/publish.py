"""A finished sweep, put where a person looks for it."""

from collections.abc import Mapping

from execution.config import RunContext
from execution.storage import arrays, layout
from execution.tracking.offline import remove_unwritten, warn_of_damage
from experiment.results.report import Report
from experiment.summary import Summary


def publish(execution: RunContext, summary: Summary, drawn: Report, more: Mapping[str, bytes]) -> None:
    """Put the sweep's folder in place, whole, instead of an earlier one of that name, and point `latest` to it.

    Parameters
    ----------
    more : files beside those of the report, by name
    """
    storage = execution.storage
    files = {name: arrays.read_file(storage, file) for name, file in drawn.files.items()}
    files["summary.json"] = (summary.model_dump_json(indent=2) + "\n").encode()
    storage.publish(f"{layout.SWEEPS}/{summary.name}", {**files, **more}, latest=layout.LATEST)
    remove_unwritten(storage)
    warn_of_damage(execution, {run for runs in summary.runs.values() for run in runs})
