"""Which combinations may be as good as the best, going by the spread over seeds."""

import pytest

from experiment.axes import Combination
from experiment.ranking import candidates
from experiment.results import Trained
from experiment.values import ArrayRef
from report.leaderboard import leaderboard

NOTHING = ArrayRef(digest="sha256:0", shape=(1,), dtype="f")


@pytest.fixture
def table():
    def make(*accuracies):
        runs = [
            Trained(
                combination=Combination(learning_rate=rate, batch_size=8, alpha=0), diverged=False, epochs_trained=3,
                best_epoch=3, val_loss=1.0, val_accuracy=accuracy, W=NOTHING, b=NOTHING, history=NOTHING,
            )
            for rate, of_seeds in enumerate(accuracies, start=1) for accuracy in of_seeds
        ]  # fmt: skip
        return leaderboard(candidates(runs), [["a", "b"]] * len(accuracies))

    return make


def test_whoever_reaches_into_the_spread_of_the_best_overlaps_it_and_no_other_does(table):
    overlaps = table((0.90, 0.92), (0.88, 0.91), (0.70, 0.71))["overlaps_best"].tolist()
    assert overlaps == [True, True, False]
