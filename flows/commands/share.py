"""`python -m flows share`: a finished sweep in W&B, as a report, a Sweep and a workspace."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import ValidationError

from execution.advice import extras, short
from execution.storage import Storage, layout, storage_at
from execution.tracking.credentials import Malformed, credentials, settings
from execution.tracking.mode import MODES, probe
from execution.tracking.offline import to_send
from experiment.errors import InputError
from experiment.summary import Summary

if TYPE_CHECKING:
    from wandb.apis.public import Run

TAG = 64  # characters that W&B allows
CHAMPION = "champion"


def share(sweep: str = "latest", *, artifacts: str = "artifacts", register: str = "") -> int:
    """Show a finished sweep in W&B, in the project of its runs: a report, a Sweep and a workspace.

    Its runs, also those that earlier sweeps have trained, get the sweep's name as a tag. Prints the three addresses.

    Parameters
    ----------
    sweep
        Name of the sweep: a folder in artifacts/sweeps.
    artifacts
        The artifact root.
    register
        Collection of W&B's Registry to link the model to, with the alias champion: NAME in the registry "model", or
        wandb-registry-REGISTRY/NAME.
    """
    storage = storage_at(artifacts)
    summary = finished(storage, sweep, "share")
    if not find_spec("wandb_workspaces"):
        raise InputError(f"share: a report needs more packages: {extras()}")
    check_online()
    every = [run for runs in summary.runs.values() for run in runs]
    with refusals():
        import wandb

        from flows.commands.saved_report import report_of, sweep_config, workspace_of  # takes half a second

        api, tracked, runs = wandb.Api(), summary.provenance["execution"], summary.runs["train"]
        entity, project = str(tracked["wandb_entity"] or api.default_entity), tracked["wandb_project"]
        sent = api.runs(f"{entity}/{project}", {"name": {"$in": [*every, *map(offline, every)]}}, lazy=False)
        known = {run.id: run for run in sent}
    trainings = [run if run in known else offline(run) for run in runs]
    if missing := sum(run not in known for run in trainings):
        how = to_send(storage, short)
        raise InputError(
            f"share: {missing} of the {len(runs)} trainings of {summary.name} are not at W&B, in {entity}/{project}: "
            + (f"send them with: {how}" if how else "run the sweep online")
        )
    (report,) = summary.runs["report"]
    with_model = known.get(report) or known.get(offline(report))
    if register and not with_model:
        raise InputError(f"share: {report}, the run with the model, is not at W&B, in {entity}/{project}")
    tag = summary.name[:TAG]
    with refusals():
        for run in known.values():
            if tag not in run.tags:
                run.tags.append(tag)
                run.update()
        print(report_of(summary, trainings, entity, project).save().url)
        print(adopted(summary.name, [known[run] for run in trainings], sweep_config(summary), entity, project))
        print(workspace_of(summary, trainings[0], tag, entity, project).save().url)  # type: ignore[no-untyped-call]
        if register and with_model:
            (version,) = (artifact for artifact in with_model.logged_artifacts() if artifact.type == "model")
            version.link(register if "/" in register else f"wandb-registry-model/{register}", [CHAMPION])
    return 0


def adopted(name: str, trainings: "list[Run]", config: dict[str, Any], entity: str, project: str) -> str:
    """The address of the W&B Sweep that has the trainings, created unless there is one of this name."""
    import wandb

    known, sweep = trainings[0].sweep_name, trainings[0].sweep
    if not sweep or sweep.config.get("name") != name or {run.sweep_name for run in trainings} != {known}:
        with redirect_stdout(StringIO()):  # the client prints the id and the address
            known = wandb.sweep(config, entity, project, prior_runs=[run.id for run in trainings])
    return "/".join((settings().app_url, quote(entity), quote(project), "sweeps", str(known)))


def finished(storage: Storage, sweep: str, command: str) -> Summary:
    """The summary of a finished sweep; InputError if there is none of that name."""
    try:
        return Summary.model_validate_json(storage.get(f"{layout.SWEEPS}/{sweep}/summary.json"))
    except OSError as error:
        known = (key.split("/")[1] for key in storage.list(layout.SWEEPS) if key not in (layout.LATEST, layout.HISTORY))
        names = [name for name in known if not name.startswith(".")]
        raise InputError(
            f"{command}: there is no finished sweep {sweep} in {storage.where(layout.SWEEPS)}: "
            + (f"choose one of {', '.join(names)}" if names else "run one first")
        ) from error
    except ValidationError as error:
        raise InputError(f"{command}: {sweep} was not made by this version of the program: run it again") from error


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
