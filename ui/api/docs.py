"""The API's documentation page, made from its OpenAPI schema; it loads nothing, so it works without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from ui.plain_page import plain_page

_EXAMPLES = {
    "search": "curl -G '{base}/api/search' --data-urlencode 'q=KV cache compression' -d k=5 -d since=2023",
    "ask": """curl '{base}/api/ask' -d '{{"question": "which papers cut KV-cache memory"}}'""",
    "paper": "curl '{base}/api/papers/2407.21018'",
    "status": "curl '{base}/api/status'",
}
_BASE = "http://127.0.0.1:7860"


def docs_page(schema: Mapping[str, Any]) -> str:
    """Render an OpenAPI schema as a page."""
    info = schema["info"]
    operations = [
        _operation(method, path, operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
    ]
    objects = [_schema(name, each) for name, each in schema["components"]["schemas"].items()]
    return plain_page(
        "Citedesk's HTTP API",
        f"<h1>Citedesk’s HTTP API</h1>\n<p>{escape(info['summary'])}. {_prose(info['description'])}</p>\n"
        f'<p class="muted">Version {escape(info["version"])}. For programs: '
        '<a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>\n'
        + "\n".join(operations)
        + "\n<section><h2>Objects</h2></section>\n"
        + "\n".join(objects),
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parts = [
        f'<section id="{operation["operationId"]}">\n<h2>{escape(operation["summary"])}</h2>\n'
        f"<p><code>{method.upper()} {escape(path)}</code></p>"
    ]
    if text := operation.get("description"):
        parts.append(f"<p>{_prose(text)}</p>")
    if parameters := operation.get("parameters"):
        rows = [(each["name"], _type(each["schema"]), each.get("description", ""), each.get("required", False))
                for each in parameters]  # fmt: skip
        parts.append(_table("Parameters", rows))
    if body := operation.get("requestBody"):
        said = escape(body["description"])
        parts.append(
            f"<p>The body is a JSON object: {_type(body['content']['application/json']['schema'])}. {said}</p>"
        )
    if example := _EXAMPLES.get(operation["operationId"]):
        parts.append(_box(f"<pre><code>{escape(example.format(base=_BASE))}</code></pre>", f"Example: {path}"))
    parts.append(_responses(operation["responses"]))
    return "\n".join(parts) + "\n</section>"


def _responses(responses: Mapping[str, Any]) -> str:
    items = []
    for status, response in responses.items():
        types = [_type(each["schema"]) for kind, each in response["content"].items() if kind == "application/json"]
        items.append(f"<li>{status}: {_prose(response['description'])} {' '.join(types)}</li>")
    return "<ul>" + "".join(items) + "</ul>"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        (field, _type(each), each.get("description", ""), field in required)
        for field, each in schema["properties"].items()
    ]
    text = f"<p>{_prose(schema['description'])}</p>\n" if "description" in schema else ""
    return f'<h3 id="{name}">{name}</h3>\n{text}{_table(name, rows)}'


def _table(label: str, rows: list[tuple[str, str, str, bool]]) -> str:
    """Render fields: name, type (which is HTML), description, and whether they are always present."""
    body = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td>"
        f"<td>{'always' if needed else 'optional'}</td><td>{_prose(meaning)}</td></tr>"
        for name, kind, meaning, needed in rows
    )
    head = "".join(f'<th scope="col">{text}</th>' for text in ("Name", "Type", "Present", "Meaning"))
    return _box(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", label)


def _box(content: str, label: str) -> str:
    return f'<div class="box" role="region" tabindex="0" aria-label="{escape(label)}">{content}</div>'


def _type(schema: Mapping[str, Any]) -> str:
    """Render the values that a schema admits."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if choices := schema.get("enum", [schema["const"]] if "const" in schema else None):
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in choices)
    if branches := schema.get("anyOf"):
        return " or ".join(_type(each) for each in branches)
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return escape(" or ".join(kind) if isinstance(kind, list) else kind)


def _prose(text: str) -> str:
    """Render text, with what stands between backticks as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))
