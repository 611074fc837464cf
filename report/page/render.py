"""`report.html`: one file that opens from disk and needs no network."""

import json
from collections.abc import Mapping, Sequence, Set
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from experiment.axes import AXES
from experiment.metrics import METRICS
from experiment.search.ranking import Candidate
from experiment.summary import Summary
from report.importance import REST, SEPARATOR
from report.text.verdict import facts, warnings
from report.text.wording import means_over


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
    ranking : best first, with the ids and durations of their runs
    shown : the data of `report.page.data`, as JSON
    notes : further texts by heading, such as the command that repeats the sweep
    runs_at : the prefix of the addresses of W&B runs; "" if they are not tracked online
    unsent : the ids of runs that are not online
    """
    data = json.loads(shown)
    for combination, candidate in zip(data["combinations"], ranking, strict=True):
        combination["online"] = bool(runs_at) and not unsent & {run.identity for run in candidate.trained}
        combination["prefect"] = [run.task_run for run in candidate.trained]
        combination["seconds"] = round(sum(run.seconds for run in candidate.trained), 3)
    selected, shares = METRICS[summary.select_by], summary.importance.shares if summary.importance else {}
    drawn = {name: data.pop(name) for name in ("axes", "combinations", "curves", "errors")} | {
        "selected": {"by": summary.select_by, "label": selected.label, "fraction": selected.fraction},
        "runs_at": runs_at,
    }
    content = template("page.html").render(
        summary=summary,
        data=data,
        drawn=drawn,
        means=means_over(summary.seeds, summary.judge),
        facts=dict(facts(summary)),
        importance=sorted(shares.items(), key=lambda item: (item[0] == REST, -item[1])),
        warnings=warnings(summary),
        notes={heading: text for heading, text in notes.items() if text},
    )
    return content.encode()


@cache
def template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("report.page", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters["percent"] = "{:.2%}".format
    environment.filters["named"] = named
    environment.globals["file"] = file
    return environment.get_template(name)


def named(effect: str) -> str:
    """The displayed name of an effect: "α × batch size" for "alpha × batch_size"."""
    return SEPARATOR.join(AXES[part].label if part in AXES else part for part in effect.split(SEPARATOR))


def file(name: str) -> Markup:
    """A file of this package, as it is."""
    return Markup(files("report.page").joinpath(name).read_text("utf-8"))  # noqa: S704
