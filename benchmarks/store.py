"""What artifacts in an object store cost, against a folder: time a combination, and requests and bytes by kind."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.data import cold, made_up
from benchmarks.overhead import TINY, tiny_sweep
from benchmarks.processes import program
from benchmarks.results import Bench, Section, figure, spread
from execution.storage import copies
from tests.object_store import ObjectStore, Proxy

DEFAULT = "s3://bucket/default"


def run(bench: Bench) -> Section:
    few, many, rounds = (1, 2, 1) if bench.quick else (1, 50, 3)
    places = ("S3",) if bench.quick else ("folder", "S3")
    section = Section(
        "Artifacts in an object store",
        [
            f"A combination that takes no time to train ({TINY[0]} examples × {TINY[1]} features, 2 epochs), tracking "
            "off, in a folder and in an S3 on loopback (moto, in Python) in turns. "
            f"Cost = (seconds of {many} − seconds of {few}) / {many - few}, of medians.",
            "Then the default sweep, cold, tracked offline, all that goes to the store and comes from it.",
        ],
        [["artifacts", f"seconds, {few}", f"seconds, {many}", "ms a combination"]],
    )
    data = made_up(bench.scratch / "tiny", *TINY)
    with ObjectStore() as store:
        seconds: dict[tuple[str, int], list[float]] = {}
        for turn in range(rounds):
            for n in (few, many):
                for where in places:
                    root = bench.scratch / f"store-{n}-{turn}" if where == "folder" else f"s3://bucket/{n}-{turn}"
                    with using(store.environment, bench.scratch / f"cache-{n}-{turn}"):
                        ended = tiny_sweep(root, data, "disabled", n)
                    seconds.setdefault((where, n), []).append(ended.seconds)
        for where in places:
            cost = (median(seconds[where, many]) - median(seconds[where, few])) / (many - few)
            section.table.append(
                [where, spread(seconds[where, few]), spread(seconds[where, many]), figure(1000 * cost)]
            )
            section.data[where] = {"seconds": [seconds[where, few], seconds[where, many]], "cost": cost}

        with Proxy(store.address) as proxy:
            folder, (_, _, *arguments) = cold(bench, "store")
            with using(proxy.environment, bench.scratch / "cache"):
                if not bench.quick:
                    shutil.copytree(folder / "data", copies.home(DEFAULT) / "data")
                program("--artifacts", DEFAULT, "--wandb-mode", "offline", *arguments)
            section.data["traffic"] = table = traffic(proxy)
    section.table.append(["of the default sweep", "requests", "MB sent", "MB received"])
    section.table += [[kind, *row] for kind, row in table.items()]
    return section


@contextmanager
def using(environment: dict[str, str], cache: Path) -> Iterator[None]:
    """Have the programs that are started here find the store, and an empty cache."""
    before = dict(os.environ)
    os.environ.update(environment, XDG_CACHE_HOME=str(cache))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def traffic(proxy: Proxy) -> dict[str, list[str]]:
    """Return requests by method, and megabytes to and from the store, by kind."""
    rows = {}
    for kind in sorted({kind for _, kind in proxy.requests}):
        methods = Counter({method: count for (method, of), count in proxy.requests.items() if of == kind})
        sent, received = (
            sum(size for (_, of), size in counter.items() if of == kind) for counter in (proxy.sent, proxy.received)
        )
        said = ", ".join(f"{count} {method}" for method, count in methods.most_common())
        rows[kind] = [said, figure(sent / 1e6), figure(received / 1e6)]
    return rows
