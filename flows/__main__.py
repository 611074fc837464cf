"""Command line: `python -m flows`."""

import logging
import os
import sys
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError
from rich.console import Console

from experiment import prepare
from experiment.config import Execution, Experiment
from experiment.decode import DataError

DONE, FAILED, BAD_INPUT = 0, 1, 2  # exit codes

app = App(
    name="python -m flows",
    help="Tune softmax regression over a grid, retrain the best, test it once. Every step is cached: run the same "
    "command again and only what is missing is computed.\n\n"
    "Exit codes: 0 done, 1 the sweep failed, 2 bad usage or input.",
    help_format="plaintext",
    version_flags=[],
    default_parameter=Parameter(negative=(), consume_multiple=True),
    result_action="return_value",
)
Flat = Parameter(name="*")
DEFAULT_EXPERIMENT, DEFAULT_EXECUTION = Experiment(), Execution()


@app.default
def run(
    *,
    experiment: Annotated[Experiment, Flat] = DEFAULT_EXPERIMENT,
    execution: Annotated[Execution, Flat] = DEFAULT_EXECUTION,
) -> int:
    """Run the sweep."""
    prepare.check(experiment, execution)
    set_up_prefect(execution)
    from flows.sweep import sweep  # Prefect reads its settings when it is imported

    summary = sweep(experiment, execution)
    from report.terminal import closing

    Console().print(closing(summary, prepare.named(experiment, execution)))
    return DONE


def set_up_prefect(execution: Execution) -> None:
    """Its files under the artifact root, unless the user has a place for them; its log out of the way of ours."""
    if not {"PREFECT_HOME", "PREFECT_API_URL", "PREFECT_PROFILE"} & os.environ.keys():
        home = execution.artifacts.expanduser().resolve() / "prefect"
        home.mkdir(parents=True, exist_ok=True)
        os.environ["PREFECT_HOME"] = str(home)
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def set_up_logging() -> None:
    """The project's own lines, bare, on the terminal. Those marked `console=False` are for the Prefect UI alone."""
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: getattr(record, "console", True))
    log = logging.getLogger("sweep")
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def main() -> int:
    set_up_logging()
    try:
        code: int = app(exit_on_error=False, print_error=False)
        return code
    except CycloptsError as error:
        if isinstance(error.__cause__, ValidationError):
            for problem in error.__cause__.errors(include_url=False):
                flag = str(problem["loc"][0]).replace("_", "-")
                say(f"--{flag}: {problem['msg'].removeprefix('Value error, ')}")
        else:
            say(str(error))
        say("python -m flows --help lists all flags")
        return BAD_INPUT
    except DataError as error:
        say(str(error))
        return BAD_INPUT
    except Exception as error:
        logging.getLogger("sweep").debug("", exc_info=True)
        say(f"The sweep failed: {error}")
        return FAILED


def say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
