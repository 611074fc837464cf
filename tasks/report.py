"""Step 10: leaderboard, model, pictures and the data of the page."""

import json
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from execution.steps.run import Run
from execution.steps.step import step
from experiment.errors import InputError
from experiment.model import Model, packed
from experiment.output import as_csv
from experiment.results.analysis import Analysis
from experiment.results.dataset import DatasetInfo
from experiment.results.evaluation import Evaluation
from experiment.results.report import Report, Shown
from experiment.results.retrained import Retrained
from experiment.results.scaled import Scaled
from experiment.search.ranking import Candidate
from experiment.values import Artifact
from report.leaderboard import leaderboard, with_lbfgs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger("sweep")


@step("report")
def report(
    run: Run,
    ranking: Sequence[Candidate],
    model: Retrained,
    scaled: Scaled,
    test: Evaluation,
    analysis: Analysis,
    shown: Shown,
) -> Report:
    """Leaderboard, model, pictures, and the data of the page.

    Parameters
    ----------
    ranking : the candidates, best first
    """
    from report import fonts, pictures  # takes a second

    def painted(draw: "Callable[[], Figure]") -> bytes:
        return pictures.png(draw())

    from report.page.data import COMPARED, classes_data, coefficients_data, page_data
    from report.parallel import parallel_coordinates

    info, best, table = shown.info, ranking[0], leaderboard(ranking, shown.runs)
    complete = with_lbfgs(table, shown.lbfgs) if shown.lbfgs else table
    figures = {
        "val_accuracy": best.val_accuracy,
        "val_cross_entropy": best.val_cross_entropy,
        "val_loss": best.val_loss,
        "test_accuracy": test.test_accuracy,
        "test_loss": test.test_loss,
    }
    run.tracker.summarize(best_epoch=best.best_epoch, gap=best.val_accuracy - test.test_accuracy, **figures)
    if best.spread:
        run.tracker.summarize(seeds=len(best.trained), **{f"{name}_std": value for name, value in best.spread.items()})
    histories = {candidate.combination: run.open(candidate.trained[0].history) for candidate in ranking}
    converged = [candidate for candidate in ranking[:COMPARED] if not candidate.diverged]
    true = run.open(shown.labels)[run.open(shown.split.validation)]
    correct = [candidate_correct(run, candidate, true) for candidate in converged]
    W, class_names, confusion = run.open(model.W), info.class_names, run.open(test.confusion)
    mistakes, mistaken = run.open(test.mistakes), run.open(test.mistaken)
    drawings: dict[str, Callable[[], Figure]] = {
        "learning_curves.png": lambda: pictures.learning_curves(histories, best.combination, shown.ranges),
        "parallel_coordinates.png": lambda: parallel_coordinates(table, ranges=shown.ranges),
        "confusion.png": lambda: pictures.confusion(confusion, class_names),
    }
    if shape := info.picture:
        drawings["weights.png"] = lambda: pictures.weights(W, class_names, shape)
    features = info.table.names if info.table else ()
    optional, final = OptionalOutputs(), final_model(run, model, scaled, info)
    contents = {
        "leaderboard.csv": as_csv(complete).encode(),
        "model.npz": saved_model(run, best, final, scaled, figures),
    }
    if shown.new:
        contents["predictions.csv"] = as_csv(final.table_of(final.features(run.open(shown.new)))).encode()
    run.tracker.show_table("leaderboard", complete)
    for name, draw in drawings.items():
        if picture := optional.made(name, partial(painted, draw)):
            contents[name] = picture
            run.tracker.show_picture(name.removesuffix(".png"), picture)
    if missing := fonts.missing_letters(class_names):
        optional.missing["names of classes"] = InputError(missing)
    drawn = contents.get("parallel_coordinates.png")
    preview = drawn and optional.made("preview", partial(pictures.preview, drawn))
    page = optional.made(
        "report.html",
        lambda: json.dumps(
            page_data(ranking, list(histories.values()), correct, shown.ranges)
            | classes_data(W, class_names, confusion, mistakes, mistaken, picture=info.picture)
            | {
                "test_file": info.test_file,
                "coefficients": None if info.picture else coefficients_data(W, class_names, confusion, features),
            },
            separators=(",", ":"),
        ).encode(),
    )
    optional.warn()
    run.tracker.show_confusion("confusion_matrix", confusion, class_names)
    if analysis.importance:
        run.tracker.show_bars("importance", "Share of the variance of validation accuracy", analysis.importance.shares)
    run.tracker.note(analysis.paragraphs)
    files = {name: run.put_file(content) for name, content in contents.items()}
    about = {**best.combination.model_dump(), "best_epoch": best.best_epoch, **figures}
    run.tracker.used(shown.data)
    name, contained = f"{shown.data.name}-softmax", {"model.npz": files["model.npz"]}
    run.tracker.made(Artifact(name=name, kind="model", contents=contained, about=about))
    return Report(
        files=files,
        page=page and run.put_file(page),
        preview=preview and run.put_file(preview),
        missing=tuple(optional.missing),
    )


def candidate_correct(run: Run, candidate: Candidate, true: NDArray[np.integer]) -> NDArray[np.float64]:
    """The fraction of seeds with a correct prediction, by validation row: (n,)."""
    predicted = [run.open(trained.judged.predicted) for trained in candidate.trained if trained.judged]
    return np.asarray((np.stack(predicted) == true).mean(axis=0), np.float64)


class OptionalOutputs:
    """Outputs whose failure causes only a warning."""

    def __init__(self) -> None:
        self.missing: dict[str, Exception] = {}  # reasons, by name

    def made(self, name: str, make: Callable[[], bytes | None]) -> bytes | None:
        try:
            return make()
        except Exception as error:
            self.missing[name] = error
            return None

    def warn(self) -> None:
        if self.missing:
            reasons = "; ".join(f"{name} ({type(error).__name__}: {error})" for name, error in self.missing.items())
            log.warning("Could not be drawn, the next run tries again: %s.", reasons)


def final_model(run: Run, model: Retrained, scaled: Scaled, info: DatasetInfo) -> Model:
    scaling = scaled.final_scaling.loaded(run.open)
    return Model(run.open(model.W), run.open(model.b), scaling, info.class_names, info.table, info.picture)


def saved_model(run: Run, best: Candidate, model: Model, scaled: Scaled, figures: dict[str, float]) -> bytes:
    """An `.npz` of the final model, the parameters with the best validation loss, and their settings and metrics."""
    validated, selecting = best.trained[0], scaled.train_scaling
    more = {
        "W_best_validation": run.open(validated.W),
        "b_best_validation": run.open(validated.b),
        **({"scaling_statistics_best_validation": run.open(selecting.statistics)} if selecting.statistics else {}),
        **best.combination.nondefault(),
        "best_epoch": best.best_epoch,
        **figures,
    }
    return packed(model, more)
