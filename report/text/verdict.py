"""The outcome of a sweep: headed facts, and these as Markdown and as a table for the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from experiment.metrics import METRICS
from experiment.summary import Summary
from report.text.wording import count, difference_form, importance_in_words, means_over, nats, noise_in_words

HEADINGS = 13  # letters
WIDTH = 60  # columns of the terminal


def facts(summary: Summary) -> list[tuple[str, str]]:
    """Headings and texts, in reading order: for the terminal, the page, the PDF and Prefect."""
    baseline, (low, high), judge = summary.baseline, summary.test_accuracy_95, summary.judge
    calibration, spread, lbfgs = summary.calibration, summary.spread, summary.lbfgs
    (least, most), side = calibration.interval, "more" if summary.gap >= 0 else "less"
    deviations = spread and (
        f" (means over {means_over(summary.seeds, judge)}, standard deviations {100 * spread['val_accuracy']:.2f} "
        f"points and {nats(spread['val_cross_entropy'])})"
    )
    others = summary.compared, summary.combinations - 1
    texts = {
        "sweep": f"{count(summary.combinations, 'combination')}, {count(summary.cached, 'training')} cached, "
        f"{summary.diverged} diverged, {summary.seconds} s",
        "search": summary.sampler and search(summary),
        "halving": summary.pruned
        and f"{summary.pruned} pruned before their end, {count(summary.epochs_trained, 'epoch')} in all",
        "judge": summary.folds > 1
        and f"mean {METRICS[summary.select_by].label} over {means_over(1, judge)} of the "
        f"{count(judge.rows, 'training row')}, each held out once{' in each repeat' * (summary.repeats > 1)}",
        "best": summary.best.words,
        "best epoch": str(summary.best_epoch),
        "validation": f"accuracy {summary.val_accuracy:.2%}, cross-entropy {nats(summary.val_cross_entropy)}, with its "
        f"penalty {nats(summary.val_loss)}{deviations or ''}",
        "test": f"accuracy {summary.test_accuracy:.2%}, 95 % interval {low:.2%} to {high:.2%} (validation gave "
        f"{100 * abs(summary.gap):.2f} points {side}), cross-entropy {nats(summary.test_loss)}",
        "calibration": f"expected calibration error {100 * calibration.error:.1f} points, 95 % interval "
        f"{100 * least:.1f} to {100 * most:.1f} (test)",
        "data": summary.data,
        "scaling": summary.scaling,
        "defaults": summary.defaults,
        "baseline": f"class frequencies: accuracy {baseline['test_accuracy']:.2%}, cross-entropy "
        f"{baseline['test_loss']:.4f} (test)",
        "L-BFGS": lbfgs
        and f"accuracy {lbfgs['val_accuracy']:.2%}, cross-entropy {lbfgs['val_cross_entropy']:.4f} (validation; "
        f"scikit-learn, alpha {lbfgs['alpha']:g}, {count(int(lbfgs['iterations']), 'iteration')})",
        "ranking": summary.compared and noise_in_words(summary.within_noise, *others, judge, summary.select_by),
        "what mattered": summary.combinations > 1 and importance_in_words(summary.importance, judge.rows),
    }
    cautions = [("warning", warning) for warning in warnings(summary)]
    return [*((heading, str(text)) for heading, text in texts.items() if text), *cautions]


def search(summary: Summary) -> str:
    """How the combinations were drawn, and why the search stopped."""
    before = f", after {len(summary.earlier)} from earlier sweeps" if summary.earlier else ""
    drawn = f"{summary.combinations - len(summary.earlier)} drawn, sampler {summary.sampler}{before}"
    if not (stopped := summary.stopped):
        return drawn
    scale, form, unit = difference_form(summary.select_by)
    return (
        f"{drawn}; stopped before {stopped.trials}: {stopped.batch} more may gain {scale * stopped.gain:{form}}{unit} "
        f"(95 %), no more than the paired standard error, {scale * stopped.standard_error:{form}}{unit}"
    )


def warnings(summary: Summary) -> list[str]:
    """Warnings for users of the model, one sentence each, without a full stop."""
    sentences, baseline = list(summary.data_warnings), summary.baseline
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
            f"the best combination does not beat the class frequencies (validation accuracy "
            f"{baseline['val_accuracy']:.2%}, cross-entropy {baseline['val_cross_entropy']:.4f}) in both accuracy and "
            "cross-entropy: check the scaling of the inputs and the learning rates"
        )
    if summary.stopped_at_max_epochs:
        sentences.append(
            f"max_epochs stopped the winner before its patience had run out (best epoch {summary.best_epoch}): more "
            "epochs may improve it"
        )
    return sentences


def verdict(summary: Summary) -> str:
    """The outcome in one line."""
    low, high = summary.test_accuracy_95
    left = f"; {summary.left} left, time was up" if summary.left else ""
    return (
        f"test accuracy {summary.test_accuracy:.2%} ({low:.2%} to {high:.2%}), cross-entropy "
        f"{nats(summary.test_loss)}, by {summary.best} after {count(summary.best_epoch, 'epoch')}; "
        f"{count(summary.combinations, 'combination')}, {count(summary.cached, 'training')} cached{left}"
    )


def markdown(summary: Summary, first: str, notes: Mapping[str, str], picture: str) -> str:
    """The outcome as Markdown: a list, since tables do not fit on a telephone.

    `first` : the sentence it begins with; `notes` : further lines by heading, without empty texts; `picture` : the
    address of the parallel coordinates, such as a data URL, or ""
    """
    rows = [*facts(summary), *(note for note in notes.items() if note[1])]
    listed = "\n".join(f"- **{heading}**: {plain(text)}" for heading, text in rows)
    shown = [f"![Parallel coordinates]({picture})"] if picture else []
    return "\n\n".join([f"# {summary.name}", plain(first), *shown, listed, *summary.analysis]) + "\n"


def plain(text: str) -> str:
    """The text as one line of Markdown without HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")


def closing(summary: Summary, next_steps: Sequence[tuple[str, str]]) -> Group:
    """The outcome and the next steps for the terminal: headings and commands, in unbroken lines, to be pasted."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", min_width=HEADINGS)
    table.add_column(overflow="fold")
    for heading, text in facts(summary):
        table.add_row(heading, Text(text))
    steps = [
        Text.assemble((heading.ljust(HEADINGS + 2), "bold"), text, no_wrap=True, overflow="ignore")
        for heading, text in next_steps
    ]
    return Group("", table, *steps)
