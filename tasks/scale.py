"""Step 2: grey levels 0–255 to inputs in [−0.5, 0.5]."""

from execution.run import Run
from execution.step import step
from experiment.results import Scaled, TrainingSet
from softmax.loss import normalized


@step("scale")
def scale(run: Run, raw: TrainingSet) -> Scaled:
    """x / 255 − 0.5, as float32. The test images are scaled by the step that alone may see them."""
    images = normalized(run.open(raw.images))
    run.summarize(formula="x / 255 - 0.5", rows=len(images), min=float(images.min()), max=float(images.max()))
    return Scaled(train=TrainingSet(images=run.put(images), labels=raw.labels))
