"""Matching of venues and organisations: "ICLR'25" and "International Conference on Learning Representations 2025".

A venue may also be asked for by its kind, "conference", "journal" or "workshop", or by several: "workshop or journal".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from rag.text.names import fold_accents

_PART = re.compile(r"\d+(?:st|nd|rd|th)\b|['’]?(?<!\d)\d{2}(?!\d)|[^\W\d_]+|\d+")
_EDITION = re.compile(
    r"[\W_]*(?:\b|(?<=[a-z])|['’])(?:(?:19|20)\d\d|(?<=['’])\d\d)\b.*\Z|\s+(?:vol\w*\W*)?\d+(?!\w).*\Z", re.IGNORECASE
)
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_SMALL = frozenset("and at for in of on the to with".split())
_GENERIC = frozenset(
    "acm annual conf conference cvf demo demonstrations ieee intl international main meeting no papers pp proc"
    " proceedings symposium track usenix vol volume workshop workshops findings datasets benchmarks poster oral"
    " spotlight first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty thirtieth thirty fortieth"
    " forty fiftieth fifty sixtieth sixty".split()
)
"""Words around the name of a venue that do not distinguish it from others."""

_SPELT: dict[str, tuple[str, ...]] = {
    "aistats": ("artificial intelligence and statistics",),
    "colm": ("language modeling",),
    "coling": ("computational linguistics",),
    "colt": ("learning theory",),
    "corl": ("robot learning",),
    "eacl": ("european chapter of the association for computational linguistics",),
    "iros": ("intelligent robots and systems",),
    "kdd": ("knowledge discovery and data mining",),
    "mlsys": ("machine learning and systems",),
    "naacl": ("north american chapter of the association for computational linguistics",),
    "pnas": (
        "national academy of sciences",
        "national academy of sciences of the united states of america",
    ),
    "sigir": ("research and development in information retrieval",),
    "vldb": ("very large data bases",),
    "www": ("world wide web",),
}
"""Abbreviations that are not the initials of what they stand for."""

_KINDS: Mapping[str, re.Pattern[str]] = {
    "workshop": re.compile(r"\bworkshops?\b", re.IGNORECASE),
    "journal": re.compile(
        r"\b(?:journal|transactions|letters|annals|magazine|review|vol)\b|\b\d+\s*\(\d+\)|(?<=\s)\d{1,3},\s*\d",
        re.IGNORECASE,
    ),  # a name of one, or a volume with its issue or page
    "conference": re.compile(
        r"\b(?:conference|conf|proc|proceedings|symposium|meeting|findings)\b|[^\W\d_](?:\s?['’]\d\d|\s?\d{4}|\d\d)\b",
        re.IGNORECASE,
    ),  # a name of one, or an edition by its year
}
VENUE_KINDS = tuple(_KINDS)
"""The kinds of venues."""

_JOINT = re.compile(r"\s{0,9}(?:[,/]|\b(?:and|or)\b)\s{0,9}(?:an?\s+)?")
_ENTRY_TYPES: Mapping[str, str] = {"article": "journal", "inproceedings": "conference", "conference": "conference"}
_RENAMED = {"nips": "neurips"}
_MIN_ACRONYM_LENGTH = 3


def matches_venue(wanted: str, venue: str) -> bool:
    """Return whether `venue` is the venue asked for, in its year or volume if one is.

    Years, ordinals and words such as "Proceedings" aside, the names must be equal; one may abbreviate the other by its
    initials ("ICLR") or word by word ("Nat Commun").
    """
    asked = _parse(wanted)
    if not any(each[0] or each[1] for each in asked):
        return False
    return any(
        numbers <= theirs and _same_name(name, other) for name, numbers in asked for other, theirs in _parse(venue)
    )


def named_venue_kinds(text: str) -> tuple[str, ...]:
    """Return the kinds of venue that a text names, in the singular or plural; none where it says anything else."""
    words = [word.removesuffix("s") for word in _JOINT.split(text.strip().casefold())]
    return tuple(words) if all(word in _KINDS for word in words) else ()


def venue_kind(venue: str, entry_type: str | None = None) -> str | None:
    """Return the kind of a venue by its words, its entry's type, or how volumes and editions are written; else None."""
    if _KINDS["workshop"].search(venue):
        return "workshop"
    typed = _ENTRY_TYPES.get(entry_type or "")
    return typed or next((kind for kind, pattern in _KINDS.items() if pattern.search(venue)), None)


def edition_name(venue: str) -> str:
    """Return a venue without its year, volume and pages: "ICLR" of "ICLR'25", "SIAM Review" of "SIAM Review 60(2)"."""
    return _EDITION.sub("", venue).strip() or venue


def same_venue(one: str, other: str) -> bool:
    """Return whether two names of venues say the same."""
    return matches_venue(one, other) and matches_venue(other, one)


def venue_keys(venue: str) -> frozenset[str]:
    """Return the initials by which a venue may be written, its name if that is one word, and its numbers."""
    return frozenset().union(*(_letters(words) | numbers for words, numbers in _parse(venue)))


def asked_venue_keys(wanted: str) -> frozenset[str]:
    """Return the keys of which a venue has one, if `matches_venue` holds for it."""
    return frozenset().union(*(_letters(words) if words else numbers for words, numbers in _parse(wanted)))


def organisation_words(organisation: str) -> frozenset[str]:
    """Return the words of the name of an organisation."""
    return frozenset(re.findall(r"\w+", fold_accents(organisation)))


def matches_organisation(wanted: str, organisation: str) -> bool:
    """Return whether all words of `wanted` occur in the name of an organisation: "Google" in "Google DeepMind"."""
    asked = organisation_words(wanted)
    return bool(asked) and asked <= organisation_words(organisation)


@lru_cache(maxsize=1 << 14)
def _parse(venue: str) -> tuple[tuple[tuple[str, ...], frozenset[str]], ...]:
    """Return the names under which a venue is written, each as its words, with the numbers in all of it."""
    numbers = frozenset(_year(part) for part in _parts(venue) if part.lstrip("'’").isdigit())
    return tuple((_words(name), numbers) for name in dict.fromkeys(_written(venue)))


def _written(venue: str) -> Iterator[str]:
    """Yield the whole, the part before a comma or colon and outside of parentheses, and what is inside these."""
    yield venue
    outside = re.sub(r"\([^)]*\)?", " ", venue)
    yield outside
    yield re.split(r"[,:;]", outside)[0]
    for inside in re.findall(r"\(([^)]*)\)?", venue):
        if re.search(r"[^\W\d_]", inside):
            yield inside
    if ":" in venue:
        yield venue.partition(":")[2]


def _parts(venue: str) -> list[str]:
    return _PART.findall(fold_accents(venue))


def _words(name: str) -> tuple[str, ...]:
    words = [
        _RENAMED.get(part, part) for part in _parts(name) if not (part.lstrip("'’").isdigit() or _ORDINAL.match(part))
    ]
    return tuple(words[2:] if words[:2] == ["advances", "in"] else words)


def _same_name(one: Sequence[str], other: Sequence[str]) -> bool:
    asked, held = _core(one), _core(other)
    if not (one and other):
        return not one and bool(other)
    if asked == held or asked == [word for word in other if word not in _SMALL]:
        return True
    return _abbreviates(one, other) or _abbreviates(other, one)


def _letters(words: Sequence[str]) -> frozenset[str]:
    core, whole = _core(words), [word for word in words if word not in _SMALL]
    found = {_initials(core)}
    if len(core) == 1:
        found.update(core, *([_initials(_core(_words(spelt)))] for spelt in _SPELT.get(core[0], ())))
    while whole:
        found.add(_initials(whole))
        whole = whole[1:] if whole[0] in _GENERIC else []
    return frozenset(filter(None, found))


def _initials(words: Sequence[str]) -> str:
    initials = "".join(word[0] for word in words)
    return _RENAMED.get(initials, initials)


def _core(words: Sequence[str]) -> list[str]:
    """Return the words that distinguish a venue from others; all of its words if that is nothing."""
    words = [word for word in words if word not in _SMALL]
    return [word for word in words if word not in _GENERIC] or list(words)


def _abbreviates(short: Sequence[str], long: Sequence[str]) -> bool:
    """Return whether a name is the other's acronym, or abbreviates each of its words, of which there are several."""
    core, whole = _core(short), [word for word in long if word not in _SMALL]
    if len(core) == 1 and len(core[0]) >= _MIN_ACRONYM_LENGTH:
        if any(_same_words(_core(_words(spelt)), _core(long)) for spelt in _SPELT.get(core[0], ())):
            return True
        initials = "".join(word[0] for word in whole)
        for start in range(len(whole) - _MIN_ACRONYM_LENGTH + 1):
            if core[0] == _RENAMED.get(initials[start:], initials[start:]):
                return True
            if whole[start] not in _GENERIC:
                return False
        return False
    words = [word for word in short if word not in _SMALL]
    return (len(words) == len(whole) > 1 and _same_words(words, whole)) or (
        len(core) > 1 and _same_words(core, _core(long))
    )


def _same_words(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether each word of a name equals the other's at its place, or one abbreviates the other."""
    return len(one) == len(other) and all(_shortens(a, b) or _shortens(b, a) for a, b in zip(one, other, strict=True))


def _shortens(word: str, whole: str) -> bool:
    """Return whether a word abbreviates another as ISO 4 does, by its beginning or some of its letters."""
    if whole.startswith(word):
        return True
    letters = iter(whole)
    return word[0] == whole[0] and len(word) >= _MIN_ACRONYM_LENGTH and all(letter in letters for letter in word)


def _year(part: str) -> str:
    digits = part.lstrip("'’")
    if len(digits) != 2 or not digits.isdigit():
        return digits
    return f"{'19' if digits >= '70' else '20'}{digits}"
