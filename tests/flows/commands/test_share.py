"""`flows share`: what is sent is the sweep, and every refusal is one line."""

import base64
import json
import re
import shutil
import subprocess
import sys

import pytest

from execution.config import Execution
from experiment.config import Experiment
from flows.sweep import sweep
from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE
from tests.program import Program
from tests.wandb_server import WandbServer

AXES = {"learning_rates": (0.5, 0.1, 0.05), "batch_sizes": (16, 64), "alphas": (0.0, 0.01)}
GRID = {**AXES, "decay": ("none",), "folds": 1, "seeds": (1, 2), "max_epochs": 3}
SEEDS = 2


@pytest.fixture(scope="module")
def server():
    with WandbServer() as server:
        yield server


@pytest.fixture(scope="module")
def swept(prefect_server, digits, tmp_path_factory, server):
    """A sweep of twelve combinations under two seeds, tracked offline and sent to the server: its root and summary."""
    artifacts = tmp_path_factory.mktemp("shared")
    summary = sweep(Experiment(data_dir=digits, **GRID), Execution(artifacts=artifacts, wandb_mode="offline"))
    command = [sys.executable, "-m", "wandb", "sync", *map(str, artifacts.glob("wandb/offline-run-*"))]
    subprocess.run(command, cwd=PROJECT, env=clean_environment() | server.env(), check=True, capture_output=True)
    return artifacts, summary


@pytest.fixture(scope="module")
def share(server, swept):
    """Run the command. Gives its exit code, what it printed, what it said on stderr, and the report that it saved."""

    def share(*arguments):
        server.reports.clear()
        done = subprocess.run(
            [sys.executable, "-m", "flows", "share", *arguments, "--artifacts", str(swept[0])],
            cwd=PROJECT, env=clean_environment() | server.env(), capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        (saved,) = server.reports
        return done.returncode, done.stdout, done.stderr, saved

    return share


@pytest.fixture(scope="module")
def shared(share, swept):
    return share(swept[1].name)  # the latest, unless another test came before


@pytest.fixture
def saved(shared):
    """The report of the sweep, for all who look at it."""
    return shared[-1]


def grids(saved):
    return [block["metadata"] for block in saved["spec"]["blocks"] if block["type"] == "panel-grid"]


def filters(grid):
    (runs,) = grid["runSets"]
    return {one["key"]["name"]: one["value"] for one in runs["filters"]["filters"]}


def panels(saved, kind):
    """The panels of a kind, each with the runs that it is about."""
    return [
        (panel["config"], filters(grid)["name"])
        for grid in grids(saved)
        for panel in grid["panelBankSectionConfig"]["panels"]
        if panel["viewType"] == kind
    ]


# ---- what is sent


def test_the_report_is_about_the_runs_of_the_sweep_and_its_address_is_printed(shared, server, swept):
    code, out, err, saved = shared
    assert (code, err) == (0, "")
    at = f"{server.url}/{server.entity}/softmax-sweep"
    report, page, workspace = out.splitlines()
    assert report.startswith(f"{at}/reports/Sweep-{swept[1].name}--")
    assert server.sweeps[page.removeprefix(f"{at}/sweeps/")]["name"] == swept[1].name
    assert workspace.startswith(f"{at}?nw=")
    assert (saved["entityName"], saved["projectName"], saved["type"]) == (server.entity, "softmax-sweep", "runs")
    for grid in grids(saved):
        assert filters(grid).keys() == {"jobType", "name"}
        assert filters(grid)["jobType"] == "train"
        assert {server.runs[run].job_type for run in filters(grid)["name"]} == {"train"}
        assert {server.runs[run].group for run in filters(grid)["name"]} == {swept[1].name}


def test_parallel_coordinates_are_of_all_and_of_the_ten_best(saved, server, swept):
    (every, all_runs), (top, best_runs) = panels(saved, "Parallel Coordinates Plot")
    assert all_runs == list(swept[1].runs["train"])
    assert len(all_runs) == 12 * SEEDS
    assert best_runs == all_runs[: 10 * SEEDS]
    assert every == top
    assert [(column["accessor"], column.get("log", False)) for column in every["columns"]] == [
        ("config:learning_rate.value", True), ("config:batch_size.value", True), ("config:alpha.value", False),
        ("summary:final_val_accuracy", False),
    ]  # fmt: skip
    assert server.runs[best_runs[0]].config["learning_rate"] == swept[1].best.learning_rate


@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")
def test_an_axis_without_a_zero_has_its_log_scale():
    from flows.commands.saved_report import parallel_coordinates  # warns, as it is imported

    columns = parallel_coordinates(Experiment(alphas=(0.001, 0.01))).columns
    assert [column.log for column in columns] == [True, True, True, None]


@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")
def test_ranges_have_their_axes_and_so_have_others_that_vary():
    from flows.commands.saved_report import parallel_coordinates

    drawn = Experiment.model_validate({"learning_rates": "0.001:1", "momentum": "0:0.9", "trials": 9})
    columns = parallel_coordinates(drawn).columns
    assert [column.metric.name for column in columns[:-1]] == ["learning_rate", "batch_size", "alpha", "momentum"]
    assert columns[0].log


def test_importance_curves_and_table_ask_for_what_the_runs_have(saved, server, swept):
    run = server.runs[swept[1].runs["train"][0]]
    ((importance, every),) = panels(saved, "Parameter Importance")
    assert importance["targetKey"] in run.summary
    curves = panels(saved, "Run History Line Plot")
    assert [(curve["metrics"], curve["xAxis"], curve["xLogScale"]) for curve, _ in curves] == [
        (["val_loss"], "epoch", True), (["val_accuracy"], "epoch", True),
    ]  # fmt: skip
    assert {"epoch", "val_loss", "val_accuracy"} <= run.history[0].keys()
    assert [runs for _, runs in curves] == [every, every] == [list(swept[1].runs["train"])] * 2
    *hidden, table = grids(saved)
    assert [grid["hideRunSets"] for grid in (*hidden, table)] == [True] * len(hidden) + [False]
    for column in table["runSets"][0]["runFeed"]["columnOrder"]:
        section, name = column.split(":")
        known = {"config": run.config, "summary": run.summary, "run": {"displayName": 1}}[section]
        assert name.removesuffix(".value") in known


def test_the_text_is_the_analysis(saved, swept):
    said = [block["children"][0]["text"] for block in saved["spec"]["blocks"] if block["type"] == "paragraph"]
    assert tuple(said[1 : 1 + len(swept[1].analysis)]) == swept[1].analysis
    assert f"{swept[1].test_accuracy:.2%}" in saved["description"]


def test_its_trainings_are_a_sweep_of_w_and_b_and_all_its_runs_have_its_name(share, server, swept):
    share(swept[1].name)
    (sweep,) = {run.sweep for run in server.runs.values() if run.job_type == "train"}
    config = server.sweeps[sweep]
    assert config == {
        "name": swept[1].name,
        "method": "grid",
        "metric": {"name": "final_val_accuracy", "goal": "maximize"},
        "parameters": {
            "learning_rate": {"values": [0.5, 0.1, 0.05]}, "batch_size": {"values": [16, 64]},
            "alpha": {"values": [0.0, 0.01]}, "seed": {"values": [1, 2]},
        },
    }  # fmt: skip
    runs = server.runs.values()
    assert {run.id for run in runs if run.sweep} == set(swept[1].runs["train"])
    assert all(swept[1].name in run.tags for run in runs)
    assert all(run.state == "finished" for run in runs)
    for run in runs:
        assert "commit" in run.config
        assert run.config["requirements_lock"].startswith("sha256:")
        if run.job_type != "download":
            assert run.config["data_digests"] == swept[1].provenance["data"]["digests"]


def test_the_workspace_has_the_winner_as_its_baseline(shared, server, swept):
    workspace = next(one for one in server.workspaces if one["displayName"] == f"Sweep {swept[1].name}")
    assert workspace["type"] == "project-view"
    (runs,) = workspace["spec"]["section"]["runSets"]
    text = json.dumps(workspace["spec"])
    winner = f"Run:v1:{swept[1].runs['train'][0]}:softmax-sweep:{server.entity}"
    assert base64.b64encode(winner.encode()).decode() in text
    assert "baseline" in text
    assert swept[1].name in json.dumps(runs)


def test_trainings_from_the_cache_are_in_it_though_another_sweep_made_them(share, server, swept, digits):
    again = Execution(artifacts=swept[0], wandb_mode="offline", name="again")
    assert sweep(Experiment(data_dir=digits, **GRID), again).cached == 12 * SEEDS
    code, out, _, saved = share("again", "--register", "softmax")
    assert code == 0
    sweeps = dict(server.sweeps)
    assert sweeps[re.search("/sweeps/(.*)", out)[1]]["name"] == "again"
    assert all({swept[1].name, "again"} <= set(run.tags) for run in server.runs.values() if run.job_type == "train")
    (linked,) = server.links
    assert (linked["projectName"], linked["artifactPortfolioName"]) == ("wandb-registry-model", "softmax")
    assert linked["aliases"] == [{"artifactCollectionName": "softmax", "alias": "champion"}]
    share("again")
    assert server.sweeps == sweeps  # there is one of its name
    (_, runs), _ = panels(saved, "Parallel Coordinates Plot")
    assert runs == list(swept[1].runs["train"])


def test_a_run_that_could_not_be_begun_online_is_found_under_its_other_name(share, server, swept):
    first = swept[1].runs["train"][0]
    run = server.runs.pop(first)
    run.id = f"{first}-offline"
    server.runs[run.id] = run
    try:
        code, _, _, saved = share()
    finally:
        server.runs[first] = server.runs.pop(run.id)
        run.id = first
    assert code == 0
    (_, runs), _ = panels(saved, "Parallel Coordinates Plot")
    assert runs[0] == f"{first}-offline"


# ---- refusals


@pytest.fixture
def refused(server, swept, forking, prefect_server, tmp_path):
    server.reports.clear()

    def refused(*arguments, root=swept[0], **environment):
        program = Program(root, PREFECT_API_URL=prefect_server, **server.env() | environment)
        program.log, program.flags = tmp_path / "share.log", ["share", *arguments, *program.flags]
        done = program.run()
        assert (done.code, done.stdout, server.reports) == (2, "", [])
        (line,) = done.stderr.splitlines()
        return line

    return refused


def test_offline_without_a_key_or_with_a_bad_one_it_is_refused(refused, server, tmp_path):
    assert "W&B's settings say offline" in refused(WANDB_MODE="offline")
    nobody = {"WANDB_API_KEY": "", "HOME": str(tmp_path), "WANDB_CONFIG_DIR": str(tmp_path)}
    assert refused(**nobody) == "share needs an API key: run `wandb login`, or set WANDB_API_KEY"
    assert "is invalid" in refused(WANDB_API_KEY="f" * 40)
    assert "API key" in refused(WANDB_API_KEY="short")
    assert "init_timeout" in refused(WANDB_INIT_TIMEOUT="abc")


def test_without_a_finished_sweep_it_is_refused(refused, swept, tmp_path):
    assert refused(root=tmp_path).endswith("run one first")
    line = refused("other")
    assert "there is no finished sweep other" in line
    assert swept[1].name in line
    assert "latest" not in line
    root = tmp_path / "old"
    (root / "sweeps" / "old").mkdir(parents=True)
    (root / "sweeps" / "old" / "summary.json").write_text("{}")
    assert "old was not made by this version of the program" in refused("old", root=root)


def test_if_its_runs_are_not_there_it_says_how_to_send_them(refused, server, swept, tmp_path):
    first = swept[1].runs["train"][0]
    run = server.runs.pop(first)
    try:
        line = refused(swept[1].name)
    finally:
        server.runs[first] = run
    assert (
        f"1 of the {12 * SEEDS} trainings of {swept[1].name} are not at W&B, in {server.entity}/softmax-sweep" in line
    )
    assert "-m flows sync --artifacts" in line
    shutil.copytree(swept[0] / "sweeps", tmp_path / "sweeps", symlinks=True)
    name = tmp_path / "sweeps" / swept[1].name / "summary.json"
    summary = json.loads(name.read_text())
    summary["provenance"]["execution"]["wandb_project"] = "elsewhere"
    name.write_text(json.dumps(summary))
    assert "Could not find project elsewhere" in refused(swept[1].name, root=tmp_path)


def test_if_the_server_refuses_or_is_away_it_says_so(refused, server):
    server.refuse = "upsertView"
    try:
        assert refused() == "share: W&B refused: Cannot query field of upsertView"
    finally:
        server.refuse = None
    with server.down():
        assert f"{server.url} cannot be reached" in refused()
