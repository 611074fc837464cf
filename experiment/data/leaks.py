"""Signs that test figures are too good: a column that gives the label away, test rows that were trained on."""

import numpy as np
from numpy.typing import NDArray

from experiment.data.formats import Arrays
from experiment.data.scaling import parts
from experiment.data.schema import Schema

MOST_VALUES = 100  # a column with more different values is not examined
ROWS_PER_VALUE = 10  # with fewer rows of a value, on average, they may be of one class by chance
REPEATED = 0.1  # a larger fraction of repeated rows is mentioned


def giving_away(table: Schema, values: NDArray[np.float64], labels: NDArray[np.int64]) -> list[str]:
    """Warnings about columns each of whose values occurs with one class only.

    `values`: (n, m), the features of the table; `labels`: (n,).
    """
    warnings, stop = [], 0
    for column in table.columns:
        start, stop = stop, stop + len(column.features)
        block = values[:, start:stop]
        if not block.size:
            continue
        value = block[:, 0] if column.kind == "number" else block @ np.arange(1, 1 + block.shape[1])
        if len(np.unique(value[: 2 * MOST_VALUES])) > MOST_VALUES:  # most columns of numbers, without sorting all
            continue
        distinct, of_row = np.unique(value, return_inverse=True)
        if 1 < len(distinct) <= min(MOST_VALUES, len(value) / ROWS_PER_VALUE) and len(distinct) == len(
            np.unique(of_row * (labels.max() + 1) + labels)
        ):
            warnings.append(
                f"column {column.name} gives {table.label} away: each of its {len(distinct)} values occurs with one "
                "class only; if it is not known when predicting, drop it"
            )
    return warnings


def repeated(arrays: Arrays) -> str:
    """A sentence about test rows that equal training rows in features and label; "" if they are few."""
    known = set(hashes(arrays.train_images, arrays.train_labels))
    test = hashes(arrays.test_images, arrays.test_labels)
    count = sum(row in known for row in test)
    if count <= REPEATED * len(test):
        return ""
    return (
        f"{count} of {len(test)} test rows equal a training row in all columns: if they are the same examples, test "
        "figures are too good"
    )


def hashes(images: NDArray[np.generic], labels: NDArray[np.int64]) -> list[int]:
    """A hash of each row with its label."""
    rows = (row.tobytes() for part in parts(images) for row in part)
    return [hash(pair) for pair in zip(rows, labels.tolist(), strict=True)]
