"""What is to be said of a sweep beside its figures."""

from experiment.summary import Summary


def search(summary: Summary) -> str:
    """Return where the combinations came from, in one line; "" if they are the grid."""
    if not summary.sampler:
        return ""
    before = f", after {len(summary.earlier)} from earlier sweeps" if summary.earlier else ""
    return f"{summary.combinations - len(summary.earlier)} drawn, sampler {summary.sampler}{before}"


def ranking(summary: Summary) -> str:
    """Return how far the ranking can be trusted, in one line."""
    near, others = summary.within_noise, summary.combinations - 1
    return (
        f"{near} of the {others} others {'is' if near == 1 else 'are'} within noise of the best in accuracy "
        "(95 %, paired on the same validation rows)"
    )


def warnings(summary: Summary) -> list[str]:
    """Return what whoever uses the winner should know, a sentence each."""
    said = list(summary.data_warnings)
    if summary.left:
        many = "s were" if summary.left > 1 else " was"
        said.append(
            f"time was up before {summary.left} combination{many} trained as far as intended, and the best may be "
            "among them: the same command, run again, goes on from there"
        )
    if summary.pruned:
        said.append(
            f"{summary.pruned} of {summary.combinations} combinations were pruned before their end, by how they stood "
            "then: one that learns slowly may have been lost, and none of them shows what it could have come to"
        )
    if not summary.beats_baseline:
        said.append(
            "no combination beats always answering with the class frequencies "
            f"(validation accuracy {summary.baseline['val_accuracy']:.2%}, "
            f"cross-entropy {summary.baseline['val_cross_entropy']:.4f}) in both accuracy and cross-entropy: "
            "look at the scaling of the inputs and at the learning rates"
        )
    if summary.stopped_at_max_epochs:
        said.append(
            f"the winner was still improving when max_epochs stopped it (best epoch {summary.best_epoch}): "
            "allow more epochs, or larger learning rates"
        )
    return said
