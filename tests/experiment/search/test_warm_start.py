"""Which earlier trainings a search begins from."""

from experiment.config import Experiment
from experiment.search.warm_start import eligible
from tests.made_up import combination


def test_it_begins_from_what_lies_within_its_axes_and_was_trained_to_its_end_each_once_in_order():
    space = Experiment.model_validate({"learning_rates": "0.01:1", "batch_sizes": (8, 16), "alphas": (0.0,)}).grid
    a, b, c = combination(0.5), combination(0.01, 16), combination(1.0)
    outside = [combination(2.0), combination(0.5, 32), combination(0.5, alpha=0.1), combination(0.5, decay="cosine")]
    unfinished = combination(0.2)
    assert eligible([b, *outside, a, unfinished, b, c], space, lambda one: one != unfinished) == (b, a, c)
    assert eligible(outside, space, lambda one: True) == ()
