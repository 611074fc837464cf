"""The deployments for pools of other machines: as Prefect's own command reads them, against the pools' schemas."""

import asyncio
import json

import jsonschema  # type: ignore[import-untyped]
import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.workers.base import BaseJobConfiguration
from pydantic import create_model

from deploy.pool import PUBLISHED, SECRETS, reference, template
from execution.config import Execution
from tests.conftest import PROJECT
from tests.program import fork

SECRET = "not-for-everybody"


@pytest.fixture(scope="module")
def blocks(prefect_server):
    for name in SECRETS:
        Secret(value=SECRET).save(reference(name).rpartition(".")[2], _sync=True)


@pytest.fixture
def prefect_command(forking, prefect_server, tmp_path):
    """Type a command of Prefect's in the project's folder."""
    about = {"PREFECT_API_URL": prefect_server, "PREFECT_HOME": str(tmp_path), "SWEEP_ARTIFACTS": "s3://bucket/prefix"}

    def run(*arguments):
        ended = fork("prefect", ["--no-prompt", *arguments], tmp_path / "log", about).wait()
        assert ended.code == 0, ended.output

    return run


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_what_is_deployed_is_what_the_pool_takes_and_what_the_flow_takes(kind, prefect_command, blocks, tmp_path):
    pool = tmp_path / "pool.json"
    pool.write_text(json.dumps(template(kind)))
    prefect_command("work-pool", "create", "--type", kind, "--base-job-template", str(pool), kind)
    prefect_command("deploy", "--prefect-file", f"deploy/prefect-{kind}.yaml", "--all")
    with get_client(sync_client=True) as client:
        made = client.read_deployment_by_name(f"sweep/{kind}")
        kept = client.read_work_pool(kind).base_job_template
    published = json.loads(PUBLISHED.read_text())[f"prefect-{kind}"][kind]["default_base_job_configuration"]
    jsonschema.validate(made.job_variables, {**published["variables"], "additionalProperties": False})
    assert made.pull_steps == []
    execution = Execution(**made.parameters["execution"])
    assert execution.artifacts == "s3://bucket/prefix"
    assert (execution.runner, execution.dask_address) == {
        "docker": ("threads", None), "kubernetes": ("dask", "tcp://dask-scheduler:8786"),
    }[kind]  # fmt: skip
    assert SECRET not in json.dumps([kept, made.model_dump(mode="json")])
    assert kept["job_configuration"].keys() == published["job_configuration"].keys()

    # As the worker makes the job of it.
    fields = dict.fromkeys(published["job_configuration"], (object, None)) | {"env": (dict, {})}
    of_kind = create_model("OfKind", __base__=BaseJobConfiguration, **fields)
    job = asyncio.run(of_kind.from_template_and_values(kept, made.job_variables))
    if kind == "docker":
        assert (job.image, job.mem_limit) == ("softmax-sweep", "2g")
        assert job.env == dict.fromkeys(SECRETS, SECRET)
    else:
        (container,) = job.job_manifest["spec"]["template"]["spec"]["containers"]
        assert container["resources"] == {
            "limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "1Gi"},
        }  # fmt: skip
        assert container["envFrom"] == [{"secretRef": {"name": "sweep"}}]
        assert job.job_manifest["metadata"]["namespace"] == "sweep"


def test_the_image_has_every_package_of_the_project_and_runs_as_nobody_special():
    lines = (PROJECT / "deploy" / "Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY") and "--from" not in line}
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= copied
    ignored = (PROJECT / "deploy" / "Dockerfile.dockerignore").read_text().split()
    assert {f"!{name}" for name in copied if "." not in name} <= set(ignored)
    assert [line for line in lines if line.startswith("USER")] == ["USER sweep"]
