"""W&B's client as the sweep sets it up."""

import wandb

from execution.tracking.service import client_settings


def test_what_the_user_has_settled_with_w_and_b_is_left_as_it_is():
    assert client_settings(wandb.Settings()).x_disable_stats
    users = wandb.Settings(x_disable_stats=False, console="wrap", finish_timeout=1000)
    ours = client_settings(users)
    assert not {"x_disable_stats", "console"} & ours.model_fields_set
    assert ours.finish_timeout_raises
    assert ours.finish_timeout < 1000  # the sweep's promise, in seconds, that W&B holds nothing up
