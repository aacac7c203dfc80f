from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rag.answer import Answer, Citation, Notice, Sentence
from rag.corpus.reader import read_corpus
from rag.generation.export.bibtex import to_bibtex
from rag.generation.export.csl import to_csl
from rag.generation.export.ris import to_ris
from rag.generation.export.spreadsheet import to_csv
from rag.render.document import answer_to_markdown
from rag.types import Paper, Query, Quote
from tests.fakes import DUNE, PEBBLE, QUBITS, REEF

HOSTILE = Paper(
    "2401.99999",
    'A {Title} with 100% of $x_1 & "more" \\input{/etc/passwd} }, @misc{evil,',
    "Text.",
    url="https://example.org/a{b}?c=1%20#d",
    date="2024-02",
    authors=("Eve and Mallory", "Zoë Åström-Lévy"),
)


def rows(written: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written)))


def test_paper_as_bibtex() -> None:
    assert to_bibtex([PEBBLE]) == (
        "@inproceedings{quill2024pebble-enck,\n"
        "  title = {{Pebble: Small Caches}},\n"
        "  author = {Ada Quill and Bo Tanaka},\n"
        "  year = {2024},\n"
        "  month = jan,\n"
        "  day = {5},\n"
        "  booktitle = {ICML 2024},\n"
        "  eprint = {2401.00001},\n"
        "  archivePrefix = {arXiv},\n"
        "  url = {https://arxiv.org/abs/2401.00001},\n"
        "}\n"
    )


def test_authors_that_are_not_all_known_end_in_others() -> None:
    assert "author = {Ada Quill and others}," in to_bibtex([Paper("x", "T", "A", authors=("Ada Quill",))])


def test_organisation_stands_in_for_authors_that_are_not_known() -> None:
    assert "author = {{Pebble Labs}}," in to_bibtex([Paper("x", "T", "A", organisation="Pebble Labs")])


def test_paper_of_which_only_the_title_is_known() -> None:
    assert to_bibtex([Paper("some-slug", "On the Web", "A")]) == "@misc{web-sumi,\n  title = {{On the Web}},\n}\n"


@pytest.mark.parametrize(
    ("venue", "written"),
    [
        ("Journal of Caches", "@article{quill2024pebble-enck,"),
        ("ICLR'24", "@inproceedings{quill2024pebble-enck,"),
        ("Proceedings of the Sand Workshop", "@inproceedings{quill2024pebble-enck,"),
        ("a blog", "  howpublished = {a blog},"),
    ],
)
def test_venue_stands_where_it_fits(venue: str, written: str) -> None:
    assert written in to_bibtex([replace(PEBBLE, venue=venue)]).split("\n")


def keys(papers: list[Paper]) -> list[str]:
    return re.findall(r"(?m)^@\w+\{(.*),$", to_bibtex(papers))


def test_key_depends_on_the_paper_alone() -> None:
    second = replace(PEBBLE, paper_id="2401.00099", title="Pebble: Smaller Caches")
    together = keys([PEBBLE, DUNE, second])
    assert [keys([paper]) for paper in (PEBBLE, DUNE, second)] == [[key] for key in together]
    assert len(set(together)) == 3
    assert together[0].startswith("quill2024pebble-") and together[2].startswith("quill2024pebble-")


def test_key_of_the_user_is_kept_and_made_safe_and_unique() -> None:
    own = [replace(PEBBLE, key="Quill:24/pebbles_1"), replace(DUNE, key="a b,{c}"), replace(REEF, key="a b c")]
    first, second, third = keys(own)
    assert (first, second) == ("Quill:24/pebbles_1", "abc")
    assert third.startswith("abc-")


def test_greek_letter_in_a_key_is_spelt_out() -> None:
    assert keys([Paper("x", "μLO: Optimizers", "A", date="2024")])[0].startswith("2024mulo-")


RECORD = Paper(
    "10-1000-x",
    "Caches & Disks",
    "It costs 5% of {memory}.",
    url="https://doi.org/10.1000/x_(1)",
    date="2021-03",
    authors=("Ana de la Cruz", "John Quill Jr.", "Pebble Labs", "Laurens van der Maaten"),
    authors_complete=True,
    venue="Journal of Caches",
    doi="10.1000/x_(1)",
    pmid="123456",
    key="cruz21",
    entry_type="article",
    bibliography=(
        ("author", "de la Cruz, Ana and Quill, Jr., John and {Pebble Labs} and van der Maaten, Laurens"),
        ("volume", "12"),
        ("number", "3"),
        ("pages", "1--9"),
        ("keywords", "caches; disks"),
        ("issn", "1234-5678"),
    ),
)


def test_record_with_all_its_fields_as_bibtex() -> None:
    assert to_bibtex([RECORD], whole=True) == (
        "@article{cruz21,\n"
        "  title = {{Caches \\& Disks}},\n"
        "  author = {de la Cruz, Ana and Quill, Jr., John and {Pebble Labs} and van der Maaten, Laurens},\n"
        "  year = {2021},\n"
        "  month = mar,\n"
        "  journal = {Journal of Caches},\n"
        "  volume = {12},\n"
        "  number = {3},\n"
        "  pages = {1--9},\n"
        "  keywords = {caches; disks},\n"
        "  issn = {1234-5678},\n"
        "  doi = {10.1000/x_(1)},\n"
        "  pmid = {123456},\n"
        "  abstract = {It costs 5\\% of \\textbraceleft{}memory\\textbraceright{}.},\n"
        "}\n"
    )


def test_names_without_a_record_of_their_parts_keep_particles_and_suffixes() -> None:
    paper = replace(RECORD, bibliography=(), authors=("Laurens van der Maaten", "John Quill Jr.", "Blachly JS"))
    assert "author = {Laurens van der Maaten and Quill, Jr., John and JS Blachly}," in to_bibtex([paper])
    assert "AU  - van der Maaten, Laurens\nAU  - Quill, John, Jr.\nAU  - Blachly, JS\n" in to_ris([paper])


def test_record_as_ris() -> None:
    assert to_ris([RECORD]) == (
        "TY  - JOUR\n"
        "TI  - Caches & Disks\n"
        "AU  - de la Cruz, Ana\n"
        "AU  - Quill, John, Jr.\n"
        "AU  - Pebble Labs\n"
        "AU  - van der Maaten, Laurens\n"
        "PY  - 2021\n"
        "DA  - 2021/03//\n"
        "T2  - Journal of Caches\n"
        "VL  - 12\n"
        "IS  - 3\n"
        "SP  - 1\n"
        "EP  - 9\n"
        "KW  - caches\n"
        "KW  - disks\n"
        "SN  - 1234-5678\n"
        "DO  - 10.1000/x_(1)\n"
        "AN  - 123456\n"
        "UR  - https://doi.org/10.1000/x_(1)\n"
        "AB  - It costs 5% of {memory}.\n"
        "ID  - cruz21\n"
        "ER  - \n"
    )


def test_record_as_csl_json() -> None:
    (item,) = json.loads(to_csl([RECORD]))
    assert item == {
        "id": "cruz21",
        "type": "article-journal",
        "title": "Caches & Disks",
        "author": [
            {"family": "Cruz", "given": "Ana", "non-dropping-particle": "de la"},
            {"family": "Quill", "given": "John", "suffix": "Jr."},
            {"literal": "Pebble Labs"},
            {"family": "Maaten", "given": "Laurens", "non-dropping-particle": "van der"},
        ],
        "issued": {"date-parts": [[2021, 3]]},
        "container-title": "Journal of Caches",
        "volume": "12",
        "issue": "3",
        "page": "1--9",
        "keyword": "caches; disks",
        "ISSN": "1234-5678",
        "DOI": "10.1000/x_(1)",
        "PMID": "123456",
        "URL": "https://doi.org/10.1000/x_(1)",
        "abstract": "It costs 5% of {memory}.",
    }


@pytest.mark.parametrize("write", [lambda papers: to_bibtex(papers, whole=True), to_csl])
def test_further_links_and_data_come_out_and_are_read_again(
    write: Callable[[list[Paper]], str], tmp_path: Path
) -> None:
    links = ("https://a.org/x.pdf", "https://doi.org/10.1000/w.1", "https://b.org/page?a=1")
    paper = replace(PEBBLE, doi="10.1000/w.1", urls=links, data="https://zenodo.org/record/1")
    written = write([paper])
    (tmp_path / "papers").write_text(written, encoding="utf-8")
    (again,) = read_corpus([tmp_path / "papers"], 2025).papers
    assert (again.url, set(again.urls)) == (paper.url, set(links))
    assert written.count("10.1000/w.1") == 1
    assert again.data == (paper.data if write is not to_csl else None)


def test_preprint_as_csl_json_names_its_archive() -> None:
    (item,) = json.loads(to_csl([REEF]))
    assert (item["type"], item["archive"], item["archive_location"]) == ("article", "arXiv", "2406.00004")


def test_hostile_title_is_a_text_of_one_entry() -> None:
    written = to_bibtex([HOSTILE])
    title = next(line for line in written.split("\n") if line.startswith("  title"))
    assert title == (
        r"  title = {{A \textbraceleft{}Title\textbraceright{} with 100\% of \$x₁ \& "
        r'"more" input\textbraceleft{}/etc/passwd\textbraceright{} \textbraceright{}, @misc\textbraceleft{}evil,}},'
    )
    assert written.count("{") == written.count("}")
    assert "author = {{Eve and Mallory} and Zoë Åström-Lévy and others}," in written
    assert "url = {https://example.org/a%7Bb%7D?c=1%20#d}," in written
    assert [line for line in written.split("\n") if line.startswith("@")] == ["@misc{mallory2024title-fsve,"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "https://x.org/a b", "ftp://x.org"])
def test_only_web_addresses_are_exported(url: str) -> None:
    assert "url = " not in to_bibtex([replace(PEBBLE, url=url)])


def test_name_in_another_script_gives_a_key_of_the_year_and_title() -> None:
    assert to_bibtex([replace(DUNE, authors=("محمد علي",), venue=None)]).startswith("@misc{2023dune-qlhe,")


def test_csv_has_a_row_per_paper() -> None:
    quote = Quote(PEBBLE.abstract[46:124], 46, 124, "supported")
    written = rows(to_csv([Citation(1, PEBBLE, (quote,), "it prunes"), Citation(2, REEF)]))
    assert (
        written[0] == "n title date authors organisation venue url doi pmid code data key paper_id quotes why".split()
    )
    assert written[1][:4] == ["1", "Pebble: Small Caches", "2024-01-05", "Ada Quill; Bo Tanaka"]
    assert written[1][12:] == [
        "2401.00001",
        "We present Pebble, which prunes the KV cache and cuts its memory by 2.57×.",
        "it prunes",
    ]
    assert written[2][1:4] == ["Reef: Caches on Disk", "2024-06", ""]
    assert len(written) == 3


@pytest.mark.parametrize("title", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u200b=1", "＝1"])
def test_no_cell_is_a_formula(title: str) -> None:
    cell = rows(to_csv([Citation(1, replace(PEBBLE, title=title))]))[1][1]
    assert cell[0] == "'"


def test_quotes_commas_and_line_breaks_stay_in_their_cell() -> None:
    written = rows(to_csv([Citation(1, replace(PEBBLE, title='One, "two"\n=three'))]))
    assert [len(row) for row in written] == [15, 15]
    assert written[1][1] == 'One, "two" =three'


def test_answer_as_markdown() -> None:
    text = "Reef halves memory [1]. It needs no disk [1]."
    quote = Quote("It halves the memory of long prompts.", 33, 70, "supported")
    sentences = (Sentence(0, 23, (1,), "supported"), Sentence(24, 45, (1,), "not_found", "it is kept on disk"))
    answer = Answer(
        Query("What does Reef do?", "fact", "reef"),
        "answered",
        text,
        (Citation(1, REEF, (quote,), "it is about caches"),),
        sentences,
        near_misses=(Citation(None, QUBITS),),
        notices=(Notice("nothing_cited"),),
    )
    assert answer_to_markdown(answer) == (
        "# What does Reef do?\n\n"
        "Reef halves memory [1]. It needs no disk [1].\n\n"
        "> Note: The model cited no paper, so nothing can be checked.\n\n"
        "Checked against the abstracts:\n\n"
        "- not found in the abstract: “It needs no disk [1].” (it is kept on disk)\n\n"
        "## Papers\n\n"
        "**[1]** Reef: Caches on Disk (2024-06). Screened: it is about caches\n\n"
        "> “It halves the memory of long prompts.” (supports it)\n\n"
        "## Nearest papers, not cited\n\n"
        "- Qubits for Everyone (2018-04-30) <https://arxiv.org/abs/1804.00003>\n\n"
        "## BibTeX\n\n"
        "```bibtex\n"
        "@misc{2024reef-tzjh,\n"
        "  title = {{Reef: Caches on Disk}},\n"
        "  year = {2024},\n"
        "  month = jun,\n"
        "  eprint = {2406.00004},\n"
        "  archivePrefix = {arXiv},\n"
        "}\n"
        "```\n"
    )


def test_hostile_title_does_not_break_the_markdown() -> None:
    title = "# Head ``` <script>alert(1)</script> ![x](http://evil.example/x.png) [1]\n\n> quote"
    paper = replace(REEF, title=title, url="javascript:alert(1)")
    answer = Answer(Query("<b>Q</b>\n# two", "list", "x"), "extractive", "- x [1]", (Citation(1, paper),))
    written = answer_to_markdown(answer)
    prose, _, bibtex = written.partition("## BibTeX\n\n")
    assert written.startswith("# ‹b>Q‹/b> # two\n\n")
    assert "<script" not in prose and "](" not in prose and "http://" not in prose and "javascript:" not in prose
    assert [line for line in prose.split("\n") if line.startswith("#")] == ["# ‹b>Q‹/b> # two", "## Papers"]
    assert bibtex.startswith("````bibtex\n") and bibtex.endswith("}\n````\n")


def test_what_a_follow_up_was_understood_as_is_inert() -> None:
    query = Query(
        "and the second?", "lookup", "x", standalone="Tell me more about ![x](http://evil.example/p.png) <img>"
    )
    written = answer_to_markdown(Answer(query, "refused", "The collection does not answer this."))
    assert "Tell me more about" in written
    assert "](" not in written and "http://" not in written and "<img" not in written


def test_refusal_as_markdown_has_no_empty_sections() -> None:
    answer = Answer(Query("Why?", "fact", "x"), "refused", "The collection does not answer this.")
    assert answer_to_markdown(answer) == "# Why?\n\nThe collection does not answer this.\n"


@pytest.mark.parametrize("title", ["a;=1+1", "a; =cmd|'/c calc'!A1", "﹦1", "−1", "﹢1", "﹫x", "a\t;\t@SUM(1)"])
def test_no_part_of_a_cell_is_a_formula_where_semicolons_part_cells(title: str) -> None:
    row = to_csv([Citation(1, replace(PEBBLE, title=title))]).splitlines()[1]
    assert not re.search(r"(?:^|[,;\"])\s*[=+\-@|%﹦﹢﹫−]", row.replace("'", "~"))
