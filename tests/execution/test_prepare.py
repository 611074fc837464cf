"""What is looked at before a sweep begins."""

import pytest

from execution import prepare
from execution.config import Execution
from experiment.config import Experiment
from experiment.errors import InputError


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A temporary folder that a worker has put the code into."""
    folder = tmp_path / "tmp1a2b3cprefect" / "checkout"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "some-run")
    return folder


def test_on_a_worker_artifacts_in_a_temporary_checkout_are_refused(checkout, digits):
    with pytest.raises(InputError, match=r"removed when the run ends.*execution\.artifacts"):
        prepare.check(Experiment(data_dir=digits), Execution())
    assert not list(checkout.iterdir())


def test_a_folder_that_stays_is_taken_wherever_the_code_is(checkout, digits, tmp_path):
    prepare.check(Experiment(data_dir=digits), Execution(artifacts=tmp_path / "volume"))


def test_on_a_worker_a_checkout_that_stays_may_be_anywhere(checkout, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare.check(Experiment(data_dir=digits), Execution())


def test_without_a_worker_a_temporary_folder_is_the_users_own_choice(checkout, digits, monkeypatch):
    monkeypatch.delenv("PREFECT__FLOW_RUN_ID")
    prepare.check(Experiment(data_dir=digits), Execution())


def test_workers_left_out_are_one_per_core_and_the_mode_is_no_guess(digits):
    begun = prepare.run_context(Experiment(data_dir=digits), Execution(), "run")
    assert begun.workers == prepare.cores() >= 1
    assert begun.wandb_mode == "offline"
    assert begun.artifacts.is_absolute()
    assert begun.name.startswith("digits-")


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "max 100000"}, 64),
        (
            "0::/system.slice/sweep.service",
            {"system.slice/cpu.max": "300000 100000", "system.slice/sweep.service/cpu.max": "max 100000"},
            3,
        ),
        ("0::/of/the/host", {"cpu.max": "10000 100000"}, 1),  # a container that sees the host's name of its group
        ("3:cpuset:/\n1:cpu,cpuacct:/job\n0::/", V1 := {"cpu,cpuacct/job/cpu.cfs_period_us": "50000"}, 64),
        ("1:cpu,cpuacct:/job\n0::/", V1 | {"cpu,cpuacct/job/cpu.cfs_quota_us": "100000"}, 2),
        ("1:cpu,cpuacct:/job\n0::/", V1 | {"cpu,cpuacct/job/cpu.cfs_quota_us": "-1"}, 64),
    ],
)
def test_a_quota_of_cpu_time_counts_as_so_many_cores(tmp_path, monkeypatch, groups, files, cores):
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(f"{groups}\n")
    for name, content in files.items():
        file = tmp_path / "sys" / "fs" / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")
    monkeypatch.setattr(prepare.os, "sched_getaffinity", lambda process: set(range(64)))
    assert prepare.cores(tmp_path) == cores
