"""What the terminal shows at the end."""

from rich.console import Group
from rich.table import Table

from experiment.results import Summary


def closing(summary: Summary) -> Group:
    """The short table: what won, how good it is, where it lies, what to do next."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    best = summary.best
    table.add_row("best", f"learning rate {best.learning_rate:g}, batch size {best.batch_size}, alpha {best.alpha:g}")
    table.add_row("best epoch", str(summary.best_epoch))
    table.add_row("validation", f"accuracy {summary.val_accuracy:.2%}, loss {summary.val_loss:.4f}")
    table.add_row("test", f"accuracy {summary.test_accuracy:.2%}, cross-entropy {summary.test_loss:.4f}")
    return Group("", table)
