"""Before step 5, with trials: draw the combinations to train next."""

from execution.steps.run import Run
from execution.steps.step import step
from experiment.axes import Combination
from experiment.config import Sampler
from experiment.results.selection import Sampled
from experiment.search.sampling import draw
from experiment.search.space import Values


@step("sample", name="sample {count} by {sampler}")
def sample(
    run: Run, space: dict[str, Values], sampler: Sampler, seed: int, ranking: list[Combination], count: int
) -> Sampled:
    """The next combinations. TPE uses the ranking, those tried so far, best first."""
    run.tracker.summarize(known=len(ranking))
    return Sampled(combinations=draw(space, run.config["sampler"], run.config["seed"], ranking, run.config["count"]))
