"""The kernel's speed over time: how many times as fast as the textbook's loop, timed beside it."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

HISTORY = Path(__file__).with_name("history.csv")  # kind of processor, batch size, commit, ratio
FALL = 0.2  # of the median of all earlier ratios


def remember(epochs: Mapping[str, Any], commit: str, file: Path = HISTORY) -> None:
    """Append the ratios of the benchmark `epoch` on this processor's own kind."""
    kind, by_batch = next(iter(epochs.items()))
    with file.open("a", newline="") as lines:
        for batch_size, times in by_batch.items():
            ratios = [textbook / kernel for textbook, kernel in zip(times["textbook"], times["kernel"], strict=True)]
            csv.writer(lines).writerow([kind, batch_size, commit, f"{median(ratios):.3g}"])


def falls(file: Path = HISTORY) -> list[str]:
    """The kinds and batch sizes whose newest ratio has fallen by more than `FALL`."""
    known = defaultdict(list)
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        for kind, batch_size, _, ratio in csv.reader(lines):
            known[f"{kind}, batch {batch_size}"].append(float(ratio))
    return [
        f"{name}: {ratios[-1]:g}, before {median(ratios[:-1]):.3g}"
        for name, ratios in known.items()
        if ratios[1:] and ratios[-1] < (1 - FALL) * median(ratios[:-1])
    ]
