from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rag.types import Paper, Quote, Verdict
from tests.fakes import PEBBLE
from tests.timing import cpu_seconds
from ui.html.paper_card import abstract_to_html, authors_to_html, card_to_html

PAPER = Paper("p", "T", "One two three four.")


def quote(start: int, end: int, verdict: Verdict | None = None) -> Quote:
    return Quote(PAPER.abstract[start:end], start, end, verdict)


def marked(*quotes: Quote) -> str:
    return abstract_to_html(PAPER, quotes).removeprefix('<p class="cd-abstract" dir="auto">').removesuffix("</p>")


def test_quoted_words_are_marked() -> None:
    assert marked(quote(4, 7)) == "One <mark>two</mark> three four."
    assert marked(quote(8, 13), quote(0, 3)) == "<mark>One</mark> two <mark>three</mark> four."


def test_quotes_that_overlap_or_touch_are_one_mark() -> None:
    assert marked(quote(0, 7), quote(4, 13)) == "<mark>One two three</mark> four."
    assert marked(quote(0, 4), quote(4, 7)) == "<mark>One two</mark> three four."
    assert marked(quote(0, 13), quote(4, 7)) == "<mark>One two three</mark> four."


@pytest.mark.parametrize(
    "wrong", [Quote("x", -3, -2), Quote("x", 90, 91), Quote("", 4, 4), Quote("tow", 4, 7), Quote("x", 9, 2)]
)
def test_quote_that_is_not_there_marks_nothing(wrong: Quote) -> None:
    assert marked(wrong) == "One two three four."


def test_abstract_reads_as_people_write_and_marks_stay_right() -> None:
    paper = replace(PAPER, abstract="It is 2.57times faster. alpha_1 < beta & more.")
    html = abstract_to_html(paper, (Quote("2.57times", 6, 15),))
    assert "It is <mark>2.57×</mark> faster." in html
    assert "&lt; beta &amp; more." in html


def test_card_says_what_is_known() -> None:
    paper = replace(PEBBLE, data="https://data.example.org/pebble")
    html = card_to_html(paper, element_id="x1-p2", quotes=(Quote(PEBBLE.abstract[:48], 0, 48, "not_found"),))
    assert html.startswith('<article class="cd-card" id="x1-p2" tabindex="-1" aria-labelledby="x1-p2-title"><h3 ')
    for held in (
        "<bdi>Pebble: Small Caches</bdi></h3>",
        '<time datetime="2024-01-05">2024-01-05</time>',
        "<bdi>Ada Quill</bdi>, <bdi>Bo Tanaka</bdi>",
        "<bdi>ICML 2024</bdi>",
        f"<mark>{PEBBLE.abstract[:48]}</mark>",
        'href="https://arxiv.org/abs/2401.00001" target="_blank" rel="noopener noreferrer">Paper at arxiv.org<',
        'href="https://example.org/pebble" target="_blank" rel="noopener noreferrer">Code at example.org<',
        'href="https://data.example.org/pebble" target="_blank" rel="noopener noreferrer">Data at data.example.org<',
        'data-action="about" data-paper="2401.00001" data-title="Pebble: Small Caches">Ask about this</button>',
        'data-action="keep" aria-pressed="false" data-paper="2401.00001"',
        'data-action="copy-bibtex" data-bibtex="@inproceedings{quill2024pebble-enck,\n',
    ):
        assert held in html


def test_card_of_a_bare_paper_has_nothing_empty() -> None:
    html = card_to_html(PAPER, element_id="a", level=2)
    assert "<h2 " in html and "no date" in html
    assert "cd-link" not in html and "<mark>" not in html


def test_hostile_paper_is_only_text() -> None:
    paper = Paper(
        'p"><script>',
        '<script>alert(1)</script> [3] \u202egnitset" onload="x',
        "<img src=x onerror=alert(1)> \x00\x1b[31m {{x}} ${y}",
        url="javascript:alert(1)",
        code='https://x.org/"onmouseover="alert(1)',
        authors=("<b>Eve</b>",),
        venue="<i>V</i>",
        organisation='"><svg>',
    )
    html = card_to_html(paper, element_id='a"><b>', quotes=(Quote(paper.abstract[:10], 0, 10),))
    tags = set(re.findall(r"<([a-z0-9]+)", html))
    assert tags <= {"article", "h3", "bdi", "div", "p", "mark", "button"}
    assert "javascript:" not in html and "\u202e" not in html and "\x00" not in html and "\x1b" not in html
    assert "(3)" in html and "[3]" not in html.replace(html[html.index("data-bibtex") :], "")
    assert 'id="a&quot;&gt;&lt;b&gt;"' in html


def test_many_authors_are_folded() -> None:
    paper = replace(PAPER, authors=tuple(f"A{i}" for i in range(9)), authors_complete=True)
    assert authors_to_html(paper) == (
        "<bdi>A0</bdi>, <bdi>A1</bdi>, <bdi>A2</bdi> "
        '<details class="cd-more"><summary>and 6 more</summary><bdi>A3</bdi>, <bdi>A4</bdi>, <bdi>A5</bdi>, '
        "<bdi>A6</bdi>, <bdi>A7</bdi>, <bdi>A8</bdi></details>"
    )


def test_authors_that_are_not_known_are_not_hidden() -> None:
    assert authors_to_html(replace(PAPER, authors=("Ada",))) == "<bdi>Ada</bdi> and others"
    assert authors_to_html(replace(PAPER, authors=("Ada",), author_count=7)) == "<bdi>Ada</bdi> and 6 more"
    assert authors_to_html(replace(PAPER, author_count=7)) == "7 authors"
    assert authors_to_html(PAPER) == ""


def test_text_from_right_to_left_has_its_own_direction() -> None:
    paper = Paper("p", "التعلم العميق", "نقترح طريقة جديدة.", authors=("محمد",))
    html = card_to_html(paper, element_id="a", quotes=(Quote("نقترح", 0, 5),))
    assert "<bdi>التعلم العميق</bdi>" in html and "<bdi>محمد</bdi>" in html
    assert '<p class="cd-abstract" dir="auto"><mark>نقترح</mark> طريقة جديدة.</p>' in html


def test_long_abstract_is_whole_and_quick() -> None:
    abstract = ("x{a_b} 2.57times <b> " * 1000)[:20000]
    paper, quote = replace(PAPER, abstract=abstract), Quote(abstract[:5000], 0, 5000)
    assert cpu_seconds(lambda: card_to_html(paper, element_id="a", quotes=(quote,))) < 2
    assert card_to_html(paper, element_id="a", quotes=(quote,)).count("2.57×") == abstract.count("2.57times")
