"""One small file of each format, as programs write it, and what is read of it."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rag.corpus.reader import Corpus, read_corpus
from rag.errors import CorpusError
from rag.types import Paper

ABSTRACT = "We measure how widgets age."
BIB = r"""% Encoding: UTF-8
@string{jw = "Journal of " # "Widgets"}
@ARTICLE{ doe2020,
Author = {Doe, Ana and {D{\'\i}az}, Camila and {World Bank}},
Title = {{{Ageing}} of widgets \& gears: 5\,\% a year},
Journal = jw, Year = {2020}, Month = jul, Volume = {3}, Pages = {1--9},
abstract = "We measure how {W}idgets age.", doi = {https://doi.org/10.1000/W.1}, eprint = {2001.00001},
archivePrefix = {arXiv}, file = {a.pdf:/home/me/a.pdf:application/pdf},
}
@article{doe2020, title = {A key that is used twice}, title = {ignored}, year = 2019 }
@inproceedings{broken, title = {Never closed,
@misc{x, title = {After it}, month = {Spring}, date = {2011-05}, day = {21-23}}
@comment{jabref-meta: x}
"""
RIS = """Record #1 of 2
1.
TY  - JOUR
T1  - Ageing of widgets
A1  - Doe, Ana
AU  - Díaz, Camila
Y1  - 2020/07//
N2  - We measure
how widgets age.
KW  - Widgets
Gears
JF  - Journal of Widgets
SP  - 1
EP  - 9
UR  - http://db.example.org/session?id=7
DO  - 10.1000/w.1
ZZ  - what
ER  -

TY - CONF
TI - Without an end of record
"""
NBIB = """
PMID- 30000001
TI  - Ageing of
      widgets.
AB  - BACKGROUND: We measure how widgets age.
FAU - Doe, Ana
AU  - Doe A
CN  - Widget Group
DP  - 2020 Jul-Aug
JT  - Journal of Widgets
AID - S000 [pii]
AID - 10.1000/w.1 [doi]
"""
WOS = """\ufeffFN Clarivate Analytics Web of Science
VR 1.0
PT J
AU Doe, A
   Diaz, C
AF Doe, Ana
   Diaz, Camila
TI AGEING OF
   WIDGETS
AB We measure how widgets age.
SO JOURNAL OF WIDGETS
PY 2020
PD JUL
DI 10.1000/w.1
ER

EF
"""
REFER = """%0 Journal Article
%T Ageing of widgets
%A Doe, Ana
%D 2020
%J Journal of Widgets
%X We measure how widgets age.
%R 10.1000/w.1
"""
PUBMED = """<?xml version="1.0"?><!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD" "x.dtd"><PubmedArticleSet>
<PubmedArticle><MedlineCitation><PMID>30000001</PMID><Article><Journal><JournalIssue><Volume>3</Volume><PubDate><Year>2020</Year>
<Month>Jul</Month></PubDate></JournalIssue><Title>Journal of Widgets</Title></Journal>
<ArticleTitle>Ageing of H<sub>2</sub> widgets.</ArticleTitle>
<Abstract><AbstractText Label="METHODS">We measure how <i>widgets</i> age.</AbstractText></Abstract>
<AuthorList><Author><LastName>Doe</LastName><ForeName>Ana</ForeName></Author><Author><CollectiveName>Widget Group
</CollectiveName></Author></AuthorList></Article></MedlineCitation><PubmedData><ArticleIdList><ArticleId IdType="doi">
10.1000/w.1</ArticleId></ArticleIdList><ReferenceList><Reference><ArticleIdList><ArticleId IdType="doi">10.1000/other
</ArticleId></ArticleIdList></Reference></ReferenceList></PubmedData></PubmedArticle></PubmedArticleSet>"""
ENDNOTE = """<xml><records><record><ref-type name="Journal Article">17</ref-type><contributors><authors><author>
<style face="normal">Doe, Ana</style></author></authors></contributors><titles><title><style>Ageing of </style>
<style face="italic">widgets</style></title><secondary-title>Journal of Widgets</secondary-title></titles><dates>
<year><style>2020</style></year></dates><abstract><style>We measure how widgets age.</style></abstract>
<electronic-resource-num>10.1000/w.1</electronic-resource-num></record></records></xml>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>query</title><entry><id>http://arxiv.org/abs/2001.00001v2</id>
<published>2020-07-01T00:00:00Z</published><title>Ageing of widgets</title><summary> We measure how
widgets age. </summary><author><name>Ana Doe</name></author></entry></feed>"""
OAI = """<OAI-PMH><ListRecords><record><metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>2001.00001</id><created>
2020-07-01</created><authors><author><keyname>Doe</keyname><forenames>Ana</forenames></author></authors>
<title>Ageing of widgets</title><abstract>We measure how widgets age.</abstract></arXiv></metadata></record>
</ListRecords></OAI-PMH>"""
SCOPUS = '\ufeffAuthors,Title,Year,Source title,DOI,Abstract\n"Doe A., Díaz C.",Ageing of widgets,2020,"J, of Widgets",\
10.1000/w.1,"We measure how widgets age. © 2020 Widget Press."\n"Roe A.",Other,2021,J,,[No abstract available]\n'
SPRINGER = "Item Title,Item DOI,Authors,Publication Year\nAgeing of widgets,10.1000/w.1,Ana DoeCamila Díaz,2020\n"
MARKDOWN = """# Papers
|Publish Date|Title|Authors|PDF|Code|
|---|---|---|---|---|
|**2020-07-01**|**Ageing | of widgets**|Ana Doe et.al.|[2001.00001](http://arxiv.org/abs/2001.00001)|\
**[link](https://github.com/a/b)**|
"""
RECORDS: dict[str, Any] = {
    "csl": {
        "id": "doe20",
        "title": "Ageing of <i>widgets</i>",
        "abstract": ABSTRACT,
        "issued": {"date-parts": [[2020, 7]]},
        "author": [{"family": "Doe", "given": "Ana"}],
        "type": "article-journal",
        "DOI": "10.1000/w.1",
    },
    "semantic scholar": {
        "paperId": "ab12",
        "externalIds": {"DOI": "10.1000/w.1", "ArXiv": "2001.00001"},
        "year": 2020,
        "title": "Ageing of widgets",
        "authors": [{"name": "Ana Doe"}],
        "abstract": ABSTRACT,
        "venue": "",
    },
    "openalex": {
        "id": "https://openalex.org/W1",
        "display_name": "Ageing of widgets",
        "publication_date": "2020-07-01",
        "doi": "https://doi.org/10.1000/w.1",
        "authorships": [{"author": {"display_name": "Ana Doe"}}],
        "abstract_inverted_index": {"We": [0], "measure": [1], "how": [2], "widgets": [3], "age.": [4]},
    },
    "crossref": {
        "title": ["Ageing of widgets"],
        "DOI": "10.1000/w.1",
        "author": [{"family": "Doe", "given": "Ana"}],
        "abstract": f"<jats:p>{ABSTRACT}</jats:p>",
        "published-print": {"date-parts": [[2020, 7]]},
        "indexed": {"date-time": "2024-11-19T15:53:33Z"},
        "container-title": ["Journal of Widgets"],
    },
    "kaggle": {
        "id": "2001.00001",
        "title": "Ageing of\n  widgets",
        "abstract": f"  {ABSTRACT}\n",
        "authors": "A. Doe",
        "authors_parsed": [["Doe", "Ana", ""]],
        "versions": [{"created": "Wed, 1 Jul 2020 19:18:42 GMT"}],
    },
    "daily papers": {
        "paper": {
            "id": "2001.00001",
            "title": "Ageing of widgets",
            "summary": ABSTRACT,
            "authors": [{"name": "Ana Doe", "hidden": False}],
        },
        "title": "Ageing",
        "numComments": 2,
    },
    "paperlists": {
        "title": "Ageing of widgets",
        "author": "Ana Doe;Camila Díaz",
        "abstract": ABSTRACT,
        "status": "Poster",
        "site": "https://openreview.net/forum?id=x",
        "github": "",
        "bibtex": "@inproceedings{x, year={2020}}",
    },
    "openreview": {
        "id": "x",
        "content": {
            "title": {"value": "Ageing of widgets"},
            "abstract": {"value": ABSTRACT},
            "authors": {"value": ["Ana Doe"]},
        },
    },
    "zotero api": {
        "key": "ABCD2345",
        "meta": {"parsedDate": "2020-07"},
        "data": {
            "itemType": "journalArticle",
            "title": "Ageing of widgets",
            "creators": [
                {"creatorType": "editor", "firstName": "Ed", "lastName": "Itor"},
                {"creatorType": "author", "firstName": "Ana", "lastName": "Doe"},
            ],
            "abstractNote": ABSTRACT,
            "publicationTitle": "Journal of Widgets",
            "date": "July 2020",
            "DOI": "",
            "extra": "PMID: 30000001\nCitation Key: doe20",
            "tags": [{"tag": "widgets"}, {"tag": "age", "type": 1}],
        },
    },
    "scopus api": {
        "prism:url": "https://api.example.org/abstract/85",
        "dc:title": "Ageing of widgets",
        "dc:creator": "Doe A.",
        "dc:description": f"{ABSTRACT} © 2020",
        "prism:publicationName": "Journal of Widgets",
        "prism:volume": "3",
        "prism:coverDate": "2020-07-01",
        "prism:doi": "10.1000/w.1",
        "author": [{"authname": "Doe A.", "surname": "Doe", "given-name": "Ana"}],
    },
    "europe pmc": {
        "id": "30000001",
        "source": "MED",
        "pmid": "30000001",
        "title": "Ageing of widgets.",
        "authorString": "Doe A.",
        "authorList": {"author": [{"firstName": "Ana", "lastName": "Doe"}, {"collectiveName": "Widget Group"}]},
        "journalInfo": {"volume": "3", "journal": {"title": "Journal of Widgets"}},
        "pubYear": "2020",
        "abstractText": f"<h4>Aims</h4>{ABSTRACT}",
    },
    "datacite": {
        "id": "10.5281/zenodo.1",
        "attributes": {
            "doi": "10.5281/zenodo.1",
            "titles": [{"title": "Ageing of widgets"}],
            "creators": [{"name": "Doe, Ana", "givenName": "Ana", "familyName": "Doe"}],
            "publicationYear": 2020,
            "descriptions": [
                {"description": "Version 2", "descriptionType": "Other"},
                {"description": ABSTRACT, "descriptionType": "Abstract"},
            ],
        },
    },
    "inspire": {
        "id": "1",
        "metadata": {
            "titles": [{"title": "Ageing of widgets", "source": "arXiv"}],
            "abstracts": [{"value": ABSTRACT, "source": "arXiv"}],
            "authors": [{"full_name": "Doe, Ana"}],
            "arxiv_eprints": [{"value": "2001.00001"}],
            "publication_info": [{"journal_title": "J.Widgets", "year": 2020}],
        },
    },
    "springer api": {
        "title": "Ageing of widgets",
        "creators": [{"creator": "Doe, Ana"}],
        "abstract": {"h1": "Abstract", "p": ABSTRACT},
        "publicationDate": "2020-07-01",
    },
    "daily arxiv": {
        "id": "2001.00001",
        "title": "Ageing of widgets",
        "authors": ["Ana Doe"],
        "summary": ABSTRACT,
        "comment": "Accepted",
    },
}


def read(path: Path, content: str | bytes) -> Corpus:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_corpus([path], 2025)


def first(path: Path, content: str | bytes) -> Paper:
    return read(path, content).papers[0]


def test_bibtex_is_read_with_its_keys_types_and_further_fields(tmp_path: Path) -> None:
    corpus = read(tmp_path / "any.name", BIB)
    paper, twice, after = corpus.papers
    assert (paper.title, paper.abstract) == ("Ageing of widgets & gears: 5 % a year", ABSTRACT.replace("wid", "Wid"))
    assert paper.authors == ("Ana Doe", "Camila Díaz", "World Bank")
    assert (paper.key, paper.entry_type, paper.date) == ("doe2020", "article", "2020-07")
    assert (paper.paper_id, paper.doi, paper.venue) == ("2001.00001", "10.1000/W.1", "Journal of Widgets")
    assert dict(paper.bibliography) == {
        "author": "Doe, Ana and Díaz, Camila and {World Bank}",
        "volume": "3",
        "pages": "1–9",
        "file": "a.pdf:/home/me/a.pdf:application/pdf",
    }
    assert (twice.title, twice.date, twice.key) == ("A key that is used twice", "2019", "doe2020")
    assert (after.date, dict(after.bibliography)) == ("2011-05", {"month": "Spring", "day": "21-23"})
    assert [problem.line for problem in corpus.problems] == [11]


@pytest.mark.parametrize(
    ("name", "text", "date"),
    [
        ("RIS", RIS, "2020-07"),
        ("MEDLINE", NBIB, "2020-07"),
        ("Web of Science", WOS, "2020-07"),
        ("EndNote", REFER, "2020"),
        ("XML", PUBMED, "2020-07"),
        ("XML", ENDNOTE, "2020"),
        ("CSV", SCOPUS, "2020"),
    ],
)
def test_databases_exports_are_recognised_by_their_content(tmp_path: Path, name: str, text: str, date: str) -> None:
    corpus = read(tmp_path / "savedrecs.txt", text)
    paper = corpus.papers[0]
    assert (corpus.files[0].format, corpus.problems) == (name, ())
    assert paper.title.lower().replace("h₂ ", "") == "ageing of widgets"
    assert (paper.abstract, paper.date, paper.doi) == (ABSTRACT, date, "10.1000/w.1")
    assert paper.authors[0] in ("Ana Doe", "Doe A.")
    assert (paper.venue or "").replace(",", "").lower() in ("journal of widgets", "j of widgets")
    assert paper.url == "https://doi.org/10.1000/w.1"


def test_ris_keeps_lists_pages_and_a_record_that_does_not_end(tmp_path: Path) -> None:
    corpus = read(tmp_path / "a.ris", RIS)
    known = dict(corpus.papers[0].bibliography)
    assert (known["keywords"], known["pages"]) == ("Widgets; Gears", "1–9")
    assert corpus.papers[0].urls == ("http://db.example.org/session?id=7",)
    assert (corpus.papers[1].title, corpus.papers[1].entry_type) == ("Without an end of record", "inproceedings")
    assert corpus.files[0].unknown == ("ZZ",)


@pytest.mark.parametrize("text", [ATOM, OAI])
def test_arxivs_xml_gives_the_id_and_the_first_day(tmp_path: Path, text: str) -> None:
    paper = first(tmp_path / "arxiv.xml", text)
    assert (paper.paper_id, paper.url) == ("2001.00001", "https://arxiv.org/abs/2001.00001")
    assert (paper.title, paper.abstract, paper.date) == ("Ageing of widgets", ABSTRACT, "2020-07-01")
    assert paper.authors == ("Ana Doe",)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("form", ["array", "lines", "object", "one"])
def test_json_of_any_program_is_read_in_any_form(tmp_path: Path, name: str, form: str) -> None:
    record = RECORDS[name]
    texts = {
        "array": json.dumps([record], indent=1),
        "lines": f"{json.dumps(record)}\n\n{json.dumps(record)}\n",
        "object": json.dumps({"status": "ok", "message": {"items": [record]}}),
        "one": json.dumps(record, indent=2),
    }
    corpus = read(tmp_path / "papers", texts[form])
    (paper,) = corpus.papers
    assert (paper.title, paper.abstract) == ("Ageing of widgets", ABSTRACT)
    assert paper.authors[0] == "Ana Doe"
    assert corpus.problems == ()
    assert (paper.date or "")[:4] == ("" if name == "openreview" else "2020")


def test_zoteros_items_give_authors_ids_and_tags_and_no_attachments(tmp_path: Path) -> None:
    attached = {
        "key": "PDF1",
        "data": {"itemType": "attachment", "title": "Full Text PDF", "url": "https://a.org/x.pdf"},
    }
    (paper,) = read(tmp_path / "items.json", json.dumps([RECORDS["zotero api"], attached])).papers
    assert (paper.authors, paper.date, paper.pmid, paper.key) == (("Ana Doe",), "2020-07", "30000001", "doe20")
    assert (paper.entry_type, dict(paper.bibliography)["keywords"]) == ("article", "widgets; age")


def test_arxiv_id_is_found_in_the_name_of_a_journal(tmp_path: Path) -> None:
    paper = first(tmp_path / "scholar.ris", "TY  - JOUR\nT1  - Ageing\nJO  - arXiv preprint arXiv:2001.00001\nER  - \n")
    assert (paper.paper_id, paper.url) == ("2001.00001", "https://arxiv.org/abs/2001.00001")


def test_nested_records_give_venue_volume_and_link(tmp_path: Path) -> None:
    papers = [first(tmp_path / "a.json", json.dumps([RECORDS[name]])) for name in ("scopus api", "europe pmc")]
    assert [paper.venue for paper in papers] == ["Journal of Widgets"] * 2
    assert [dict(paper.bibliography)["volume"] for paper in papers] == ["3", "3"]
    assert [paper.url for paper in papers] == [
        "https://doi.org/10.1000/w.1",
        "https://pubmed.ncbi.nlm.nih.gov/30000001/",
    ]
    assert papers[1].authors == ("Ana Doe", "Widget Group")


def test_conference_of_a_bibtex_entry_is_no_place(tmp_path: Path) -> None:
    text = """@inproceedings{a, title={Ageing}, venue={Berlin}, eventtitle={Widgets 20}, crossref={p}}
    @proceedings{p, title={Proceedings of Widgets}, year={2020}}
    @inproceedings{b, title={Rust}, venue={Paris}, eventtitle={Rust 21}}"""
    ageing, _, rust = read(tmp_path / "a.bib", text).papers
    assert (ageing.venue, ageing.date) == ("Proceedings of Widgets", "2020")
    assert (rust.venue, dict(rust.bibliography)) == ("Rust 21", {"venue": "Paris"})


def test_entry_without_a_key_is_nobodys_parent(tmp_path: Path) -> None:
    text = "@article{ , title={Blank}, year={2004}}\n@article{a, title={Ageing}, year={2020}}"
    blank, ageing = read(tmp_path / "a.bib", text).papers
    assert (blank.title, blank.key, blank.date) == ("Blank", None, "2004")
    assert (ageing.venue, ageing.date) == (None, "2020")


def test_pubmeds_books_and_incomplete_lists_of_authors_are_read(tmp_path: Path) -> None:
    book = """<PubmedBookArticle><BookDocument><PMID>9</PMID><Book><BookTitle>Handbook</BookTitle><PubDate>
    <Year>2023</Year></PubDate><AuthorList><Author><LastName>Itor</LastName></Author></AuthorList></Book><ArticleTitle>Hiccups</ArticleTitle>
    <AuthorList><Author><LastName>Doe</LastName></Author></AuthorList><Abstract><AbstractText>They pass.</AbstractText>
    </Abstract></BookDocument></PubmedBookArticle></PubmedArticleSet>"""
    text = PUBMED.replace("<AuthorList>", '<AuthorList CompleteYN="N">').replace("</PubmedArticleSet>", book)
    article, chapter = read(tmp_path / "a.xml", text).papers
    assert (article.authors_complete, chapter.authors_complete) == (False, True)
    assert (chapter.title, chapter.abstract, chapter.date) == ("Hiccups", "They pass.", "2023")
    assert (chapter.venue, chapter.authors, chapter.entry_type) == ("Handbook", ("Doe",), "incollection")


def test_table_of_web_of_science_is_read_by_its_tags(tmp_path: Path) -> None:
    rows = "PT AU AF TI SO ID PD PY BP EP".split(), "J|Doe, A|Doe, Ana; Díaz, C|AGEING|JW|AGE|JUL|2020|1|9".split("|")
    text = "".join("\t".join(row) + "\r\n" for row in rows)
    paper = first(tmp_path / "savedrecs.txt", text.encode("utf-16"))
    assert (paper.authors, paper.date, paper.key) == (("Ana Doe", "C Díaz"), "2020-07", None)
    assert dict(paper.bibliography) == {"pages": "1–9"}


def test_objects_that_a_cell_writes_out_are_read(tmp_path: Path) -> None:
    text = """title,externalIds,authors
Ageing,"{'DOI': '10.1000/w.1', 'ArXiv': '2001.00001'}","[{'name': 'Ana Doe'}]"
Rust,{curly},Bo
"""
    ageing, rust = read(tmp_path / "a.csv", text).papers
    assert (ageing.doi, ageing.paper_id, ageing.authors) == ("10.1000/w.1", "2001.00001", ("Ana Doe",))
    assert rust.authors == ("Bo",)


def test_lines_above_the_headings_of_a_table_are_passed_over(tmp_path: Path) -> None:
    text = '"About the data: exported in 2024, by a database."\n' + SCOPUS.removeprefix("\ufeff")
    assert first(tmp_path / "a.csv", text).title == "Ageing of widgets"


def test_full_names_count_before_initials_in_a_table(tmp_path: Path) -> None:
    rows = '"Doe A.","Doe, Ana (5712); van Dijk, Jo (5713)",Ageing\n[No author name available],,Rust\n'
    papers = read(tmp_path / "a.csv", f"Authors,Author full names,Title\n{rows}").papers
    assert [paper.authors for paper in papers] == [("Ana Doe", "Jo van Dijk"), ()]


def test_tables_of_springer_and_of_markdown_are_read(tmp_path: Path) -> None:
    assert first(tmp_path / "a.csv", SPRINGER).authors == ("Ana Doe", "Camila Díaz")
    paper = first(tmp_path / "a.md", MARKDOWN)
    assert (paper.title, paper.paper_id, paper.code) == ("Ageing | of widgets", "2001.00001", "https://github.com/a/b")
    assert (paper.authors, paper.authors_complete, paper.date) == (("Ana Doe",), False, "2020-07-01")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_delimiter_and_encoding_of_a_table_is_read(tmp_path: Path, delimiter: str) -> None:
    rows = [["Title", "Authors", "Abstract"], ['"Ageing, of; widgets | now"', "Jörg Doe", ABSTRACT]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        paper = first(tmp_path / "a.txt", text.encode(encoding))
        assert (paper.title, paper.authors, paper.abstract) == ("Ageing, of; widgets | now", ("Jörg Doe",), ABSTRACT)


def test_documentation_of_a_folder_is_not_told_as_unread(tmp_path: Path) -> None:
    for name in ("README.md", "LICENSE", "notes.md"):
        (tmp_path / name).write_text("These papers were saved in spring.\n")
    (tmp_path / "refs.bib").write_text(BIB)
    assert [Path(each.source).name for each in read_corpus([tmp_path], 2025).files] == ["notes.md", "refs.bib"]
    (tmp_path / "README.md").write_text(BIB)
    assert "README.md" in [Path(each.source).name for each in read_corpus([tmp_path], 2025).files]


def test_compressed_files_and_folders_within_folders_are_read(tmp_path: Path) -> None:
    (tmp_path / "inner" / ".git").mkdir(parents=True)
    (tmp_path / "inner" / ".git" / "hidden.ris").write_text(RIS)
    for name, pack in (("a.gz", gzip.compress), ("b.xz", lzma.compress), ("c.bz2", bz2.compress)):
        (tmp_path / "inner" / name).write_bytes(pack(NBIB.encode()))
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("x/refs.bib", BIB)
        archive.writestr("x/photo.png", b"\x89PNG\r\n")
    corpus = read_corpus([tmp_path], 2025)
    assert [(Path(file.source).name, file.papers) for file in corpus.files] == [
        ("photo.png", 0),
        ("refs.bib", 3),
        ("a.gz", 1),
        ("b.xz", 1),
        ("c.bz2", 1),
    ]
    assert [paper.title for paper in corpus.papers[1:]] == ["A key that is used twice", "After it"]
    assert "is a picture" in (corpus.files[0].reason or "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"TY  - JOUR\nTI  - A\n" * 99, mtime=0)[:40], "cannot be read"),
        (b"PK\x03\x04 not a zip", "cannot be read"),
        (b"SQLite format 3\x00", "Export the library from its program as BibTeX"),
        (b"a\x00\x01\x02" * 9, "is not a text file"),
        (b"<?xml version='1.0'?><a><b></a>", "not well-formed XML"),
        (b"<?xml version='1.0' encoding='UTF-9'?><a/>", "unknown encoding"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "entity declarations"),
        (b"[1, 2", "holds no readable paper"),
        (b"[" * 100_000, "holds no readable paper"),
        (b"name,colour\na,b\n", "is in no format that is read"),
    ],
    ids=["gzip", "zip", "sqlite", "binary", "xml", "encoding", "entities", "json", "nested", "table"],
)
def test_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read(tmp_path / "file", content)


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zip"])
def test_what_unpacks_to_more_than_any_text_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("rag.corpus.sources._SMALL", 1 << 20)
    path, bomb = tmp_path / f"papers.jsonl.{kind}", b'{"title": "Cache", "abstract": "Small."}\n' + b" " * (3 << 20)
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("papers.jsonl", bomb)
    else:
        path.write_bytes({"gz": gzip, "xz": lzma, "bz2": bz2}[kind].compress(bomb))  # type: ignore[attr-defined]
    with pytest.raises(CorpusError, match="unpacks to more than 100 times its size"):
        read_corpus((path,), 2025)


def test_line_without_end_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.corpus.sources._MAX_LINE_LENGTH", 1 << 20)
    path = tmp_path / "papers.jsonl"
    path.write_text('{"title": "Cache", "abstract": "Small."}\n{"title": "' + "a" * (1 << 21))
    corpus = read_corpus((path,), 2025)
    assert [paper.title for paper in corpus.papers] == ["Cache"]
    assert [str(each) for each in corpus.problems] == [f"{path}: {path} has a line of more than 1 MB. Break it."]
