"""The user's W&B settings and credentials, as its client reads them: environment, `wandb login`, settings files."""

import os
import re
from typing import TYPE_CHECKING

from experiment.errors import InputError

if TYPE_CHECKING:
    from wandb.sdk.lib.wbauth import Auth
    from wandb.sdk.wandb_settings import Settings

# Settings and variables by which W&B's launcher, its agents and other tracked programs identify their run. The runs of
# a sweep have identities of their own.
OF_ANOTHER_RUN = re.compile(
    r"run_(?!tags|notes)|sweep_|launch|resume|fork_from|job_|runqueue|config(_(?!dir)|$)|start_time|sync|primary"
    r"|update_finish|skip_transaction|(name|service|dir|reinit|program|label)$"
)
NO_SETTINGS = ("anonymous", "root_dir", "settings_system")  # which it ignores in a file
OURS = {
    "WANDB_ERROR_REPORTING": "false",  # the client would send reports even offline
    "WANDB_SILENT": "true",  # the sweep prints its own messages
    "WANDB_SAGEMAKER_DISABLE": "true",  # it would name runs
}


def forget_other_runs() -> None:
    """Remove variables that identify another W&B run, and empty ones."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        setting = name.removeprefix("WANDB_").lower().lstrip("_").removeprefix("x_")
        if OF_ANOTHER_RUN.match(setting) or not os.environ[name]:
            del os.environ[name]
    for name, value in OURS.items():
        os.environ.setdefault(name, value)


forget_other_runs()  # before the client sees them, in every process that tracks


class Malformed(InputError):
    """W&B's client cannot read its settings, or the API key in them."""


def settings() -> "Settings":
    """The client's settings; Malformed names an invalid one, and the client has none of the user's from then on."""
    from pydantic import ValidationError
    from wandb.errors import Error
    from wandb.sdk import wandb_setup  # takes half a second

    try:
        found = wandb_setup.singleton().settings
        # The client ignores a settings file that it cannot read, which may ask for "offline".
        values = {name: value for name, value in found.read_system_settings().all().items() if name not in NO_SETTINGS}
        type(found)(**{name: value.split(",") if name == "ignore_globs" else value for name, value in values.items()})
    except (ValidationError, Error) as error:
        problem: object = error
        if isinstance(error, ValidationError):  # without the input, which may be a key
            problem = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors(include_input=False))
        # The client forgets them all.
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            del os.environ[name]
        os.environ.update(OURS | {"WANDB_CONFIG_DIR": os.devnull})
        wandb_setup.teardown()
        raise Malformed(f"its settings cannot be used ({problem})") from None
    for name, field in type(found).model_fields.items():
        if name in found.model_fields_set and OF_ANOTHER_RUN.match(name.removeprefix("x_")):
            setattr(found, name, field.get_default(call_default_factory=True))
    return found


def credentials() -> tuple[str, "Auth | None"]:
    """The server's address, and the user's credentials, None without a login; Malformed if they are invalid."""
    server = settings().base_url
    from wandb.errors import AuthenticationError
    from wandb.sdk.lib import wbauth

    try:
        return server, wbauth.authenticate_session(host=server, source="", prompt=False, update_session=False)
    except AuthenticationError as error:
        raise Malformed(f"the API key is invalid ({error})") from None
