"""A stand-in for the W&B server: as much of its protocol as the real client (0.31) needs, on loopback.

History lines are written at the offset the client names, as the server does it: lines sent twice overwrite themselves
in `Run.history`, while `Run.received` has every line that came. Of guesses there are two: two who bring an artifact's
content at the same time get one artifact, and a run has one Sweep, the one that adopted it last.
"""

import base64
import gzip
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import yaml
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from tests.loopback import Loopback

Json = dict[str, Any]

CREATED = "2026-01-01T00:00:00"
HEARTBEAT = 300.0  # seconds of silence after which an unfinished run counts as crashed
HISTORY, EVENTS, SUMMARY, LOG = "wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log"
FIELDS = {"groupName": "group", "jobType": "job_type", "displayName": "display_name", "notes": "notes",
          "sweep": "sweep", "tags": "tags"}  # fmt: skip


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

    def described(self) -> Json:
        """As every query has it."""
        return {
            "id": encoded(f"Run:{self.id}"), "name": self.id, "displayName": self.display_name or self.id,
            "description": None, "config": json.dumps(self.wrapped_config), "sweepName": self.sweep or None,
            "summaryMetrics": json.dumps(self.summary), "tags": self.tags, "notes": self.notes, "state": self.state,
            "historyLineCount": len(self.lines.get(HISTORY, [])), "project": project(self.project, self.entity),
        }  # fmt: skip

    def resumed(self) -> Json:
        def tail(name: str) -> str:
            return json.dumps(self.lines.get(name, [])[-1:])

        own = self.wrapped_config.get("_wandb", {}).get("value", {})
        return self.described() | {
            "eventsLineCount": len(self.lines.get(EVENTS, [])), "logLineCount": len(self.lines.get(LOG, [])),
            "historyTail": tail(HISTORY), "eventsTail": tail(EVENTS),
            "wandbConfig": json.dumps({key: own[key] for key in ("t",) if key in own}),
        }  # fmt: skip

    def listed(self) -> Json:
        nothing: Json = dict.fromkeys(("commit", "heartbeatAt", "createdAt", "historyKeys"))
        about = {"group": self.group, "jobType": self.job_type, "projectId": "1", "systemMetrics": "{}"}
        user = {"name": self.entity, "username": self.entity}
        return self.described() | nothing | about | {"user": user, "readOnly": False, "historyLineCount": 0}


@dataclass
class Artifact:
    """A version once it is committed."""

    id: str
    collection: str
    type: str
    digest: str
    committed: bool = False
    metadata: Json = field(default_factory=dict)
    made_by: list[str] = field(default_factory=list)  # runs
    used_by: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)  # uploaded ones, the manifest among them

    @property
    def manifest(self) -> Json:
        manifest: Json = json.loads(self.files["wandb_manifest.json"])
        return manifest

    def listed(self, entity: str, name: str) -> Json:
        nothing: Json = dict.fromkeys(("description", "historyStep", "commitHash", "updatedAt"))
        return nothing | {
            "id": self.id, "artifactSequence": collection(self.collection, "ArtifactSequence", entity, name),
            "versionIndex": 0, "artifactType": {"name": self.type}, "metadata": json.dumps(self.metadata),
            "ttlDurationSeconds": 0, "ttlIsInherited": False, "tags": [], "state": "COMMITTED", "size": 1,
            "digest": self.digest, "fileCount": 1, "createdAt": CREATED, "aliases": [],
        }  # fmt: skip


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def project(name: str, entity: str) -> Json:
    return {"id": "UHJvamVjdDox", "internalId": "1", "name": name, "entityName": entity,
            "entity": {"id": "RW50aXR5OjE=", "name": entity}}  # fmt: skip


def collection(name: str, kind: str, entity: str, in_project: str) -> Json:
    return {"__typename": kind, "name": name, "project": project(in_project, entity)}


def page(nodes: list[Json]) -> Json:
    """The only one of a list."""
    info = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
    edges = [{"node": node, "cursor": node["id"]} for node in nodes]
    return {"edges": edges, "pageInfo": info, "totalCount": len(nodes)}


class Refusal(HTTPException):
    def __init__(self, status: int, message: str) -> None:
        # As the real one says it: of nobody's key it knows no viewer.
        super().__init__(response=answer({"errors": [{"message": message}], "data": {"viewer": None}}, status))


def answer(content: Json, status: int = 200) -> Response:
    return Response(json.dumps(content), status, content_type="application/json")


class WandbServer(Loopback):
    api_key = "0123456789abcdef0123456789abcdef01234567"
    entity = "tester"

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.artifacts: list[Artifact] = []
        self.links: list[Json] = []  # what was asked of each
        self.reports: list[Json] = []  # the fields of each, its spec read
        self.workspaces: list[Json] = []  # the same
        self.sweeps: dict[str, Json] = {}  # the configuration of each, by its id
        self.requests: list[str] = []  # the operation of GraphQL, or the path
        self.delay = 0.0  # seconds before every answer
        self.refuse: int | str | None = None  # the status of every answer, such as 401 or 503, or the operation
        self.fail_after: int | None = None  # history rows after which it fails until `recover`
        self.broken = False  # every connection is dropped
        self.deleted: set[str] = set()  # runs that somebody has deleted: their ids are never taken again
        self.overwrites = False  # a run begun anew, not resumed, loses its old lines
        self.lock = threading.Lock()
        super().__init__()

    @property
    def rows(self) -> int:
        """History rows received, of all runs."""
        return sum(len(run.received) for run in self.runs.values())

    def versions(self, type: str = "") -> list[Artifact]:
        return [version for version in self.artifacts if version.committed and type in ("", version.type)]

    def env(self) -> dict[str, str]:
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": self.api_key}

    def recover(self) -> None:
        """End every trouble, and start again."""
        self.delay, self.refuse, self.fail_after, self.broken = 0.0, None, None, False
        self.stop()
        self.start()

    @contextmanager
    def down(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    def respond(self, request: Request) -> Response:
        body, graphql = request.get_data(), request.path == "/graphql"
        body = gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body
        stream = re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", request.path)
        message: Json = json.loads(body) if graphql or stream else {}
        operation = (re.findall(r"(?:query|mutation)\s+(\w+)", message.get("query", "")) or [request.path])[0]
        self.requests.append(operation)
        time.sleep(self.delay)
        if self.broken:
            raise ConnectionError
        if isinstance(self.refuse, int):
            raise Refusal(self.refuse, "refused")
        key = request.authorization and (request.authorization.password or request.authorization.token)
        with self.lock:
            if request.method == "PUT":
                _, where, owner, name = request.path.split("/", 3)
                (self.runs[owner] if where == "storage" else self.artifacts[int(owner)]).files[name] = body
                return answer({})
            if request.path.startswith("/sdk/otel/"):  # the client's telemetry, which old servers do not take
                raise Refusal(404, "not found")
            if key != self.api_key:
                raise Refusal(401, "user is not logged in")
            if graphql:
                return answer({"data": self.result(operation, message.get("variables") or {})})
            if stream:
                return answer(self.stream(stream[1], message))
        raise Refusal(404, f"no {request.method} {request.path} here")

    def stream(self, run_id: str, message: Json) -> Json:
        if not (run := self.runs.get(run_id)):
            raise Refusal(404, f"no run {run_id}")
        run.heard = time.monotonic()
        for name, chunk in (message.get("files") or {}).items():
            run.write(name, chunk["offset"], chunk["content"])
        if message.get("complete"):
            run.exitcode = message.get("exitcode", 0)
        if self.fail_after is not None and self.rows >= self.fail_after:
            self.broken = True  # the rows are kept, only the answer is lost: the worst place to fail
            raise ConnectionError
        return {"exitcode": run.exitcode, "limits": {}}

    def result(self, operation: str, given: Json) -> Json:
        """Of a GraphQL operation."""
        match operation:
            case self.refuse:
                pass
            case "Viewer" | "GetDefaultEntity":
                who = {"entity": self.entity, "username": self.entity, "email": "", "teams": {"edges": []}}
                return {"viewer": {**who, "id": "VXNlcjox", "flags": "{}"}}
            case "ServerFeaturesQuery":
                linked = "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE"
                return {"serverInfo": {"features": [{"name": linked, "isEnabled": True}]}}
            case "OrganizationCoreWeaveOrganizationID":
                return {"entity": {"organization": {"coreWeaveOrganizationId": None}}}
            case "FetchOrgInfoFromEntity":
                organization = {"name": "Organization", "orgEntity": {"name": "organization"}}
                return {"entity": {"organization": organization, "user": None}}
            # Runs
            case "RunResumeStatus":
                run = self.runs.get(given["name"])
                model = project(given["project"], given.get("entity") or self.entity)
                return {"model": {**model, "bucket": run and run.resumed()}}
            case "UpsertBucket":
                return {"upsertBucket": self.upsert(given)}
            case "RunState":
                run = self.runs.get(given["run"])
                return {"project": {"run": run and {"id": run.id, "state": run.state}}}
            case "CreateRunFiles":
                to = f"{self.url}/storage/{quote(given['run'])}/"
                links = [{"name": name, "uploadUrl": to + quote(name)} for name in given["files"]]
                return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": links}}
            case "Runs":
                of_project = [run for run in self.runs.values() if run.entity == given["entity"]]
                of_project = [run for run in of_project if run.project == given["project"]]
                (wanted,) = json.loads(given["filters"])["name"].values()
                found = [run.listed() for run in of_project if run.id in wanted]
                about = {"internalId": "1", "runCount": len(found), "readOnly": False, "runs": page(found)}
                return {"project": about if of_project else None}
            case "GetProjects":
                names = sorted({run.project for run in self.runs.values() if run.entity == given["entity"]})
                about = {"__typename": "Project", "createdAt": CREATED, "isBenchmark": False, "user": None}
                return {"models": page([project(name, given["entity"]) | about for name in names])}
            case "ProjectInternalId":
                return {"project": project("", "")}
            # Artifacts
            case "CreateArtifact":
                return {"createArtifact": {"artifact": self.begin(given["input"])}}
            case "CreateArtifactManifest":
                link = self.upload(given["artifactID"], given["name"]) if given["includeUpload"] else {}
                manifest = {"id": f"M{given['artifactID']}", "file": {"id": "RmlsZQ==", **link}}
                return {"createArtifactManifest": {"artifactManifest": manifest}}
            case "CreateArtifactFiles":
                files = [self.upload(spec["artifactID"], spec["name"]) for spec in given["input"]["artifactFiles"]]
                return {"createArtifactFiles": {"files": {"edges": [{"node": file} for file in files]}}}
            case "CommitArtifact":
                version = self.artifact(given["artifactID"])
                version.committed = True
                return {"commitArtifact": {"artifact": {"id": version.id, "digest": version.digest}}}
            case "UseArtifact":
                version = self.artifact(given["input"]["artifactID"])
                version.used_by.append(given["input"]["runName"])
                return {"useArtifact": {"artifact": {"id": version.id}}}
            case "RunOutputArtifacts":
                made = [version for version in self.versions() if given["run"] in version.made_by]
                listed = [version.listed(given["entity"], given["project"]) for version in made]
                return {"project": {"run": {"artifacts": page(listed)}}}
            case "LinkArtifact":
                asked = given["input"]
                self.links.append(asked)
                entity, name = asked["entityName"], asked["projectName"]
                membership: Json = {"id": "TWVtYmVy", "versionIndex": 0, "createdAt": CREATED, "aliases": []}
                portfolio = collection(asked["artifactPortfolioName"], "ArtifactPortfolio", entity, name)
                membership["artifactCollection"] = portfolio
                membership["artifact"] = self.artifact(asked["artifactID"]).listed(entity, name)
                return {"result": {"versionIndex": 0, "artifactMembership": membership}}
            # Reports and Sweeps
            case "upsertView":
                self.reports.append(given | {"spec": json.loads(given["spec"])})
                about = {key: given[key] for key in ("name", "displayName", "description", "type", "spec")}
                place = project(given["projectName"], given["entityName"])
                view = about | {"id": f"VmlldzoxMjM{len(self.reports)}", "project": place, "updatedAt": None}
                return {"upsertView": {"view": view, "inserted": True}}
            case "UpsertView2":
                self.workspaces.append(given | {"spec": json.loads(given["spec"])})
                return {"upsertView": {"view": {"id": "VmlldzoxMjM=", "name": given["name"]}, "inserted": True}}
            case "UpsertSweep":
                name = f"sweep{len(self.sweeps)}"
                self.sweeps[name] = yaml.safe_load(given["config"])
                for adopted in json.loads(given["priorRunsFilters"])["$or"]:
                    self.runs[adopted["name"]].sweep = name
                sweep = {"name": name, "project": project(given["projectName"], given["entityName"])}
                return {"upsertSweep": {"sweep": sweep, "configValidationWarnings": []}}
            case "GetSweep":
                config = yaml.safe_dump(self.sweeps[given["name"]])
                return {"project": {"sweep": {"id": "U3dlZXA=", "name": given["name"], "config": config}}}
        raise Refusal(400, f"Cannot query field of {operation}")

    def upsert(self, given: Json) -> Json:
        run_id = given.get("name") or base64.b64decode(given["id"]).decode().removeprefix("Run:")
        if run_id in self.deleted:
            raise Refusal(409, f"run {run_id} was previously created and deleted; try a new run name")
        inserted = run_id not in self.runs
        if inserted:
            self.runs[run_id] = Run(run_id, given.get("project") or "uncategorized", given.get("entity") or self.entity)
        run = self.runs[run_id]
        if given.get("host") or not given.get("id"):  # not one that is changed after its end
            run.exitcode, run.heard = None, time.monotonic()
        if self.overwrites and given.get("host"):  # said at the beginning alone: later ones may come after the rows
            run.lines.clear()
        for name in FIELDS.keys() & {name for name, value in given.items() if value is not None}:
            setattr(run, FIELDS[name], given[name])
        if given.get("config"):
            run.wrapped_config = json.loads(given["config"])  # the client always sends the whole of it
        if given.get("summaryMetrics"):
            run.summary = json.loads(given["summaryMetrics"])
        return {"bucket": run.described(), "inserted": inserted}

    def artifact(self, id: str) -> Artifact:
        return next(version for version in self.artifacts if version.id == id)

    def begin(self, given: Json) -> Json:
        """An artifact, or the one of its collection that has the same content."""
        key = name, digest = given["artifactCollectionName"], given["digest"]
        version = next((one for one in self.artifacts if (one.collection, one.digest) == key), None)
        if version is None:
            metadata = json.loads(given.get("metadata") or "{}")
            id = encoded(f"Artifact:{len(self.artifacts)}")
            self.artifacts.append(version := Artifact(id, name, given["artifactTypeName"], digest, metadata=metadata))
        version.made_by += [given["runName"]] if given.get("runName") else []
        state = "COMMITTED" if version.committed else "PENDING"
        sequence = {"id": "U2VxdWVuY2U=", "latestArtifact": None}
        return {"id": version.id, "state": state, "artifactSequence": sequence}

    def upload(self, id: str, name: str) -> Json:
        address = f"{self.url}/artifacts/{self.artifacts.index(self.artifact(id))}/{quote(name)}"
        about = {"name": name, "storagePath": None, "uploadMultipartUrls": None, "artifact": {"id": id}}
        return about | {"uploadUrl": address, "uploadHeaders": []}
