"""The page of ``hw docs serve``: every node of the manifest, with its columns, as plain HTML.

One page without scripts, made anew for each request, so that it shows what was last generated.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

_STYLE = """\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
h2{border-bottom:1px solid #ccc;margin:2rem 0 .3rem}h2 small{color:#666;font-weight:normal}
table{border-collapse:collapse}td,th{padding:.1rem .8rem .1rem 0;text-align:left;vertical-align:top}
pre{background:#f4f4f4;overflow-x:auto;padding:.5rem}nav a{margin-right:.8rem}
"""
_SECTIONS = ("nodes", "sources", "exposures")
_SHOWN = frozenset({"model", "seed", "snapshot", "source", "exposure"})


def make_page(manifest: Mapping[str, Any], catalog: Mapping[str, Any]) -> str:
    """Return the page of a project.

    Args:
        manifest: manifest.json.
        catalog: catalog.json; empty when there is none.
    """
    known = {**catalog.get("nodes", {}), **catalog.get("sources", {})}
    entries = [
        entry
        for section in _SECTIONS
        for entry in manifest.get(section, {}).values()
        if entry.get("resource_type") in _SHOWN
    ]
    entries.sort(key=lambda entry: (entry["resource_type"], entry["name"]))
    metadata = manifest.get("metadata", {})
    name = escape(str(metadata.get("project_name") or "project"))
    links = " ".join(
        f'<a href="#{escape(entry["unique_id"])}">{escape(entry["name"])}</a>' for entry in entries
    )
    parts = [_entry(entry, known.get(entry["unique_id"], {}), manifest) for entry in entries]
    made = escape(str(metadata.get("generated_at", "")))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE}</style><h1>{name}</h1><p>{len(entries)} nodes, as of {made}. "
        '<a href="manifest.json">manifest.json</a> <a href="catalog.json">catalog.json</a></p>'
        f"<nav>{links}</nav>{''.join(parts)}</html>\n"
    )


def _entry(entry: Mapping[str, Any], found: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    key = entry["unique_id"]
    inputs = manifest.get("parent_map", {}).get(key, ())
    readers = manifest.get("child_map", {}).get(key, ())
    code = entry.get("compiled_code") or entry.get("raw_code")
    return "".join(
        [
            _heading(entry),
            f"<p>{escape(str(entry.get('description') or ''))}</p>",
            f"<p><code>{escape(str(entry.get('relation_name') or ''))}</code></p>",
            _columns(entry, found),
            _links("Reads", inputs),
            _links("Read by", readers),
            f"<details><summary>SQL</summary><pre>{escape(code)}</pre></details>" if code else "",
        ]
    )


def _heading(entry: Mapping[str, Any]) -> str:
    key, name, kind = (escape(entry[part]) for part in ("unique_id", "name", "resource_type"))
    return f'<h2 id="{key}">{name} <small>{kind}</small></h2>'


def _columns(entry: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    described = {name.lower(): column for name, column in (entry.get("columns") or {}).items()}
    stored = {name.lower(): column for name, column in (found.get("columns") or {}).items()}
    rows = []
    for name in {**stored, **described}:
        column, known = described.get(name, {}), stored.get(name, {})
        shown = (
            known.get("name") or column.get("name"),
            known.get("type") or column.get("data_type") or "",
            column.get("description") or known.get("comment") or "",
        )
        rows.append("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in shown) + "</tr>")
    head = "<tr><th>Column</th><th>Type</th><th>Description</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>" if rows else ""


def _links(word: str, keys: Iterable[str]) -> str:
    links = ", ".join(
        f'<a href="#{escape(key)}">{escape(".".join(key.split(".")[2:]))}</a>'
        for key in keys
        if key.partition(".")[0] in _SHOWN
    )
    return f"<p>{word}: {links}</p>" if links else ""
