"""The figures of a sweep as rows of two: what it is, what it came to."""

from experiment.summary import Summary
from report.fonts import fallbacks, written
from report.pictures import MOST_CLASSES
from report.text import remarks


def test_rows(summary: Summary) -> list[tuple[str, str]]:
    """Return what the test set said, beside what knowing nothing would give."""
    low, high = summary.test_accuracy_95
    floor = summary.baseline
    return [
        ("accuracy", f"{summary.test_accuracy:.2%}, 95 % interval {low:.2%} to {high:.2%} (Wilson)"),
        ("cross-entropy", f"{summary.test_loss:.4f}, without penalty"),
        ("baseline", frequencies(floor["test_accuracy"], floor["test_loss"])),
    ]


def selection_rows(summary: Summary) -> list[tuple[str, str]]:
    """Return how the model was chosen, and what is to be known of it."""
    floor = summary.baseline
    tried = f"of {summary.combinations} tried" if summary.combinations > 1 else "the only one tried"
    diverged = f", {summary.diverged} diverged" if summary.diverged else ""
    side = "more" if summary.gap >= 0 else "less"
    rows = [
        *([("search", remarks.search(summary))] if summary.sampler else []),
        ("winner", f"{summary.best.words}, {tried}{diverged}"),
        ("best epoch", str(summary.best_epoch)),
        ("accuracy", f"{summary.val_accuracy:.2%}, {100 * abs(summary.gap):.2f} points {side} than on the test set"),
        ("cross-entropy", f"{summary.val_cross_entropy:.4f}, with its penalty {summary.val_loss:.4f}"),
        ("baseline", frequencies(floor["val_accuracy"], floor["val_cross_entropy"])),
    ]
    rows += [row for row in (("L-BFGS", remarks.lbfgs(summary)), ("ranking", remarks.ranking(summary))) if row[1]]
    if summary.data:
        rows.append(("data", summary.data))
    rows.append(("scaling", summary.scaling))
    rows.append(("gradient check", f"worst relative error {summary.gradient_error:.1e}"))
    rows.extend(("warning", warning) for warning in remarks.warnings(summary))
    return rows


def frequencies(accuracy: float, cross_entropy: float) -> str:
    """Return what answering with the frequencies of the classes gives."""
    return f"class frequencies: accuracy {accuracy:.2%}, cross-entropy {cross_entropy:.4f}"


def class_rows(summary: Summary) -> list[tuple[str, str]]:
    """The accuracy of each class, of many those that fare worst."""
    names = written(list(summary.class_scores), fallbacks(summary.class_scores, bitmaps=True)[1])
    classes = [(name, scores.recall) for name, scores in zip(names, summary.class_scores.values(), strict=True)]
    if len(classes) > MOST_CLASSES:
        classes = sorted(classes, key=lambda item: 1 if item[1] is None else item[1])[:MOST_CLASSES]
    return [(name, "no test rows" if accuracy is None else f"{accuracy:.1%}") for name, accuracy in classes]
