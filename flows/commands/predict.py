"""`python -m flows predict`: what a sweep's model says of new examples."""

from pathlib import Path

from execution.storage.choose import file_at
from experiment.errors import DataError
from experiment.output import whole


def predict(model: str, data: str, *, output: Path = Path("predictions.csv")) -> int:
    """Write the class and the probabilities of every example to a CSV file.

    Parameters
    ----------
    model
        A sweep's model.npz: a path, or where it lies in an object store.
    data
        What the sweep takes, labels or not: a table, an .npz, a folder, a name; or an .npy of rows. Of a folder or
        archive with a test part that part.
    output
        The file to write.
    """
    import pandas as pd
    from rich.console import Console
    from rich.progress import track

    from experiment.config import Experiment
    from experiment.data.new import examples
    from experiment.model import ROWS, load_model

    trained = load_model(file_at(model))
    given = Experiment(data=data).own_data
    assert given is not None
    values = examples(given, trained.table, output.parent)
    if values.shape[1] != len(trained.W):
        raise DataError(f"{data}: {values.shape[1]} features, the model was trained on {len(trained.W)}; give those")
    starts = track(range(0, len(values), ROWS), "predict", console=Console(stderr=True), transient=True)
    with whole(output) as draft, draft.open("w", newline="") as file:
        for start in starts:
            probabilities = trained.probabilities(values[start : start + ROWS], first=start)
            table = pd.DataFrame(probabilities, columns=list(trained.class_names))
            chosen = [trained.class_names[k] for k in probabilities.argmax(axis=1)]
            table.insert(0, "class", chosen, allow_duplicates=True)  # a class may be called "class"
            table.to_csv(file, index=False, header=start == 0)
    print(f"{output}: {len(values)} rows, class and probabilities")
    return 0
