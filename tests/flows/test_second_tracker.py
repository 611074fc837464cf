"""Another tracker takes a class and a line that chooses it: one that writes JSON lines, a file a step."""

import json
from contextlib import contextmanager

import numpy as np

from execution.storage import arrays
from execution.tracking import choose
from flows.sweep import sweep
from softmax.sgd import Metrics


class JsonLines:
    def __init__(self, file, config):
        self.file, self.config = file, config
        self.write("config", **config)

    def write(self, what, **fields):
        self.file.write(json.dumps({"what": what, **fields}, default=str) + "\n")

    def log_epoch(self, row):
        self.write("epoch", **row._asdict())

    def summarize(self, **figures):
        self.write("summary", **figures)

    def show(self, name, *_):
        self.write("shown", name=name)

    show_table = show_picture = show_bars = show_confusion = show

    def note(self, paragraphs):
        self.write("note", paragraphs=list(paragraphs))

    def made(self, artifact):
        self.write("made", name=artifact.name)

    def used(self, artifact):
        self.write("used", name=artifact.name)


def test_a_sweep_is_tracked_by_another_tracker_with_nothing_else_changed(experiment, execution, monkeypatch, found):
    @contextmanager
    def tracked(run_context, identity, job_type, _name, config):
        with (run_context.artifacts / f"{job_type}-{identity}.jsonl").open("w") as file:
            yield JsonLines(file, config)

    monkeypatch.setattr(choose, "tracked", tracked)
    sweep(experiment, execution.model_copy(update={"wandb_mode": "disabled"}))
    lines = {path.stem: path.read_text().splitlines() for path in execution.artifacts.glob("*.jsonl")}
    for trained in found[0].trained:
        config, *rows = map(json.loads, lines[f"train-{trained.identity}"])
        assert config["learning_rate"] == trained.combination.learning_rate
        logged = [[row[name] for name in Metrics._fields] for row in rows[:-2]]
        np.testing.assert_array_equal(logged, arrays.open_array(execution.storage, trained.history))
    (report,) = ([json.loads(line) for line in lines[name]] for name in lines if name.startswith("report-"))
    assert {line["what"] for line in report} == {"config", "summary", "shown", "note", "used", "made"}
    assert not list((execution.artifacts / "wandb").glob("offline-run-*"))
