"""Step 3: features to inputs, by what the rows that are trained on look like."""

import logging

from execution.steps.run import Run
from execution.steps.step import step
from experiment.data import scaling as scalings
from experiment.results.examples import TrainingSet
from experiment.results.scaled import Scaled, ScalingRef
from experiment.results.split import Split

log = logging.getLogger("sweep")


@step("scale")
def scale(run: Run, raw: TrainingSet, split: Split, pictures: bool, scaling: scalings.ScalingOption) -> Scaled:
    """Scale the training rows; the test images are scaled by the step that alone may see them.

    Choice and statistics are of the rows trained on; the final model's statistics of all training rows.

    Raises
    ------
    DataError : a value is beyond float32 when scaled
    """
    images, rows = run.open(raw.images), run.open(split.train)
    kind, why = scalings.choose(images[rows], pictures) if scaling == "auto" else (scaling, "as asked for")
    said = f"{kind}: {scalings.FORMULAS[kind]} ({why})"
    log.info("scaling: %s", said)

    def scaled_by(scaling: scalings.Scaling) -> tuple[TrainingSet, ScalingRef]:
        statistics = None if scaling.statistics is None else run.put(scaling.statistics)
        inputs = scalings.scaled(scaling, images)
        run.summarize(min=float(inputs.min()), max=float(inputs.max()))
        return TrainingSet(images=run.put(inputs), labels=raw.labels), ScalingRef(kind=kind, statistics=statistics)

    train, train_scaling = final, final_scaling = scaled_by(scalings.fit(kind, images[rows]))
    if train_scaling.statistics:
        final, final_scaling = scaled_by(scalings.fit(kind, images))
    run.summarize(formula=scalings.FORMULAS[kind], why=why, rows=len(images))
    return Scaled(train=train, train_scaling=train_scaling, final=final, final_scaling=final_scaling, said=said)
