"""`report.html`: one file that opens from disk and needs no network."""

import json
from collections.abc import Mapping, Sequence, Set
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from experiment.axes import AXES
from experiment.metrics import METRICS
from experiment.search.ranking import Candidate
from experiment.summary import Summary
from report.importance import REST
from report.text import remarks

SCRIPTS = ("echarts/echarts.min.js", "state.js", "charts.js", "table.js", "page.js")


def page(
    summary: Summary,
    ranking: Sequence[Candidate],
    shown: bytes,
    notes: Mapping[str, str],
    runs_at: str = "",
    unsent: Set[str] = frozenset(),
) -> bytes:
    """The page.

    Parameters
    ----------
    ranking : the candidates, best first, with the ids and durations of their runs
    shown : the data of `report.page.data`, as JSON
    notes : further texts by heading, such as the command that repeats the sweep
    runs_at : the prefix of the addresses of W&B runs; "" if they are not tracked online
    unsent : the ids of runs that are not online
    """
    data = json.loads(shown)
    for combination, candidate in zip(data["combinations"], ranking, strict=True):
        combination["wandb"] = [run.identity for run in candidate.trained]
        combination["online"] = bool(runs_at) and not unsent & set(combination["wandb"])
        combination["prefect"] = [run.task_run for run in candidate.trained]
        combination["seconds"] = round(sum(run.seconds for run in candidate.trained), 3)
    drawn = {name: data.pop(name) for name in ("axes", "combinations", "curves", "errors")}
    selected = METRICS[summary.select_by]
    drawn["selected"] = {"by": summary.select_by, "label": selected.label, "fraction": selected.fraction}
    drawn["runs_at"] = runs_at
    content = template().render(
        summary=summary,
        data=data,
        drawn=for_script(drawn),
        seeds=len(ranking[0].trained),
        drawn_by=remarks.search(summary),
        importance=sorted(
            summary.importance.shares.items() if summary.importance else (),
            key=lambda item: (item[0] == REST, -item[1]),
        ),
        warnings=remarks.warnings(summary),
        notes={heading: text for heading, text in notes.items() if text},
        style=Markup(text("page.css")),  # noqa: S704  # a file of this package, like the scripts
        scripts=[Markup(text(name)) for name in SCRIPTS],  # noqa: S704
    )
    return content.encode()


def for_script(value: Any) -> Markup:
    """The value as JSON that is safe within a script element."""
    escaped = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(escaped.replace("&", "\\u0026"))  # noqa: S704


@cache
def template() -> Template:
    environment = Environment(
        loader=PackageLoader("report.page", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = "{:.2%}".format
    environment.filters["figure"] = "{:.4f}".format
    environment.filters["named"] = named
    return environment.get_template("page.html")


def named(effect: str) -> str:
    """The displayed name of an effect: "α × batch size" for "alpha × batch_size"."""
    return " × ".join(AXES[part].label if part in AXES else part for part in effect.split(" × "))


def text(name: str) -> str:
    return files("report.page").joinpath(name).read_text("utf-8")
