"""The settings that determine the results. (`execution.config` says how they are computed and changes none of them.)

The two configurations are the parameters of the flow (and so the form in the Prefect UI), the flags of the command
line, and part of the provenance of a sweep.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from experiment.axes import AXES, Axis, Combination, Grid, GridPart
from experiment.data.scaling import Missing, ScalingOption
from experiment.metrics import MetricName
from experiment.search.halving import rungs
from experiment.search.listed import listed
from experiment.search.space import Values, distinct, size
from experiment.search.where import combinations, condition
from experiment.values import Settings, expanded
from softmax.sgd import Engine

SUFFIXES = (".csv", ".tsv", ".parquet", ".gz", ".npz", ".npy", ".txt", ".zip", ".xlsx", ".json")  # of files
MAX_EPOCHS, PATIENCE = 1000, 10
OWN_MAX_EPOCHS, OWN_FOLDS, FEW_ROWS = 100, 5, 20_000  # for the user's own data; folds with fewer training rows
Sampler = Literal["random", "sobol", "tpe"]
BATCH = 8  # trials that TPE draws before it sees their results; not the number of workers

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Recipe(Settings):
    """The training settings that all combinations of a sweep share."""

    max_epochs: int
    patience: int | None  # None: no early stopping
    average: bool
    nesterov: bool
    horizon: int  # length of a decay schedule in epochs, however many are trained
    engine: Engine

    def until(self, epochs: int) -> "Recipe":
        """The recipe of a training that pauses after so many epochs."""
        return self.model_copy(update={"max_epochs": min(epochs, self.max_epochs)})

    def for_exactly(self, epochs: int) -> "Recipe":
        """The recipe of a training without early stopping."""
        return self.model_copy(update={"max_epochs": epochs, "patience": None})


class Experiment(Grid):
    """The settings that determine the results of a sweep."""

    grids: Annotated[tuple[GridPart, ...], BeforeValidator(listed)] = Field(
        (),
        description="A CSV, JSON or Parquet file with a column for each axis and a row for each combination to train; "
        "the leaderboard.csv of a sweep is one. An axis without a column has the one value that its flag gives. In "
        "JSON, and as [[grids]] in a file of settings, a row with lists is a grid.",
    )
    where: Annotated[str, AfterValidator(condition)] | None = Field(
        None,
        description='Leaves out the combinations of a grid for which this is false, for example "momentum == 0 or '
        'learning_rate <= 0.01": axes, numbers, texts, comparisons, + - * /, and, or, not, in.',
    )

    data: str | None = Field(
        None,
        description="Your own data: a folder of .npy or IDX files, or of train.csv and test.csv; an .npz, .csv, .tsv "
        "or .parquet file; or the name of a data set of scikit-learn (iris, wine, digits, breast_cancer) or of "
        "OpenML. Default: Fashion-MNIST, downloaded and verified.",
    )
    data_dir: Path | None = Field(None, description="A folder or file with your own data, never a name.")
    label: str | None = Field(None, description="The column of a table that holds the labels.")
    drop: Annotated[tuple[str, ...], AfterValidator(distinct)] = Field(
        (), json_schema_extra={"uniqueItems": True}, description="Columns of a table to leave out."
    )
    missing: Missing | None = Field(
        None,
        description="How missing numbers of a table are filled in: by the mean or the most frequent value of the "
        "training rows. A further feature marks where they were missing. Default: missing values are an error.",
    )
    pictures: str | None = Field(
        None,
        pattern=r"^[1-9]\d*x[1-9]\d*$",
        description="Height x width (such as 28x28) of your examples, if they are pictures stored as rows. Arrays of "
        "shape n x height x width and IDX files are recognised as pictures.",
    )
    scaling: ScalingOption = Field(
        "auto",
        description="How features are scaled: grey-levels (x / 255 - 0.5), unit (x - 0.5), standardize (mean 0, "
        "deviation 1) or none. auto: grey-levels for pictures in 0-255, unit for pictures in 0-1, otherwise "
        "standardize.",
    )
    max_epochs: int | None = Field(
        None,
        ge=1,
        description=f"Largest number of epochs of a training. Default: {MAX_EPOCHS}, for your own data "
        f"{OWN_MAX_EPOCHS}.",
    )
    patience: int | None = Field(
        None,
        ge=0,
        description="Epochs without a new lowest validation loss after which a training stops, to return the epoch "
        f"with the lowest; 0: no early stopping, the last epoch is returned. Default: {PATIENCE}, for your own data 0.",
    )
    seed: Seed = Field(541, description="Seed of the split, of the initial weights and of the order of examples.")
    seeds: Annotated[tuple[Seed, ...], AfterValidator(distinct)] = Field(
        (),
        json_schema_extra={"uniqueItems": True},
        description="Train every combination with each of these seeds (initial weights and order of examples) and "
        "select by the mean. Default: `seed` alone.",
    )
    validation_fraction: float = Field(
        0.2, gt=0, lt=1, description="Fraction of the training rows held out for validation."
    )
    folds: int | None = Field(
        None,
        ge=1,
        description="Stratified cross-validation: every combination is trained once for each fold, on the rows outside "
        "it, and selected by the mean over the folds. 1: one split, by validation_fraction. Default: 1, "
        f"for your own data {OWN_FOLDS} if it has fewer than {FEW_ROWS:,} training rows.",
    )
    repeats: int = Field(1, ge=1, description="How often the rows are divided into folds anew.")
    halving: int | None = Field(
        None,
        ge=2,
        description="Successive halving: all combinations train for a few epochs, the best 1/halving of them continue "
        "for halving times as many, and so on; the last one trains to its end. Default: all train to their end.",
    )
    first_rung: int = Field(3, ge=1, description="Epochs before the first selection of halving.")
    trials: int | None = Field(
        None,
        ge=1,
        description="Number of combinations to draw from the values and ranges; a larger number later continues the "
        "same sequence. Default: the whole grid.",
    )
    sampler: Sampler | None = Field(
        None,
        description="How trials are drawn: independently (random), by a scrambled Sobol sequence, or by Optuna's TPE, "
        f"which uses the results of earlier trials, {BATCH} at a time. Default: random.",
    )
    warm_start: bool = Field(
        False,
        description="Start TPE with the combinations that earlier sweeps of the same experiment trained to their end.",
    )
    stop_when_noise: bool = Field(
        False,
        description=f"Draw trials {BATCH} at a time, and stop when another {BATCH} may gain (95 %) no more than the "
        "paired standard error of the best on the validation rows.",
    )
    average: bool | None = Field(
        None,
        description="Validate and return the average of all SGD iterates (Polyak-Ruppert) instead of the last one. "
        "Default: on for your own data, off for Fashion-MNIST; --average=False turns it off.",
    )
    nesterov: bool = Field(False, description="Nesterov momentum.")
    select_by: MetricName = Field(
        "val_accuracy",
        description="The metric that selects the best combination; ties are broken by cross-entropy, then by "
        "accuracy. val_loss is the unregularised cross-entropy, which is comparable between alphas; early stopping "
        "uses the regularised loss.",
    )
    baseline: bool = Field(
        False, description="Also fit scikit-learn's L-BFGS on the same rows with the winner's alpha, for comparison."
    )
    engine: Engine = Field("numba", description="Compiled kernel, or the NumPy reference (same mathematics, slower).")

    @property
    def recipe(self) -> Recipe:
        epochs = self.max_epochs or MAX_EPOCHS
        return Recipe(
            max_epochs=epochs, patience=PATIENCE if self.patience is None else self.patience or None,
            average=bool(self.average), nesterov=self.nesterov, horizon=epochs, engine=self.engine,
        )  # fmt: skip

    @property
    def rungs(self) -> tuple[int | None, ...]:
        """The epochs after which halving selects; the last is None: the remaining combinations train to their end."""
        return rungs(self.at_once, self.halving, self.first_rung, self.recipe.max_epochs)

    @property
    def drawn_by(self) -> Sampler | None:
        """The sampler that draws the combinations; None: they are the grid."""
        return (self.sampler or "random") if self.trials else None

    @property
    def at_once(self) -> int:
        """The number of combinations that start together and are halved together."""
        if self.trials is None:
            return len(self.combinations) if self.grids or self.where else int(size(self.space))
        return min(BATCH, self.trials) if self.stop_when_noise else BATCH if self.drawn_by == "tpe" else self.trials

    @property
    def training_seeds(self) -> tuple[int, ...]:
        return self.seeds or (self.seed,)

    @property
    def trainings(self) -> int:
        """The number of trainings of each combination."""
        return len(self.training_seeds) * (self.folds or 1) * self.repeats

    @property
    def space(self) -> dict[str, Values]:
        """The values or the range of each axis as its flag gives them, by the hyperparameter's name."""
        given = {name: getattr(self, axis.plural) for name, axis in AXES.items()}
        return {name: AXES[name].default if values is None else values for name, values in given.items()}

    @property
    def grid(self) -> dict[str, Values]:
        """The values that each axis has in some combination, or its range."""
        if not self.grids and not self.where:
            return self.space
        return {name: tuple(dict.fromkeys(getattr(one, name) for one in self.combinations)) for name in AXES}

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes whose values are not just the default."""
        defaults = {name: (field.default,) for name, field in Combination.model_fields.items()}
        return {name: AXES[name] for name, values in self.grid.items() if values != defaults[name]}

    @property
    def combinations(self) -> tuple[Combination, ...]:
        """The combinations of the grids that `where` leaves (unused with `trials`)."""
        return combinations(self)

    @property
    def own_data(self) -> Path | str | None:
        """The path or the name of the user's data; None for Fashion-MNIST."""
        if self.data is None:
            return self.data_dir and expanded(self.data_dir)  # the shell does not expand --data-dir=~/x
        path = expanded(self.data)
        # Names of OpenML may contain points, too.
        return path if path.exists() or len(path.parts) > 1 or path.suffix.lower() in SUFFIXES else self.data

    @property
    def data_name(self) -> str:
        given = self.own_data
        return "fashion-mnist" if given is None else given if isinstance(given, str) else given.resolve().stem

    @property
    def digest(self) -> str:
        """The same for the same settings, however the path of the data is written."""
        given = self.own_data
        data = str(given.resolve()) if isinstance(given, Path) else given
        return hashlib.sha256(
            self.model_copy(update={"data": data, "data_dir": None}).model_dump_json().encode()
        ).hexdigest()
