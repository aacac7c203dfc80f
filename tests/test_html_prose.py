from __future__ import annotations

import re

import pytest

from rag.answer import Citation, Sentence, SentenceVerdict, Support
from rag.types import Quote
from tests.fakes import PEBBLE, REEF
from ui.html.prose import prose_to_html, tips_to_html, verdict_to_html

CITED = (Citation(1, PEBBLE), Citation(2, REEF))
LINK = (
    '<a class="cd-cite" href="#x-p1" data-n="1" aria-describedby="x-tip1"><span class="cd-hidden">paper </span>[1]</a>'
)


def shown(text: str, *sentences: Sentence) -> str:
    return prose_to_html("x", text, CITED, sentences, "Why?").strip()


def judged(text: str, part: str, verdict: SentenceVerdict = "supported", reason: str | None = None) -> Sentence:
    start = text.index(part)
    return Sentence(start, start + len(part), (1,), verdict, reason)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


def test_markers_of_cited_papers_are_links() -> None:
    assert shown("Small [1].") == f"<p>Small {LINK}.</p>"


@pytest.mark.parametrize("text", ["Small [3].", "Small [0].", "Small [01].", f"Small [{'9' * 5000}].", "Small [-1]."])
def test_other_numbers_are_text(text: str) -> None:
    assert shown(text) == f"<p>{text}</p>"


def test_markdown_of_answers_is_shown() -> None:
    assert shown("# Head\n\n- **one** *two*\n- `three`") == (
        "<h3>Head</h3><ul>\n<li><strong>one</strong> <em>two</em></li>\n<li><code>three</code></li>\n</ul>"
    )


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "![x](https://evil.example/x.png)",
        "[x](https://evil.example)",
        "<https://evil.example>",
        "[x]: https://evil.example",
        "<img src=x onerror=alert(1)>",
        "&lt;script&gt; &#60;b&#62;",
    ],
)
def test_html_links_and_images_stay_text(text: str) -> None:
    assert not re.search(r"<(?!/?p>)", shown(text))


def test_verdict_stands_behind_its_sentence_in_words() -> None:
    text = "It is small [1]. It is fast [2]. It sings."
    html = shown(
        text,
        judged(text, "It is small [1]."),
        judged(text, "It is fast [2].", "not_found", "“fast” is not in <it>"),
        judged(text, "It sings.", "uncited"),
    )
    assert words(html) == (
        "It is small paper [1]. supported It is fast paper [2]. not found in the abstract: “fast” is not in &lt;it&gt;"
        " It sings. without a citation"
    )


def test_origin_of_a_sentence_is_said() -> None:
    html = shown("One. Two.", Sentence(0, 4, (), "supported", None, "repaired"), Sentence(5, 9, (), "supported"))
    assert words(html) == "One. supported, corrected after a check Two. supported"


def test_verdict_does_not_break_the_markdown_around_it() -> None:
    text = "**One is bold.** **Two is.**\n\n- Three **is.**\n\n| a | b |\n|---|---|\n| four | five [1] |"
    html = shown(
        text,
        judged(text, "**One is bold.**"),
        judged(text, "Two is."),
        judged(text, "Three **is.**", "contradicted", "no"),
        judged(text, "| four | five [1] |", "not_found", "half"),
    )
    badge = verdict_to_html("supported", "supported")
    assert f"<strong>One is bold.</strong> {badge} <strong>Two is. {badge}</strong>" in html
    said = verdict_to_html("contradicted", "abstract says otherwise: no")
    assert f"<li>Three <strong>is.</strong> {said}</li>" in html
    said = verdict_to_html("not_found", "not found in the abstract: half")
    assert f"<td>five {LINK} {said}</td>" in html
    assert html.count("<td>") == 2


def test_text_cannot_forge_a_verdict() -> None:
    forged = "Forged \U000124700\U00012471 here."
    html = shown(forged, Sentence(0, len(forged), (), "not_found", "it is forged"))
    assert html.count("cd-verdict-not_found") == 1
    assert html.startswith("<p>Forged \ufffd0\ufffd here. <span")


@pytest.mark.parametrize(("start", "end"), [(0, 99), (-5, -1), (3, 3), (7, 2)])
def test_sentence_outside_the_text_breaks_nothing(start: int, end: int) -> None:
    assert "supported" in shown("One two.", Sentence(start, end, (), "supported"))


def test_wide_table_scrolls_in_its_own_box() -> None:
    assert shown("| a |\n|---|\n| b |").startswith(
        '<div class="cd-wide" role="region" tabindex="0" aria-label="Written about: Why?"><table>'
    )


def test_tip_has_title_date_and_quotes() -> None:
    quote = Quote("It halves the memory of long prompts.", 33, 70)
    assert tips_to_html("x", [Citation(2, REEF, (quote,))]) == (
        '<span class="cd-tip" role="tooltip" id="x-tip2" hidden><b><bdi>Reef: Caches on Disk</bdi></b> <i>2024-06</i>'
        '<q dir="auto">It halves the memory of long prompts.</q></span>'
    )


def test_markers_in_a_question_stay_in_the_label_of_a_table() -> None:
    table = "| a | b |\n|---|---|\n| c | d [1] |"
    html = prose_to_html("x", table, CITED, (), "Compare [1] and [2] \U000124700\U00012471")
    assert 'aria-label="Written about: Compare [1] and [2] \U000124700\U00012471"' in html
    assert f"<td>d {LINK}</td>" in html


def test_markers_and_verdicts_are_shown_in_code_too() -> None:
    text = "`It is <small> [1].`"
    assert shown(text, judged(text, text)).startswith(f"<p><code>It is &lt;small&gt; {LINK}.</code> <span ")


def test_marker_in_a_reason_is_no_link() -> None:
    html = shown("It is fast [1].", judged("It is fast [1].", "It is fast [1].", "not_found", "“fast” is not in [1]"))
    said = verdict_to_html("not_found", "not found in the abstract: “fast” is not in [1]")
    assert html == f"<p>It is fast {LINK}. {said}</p>"


def test_clauses_have_marks_of_their_own_with_the_sentence_they_rest_on() -> None:
    text = "Pebble prunes [1], Reef grows it [2]."
    parts = (
        Sentence(0, 17, (1,), "supported", support=(Support(1, 0, 46),)),
        Sentence(17, len(text), (2,), "contradicted", support=(Support(2, 0, 31),)),
    )
    html = shown(text, Sentence(0, len(text), (1, 2), "contradicted", parts=parts))
    assert html.count("cd-verdict ") == 2
    assert html.index("cd-verdict-supported") < html.index("grows it") < html.index("cd-verdict-contradicted")
    assert "[1] “Key-value caches fill the memory" in html
    assert "[2] “Reef keeps the KV cache on disk" in html
