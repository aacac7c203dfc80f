"""The names of fields in files of papers, and what they are called here.

A name is compared without case, spaces and punctuation: "Document Title" is "documenttitle". A field of a nested object
has the names of both: "externalIds.DOI" is "externalidsdoi".
"""

from __future__ import annotations

import hashlib
import marshal
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_SPELLINGS = {
    "title": (
        "title documenttitle articletitle itemtitle papertitle primarytitle papername displayname dctitle titles ti"
    ),
    "subtitle": "subtitle",
    "abstract": (
        "abstract abstractnote abstracttext summary notesabstract dcdescription prismteaser abstracts abstractp ab"
        " description descriptions"
    ),
    "abstract_index": "abstractinvertedindex",
    "authors": (
        "authorsparsed authorships authorsfullnames authorfullnames fullauthornames authors author authornames"
        " firstauthors creators creator dccreator authorlist authorname au authorstring"
    ),
    "first_author": "firstauthor",
    "date": (
        "date publicationdate pubdate issued published publishedprint publishedonline dateissued coverdate"
        " prismcoverdate publisheddate publishedat datepublished versionscreated created createddate issuedate"
        " onlinedate publishdate submitteddate submissiondate dcdate entrydate firstpublicationdate preprintdate"
    ),
    "year": "year publicationyear pubyear publishedyear yearpublished publicationinfoyear py publishyear",
    "month": "month publicationmonth",
    "day": "day",
    "venue": (
        "journal journaltitle venue journalname journalbook containertitle publicationtitle sourcetitle booktitle"
        " source conference conferencename primarylocationsourcedisplayname hostvenuedisplayname secondarytitle"
        " prismpublicationname publicationname proceedingstitle eventtitle contentvenue publicationinfojournaltitle"
        " journalstitle publication so"
    ),
    "venue_short": "journalabbreviation shortjournal containertitleshort alternatetitle1",
    "doi": "doi digitalobjectidentifier itemdoi externalidsdoi idsdoi prismdoi articledoi dois doilink di",
    "pmid": "pmid pubmedid externalidspubmed idspmid pubmed pm mid",
    "arxiv_id": "arxivid arxiv externalidsarxiv arxiveprints eprint",
    "id": "id paperid1 recordid",
    "paper_id": "paperid",
    "url": (
        "url link urls weburl absurl entryid landingpageurl primarylocationlandingpageurl pdflink pdf pdfurl"
        " openaccesspdfurl bestoalocationpdfurl fulltexturl htmlurl site openreview projectpage paperurl"
        " resourceprimaryurl ur dcidentifier electronicedition ee primarylocationpdfurl downloadurl articleurl"
        " customurls"
    ),
    "code": "code codeurl github githuburl githubrepo repository coderepository codelink repo",
    "data": "data dataurl datalink dataseturl datasetlink",
    "comments": "comments comment numcomments arxivcomment",
    "author_count": "authorcount authornum numauthors",
    "authors_complete": "authorscomplete",
    "organisation": "organisation organization organizationfullname organizationname",
    "key": "key citationkey citekey bibtexkey citationlabel betterbibtexkey",
    "entry_type": (
        "entrytype type documenttype publicationtype publicationtypes typeofreference itemtype contenttype"
        " referencetype publicationtypedisplay subtypedescription pubtypelistpubtype typesresourcetypegeneral"
    ),
    "bibtex": "bibtex citationstylesbibtex",
    "pages": "pages page pagerange bibliopages journalpages articlepages pageinfo prismpagerange",
    "first_page": "startpage firstpage pagestart bibliofirstpage",
    "last_page": "endpage lastpage pageend bibliolastpage",
    "volume": "volume journalvolume bibliovolume journalinfovolume prismvolume vol vl",
    "number": "number issue journalissue biblioissue issuenumber journalinfoissue prismissueidentifier",
    "publisher": "publisher publishername dcpublisher",
    "editor": "editor editors secondaryauthors",
    "issn": "issn issns issnl eissn isbnissn journalissn prismissn",
    "isbn": "isbn isbns",
    "keywords": (
        "keywords authorkeywords keyword authorkeyword tags subject dcsubject manualtags indexkeywords de authkeywords"
        " keywordlistkeyword"
    ),
    "series": "series bookseriestitle seriestitle collectiontitle",
    "address": "address placepublished publisherplace place publisherlocation",
    "language": "language langid languageoforiginaldocument la",
    "note": "note notes extra",
    "edition": "edition",
    "school": "school university",
    "institution": "institution",
    "chapter": "chapter",
    "categories": "categories primarycategory",
    "journal_ref": "journalref",
}
_FIELDS = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_RANKS = {
    spelling: rank for spellings in _SPELLINGS.values() for rank, spelling in enumerate(spellings.split())
}  # of several spellings of a field in one record, the first of the list counts

BIBLIOGRAPHY = frozenset(
    "pages volume number publisher editor issn isbn keywords series address language note edition school institution"
    " chapter".split()
)
"""The fields that are kept under their BibTeX names."""

ENTRY_TYPES = {
    spelling: name
    for name, spellings in {
        "article": (
            "article jour journalarticle articlejournal articlemagazine articlenewspaper journal review letter"
            " editorial note erratum jfull mgzn news ejour inpress articleinpress shortsurvey ieeejournals"
            " ieeemagazines ieeejournalsmagazines earlyaccessarticles magazinearticle newspaperarticle abst"
            " meetingabstract"
            " dataarticle comment"
        ),
        "inproceedings": (
            "inproceedings conference conf cpaper paperconference conferencepaper proceedingsarticle proceedingspaper"
            " ieeeconferences ieeeconferencepublication conferenceproceedings"
        ),
        "incollection": "incollection chap chapter bookchapter booksection echap referenceentry entryencyclopedia ency",
        "book": "book ebook monograph editedbook referencebook wholebook edbook",
        "proceedings": "proceedings conferencereview",
        "phdthesis": "phdthesis thes dissertation doctoralthesis",
        "mastersthesis": "mastersthesis",
        "techreport": "techreport rprt report reportcomponent",
        "unpublished": "unpublished unpb manuscript",
        "online": "online elec webpage website blog postweblog blogpost icomm web",
        "misc": "misc gen generic preprint postedcontent other electronic document",
        "dataset": "dataset data",
        "software": "software program computerprogram",
        "inbook": "inbook",
        "booklet": "booklet pamphlet pamp",
        "manual": "manual",
        "periodical": "periodical",
        "collection": "collection editedvolume",
        "patent": "patent pat",
        "thesis": "thesis",
    }.items()
    for spelling in spellings.split()
}
"""The BibTeX word for what a record says was published, by the spelling of RIS, CSL, Crossref, Scopus and others."""


@dataclass(slots=True)
class Entry:
    """A record as a file has it: its line, each field's values in order of preference, and the names of the unknown."""

    line: int
    fields: dict[str, list[Any]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def add(self, name: str, *values: Any) -> None:
        """Add values of a field, save those that are empty."""
        kept = [value for value in values if value not in (None, "", [], {})]
        if kept:
            self.fields.setdefault(name, []).extend(kept)

    @property
    def key(self) -> bytes:
        """The hash of all but the line."""
        return hashlib.sha256(marshal.dumps((self.fields, self.unknown), 2)).digest()

    def entries(self) -> Iterable[Entry]:
        """Return this entry."""
        return (self,)


def entry_from_named(line: int, named: Iterable[tuple[str, Any]]) -> Entry:
    """Return the entry of a record whose fields have names or headings."""
    entry = Entry(line)
    known = []
    for name, value in named:
        if value in (None, "", [], {}):
            continue
        spelling = plain_name(name)
        if spelling not in _FIELDS and name.count(".") > 1:  # "journalInfo.journal.title"
            spelling = plain_name(".".join(name.split(".")[-2:]))
        if spelling in _FIELDS:
            known.append((_RANKS[spelling], _FIELDS[spelling], value))
        else:
            entry.unknown.append(name)
    for _, name, value in sorted(known, key=lambda each: each[0]):
        entry.add(name, value)
    return entry


def field_named(name: str) -> str | None:
    """Return the field that a name or heading stands for."""
    return _FIELDS.get(plain_name(name))


def plain_name(name: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", name).casefold()
