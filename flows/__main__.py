"""Command line: `python -m flows`."""

import logging
import os
import sys
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import ValidationError
from rich.console import Console

from experiment.config import Execution, Experiment
from experiment.decode import DataError
from experiment.prepare import check

app = App(
    name="python -m flows",
    help="Tune softmax regression over a grid, retrain the best, test it once. All of it is cached: run the same "
    "command again and only what is missing is computed.\n\n"
    "Exit codes: 0 done, 1 the sweep failed, 2 bad usage or input.",
    help_format="plaintext",
    version_flags=[],
    default_parameter=Parameter(negative=(), consume_multiple=True),
)
FLAT = Parameter(name="*")
DEFAULT_EXPERIMENT, DEFAULT_EXECUTION = Experiment(), Execution()


@app.default
def main(
    *,
    experiment: Annotated[Experiment, FLAT] = DEFAULT_EXPERIMENT,
    execution: Annotated[Execution, FLAT] = DEFAULT_EXECUTION,
) -> int:
    """Run the sweep."""
    check(experiment, execution)
    set_up(execution)
    from flows.sweep import sweep  # Prefect reads its settings when it is imported

    summary = sweep(experiment, execution)
    from report.terminal import closing

    Console().print(closing(summary))
    return 0


def set_up(execution: Execution) -> None:
    """Prefect's files under the artifact root unless the user has a place for them, its log out of the way, ours shown."""
    if not {"PREFECT_HOME", "PREFECT_API_URL", "PREFECT_PROFILE"} & os.environ.keys():
        os.environ["PREFECT_HOME"] = str(execution.artifacts.absolute() / "prefect")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    ours = logging.getLogger("sweep")
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: getattr(record, "console", True))
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False


if __name__ == "__main__":
    sys.exit(app())
