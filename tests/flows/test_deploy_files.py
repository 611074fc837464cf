"""The deployments for pools of other machines: as Prefect's own command reads them, against the pools' schemas."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import prefect
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate

from execution.config import Execution
from tests.conftest import PROJECT, clean_environment

COLLECTIONS = Path(prefect.__file__).parent / "server/api/collections_data/views/aggregate-worker-metadata.json"


@pytest.fixture(scope="module")
def templates():
    """The base job templates that Prefect publishes, by the type of the pool."""
    published = json.loads(COLLECTIONS.read_text())
    return {
        kind: published[f"prefect-{kind}"][kind]["default_base_job_configuration"] for kind in ("docker", "kubernetes")
    }


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_what_is_deployed_is_what_the_pool_takes_and_the_flow_too(kind, templates, prefect_server, tmp_path):
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=kind, type=kind, base_job_template=templates[kind]))
        about = {
            "PREFECT_API_URL": prefect_server,
            "PREFECT_HOME": str(tmp_path),
            "SWEEP_ARTIFACTS": "s3://bucket/prefix",
        }
        command = ["-m", "prefect", "--no-prompt", "deploy", "--prefect-file", f"deploy/prefect-{kind}.yaml", "--all"]
        run = subprocess.run(
            [sys.executable, *command],
            cwd=PROJECT, env=clean_environment() | about, capture_output=True, text=True,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
        made = client.read_deployment_by_name(f"sweep/{kind}")
    assert made.work_pool_name == kind
    assert made.pull_steps == []
    variables = templates[kind]["variables"]
    jsonschema.validate(made.job_variables, {**variables, "additionalProperties": False})
    for name, value in made.job_variables["env"].items():
        assert value == f"{{{{ prefect.blocks.secret.sweep-{name.lower().replace('_', '-')} }}}}"  # by name alone
    execution = Execution(**made.parameters["execution"])
    assert execution.artifacts == "s3://bucket/prefix"
    assert (execution.runner, execution.dask_address) == {
        "docker": ("threads", None), "kubernetes": ("dask", "tcp://dask-scheduler:8786"),
    }[kind]  # fmt: skip


def test_the_image_has_every_package_of_the_project_and_runs_as_nobody_special():
    lines = (PROJECT / "deploy" / "Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY") and "--from" not in line}
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= copied
    ignored = (PROJECT / "deploy" / "Dockerfile.dockerignore").read_text().split()
    assert {f"!{name}" for name in copied if "." not in name} <= set(ignored)
    assert [line for line in lines if line.startswith("USER")] == ["USER sweep"]
