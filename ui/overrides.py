"""What the user sets against a question, as the JSON that the page and the API send (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

from rag.errors import UsageError
from rag.types import CONSTRAINTS, Filters, Kind, Overrides

_NAMES = ("kind", "filters", "drop", "as_is")
_TYPES: Mapping[str, type] = {"least_authors": int, "most_authors": int, "code": bool}


def overrides_to_json(overrides: Overrides) -> dict[str, Any]:
    """Show what is set; what is not is left out."""
    filters = {each.name: getattr(overrides.filters, each.name) for each in fields(Filters)}
    set_filters = {name: value for name, value in filters.items() if value is not None}
    shown = {"kind": overrides.kind, "filters": set_filters, "drop": sorted(overrides.drop), "as_is": overrides.as_is}
    return {name: value for name, value in shown.items() if value}


def overrides_from_json(values: object) -> Overrides:
    """Read what is set; raises UsageError, which names what cannot be meant."""
    given = _object("overrides", values, _NAMES)
    kind, as_is, drop = given.get("kind"), given.get("as_is", False), given.get("drop", [])
    if kind is not None and kind not in get_args(Kind):
        raise UsageError(f"There is no kind {kind!r}; there are {', '.join(get_args(Kind))}.")
    if not isinstance(as_is, bool):
        raise UsageError(f"as_is is true or false, not {as_is!r}.")
    if not isinstance(drop, list) or not all(isinstance(name, str) and name in CONSTRAINTS for name in drop):
        raise UsageError(f"drop is a list of any of {', '.join(CONSTRAINTS)}, not {drop!r}.")
    return Overrides(kind, _filters(given.get("filters", {})), frozenset(drop), as_is)


def _filters(values: object) -> Filters:
    given = _object("filters", values, tuple(each.name for each in fields(Filters)))
    for name, value in given.items():
        wanted = _TYPES.get(name, str)
        if value is not None and type(value) is not wanted:
            raise UsageError(f"The filter {name} is a {wanted.__name__}, not {value!r}.")
    try:
        return Filters(**given)
    except ValueError as error:
        raise UsageError(f"The filters cannot be met: {error}.") from None


def _object(what: str, values: object, names: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(values, dict):
        raise UsageError(f"{what} is an object, not {values!r}.")
    if unknown := sorted(set(values) - set(names)):
        raise UsageError(f"{what} has no {unknown[0]!r}; it has {', '.join(names)}.")
    return values
