"""What a summary says of the winner's training."""

import pytest

from experiment.config import Experiment
from report.summary import stopped_by_limit
from tests.made_up import combination, trained


@pytest.mark.parametrize(
    ("patience", "epochs", "best", "stopped"),
    [(5, 9, 4, False), (5, 9, 9, False), (5, 10, 4, False), (5, 10, 6, True), (5, 10, 10, True), (0, 10, 10, False)],
)
def test_max_epochs_stopped_a_training_only_if_its_patience_had_not_run_out(patience, epochs, best, stopped):
    run = trained(combination(), epochs_trained=epochs, best_epoch=best)
    assert stopped_by_limit(run, Experiment(max_epochs=10, patience=patience).recipe) == stopped
