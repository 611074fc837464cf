"""Command line: `python -m flows`."""

import contextlib
import gc
import importlib
import logging
import os
import shlex
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Annotated

import psutil
from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError
from rich.console import Console

from experiment import prepare, retention
from experiment.config import Execution, Experiment
from experiment.decode import DataError
from flows.server import TemporaryServer

log = logging.getLogger("sweep")

DONE, FAILED, BAD_INPUT = 0, 1, 2  # exit codes
SECONDS_TO_STOP = 4.0
# Every run needs them, but Prefect imports them only when the flow begins.
AHEAD = ("prefect.flow_engine", "prefect.task_engine", "fastapi.encoders")

app = App(
    name="python -m flows",
    help="Tune softmax regression over a grid, retrain the best, test it once. Every step is cached: run the same "
    "command again and only what is missing is computed.\n\n"
    "Exit codes: 0 done, 1 the sweep failed, 2 bad usage or input, 130 or 143 stopped by a signal.",
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
    gc.disable()  # what is imported stays: looking through it for cycles takes a tenth of the imports' time ...
    server = set_up_prefect(execution)
    # Prefect reads its settings when it is imported
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.sweep import sweep

    # Better now, beside the server's start, than once it is there
    for module in AHEAD:
        importlib.import_module(module)
    if execution.wandb_mode != "disabled":
        import wandb.sdk.launch  # noqa: F401  # wandb itself, and what its first run imports: a second
    gc.freeze()  # ... and a second when the program ends
    gc.enable()
    if server:
        server.wait()
        log.info("Prefect UI while this runs: %s", server.address)
    # Nobody watches heartbeats on a temporary server, and the flow's end waits up to a second for their thread.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None} if server else {}):
        summary = sweep(experiment, execution)
    from report.terminal import closing

    Console().print(closing(summary, prepare.named(experiment, execution)))
    return DONE


@app.command
def clean(*, artifacts: Path = DEFAULT_EXECUTION.artifacts, keep: int | None = None, yes: bool = False) -> int:
    """Show what no kept sweep needs, and remove it when you say so.

    Parameters
    ----------
    artifacts
        The artifact root.
    keep
        How many of the newest sweeps to keep. Left out: all. What sweeps that never ended left behind goes too.
    yes
        Do not ask.
    """
    doomed = retention.unneeded(artifacts, keep)
    counts = Counter(path.relative_to(artifacts).parts[0] for path in doomed)
    total = sum(map(retention.size, doomed))
    for folder, count in counts.items():
        print(f"{artifacts / folder}: {count} to remove")
    if not doomed:
        print(f"Nothing to remove below {artifacts}.")
    elif yes or input(f"Remove these, {total / 1e6:.1f} MB? [y/N] ").strip().lower() in {"y", "yes"}:
        for path in doomed:
            retention.remove(path)
        print(f"Removed {total / 1e6:.1f} MB.")
    return DONE


def set_up_prefect(execution: Execution) -> TemporaryServer | None:
    """A server of the sweep's own, unless the user has one or another place for Prefect; its log out of ours."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    if {"PREFECT_HOME", "PREFECT_API_URL", "PREFECT_PROFILE"} & os.environ.keys():
        return None
    return TemporaryServer(execution.artifacts.expanduser().resolve() / "prefect")


def set_up_logging() -> None:
    """The project's own lines, bare, on the terminal. Those marked `console=False` are for the Prefect UI alone."""
    logging.raiseExceptions = False  # no traceback when W&B's log file cannot be written, on a full disk say
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: getattr(record, "console", True))
    log.addHandler(handler)


def main() -> int:
    set_up_logging()
    stop_on_signals()
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
    except Stopped as stopped:
        return goodbye(stopped.signal)
    except Exception as error:
        log.debug("", exc_info=True)
        say(f"The sweep failed: {error}")
        if isinstance(error, IsADirectoryError | NotADirectoryError | FileExistsError):
            say("Something stands where a file or folder of the sweep belongs: move it away and run it again.")
        return FAILED


class Stopped(BaseException):
    """A signal asked the program to end."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal


def stop_on_signals() -> None:
    """On the first SIGINT or SIGTERM checkpoint and end, within a few seconds; on the second end at once."""

    def stop(number: int, _: object) -> None:
        if timers:
            leave(number)
        timers.append(threading.Timer(SECONDS_TO_STOP, leave, [number]))
        timers[0].daemon = True
        timers[0].start()
        request_stop()
        raise Stopped(number)

    def leave(number: int) -> None:
        for child in psutil.Process().children(recursive=True):  # Prefect's server, W&B's service
            with contextlib.suppress(psutil.Error):
                child.kill()
        os._exit(goodbye(number))

    timers: list[threading.Timer] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def request_stop() -> None:
    """Tell the trainings, if Prefect has been imported, hence any can be running."""
    if module := sys.modules.get("experiment.interruption"):
        module.request()


def goodbye(number: int) -> int:
    say(f"Stopped. What is done is kept; this goes on from there:\n  {command()}")
    return 128 + number


def command() -> str:
    """What the user typed."""
    return shlex.join(["python", "-m", "flows", *sys.argv[1:]])


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
