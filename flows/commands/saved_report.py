"""A sweep in W&B: as a report, as a workspace, and the configuration of its Sweep."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from wandb_workspaces import expr
from wandb_workspaces import workspaces as ws
from wandb_workspaces.reports.v2 import interface as wr

from experiment.config import Experiment
from experiment.search.space import Range, extent
from experiment.summary import Summary

TOP = 10  # combinations in the second picture
ACCURACY, LOSS = "final_val_accuracy", "final_val_cross_entropy"  # in the summaries of trainings
MOST_LINES = 100  # in one plot
WIDTH = 24  # of a report, in the units of its panels


def report_of(summary: Summary, trainings: Sequence[str], entity: str, project: str) -> wr.Report:
    """The report, not yet saved.

    Parameters
    ----------
    trainings : ids of their runs, best combination first, all trainings of a combination next to each other
    entity, project : of the runs and the report
    """
    experiment, top = Experiment.model_validate(summary.provenance["experiment"]), min(TOP, summary.combinations)
    lines, importance, *curves = panels_of(experiment)
    settings = [*experiment.axes, "seed", *(["fold"] if summary.folds > 1 else [])]
    columns = [f"config:{setting}.value" for setting in settings]
    figures = [f"summary:{figure}" for figure in (ACCURACY, LOSS, "best_epoch", "epochs_trained", "diverged")]

    def over(name: str, runs: Sequence[str], *panels: wr.PanelTypes) -> wr.PanelGrid:
        """Panels over some runs; without panels a table of the runs.

        The runs are listed by id, not by group: cached ones are in the group of the sweep that trained them.
        """
        runset = wr.Runset(
            entity=entity,
            project=project,
            name=name,
            filters=[expr.Metric("JobType") == "train", expr.Metric("ID").isin(list(runs))],
            order=[wr.OrderBy(wr.SummaryMetric(ACCURACY), ascending=False)],
            visible_columns=["run:displayName", *columns, *figures],
            lock_columns=True,
        )
        return wr.PanelGrid(runsets=[runset], panels=list(panels), hide_run_sets=bool(panels))

    every = partial(over, "All trainings", trainings)
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
            every(lines),
            wr.H2(f"The best {top}"),
            over(f"The best {top}", trainings[: top * experiment.trainings], lines),
            wr.H2("What mattered"),
            wr.P(
                "The panel shows W&B's own measure, from a random forest over the runs; the shares in the text above "
                f"come from {summary.importance.method if summary.importance else 'nothing: there are none'}."
            ),
            every(importance),
            wr.H2("Learning curves"),
            every(*curves),
            wr.H2("All runs"),
            every(),
        ],
    )


def workspace_of(summary: Summary, winner: str, tag: str, entity: str, project: str) -> ws.Workspace:
    """The workspace of the trainings that have the tag, compared with the winner; not yet saved."""
    experiment = Experiment.model_validate(summary.provenance["experiment"])
    axes = [f"config:{axis}.value" for axis in experiment.axes]
    runs = ws.RunsetSettings(
        filters=[expr.Metric("JobType") == "train", expr.Tags().isin([tag])],
        order=[expr.Ordering(expr.Summary(ACCURACY), ascending=False)],
        pinned_columns=[*axes, f"summary:{ACCURACY}", f"summary:{LOSS}"],
        baseline_run=winner,
    )
    sections = [ws.Section(name="Trainings", panels=panels_of(experiment), is_open=True)]
    return ws.Workspace(entity, project, f"Sweep {summary.name}", sections, runset_settings=runs)


def sweep_config(summary: Summary) -> dict[str, Any]:
    """The sweep in W&B's words, for the page of its Sweep; no agent is meant to run it."""
    experiment = Experiment.model_validate(summary.provenance["experiment"])
    axes = {name: experiment.grid[name] for name in experiment.axes} | {"seed": experiment.training_seeds}
    if summary.folds > 1:
        axes["fold"] = tuple(range(1, summary.folds * summary.repeats + 1))
    parameters = {
        name: {"min": values.low, "max": values.high} if isinstance(values, Range) else {"values": list(values)}
        for name, values in axes.items()
    }
    figure, goal = (LOSS, "minimize") if experiment.select_by == "val_loss" else (ACCURACY, "maximize")
    return {
        "name": summary.name,
        "method": "random" if experiment.drawn_by else "grid",
        "metric": {"name": figure, "goal": goal},
        "parameters": parameters,
    }


def panels_of(experiment: Experiment) -> list[wr.PanelTypes]:
    """Parallel coordinates, importance, and two panels of learning curves side by side."""
    curve = partial(wr.LinePlot, x="epoch", log_x=True, max_runs_to_show=MOST_LINES)
    left, right = (wr.Layout(x=x, w=WIDTH // 2, h=10) for x in (0, WIDTH // 2))
    curves = [
        curve(title="validation loss", y=["val_loss"], layout=left),
        curve(title="validation accuracy", y=["val_accuracy"], layout=right),
    ]
    importance = wr.ParameterImportancePlot(with_respect_to=ACCURACY, layout=wr.Layout(w=WIDTH, h=10))
    return [parallel_coordinates(experiment), importance, *curves]


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
