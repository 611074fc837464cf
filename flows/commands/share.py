"""`python -m flows share`: a finished sweep as a saved report in W&B."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from pydantic import ValidationError

from execution.advice import extras, short
from execution.storage import layout
from execution.storage.choose import storage_at
from execution.storage.protocol import Store
from execution.tracking.credentials import Malformed, credentials, settings
from execution.tracking.mode import MODES, probe
from execution.tracking.offline import to_send
from experiment.errors import InputError
from experiment.summary import Summary


def share(sweep: str = "latest", *, artifacts: str = "artifacts") -> int:
    """Save a report of a finished sweep in W&B, in the project of its runs, and print the report's address.

    Parameters
    ----------
    sweep
        Name of the sweep: a folder in artifacts/sweeps.
    artifacts
        The artifact root.
    """
    storage = storage_at(artifacts)
    summary = finished(storage, sweep)
    if not find_spec("wandb_workspaces"):
        raise InputError(f"share: a report needs more packages: {extras()}")
    check_online()
    with refusals():
        import wandb

        from flows.commands.saved_report import report_of  # takes half a second

        api, tracked, runs = wandb.Api(), summary.provenance["execution"], summary.runs["train"]
        entity, project = str(tracked["wandb_entity"] or api.default_entity), tracked["wandb_project"]
        sent = api.runs(f"{entity}/{project}", {"name": {"$in": [*runs, *map(offline, runs)]}})
        known = {run.id for run in sent}
    trainings = [run if run in known else offline(run) for run in runs]
    if missing := sum(run not in known for run in trainings):
        how = to_send(storage, short)
        raise InputError(
            f"share: {missing} of the {len(runs)} trainings of {summary.name} are not at W&B, in {entity}/{project}: "
            + (f"send them with: {how}" if how else "run the sweep online")
        )
    with refusals():
        report = report_of(summary, trainings, entity, project).save()
    print(report.url)
    return 0


def finished(storage: Store, sweep: str) -> Summary:
    """The summary of a finished sweep; InputError if there is none of that name."""
    try:
        return Summary.model_validate_json(storage.get(f"{layout.SWEEPS}/{sweep}/summary.json"))
    except OSError as error:
        known = (key.split("/")[1] for key in storage.list(layout.SWEEPS) if key not in (layout.LATEST, layout.HISTORY))
        names = [name for name in known if not name.startswith(".")]
        raise InputError(
            f"share: there is no finished sweep {sweep} in {storage.where(layout.SWEEPS)}: "
            + (f"choose one of {', '.join(names)}" if names else "run one first")
        ) from error
    except ValidationError as error:
        raise InputError(f"share: {sweep} was not made by this version of the program: run it again") from error


def check_online() -> None:
    """Raise InputError unless W&B is enabled, has credentials, and answers."""
    try:
        found = settings()
        if "mode" in found.model_fields_set and MODES[found.mode] != "online":
            raise InputError(f"share needs W&B online, and W&B's settings say {found.mode}: unset WANDB_MODE")
        server, known_by = credentials()
    except Malformed as error:
        raise InputError(f"share: W&B: {error}") from None
    if not known_by:
        raise InputError("share needs an API key: run `wandb login`, or set WANDB_API_KEY")
    problem, _ = probe(server, getattr(known_by, "api_key", None))
    if problem:
        raise InputError(f"share: {problem}")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn any exception of W&B's client into an InputError of one line."""
    try:
        yield
    except Exception as error:
        raise InputError(f"share: W&B refused: {str(error).strip().splitlines()[0]}") from error


def offline(run: str) -> str:
    """The id of a run that could not be started online."""
    return f"{run}-offline"
