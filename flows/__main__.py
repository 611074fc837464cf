"""Command line: `python -m flows`."""

import contextlib
import logging
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, CycloptsError, Parameter

from execution import log, prepare
from execution.advice import interpreter, short
from execution.config import Execution
from execution.orchestration import startup
from execution.orchestration.server import TemporaryServer
from execution.orchestration.signals import (
    Stopped,
    fill_descriptors,
    goodbye,
    leave_in_time,
    say,
    show_rich,
    stop_on_signals,
)
from execution.steps import compiled
from execution.storage import layout
from execution.storage.choose import check_room
from execution.tracking import CLIENT
from execution.tracking.offline import to_send
from experiment.config import Experiment
from experiment.errors import InputError, Interrupted, ServerFailed, SweepError, Unavailable
from experiment.summary import Summary
from flows import __version__
from flows.commands.clean import clean
from flows.commands.compare import compare
from flows.commands.page import page
from flows.commands.predict import predict
from flows.commands.replay import replay
from flows.commands.share import share
from flows.commands.sync import sync
from flows.ui.flags import CONFIG, message, shown_default
from flows.ui.settings import read
from report.page import PAGE

NAME = "softmax-sweep" if Path(sys.argv[0]).stem == "softmax-sweep" else "python -m flows"

app = App(
    name=NAME,
    usage=f"Usage: {NAME} [COMMAND] [OPTIONS]",
    help="Tune softmax regression over a grid, retrain the best combination and test it once. Every step is cached: "
    "running the same command again computes only what is missing. Without a command the sweep is run; several values "
    "of a flag are separated by spaces.\n\n"
    "Exit codes: 0 success, 1 the sweep failed, 2 bad usage or input, 130 or 143 stopped by a signal.",
    help_format="plaintext",
    version=f"softmax-sweep {__version__}",
    default_parameter=Parameter(negative=(), consume_multiple=1, show_default=shown_default),
    result_action="return_value",
)
if NAME == "softmax-sweep":  # shells complete words of a command with one name
    app.register_install_completion_command()
Flat = Parameter(name="*")
for command in (clean, compare, page, predict, replay, share, sync):
    app.command(command)
DEFAULT_EXPERIMENT, DEFAULT_EXECUTION = Experiment(), Execution()


@app.command(name="sweep")
@app.default
def run(
    *,
    config: Annotated[Path | None, CONFIG] = None,
    experiment: Annotated[Experiment, Flat] = DEFAULT_EXPERIMENT,
    execution: Annotated[Execution, Flat] = DEFAULT_EXECUTION,
) -> int:
    """Run the sweep.

    Parameters
    ----------
    config
        A TOML file of settings, named as the flags, which count more. Every sweep writes one that repeats it. Default:
        the table [tool.softmax-sweep] of pyproject.toml in the working directory.
    """
    if config:
        experiment, execution = read(config, experiment, execution)
    elif Path("pyproject.toml").exists():
        experiment, execution = read("pyproject.toml", experiment, execution, ("tool", "softmax-sweep"))
    prepare.check(experiment, execution)
    published = f"{layout.SWEEPS}/{prepare.named(experiment, execution)}/summary.json"
    server = set_up_prefect(execution)
    with contextlib.ExitStack() as settings:
        # Prefect reads its settings when it is imported, from the environment and from files in the working directory.
        with startup.importing(), contextlib.chdir(server.home if server else Path()):
            from prefect import flow_engine
            from prefect.exceptions import CancelledRun, MissingResult
            from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

            from flows.sweep import sweep

            # Prefect's own handler, used while a flow runs, first reports to its server, which may be down for minutes.
            flow_engine.capture_sigterm = contextlib.nullcontext  # type: ignore[attr-defined,assignment]
            if server:  # heartbeats are useless there, and the flow's end would wait up to a second for their thread
                settings.enter_context(temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}))
            done = execution.storage.exists(published)
            startup.ahead(None if execution.wandb_mode == "disabled" else "wandb" if done else CLIENT)
        if server:
            if experiment.engine == "numba" and not done:  # it will train: load the kernel while the server starts
                compiled.place(execution.storage)
                startup.beside(startup.load_kernel)
            server.wait()
            log.info("Prefect UI while this runs: %s", server.address)
        else:
            startup.check_api()
        try:
            # When an answer of the server is lost, its next one lacks the summary, which is published all the same.
            with contextlib.suppress(MissingResult):
                sweep(experiment, execution)
        except CancelledRun as cancelled:
            raise Interrupted(str(cancelled)) from cancelled
        except Exception as error:
            if not isinstance(error, SweepError):  # Prefect's server, say, does not tell why it cannot write
                check_room(execution.storage)
                if server and (remedy := server.remedy()):
                    raise ServerFailed(f"{error}{remedy}") from error
            raise
    if execution.until:  # what was reached is said
        return 0
    from report.text.verdict import WIDTH, closing

    summary = Summary.model_validate_json(execution.storage.get(published))
    show_rich(closing(summary, next_steps(summary, execution, server)), width=WIDTH)
    return 0


def set_up_prefect(execution: Execution) -> TemporaryServer | None:
    """Start a temporary Prefect server, unless the user has configured one, and silence Prefect's console log."""
    for name in [name for name, value in os.environ.items() if name.startswith("PREFECT_") and not value]:
        del os.environ[name]  # empty counts as unset
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    if {"PREFECT_HOME", "PREFECT_API_URL", "PREFECT_PROFILE"} & os.environ.keys():
        return None
    return TemporaryServer(execution.storage.folder(layout.ORCHESTRATION))


def next_steps(summary: Summary, execution: Execution, server: TemporaryServer | None) -> list[tuple[str, str]]:
    """Places and commands to continue with, by label; paths are relative to the working directory."""
    folder, known = f"{layout.SWEEPS}/{summary.name}", summary.provenance["execution"]
    where, unsent = short(execution.storage.where(folder)), to_send(execution.storage, short)
    pages = [("page", f"{where}/{PAGE}")] if execution.storage.exists(f"{folder}/{PAGE}") else []
    tracked = [("W&B", f"{known['wandb_mode']}: {known['wandb_decided']}"), *([("", unsent)] if unsent else [])]
    return [("files", where), *pages, ("Prefect UI", ui(server)), *tracked]


def ui(server: TemporaryServer | None) -> str:
    """The command or address that shows the sweep in Prefect's UI."""
    if server is None:
        from prefect.settings import PREFECT_UI_URL

        return PREFECT_UI_URL.value() or "on the server that Prefect is set up to use"
    if Path("Makefile").exists() and server.home == Path("artifacts", layout.ORCHESTRATION).resolve():
        return "make ui, then open http://127.0.0.1:4200"
    command = shlex.join(["env", f"PREFECT_HOME={server.home}", interpreter(), "-m", "prefect", "server", "start"])
    return f"{command}  # then open http://127.0.0.1:4200"


def check_text() -> None:
    """InputError if a word of the command line or the path of the working directory is not text, which JSON needs."""
    try:
        here = str(Path.cwd())
    except FileNotFoundError:
        raise InputError("the working directory has been removed: change to another one") from None
    for word in (*sys.argv[1:], here):
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            encoding = sys.getfilesystemencoding()
            raise InputError(f"{word!r} is no text in {encoding}: rename the file or folder, or set LC_ALL=C.UTF-8")


def main() -> int:
    fill_descriptors()
    logging.raiseExceptions = False  # no traceback if W&B's log file cannot be written, as on a full disk
    terminal = logging.StreamHandler()
    terminal.addFilter(lambda record: getattr(record, "console", True))  # the others are for the Prefect UI
    log.addHandler(terminal)
    stop_on_signals()
    try:
        check_text()
        code: int = app(sys.argv[1:], exit_on_error=False, print_error=False)
        return code
    except CycloptsError as error:
        say(message(error, list(app)))
        return InputError.exit_code
    except (InputError, Unavailable) as error:
        say(str(error))
        return error.exit_code
    except Stopped as stopped:
        return goodbye(stopped.signal)
    except Exception as error:
        log.debug("", exc_info=True)
        command = next((name for name in sys.argv[1:2] if name in {*app} - {"sweep"}), "The sweep")
        say(f"{'Cancelled' if isinstance(error, Interrupted) else f'{command} failed'}: {error}")
        if isinstance(error, IsADirectoryError | NotADirectoryError | FileExistsError):
            say("A file or folder is in the way of one of the sweep's: move it away and run the sweep again.")
        return error.exit_code if isinstance(error, SweepError) else SweepError.exit_code


def program() -> NoReturn:
    leave_in_time(main())


if __name__ == "__main__":
    program()
