"""Lists of authors as files write them, as names in natural order: "Müller, Jörg" is "Jörg Müller"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rag.corpus.cleaning import clean_text, is_absent, without_braces

_SUFFIX = re.compile(r"(?:jr|sr|[ivx]{2,4}|\d(?:st|nd|rd|th)|ph\.?d|m\.?d)\.?", re.IGNORECASE)
_SUFFIX_AT_END = re.compile(r"([^,{]+), ([^,]+?),? ([JS]r\.?|II|III|IV|\d(?:st|nd|rd|th))")
_INITIALS = re.compile(r"(?:[^\W\d_a-z]\.?[\s-]?){1,4}|(?:[^\W\d_]\.[\s-]?){1,4}")
_OTHERS = re.compile(r"[\s,;]*(?:\bet\.?\s*al\b\.?|\band others\b|…|\.\.\.)\s*$", re.IGNORECASE)
_HOMONYM = re.compile(r" 0\d{3}$")  # DBLP's number of a person among those of one name
_AFFILIATION = re.compile(r"\s*\([^()]*\)")
_ORGANISATION = ("literal", "collectiveName")
_WHOLE = (
    "name",
    "display_name",
    *_ORGANISATION,
    "fullname",
    "full_name",
    "fullName",
    "raw_author_name",
    "authname",
    "creator",
    "text",
)
_FAMILY = ("family", "lastName", "last_name", "lastname", "keyname", "surname", "LastName", "last")
_GIVEN = ("given", "firstName", "first_name", "firstname", "forenames", "given_name", "given-name", "ForeName", "first")
_NESTED = ("author", "user", "person")
_NO_AUTHORS = frozenset("bookAuthor contributor editor reviewedAuthor seriesEditor translator".split())  # of Zotero
_TOP_LEVEL_AND = re.compile(r"\s+and\s+", re.IGNORECASE)


def split_bibtex_names(value: str) -> list[str]:
    """Return the names of a BibTeX field, each as written, without LaTeX; one in braces keeps them."""
    names, depth, start = [], 0, 0
    for i, character in enumerate(value):
        if character in "{}":
            depth += 1 if character == "{" else -1
        elif depth == 0 and (match := _TOP_LEVEL_AND.match(value, i)):
            names.append(value[start:i])
            start = match.end()
    names.append(value[start:])
    return [name for name in map(_bibtex_name, names) if name]


def _bibtex_name(text: str) -> str:
    text = text.strip()
    whole = text[:1] == "{" and text[-1:] == "}" and "}" not in text[1:-1] and "\\" not in text
    name = clean_text(without_braces(text))
    return f"{{{name}}}" if whole and " " in name else name


def natural_order(name: str) -> str:
    """Return a name with the family name last: "van Gogh, Vincent" is "Vincent van Gogh"; braces are removed."""
    if name.startswith("{"):
        return name.strip("{}")
    parts = [part.strip() for part in name.split(",") if part.strip()]
    if len(parts) == 3 and _SUFFIX.fullmatch(parts[1]):
        return f"{parts[2]} {parts[0]} {parts[1]}"
    if len(parts) > 1 and _SUFFIX.fullmatch(parts[-1]):
        last = parts.pop()
        return f"{natural_order(', '.join(parts))} {last}"
    if len(parts) == 2:
        return f"{parts[1]} {parts[0]}"
    return " ".join(parts)


def loses_order(name: str) -> bool:
    """Return whether a name's natural order no longer says which words are the family name."""
    family = name.partition(",")[0].strip()
    return name.startswith("{") or ("," in name and " " in family) or name.count(",") > 1


def names_of(value: Any) -> tuple[list[str], bool]:
    """Return the names in a list, in objects or in one text, and whether it says that there are more."""
    if isinstance(value, str):
        value = value.strip()
        listed = literal_list(value)
        names = split_names(value) if listed is None else listed
    elif isinstance(value, Mapping):
        names = next((value[name] for name in _NESTED if isinstance(value.get(name), list)), [value])
    else:
        names = list(value) if isinstance(value, Sequence) else []
    names = list(filter(_is_author, names)) or names
    found: list[str] = []
    more = False
    for each in names:
        name = clean_text(_name(each) or "")
        if _OTHERS.search(name) or name.casefold() == "others":
            more, name = True, "" if name.casefold() == "others" else _OTHERS.sub("", name)
        name = _HOMONYM.sub("", name.strip(" ;,*†‡"))
        if name and not is_absent(name) and any(map(str.isalpha, name)):
            at_end = _SUFFIX_AT_END.fullmatch(name)
            found.append(f"{at_end[1]}, {at_end[3]}, {at_end[2]}" if at_end else name)
    return found, more


def split_names(text: str) -> list[str]:
    """Split one text of several names: at semicolons, "and" or line ends, else at the commas that part names."""
    text = _AFFILIATION.sub("", text)
    for separator in (";", "\n", "|"):
        if separator in text:
            return [name.strip() for name in text.split(separator) if name.strip()]
    parts = [part.strip() for part in re.split(r",\s*(?:and\s+|&\s*)?|\s+(?:and|&)\s+", text) if part.strip()]
    if "," not in text or len(parts) == 1:
        return parts
    by_and = [part.strip() for part in re.split(r"\s+(?:and|&)\s+", text) if part.strip()]
    if len(by_and) > 1 and all(part.count(",") == 1 and not _is_list(part) for part in by_and):
        return by_and  # "Lee, Ann and Chen, Bo"
    given = parts[1::2]
    if len(parts) % 2 == 0 and all(_INITIALS.fullmatch(part) for part in given):
        return [f"{family}, {initials}" for family, initials in zip(parts[::2], given, strict=True)]
    if len(parts) == 2 and " " not in parts[0]:
        return [f"{parts[0]}, {parts[1]}"]
    joined: list[str] = []
    for part in parts:
        if joined and _SUFFIX.fullmatch(part):
            joined[-1] = f"{joined[-1]} {part}"
        else:
            joined.append(part)
    return joined


def split_glued(text: str) -> list[str]:
    """Split names that are joined without a separator, as Springer's tables have them: "Ann LeeBo Chen"."""
    return re.split(r"(?<=[a-zß-ÿ]{2})(?<!\bMc)(?<!\bMac)(?<!\bDe)(?<!\bLe)(?<!\bLa)(?=[A-ZÀ-Þ][^\s]*[\s.])", text)


def _is_list(part: str) -> bool:
    first, _, second = part.partition(",")
    return " " in first.strip() and " " in second.strip()


def literal_list(text: str) -> list[Any] | None:
    """Return the list that a text writes out as Python or JSON does: "['Marx, Karl', 'Lee, Ann']"."""
    value = literal(text) if text.startswith("[") and text.endswith("]") else None
    return value if isinstance(value, list) else None


def literal(text: str) -> Any:
    """Return the value that a text writes out as Python does, None for any other text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _name(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return next(_names_in_object(value), None)
    if isinstance(value, Sequence) and value and all(isinstance(part, str) for part in value):
        family, given, *suffix = [*value, ""][:3]  # as arXiv's authors_parsed
        return ", ".join(part for part in (family, *suffix, given) if part.strip())
    return None


def _is_author(value: Any) -> bool:
    return not (isinstance(value, Mapping) and str(value.get("creatorType")) in _NO_AUTHORS)


def _names_in_object(value: Mapping[str, Any]) -> Iterator[str]:
    family, given = (_first(value, names) for names in (_FAMILY, _GIVEN))
    if family:
        particle = _first(value, ("non-dropping-particle", "dropping-particle")) or ""
        suffix = _first(value, ("suffix",)) or ""
        family = f"{particle} {family}".strip()
        yield ", ".join(part for part in (family, suffix, given or "") if part)
    if whole := _first(value, _WHOLE):
        yield f"{{{whole}}}" if " " in whole and any(name in value for name in _ORGANISATION) else whole
    for name in _NESTED:
        if isinstance(inner := value.get(name), Mapping):
            yield from _names_in_object(inner)
    if given:
        yield given


def _first(value: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((text for name in names if isinstance(text := value.get(name), str) and text.strip()), None)
