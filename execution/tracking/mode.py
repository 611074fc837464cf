"""The W&B mode of a sweep (online, offline or disabled), decided once at its start."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from execution import log
from execution.config import PROJECT, Execution, Mode, RunContext
from execution.tracking.credentials import Malformed, credentials, settings
from execution.tracking.offline import sync

MODES: dict[str, Mode] = {
    "online": "online", "run": "online", "shared": "online",
    "offline": "offline", "dryrun": "offline",
    "disabled": "disabled",
}  # fmt: skip
PATIENCE = 10  # seconds for W&B to answer, to start a run, or to finish one


def settled(execution: RunContext, asked_for: Execution) -> RunContext:
    """The execution with W&B mode, project, entity, and the reason for the mode.

    Flags override W&B's own settings. By default the mode is online if there is an API key. If settings cannot be read
    or W&B cannot be reached, it is offline.
    """
    if asked_for.wandb_mode == "disabled":
        return execution.model_copy(update={"wandb_mode": "disabled", "wandb_decided": "--wandb-mode"})
    mode: Mode | None = asked_for.wandb_mode
    project, entity, decided, trouble = None, None, "--wandb-mode", ""
    try:
        found = settings()
        project, entity = found.project, found.entity
        if mode is None and "mode" in found.model_fields_set:
            mode, decided = MODES[found.mode], "W&B's settings"
        if mode in (None, "online"):
            server, known_by = credentials()
            if known_by:
                mode, decided = "online", decided if mode else "there is an API key"
                trouble, whose = probe(server, getattr(known_by, "api_key", None))
                entity = entity or whose
            elif mode is None:
                mode, decided = "offline", "there is no API key"
            else:
                trouble = f"{decided} ask for online, and there is no API key"
    except Malformed as error:
        trouble = str(error)
    if trouble:
        mode, decided = "offline", trouble
        go_offline(execution, trouble)
    owner, project = asked_for.wandb_entity or entity, asked_for.wandb_project or project or PROJECT
    about = {"wandb_mode": mode, "wandb_decided": decided, "wandb_project": project, "wandb_entity": owner}
    return execution.model_copy(update=about)


def probe(server: str, key: str | None) -> tuple[str, str | None]:
    """The problem ("": none), and the entity that a key has. Without a key (there may be a token) it is only asked."""
    import requests

    try:
        answer = requests.post(
            f"{server}/graphql",
            json={"query": "query Viewer { viewer { id entity } }"},
            auth=("api", key) if key else None,
            timeout=PATIENCE / 2,
        )
        if key and (answer.status_code in (401, 403) or (answer.ok and not answer.json()["data"]["viewer"])):
            return f"{server} does not accept the API key: it is invalid", None
        answer.raise_for_status()
        viewer = answer.json()["data"]["viewer"] if key else None
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        return f"{server} cannot be reached ({type(error).__name__})", None
    return "", viewer and viewer.get("entity")


def runs_at(execution: RunContext) -> str:
    """The URL of online runs, to be followed by a run's id; "" if runs are not online."""
    if execution.wandb_mode != "online" or execution.wandb_entity is None:
        return ""
    return "/".join((settings().app_url, quote(execution.wandb_entity), quote(execution.wandb_project), "runs", ""))


def go_offline(execution: RunContext, trouble: str) -> None:
    """Warn once, and make all later W&B runs of this flow run offline."""
    if execution.state.give_up_tracking():
        log.warning("W&B: %s. Tracking goes on offline; send it later with: %s", trouble, sync(execution.storage))


@contextmanager
def harmless(execution: RunContext, what: str) -> Iterator[None]:
    """Turn an error in logging into a warning."""
    try:
        yield
    except Exception as error:
        go_offline(execution, f"{what} could not be logged ({error})")
