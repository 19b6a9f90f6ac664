"""A proxy before an object store that loses, delays, cuts, garbles and refuses on purpose."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Literal

Fault = Literal[
    "drop", "lose", "cut", "delay", "500", "503", "429", "409", "500 after", "garble put"
]
FAULTS: tuple[Fault, ...] = (
    "drop",
    "lose",
    "cut",
    "delay",
    "500",
    "503",
    "429",
    "409",
    "500 after",
    "garble put",
)
DELAY_SECONDS = 0.2


@dataclass(slots=True)
class Rule:
    """What happens to requests.

    Attributes:
        fault: ``drop`` forwards nothing and hangs up; ``lose`` forwards and hangs up; ``cut``
            answers with half of the reply; ``500 after`` forwards and then refuses.
        method: Of the requests that it is for.
        ending: Of their paths.
        times: How many more requests it is for.
    """

    fault: Fault
    method: str
    ending: str
    times: int = 1


@dataclass(slots=True)
class Book:
    """What the proxy is to do, and what it has seen."""

    upstream: str
    rules: list[Rule] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def take(self, method: str, path: str) -> Fault | None:
        """Return what happens to a request; a rule is used up by it."""
        with self.guard:
            self.seen.append(f"{method} {path}")
            for rule in self.rules:
                if rule.times and rule.method == method and path.endswith(rule.ending):
                    rule.times -= 1
                    return rule.fault
        return None


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, book: Book) -> None:
        super().__init__(("127.0.0.1", 0), Forward)
        self.book = book


class Forward(BaseHTTPRequestHandler):
    protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc] # the base says str
    server: Proxy

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = self.server.book.take(self.command, self.path.partition("?")[0])
        match fault:
            case "drop":
                self.hang_up()
                return
            case "500" | "503" | "429" | "409":
                self.refuse(int(fault))
                return
            case "delay":
                time.sleep(DELAY_SECONDS)
            case "garble put":
                body = body[:-1] + bytes([body[-1] ^ 1])
            case _:
                pass
        status, headers, data = self.ask(body)
        match fault:
            case "lose":
                self.hang_up()
            case "500 after":
                self.refuse(500)
            case _:
                self.answer(status, headers, data, is_cut=fault == "cut")

    do_GET = forward  # noqa: N815 - http.server's names
    do_PUT = forward  # noqa: N815
    do_HEAD = forward  # noqa: N815
    do_DELETE = forward  # noqa: N815
    do_POST = forward  # noqa: N815

    def ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = HTTPConnection(self.server.book.upstream)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        reply = connection.getresponse()
        data = reply.read()
        found = reply.status, reply.getheaders(), data
        connection.close()
        return found

    def answer(
        self, status: int, headers: list[tuple[str, str]], data: bytes, *, is_cut: bool
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(data)))
        if is_cut and not data:
            self.send_header("X-Cut", "yes")
            self.flush_headers()
            self.hang_up()
            return
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if is_cut else data)
        if is_cut:
            self.hang_up()

    def refuse(self, status: int) -> None:
        code = {409: "ConditionalRequestConflict", 503: "SlowDown"}.get(status, "InternalError")
        self.answer(status, [], f"<Error><Code>{code}</Code></Error>".encode(), is_cut=False)

    def hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.close()


@contextmanager
def proxied(endpoint: str) -> Iterator[tuple[str, Book]]:
    """Serve before an object store; give the endpoint and what to do there."""
    book = Book(endpoint.removeprefix("http://"))
    proxy = Proxy(book)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}", book
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
