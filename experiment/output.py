"""Output files at paths that the user gives."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiment.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

FORMULA = r"[=+\-@\t\r]"  # the first character of a spreadsheet formula
NUMBER = r"[-+]?[\d.]+(e[-+]?\d+)?"


def as_csv(table: "pd.DataFrame", *, header: bool = True) -> str:
    """The table as CSV. Texts that a spreadsheet would take for a formula get a leading ' (OWASP)."""
    import numpy as np
    from pandas.api.types import is_numeric_dtype

    def text(value: Any) -> Any:
        formula = isinstance(value, str) and re.match(FORMULA, value) and not re.fullmatch(NUMBER, value)
        return f"'{value}" if formula else value

    table = table.set_axis([text(name) for name in table.columns], axis="columns")
    for i, kind in enumerate(table.dtypes):
        if not is_numeric_dtype(kind):
            table.isetitem(i, np.array([text(value) for value in table.iloc[:, i]], dtype=object))
    return table.to_csv(index=False, header=header)


@contextmanager
def atomic_output(output: Path) -> Iterator[Path]:
    """A temporary path to write to. It replaces the output file when the block ends; InputError if it cannot."""
    draft = output.with_name(f".{output.name}.{uuid.uuid4().hex}")
    try:
        yield draft
        draft.replace(output)
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror}); name another file with --output") from error
    finally:
        draft.unlink(missing_ok=True)
