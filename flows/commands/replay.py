"""`python -m flows replay`: what cheaper searches would have found, from the curves of a finished sweep."""

import itertools
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.util import find_spec
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from execution import log
from execution.advice import extras, short
from execution.orchestration.signals import show, show_rich
from execution.storage import AnyStorage, arrays, layout, storage_at
from experiment.axes import Combination
from experiment.config import Experiment, Sampler
from experiment.errors import InputError
from experiment.results.selection import Gap, Selection
from experiment.results.trained import Trained
from experiment.search.replay import Curves, Recorded, replayed
from experiment.search.sampling import check_search
from experiment.summary import Summary
from flows.commands.share import finished

DRAWS = 20  # other draws of a sampler
FEWER = 3  # without flags, samplers draw one of so many combinations
HALVINGS = ((2, 10), (3, 3), (4, 1))  # without flags: how many go on, and from which epoch

AtLeastOne = Annotated[int, Parameter(validator=Number(gte=1))]


def replay(
    name: str = "latest",
    *,
    halving: tuple[Annotated[int, Parameter(validator=Number(gte=2))], ...] = (),
    first_rung: tuple[AtLeastOne, ...] = (),
    sampler: tuple[Sampler, ...] = (),
    trials: tuple[AtLeastOne, ...] = (),
    artifacts: str = "artifacts",
) -> int:
    """Tell what cheaper searches would have found, from the curves of a finished sweep; nothing is trained.

    The flags are those of a sweep. Every combination of their values is one search. The table and a picture are saved
    in the sweep's folder: replay.csv, replay.md, replay.png.

    Parameters
    ----------
    name
        Name of the sweep. Default: the newest.
    halving
        Successive halving: the best 1/halving of the combinations continue after each rung.
    first_rung
        Epochs before the first selection. Default: 3.
    sampler
        How trials are drawn from the sweep's combinations: random, sobol or tpe. Default: random.
    trials
        Number of combinations to draw. Default: all are tried.
    artifacts
        The artifact root.
    """
    storage = storage_at(artifacts)
    summary = finished(storage, name, "replay")
    swept = Experiment.model_validate(summary.provenance["experiment"])
    if swept.trials:  # those that were drawn, if the search stopped before all
        swept = swept.model_copy(update={"trials": summary.combinations, "stop_when_noise": False})
    if first_rung and not halving:
        raise InputError("first_rung: it is the first rung of halving: give --halving, too")
    check(summary, swept, max(first_rung, default=0), bool(sampler or trials))
    curves, gaps = recorded(storage, summary)
    named = {"halving": halving, "first_rung": first_rung, "sampler": sampler, "trials": trials}
    given = {flag: values for flag, values in named.items() if values}
    every = (dict(zip(given, values, strict=True)) for values in itertools.product(*given.values()))
    searches = list(every if given else usual(swept, summary))
    if (swept.trials or any("trials" in search for search in searches)) and not find_spec("optuna"):
        raise InputError(f"trials: sampling needs more packages: {extras()}")

    from rich.table import Table

    from report.pictures import png
    from report.replay import Replayed, cells, markdown, picture, table

    none = Gap(difference=0, standard_error=0, within_noise=True)
    found = [Replayed("the whole sweep", replayed(swept, curves), none)]
    for search in searches:
        experiment = swept.model_copy(update=search)
        # Of a drawn search other draws are unknown.
        draws = range(1, DRAWS + 1) if experiment.drawn_by and not swept.trials else ()
        try:
            check_search(experiment)
            rankings = [
                replayed(experiment.model_copy(update={"seed": swept.seed + draw}), curves) for draw in (0, *draws)
            ]
        except InputError as error:
            if given:
                raise
            log.warning("%s is left out: %s", words(search, experiment), error)
            continue
        gap, *others = [gaps.get(ranking[0].combination) for ranking in rankings]
        found.append(Replayed(words(search, experiment), rankings[0], gap, tuple(filter(None, others))))
    rows = cells(found, swept.select_by)
    shown = Table(*rows[0], box=None, pad_edge=False)
    for row in rows[1:]:
        shown.add_row(*row)
    show_rich(shown, width=None if sys.stdout.isatty() else 200)
    csv = table(found, swept.select_by).to_csv(index=False, lineterminator="\n")
    files = {"csv": csv.encode(), "md": markdown(rows).encode(), "png": png(picture(found, swept.select_by))}
    for suffix, content in files.items():
        key = f"{layout.SWEEPS}/{summary.name if name == 'latest' else name}/replay.{suffix}"
        storage.put(key, content)
        show(short(storage.where(key)))
    return 0


def check(summary: Summary, swept: Experiment, first_rung: int, drawing: bool) -> None:
    """Raise InputError unless the sweep trained all its combinations to their end and they allow such a search."""
    if swept.halving:
        raise InputError(
            f"replay: {summary.name} was itself halved, so its curves end early: run the sweep without --halving first"
        )
    if swept.warm_start:
        raise InputError(f"replay: {summary.name} began with earlier trainings: replay a sweep without --warm-start")
    if summary.left:
        raise InputError(
            f"replay: {summary.left} combinations of {summary.name} were left when its time was up: "
            "run the sweep again, without --time-limit"
        )
    if (swept.grids or swept.where) and drawing:
        raise InputError(
            f"trials: {summary.name} has listed combinations, or a condition, from which none are drawn: replay halving"
        )
    if first_rung >= swept.recipe.max_epochs:
        raise InputError(
            f"first_rung: {first_rung} epochs are asked for, and no training of {summary.name} has more than "
            f"{swept.recipe.max_epochs}: give a smaller number"
        )


def recorded(storage: AnyStorage, summary: Summary) -> tuple[Curves, Mapping[Combination, Gap]]:
    """The curves of a sweep and the gaps to its winner, by combination; InputError if the cache lacks some."""
    from execution.cache import records  # it imports Prefect, which reads its settings then

    wanted, found = {*summary.runs["train"], *summary.runs["select"]}, dict[str, Any]()
    for key in storage.list(layout.RECORDS):
        identity = key.rpartition("/")[2][: layout.IDENTITY]
        if identity in wanted:
            try:
                result = records.read(storage, key).result
            except ValueError:
                continue
            if not isinstance(result, Trained) or result.ended:  # the cache has the rungs of halving, too
                found[identity] = result
    if missing := len(wanted - found.keys()):
        raise InputError(
            f"replay: {missing} of the {len(wanted)} results of {summary.name} are not in "
            f"{storage.where(layout.RECORDS)}: run the sweep again"
        )
    curves: dict[Combination, list[Recorded]] = {}
    for one in (found[identity] for identity in summary.runs["train"]):
        curves.setdefault(one.combination, []).append(Recorded(one, arrays.open_array(storage, one.history)))
    selection: Selection = found[summary.runs["select"][0]]
    return curves, {place.combination: place.gap for place in selection.places if place.gap}


def usual(swept: Experiment, summary: Summary) -> Iterator[dict[str, Any]]:
    """Some halvings and, with Optuna, samplers that draw a third."""
    yield from ({"halving": n, "first_rung": epoch} for n, epoch in HALVINGS if epoch < swept.recipe.max_epochs)
    if swept.grids or swept.where:
        return
    if (fewer := summary.combinations // FEWER) and find_spec("optuna"):
        samplers = (swept.drawn_by,) if swept.trials else ("random", "sobol", "tpe")
        yield from ({"sampler": sampler, "trials": fewer} for sampler in samplers)


def words(search: Collection[str], experiment: Experiment) -> str:
    """A search in words, by the settings in which it differs from the sweep."""
    drawn = [f"{experiment.drawn_by}, {experiment.trials} trials"] if "trials" in search else []
    halved = [f"halving {experiment.halving} from epoch {experiment.first_rung}"] if "halving" in search else []
    return ", ".join(drawn + halved)
