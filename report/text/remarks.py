"""The outcome of a sweep as headed facts for the terminal, the page, the PDF and Markdown."""

from experiment.summary import Summary
from report.text.wording import count, importance_in_words, noise_in_words


def facts(summary: Summary) -> list[tuple[str, str]]:
    """Headings and texts, in reading order."""
    baseline, (low, high) = summary.baseline, summary.test_accuracy_95
    side = "more" if summary.gap >= 0 else "less"
    rows = [
        (
            "sweep",
            f"{count(summary.combinations, 'combination')}, {count(summary.cached, 'training')} cached, "
            f"{summary.diverged} diverged, {summary.seconds} s",
        ),
        ("search", search(summary)),
        (
            "halving",
            f"{summary.pruned} pruned before their end, {count(summary.epochs_trained, 'epoch')} in all"
            if summary.pruned
            else "",
        ),
        ("best", summary.best.words),
        ("best epoch", str(summary.best_epoch)),
        (
            "validation",
            f"accuracy {summary.val_accuracy:.2%}, cross-entropy {summary.val_cross_entropy:.4f}, with its penalty "
            f"{summary.val_loss:.4f}{spread(summary)}",
        ),
        (
            "test",
            f"accuracy {summary.test_accuracy:.2%}, 95 % interval {low:.2%} to {high:.2%} "
            f"(validation gave {100 * abs(summary.gap):.2f} points {side}), cross-entropy {summary.test_loss:.4f}",
        ),
        ("calibration", calibration(summary)),
        ("data", summary.data),
        ("scaling", summary.scaling),
        ("defaults", summary.defaults),
        (
            "baseline",
            f"class frequencies: accuracy {baseline['test_accuracy']:.2%}, cross-entropy "
            f"{baseline['test_loss']:.4f} (test)",
        ),
        ("L-BFGS", lbfgs(summary)),
        ("ranking", ranking(summary)),
        (
            "what mattered",
            importance_in_words(summary.importance, summary.validation_rows) if summary.combinations > 1 else "",
        ),
        *(("warning", warning) for warning in warnings(summary)),
    ]
    return [(heading, text) for heading, text in rows if text]


def search(summary: Summary) -> str:
    """The origin of the combinations; "" for the grid."""
    if not summary.sampler:
        return ""
    before = f", after {len(summary.earlier)} from earlier sweeps" if summary.earlier else ""
    return f"{summary.combinations - len(summary.earlier)} drawn, sampler {summary.sampler}{before}"


def spread(summary: Summary) -> str:
    """The standard deviations over the seeds; "" for one seed."""
    if not summary.spread:
        return ""
    return (
        f" (means over {summary.seeds} seeds, standard deviations {100 * summary.spread['val_accuracy']:.2f} points "
        f"and {summary.spread['val_cross_entropy']:.4f})"
    )


def calibration(summary: Summary) -> str:
    """The expected calibration error."""
    low, high = summary.calibration.interval
    points = f"{100 * summary.calibration.error:.1f} points, 95 % interval {100 * low:.1f} to {100 * high:.1f}"
    return f"expected calibration error {points} (test)"


def lbfgs(summary: Summary) -> str:
    """The metrics of scikit-learn's L-BFGS; "" without --baseline."""
    if not (result := summary.lbfgs):
        return ""
    return (
        f"accuracy {result['val_accuracy']:.2%}, cross-entropy {result['val_cross_entropy']:.4f} (validation; "
        f"scikit-learn, alpha {result['alpha']:g}, {count(int(result['iterations']), 'iteration')})"
    )


def ranking(summary: Summary) -> str:
    """The number of combinations within noise of the best; "" if none were compared."""
    if not summary.compared:
        return ""
    return noise_in_words(
        summary.within_noise, summary.compared, summary.combinations - 1, summary.validation_rows, summary.select_by
    )


def warnings(summary: Summary) -> list[str]:
    """Warnings for users of the model, one sentence each."""
    sentences = list(summary.data_warnings)
    if summary.left:
        sentences.append(
            f"time was up before {count(summary.left, 'combination')} {'was' if summary.left == 1 else 'were'} trained "
            "as far as intended, and the best may be among them: the same command continues from there"
        )
    if summary.pruned:
        sentences.append(
            f"{summary.pruned} of {count(summary.combinations, 'combination')} "
            f"{'was' if summary.pruned == 1 else 'were'} pruned by the metrics of an early epoch, so a combination "
            "that learns slowly may have been lost, and no final metrics of these are known"
        )
    if not summary.beats_baseline:
        sentences.append(
            "the best combination does not beat the class frequencies "
            f"(validation accuracy {summary.baseline['val_accuracy']:.2%}, "
            f"cross-entropy {summary.baseline['val_cross_entropy']:.4f}) in both accuracy and cross-entropy: "
            "check the scaling of the inputs and the learning rates"
        )
    if summary.stopped_at_max_epochs:
        sentences.append(
            f"max_epochs stopped the winner before its patience had run out (best epoch {summary.best_epoch}): more "
            "epochs may improve it"
        )
    return sentences
