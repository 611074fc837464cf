"""`python -m flows predict`: predictions of a sweep's model for new examples."""

from pathlib import Path

from execution import log
from execution.storage import file_at
from experiment.output import as_csv, atomic_output


def predict(model: str, data: str, *, output: Path = Path("predictions.csv"), id: str | None = None) -> int:
    """Write the class and the class probabilities of every example to a CSV file.

    Texts that a spreadsheet would take for formulas are prefixed with '.

    Parameters
    ----------
    model
        A sweep's model.npz: a path, or its address in an object store.
    data
        Any data that a sweep takes, with or without labels (a table, an .npz, a folder, a name), or an .npy of rows.
        If a folder or archive has a test part, only that part is used.
    output
        The file to write.
    id
        A column of the table to copy to the output.
    """
    from rich.console import Console
    from rich.progress import track

    from experiment.config import Experiment
    from experiment.data.own import examples
    from experiment.data.scaling import LOGIT_ROWS
    from experiment.model import load

    trained = load(file_at(model))
    given = Experiment(data=data).own_data
    assert given is not None
    found, ids = examples(given, trained.table, output.parent, id)
    values = trained.features(found, data)
    for concern in trained.concerns(values, data):
        log.warning("%s", concern)
    starts = track(range(0, len(values), LOGIT_ROWS), "predict", console=Console(stderr=True), transient=True)
    with atomic_output(output) as draft, draft.open("w", newline="") as file:
        for start in starts:
            table = trained.table_of(values[start : start + LOGIT_ROWS], first=start)
            if ids is not None:
                table.insert(0, id, ids[start : start + LOGIT_ROWS], allow_duplicates=True)
            file.write(as_csv(table, header=start == 0))
    print(f"{output}: {len(values)} rows, class and probabilities")
    return 0
