"""Before a sweep starts: is the input usable, and where does everything go?"""

import errno
import hashlib
import math
import re
import shutil
import tempfile
from pathlib import Path

from experiment.code import code_digest
from experiment.config import Execution, Experiment
from experiment.credentials import credentials
from experiment.decode import FASHION_MNIST, DataError
from experiment.split import split_rows
from experiment.validate import own_data

SPACE_PER_VALUE = 10  # bytes: the raw pixels, their float32 copy, and room for results


def check(experiment: Experiment, execution: Execution) -> None:
    """Look at everything that can be wrong with the input, without writing anything.

    Raises
    ------
    DataError : names the file or field, says what is wrong and what to do
    """
    if experiment.data_dir is None:
        rows, *image = FASHION_MNIST["train_images"].shape
        values = rows * image[0] * image[1]
        training_rows = rows - math.ceil(rows * experiment.validation_fraction)
    else:
        data = own_data(experiment.data_dir)
        values = data.train_images.size + data.test_images.size
        split = split_rows(data.train_labels, experiment.validation_fraction, experiment.seed)
        training_rows = len(split.train)
    if (largest := max(experiment.batch_sizes)) > training_rows:
        raise DataError(
            f"batch_sizes: {largest} is more than the {training_rows} training rows: choose a smaller batch size"
        )
    if execution.wandb_mode == "online" and not credentials()[1]:
        raise DataError("wandb_mode: online needs an API key: run `wandb login`, or set WANDB_API_KEY")
    check_writable(execution.artifacts, space=values * SPACE_PER_VALUE)


def check_writable(folder: Path, space: int) -> None:
    """Raise DataError unless a file can be written into `folder` (or its nearest parent) and `space` bytes are free."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        reason = "is not a folder" if error.errno == errno.ENOTDIR else f"cannot be written to ({error.strerror})"
        raise DataError(f"artifacts: {existing} {reason}: name another folder with --artifacts") from error
    if (free := shutil.disk_usage(existing).free) < space:
        raise DataError(
            f"artifacts: {existing} has {free / 1e6:.0f} MB free and this sweep wants {space / 1e6:.0f} MB: "
            "make room or name another folder with --artifacts"
        )


def named(experiment: Experiment, execution: Execution) -> Execution:
    """`execution` with an absolute artifact root and, unless the user gave one, a name.

    The name comes from the experiment and from the digest of the code, so the same sweep has the same name
    each time it is run, and a sweep that was killed goes on under its own.
    """
    data = "fashion-mnist" if experiment.data_dir is None else experiment.data_dir.resolve().name
    digest = hashlib.sha256((experiment.digest + code_digest()).encode()).hexdigest()[:8]
    name = execution.name or f"{re.sub(r'[^A-Za-z0-9_]+', '-', data).strip('-') or 'data'}-{digest}"
    return execution.model_copy(update={"artifacts": execution.artifacts.expanduser().resolve(), "name": name})
