"""An S3 on loopback, and a proxy before it that counts, and fails on purpose."""

import http.client
import logging
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

import requests
from werkzeug import Request, Response

from tests.loopback import Loopback
from tests.patience import PATIENCE

BUCKET = "bucket"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "date", "server"}


class ObjectStore:
    """moto's S3 with one bucket, until the block is left; `environment` is what its users need."""

    def __enter__(self) -> "ObjectStore":
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        self.address = "http://{}:{}".format(*self.server.get_host_and_port())
        self.environment = CREDENTIALS | {"AWS_ENDPOINT_URL": self.address}
        requests.put(f"{self.address}/{BUCKET}", timeout=PATIENCE).raise_for_status()  # unsigned, which moto takes
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()


class Proxy(Loopback):
    """Passes requests on to a store, or another server, but for those of which `trouble` says otherwise.

    `trouble(method, path)` returns a status to answer with, or one and S3's code for it, "hang", "cut" (half an
    answer), "lost" (it is done, and no answer comes), or None. `sent` and `received` count requests and bytes by
    `(method, kind)`, the kind being the folder below the prefix.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target).netloc
        self.trouble: Callable[[str, str], int | tuple[int, str] | str | None] = lambda method, path: None
        self.requests: Counter[tuple[str, str]] = Counter()
        self.sent: Counter[tuple[str, str]] = Counter()
        self.received: Counter[tuple[str, str]] = Counter()
        self.over = threading.Event()
        super().__init__()

    @property
    def environment(self) -> dict[str, str]:
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.url}

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.stop()

    def respond(self, request: Request) -> Response:
        path, body = request.environ["REQUEST_URI"], request.get_data()
        kind = (request.method, kind_of(path))
        self.requests[kind] += 1
        self.sent[kind] += len(body)
        trouble = self.trouble(request.method, path)
        if trouble == "hang":
            self.over.wait(60)
            raise ConnectionError
        if isinstance(trouble, int | tuple):
            status, code = trouble if isinstance(trouble, tuple) else (trouble, "Trouble")
            return Response(f"<Error><Code>{code}</Code><Message>made up {status}</Message></Error>", status)
        with closing(http.client.HTTPConnection(self.target, timeout=PATIENCE)) as connection:
            connection.request(request.method, path, body, dict(request.headers))
            answer = connection.getresponse()
            content = answer.read()
        if trouble == "lost":
            raise ConnectionError
        self.received[kind] += len(content)
        headers = [header for header in answer.getheaders() if header[0].lower() not in HOP_BY_HOP]
        response = Response(content[: len(content) // 2] if trouble == "cut" else content, answer.status, headers)
        size = answer.getheader("Content-Length", "0") if request.method == "HEAD" else str(len(content))
        response.headers["Content-Length"] = size
        return response


def kind_of(path: str) -> str:
    """What a request is about: the folder below the prefix, which is the first part after the bucket."""
    parts = urlsplit(path)
    if "prefix=" in parts.query:
        return "list"
    below = parts.path.strip("/").split("/")[2:]
    return below[0] if below else "bulk"


def away(proxy: Proxy, seconds: float) -> threading.Thread:
    """Refuse connections for so long, from now on; the thread ends when they are taken again."""
    proxy.stop()
    thread = threading.Timer(seconds, proxy.start)
    thread.start()
    return thread
