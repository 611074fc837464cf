"""An HTTP server on loopback, which every stand-in for a service is one of."""

import threading
from typing import Self

from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server


class Handler(WSGIRequestHandler):
    def log(self, *_: object) -> None: ...

    def connection_dropped(self, *_: object) -> None:
        self.close_connection = True


class Loopback:
    """Answers by `respond`, a connection for each request; a ConnectionError there closes it without an answer."""

    port = 0

    def __init__(self) -> None:
        self.start()

    def respond(self, request: Request) -> Response:
        raise NotImplementedError

    def start(self) -> None:
        """On the port of before, if it was started before."""
        answer = Request.application(lambda request: self.respond(request))
        self.http = make_server("127.0.0.1", self.port, answer, threaded=True, request_handler=Handler)
        self.port = self.http.port
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Connections are refused until it is started again."""
        self.http.shutdown()
        self.http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Webhooks(Loopback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        super().__init__()

    def respond(self, request: Request) -> Response:
        self.messages.append(request.get_data(as_text=True))
        return Response()
