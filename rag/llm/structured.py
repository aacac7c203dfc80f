"""JSON in a model's reply (pure): found, and held against a schema loosely."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def first_object(text: str, schema: Mapping[str, Any]) -> str | None:
    """Give the first JSON object in a text that obeys a schema, as it stands there; None where there is none."""
    decoder = json.JSONDecoder(strict=False)
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            value, end = None, start
        if isinstance(value, dict) and obeys(value, schema):
            return text[start:end]
        start = text.find("{", start + 1)
    return None


def obeys(value: Any, schema: Mapping[str, Any]) -> bool:
    """Tell whether a value has the types, the required members and the enumerated values of a schema.

    Other keywords are not looked at, and members that the schema does not name are let through.
    """
    if "enum" in schema and value not in schema["enum"]:
        return False
    if not _is(value, schema.get("type")):
        return False
    if isinstance(value, dict):
        named = schema.get("properties", {})
        return all(name in value for name in schema.get("required", ())) and all(
            obeys(value[name], inner) for name, inner in named.items() if name in value
        )
    if isinstance(value, list):
        return all(obeys(each, schema.get("items", {})) for each in value)
    return True


def _is(value: Any, kind: Any) -> bool:
    kinds = kind if isinstance(kind, list | tuple) else (kind,) if kind else ()
    if isinstance(value, bool):
        return not kinds or "boolean" in kinds
    return not kinds or any(isinstance(value, _TYPES.get(each, object)) for each in kinds)
