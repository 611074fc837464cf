"""Step 9: the importance of the hyperparameters, and the written analysis."""

from collections.abc import Sequence

from execution.steps.run import Run
from execution.steps.step import step
from experiment.metrics import MetricName
from experiment.results.evaluation import Analysis
from experiment.results.split import Split
from experiment.search.ranking import Candidate
from experiment.search.space import Space
from experiment.values import ArrayRef
from report.importance import importance


@step("analyse")
def analyse(
    run: Run,
    ranking: Sequence[Candidate],
    resampled: ArrayRef | None,
    split: Split,
    select_by: MetricName,
    space: Space | None,
    cautions: Sequence[str],
) -> Analysis:
    """The importance of the hyperparameters, and the paragraphs of the analysis.

    Parameters
    ----------
    resampled : (candidates, resamples), accuracies on resamples of the validation rows; None: not all combinations
        were trained, so the importance is unknown
    space : the space of drawn combinations; None: they are the grid
    cautions : warnings, sentences without a full stop
    """
    from report.text.analysis import analysis  # imports pandas, which a cached sweep does not need

    samples = None if resampled is None else run.open(resampled)
    shares = None if samples is None else importance(ranking, samples, space)
    paragraphs = analysis(ranking, samples, shares, split=split, select_by=select_by, notes=cautions, space=space)
    if shares:
        run.tracker.summarize(lead=shares.lead, certain=shares.certain)
    return Analysis(importance=shares, paragraphs=tuple(paragraphs))
