"""XML of papers, parsed by defusedxml as a stream: PubMed, EndNote, arXiv's Atom and OAI, and Dublin Core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any

from rag.corpus.dates import join_date
from rag.corpus.vocabulary import Entry

Element = Any
_SCRIPTS = ("sub", "sup", "inf")


def parse_xml(open_bytes: Callable[[], IO[bytes]]) -> Iterator[Entry]:
    """Yield the records; raises ValueError where the XML is not well-formed, or declares entities."""
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    number = 0
    try:
        with open_bytes() as file:
            for _, element in iterparse(file, events=("end",)):
                read = _READERS.get(_name(element))
                entry = read(element) if read else Entry(0)
                if entry.fields:
                    number += 1
                    entry.line = number
                    yield entry
                    element.clear()
    except (ParseError, LookupError) as error:  # the second of an encoding that Python does not know
        raise ValueError(f"not well-formed XML ({error})") from None
    except DefusedXmlException:
        raise ValueError("XML with entity declarations, which are not read") from None


def _pubmed(article: Element) -> Entry:
    entry = Entry(0)
    citation = _child(article, "MedlineCitation") if _child(article, "MedlineCitation") is not None else article
    known = _child(citation, "Article")
    known = citation if known is None else known
    book = _child(known, "Book")
    entry.add(
        "title",
        _marked(_find(known, "ArticleTitle")),
        _marked(_find(book, "BookTitle")),
        *map(_marked, _find_all(known, "VernacularTitle")),
    )
    abstract = _child(known, "Abstract")
    entry.add("abstract", " ".join(_labelled(each) for each in _find_all(abstract, "AbstractText")))
    listed = _child(known, "AuthorList")
    entry.add("authors", [each for each in map(_person, _find_all(listed, "Author")) if each])
    if listed is not None and listed.get("CompleteYN") == "N":
        entry.add("authors_complete", False)
    journal = _find(known, "Journal")
    entry.add("venue", _text(_find(journal, "Title")), _text(_find(book, "BookTitle")))
    entry.add("venue_short", _text(_find(journal, "ISOAbbreviation")))
    for path in (_find(journal, "PubDate"), _find(known, "ArticleDate"), _find(book, "PubDate")):
        if path is not None:
            date = join_date(*(_text(_child(path, name)) for name in ("Year", "Month", "Day")))
            entry.add("date", date or _text(_child(path, "MedlineDate")))
    entry.add("pmid", _text(_find(citation, "PMID")))
    for each in (
        *_find_all(known, "ELocationID"),
        *_find_all(_child(_child(article, "PubmedData"), "ArticleIdList"), "ArticleId"),
    ):
        if "doi" in (each.get("EIdType"), each.get("IdType")):
            entry.add("doi", _text(each))
    for name, tag in (("volume", "Volume"), ("number", "Issue"), ("issn", "ISSN"), ("pages", "MedlinePgn")):
        entry.add(name, _text(_find(known, tag)))
    entry.add("language", _text(_find(known, "Language")))
    entry.add("keywords", "; ".join(filter(None, map(_text, _find_all(citation, "Keyword")))))
    entry.add("entry_type", "article" if book is None else "incollection")
    return entry


def _labelled(element: Element) -> str:
    label = element.get("Label") or ""
    return f"{label}: {_marked(element)}" if label and label.upper() != "UNLABELLED" else _marked(element)


def _person(author: Element) -> str | None:
    family, given = (_text(_child(author, name)) for name in ("LastName", "ForeName"))
    suffix = _text(_child(author, "Suffix"))
    collective = _text(_child(author, "CollectiveName"))
    given = given or _text(_child(author, "Initials"))
    return ", ".join(filter(None, (family, suffix, given))) if family else collective


def _endnote(record: Element) -> Entry:
    entry = Entry(0)
    titles = _child(record, "titles")
    if titles is None:
        return entry
    entry.add("title", _text(_child(titles, "title")))
    periodical = _child(record, "periodical")
    entry.add("venue", _text(_child(titles, "secondary-title")), _text(_child(periodical, "full-title")))
    contributors = _child(record, "contributors")
    entry.add("authors", [_text(each) for each in _find_all(_child(contributors, "authors"), "author")])
    editors = [_text(each) or "" for each in _find_all(_child(contributors, "secondary-authors"), "author")]
    entry.add("editor", " and ".join(filter(None, editors)))
    dates = _child(record, "dates")
    year, day = _text(_child(dates, "year")), _text(_find(_child(dates, "pub-dates"), "date"))
    entry.add("year", year)
    entry.add("date", f"{day} {year}" if year and day else None)
    kind = _child(record, "ref-type")
    entry.add("entry_type", kind.get("name") if kind is not None else None)
    names = {
        "abstract": "abstract", "doi": "electronic-resource-num", "pages": "pages", "volume": "volume",
        "number": "number", "publisher": "publisher", "isbn": "isbn", "key": "label", "note": "notes",
        "language": "language", "address": "pub-location", "edition": "edition",
    }  # fmt: skip
    for name, tag in names.items():
        entry.add(name, _text(_child(record, tag)))
    entry.add("keywords", "; ".join(filter(None, map(_text, _find_all(_child(record, "keywords"), "keyword")))))
    entry.add("url", *map(_text, _find_all(_child(_child(record, "urls"), "related-urls"), "url")))
    if "medline" in (_text(_child(record, "remote-database-name")) or "").casefold():
        entry.add("pmid", _text(_child(record, "accession-num")))
    return entry


def _atom(element: Element) -> Entry:
    entry = Entry(0)
    entry.add("title", _marked(_child(element, "title")))
    entry.add("abstract", _marked(_child(element, "summary")), _marked(_child(element, "content")))
    entry.add("authors", [_text(_child(each, "name")) for each in _find_all(element, "author")])
    entry.add("date", _text(_child(element, "published")), _text(_child(element, "updated")))
    entry.add("id", _text(_child(element, "id")))
    entry.add("doi", _text(_child(element, "doi")))
    entry.add("comments", _text(_child(element, "comment")))
    entry.add("journal_ref", _text(_child(element, "journal_ref")))
    return entry


def _arxiv(element: Element) -> Entry:
    entry = Entry(0)
    for name, tag in (("arxiv_id", "id"), ("comments", "comments"), ("doi", "doi"), ("journal_ref", "journal-ref")):
        entry.add(name, _text(_child(element, tag)))
    entry.add("title", _marked(_child(element, "title")))
    entry.add("abstract", _marked(_child(element, "abstract")))
    entry.add("date", _text(_child(element, "created")), _text(_find(element, "date")))
    people = _find_all(_child(element, "authors"), "author")
    entry.add(
        "authors",
        [
            ", ".join(
                filter(None, map(_text, (_child(each, "keyname"), _child(each, "suffix"), _child(each, "forenames"))))
            )
            for each in people
        ],
    )
    if not people:
        entry.add("authors", _text(_child(element, "authors")))
    return entry


def _dublin_core(element: Element) -> Entry:
    entry = Entry(0)
    entry.add("title", _marked(_child(element, "title")))
    entry.add("abstract", *map(_marked, _find_all(element, "description")))
    entry.add("authors", [_text(each) for each in _find_all(element, "creator")])
    entry.add("date", *map(_text, _find_all(element, "date")))
    entry.add("id", *map(_text, _find_all(element, "identifier")))
    entry.add("keywords", "; ".join(filter(None, map(_text, _find_all(element, "subject")))))
    for name in ("publisher", "language"):
        entry.add(name, _text(_child(element, name)))
    return entry


_READERS: dict[str, Callable[[Element], Entry]] = {
    "PubmedArticle": _pubmed,
    "BookDocument": _pubmed,
    "record": _endnote,
    "entry": _atom,
    "arXiv": _arxiv,
    "arXivRaw": _arxiv,
    "dc": _dublin_core,
}


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _child(element: Element, name: str) -> Element:
    return None if element is None else next((each for each in element if _name(each) == name), None)


def _find(element: Element, name: str) -> Element:
    return next(iter(_find_all(element, name)), None)


def _find_all(element: Element, name: str) -> list[Element]:
    return [] if element is None else [each for each in element.iter() if _name(each) == name]


def _text(element: Element) -> str | None:
    return None if element is None else " ".join("".join(element.itertext()).split()) or None


def _marked(element: Element) -> str:
    """Return an element's text with its superscripts and subscripts still marked, for cleaning."""
    if element is None:
        return ""
    parts = [element.text or ""]
    for each in element:
        inner = _marked(each)
        name = _name(each)
        parts += [f"<{name}>{inner.strip()}</{name}>" if name in _SCRIPTS else inner, each.tail or ""]
    return " ".join("".join(parts).replace("\u00a0", " ").split())
