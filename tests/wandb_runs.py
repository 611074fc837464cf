"""A W&B run as the stand-in for the server keeps it.

History lines are written at the offset the client names, as the server does it: lines sent twice overwrite themselves
in `Run.history`, while `Run.received` has every line that came.
"""

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

HEARTBEAT = 300.0  # seconds of silence after which an unfinished run counts as crashed
HISTORY, EVENTS, SUMMARY, LOG = (
    "wandb-history.jsonl",
    "wandb-events.jsonl",
    "wandb-summary.json",
    "output.log",
)


@dataclass
class Run:
    id: str
    project: str
    entity: str
    group: str = ""
    job_type: str = ""
    display_name: str = ""
    notes: str = ""
    sweep: str = ""
    tags: list[str] = field(default_factory=list)
    wrapped_config: Json = field(default_factory=dict)  # {name: {"value": ...}}, with wandb's own "_wandb"
    lines: dict[str, list[str]] = field(default_factory=dict)  # streamed files, each line at its offset
    received: list[Json] = field(default_factory=list)  # every history row as it came, doubles and all
    summary: Json = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)  # uploaded ones
    exitcode: int | None = None
    heard: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        return self.display_name or self.id

    @property
    def config(self) -> Json:
        return {key: item["value"] for key, item in self.wrapped_config.items() if key != "_wandb"}

    @property
    def history(self) -> list[Json]:
        return [json.loads(line) for line in self.lines.get(HISTORY, []) if line]

    @property
    def state(self) -> str:
        if self.exitcode is not None:
            return "failed" if self.exitcode else "finished"
        return "running" if time.monotonic() - self.heard < HEARTBEAT else "crashed"

    def write(self, name: str, offset: int, content: list[str]) -> None:
        lines = self.lines.setdefault(name, [])
        lines += [""] * (offset - len(lines))
        lines[offset : offset + len(content)] = content
        if name == HISTORY:
            self.received += map(json.loads, content)
        if name == SUMMARY and content:
            self.summary = json.loads(content[-1])

    def tail(self, name: str) -> str:
        return json.dumps(self.lines.get(name, [])[-1:])


def storage_id(run: Run) -> str:
    return base64.b64encode(f"Run:{run.id}".encode()).decode()


def resume(run: Run) -> Json:
    own = run.wrapped_config.get("_wandb", {}).get("value", {})
    return {
        "id": storage_id(run),
        "name": run.id,
        "displayName": run.name,
        "summaryMetrics": json.dumps(run.summary),
        "historyLineCount": len(run.lines.get(HISTORY, [])),
        "eventsLineCount": len(run.lines.get(EVENTS, [])),
        "logLineCount": len(run.lines.get(LOG, [])),
        "historyTail": run.tail(HISTORY),
        "eventsTail": run.tail(EVENTS),
        "config": json.dumps(run.wrapped_config),
        "tags": run.tags,
        "notes": run.notes,
        "wandbConfig": json.dumps({key: own[key] for key in ("t",) if key in own}),
    }
