"""A stand-in for the W&B server: as much of its protocol as the real client (0.31) needs, on loopback."""

import base64
import gzip
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit

from tests.patience import until
from tests.wandb_artifacts import Artifacts
from tests.wandb_reports import Reports
from tests.wandb_runs import HISTORY, Json, Run, resume, storage_id


class Request(NamedTuple):
    method: str
    path: str
    operation: str  # of a GraphQL request, else ""


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Drop(Exception):
    """The connection is closed without an answer."""


class WandbServer:
    api_key = "0123456789abcdef0123456789abcdef01234567"
    entity = "tester"

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.artifacts, self.reports = Artifacts(), Reports()
        self.requests: list[Request] = []
        self.delay = 0.0  # seconds before every answer
        self.refuse: int | None = None  # the status of every answer, such as 401 or 503
        self.fail_after: int | None = None  # history rows after which it fails until `recover`
        self.broken = False  # every connection is dropped
        self.deleted: set[str] = set()  # runs that somebody has deleted: their ids are never taken again
        self.overwrites = False  # a run begun anew, not resumed, loses its old lines
        self._resumed: set[str] = set()  # those asked about, so what comes next is no new beginning
        self._lock = threading.Lock()
        self._port = 0
        self._http: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def rows(self) -> int:
        """History rows received, of all runs."""
        return sum(len(run.received) for run in self.runs.values())

    def env(self) -> dict[str, str]:
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": self.api_key}

    def start(self) -> None:
        """On the port it had before, if any."""
        if self._http:
            return
        handler = type("Handler", (_Handler,), {"wandb": self})
        self._http = _Http(("127.0.0.1", self._port), handler)
        self._port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._http:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def recover(self) -> None:
        """End every trouble, and start again if stopped."""
        self.delay, self.refuse, self.fail_after, self.broken = 0.0, None, None, False
        self.start()

    @contextmanager
    def down(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    def wait(self, run_id: str, rows: int) -> Run:
        """Wait until the run has so many rows."""
        until(lambda: run_id in self.runs and len(self.runs[run_id].history) >= rows)
        return self.runs[run_id]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    # what the handler asks

    def answer(self, method: str, path: str, key: str, body: bytes) -> Json:
        graphql = path == "/graphql"
        stream = re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", path) if method == "POST" else None
        message: Json = json.loads(body) if graphql or stream else {}
        operation = (re.findall(r"(?:query|mutation)\s+(\w+)", message.get("query", "")) or [""])[0]
        with self._lock:
            self.requests.append(Request(method, path, operation))
        time.sleep(self.delay)
        if self.broken or not self._http:
            raise Drop
        if self.refuse:
            raise Refusal(self.refuse, "refused")
        with self._lock:
            if method == "PUT":
                _, where, owner, name = map(unquote, path.split("/", 3))
                (self.runs[owner].files if where == "storage" else self.artifacts.begun[int(owner)].files)[name] = body
                return {}
            if path.startswith("/sdk/otel/"):  # the client's telemetry, which old servers do not take
                raise Refusal(404, "not found")
            if key != self.api_key:
                raise Refusal(401, "user is not logged in")
            if graphql:
                return self._graphql(operation, message.get("variables") or {})
            if stream:
                return self._stream(unquote(stream[1]), message)
        raise Refusal(404, f"no {method} {path} here")

    def _graphql(self, operation: str, given: Json) -> Json:
        match operation:
            case "Viewer" | "GetDefaultEntity":
                who = {"entity": self.entity, "username": self.entity, "email": "", "teams": {"edges": []}}
                return {"viewer": {**who, "id": "VXNlcjox", "flags": "{}"}}
            case "ServerFeaturesQuery":
                return {"serverInfo": {"features": []}}
            case "RunResumeStatus":
                run = self.runs.get(given["name"])
                self._resumed.add(given["name"])
                entity = given.get("entity") or self.entity
                return {"model": {**self._model(given["project"], entity), "bucket": run and resume(run)}}
            case "UpsertBucket":
                return {"upsertBucket": self._upsert(given)}
            case "OrganizationCoreWeaveOrganizationID":
                return {"entity": {"organization": {"coreWeaveOrganizationId": None}}}
            case "RunState":
                run = self.runs.get(given["run"])
                return {"project": {"run": run and {"id": run.id, "state": run.state}}}
            case "CreateRunFiles":
                to = f"{self.url}/storage/{quote(given['run'])}/"
                links = [{"name": name, "uploadUrl": to + quote(name)} for name in given["files"]]
                return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": links}}
        kept = self.artifacts.answer(operation, given, self.url)
        if kept := kept or self.reports.answer(operation, given, self.runs.values()):
            return kept
        raise Refusal(400, f"Cannot query field of {operation}")

    def _model(self, project: str, entity: str) -> Json:
        return {"id": "UHJvamVjdDox", "name": project, "entity": {"id": "RW50aXR5OjE=", "name": entity}}

    def _upsert(self, given: Json) -> Json:
        run_id = given.get("name") or base64.b64decode(given["id"]).decode().removeprefix("Run:")
        if run_id in self.deleted:
            raise Refusal(409, f"run {run_id} was previously created and deleted; try a new run name")
        inserted = run_id not in self.runs
        if inserted:
            self.runs[run_id] = Run(run_id, given.get("project") or "uncategorized", given.get("entity") or self.entity)
        run = self.runs[run_id]
        run.exitcode, run.heard = None, time.monotonic()
        if self.overwrites and given.get("host"):  # said at the beginning alone: later ones may come after the rows
            run.lines.clear()
        names = {"groupName": "group", "jobType": "job_type", "displayName": "display_name"}
        for key in ("groupName", "jobType", "displayName", "notes", "sweep", "tags"):
            if given.get(key) is not None:
                setattr(run, names.get(key, key), given[key])
        if given.get("config"):
            run.wrapped_config = json.loads(given["config"])  # the client always sends the whole of it
        if given.get("summaryMetrics"):
            run.summary = json.loads(given["summaryMetrics"])
        bucket = {
            **{"id": storage_id(run), "name": run.id, "displayName": run.name, "description": None},
            **{"config": json.dumps(run.wrapped_config), "sweepName": run.sweep or None},
            **{"project": self._model(run.project, run.entity)},
            **{"historyLineCount": len(run.lines.get(HISTORY, []))},
        }
        return {"bucket": bucket, "inserted": inserted}

    def _stream(self, run_id: str, message: Json) -> Json:
        run = self.runs.get(run_id)
        if not run:
            raise Refusal(404, f"no run {run_id}")
        run.heard = time.monotonic()
        for name, chunk in (message.get("files") or {}).items():
            run.write(name, chunk["offset"], chunk["content"])
        if message.get("complete"):
            run.exitcode = message.get("exitcode", 0)
        if self.fail_after is not None and sum(len(r.received) for r in self.runs.values()) >= self.fail_after:
            self.broken = True  # the rows are kept, only the answer is lost: the worst place to fail
            raise Drop
        return {"exitcode": run.exitcode, "limits": {}}


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that was killed


class _Handler(BaseHTTPRequestHandler):  # HTTP/1.0: a connection for each request, so none outlives `stop`
    wandb: WandbServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        key = base64.b64decode(token).decode().partition(":")[2] if scheme == "Basic" else token
        path = urlsplit(self.path).path
        try:
            answer, status = self.wandb.answer(self.command, path, key, body), 200
            answer = {"data": answer} if path == "/graphql" else answer
        except Drop:
            return
        except Refusal as error:
            # as the real one says it: of nobody's key it knows no viewer
            answer, status = {"errors": [{"message": str(error)}], "data": {"viewer": None}}, error.status
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        pass
