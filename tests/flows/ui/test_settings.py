"""Settings as a TOML file: what is written is read again, what is mistyped is named."""

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.config import Execution
from experiment.config import Experiment
from experiment.errors import InputError
from flows.sweep import sweep
from flows.ui.settings import read, toml
from tests.conftest import PROJECT

RATES = st.lists(st.floats(1e-6, 10), min_size=1, max_size=3, unique=True).map(tuple)
PART = {"learning_rate": RATES | st.floats(1e-6, 1), "batch_size": st.integers(1, 99), "decay": st.just("cosine")}
EXPERIMENTS = st.fixed_dictionaries(
    {},
    optional={
        "learning_rates": RATES | st.just("1e-4:1"),
        "batch_sizes": st.just("8:64") | st.just((1, 2)),
        "decay": st.permutations(["none", "cosine"]).map(tuple),
        "grids": st.lists(st.fixed_dictionaries({}, optional=PART), max_size=3).map(tuple),
        "where": st.just("decay == 'none' or learning_rate < 1e-3"),
        "data": st.sampled_from(["iris", "/tmp/a \"b\" \\ é\x7f.csv"]),
        "label": st.text(max_size=5),
        "drop": st.lists(st.text(max_size=5), max_size=3, unique=True).map(tuple),
        "seeds": st.lists(st.integers(0, 2**32 - 1), max_size=3, unique=True).map(tuple),
        "average": st.booleans(), "halving": st.integers(2, 9), "validation_fraction": st.floats(0.01, 0.99),
    },
)  # fmt: skip
EXECUTIONS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.from_regex(r"[a-zA-Z0-9_-]{1,9}", fullmatch=True).filter(lambda name: name != "latest"),
        "artifacts": st.sampled_from([Path("/tmp/a b"), "s3://bucket/prefix"]),
        "time_limit": st.timedeltas(timedelta(microseconds=1), timedelta(days=99)),
        "checkpoint_seconds": st.floats(0, 1e9), "wandb_mode": st.just("disabled"), "workers": st.integers(1, 99),
    },
)  # fmt: skip


@given(EXPERIMENTS, EXECUTIONS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_file_of_settings_gives_the_same_settings(tmp_path, about, how):
    experiment, execution = Experiment(**about), Execution(**how)
    file = tmp_path / "config.toml"
    file.write_text(toml(experiment, execution), "utf-8")
    assert read(file, Experiment(), Execution()) == (experiment, execution)


def test_what_is_given_counts_more_than_the_file(tmp_path):
    file = tmp_path / "sweep.toml"
    file.write_text("max-epochs = 7\npatience = 3\nworkers = 2\ncombinations = '[{\"learning_rate\": [0.5]}]'\n")
    experiment, execution = read(file, Experiment(max_epochs=9), Execution())
    assert experiment == Experiment(max_epochs=9, patience=3, grids=[{"learning_rate": [0.5]}])
    assert execution == Execution(workers=2)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("learning_rate = [0.1]", "learning_rate is no setting: did you mean learning-rates?"),
        ("xyz = 1", "xyz is no setting: settings are named as flags are"),
        ("alphas = [-1]", "alphas: -1 is not possible: Input should be greater than or equal to 0"),
        ("alphas = 1", "alphas: 1 is not possible: write a list"),
        ("max-epochs = 1\nmax_epochs = 2", "max-epochs and max_epochs are one setting"),
        ("combinations = 'a.csv'\n[[grids]]\nalpha = 0", "combinations and grids are one setting"),
        ("[[grids]]\nlearning_rat = 0.1", "combinations: row 1: learning_rat is no axis: did you mean learning_rate?"),
        ("alphas = [", "Invalid value"),
        ("\xff", "can't decode"),
    ],
)
def test_a_mistyped_setting_is_named_with_its_file(tmp_path, content, says):
    file = tmp_path / "sweep.toml"
    file.write_text(content, "latin-1")
    with pytest.raises(InputError) as refused:
        read(file, Experiment(), Execution())
    assert str(refused.value).startswith(f"{file}: ")
    assert says in str(refused.value)


def test_the_command_line_reads_pyproject_toml_of_the_working_directory(typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text("[tool.softmax-sweep]\nalphas = [-3]\n")
    code, said = typed()
    assert (code, said.partition(" is not")[0]) == (2, "pyproject.toml: alphas: -3")
    Path("other.toml").write_text("alphas = [-4]\n")
    code, said = typed("--config", "other.toml")
    assert (code, said.partition(" is not")[0]) == (2, "other.toml: alphas: -4")


@pytest.mark.parametrize("content", ["tool = 3", "[tool]\nsoftmax-sweep = 3", "[[tool.softmax-sweep]]\nseed = 3"])
def test_a_table_that_is_none_is_said(tmp_path, content):
    file = tmp_path / "pyproject.toml"
    file.write_text(content)
    with pytest.raises(InputError, match=r"tool\.softmax-sweep is no table of settings"):
        read(file, Experiment(), Execution(), ("tool", "softmax-sweep"))


@pytest.mark.soak(2)
@pytest.mark.parametrize("preset", sorted(path.name for path in PROJECT.glob("examples/*.toml")))
def test_a_preset_runs_and_its_sweep_can_be_repeated(preset, digits, execution, monkeypatch):
    monkeypatch.chdir(PROJECT)
    quick = {"max_epochs": 1, "learning_rates": (0.1,), "batch_sizes": (64,), "seeds": (1,), "folds": 1}
    if "data" not in tomllib.loads((PROJECT / "examples" / preset).read_text()):
        quick["data_dir"] = digits
    here = {"artifacts": execution.artifacts, "runner": "threads", "dask_address": None, "wandb_mode": "disabled"}
    summary = sweep(Experiment(**quick), Execution(**here), f"examples/{preset}")
    assert summary.cached == 0
    again = sweep(config=str(execution.artifacts / "sweeps" / summary.name / "config.toml"))
    assert (again.name, again.cached) == (summary.name, summary.combinations * summary.seeds)
