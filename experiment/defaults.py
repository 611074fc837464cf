"""Default settings that depend on the data."""

from experiment.axes import AXES
from experiment.config import PATIENCE, Experiment

OWN_PATIENCE = 50  # small data sets learn slowly: with 10 the loss is still falling when a training stops


def settled(experiment: Experiment, own: bool, rows: int) -> tuple[Experiment, str]:
    """The experiment with defaults filled in, and a description of those that differ from Fashion-MNIST's.

    Parameters
    ----------
    own : whether the data is the user's own
    rows : the number of training rows: larger default batch sizes are left out
    """
    changes: dict[str, object] = {}
    words = []
    if experiment.patience is None:
        changes["patience"] = OWN_PATIENCE if own else PATIENCE
        words += [f"patience {OWN_PATIENCE}"] if own else []
    if experiment.average is None:
        changes["average"] = own  # on small data the last iterate fluctuates by more than models differ
        words += ["averaged weights"] if own else []
    sizes = experiment.grid["batch_size"]
    if isinstance(sizes, tuple) and sizes == AXES["batch_size"].default:
        fitting = tuple(size for size in sizes if size <= rows)
        if fitting and fitting != sizes:
            changes["batch_sizes"] = fitting
            words.append(f"no batch size {' '.join(map(str, sizes[len(fitting) :]))}, for {rows} rows are trained on")
    return experiment.model_copy(update=changes), "; ".join(words)
