"""What the Prefect UI shows of a flow run: its name, how far the grid is, the ranking, the verdict."""

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

ROWS = 50  # of the ranking that are shown; all of them are in the leaderboard


def name() -> str:
    """Return the flow run's name: of which sweep it is, and when it began."""
    parameters = flow_run.parameters
    return f"{prepare.named(parameters['experiment'], parameters['execution'])} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"


def begin_progress(total: int) -> UUID:
    """Show how far the grid is; return what to go on with."""
    artifact: Any = create_progress_artifact(0.0, description=f"{total} trainings")
    return UUID(str(artifact))


def progressed(artifact: UUID, fraction: float, words: str) -> None:
    """Show how far the trainings are: a fraction of their epochs, and the rest in words."""
    update_progress_artifact(artifact, round(100 * fraction, 1), description=f"Trainings: {words}")


def outcome(summary: Summary, ranking: Sequence[Candidate], notes: Mapping[str, str], picture: bytes | None) -> None:
    """Show the ranking, the picture and the verdict.

    Parameters
    ----------
    notes : what is to be said beside the figures, by heading
    picture : the parallel coordinates, a PNG file small enough to be part of an address, if they could be drawn
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
