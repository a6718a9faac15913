"""HTTP/1.1 on the loopback interface: one thread per connection, one send per answer.

The standard library's ``http.server`` parses headers as e-mail and decodes nothing of the path for us; reading the
few lines of a request head here is several times faster and keeps the path as it was sent.
"""

import contextlib
import select
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import BinaryIO

from sandbox.messages import JSON, Damage, Drip, Part, Reply, Request

HOST = "127.0.0.1"
_IDLE_SECONDS = 120
_LONGEST_LINE = 65_536
_MOST_HEADERS = 100
_LARGEST_BODY = 1 << 20
_CHUNK = 1 << 16
_ABORT = struct.pack("ii", 1, 0)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_GLANCE_SECONDS = 0.05
"""Between two looks at a client that sends on while it waits."""

App = Callable[[Request], Reply | Iterator[bytes]]


class BadRequestError(Exception):
    """What came in is not an HTTP request that this server reads."""


class Server(socketserver.ThreadingTCPServer):
    """Serves an app until it is closed; closing also ends the open connections."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, port: int, app: App) -> None:
        """Listen on the port, or on a free one if it is 0."""
        super().__init__((HOST, port), Connection)
        self.app = app
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address to call."""
        return f"http://{HOST}:{self.server_address[1]}"

    @contextlib.contextmanager
    def tracking(self, connection: socket.socket) -> Iterator[None]:
        """Keep the connection known while it is served."""
        with self._lock:
            self._connections.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)

    def server_close(self) -> None:
        """Stop listening and end all connections."""
        super().server_close()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class Connection(socketserver.BaseRequestHandler):
    """One client's connection with all its requests."""

    server: Server
    request: socket.socket
    _is_reset = False

    def handle(self) -> None:
        """Answer requests until the client is gone, silent for long, or asks to close."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(_IDLE_SECONDS)
        with self.server.tracking(self.request), self.request.makefile("rb") as reader, contextlib.suppress(OSError):
            while self._serve_one(reader):
                pass
        if self._is_reset:
            # Before the base class says a polite goodbye.
            self.request.close()

    def _serve_one(self, reader: BinaryIO) -> bool:
        try:
            request = read_request(reader)
        except BadRequestError:
            self.request.sendall(_encoded(Reply(400), keep_alive=False))
            return False
        if request is None:
            return False
        keep_alive = request.headers.get("connection", "").lower() != "close"
        answer = self.server.app(request)
        if isinstance(answer, Reply):
            return self._send(answer, keep_alive=keep_alive) and keep_alive
        self._stream(answer)
        return keep_alive

    def _send(self, reply: Reply, *, keep_alive: bool) -> bool:
        """Send a reply, and tell whether it got to its end."""
        if reply.stall and not self._waits(reply.stall):
            return False
        if reply.stream is not None:
            self._stream(reply.stream(), reply.headers)
            return True
        data = _encoded(reply, keep_alive=keep_alive)
        if reply.drip:
            return self._drip(data, len(data) - len(reply.body), reply.drip)
        if reply.damage is Damage.RESET:
            self._reset(data[: len(data) - len(reply.body) // 2 - 1])
            return False
        self.request.sendall(data)
        return True

    def _stream(self, parts: Iterator[bytes], headers: Mapping[str, str] | None = None) -> None:
        fields = {"Content-Type": JSON, "Transfer-Encoding": "chunked", **(headers or {})}
        lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        self.request.sendall("\r\n".join(lines).encode("latin-1"))
        pending = bytearray()
        for part in parts:
            pending += part
            if len(pending) >= _CHUNK:
                self.request.sendall(b"%x\r\n%b\r\n" % (len(pending), bytes(pending)))
                pending.clear()
        last = b"%x\r\n%b\r\n" % (len(pending), bytes(pending)) if pending else b""
        self.request.sendall(last + b"0\r\n\r\n")

    def _drip(self, data: bytes, head: int, drip: Drip) -> bool:
        """Send an answer whose first ``head`` bytes are its head; tell whether it got to its end."""
        if drip.part is Part.CONTINUE:
            while self._waits(drip.seconds):
                self.request.sendall(_CONTINUE)
            return False
        begin = data.index(b"\r\n") + 2 if drip.part is Part.HEADERS else head
        self.request.sendall(data[:begin])
        for place in range(begin, len(data)):
            if not self._waits(drip.seconds):
                return False
            self.request.sendall(data[place : place + 1])
        return True

    def _waits(self, seconds: float) -> bool:
        """Wait, and tell whether the client is still there; closing the server looks as if it were gone."""
        poller = select.poll()
        poller.register(self.request, select.POLLIN)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if poller.poll(left * 1000):
                if not self.request.recv(1, socket.MSG_PEEK):
                    return False
                time.sleep(min(left, _GLANCE_SECONDS))  # what it sends already is for later
        return True

    def _reset(self, data: bytes) -> None:
        self.request.sendall(data)
        # Closing with a linger of zero sends RST instead of FIN.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self._is_reset = True


def read_request(reader: BinaryIO) -> Request | None:
    """Read the next request; None when the client has closed. Raises BadRequestError."""
    line = reader.readline(_LONGEST_LINE)
    if not line:
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or parts[2] != "HTTP/1.1":  # noqa: PLR2004
        raise BadRequestError(line)
    headers = _read_headers(reader)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > _LARGEST_BODY or "transfer-encoding" in headers:
        raise BadRequestError(length)
    return Request(parts[0], parts[1], headers, reader.read(int(length)) if int(length) else b"")


def _read_headers(reader: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = reader.readline(_LONGEST_LINE)
        if line in {b"\r\n", b"\n", b""}:
            return headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise BadRequestError("too many headers")


def _encoded(reply: Reply, *, keep_alive: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {_phrase(reply.status)}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + reply.body


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
