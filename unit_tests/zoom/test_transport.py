from __future__ import annotations

import contextlib
import datetime as dt
import gc
import gzip
import ipaddress
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from source_zoom.zoom import transport
from source_zoom.zoom.transport import AnswerTooLarge, AnswerTooSlow, BoundedAdapter, clock_difference, release

pytestmark = pytest.mark.usefixtures("loopback")

MB = 1_000_000
SOON = 0.3
IN_TIME = 30.0  # on a busy machine
HEAD = b"HTTP/1.1 200 OK\r\n"
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
Script = Callable[[socket.socket], None]


@contextmanager
def scripted(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve each connection by a script, at `127.0.0.1:port`."""
    gone = (BrokenPipeError, ConnectionResetError, ssl.SSLError, OSError)

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(*gone):
            if tls:
                with tls.wrap_socket(connection, server_side=True) as wrapped:
                    script(wrapped)
            else:
                script(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=serve, args=(connection,))
            threads.append(thread)
            thread.start()

    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [acceptor, *threads]:
            thread.join(IN_TIME)
            assert not thread.is_alive(), "a connection was left open"


def read_request(connection: socket.socket) -> bytes:
    """Read up to the end of a request's headers; empty when the client is gone."""
    read = b""
    while not read.endswith(b"\r\n\r\n"):
        piece = connection.recv(65536)
        if not piece:
            return b""
        read += piece
    return read


def answering(*pieces: bytes) -> Script:
    """Answer each request of a connection with the pieces, then wait for the next."""

    def script(connection: socket.socket) -> None:
        while read_request(connection):
            for piece in pieces:
                connection.sendall(piece)

    return script


def dripping(start: bytes, drop: bytes, every: float = 0.005) -> Script:
    """Answer with a start, then with drops, or silence, until the client is gone."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        while drop:
            connection.sendall(drop)
            time.sleep(every)  # the server is that slow
        connection.recv(1)

    return script


def with_length(body: bytes, *headers: bytes) -> bytes:
    lines = [HEAD, *(header + b"\r\n" for header in headers), b"Content-Length: %d\r\n\r\n" % len(body), body]
    return b"".join(lines)


def chunked(*pieces: bytes) -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@contextmanager
def session(seconds: float = 30, most_bytes: int = 64 * MB, connections: int = 16) -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        adapter = BoundedAdapter(seconds=seconds, most_bytes=most_bytes, connections=connections)
        opened.mount("http://", adapter)
        opened.mount("https://", adapter)
        yield opened
        for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it cannot be iterated
                manager.pools[key].close()  # idle connections; a response that is still there would keep them


def assert_too_slow(opened: requests.Session, url: str, seconds: float = SOON, **kwargs: object) -> None:
    started = time.monotonic()
    with pytest.raises(AnswerTooSlow, match=f"^The answer was not complete within {seconds:g} seconds.$"):
        opened.get(url, timeout=(5, 5), **kwargs)  # type: ignore[arg-type]
    assert seconds <= time.monotonic() - started < IN_TIME


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate, its own authority, for 127.0.0.1, together with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.timezone.utc)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


# An answer that comes in time


@pytest.mark.parametrize(
    "answer",
    [
        with_length(b'{"a": 1}'),
        with_length(gzip.compress(b'{"a": 1}'), b"Content-Encoding: gzip"),
        chunked(b'{"a"', b": 1}"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + with_length(b'{"a": 1}'),
    ],
    ids=["length", "gzip", "chunked", "continue"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_whole_answer_is_there_and_its_connection_is_used_again(answer: bytes, *, stream: bool) -> None:
    connections: list[int] = []

    def script(connection: socket.socket) -> None:
        connections.append(1)
        answering(answer)(connection)

    with scripted(script) as address, session() as opened:
        for _ in range(3):
            response = opened.get(f"http://{address}/", stream=stream)
            assert response.json() == {"a": 1}
            assert response.content == b'{"a": 1}'
            assert b"".join(response.iter_content(3)) == b'{"a": 1}'

    assert len(connections) == 1


def test_an_answer_without_length_ends_with_its_connection() -> None:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(HEAD + b"\r\nall of it")

    with scripted(script) as address, session() as opened:
        assert opened.get(f"http://{address}/").content == b"all of it"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (HEAD + b"Content-Length: 100\r\n\r\nhalf", requests.exceptions.ChunkedEncodingError),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\nhalf", requests.exceptions.ChunkedEncodingError),
        (b"", requests.exceptions.ConnectionError),
        (with_length(b"no gzip", b"Content-Encoding: gzip"), requests.exceptions.ContentDecodingError),
    ],
    ids=["length", "chunk", "nothing", "gzip"],
)
def test_broken_answers_are_the_usual_errors(answer: bytes, expected: type[Exception]) -> None:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    with scripted(script) as address, session() as opened, pytest.raises(expected) as raised:
        opened.get(f"http://{address}/")

    assert type(raised.value) is expected


def test_a_refused_connection_is_the_usual_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with session() as opened, pytest.raises(requests.exceptions.ConnectionError) as raised:
        opened.get(f"http://127.0.0.1:{port}/")

    assert type(raised.value) is requests.exceptions.ConnectionError


def test_silence_between_two_bytes_is_the_usual_error() -> None:
    with scripted(answering(b"")) as address, session() as opened, pytest.raises(requests.exceptions.ReadTimeout):
        opened.get(f"http://{address}/", timeout=(5, 0.05))


# The deadline

ENDLESS = {
    "silence": dripping(b"", b""),
    "body with length": dripping(HEAD + b"Content-Length: 1000000\r\n\r\n", b"x"),
    "body in chunks": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "one chunk": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n", b"x"),
    "trailers": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    "body without length": dripping(HEAD + b"\r\n", b"x"),
    "body without length, then silence": dripping(HEAD + b"\r\nhalf of it", b""),
    "body that closes": dripping(HEAD + b"Connection: close\r\nContent-Length: 1000000\r\n\r\n", b"x"),
    "status line": dripping(b"HTTP/1.1 200 ", b"O"),
    "header": dripping(HEAD + b"X: ", b"x"),
    "continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_has_an_end(script: Script) -> None:
    with scripted(script) as address, session(SOON) as opened:
        assert_too_slow(opened, f"http://{address}/")


@pytest.mark.parametrize("name", ["silence", "body with length", "body without length", "header", "continue"])
def test_an_encrypted_answer_has_an_end(name: str, tls: ssl.SSLContext, certificate: Path) -> None:
    with scripted(ENDLESS[name], tls) as address, session(SOON) as opened:
        assert_too_slow(opened, f"https://{address}/", verify=str(certificate))


def test_a_handshake_has_an_end() -> None:
    with scripted(answering(b"")) as address, session(SOON) as opened:
        assert_too_slow(opened, f"https://{address}/")


def test_an_answer_on_a_used_connection_has_an_end(tls: ssl.SSLContext, certificate: Path) -> None:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(with_length(b"{}"))
        dripping(HEAD + b"Content-Length: 1000000\r\n\r\n", b"x")(connection)

    with scripted(script, tls) as address, session(SOON) as opened:
        opened.verify = str(certificate)
        assert opened.get(f"https://{address}/").content == b"{}"
        assert_too_slow(opened, f"https://{address}/")


def test_an_answer_of_a_proxy_has_an_end() -> None:
    with scripted(ENDLESS["header"]) as address, session(SOON) as opened:
        opened.proxies = {"http": f"http://{address}", "https": f"http://{address}"}
        assert_too_slow(opened, "http://zoom.invalid/")
        assert_too_slow(opened, "https://zoom.invalid/")  # the answer to CONNECT


def tunnel(connection: socket.socket) -> None:
    """A proxy that connects to where it is told to."""
    host, _, port = read_request(connection).split()[1].decode().partition(":")
    with socket.create_connection((host, int(port))) as beyond:
        connection.sendall(HEAD + b"\r\n")
        back = threading.Thread(target=pump, args=(beyond, connection))
        back.start()
        pump(connection, beyond)
        back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def test_an_answer_through_a_tunnel_has_an_end(tls: ssl.SSLContext, certificate: Path) -> None:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(with_length(b"{}"))
        ENDLESS["body with length"](connection)

    with scripted(script, tls) as address, scripted(tunnel) as proxy, session(SOON) as opened:
        opened.proxies, opened.verify = {"https": f"http://{proxy}"}, str(certificate)
        assert opened.get(f"https://{address}/").content == b"{}"
        assert_too_slow(opened, f"https://{address}/")


def test_after_a_slow_answer_the_next_one_comes_on_another_connection() -> None:
    scripts = [ENDLESS["body with length"], answering(with_length(b"{}"))]

    def script(connection: socket.socket) -> None:
        scripts.pop(0)(connection)

    with scripted(script) as address, session(SOON, connections=1) as opened:
        assert_too_slow(opened, f"http://{address}/")
        assert opened.get(f"http://{address}/").content == b"{}"


def test_many_answers_end_each_at_its_own_time() -> None:
    ended: dict[float, float] = {}

    def ask(seconds: float) -> None:
        with session(seconds) as opened:
            started = time.monotonic()
            with pytest.raises(AnswerTooSlow):
                opened.get(f"http://{address}/")
            ended[seconds] = time.monotonic() - started

    with scripted(ENDLESS["body with length"]) as address:
        threads = [threading.Thread(target=ask, args=(seconds,)) for seconds in (0.9, 0.6, 0.3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(ended) == [0.3, 0.6, 0.9]
    assert all(0 <= late - seconds < 0.25 for seconds, late in ended.items())


def test_the_error_names_no_address() -> None:
    with scripted(ENDLESS["silence"]) as address, session(0.05) as opened, pytest.raises(AnswerTooSlow) as raised:
        opened.get(f"http://{address}/users?secret=1")

    assert str(raised.value) == "The answer was not complete within 0.05 seconds."
    assert isinstance(raised.value, requests.exceptions.Timeout)
    assert raised.value.__suppress_context__


@linux
def test_no_socket_is_left_open() -> None:
    def open_files() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for script in (ENDLESS["body with length"], ENDLESS["body that closes"], answering(with_length(b"{}"))):
        with scripted(script) as address, session(0.05) as opened, contextlib.suppress(AnswerTooSlow):
            opened.get(f"http://{address}/")
    assert open_files() == before


# The size


def test_an_answer_may_have_the_limit_and_no_byte_more() -> None:
    with scripted(answering(with_length(bytes(5000)))) as address:
        with session(most_bytes=5000) as opened:
            assert len(opened.get(f"http://{address}/").content) == 5000
        with session(most_bytes=4999) as opened, pytest.raises(AnswerTooLarge, match=r"larger than 0\.004999 MB"):
            opened.get(f"http://{address}/")


@pytest.mark.parametrize(
    "answer",
    [with_length(bytes(3 * MB)), chunked(*[bytes(100_000)] * 30), HEAD + b"\r\n" + bytes(3 * MB)],
    ids=["length", "chunked", "no length"],
)
def test_the_connection_of_a_large_answer_is_given_up(answer: bytes) -> None:
    asked: list[int] = []

    def script(connection: socket.socket) -> None:
        asked.append(1)
        answering(answer)(connection)

    with scripted(script) as address, session(most_bytes=MB) as opened:
        for _ in range(2):
            with pytest.raises(AnswerTooLarge, match=r"^The answer is larger than 1 MB\.$") as raised:
                opened.get(f"http://{address}/")
            assert isinstance(raised.value, requests.exceptions.RequestException)

    assert len(asked) == 2


def bomb(wbits: int) -> bytes:
    """200 MB of zeros, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    part = bytes(10 * MB)
    return b"".join([*(packer.compress(part) for _ in range(20)), packer.flush()])


CLIENT = """
import re, sys, threading
from pathlib import Path
import requests
from source_zoom.zoom import transport

def resident():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

address, threads = sys.argv[1], int(sys.argv[2])
session = requests.Session()
session.trust_env = False
session.mount("http://", transport.BoundedAdapter(seconds=60, most_bytes=64_000_000, connections=threads))
before, said = resident(), []

def ask():
    try:
        said.append(len(session.get(f"http://{address}/").content))
    except requests.exceptions.RequestException as error:
        said.append(type(error).__name__)

started = [threading.Thread(target=ask) for _ in range(threads)]
for thread in started:
    thread.start()
for thread in started:
    thread.join()
print((resident() - before) // 1000, *said)
"""


def asked_by_another_process(address: str, threads: int) -> tuple[int, list[str]]:
    """Return how many megabytes that process grew by at most, and what each thread got."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CLIENT, address, str(threads)], capture_output=True, text=True, check=True, timeout=120
    )
    grown, *said = done.stdout.split()
    return int(grown), said


@linux
@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate", "two members"])
def test_a_bomb_takes_little_more_than_the_limit(coding: str) -> None:
    packed = {
        "gzip": lambda: bomb(31),
        "deflate": lambda: bomb(15),
        "raw deflate": lambda: bomb(-15),
        "two members": lambda: gzip.compress(b"small") + bomb(31),
    }[coding]()
    assert len(packed) < MB
    name = b"deflate" if "deflate" in coding else b"gzip"

    with scripted(answering(with_length(packed, b"Content-Encoding: " + name))) as address:
        grown, said = asked_by_another_process(address, 1)

    assert said == ["AnswerTooLarge"]
    assert grown < 80


@linux
def test_sixteen_threads_with_large_answers_do_not_add_up() -> None:
    def script(connection: socket.socket) -> None:
        piece = bytes(MB)
        while read_request(connection):
            connection.sendall(HEAD + b"Content-Length: 64000000\r\n\r\n")
            for _ in range(64):
                connection.sendall(piece)

    with scripted(script) as address:
        grown, said = asked_by_another_process(address, 16)

    assert said == ["64000000"] * 16
    assert grown < 180  # 64 MB, twice 2 MB for each thread, and the threads themselves; unbounded it is a gigabyte


# The place for large answers


class Reader:
    """A thread that asks for large answers when it is told to, and keeps them."""

    def __init__(self, opened: requests.Session, address: str) -> None:
        self._opened, self._url = opened, f"http://{address}/"
        self.kept: list[requests.Response] = []
        self._thread: threading.Thread

    def start(self) -> Reader:
        self._thread = threading.Thread(target=lambda: self.kept.append(self._opened.get(self._url)))
        self._thread.start()
        return self

    def has_it(self, within: float = IN_TIME) -> bool:
        self._thread.join(within)
        return not self._thread.is_alive()


LARGE = with_length(bytes(3 * MB))


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> transport._Place:
    fresh = transport._Place()
    monkeypatch.setattr(transport, "_place", fresh)
    return fresh


@pytest.mark.parametrize("how", ["released", "collected"])
def test_a_second_thread_waits_until_the_first_is_done_with_its_answer(place: transport._Place, how: str) -> None:
    with scripted(answering(LARGE)) as address, session() as opened:
        first, second = Reader(opened, address), Reader(opened, address)
        assert first.start().has_it()
        assert not second.start().has_it(within=0.1)

        if how == "released":
            release(first.kept[0])
            release(first.kept[0])  # once is enough, twice does no harm
        else:
            first.kept.clear()
            gc.collect()

        assert second.has_it()
        assert place._kept == 1


def test_small_answers_need_no_place(place: transport._Place) -> None:
    with scripted(answering(with_length(bytes(2 * MB)))) as address, session() as opened:
        kept = [opened.get(f"http://{address}/") for _ in range(3)]

    assert place._kept == 0
    release(kept[0])
    assert place._kept == 0


def test_a_thread_that_keeps_an_answer_may_read_its_next(place: transport._Place) -> None:
    with scripted(answering(LARGE)) as address, session() as opened:
        page = opened.get(f"http://{address}/")
        started = time.monotonic()
        page = opened.get(f"http://{address}/")  # the former one is there until this one is assigned
        assert time.monotonic() - started < IN_TIME
        assert place._kept == 1

        other = Reader(opened, address).start()
        assert not other.has_it(within=0.1)
        release(page)
        assert other.has_it()


def test_a_thread_does_not_wait_for_ever(place: transport._Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PLACE_SECONDS", 0.05)
    with scripted(answering(LARGE)) as address, session() as opened:
        first = Reader(opened, address)
        assert first.start().has_it()

        second = opened.get(f"http://{address}/")

        assert len(second.content) == 3 * MB
        assert place._kept == 1
        release(second)
        assert place._kept == 1  # it is still the first one's


@pytest.mark.parametrize(
    "script",
    [dripping(HEAD + b"Content-Length: 9000000\r\n\r\n" + bytes(3 * MB), b""), answering(with_length(bytes(5 * MB)))],
    ids=["too slow", "too large"],
)
def test_a_large_answer_that_fails_gives_the_place_back(place: transport._Place, script: Script) -> None:
    with (
        scripted(script) as address,
        session(SOON, most_bytes=4 * MB) as opened,
        pytest.raises((AnswerTooSlow, AnswerTooLarge)) as raised,
    ):
        opened.get(f"http://{address}/")

    assert raised.value is not None  # the error is kept, and with it the frames that had the answer
    assert place._kept == 0


# The clock


def dated(date: str | None) -> requests.Response:
    response = requests.Response()
    if date is not None:
        response.headers["Date"] = date
    return response


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sat, 21 Nov 2026 12:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 11:55:00 GMT", 300.0),
        ("Sun, 22 Nov 2026 00:00:00 GMT", -43_200.0),
        ("Sat, 21 Nov 2026 12:00:00 -0000", 0.0),
        ("Sat, 21 Nov 2026 13:00:00 +0100", 0.0),
        ("Saturday, 21-Nov-26 12:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("yesterday", None),
        ("Sat, 99 Nov 2026 12:00:00 GMT", None),
        ("Sat, 21 Nov 2026 12:00:00 +999999999999999", None),
    ],
)
def test_clock_difference(date: str | None, expected: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Noon(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Noon:
            return cls(2026, 11, 21, 12, tzinfo=tz)

    monkeypatch.setattr(transport, "datetime", Noon)

    assert clock_difference(dated(date)) == expected


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_clock_difference_bears_any_header(date: str) -> None:
    difference = clock_difference(dated(date))

    assert difference is None or isinstance(difference, float)
