"""An S3 on loopback, and a proxy before it that counts, and fails on purpose."""

import http.client
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.patience import PATIENCE

BUCKET = "bucket"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class ObjectStore:
    """moto's S3 with one bucket, until the block is left; `environment` is what its users need."""

    def __enter__(self) -> "ObjectStore":
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.address = f"http://{host}:{port}"
        self.environment = CREDENTIALS | {"AWS_ENDPOINT_URL": self.address}
        ask(self.address, "PUT", f"/{BUCKET}")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()


def ask(address: str, method: str, path: str, body: bytes = b"") -> None:
    """Make a request that is not signed, which moto takes."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
    connection.request(method, path, body)
    status = connection.getresponse().status
    connection.close()
    assert status < 300, (method, path, status)


class Proxy:
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
        self.port = 0
        self.over = threading.Event()
        self.connections: list[socket.socket] = []
        self.open()

    def open(self) -> None:
        """Listen, on the port of before if there was one."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy.handle(self)

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = do_PATCH = handle_any

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def process_request(self, request: Any, client_address: Any) -> None:
                proxy.connections.append(request)
                super().process_request(request, client_address)

            def handle_error(self, *_: object) -> None: ...  # clients may hang up

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def refuse(self) -> None:
        """Listen no more, and hang up: connections are refused until it is opened again."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    @property
    def environment(self) -> dict[str, str]:
        return CREDENTIALS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with suppress(OSError):
            self.refuse()

    def handle(self, request: Any) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length)
        kind = (request.command, kind_of(request.path))
        self.requests[kind] += 1
        self.sent[kind] += length
        trouble = self.trouble(request.command, request.path)
        if trouble == "hang":
            self.over.wait(60)
            request.close_connection = True
            return
        if isinstance(trouble, int):
            trouble = trouble, "Trouble"
        if isinstance(trouble, tuple):
            status, code = trouble
            answer = f"<Error><Code>{code}</Code><Message>made up {status}</Message></Error>".encode()
            request.send_response(status)
            request.send_header("Content-Length", str(len(answer)))
            request.end_headers()
            request.wfile.write(b"" if request.command == "HEAD" else answer)
            return
        connection = http.client.HTTPConnection(self.target, timeout=PATIENCE)
        connection.request(request.command, request.path, body, dict(request.headers))
        got = connection.getresponse()
        content = got.read()
        connection.close()
        if trouble == "lost":
            request.close_connection = True
            return
        self.received[kind] += len(content)
        request.send_response(got.status)
        for name, value in got.getheaders():
            if name.lower() not in HOP_BY_HOP:
                request.send_header(name, value)
        size = got.getheader("Content-Length", "0") if request.command == "HEAD" else str(len(content))
        request.send_header("Content-Length", size)
        request.end_headers()
        if trouble == "cut":
            request.wfile.write(content[: len(content) // 2])
            request.close_connection = True
            return
        request.wfile.write(content)


def kind_of(path: str) -> str:
    """Return what a request is about: the folder below the prefix, which is the first part after the bucket."""
    parts = urlsplit(path)
    if "prefix=" in parts.query:
        return "list"
    below = parts.path.strip("/").split("/")[2:]
    return below[0] if below else "bulk"


def away(proxy: Proxy, seconds: float) -> threading.Thread:
    """Refuse connections for so long, from now on; the thread ends when they are taken again."""

    def wait() -> None:
        time.sleep(seconds)
        proxy.open()

    proxy.refuse()
    thread = threading.Thread(target=wait)
    thread.start()
    return thread
