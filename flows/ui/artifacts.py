"""The flow run in the Prefect UI: its name, and artifacts with progress, ranking and verdict."""

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_image_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.runtime import flow_run

from execution import prepare
from experiment.axes import Axis, axes_of
from experiment.search.ranking import Candidate
from experiment.summary import Summary
from report.text.verdict import page

ROWS = 50  # of the ranking; the leaderboard has all


def name() -> str:
    """The flow run's name: the sweep's name and the start time."""
    parameters = flow_run.parameters
    return f"{prepare.named(parameters['experiment'], parameters['execution'])} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"


def begin_progress(total: int) -> UUID:
    """Create the progress artifact; return its id."""
    artifact: Any = create_progress_artifact(0.0, description=f"{total} trainings")
    return UUID(str(artifact))


def progressed(artifact: UUID, fraction: float, words: str) -> None:
    """Update the progress artifact with the fraction of epochs done and a description."""
    update_progress_artifact(artifact, round(100 * fraction, 1), description=f"Trainings: {words}")


def outcome(summary: Summary, ranking: Sequence[Candidate], notes: Mapping[str, str], picture: bytes | None) -> None:
    """Show the ranking, the picture and the verdict.

    Parameters
    ----------
    notes : texts to show with the figures, by heading
    picture : the parallel coordinates as a PNG file small enough for a data URL, if they could be drawn
    """
    address = f"data:image/png;base64,{base64.b64encode(picture).decode()}" if picture else ""
    axes = axes_of(candidate.combination for candidate in ranking)
    create_table_artifact(
        [row(place, candidate, axes) for place, candidate in enumerate(ranking[:ROWS], start=1)],
        key="leaderboard",
        description=f"The best {min(ROWS, len(ranking))} of {len(ranking)} combinations.",
    )
    if address:
        create_image_artifact(address, key="parallel-coordinates", description="All combinations, and the best ten.")
    figure = f"{summary.test_accuracy:.2%} · {summary.best}" + (f" · {notes['news']}" if notes.get("news") else "")
    create_markdown_artifact(page(summary, notes, address), key="verdict", description=figure)


def row(place: int, candidate: Candidate, axes: Mapping[str, Axis]) -> dict[str, Any]:
    loss = candidate.val_cross_entropy
    return {
        "rank": place,
        **{axis.label: getattr(candidate.combination, field) for field, axis in axes.items()},
        "validation accuracy": f"{candidate.val_accuracy:.2%}",
        "validation cross-entropy": f"{loss:.4f}" if math.isfinite(loss) else "diverged",
        "best epoch": candidate.best_epoch,
    }
