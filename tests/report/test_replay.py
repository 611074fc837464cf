"""The table and the picture of replayed searches."""

from experiment.results.selection import Gap
from experiment.search.ranking import Candidate
from report.pictures import png
from report.replay import Replayed, cells, markdown, picture, table
from tests.made_up import combination, diverged, trained

NONE = Gap(difference=0, standard_error=0, within_noise=True)
WORSE = Gap(difference=0.02, standard_error=0.005, within_noise=False)


def searches():
    good, bad, lost = (
        Candidate(trained=(run,))
        for run in (trained(combination(0.1), 0.9), trained(combination(0.5), 0.88), diverged(combination(9.0)))
    )
    return [
        Replayed("the whole sweep", (good, bad, lost), NONE),
        Replayed("random, 2 trials", (bad, lost), WORSE, (WORSE, NONE)),
        Replayed("random, 1 trials", (lost,), None),
    ]


def test_the_table_has_the_share_of_epochs_and_the_gap_with_its_error():
    frame = table(searches(), "val_accuracy")
    assert frame["epochs"].tolist() == [19, 10, 1]
    assert frame["gap"].tolist()[:2] == [0, 0.02]
    assert frame["other_draws_within_noise"][1] == 1
    assert frame.iloc[2][["learning_rate", "val_accuracy", "gap"]].isna().all()


def test_the_text_says_no_where_a_winner_is_worse_and_none_where_all_diverged():
    _, whole, drawn, lost = cells(searches(), "val_accuracy")
    assert whole[1:6] == ["19 (100%)", "lr=0.1 batch=8 alpha=0", "90.00 %", "none", "yes"]
    assert drawn[3:] == ["88.00 %", "2.00 ± 0.50 points", "no", "mean gap 1.00, 1 of 2 as good"]
    assert lost[2] == "none: all diverged"
    assert markdown([whole, drawn]).count("\n") == 3


def test_the_picture_is_drawn_with_searches_that_found_nothing(tmp_path):
    assert png(picture(searches(), "val_loss")).startswith(b"\x89PNG")
