"""Made-up sweeps of all kinds, ranked."""

import itertools

from hypothesis import strategies as st

from experiment.search.comparison import AccuracyGap
from experiment.search.ranking import Candidate
from tests.made_up import combination, diverged, trained


@st.composite
def sweeps(draw):
    """A grid, ranked; accuracies from anything, or mostly from one hyperparameter, or all the same."""
    rates = draw(st.sets(st.sampled_from([0.1, 0.03, 0.01, 0.001]), min_size=1))
    sizes = draw(st.sets(st.sampled_from([8, 16, 32, 64]), min_size=1))
    alphas = draw(st.sets(st.sampled_from([0.0, 1e-5, 0.001, 0.01]), min_size=1))
    seeds = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["anything", "one of them", "equal"]))
    weight = {value: draw(st.integers(0, 1000)) for value in alphas}
    runs = []
    for point in itertools.product(rates, sizes, alphas):
        of = combination(*point)
        accuracy = {"equal": 500, "one of them": weight[point[2]], "anything": draw(st.integers(0, 1000))}[kind] / 1000
        lost = draw(st.integers(0, 9)) == 0
        runs.append(tuple(diverged(of) if lost else trained(of, accuracy) for _ in range(seeds)))
    made = [Candidate(combination=some[0].combination, trained=some) for some in runs]
    made.sort(key=lambda candidate: (candidate.diverged, -candidate.val_accuracy))
    error = draw(st.sampled_from([0.0, 0.01, 0.1]))
    return tuple(
        candidate
        if candidate.diverged
        else candidate.model_copy(
            update={
                "behind": AccuracyGap(difference=made[0].val_accuracy - candidate.val_accuracy, standard_error=error)
            }
        )
        for candidate in made
    )
