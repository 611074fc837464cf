"""Data sets by name: those of scikit-learn, otherwise those of OpenML."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

from experiment.data.files import Part, Raw
from experiment.data.scaling import Missing
from experiment.data.schema import as_table, schema_of
from experiment.data.tables import labels
from experiment.errors import DataError, Unreachable
from experiment.values import suggestion

if TYPE_CHECKING:
    import pandas as pd

BUNDLED = ("breast_cancer", "digits", "iris", "wine")


def read_named(name: str, folder: Path, drop: Sequence[str] = (), missing: Missing | None = None) -> Raw:
    """scikit-learn's or OpenML's data set (NAME or NAME@VERSION); Unreachable or DataError if it cannot be had."""
    if name in BUNDLED:
        from sklearn import datasets  # takes two seconds, here as below

        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        frame, where = bunch.data.assign(**{"class": bunch.target_names[bunch.target]}), f"scikit-learn's {name}"
        notes: tuple[str, ...] = ()
    else:
        frame, where, notes = openml(name, folder)
    label = str(frame.columns[-1])
    schema, table, more = schema_of(as_table(frame), label, where, drop, missing)
    values, _ = schema.read(table, where)
    return Raw(
        Part(values, labels(table, label, where), where, f"{where}: {label}"), table=schema, notes=(*notes, *more)
    )


def openml(name: str, folder: Path) -> tuple["pd.DataFrame", str, tuple[str, ...]]:
    """A data set of OpenML, verified, with the label in its last column; its name in messages; notes."""
    from sklearn.datasets import fetch_openml

    where, (name, _, version) = f"OpenML's {name}", name.partition("@")
    if version and not version.isdecimal():
        raise DataError(f"{name}@{version}: not a version; give its number, such as {name}@1")
    hint = suggestion(name, BUNDLED) or "check the name"
    try:
        with catch_warnings():
            simplefilter("ignore")  # about several versions: a note says which one it is
            bunch = fetch_openml(
                name=name, version=int(version or 0) or "active", data_home=folder, as_frame=True, parser="auto",
                n_retries=1,
            )  # fmt: skip
    except OSError as error:
        raise Unreachable(
            f"{where} cannot be downloaded ({error}); check the network; {name} is not a file and not one of "
            f"{', '.join(BUNDLED)}: {hint}"
        ) from error
    except ValueError as error:
        if str(error).endswith(" found."):  # scikit-learn's class for it is private
            known = ", ".join(BUNDLED)
            raise DataError(
                f"{name}: not a file, not a data set of scikit-learn ({known}), and not known to OpenML ({error}); "
                f"{hint}"
            ) from error
        # such as a wrong checksum
        raise DataError(f"{where} cannot be used ({error}); remove {folder / 'openml.org'} and try again") from error
    if bunch.target is None or getattr(bunch.target, "ndim", 1) != 1:
        raise DataError(f"{where} has no single label column; download it and name one as label")
    frame = bunch.data.assign(**{bunch.target.name: bunch.target})
    return frame, where, (f"version {bunch.details['version']}",)
