"""Encoding of labels: the names of the classes, and the class number of each row."""

import re
import unicodedata
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.errors import DataError


class EncodedLabels(NamedTuple):
    """Classes in order (numeric if all names are integers, otherwise alphabetic), and the class of each row."""

    names: tuple[str, ...]  # c of them
    numbers: NDArray[np.int64]  # (n,) in 0 … c − 1
    trimmed: int  # names with surrounding spaces


def labels_of(values: NDArray[Any], where: str) -> EncodedLabels:
    """Labels with their names decoded, in Unicode form NFC, without surrounding spaces.

    Integral floats have the names of integers.

    `values`: (n,), integers, floats, bools, texts or bytes; objects count as texts.
    DataError: fractional numbers; another dtype; bytes that are not UTF-8; labels that differ only in spaces or form.
    """
    if values.dtype.kind not in "buifSUO":
        raise DataError(f"{where}: dtype {values.dtype}; give labels as integers or texts")
    unique, rows = np.unique(values, return_inverse=True)
    if unique.dtype.kind == "f":
        if (fractions := unique[~(np.isfinite(unique) & (unique == np.rint(unique)))]).size:
            raise not_classes(fractions[0], where)
        texts = [str(int(value)) for value in unique]
    elif unique.dtype.kind == "S":
        try:
            texts = [value.decode() for value in unique.tolist()]
        except UnicodeDecodeError as error:
            raise DataError(f"{where}: {error.object!r} is not UTF-8; save labels as texts") from error
    else:
        texts = [str(value) for value in unique.tolist()]
    names = [unicodedata.normalize("NFC", text).strip() for text in texts]
    if all(re.fullmatch(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", name) for name in names):
        if fractional := [name for name in names if float(name) % 1]:
            raise not_classes(fractional[0], where)
        names = [str(int(float(name))) if "." in name else name for name in names]  # floats from CSV files
    first: dict[str, str] = {}
    for name, text in zip(names, texts, strict=True):
        if not name:
            raise DataError(f"{where}: {text!r} is not the name of a class; name the class, or remove its rows")
        if (other := first.setdefault(name, text)) != text:
            exact = repr if other.strip() == text.strip() else ascii  # names that look the same differ in code points
            raise DataError(f"{where}: {exact(other)} and {exact(text)} are both {name}; write them in one way")
    integers = all(re.fullmatch(r"[-+]?\d+", name) for name in names)
    order = sorted(range(len(names)), key=lambda k: (int(names[k]) if integers else 0, names[k]))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    trimmed = sum(text.strip() != text for text in texts)
    return EncodedLabels(tuple(names[k] for k in order), number[rows.reshape(-1)], trimmed)


def not_classes(value: object, where: str) -> DataError:
    return DataError(
        f"{where}: {value} is not a class; give labels as integers or texts (numbers cannot be predicted, but classes)"
    )
