"""Before step 5, when combinations are drawn: which ones to train next."""

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
    """Draw combinations, by the order of those that are known where the sampler heeds it.

    Parameters
    ----------
    ranking : of this search so far, best first
    """
    config = run.config
    drawn = draw(space, config["sampler"], config["seed"], ranking, config["count"])
    run.tracker.summarize(known=len(ranking))
    return Sampled(combinations=drawn)
