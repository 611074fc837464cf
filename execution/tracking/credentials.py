"""Where W&B is and who is asking, as its own client finds out: environment, `wandb login`, settings files."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wandb.sdk.lib.wbauth import Auth

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # the client would phone home even offline
os.environ.setdefault("WANDB_SILENT", "true")  # what there is to say the sweep says


def credentials() -> tuple[str, "Auth | None"]:
    """The server's address, and what it knows the user by: None when the user has not logged in.

    Raises
    ------
    wandb.errors.AuthenticationError : there is something, but it cannot be a key
    """
    from wandb.sdk import wandb_setup  # takes half a second
    from wandb.sdk.lib import wbauth

    server = wandb_setup.singleton().settings.base_url
    return server, wbauth.authenticate_session(host=server, source="", prompt=False, update_session=False)
