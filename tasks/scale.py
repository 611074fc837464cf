"""Step 3: scale features to inputs, with statistics of the training rows."""

import logging

import numpy as np
from numpy.typing import NDArray

from execution.steps.run import Run
from execution.steps.step import step
from experiment.data import scaling as scalings
from experiment.results.scaled import Scaled, ScalingRef
from experiment.results.split import Split
from experiment.values import FoldData, TrainingSet
from softmax import loss

log = logging.getLogger("sweep")


@step("scale")
def scale(
    run: Run,
    raw: TrainingSet,
    split: Split,
    picture: tuple[int, int] | None,
    scaling: scalings.ScalingOption,
    missing: scalings.Missing | None = None,
) -> Scaled:
    """The scaled training rows. (`evaluate` scales the test images.)

    The rows that are trained on determine the kind of the scaling, and in each fold its statistics. The statistics for
    the final model are those of all training rows.

    DataError if a value is beyond float32 after scaling.
    """
    images, parts = run.open(raw.images), [run.open(fold.train) for fold in split.folds]
    seen = images[parts[0]] if len(parts) == 1 else images  # with several folds each row is trained on
    kind, why = scalings.choose(seen, picture is not None) if scaling == "auto" else (scaling, "as requested")
    description = f"{kind}: {scalings.FORMULAS[kind]} ({why})"
    log.info("scaling: %s", description)
    levels = grey_levels(images) if kind == "grey-levels" else None

    def scaled_by(scaling: scalings.Scaling) -> tuple[TrainingSet, ScalingRef]:
        statistics = None if scaling.statistics is None else run.put(scaling.statistics)
        inputs = levels if levels is not None else scalings.scaled(scaling, images)
        ends = loss.inputs(np.array([[inputs.min(), inputs.max()]]), np.float32)
        run.tracker.summarize(min=float(ends.min()), max=float(ends.max()))
        scaled_images = raw.images if inputs is images else run.put(inputs)
        fill = None if scaling.fill is None else run.put(scaling.fill)
        reference = ScalingRef(kind=kind, statistics=statistics, extremes=run.put(scaling.extremes), fill=fill)
        return raw.model_copy(update={"images": scaled_images}), reference

    differ = kind == "standardize" or missing is not None
    fitted = [scaled_by(scalings.fit(kind, images[rows], missing)) for rows in parts[: None if differ else 1]]
    final, final_scaling = scaled_by(scalings.fit(kind, images, missing)) if differ else fitted[0]
    run.tracker.summarize(formula=scalings.FORMULAS[kind], why=why, rows=len(images))
    folds = (
        FoldData(**dict(inputs), **dict(fold))
        for fold, (inputs, _) in zip(split.folds, fitted if differ else fitted * len(parts), strict=True)
    )
    return Scaled(
        folds=tuple(folds), fold_scaling=fitted[0][1], final=final, final_scaling=final_scaling, description=description
    )


def grey_levels(images: NDArray[np.generic]) -> NDArray[np.uint8] | None:
    """The images as uint8, a quarter of the memory; None if that changes a value."""
    with np.errstate(invalid="ignore"):
        levels = images.astype(np.uint8, copy=False)
    return levels if np.array_equal(levels, images) else None
