"""Labels of any kind: the names of the classes, and each row's class as a number."""

import re
import unicodedata
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.errors import DataError


class Labels(NamedTuple):
    """The classes of some rows, in order: by number if all names are whole numbers, else by letter."""

    names: tuple[str, ...]  # c of them
    numbers: NDArray[np.int64]  # (n,) in 0 … c − 1
    trimmed: int  # names that had spaces around them


def labels_of(values: NDArray[Any], where: str) -> Labels:
    """Read labels: names are kept as they stand, decoded, in Unicode's form NFC, without spaces around them.

    Whole floats are named as integers are.

    Parameters
    ----------
    values : (n,), integers, floats, bools, texts or bytes; objects are texts

    Raises
    ------
    DataError : numbers on a scale; another dtype; bytes that are not UTF-8; two labels that fall together
    """
    if values.dtype.kind not in "buifSUO":
        raise DataError(f"{where}: dtype {values.dtype}; give labels as integers or texts")
    found, rows = np.unique(values, return_inverse=True)
    if found.dtype.kind == "f":
        if (scale := found[~(np.isfinite(found) & (found == np.rint(found)))]).size:
            raise not_classes(scale[0], where)
        kept = [str(int(value)) for value in found]
    elif found.dtype.kind == "S":
        try:
            kept = [value.decode() for value in found.tolist()]
        except UnicodeDecodeError as error:
            raise DataError(f"{where}: {error.object!r} is not UTF-8; save labels as texts") from error
    else:
        kept = [str(value) for value in found.tolist()]
    names = [unicodedata.normalize("NFC", text).strip() for text in kept]
    if all(re.fullmatch(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", name) for name in names):
        if scale := [name for name in names if float(name) % 1]:
            raise not_classes(scale[0], where)
        names = [str(int(float(name))) if "." in name else name for name in names]  # floats, written to CSV
    first: dict[str, str] = {}
    for name, text in zip(names, kept, strict=True):
        if not name:
            raise DataError(f"{where}: {text!r} is no name of a class; name it, or remove its rows")
        if (other := first.setdefault(name, text)) != text:
            quoted = repr if other.strip() == text.strip() else ascii  # other code points look the same
            raise DataError(f"{where}: {quoted(other)} and {quoted(text)} are both {name}; write them alike")
    whole = all(re.fullmatch(r"[-+]?\d+", name) for name in names)
    order = sorted(range(len(names)), key=lambda k: (int(names[k]) if whole else 0, names[k]))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    trimmed = sum(text.strip() != text for text in kept)
    return Labels(tuple(names[k] for k in order), number[rows.reshape(-1)], trimmed)


def not_classes(value: object, where: str) -> DataError:
    return DataError(f"{where}: {value} is no class but a number on a scale; give classes, integers or texts")
