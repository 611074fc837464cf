"""Data sets by name: those that come with scikit-learn, else OpenML's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

from experiment.data.raw import Part, Raw
from experiment.data.scaling import Missing
from experiment.data.schema import as_table, meant, schema_of
from experiment.data.tables import labels
from experiment.errors import DataError, Unreachable

if TYPE_CHECKING:
    import pandas as pd

BUNDLED = ("breast_cancer", "digits", "iris", "wine")


def read_named(name: str, folder: Path, drop: Sequence[str] = (), missing: Missing | None = None) -> Raw:
    """Return scikit-learn's own set of that name, or OpenML's, kept and verified: its active version, or NAME@VERSION.

    Raises
    ------
    DataError : neither has it, or a column cannot be used
    Unreachable : OpenML cannot be reached
    """
    frame, where, notes = bundled(name) if name in BUNDLED else openml(name, folder)
    label = str(frame.columns[-1])
    schema, table, more = schema_of(as_table(frame), label, where, drop, missing)
    values, _ = schema.read(table, where)
    return Raw(
        Part(values, labels(table, label, where), where, f"{where}: {label}"), table=schema, notes=(*notes, *more)
    )


def bundled(name: str) -> tuple["pd.DataFrame", str, tuple[str, ...]]:
    """One of the sets that come with scikit-learn, its label in the last column; what it is called; notes."""
    from sklearn import datasets  # takes two seconds, here as below

    found = getattr(datasets, f"load_{name}")(as_frame=True)
    return found.data.assign(**{"class": found.target_names[found.target]}), f"scikit-learn's {name}", ()


def openml(name: str, folder: Path) -> tuple["pd.DataFrame", str, tuple[str, ...]]:
    """The same of a set from OpenML, whose checksum scikit-learn verifies."""
    from sklearn.datasets import fetch_openml
    from sklearn.datasets._openml import OpenMLError

    where, (name, _, version) = f"OpenML's {name}", name.partition("@")
    if version and not version.isdecimal():
        raise DataError(f"{name}@{version}: no version; give its number, {name}@1 say")
    hint = meant(name, BUNDLED) or "check the name"
    try:
        with catch_warnings():
            simplefilter("ignore")  # that there are several versions: which one it is, is noted
            found = fetch_openml(
                name=name, version=int(version or 0) or "active", data_home=folder, as_frame=True, parser="auto",
                n_retries=1,
            )  # fmt: skip
    except OpenMLError as error:
        known = ", ".join(BUNDLED)
        raise DataError(
            f"{name}: neither a file, nor one of scikit-learn's sets ({known}), nor known to OpenML ({error}); {hint}"
        ) from error
    except OSError as error:
        raise Unreachable(
            f"{where} cannot be had ({error}); check the network; {name} is no file here and none of "
            f"{', '.join(BUNDLED)}: {hint}"
        ) from error
    except ValueError as error:  # another checksum than announced, say
        raise DataError(f"{where} cannot be used ({error}); remove {folder / 'openml.org'} and try again") from error
    if found.target is None or getattr(found.target, "ndim", 1) != 1:
        raise DataError(f"{where} has no single label column; download it and name one as label")
    frame = found.data.assign(**{found.target.name: found.target})
    return frame, where, (f"version {found.details['version']}",)
