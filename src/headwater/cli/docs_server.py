"""The server of ``hw docs serve``: one page and two documents, for a browser on this machine.

It gives out these and nothing else of the target folder, where compiled SQL and results lie too.
"""

import json
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from headwater.base.errors import Unavailable
from headwater.cli.docs_page import make_page

DOCUMENTS = ("manifest.json", "catalog.json")


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    def __init__(self, *args: Any, folder: Path) -> None:  # noqa: ANN401 - the base class's own
        self._folder = folder
        super().__init__(*args)

    def do_GET(self) -> None:
        """Give the page or a document."""
        name = self.path.partition("?")[0].lstrip("/")
        if name in {"", "index.html"}:
            manifest, catalog = (_read(self._folder / each) for each in DOCUMENTS)
            self._give("text/html; charset=utf-8", make_page(manifest, catalog).encode())
        elif name in DOCUMENTS and (self._folder / name).is_file():
            self._give("application/json", (self._folder / name).read_bytes())
        else:
            self.send_error(404)

    def _give(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Say nothing: requests are no news."""


def open_server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Open the server; the caller runs it.

    Args:
        folder: The target folder.
        host: Address to listen at.
        port: Port; 0 for any that is free.

    Raises:
        Unavailable: ``port-taken``.
    """
    try:
        return ThreadingHTTPServer((host, port), partial(_Handler, folder=folder))
    except OSError as error:
        raise Unavailable(
            "port-taken",
            f"cannot listen at {host}:{port}",
            why=str(error),
            fix="give another port: hw docs serve --port 8081",
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
