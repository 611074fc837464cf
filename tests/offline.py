"""Reading what an offline W&B run wrote: LevelDB's log format around protobuf records.

https://github.com/google/leveldb/blob/main/doc/log_format.md; wandb has no public reader for it.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import ArtifactRecord, Record  # type: ignore[attr-defined]

BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass
class OfflineRun:
    id: str = ""
    project: str = ""
    group: str = ""
    job_type: str = ""
    display_name: str = ""
    notes: str = ""
    folder: Path = Path()
    config: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: list[ArtifactRecord] = field(default_factory=list)
    exit_code: int | None = None


def records(path: Path) -> Iterator[Record]:
    content = path.read_bytes()
    position, parts = 7, b""  # after W&B's own header
    while position + 7 <= len(content):
        if BLOCK - position % BLOCK < 7:
            position += BLOCK - position % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        parts += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (FULL, LAST):
            yield Record.FromString(parts)
            parts = b""


def offline_runs(artifacts: Path) -> list[OfflineRun]:
    """Every offline run below the artifact root, in the order of their folders."""
    return [read(path) for path in sorted((artifacts / "wandb").glob("offline-run-*/run-*.wandb"))]


def read(path: Path) -> OfflineRun:
    run = OfflineRun(folder=path.parent)
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run.id, run.project = record.run.run_id, record.run.project
            run.group, run.job_type = record.run.run_group, record.run.job_type
            run.display_name, run.notes = record.run.display_name, record.run.notes
            update(run.config, record.run.config.update)
        elif kind == "config":
            update(run.config, record.config.update)
        elif kind == "history":
            run.rows.append(update({}, record.history.item))
        elif kind == "summary":
            update(run.summary, record.summary.update)
        elif kind == "artifact":
            run.artifacts.append(record.artifact)
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    return run


def update(values: dict[str, Any], items: Iterable[Any]) -> dict[str, Any]:
    """Put in what the items say, each under its key, which may lead into dictionaries of dictionaries."""
    for item in items:
        *path, last = item.nested_key or [item.key]
        inner = values
        for key in path:
            inner = inner.setdefault(key, {})
        value = json.loads(item.value_json)
        old = inner.get(last)
        inner[last] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return values
