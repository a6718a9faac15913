"""An HTTP server for what must be seen on the wire, or by another process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from unit_tests.fake_zoom import CONFIG, token


@dataclass
class ZoomServer:
    """A server that gives a token to everybody.

    :param targets: the target of every `GET` request so far, as it was on the wire
    """

    url: str
    targets: list[str] = field(default_factory=list)

    @property
    def addresses(self) -> dict[str, str]:
        """What in a config makes the connector ask this server."""
        return {"api_url": f"{self.url}/v2", "authorization_endpoint": f"{self.url}/oauth/token"}

    @property
    def config(self) -> Mapping[str, Any]:
        return {**CONFIG, **self.addresses}


@contextmanager
def serving(answer: Callable[[str], Any]) -> Iterator[ZoomServer]:
    """Answer every `GET` request with the JSON of what `answer` makes of its target."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.targets.append(self.path)
            self._send(answer(self.path))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._send(token()["json"])

        def log_message(self, *_: object) -> None:
            pass

        def _send(self, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client is gone, as the test wants it

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that was killed in the middle of a request

    with Server(("127.0.0.1", 0), Handler) as server:
        served = ZoomServer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
