"""Data sets by name: those that come with scikit-learn, else OpenML's."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from warnings import catch_warnings, simplefilter

from experiment.data.columns import Column
from experiment.data.raw import Part, Raw
from experiment.data.schema import Schema, as_table, schema_of
from experiment.data.tables import labels
from experiment.errors import DataError, Unreachable

BUNDLED = ("breast_cancer", "digits", "iris", "wine")


def read_named(name: str, folder: Path, drop: Sequence[str] = ()) -> Raw:
    """Return scikit-learn's own set of that name, or OpenML's, kept and verified: its active version, or NAME@VERSION.

    Raises
    ------
    DataError : neither has it, or a column cannot be used
    Unreachable : OpenML cannot be reached
    """
    return bundled(name) if name in BUNDLED else openml(name, folder, drop)


def bundled(name: str) -> Raw:
    """Return one of the sets that come with scikit-learn."""
    from sklearn import datasets  # takes two seconds, here as below

    found = getattr(datasets, f"load_{name}")()
    where = f"scikit-learn's {name}"
    columns = tuple(Column(name=str(feature)) for feature in found.feature_names)
    names = tuple(str(text) for text in found.target_names)
    table = Schema(columns=columns, label="class")
    return Raw(Part(found.data, found.target, where, where), table=table, class_names=names)


def openml(name: str, folder: Path, drop: Sequence[str] = ()) -> Raw:
    """Return a set from OpenML, whose checksum scikit-learn verifies."""
    from sklearn.datasets import fetch_openml
    from sklearn.datasets._openml import OpenMLError

    where, (name, _, version) = f"OpenML's {name}", name.partition("@")
    if version and not version.isdecimal():
        raise DataError(f"{name}@{version}: no version; give its number, {name}@1 say")
    close = get_close_matches(name, BUNDLED, 1)
    hint = f"did you mean {close[0]}?" if close else "check the name"
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
    table, label = as_table(found.frame), str(found.target.name)
    schema, table, notes = schema_of(table, label, where, drop)
    values, _ = schema.read(table, where)
    return Raw(
        Part(values, labels(table, label, where), where, f"{where}: {label}"),
        table=schema,
        notes=(f"version {found.details['version']}", *notes),
    )
