"""Files that the user asked for by name."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiment.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

FORMULA = r"[=+\-@\t\r]"  # what one begins with
NUMBER = r"[-+]?[\d.]+(e[-+]?\d+)?"


def as_csv(table: "pd.DataFrame", *, header: bool = True) -> str:
    """Return CSV in which no spreadsheet finds a formula: texts that begin like one have a ' in front (OWASP)."""
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
def whole(output: Path) -> Iterator[Path]:
    """Give a draft to write to; once all is written it becomes the file.

    Raises
    ------
    InputError : it cannot be written
    """
    draft = output.with_name(f".{output.name}.{uuid.uuid4().hex}")
    try:
        yield draft
        draft.replace(output)
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror}); name another file with --output") from error
    finally:
        draft.unlink(missing_ok=True)
