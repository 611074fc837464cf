"""Automations from a file, created on Prefect's server.

`python -m flows.commands.automations automations.yaml [webhook]`
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore

BLOCK = "sweep-trouble"  # holds the webhook's address


def create(file: Path, webhook: str | None) -> list[str]:
    """Create the automations and return their names.

    They replace earlier ones of the same names, unless those are the same, and are enabled if those were.

    Parameters
    ----------
    webhook : the address to notify; without one, automations that call it are left out
    """
    automations: list[dict[str, Any]] = yaml.safe_load(file.read_text())["automations"]
    calls = [action for about in automations for action in about["actions"] if action["type"] == "call-webhook"]
    if webhook:
        # Such addresses often have names of a private network.
        hook = Webhook(url=webhook, headers={"Content-Type": "application/json"}, allow_private_urls=True)
        block = hook.save(BLOCK, overwrite=True)
        for action in calls:
            action["block_document_id"] = str(block)
    else:
        automations = [about for about in automations if not any(action in calls for action in about["actions"])]
    with get_client(sync_client=True) as client:
        known = {about["name"]: about for about in client.request("POST", "/automations/filter", json={}).json()}
        for about in automations:
            earlier = known.get(about["name"])
            wanted = AutomationCore.model_validate({**about, "enabled": earlier["enabled"]} if earlier else about)
            if earlier and AutomationCore.model_validate(earlier) == wanted:
                continue  # a new one would not know since when it waits, for the heartbeat of a killed run say
            if earlier:
                client.request("DELETE", "/automations/{id}", path_params={"id": earlier["id"]})
            client.request("POST", "/automations/", json=wanted.model_dump(mode="json")).raise_for_status()
    return [about["name"] for about in automations]


if __name__ == "__main__":
    file, webhook = [*sys.argv[1:], ""][:2]
    for name in create(Path(file), webhook):
        print(f"created or kept {name}")
