"""``hw docs serve``: the project as a page, and nothing else of the target folder."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from tests.cli.conftest import Hw, write_files

from headwater.cli.docs_server import open_server


@pytest.fixture
def address(hw: Hw, project: Path) -> Iterator[str]:
    """Serve a project whose descriptions hold markup."""
    text = (
        "version: 2\nmodels: [{name: revenue, description: '<script>alert(1)</script> & more'}]\n"
    )
    write_files(project, {"models/schema.yml": text})
    assert hw("build").code == 0
    assert hw("docs", "generate").code == 0
    with open_server(project / "target", "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def read(address: str) -> str:
    with urlopen(address, timeout=10) as answer:  # noqa: S310 - our own server
        text: str = answer.read().decode()
    return text


def test_the_page_lists_nodes_with_their_columns(address: str) -> None:
    page = read(address)

    assert 'id="model.shop.revenue"' in page
    assert "<td>orders</td><td>BIGINT</td>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "<script" not in page


def test_the_two_documents_are_given(address: str) -> None:
    assert "model.shop.revenue" in json.loads(read(f"{address}/manifest.json"))["nodes"]
    assert "model.shop.revenue" in json.loads(read(f"{address}/catalog.json"))["nodes"]


@pytest.mark.parametrize(
    "path",
    ["run_results.json", "../dbt_project.yml", "compiled/shop/models/revenue.sql", "nothing"],
)
def test_nothing_else_is_given(address: str, path: str) -> None:
    with pytest.raises(HTTPError, match="404"):
        read(f"{address}/{path}")


def test_without_documents_there_is_nothing_to_serve(hw: Hw) -> None:
    ended = hw("docs", "serve", "--no-browser")

    assert ended.code == 2
    assert "HW8221" in ended.err


def test_a_port_that_is_taken_is_told(hw: Hw, address: str) -> None:
    ended = hw("docs", "serve", "--no-browser", "--port", address.rpartition(":")[2])

    assert ended.code == 4
    assert "HW8222" in ended.err
