"""`python -m benchmarks.peers.ray_tune FOLDER`: Ray Tune's grid search, two processors of this machine."""

import os
import sys
from pathlib import Path
from typing import Any

import ray
from ray import tune

from benchmarks.peers.problem import Problem, finish, load, train


def trainable(combination: dict[str, Any], problem: Problem) -> None:
    tune.report(train(problem, **combination))


def main(root: Path) -> None:
    problem = load(root)
    ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1")
    with_data = tune.with_resources(tune.with_parameters(trainable, problem=problem), {"cpu": 1})
    experiment = root / "ray" / "grid"
    if tune.Tuner.can_restore(str(experiment)):
        tuner = tune.Tuner.restore(str(experiment), with_data, resume_unfinished=True, restart_errored=True)
    else:
        tuner = tune.Tuner(
            with_data,
            param_space={name: tune.grid_search(values) for name, values in problem.axes.items()},
            tune_config=tune.TuneConfig(metric="val_accuracy", mode="max", reuse_actors=True),
            run_config=tune.RunConfig(name="grid", storage_path=str(experiment.parent), verbose=0),
        )
    results = tuner.fit()
    best = results.get_best_result()
    assert best.metrics is not None
    finish(root, len(results) - results.num_errors, best.metrics["val_accuracy"], best.metrics["config"])


if __name__ == "__main__":
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    main(Path(sys.argv[1]))
