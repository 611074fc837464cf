"""Step 9: what mattered, in figures and in words."""

from collections.abc import Sequence

from execution.steps.run import Run
from execution.steps.step import step
from experiment.metrics import MetricName
from experiment.results.analysis import Analysis
from experiment.results.split import Split
from experiment.search.ranking import Candidate
from experiment.search.space import Space
from experiment.values import ArrayRef
from report.importance import importance
from report.text.analysis import analysis


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
    """Importance of the hyperparameters with its noise, and the written answer.

    Parameters
    ----------
    ranking : the candidates, best first
    resampled : (candidates, resamples), their accuracies on resamples of the validation rows; None: not all
        combinations could be trained, and there is no figure
    space : from which the combinations were drawn; None: they are the grid
    cautions : what a reader should know, in sentences without a full stop
    """
    (rows,) = split.validation.shape
    samples = None if resampled is None else run.open(resampled)
    found = None if samples is None else importance(ranking, samples, space)
    paragraphs = analysis(
        ranking, samples, found, rows=rows, floor=split.baseline, select_by=select_by, notes=cautions, space=space
    )
    run.tracker.summarize(**({} if found is None else {"lead": found.lead, "certain": found.certain}))
    return Analysis(importance=found, paragraphs=tuple(paragraphs))
