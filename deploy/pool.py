"""The job template of a work pool: Prefect's own, with references to the secrets that a run needs.

`python deploy/pool.py docker` or `kubernetes` prints it. In the deployments `prefect deploy` would resolve the
references and store the secrets on the server for all to read.
"""

import json
import sys
from pathlib import Path
from typing import Any

import prefect

PUBLISHED = Path(prefect.__file__).parent / "server/api/collections_data/views/aggregate-worker-metadata.json"
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY")


def template(kind: str) -> dict[str, Any]:
    """The base job template of a pool of this type."""
    made: dict[str, Any] = json.loads(PUBLISHED.read_text())[f"prefect-{kind}"][kind]["default_base_job_configuration"]
    if kind == "docker":  # blocks of the type Secret on Prefect's server, which the worker looks up for each run
        made["variables"]["properties"]["env"]["default"] = {name: f"{{{{ {reference(name)} }}}}" for name in SECRETS}
    else:  # a Secret of the namespace, whose keys become variables; Prefect and its worker never see it
        (container,) = made["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]["containers"]
        container["envFrom"] = [{"secretRef": {"name": "sweep"}}]
    return made


def reference(variable: str) -> str:
    return f"prefect.blocks.secret.sweep-{variable.lower().replace('_', '-')}"


if __name__ == "__main__":
    print(json.dumps(template(sys.argv[1]), indent=2))
