"""Command line: `python -m flows`."""

import contextlib
import io
import logging
import os
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from rich.console import Console

from execution import prepare
from execution.advice import interpreter, short
from execution.config import Execution
from execution.orchestration import startup
from execution.orchestration.server import TemporaryServer
from execution.orchestration.signals import Stopped, fill_descriptors, goodbye, say, show, stop_on_signals
from execution.outputs import retention
from execution.steps import compiled
from execution.storage import layout
from execution.storage.choose import storage_at
from execution.tracking.offline import to_send
from experiment.config import Experiment
from experiment.errors import InputError, Interrupted, SweepError, Unavailable
from experiment.summary import Summary
from flows.commands.page import page
from flows.commands.predict import predict
from flows.commands.share import share
from flows.commands.sync import sync
from report.page import PAGE

log = logging.getLogger("sweep")

app = App(
    name="python -m flows",
    help="Tune softmax regression over a grid, retrain the best combination and test it once. Every step is cached: "
    "running the same command again computes only what is missing.\n\n"
    "Exit codes: 0 success, 1 the sweep failed, 2 bad usage or input, 130 or 143 stopped by a signal.",
    help_format="plaintext",
    version_flags=[],
    default_parameter=Parameter(negative=(), consume_multiple=True),
    result_action="return_value",
)
Flat = Parameter(name="*")
app.command(predict)
app.command(page)
app.command(share)
app.command(sync)
DEFAULT_EXPERIMENT, DEFAULT_EXECUTION = Experiment(), Execution()


@app.default
def run(
    *,
    experiment: Annotated[Experiment, Flat] = DEFAULT_EXPERIMENT,
    execution: Annotated[Execution, Flat] = DEFAULT_EXECUTION,
) -> int:
    """Run the sweep."""
    prepare.check(experiment, execution)
    server = set_up_prefect(execution)
    with contextlib.ExitStack() as settings:
        # Prefect reads its settings when it is imported, from the environment and from files in the working directory.
        with startup.importing(), contextlib.chdir(server.home if server else Path()):
            from prefect import flow_engine
            from prefect.exceptions import CancelledRun
            from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

            from flows.sweep import sweep

            # Prefect's own handler, used while a flow runs, first reports to its server, which may be down for minutes.
            flow_engine.capture_sigterm = contextlib.nullcontext  # type: ignore[attr-defined,assignment]
            if server:  # heartbeats are useless there, and the flow's end would wait up to a second for their thread
                settings.enter_context(temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}))
            startup.ahead(tracking=execution.wandb_mode != "disabled")
        if server:
            done = execution.storage.exists(f"{layout.SWEEPS}/{prepare.named(experiment, execution)}/summary.json")
            if experiment.engine == "numba" and not done:  # it will train: load the kernel while the server starts
                compiled.place(execution.storage)
                startup.beside(startup.load_kernel)
            server.wait()
            log.info("Prefect UI while this runs: %s", server.address)
        else:
            startup.check_api()
        try:
            summary = sweep(experiment, execution)
        except CancelledRun as cancelled:
            raise Interrupted(str(cancelled)) from cancelled
    from report.text.verdict import WIDTH, closing

    table = io.StringIO()  # writing to a closed pipe, Rich would end the program
    Console(file=table, force_terminal=sys.stdout.isatty(), width=WIDTH).print(
        closing(summary, next_steps(summary, execution, server)), crop=False
    )
    show("\n".join(line.rstrip() for line in table.getvalue().rstrip("\n").split("\n")))
    return 0


@app.command
def clean(
    *,
    artifacts: str = "artifacts",
    keep: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    unsent: bool = False,
    yes: bool = False,
) -> int:
    """List everything that no kept sweep needs, and remove it after confirmation.

    Parameters
    ----------
    artifacts
        The artifact root.
    keep
        Number of newest sweeps to keep. Default: all. Remains of unfinished sweeps are removed in any case.
    unsent
        Also remove finished W&B runs that were never sent.
    yes
        Remove without asking.
    """
    storage = storage_at(artifacts)
    found = retention.unneeded(storage, keep, unsent=unsent)
    total = sum(map(storage.size, found.keys))
    sweeps = [key for key in found.keys if key.startswith(f"{layout.SWEEPS}/")]
    for key in sweeps:
        show(f"{short(storage.where(key))}: to remove")
    for folder, count in Counter(key.split("/")[0] for key in found.keys[len(sweeps) :]).items():
        show(f"{short(storage.where(folder))}: {count} to remove")
    for key in found.undated:
        show(f"{short(storage.where(key))} stays: its date is unknown. Run that sweep again, or remove it yourself.")
    if found.unsent:
        stay = "will be removed" if unsent else "will be kept unless --unsent is given"
        show(f"{found.unsent} W&B runs were never sent and {stay}; this sends them:\n  {to_send(storage, short)}")
    if not found.keys:
        show(f"Nothing to remove below {artifacts}.")
    elif yes or confirmed(f"Remove these, {total / 1e6:.1f} MB? [y/N] "):
        retention.remove(storage, found, keep, unsent=unsent)
        show(f"Removed {total / 1e6:.1f} MB.")
    return 0


def confirmed(question: str) -> bool:
    """Ask on standard error; InputError if standard input is closed."""
    print(question, end="", file=sys.stderr, flush=True)
    try:
        answer = input("")
    except EOFError:
        say("")
        raise InputError(
            "standard input is closed, so nothing was removed: use --yes to remove without asking"
        ) from None
    return answer.strip().lower() in {"y", "yes"}


def set_up_prefect(execution: Execution) -> TemporaryServer | None:
    """Start a temporary Prefect server, unless the user has configured one, and silence Prefect's console log."""
    for name in [name for name, value in os.environ.items() if name.startswith("PREFECT_") and not value]:
        del os.environ[name]  # empty counts as unset
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    if {"PREFECT_HOME", "PREFECT_API_URL", "PREFECT_PROFILE"} & os.environ.keys():
        return None
    return TemporaryServer(execution.storage.folder(layout.ORCHESTRATION))


def set_up_logging() -> None:
    """Print the project's log lines to the terminal, except those with `console=False`, for the Prefect UI only."""
    logging.raiseExceptions = False  # no traceback if W&B's log file cannot be written, as on a full disk
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: getattr(record, "console", True))
    log.addHandler(handler)


def refusal(problem: ErrorDetails) -> str:
    """The message for an invalid value of a flag, with the remedy, in one line."""
    name, value = str(problem["loc"][0]), problem["input"]
    flag, given = f"--{name.replace('_', '-')}", " ".join(map(str, value)) if isinstance(value, list) else str(value)
    if problem["type"] == "too_short":
        return f"{flag}: give at least one value"
    remedy = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("string_pattern_mismatch", "time_delta_parsing"):
        remedy = str(Execution.model_fields[name].description)
    if "," in given:
        remedy += " (separate values with spaces)"
    return f"{flag}: {given} is not possible: {remedy}"


def next_steps(summary: Summary, execution: Execution, server: TemporaryServer | None) -> list[tuple[str, str]]:
    """Places and commands to continue with, by label; paths are relative to the working directory."""
    folder = f"{layout.SWEEPS}/{summary.name}"
    where = short(execution.storage.where(folder))
    pages = [("page", f"{where}/{PAGE}")] if execution.storage.exists(f"{folder}/{PAGE}") else []
    steps = [("files", where), *pages, ("Prefect UI", ui(server))]
    known = summary.provenance["execution"]
    steps.append(("W&B", f"{known['wandb_mode']}: {known['wandb_decided']}"))
    if unsent := to_send(execution.storage, short):
        steps.append(("", unsent))
    return steps


def ui(server: TemporaryServer | None) -> str:
    """The command or address that shows the sweep in Prefect's UI."""
    if server is None:
        from prefect.settings import PREFECT_UI_URL

        return PREFECT_UI_URL.value() or "on the server that Prefect is set up to use"
    if Path("Makefile").exists() and server.home == Path("artifacts", layout.ORCHESTRATION).resolve():
        return "make ui, then open http://127.0.0.1:4200"
    command = shlex.join(["env", f"PREFECT_HOME={server.home}", interpreter(), "-m", "prefect", "server", "start"])
    return f"{command}  # then open http://127.0.0.1:4200"


def main() -> int:
    fill_descriptors()
    set_up_logging()
    stop_on_signals()
    try:
        code: int = app(sys.argv[1:], exit_on_error=False, print_error=False)
        return code
    except CycloptsError as error:
        problems = error.__cause__.errors(include_url=False) if isinstance(error.__cause__, ValidationError) else []
        for problem in problems:
            say(refusal(problem))
        if not problems:
            say(str(error).replace("Unused Tokens", "Values that belong to no flag (switches take no value)"))
        say("python -m flows --help lists all flags")
        return InputError.exit_code
    except (InputError, Unavailable) as error:
        say(str(error))
        return error.exit_code
    except Stopped as stopped:
        return goodbye(stopped.signal)
    except Exception as error:
        log.debug("", exc_info=True)
        say(f"{'Cancelled' if isinstance(error, Interrupted) else 'The sweep failed'}: {error}")
        if isinstance(error, IsADirectoryError | NotADirectoryError | FileExistsError):
            say("A file or folder is in the way of one of the sweep's: move it away and run the sweep again.")
        return error.exit_code if isinstance(error, SweepError) else SweepError.exit_code


if __name__ == "__main__":
    sys.exit(main())
