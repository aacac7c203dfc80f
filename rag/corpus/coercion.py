"""Conversion of what files have in their fields to papers: a field that means nothing is dropped, never the paper.

What was dropped or changed is counted in a Tally, by the field's name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rag.corpus.cleaning import clean_abstract, clean_text, clean_title, is_absent
from rag.corpus.dates import is_ambiguous, join_date, month_number, to_date
from rag.corpus.ids import DOI, to_arxiv_id, to_doi
from rag.corpus.names import literal_list, loses_order, names_of, natural_order
from rag.corpus.records import paper_from_record
from rag.corpus.vocabulary import BIBLIOGRAPHY, ENTRY_TYPES, Entry, field_named, plain_name
from rag.types import Paper

_ARXIV_VENUE = re.compile(r"\barXiv:\s*[a-z.-]*/?\d+(?:\.\d+)?(?:v\d+)?", re.IGNORECASE)  # "arXiv preprint arXiv:…"
_DOI_URL = re.compile(r"https?://(?:dx\.|www\.)?doi\.org/", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"'`\\]+")
_HOST = re.compile(r"(?:www\.|[a-z0-9-]+(?:\.[a-z0-9-]+)+/)[^\s<>\"']*", re.IGNORECASE)
_HOST_END = re.compile(r"\.[A-Za-z]{2,}/")
_CODE_HOST = r"(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|huggingface\.co|anonymous\.4open\.science)"
_CODE = re.compile(rf"(?:https?://)?(?:www\.)?{_CODE_HOST}/[\w.-]+(?:/[\w.-]+)*/?", re.IGNORECASE)
# Repositories of research data, and the prefixes of the DOIs that they give: Zenodo, figshare, Dryad, Mendeley Data,
# Dataverse, PhysioNet, OpenNeuro, IEEE DataPort.
_DATA = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co/datasets|kaggle\.com/(?:datasets|competitions)|zenodo\.org|figshare\.com"
    r"|datadryad\.org|data\.mendeley\.com|dataverse\.[a-z.]+|physionet\.org|openneuro\.org|ieee-dataport\.org"
    r"|archive\.ics\.uci\.edu|(?:dx\.)?doi\.org/10\.(?:5281|6084|5061|17632|7910|13026|18112|21227))/[\w./?=&%-]+",
    re.IGNORECASE,
)
_PMID_URL = r"https?://(?:pubmed\.ncbi\.nlm\.nih\.gov|(?:www\.)?ncbi\.nlm\.nih\.gov/pubmed)/"
_PMID = re.compile(rf"(?:PMID:?\s*|{_PMID_URL})?(\d{{1,8}})(?:\.0)?/?", re.IGNORECASE)
_TITLE_WORDS = 12  # of an abstract that stand for a missing title
_SEPARATORS = {"editor": " and ", "keywords": "; "}
_EXTRA = re.compile(r"^(DOI|PMID|arXiv|Citation Key):\s*(\S+)\s*$", re.MULTILINE)  # Zotero's way to write more fields
_LINKS_APART = re.compile(r"[;,|]\s*(?=https?://)|\s+")
_DATABASES = frozenset("crossref datacite scopus pubmed medline med embase openalex pmc ppr".split())  # no venues
_MAX_KEYWORDS = 40


@dataclass(slots=True)
class Tally:
    """How often each field of a file was dropped or changed, and the names that are not known, in order."""

    coerced: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, None] = field(default_factory=dict)

    def dropped(self, name: str) -> None:
        """Count a value that was dropped or changed."""
        self.coerced[name] += 1


def paper_of(entry: Entry, tally: Tally) -> Paper:
    """Return the paper of an entry; raises ValueError if it has neither title nor abstract."""
    tally.unknown.update(dict.fromkeys(entry.unknown))
    return paper_from_record(record_of(entry.fields, tally))


def record_of(known: Mapping[str, list[Any]], tally: Tally) -> dict[str, Any]:
    """Return the record of a paper; raises ValueError if it has neither title nor abstract."""
    known = _with_extra(known)
    abstract = _abstract(known, tally)
    record: dict[str, Any] = {
        "title": _title(known, abstract, tally),
        "abstract": abstract,
        "date": _date(known, tally),
        "venue": _first(known, "venue", _line, tally) or _first(known, "venue_short", _line, tally),
        "organisation": _first(known, "organisation", _line, tally),
        "key": _first(known, "key", _line, tally),
        "entry_type": _entry_type(known),
        "author_count": _first(known, "author_count", _count, tally),
        "comments": _first(known, "comments", _count, tally),
        **_authors(known, tally),
        **_identifiers(known, tally),
    }
    record["bibliography"] = dict(_bibliography(known, record, tally))
    record["code"] = _first(known, "code", _link, tally) or code_in(abstract)
    record["data"] = _first(known, "data", _link, tally) or data_in(abstract)
    listed = next((each for each in known.get("pages", []) if isinstance(each, list)), [])
    record["pages"] = [clean_text(each) for each in listed if isinstance(each, str)]
    complete = known.get("authors_complete", [None])[0]
    if isinstance(complete, bool):
        record["authors_complete"] = complete
    return {name: value for name, value in record.items() if value not in (None, [], {}) or name == "abstract"}


def _with_extra(known: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """Return the fields with what the lines of a note say of further fields: "PMID: 30000001"."""
    notes = [*known.get("note", []), *(value for name, value in known.get("fields", []) if name == "note")]
    found = _EXTRA.findall("\n".join(each for each in notes if isinstance(each, str)))
    extra = {field_named(name) or "": value for name, value in found}
    own = {name: known.get(name, []) for name in extra}
    return {
        **known,
        **{name: [value, *own[name]] if name == "key" else [*own[name], value] for name, value in extra.items()},
    }


def code_in(abstract: str) -> str | None:
    """Return the address of a repository of code that stands in an abstract; None unless there is exactly one."""
    found = _addresses(_CODE, abstract)
    kept = [each for each in found if "huggingface.co/datasets" not in each.casefold()]
    return _only_link([each for each in kept if "huggingface.co" not in each.casefold()] or kept)


def data_in(abstract: str) -> str | None:
    """Return the address of data in a repository that stands in an abstract; None unless there is exactly one."""
    return _only_link(_addresses(_DATA, abstract))


def _addresses(pattern: re.Pattern[str], abstract: str) -> dict[str, None]:
    if not _HOST_END.search(abstract):  # most abstracts have no address, and this is faster
        return {}
    return dict.fromkeys(match[0].rstrip("./") for match in pattern.finditer(abstract))


def _only_link(links: Collection[str]) -> str | None:
    if len(links) != 1:
        return None
    (link,) = links
    return link if link.casefold().startswith("http") else f"https://{link}"


def _title(known: Mapping[str, list[Any]], abstract: str, tally: Tally) -> str:
    title = _first(known, "title", _line, tally)
    if title and (subtitle := _first(known, "subtitle", _line, tally)):
        title = f"{title}: {subtitle}"
    if title:
        return clean_title(title)
    if not abstract:
        raise ValueError("no title")
    tally.dropped("title")
    words = abstract.split()
    return " ".join(words[:_TITLE_WORDS]) + (" …" if len(words) > _TITLE_WORDS else "")


def _abstract(known: Mapping[str, list[Any]], tally: Tally) -> str:
    for value in known.get("abstract", []):
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            value = " ".join(value)
        elif isinstance(value, list):  # DataCite has other descriptions too
            value = next((each for each in value if _is_abstract(each)), value[0])
        if isinstance(value, Mapping):
            value = next((value[name] for name in ("value", "description", "text") if value.get(name)), None)
        if isinstance(value, str):
            if text := clean_abstract(value):
                return text
        elif value is not None and value == value:  # NaN says only that there is none
            tally.dropped("abstract")
    for index in known.get("abstract_index", []):
        if isinstance(index, Mapping):
            return clean_abstract(_from_inverted(index))
    return ""


def _is_abstract(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("descriptionType") == "Abstract"


def _from_inverted(index: Mapping[str, Any]) -> str:
    """Return the text of OpenAlex's index of an abstract: each word with its positions."""
    places = [
        (place, word)
        for word, positions in index.items()
        if isinstance(positions, list)
        for place in positions
        if isinstance(place, int)
    ]
    return " ".join(word for _, word in sorted(places))


def _date(known: Mapping[str, list[Any]], tally: Tally) -> str | None:
    dates = [value for value in known.get("date", []) if not _is_nothing(value)]
    years = [value for value in known.get("year", []) if not _is_nothing(value)]
    year = next(filter(None, map(to_date, years)), None)
    found = list(filter(None, map(to_date, dates)))
    if year and len(year) == 4:
        month = next(iter(known.get("month", [])), None)
        day = next(iter(known.get("day", [])), None)
        found = [each for each in found if each[:4] == year] + [join_date(year, month, day) or year]
    elif year:
        found.append(year)
    best = max(found, key=len, default=None) if year else next(iter(found), None)
    given = [*dates, *years]
    changed = any(isinstance(value, int | float) for value in dates)
    if given and (best is None or changed or (len(best) == 4 and any(map(is_ambiguous, dates)))):
        tally.dropped("date")
    return best


def _authors(known: Mapping[str, list[Any]], tally: Tally) -> dict[str, Any]:
    for value in (*known.get("authors", []), *known.get("first_author", [])):
        names, more = names_of(value)
        if not names:
            if not _is_nothing(value):
                tally.dropped("authors")
            continue
        if known.get("authors", [None])[0] is not value:
            more = True
        record: dict[str, Any] = {"authors": [natural_order(name) for name in names]}
        if more:
            record["authors_complete"] = False
        if any(map(loses_order, names)):
            record["authors_as_given"] = " and ".join([*names, *(["others"] if more else [])])
        return record
    return {}


def _identifiers(known: Mapping[str, list[Any]], tally: Tally) -> dict[str, Any]:
    """Return DOI, PMID, arXiv id, own id and links; an id is looked for wherever ids are written."""
    given = {name: list(_texts(known.get(name, []))) for name in ("doi", "pmid", "arxiv_id", "id", "paper_id", "url")}
    links = [*given["url"], *_texts(known.get("urls", []))]
    doi = next(filter(None, map(to_doi, (*given["doi"], *given["id"], *given["paper_id"], *given["arxiv_id"]))), None)
    if doi is None:
        doi = next((to_doi(each) for each in links if _DOI_URL.match(each) or DOI.match(each)), None)
    doi = doi or next(filter(None, map(to_doi, _texts(known.get("mentions", [])))), None)
    preprints = (match[0] for each in _texts(known.get("venue", [])) if (match := _ARXIV_VENUE.search(each)))
    written = (*given["arxiv_id"], *given["paper_id"], *given["id"], *given["doi"], *links, *preprints)
    arxiv_id = next(filter(None, map(to_arxiv_id, written)), None)
    pmids = (_PMID.fullmatch(each.strip()) for each in (*given["pmid"], *filter(_URL.match, links)))
    pmid = next((match[1] for match in pmids if match), None)
    for name, value in (("doi", doi), ("pmid", pmid), ("arxiv_id", arxiv_id)):
        if given[name] and value is None:
            tally.dropped(name)
    if doi and doi.casefold().startswith("10.48550/arxiv."):
        doi = None
    urls = list(_links(links, tally))
    if arxiv_id:
        urls = [f"https://arxiv.org/abs/{arxiv_id}" if to_arxiv_id(each) else each for each in urls] or [
            f"https://arxiv.org/abs/{arxiv_id}"
        ]
    if doi and not any((to_doi(each) or "").casefold() == doi.casefold() for each in urls):
        urls.append(f"https://doi.org/{doi}")
    if pmid and not urls:
        urls.append(f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/")
    urls = list(dict.fromkeys(urls))
    own = next((each.strip() for each in given["paper_id"] if to_arxiv_id(each) is None), None)
    if own and arxiv_id and arxiv_id not in map(to_arxiv_id, urls):  # which is else the paper's id
        urls.append(f"https://arxiv.org/abs/{arxiv_id}")
    record = {"doi": doi, "pmid": pmid, "arxiv_id": arxiv_id, "paper_id": own, "url": urls[0] if urls else None}
    if len(urls) > 1:
        record["urls"] = urls[1:]
    key = next((each for each in given["id"] if not (to_doi(each) or to_arxiv_id(each) or _URL.match(each))), None)
    if key and "key" not in known and not key.isdigit() and not key.startswith("oai:") and len(key) <= 80:
        record["key"] = clean_text(key)
    return record


def _links(values: Iterable[str], tally: Tally) -> Iterator[str]:
    for value in values:
        text = value.strip().replace("\\", "").replace("&amp;", "&")
        if DOI.fullmatch(text):
            tally.dropped("url")
        elif found := [match[0] for part in _LINKS_APART.split(text) if (match := _URL.search(part))]:
            for each in found:
                doi = to_doi(each) if _DOI_URL.match(each) else None
                yield f"https://doi.org/{doi}" if doi else each.rstrip(";,")
        elif _HOST.fullmatch(text):
            tally.dropped("url")
            yield f"https://{text}"
        elif to_arxiv_id(text) is None:
            tally.dropped("url")


def _bibliography(known: Mapping[str, list[Any]], record: dict[str, Any], tally: Tally) -> Iterator[tuple[str, str]]:
    """Yield the further fields: those of a .bib in its order, then what other formats have."""
    given = dict(known.get("fields", []))
    names = record.pop("authors_as_given", None)
    if names and "author" not in given:
        yield "author", names
    for name, value in given.items():
        if isinstance(value, str) and (kept := clean_text(value)):
            yield clean_text(name), kept
    if "bibtex_type" in known:
        yield from _unread_date(known, record)
    pages = dict.fromkeys(filter(None, (_first(known, name, _line, tally) for name in ("first_page", "last_page"))))
    if pages and "pages" not in known:
        yield "pages", "–".join(pages)
    for name in sorted(BIBLIOGRAPHY - given.keys()):
        values = (each for each in known.get(name, []) if not (isinstance(each, list) and name == "pages"))
        if text := next(filter(None, (_joined(each, _SEPARATORS.get(name, ", ")) for each in values)), None):
            yield name, text
    comment = next((each for each in _texts(known.get("comments", [])) if _count(each) is None), None)
    if comment and "note" not in known and "note" not in given:
        yield "note", clean_text(comment)
    if "journal_ref" in known and (text := _joined(known["journal_ref"][0], ", ")):
        yield "journal-ref", text


def _unread_date(known: Mapping[str, list[Any]], record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the month and day of a BibTeX entry that are no part of its date, such as {21-23}."""
    date = record.get("date") or ""
    for name, length in (("month", 7), ("day", 10)):
        for value in known.get(name, []):
            if len(date) < length or (name == "month" and str(month_number(value)).zfill(2) != date[5:7]):
                yield name, clean_text(str(value))


def _entry_type(known: Mapping[str, list[Any]]) -> str | None:
    if "bibtex_type" in known:
        return clean_text(str(known["bibtex_type"][0]))
    given = (part for value in _texts(known.get("entry_type", [])) for part in re.split("[;,]", value))
    return next(filter(None, (ENTRY_TYPES.get(plain_name(each)) for each in given)), None)


def _first(known: Mapping[str, list[Any]], name: str, convert: Callable[[Any], Any], tally: Tally) -> Any:
    """Return the first value of a field that converts; count the field if there are values, but none does."""
    lost = False
    for value in known.get(name, []):
        if _is_nothing(value):
            continue
        converted = convert(value)
        if converted is not None:
            return converted
        lost = True
    if lost:
        tally.dropped(name)
    return None


def _is_nothing(value: Any) -> bool:
    return (
        value is None
        or value != value
        or (isinstance(value, str) and (is_absent(value) or value.casefold() in _DATABASES))
    )


def _line(value: Any) -> str | None:
    """Return a text on one line; of a list, its first text."""
    if isinstance(value, list):
        return next(filter(None, map(_line, value)), None)
    if isinstance(value, Mapping):
        value = next(
            (
                value[name]
                for name in ("name", "title", "value", "display_name", "tag")
                if isinstance(value.get(name), str)
            ),
            None,
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    text = clean_text(value) if isinstance(value, str) else ""
    return None if is_absent(text) else text


def _joined(value: Any, separator: str) -> str | None:
    """Return a value as one text; a list's texts joined."""
    if isinstance(value, str) and (items := literal_list(value)) is not None:
        value = items
    if isinstance(value, list):
        items = value[:_MAX_KEYWORDS]
        names = names_of(items)[0] if separator == " and " else [text for each in items if (text := _line(each))]
        return separator.join(names) or None
    return None if _is_nothing(value) else _line(value)


def _count(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value == value and value.is_integer():
        value = int(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()):
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 1 << 53 else None


def _link(value: Any) -> str | None:
    text = next(iter(_texts([value])), "").strip()
    if match := _URL.search(text):
        return match[0]
    return f"https://{text}" if _HOST.fullmatch(text) else None


def _texts(values: Iterable[Any]) -> Iterator[str]:
    """Yield the texts in values, in lists and in objects that have an address."""
    for value in values:
        if isinstance(value, str):
            if not is_absent(value):
                yield value.encode(errors="replace").decode()  # JSON can hold half of a surrogate pair
        elif isinstance(value, int) and not isinstance(value, bool):
            yield str(value)
        elif isinstance(value, float) and value.is_integer():
            yield str(int(value))
        elif isinstance(value, list):
            yield from _texts(value)
        elif isinstance(value, Mapping):
            yield from _texts(each for name in ("url", "URL", "href", "value") if (each := value.get(name)))
