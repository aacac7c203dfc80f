"""Formats of a tag and a value a line: RIS, MEDLINE (nbib), Web of Science and EndNote (refer).

The four differ in how a tag is written and what ends a record; what they have in common is read here once, line by
line, so that dialects of RIS with other tags or without an end of record are read too. A line without a tag continues
the value before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rag.corpus.vocabulary import Entry


@dataclass(frozen=True, slots=True)
class Dialect:
    """How lines look and what the tags mean; `first` begins a record, `last` ends it."""

    name: str
    line: re.Pattern[str]
    first: str
    last: str | None
    tags: dict[str, str]


def _tags(text: str) -> dict[str, str]:
    return {tag: name for line in text.split(";") for name, *tags in [line.split()] for tag in tags}


RIS = Dialect(
    "RIS",
    re.compile(r"\s{0,3}([A-Z][A-Z0-9])\s{1,2}-(?:\s(.*)|)$"),
    "TY",
    "ER",
    _tags(
        "title TI T1 CT; abstract AB N2; authors AU A1; editor A2 ED A3; date DA PY Y1; year YR; venue JF T2 JO BT;"
        " venue_short JA J1 J2; doi DO; url UR LK L2 L1 L3; id ID; key LB; pages_or_first SP; last_page EP; volume VL;"
        " number IS; publisher PB; address CY PP; issn SN; keywords KW; note N1; entry_type TY; language LA;"
        " edition ET; series T3; accession AN; database DB; mentions M1 M3 C2 C7 U1 U2 RN; chapter SE; other ST AD"
        " Y2 L4 U3 U4 U5 DP CN CA C1 C3 C4 C5 C6 C8 AV RP M2 T4 TT TA ER DS AI WT NV"
    ),
)
MEDLINE = Dialect(
    "MEDLINE",
    re.compile(r"([A-Z]{2,4})\s{0,2}-(?:\s(.*)|)$"),
    "PMID",
    None,
    _tags(
        "title TI; original_title TT BTI; abstract AB; full_authors FAU; authors AU; corporate CN; date DP; venue JT;"
        " venue_short TA; ids LID AID; doi DOI; pmid PMID; volume VI; number IP; pages PG; issn IS; isbn ISBN;"
        " keywords OT; language LA; publisher PB; address PL; publication_type PT; other OWN STAT DCOM LR DEP AD SB"
        " MH RN CI PMC MID COIS EDAT MHDA CRDT PHST PST SO GR JID AUID FED ED CRF NM OTO GN DRDT SI CON IR FIR IRAD"
        " CTDT RF OAB OABL EIN CIN UOF"
    ),
)
WOS = Dialect(
    "Web of Science",
    re.compile(r"([A-Z][A-Z0-9])(?:\s(.*)|)$"),
    "PT",
    "ER",
    _tags(
        "title TI; abstract AB; full_authors AF; authors AU; corporate CA GP; editor BE ED; year PY; month PD;"
        " venue SO; venue_short J9 JI; doi DI D2; pmid PM; volume VL; number IS; first_page BP; last_page EP;"
        " issn SN EI; isbn BN; keywords DE; publisher PU; address PI; language LA; entry_type DT; accession UT;"
        " series SE;"
        " other PT ER FN VR EF PA C1 C3 RP EM RI OI FU FX CR NR TC Z9 U1 U2 AR PG WC SC GA OA HC HP DA ID CT CY CL"
        " SP HO BS SI SU MA EA WE"
    ),
)
REFER = Dialect(
    "EndNote",
    re.compile(r"%([0-9A-Z@!?$&~*(){}<>^+\[\]#|])(?:\s(.*)|)$"),
    "0",
    None,
    _tags(
        "title T; abstract X; authors A; editor E Y; year D; date 8; venue J B; venue_short O; doi R; url U >; id F;"
        " entry_type 0; volume V; number N; pages P; publisher I; address C; issn @; keywords K; language G; note Z;"
        " accession M; edition 7; series S; other ( ) 1 2 3 4 6 9 ? ! # $ & * + ^ [ { < | ~ L W H Q"
    ),
)

_DOI = re.compile(r"\b10\.\d{4,9}/\S+")
_LISTS = frozenset(("keywords", "authors", "full_authors", "editor", "corporate"))


def parse_tagged(lines: Iterable[str], dialect: Dialect) -> Iterator[Entry]:
    """Yield the records; lines between records are passed over."""
    entry: Entry | None = None
    name = tag = ""
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\r\n").removeprefix("\ufeff")
        match = dialect.line.match(line)
        if match and (dialect.name != "Web of Science" or not line.startswith(" ")):
            tag, value = match[1], (match[2] or "").strip()
            if tag == dialect.first:
                if entry:
                    yield _finished(entry)
                entry = Entry(number)
            if entry is None:
                continue
            if tag == dialect.last:
                yield _finished(entry)
                entry = None
                continue
            name = dialect.tags.get(tag, "")
            if not name and tag not in entry.unknown:
                entry.unknown.append(tag)
            if name:
                entry.fields.setdefault(name, []).append(value)
        elif entry and name and line.strip():
            _continue(entry, name, line.strip())
    if entry:
        yield _finished(entry)


def entry_from_tags(line: int, tagged: Iterable[tuple[str, str]], dialect: Dialect) -> Entry:
    """Return the entry of a record's tags with their values, as a table of Web of Science has them."""
    entry = Entry(line)
    for tag, text in tagged:
        name = dialect.tags.get(tag, "")
        values = text.split("; ") if name in _LISTS else [text]
        if name:
            entry.fields.setdefault(name, []).extend(values)
        elif text:
            entry.unknown.append(tag)
    return _finished(entry)


def _continue(entry: Entry, name: str, text: str) -> None:
    """Add a line without a tag to the value before it, or to a list as a further item."""
    values = entry.fields[name]
    if name in _LISTS and not (name == "keywords" and values[-1].endswith((";", ","))):
        values.append(text)
    else:
        values[-1] = f"{values[-1]} {text}".strip()


def _finished(entry: Entry) -> Entry:
    """Return the entry with what its tags say together: full names, pages, the ids of MEDLINE."""
    known = entry.fields
    for name in list(known):
        known[name] = [value for value in known[name] if value]
        if not known[name]:
            del known[name]
    names = known.pop("full_authors", None) or known.get("authors", [])
    names = [*names, *known.pop("corporate", [])]
    if names:
        known["authors"] = [names]
    for name, separator in (("keywords", "; "), ("editor", " and ")):
        if name in known:
            known[name] = [separator.join(known[name])]
    for value in known.pop("ids", []):
        if value.endswith("[doi]"):
            entry.add("doi", value.removesuffix("[doi]").strip())
    dois = filter(None, map(_DOI.search, (*known.get("doi", []), *known.get("mentions", []))))
    if doi := next(dois, None):
        known["url"] = [f"https://doi.org/{doi[0]}", *known.get("url", [])]  # the others lead into a database's session
    first, last = known.pop("pages_or_first", None), known.get("last_page")
    if first:
        known.setdefault("pages" if not last or "-" in first[0] else "first_page", first[:1])
    database = " ".join(known.pop("database", [])).casefold()
    for value in known.pop("accession", []):
        if value.isdigit() and ("medline" in database or "pubmed" in database):
            entry.add("pmid", value)
    if "title" not in known and "original_title" in known:
        known["title"] = known["original_title"]
    for name in ("original_title", "other", "publication_type"):
        known.pop(name, None)
    return entry
