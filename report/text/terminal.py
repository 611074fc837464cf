"""What the terminal shows at the end."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from experiment.summary import Summary
from report.importance import in_words
from report.text import remarks

HEADINGS = 13  # letters
WIDTH = 60  # columns, but for commands and addresses


def closing(summary: Summary, next_steps: Sequence[tuple[str, str]]) -> Group:
    """Return the short table, for a console of `WIDTH` columns: what won, how good it is, what to see and do next.

    Parameters
    ----------
    next_steps : headings and commands, which are never broken into lines: they are there to be pasted
    """
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", min_width=HEADINGS)
    table.add_column(overflow="fold")
    count = f"{summary.combinations} combination{'s' if summary.combinations > 1 else ''}"
    table.add_row(
        "sweep", f"{count}, {summary.cached} of them cached, {summary.diverged} diverged, {summary.seconds} s"
    )
    if summary.sampler:
        table.add_row("search", remarks.search(summary))
    if summary.pruned:
        table.add_row("halving", f"{summary.pruned} pruned before their end, {summary.epochs_trained} epochs in all")
    table.add_row("best", summary.best.words)
    table.add_row("best epoch", str(summary.best_epoch))
    table.add_row(
        "validation",
        f"accuracy {summary.val_accuracy:.2%}, cross-entropy {summary.val_cross_entropy:.4f}, "
        f"with its penalty {summary.val_loss:.4f}",
    )
    side = "more" if summary.gap >= 0 else "less"
    low, high = summary.test_accuracy_95
    table.add_row("test", f"accuracy {summary.test_accuracy:.2%}, cross-entropy {summary.test_loss:.4f}")
    table.add_row(
        "", f"95 % interval of the accuracy {low:.2%} to {high:.2%}, validation gave {abs(summary.gap):.2%} {side}"
    )
    if about := "; ".join(filter(None, (summary.data_understood, summary.data_note))):
        table.add_row("data", about)
    table.add_row("scaling", summary.scaling)
    floor = summary.baseline
    table.add_row(
        "baseline",
        f"class frequencies: accuracy {floor['test_accuracy']:.2%}, cross-entropy {floor['test_loss']:.4f} (test)",
    )
    if optimum := summary.lbfgs:
        table.add_row(
            "L-BFGS",
            f"accuracy {optimum['val_accuracy']:.2%}, cross-entropy {optimum['val_cross_entropy']:.4f} (validation; "
            f"scikit-learn, alpha {optimum['alpha']:g}, {optimum['iterations']:.0f} iterations)",
        )
    if summary.combinations > 1:
        table.add_row("ranking", remarks.ranking(summary))
        table.add_row("what mattered", in_words(summary.importance))
    for warning in remarks.warnings(summary):
        table.add_row("warning", warning)
    steps = [
        Text.assemble((heading.ljust(HEADINGS + 2), "bold"), text, no_wrap=True, overflow="ignore")
        for heading, text in next_steps
    ]
    return Group("", table, *steps)
