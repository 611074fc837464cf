"""The table and the picture of replayed searches."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiment.metrics import METRICS, MetricName
from experiment.results.selection import Gap
from experiment.search.ranking import Candidate
from report.pictures import GREY, PALETTE
from report.text.verdict import plain
from report.text.wording import difference_form


class Replayed(NamedTuple):
    """What a search would have found."""

    strategy: str
    ranking: tuple[Candidate, ...]  # best first
    gap: Gap | None  # of its winner to the whole sweep's; None: all diverged
    draws: tuple[Gap, ...] = ()  # the same for other draws of the sampler


def table(searches: Sequence[Replayed], select_by: MetricName) -> pd.DataFrame:
    """One row per search; the first is the whole sweep. Gaps and their standard errors are fractions, or nats."""
    epochs = [sum(run.epochs_trained for candidate in one.ranking for run in candidate.trained) for one in searches]
    return pd.DataFrame(
        {
            "strategy": strategy,
            "combinations": len(ranking),
            "epochs": trained,
            "share_of_epochs": trained / epochs[0],
            **(ranking[0].combination.model_dump() if gap else {}),
            select_by: abs(ranking[0].goodness(select_by)) if gap else None,
            "gap": gap and gap.difference,
            "gap_se": gap and gap.standard_error,
            "within_noise": gap and gap.within_noise,
            "other_draws": len(draws),
            "other_draws_mean_gap": sum(other.difference for other in draws) / len(draws) if draws else None,
            "other_draws_within_noise": sum(other.within_noise for other in draws) if draws else None,
        }
        for trained, (strategy, ranking, gap, draws) in zip(epochs, searches, strict=True)
    )


def cells(searches: Sequence[Replayed], select_by: MetricName) -> list[list[str]]:
    """The table as text: the headings, then one row per search."""
    metric, (scale, form, unit) = METRICS[select_by], difference_form(select_by)
    rows = [["search", "epochs", "winner", metric.label, "gap to the whole sweep", "as good?", "other draws"]]
    for one, row in zip(searches, table(searches, select_by).to_dict("records"), strict=True):
        epochs, winner, others = f"{row['epochs']:,} ({row['share_of_epochs']:.0%})", one.ranking[0].combination, ""
        if not one.gap:
            rows.append([one.strategy, epochs, "none: all diverged", "", "", "", ""])
            continue
        figure = f"{scale * row[select_by]:{form}}{' %' if metric.fraction else ''}"
        gap = f"{scale * row['gap']:{form}} ± {scale * row['gap_se']:{form}}{unit}" if row["gap_se"] else "none"
        if one.draws:
            mean, near = scale * row["other_draws_mean_gap"], int(row["other_draws_within_noise"])
            others = f"mean gap {mean:{form}}, {near} of {len(one.draws)} as good"
        rows.append([one.strategy, epochs, str(winner), figure, gap, "yes" if row["within_noise"] else "no", others])
    return rows


def markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(plain(cell).replace("|", "\\|") for cell in row) + " |\n" for row in rows]
    return "".join([lines[0], "|---" * len(rows[0]) + "|\n", *lines[1:]])


def picture(searches: Sequence[Replayed], select_by: MetricName) -> Figure:
    """Epochs and gap of each search, one line each; dots are other draws of its sampler."""
    metric, places = METRICS[select_by], range(len(searches))
    scale, unit = (100, "percentage points") if metric.fraction else (1, "nats")
    epochs = table(searches, select_by)["epochs"]
    figure = Figure(figsize=(10, 1.4 + 0.42 * len(searches)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2, 3))
    bars = left.barh(places, epochs, color=GREY, height=0.6, tick_label=[one.strategy for one in searches])
    left.bar_label(bars, fmt="{:,.0f}", padding=3)
    for at, one in enumerate(searches):
        beside = at + np.linspace(-0.3, 0.3, len(one.draws), endpoint=False)
        right.scatter([scale * gap.difference for gap in one.draws], beside, s=12, color=GREY, alpha=0.5, linewidths=0)
        if one.gap:
            right.errorbar(
                scale * one.gap.difference, at, xerr=scale * one.gap.standard_error, fmt="o", capsize=3,
                color=PALETTE[0] if one.gap.within_noise else PALETTE[4],
            )  # fmt: skip
    left.invert_yaxis()
    left.set_xlim(0, 1.2 * epochs.max())
    left.set_xlabel("epochs trained")
    right.axvline(0, color="#444444", linewidth=0.8, linestyle=":")
    right.set_xlabel(
        f"gap to the winner of the whole sweep in {metric.label}, {unit}\n"
        "bars: paired standard error; blue: may be as good, red: worse\n"
        "grey dots: other draws of the sampler"
    )
    for axis in (left, right):
        axis.grid(axis="x", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
    return figure
