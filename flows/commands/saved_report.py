"""A sweep as a saved report in W&B."""

from collections.abc import Collection, Sequence
from functools import partial

from wandb_workspaces import expr
from wandb_workspaces.reports.v2 import interface as wr

from experiment.config import Experiment
from experiment.search.space import extent
from experiment.summary import Summary

TOP = 10  # combinations in the second picture
ACCURACY, LOSS = "final_val_accuracy", "final_val_cross_entropy"  # in the summaries of trainings
MOST_LINES = 100  # in one plot
WIDTH = 24  # of a report, in the units of its panels


def report_of(summary: Summary, trainings: Sequence[str], entity: str, project: str) -> wr.Report:
    """The report, not yet saved.

    Parameters
    ----------
    trainings : ids of their runs, best combination first, with all seeds of a combination next to each other
    entity, project : of the runs and the report
    """
    experiment = Experiment.model_validate(summary.provenance["experiment"])
    top = min(TOP, summary.combinations)
    over = partial(grid, entity, project, experiment.axes)
    every = partial(over, "All trainings", trainings)
    lines = parallel_coordinates(experiment)
    return wr.Report(
        project=project,
        entity=entity,
        title=f"Sweep {summary.name}",
        description=f"Best: {summary.best.words}; validation accuracy {summary.val_accuracy:.2%}, test accuracy "
        f"{summary.test_accuracy:.2%}",
        width="fluid",
        blocks=[
            *(wr.P(paragraph) for paragraph in summary.analysis),
            wr.H2(f"All {summary.combinations} combinations"),
            every([lines]),
            wr.H2(f"The best {top}"),
            over(f"The best {top}", trainings[: top * len(experiment.training_seeds)], [lines]),
            wr.H2("What mattered"),
            wr.P(
                "The panel shows W&B's own measure, from a random forest over the runs; the shares in the text above "
                f"come from {summary.importance.method if summary.importance else 'nothing: there are none'}."
            ),
            every([wr.ParameterImportancePlot(with_respect_to=ACCURACY, layout=wr.Layout(w=WIDTH, h=10))]),
            wr.H2("Learning curves"),
            every([curve("val_loss", "validation loss", 0), curve("val_accuracy", "validation accuracy", WIDTH // 2)]),
            wr.H2("All runs"),
            every([], table=True),
        ],
    )


def grid(
    entity: str,
    project: str,
    axes: Collection[str],
    name: str,
    runs: Sequence[str],
    panels: list[wr.PanelTypes],
    table: bool = False,
) -> wr.PanelGrid:
    """Panels over some runs, with or without a table of the runs.

    The runs are listed by id, not by group: cached ones are in the group of the sweep that trained them.
    """
    columns = [*(f"config:{axis}.value" for axis in axes), "config:seed.value"]
    figures = [f"summary:{figure}" for figure in (ACCURACY, LOSS, "best_epoch", "epochs_trained", "diverged")]
    runset = wr.Runset(
        entity=entity,
        project=project,
        name=name,
        filters=[expr.Metric("JobType") == "train", expr.Metric("ID").isin(list(runs))],
        order=[wr.OrderBy(wr.SummaryMetric(ACCURACY), ascending=False)],
        visible_columns=["run:displayName", *columns, *figures],
        lock_columns=True,
    )
    return wr.PanelGrid(runsets=[runset], panels=panels, hide_run_sets=not table)


def parallel_coordinates(experiment: Experiment) -> wr.ParallelCoordinatesPlot:
    """Parallel coordinates from hyperparameters to validation accuracy.

    Logarithmic axes with a value of 0 are drawn linearly, so that no line is lost.
    """
    columns = [
        wr.ParallelCoordinatesPlotColumn(
            metric=wr.Config(name),
            display_name=axis.label,
            log=axis.scale == "log" and extent(experiment.grid[name])[0] > 0,
        )
        for name, axis in experiment.axes.items()
    ]
    accuracy = wr.ParallelCoordinatesPlotColumn(metric=wr.SummaryMetric(ACCURACY), display_name="validation accuracy")
    return wr.ParallelCoordinatesPlot(columns=[*columns, accuracy], layout=wr.Layout(w=WIDTH, h=12))


def curve(metric: str, title: str, x: int) -> wr.LinePlot:
    """Learning curves of a metric, half as wide as the report, with the left edge at `x`."""
    layout = wr.Layout(x=x, w=WIDTH // 2, h=10)
    return wr.LinePlot(title=title, x="epoch", y=[metric], log_x=True, max_runs_to_show=MOST_LINES, layout=layout)
