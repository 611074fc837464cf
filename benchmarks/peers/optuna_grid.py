"""`python -m benchmarks.peers.optuna_grid FOLDER`: Optuna's grid sampler, SQLite, two threads.

The heartbeat is how Optuna learns that a process died, and trains again what was under way there.
"""

import math
import sys
from pathlib import Path

import optuna
from optuna.samplers import GridSampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from benchmarks.peers.problem import finish, load, train


def main(root: Path) -> None:
    problem = load(root)

    def objective(trial: optuna.Trial) -> float:
        combination = {name: trial.suggest_categorical(name, values) for name, values in problem.axes.items()}
        figures = train(problem, **combination)
        for name, value in figures.items():
            trial.set_user_attr(name, value)
        return figures["val_accuracy"]

    storage = RDBStorage(
        f"sqlite:///{root}/optuna.db",
        heartbeat_interval=1,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
    )
    study = optuna.create_study(
        storage=storage, sampler=GridSampler(problem.axes), study_name="grid", direction="maximize", load_if_exists=True
    )
    left = math.prod(map(len, problem.axes.values())) - completed(study)
    study.optimize(objective, n_trials=left, n_jobs=2)
    finish(root, completed(study), study.best_value, study.best_params)


def completed(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
