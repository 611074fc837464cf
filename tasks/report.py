"""Step 10: leaderboard, model, pictures and the data of the page."""

import json
import logging
from collections.abc import Callable, Sequence

import numpy as np

from execution.steps.run import Run
from execution.steps.step import step
from experiment.errors import InputError
from experiment.model import Model, packed
from experiment.output import as_csv
from experiment.results.evaluation import Analysis, Evaluation
from experiment.results.report import Report, Shown
from experiment.results.scaled import Scaled
from experiment.results.split import Split
from experiment.results.trained import Retrained
from experiment.search.ranking import Candidate
from experiment.values import ArrayRef, Artifact

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
    """Leaderboard, model, pictures, and the data of the page. The ranking is best first.

    A picture or a page that fails is left out with a warning; the next run tries again.
    """
    from report import fonts, pictures  # takes a second
    from report.leaderboard import leaderboard, with_lbfgs  # imports pandas
    from report.page.data import COMPARED, classes_data, coefficients_data, page_data
    from report.parallel import parallel_coordinates

    missing: dict[str, Exception] = {}  # reasons, by name

    def attempt(name: str, make: Callable[[], bytes]) -> bytes | None:
        try:
            return make()
        except Exception as error:
            missing[name] = error
            return None

    info, best, selecting, table = shown.info, ranking[0], scaled.fold_scaling, leaderboard(ranking)
    validated, *others = best.trained
    figures = {name: getattr(best, name) for name in ("val_accuracy", "val_cross_entropy", "val_loss")}
    figures |= {"test_accuracy": test.test_accuracy, "test_loss": test.test_loss}
    run.tracker.summarize(best_epoch=best.best_epoch, gap=best.val_accuracy - test.test_accuracy, **figures)
    if best.spread:
        run.tracker.summarize(seeds=best.seeds, **{f"{name}_std": value for name, value in best.spread.items()})
    W, names, confusion = run.open(model.W), info.class_names, run.open(test.confusion)
    final = Model(W, run.open(model.b), scaled.final_scaling.loaded(run.open), names, info.table, info.picture)
    parameters = {
        "W_best_validation": run.open(validated.W),
        "b_best_validation": run.open(validated.b),
        **({"scaling_statistics_best_validation": run.open(selecting.statistics)} if selecting.statistics else {}),
        **best.combination.nondefault(),
        "best_epoch": best.best_epoch,
    }
    complete = with_lbfgs(table, shown.lbfgs) if shown.lbfgs else table
    contents = {"leaderboard.csv": as_csv(complete).encode(), "model.npz": packed(final, parameters | figures)}
    if shown.new:
        contents["predictions.csv"] = as_csv(final.table_of(final.features(run.open(shown.new)))).encode()
    run.tracker.show_table("leaderboard", complete)
    histories = {candidate.combination: run.open(candidate.trained[0].history) for candidate in ranking}
    thin = [run.open(trained.history) for trained in others]
    drawings: dict[str, Callable[[], bytes]] = {
        "learning_curves.png": lambda: pictures.png(
            pictures.learning_curves(histories, best.combination, shown.ranges, thin, validated.best_epoch)
        ),
        "parallel_coordinates.png": lambda: pictures.png(parallel_coordinates(table, ranges=shown.ranges)),
        "confusion.png": lambda: pictures.png(pictures.confusion(confusion, names)),
    }
    if shape := info.picture:
        drawings["weights.png"] = lambda: pictures.png(pictures.weights(W, names, shape))
    for name, draw in drawings.items():
        if picture := attempt(name, draw):
            contents[name] = picture
            run.tracker.show_picture(name.removesuffix(".png"), picture)
    if letters := fonts.missing_letters(names):
        missing["names of classes"] = InputError(letters)
    drawn = contents.get("parallel_coordinates.png")
    preview = attempt("preview", lambda: pictures.preview(drawn)) if drawn else None

    def page() -> bytes:
        converged = [candidate for candidate in ranking[:COMPARED] if not candidate.diverged]
        errors = accuracy_errors(run, converged, shown.split, shown.labels)
        curves = [(histories[one.combination], one.trained[0].best_epoch) for one in ranking]
        mistakes, mistaken = run.open(test.mistakes), run.open(test.mistaken)
        data = page_data(table, curves, errors, shown.ranges)
        data |= classes_data(W, names, confusion, mistakes, mistaken, picture=shape)
        features = info.table.names if info.table else ()
        data["test_file"] = info.test_file
        data["coefficients"] = None if shape else coefficients_data(W, names, confusion, features)
        return json.dumps(data, separators=(",", ":")).encode()

    shown_on_page = attempt("report.html", page)
    if missing:
        reasons = "; ".join(f"{name} ({type(error).__name__}: {error})" for name, error in missing.items())
        log.warning("Could not be drawn, the next run tries again: %s.", reasons)
    run.tracker.show_confusion("confusion_matrix", confusion, names)
    if analysis.importance:
        run.tracker.show_bars("importance", "Share of the variance of validation accuracy", analysis.importance.shares)
    run.tracker.note(analysis.paragraphs)
    files = {name: run.put_file(content) for name, content in contents.items()}
    about = {**best.combination.model_dump(), "best_epoch": best.best_epoch, **figures}
    run.tracker.used(shown.data)
    contained = {"model.npz": files["model.npz"]}
    run.tracker.made(Artifact(name=f"{shown.data.name}-softmax", kind="model", contents=contained, about=about))
    return Report(
        files=files,
        page=shown_on_page and run.put_file(shown_on_page),
        preview=preview and run.put_file(preview),
        missing=tuple(missing),
    )


def accuracy_errors(run: Run, converged: Sequence[Candidate], split: Split, labels: ArrayRef) -> list[list[float]]:
    """The standard errors of differences of two accuracies: `report.page.data.paired_errors`."""
    from report.page.data import paired_errors

    if len(split.folds) > 1:
        return paired_errors([one.by_fold("val_accuracy") for one in converged], split.variance_factor)
    true = run.open(labels)[run.open(split.folds[0].validation)]
    correct = []  # the fraction of seeds with a correct prediction, by validation row
    for candidate in converged:
        predicted = [run.open(trained.judged.predicted) for trained in candidate.trained if trained.judged]
        correct.append((np.stack(predicted) == true).mean(axis=0))
    return paired_errors(correct, 1 / len(true))
