"""A small S3 over HTTP: whole objects, conditional puts, listing, and replies that get lost."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class ObjectServer(ThreadingHTTPServer):
    """Objects by path.

    ``lose_reply_to`` names an object whose next put succeeds unanswered; ``put_late`` one whose
    puts are refused and yet carried out, when ``land`` is called.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Objects)
        self.objects: dict[str, bytes] = {}
        self.guard = threading.Lock()
        self.lose_reply_to = ""
        self.put_late = ""
        self.late: dict[str, bytes] = {}
        self.refuse_all = False

    def land(self) -> None:
        """Carry out the puts that are late."""
        self.objects |= self.late

    @property
    def options(self) -> dict[str, str]:
        return {
            "endpoint": f"http://127.0.0.1:{self.server_address[1]}",
            "region": "us-east-1",
            "access_key_id": "test",
            "secret_access_key": "test",
            "allow_http": "true",
        }


class Objects(BaseHTTPRequestHandler):
    protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc] # the base says str
    server: ObjectServer

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.server.put_late and self.key.endswith(self.server.put_late):
            self.server.late[self.key] = data
            self.answer(503)
            return
        copied = unquote(self.headers.get("x-amz-copy-source", ""))
        if copied:
            data = self.server.objects[f"/{copied.lstrip('/')}"]
        with self.server.guard:
            taken = self.headers.get("If-None-Match") == "*" and self.key in self.server.objects
            if not taken and not self.server.refuse_all:
                self.server.objects[self.key] = data
        if self.server.lose_reply_to and self.key.endswith(self.server.lose_reply_to):
            self.server.lose_reply_to = ""
            self.close_connection = True
            self.connection.close()
            return
        if copied:
            result = b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"
            self.answer(200, result)
            return
        self.answer(412 if taken else 200)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self.answer(200, self.listing({name: part[0] for name, part in query.items()}))
        elif self.key in self.server.objects:
            self.answer_part(self.server.objects[self.key])
        else:
            self.answer(404)

    def do_HEAD(self) -> None:
        found = self.server.objects.get(self.key)
        self.answer(404 if found is None else 200, found or b"", send=False)

    def do_DELETE(self) -> None:
        self.server.objects.pop(self.key, None)
        self.answer(204)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        bucket = urlsplit(self.path).path.strip("/")
        keys = [part.split("</Key>")[0] for part in body.split("<Key>")[1:]]
        for key in keys:
            self.server.objects.pop(f"/{bucket}/{key}", None)
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self.answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path)

    def answer_part(self, data: bytes) -> None:
        wanted = self.headers.get("Range")
        if wanted is None:
            self.answer(200, data)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        part = data[int(first) : int(last) + 1 if last else len(data)]
        place = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        self.answer(206, part, place=place)

    def answer(self, status: int, body: bytes = b"", *, send: bool = True, place: str = "") -> None:
        status = 403 if self.server.refuse_all else status
        self.send_response(status)
        if place:
            self.send_header("Content-Range", place)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hash(body)}"')
        self.send_header("Last-Modified", "Sat, 21 Nov 2026 06:00:00 GMT")
        self.end_headers()
        if send:
            self.wfile.write(body)

    def listing(self, query: dict[str, str]) -> bytes:
        bucket = urlsplit(self.path).path.rstrip("/")
        prefix, after = query.get("prefix", ""), query.get("start-after", "")
        with self.server.guard:
            keys = sorted(key.removeprefix(f"{bucket}/") for key in self.server.objects)
        found = [key for key in keys if key.startswith(prefix) and key > after]
        folders: set[str] = set()
        if "delimiter" in query:
            deep = [key for key in found if "/" in key[len(prefix) :]]
            folders = {prefix + key[len(prefix) :].split("/")[0] + "/" for key in deep}
            found = [key for key in found if key not in deep]
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.server.objects[f'{bucket}/{key}'])}"
            "</Size><ETag>x</ETag><LastModified>2026-11-21T06:00:00.000Z</LastModified></Contents>"
            for key in found
        )
        items += "".join(
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            for name in sorted(folders)
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode()
        )


@contextmanager
def serving() -> Iterator[ObjectServer]:
    """Serve objects while the block runs."""
    server = ObjectServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
