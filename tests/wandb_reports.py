"""Reports as the stand-in for the W&B server keeps them, and what the client asks before it saves one."""

import json
from collections.abc import Collection
from typing import Any

from tests.wandb_runs import Json, Run, storage_id

LAST_PAGE = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}


class Reports:
    def __init__(self) -> None:
        self.saved: list[Json] = []  # the fields of each, its spec read
        self.refuse = False  # to save any

    def answer(self, operation: str, given: Json, runs: Collection[Run]) -> Json | None:
        """Return what the server says to a GraphQL operation; None if it knows none of that name."""
        match operation:
            case "Runs":
                where = given["entity"], given["project"]
                there = [run for run in runs if (run.entity, run.project) == where]
                (wanted,) = json.loads(given["filters"])["name"].values()
                found = [run for run in there if run.id in wanted]
                page = {"edges": [{"node": listed(run), "cursor": run.id} for run in found], "pageInfo": LAST_PAGE}
                project = {"internalId": "1", "runCount": len(found), "readOnly": False, "runs": page}
                return {"project": project if there else None}
            case "GetProjects":
                names = sorted({run.project for run in runs if run.entity == given["entity"]})
                edges = [{"node": model(given["entity"], name)} for name in names]
                return {"models": {"pageInfo": LAST_PAGE, "edges": edges}}
            case "ProjectInternalId":
                return {"project": {"id": "UHJvamVjdDox", "internalId": "1"}}
            case "upsertView" if not self.refuse:
                self.saved.append(given | {"spec": json.loads(given["spec"])})
                about = {key: given[key] for key in ("name", "displayName", "description", "type", "spec")}
                place = {"id": "UHJvamVjdDox", "name": given["projectName"], "entityName": given["entityName"]}
                view = {"id": f"VmlldzoxMjM{len(self.saved)}", "project": place, "updatedAt": None, **about}
                return {"upsertView": {"view": view, "inserted": True}}
        return None


def model(entity: str, name: str) -> Json:
    about = {"__typename": "Project", "id": "UHJvamVjdDox", "name": name, "entityName": entity}
    return {**about, "createdAt": "2026-01-01T00:00:00", "isBenchmark": False, "user": None}


def listed(run: Run) -> Json:
    about: dict[str, Any] = dict.fromkeys(("commit", "description", "sweepName", "heartbeatAt", "createdAt"), None) | {
        "user": {"name": run.entity, "username": run.entity},
        "readOnly": False,
        "historyLineCount": 0,
    }
    names = {"name": run.id, "displayName": run.name, "group": run.group, "jobType": run.job_type}
    return {**about, **names, "id": storage_id(run), "projectId": "1", "tags": run.tags, "state": run.state,
            "notes": run.notes}  # fmt: skip
