"""Results as steps might have found them."""

from prefect._internal.result_records import ResultRecord, ResultRecordMetadata
from prefect.serializers import JSONSerializer

from experiment.axes import Combination
from experiment.results.trained import Judged, Trained
from experiment.values import ArrayRef, Result
from softmax.decay import Decay

NOTHING = ArrayRef(digest=f"sha256:{'0' * 64}", shape=(0,), dtype="float32")


def combination(
    learning_rate: float = 0.1, batch_size: int = 8, alpha: float = 0.0, decay: Decay = "none"
) -> Combination:
    return Combination(learning_rate=learning_rate, batch_size=batch_size, alpha=alpha, decay=decay)


def trained(of: Combination, accuracy: float | None = 0.5, loss: float | None = 1.0, **more: object) -> Trained:
    """One that ended well, unless it is said otherwise."""
    right = None if accuracy is None else round(1000 * accuracy)
    judged = None if right is None else Judged(counts=((1000, 1000, right),), predicted=NOTHING, losses=NOTHING)
    found = {
        "combination": of, "seed": 1, "diverged": False, "epochs_trained": 9, "best_epoch": 4, "val_loss": loss,
        "val_accuracy": accuracy, "val_cross_entropy": loss, "ended": True, "judged": judged,
        "W": NOTHING, "b": NOTHING, "history": NOTHING,
    }  # fmt: skip
    return Trained.model_validate(found | more)


def diverged(of: Combination, **more: object) -> Trained:
    """One whose first epoch had no finite loss."""
    return trained(of, None, None, diverged=True, epochs_trained=1, best_epoch=0, **more)


def record(key: str, result: Result) -> bytes:
    """What Prefect writes of a step's result."""
    metadata = ResultRecordMetadata(storage_key=f"cache/{key}", serializer=JSONSerializer())
    return ResultRecord[Result](metadata=metadata, result=result).serialize()
