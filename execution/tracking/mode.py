"""Whether a sweep is tracked online, offline or not at all: settled once, at its start."""

import logging

import requests

from execution.config import Underway
from execution.storage import layout
from execution.tracking.credentials import credentials

log = logging.getLogger("sweep")

PATIENCE = 10  # seconds that W&B may take to answer, to take a new run, or to take the rest of one


def settled(execution: Underway, asked_for: str | None) -> Underway:
    """Return the execution with its tracking mode: an unasked-for or unreachable W&B means offline.

    Parameters
    ----------
    asked_for : the user's mode; None lets the credentials decide
    """
    if asked_for in ("offline", "disabled"):
        return execution.model_copy(update={"wandb_mode": asked_for})
    from wandb.errors import AuthenticationError

    try:
        server, known_by = credentials()
        trouble = probe(server, getattr(known_by, "api_key", None)) if known_by else ""
    except AuthenticationError as error:
        known_by, trouble = None, f"the API key is invalid ({error})"
    if trouble:
        go_offline(execution, trouble)
    return execution.model_copy(update={"wandb_mode": "online" if known_by and not trouble else "offline"})


def probe(server: str, key: str | None) -> str:
    """Ask who the key belongs to; without one (there may be a token), whether anyone answers.

    Returns what is wrong, or "".
    """
    try:
        answer = requests.post(
            f"{server}/graphql",
            json={"query": "query Viewer { viewer { id } }"},
            auth=("api", key) if key else None,
            timeout=PATIENCE / 2,
        )
        if key and (answer.status_code in (401, 403) or (answer.ok and not answer.json()["data"]["viewer"])):
            return f"{server} does not accept the API key: it is invalid"
        answer.raise_for_status()
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        return f"{server} cannot be reached ({type(error).__name__})"
    return ""


def go_offline(execution: Underway, trouble: str) -> None:
    """Warn once, and let all later W&B runs of this flow run be offline ones."""
    if execution.state.give_up_tracking():
        folder = execution.storage.folder(layout.TRACKING)
        log.warning("W&B: %s. Tracking goes on offline; send it later with: wandb sync %s", trouble, folder)
