"""What determines the numbers. (How they are computed is in `execution.config`, and may not change any.)

The two configurations are the flow's parameters, hence the form in the Prefect UI; the command line's flags; and
the provenance that a sweep records.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from experiment.axes import AXES, Axis, Combination, Grid
from experiment.data.scaling import Missing, ScalingOption
from experiment.metrics import MetricName
from experiment.search.halving import rungs
from experiment.search.space import Values, distinct, points, size
from experiment.values import Settings
from softmax.sgd import Engine

SUFFIXES = (".csv", ".tsv", ".parquet", ".gz", ".npz", ".npy", ".txt", ".zip", ".xlsx", ".json")  # of files
PATIENCE = 10  # epochs
Sampler = Literal["random", "sobol", "tpe"]
BATCH = 8  # trials that TPE draws at once, before it looks at what they came to; not the number of workers

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Recipe(Settings):
    """What all combinations of a sweep have in common in training."""

    max_epochs: int
    patience: int | None  # None: no early stopping
    average: bool
    nesterov: bool
    horizon: int  # epochs that a decay is laid out for, however many are trained
    engine: Engine

    def until(self, epochs: int) -> "Recipe":
        """Return the same for a training that pauses after so many epochs."""
        return self.model_copy(update={"max_epochs": min(epochs, self.max_epochs)})

    def for_exactly(self, epochs: int) -> "Recipe":
        """Return the same for a training that has nothing to stop by."""
        return self.model_copy(update={"max_epochs": epochs, "patience": None})


class Experiment(Grid):
    """What determines the numbers."""

    data: str | None = Field(
        None,
        description="Your own data: a folder of .npy or IDX files or of train.csv and test.csv, an .npz, .csv, "
        ".tsv or .parquet file; or the name of a set of scikit-learn's (iris, wine, digits, breast_cancer) or of "
        "OpenML's. Left out: Fashion-MNIST, downloaded and verified.",
    )
    data_dir: Path | None = Field(None, description="The same for a folder or file, whatever it is called.")
    label: str | None = Field(None, description="The column of a table that holds the labels.")
    drop: Annotated[tuple[str, ...], AfterValidator(distinct)] = Field(
        (), json_schema_extra={"uniqueItems": True}, description="Columns of a table to leave out."
    )
    missing: Missing | None = Field(
        None,
        description="How missing values of a table are filled in: numbers by the mean or the most frequent value of "
        "the rows trained on, beside a feature that says where they were missing. Left out: they are refused.",
    )
    pictures: str | None = Field(
        None,
        pattern=r"^[1-9]\d*x[1-9]\d*$",
        description="Height x width, 28x28 say, of your own examples if they are pictures and come as rows. Arrays n x "
        "height x width and IDX files are known to be pictures.",
    )
    scaling: ScalingOption = Field(
        "auto",
        description="How features become inputs: x / 255 - 0.5, x - 0.5, to mean 0 and deviation 1, or not at all. "
        "auto takes the first for pictures in 0-255, the second for pictures in 0-1, the third for all else.",
    )
    max_epochs: int = Field(1000, ge=1, description="Most epochs a combination may train.")
    patience: int | None = Field(
        None,
        ge=1,
        description="Epochs without a new lowest validation loss before a combination stops. Left out: "
        f"{PATIENCE}, for your own data 50.",
    )
    seed: Seed = Field(541, description="Seed of the split, of the initial weights and of the order of examples.")
    seeds: Annotated[tuple[Seed, ...], AfterValidator(distinct)] = Field(
        (),
        json_schema_extra={"uniqueItems": True},
        description="Train every combination under each of these seeds (initial weights and order) and select "
        "by the mean. Left out: under `seed` alone.",
    )
    validation_fraction: float = Field(
        0.2, gt=0, lt=1, description="Fraction of the training files held out for validation."
    )
    halving: int | None = Field(
        None,
        ge=2,
        description="Successive halving: all combinations train for a few epochs, the best 1/halving of them go on for "
        "halving times as many, and so on; the last one trains to its end. Left out: all train to their end.",
    )
    first_rung: int = Field(3, ge=1, description="Epochs after which halving judges for the first time.")
    trials: int | None = Field(
        None,
        ge=1,
        description="Combinations to draw from the axes, ranges among them; more of them later continue the same "
        "sequence. Left out: the whole grid.",
    )
    sampler: Sampler | None = Field(
        None,
        description="How trials are drawn: independently, by a scrambled Sobol sequence, or by Optuna's TPE, which "
        f"goes by what the trials before came to, {BATCH} at a time. Left out: random.",
    )
    warm_start: bool = Field(
        False,
        description="Let TPE begin from every combination of the same experiment that earlier sweeps trained to its "
        "end.",
    )
    average: bool = Field(
        False,
        description="Validate, return and retrain the average of all SGD iterates (Polyak-Ruppert), not the last.",
    )
    nesterov: bool = Field(False, description="Momentum in Nesterov's form, which looks ahead along the velocity.")
    select_by: MetricName = Field(
        "val_accuracy",
        description="What the best combination is best at; ties are broken by cross-entropy, then by accuracy. Loss "
        "means the unregularised cross-entropy, which alone can be compared between alphas; trainings stop by the "
        "regularised one.",
    )
    baseline: bool = Field(
        False, description="Also fit scikit-learn's L-BFGS on the same rows, with the winner's alpha, to compare with."
    )
    engine: Engine = Field(
        "numba", description="Compiled kernel, or the readable NumPy reference (same mathematics, slower)."
    )

    @property
    def recipe(self) -> Recipe:
        return Recipe(
            max_epochs=self.max_epochs, patience=self.patience or PATIENCE, average=self.average,
            nesterov=self.nesterov, horizon=self.max_epochs, engine=self.engine,
        )  # fmt: skip

    @property
    def rungs(self) -> tuple[int | None, ...]:
        """The epochs after which combinations are judged; at last None: those that are left train to their end."""
        return rungs(self.at_once, self.halving, self.first_rung, self.max_epochs)

    @property
    def drawn_by(self) -> Sampler | None:
        """The sampler that draws the combinations; None: they are the grid."""
        return (self.sampler or "random") if self.trials else None

    @property
    def at_once(self) -> int:
        """How many combinations begin side by side, hence are halved together."""
        if self.trials is None:
            return int(size(self.grid))
        return BATCH if self.drawn_by == "tpe" else self.trials

    @property
    def training_seeds(self) -> tuple[int, ...]:
        return self.seeds or (self.seed,)

    @property
    def grid(self) -> dict[str, Values]:
        """The values or the range of each axis, by the hyperparameter's name."""
        return {name: getattr(self, axis.plural) for name, axis in AXES.items()}

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes that not all of its combinations can do without."""
        defaults = {name: (field.default,) for name, field in Combination.model_fields.items()}
        return {name: axis for name, axis in AXES.items() if self.grid[name] != defaults[name]}

    @property
    def combinations(self) -> list[Combination]:
        """The grid, in the order of its axes. With `trials` they are drawn instead."""
        return [Combination(**dict(zip(AXES, point, strict=True))) for point in points(self.grid)]

    @property
    def own_data(self) -> Path | str | None:
        """Where the user's data is, or what it is called; None for Fashion-MNIST."""
        if self.data is None:
            return self.data_dir and self.data_dir.expanduser()  # the shell leaves --data-dir=~/x as it is
        path = Path(self.data).expanduser()
        # OpenML's names have points in them, too.
        return path if path.exists() or len(path.parts) > 1 or path.suffix.lower() in SUFFIXES else self.data

    @property
    def data_name(self) -> str:
        given = self.own_data
        return "fashion-mnist" if given is None else given if isinstance(given, str) else given.resolve().stem

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
