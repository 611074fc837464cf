"""Before step 5, with trials: draw the combinations to train next."""

from execution.steps.run import Run
from execution.steps.step import step
from experiment.axes import Combination
from experiment.config import Sampler
from experiment.results.sampled import Sampled
from experiment.search.sampling import draw
from experiment.search.space import Values


@step("sample", name="sample {count} by {sampler}")
def sample(
    run: Run, space: dict[str, Values], sampler: Sampler, seed: int, ranking: list[Combination], count: int
) -> Sampled:
    """The next combinations; TPE uses the ranking.

    Parameters
    ----------
    ranking : the combinations tried so far, best first
    """
    config = run.config
    drawn = draw(space, config["sampler"], config["seed"], ranking, config["count"])
    run.tracker.summarize(known=len(ranking))
    return Sampled(combinations=drawn)
