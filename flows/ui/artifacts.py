"""The flow run in the Prefect UI: its name, and artifacts with progress, ranking and verdict."""

import base64
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.runtime import flow_run

from execution import prepare
from experiment.axes import axes_of
from experiment.errors import InputError
from experiment.search.ranking import Candidate
from experiment.summary import Summary
from flows.ui.events import moment
from flows.ui.settings import read
from report.text.verdict import markdown

ROWS = 50  # of the ranking; the leaderboard has all


def name() -> str:
    """The flow run's name: the sweep's name and the start time."""
    parameters = flow_run.parameters
    asked = parameters["experiment"], parameters["execution"]
    if config := parameters["config"]:
        with suppress(InputError):  # the flow itself raises it
            asked = read(config, *asked)
    return f"{prepare.named(*asked)} {moment(datetime.now(UTC))}"


def begin_progress(total: int) -> UUID:
    """Create the progress artifact; return its id."""
    artifact: Any = create_progress_artifact(0.0, description=f"{total} trainings")
    return UUID(str(artifact))


def progressed(artifact: UUID, fraction: float, words: str) -> None:
    """Update the progress artifact with the fraction of epochs done and a description."""
    update_progress_artifact(artifact, round(100 * fraction, 1), description=f"Trainings: {words}")


def conclude(
    summary: Summary, ranking: Sequence[Candidate], outcome: str, message: str, notes: Mapping[str, str],
    picture: bytes | None,
) -> None:  # fmt: skip
    """Show the ranking and the verdict.

    `outcome`, `message`: of the flow run's final state; `notes`: texts to show with the figures, by heading;
    `picture`: the parallel coordinates, a PNG file small enough for a data URL, if they could be drawn.
    """
    address = f"data:image/png;base64,{base64.b64encode(picture).decode()}" if picture else ""
    axes = axes_of(candidate.combination for candidate in ranking)
    rows = [
        {
            "rank": place,
            **{axis.label: getattr(one.combination, field) for field, axis in axes.items()},
            "validation accuracy": f"{one.val_accuracy:.2%}",
            "validation cross-entropy": f"{loss:.4f}" if math.isfinite(loss := one.val_cross_entropy) else "diverged",
            "best epoch": one.best_epoch,
            "W&B run": one.trained[0].identity,
        }
        for place, one in enumerate(ranking[:ROWS], start=1)
    ]
    described = f"The best {min(ROWS, len(ranking))} of {len(ranking)} combinations."
    create_table_artifact(rows, key="leaderboard", description=described)
    figure = f"{summary.test_accuracy:.2%} · {summary.best} · {outcome.lower()}"
    text = markdown(summary, f"{outcome}: {message}", notes, address)
    create_markdown_artifact(text, key="verdict", description=figure)
