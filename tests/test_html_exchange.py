from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from rag.answer import Answer, Citation, EstimatedMissing, Notice, Relaxation, Sentence, Status, Usage
from rag.query.turns import turn_from_json
from rag.types import Evidence, Filters, Hit, Kind, Overrides, Query, Quote, TokenUsage, Turn
from tests.fakes import DUNE, PEBBLE, QUBITS, REEF
from ui.api.models import AskRequest, FeedbackRequest, parse
from ui.exchange import Exchange
from ui.html.exchange_sections import parts_of
from ui.questions import MAX_QUESTION_LENGTH

QUOTE = Quote("It halves the memory of long prompts.", 33, 70, "supported")
EVIDENCE = (Evidence(1, PEBBLE, ()), Evidence(2, REEF, (QUOTE,)))
HITS = (Hit(1, PEBBLE, 0.9, 2.0, {"dense": 0.7}), Hit(2, REEF, 0.4, 1.0, {"dense": 0.5}))
PARTS = "question progress understanding answer cards near follow actions".split()


class Balance(HTMLParser):
    """Notes elements that are not closed where they should be, and ids that come twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in ("input", "br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def exchange(kind: Kind = "list", status: Status = "extractive", text: str = "- Reef [1]", **more: Any) -> Exchange:
    query = Query("Which caches?", kind, "caches", more.pop("filters", Filters()))
    overrides = more.pop("overrides", Overrides())
    citations = more.pop("citations", (Citation(1, REEF, (QUOTE,)), Citation(2, PEBBLE)))
    answer = Answer(query, status, text, citations, **more)
    return Exchange(
        "x1", "Which caches?", overrides, query=query, hits=HITS, evidence=EVIDENCE, answer=answer, generation="g7"
    )


def whole(shown: Exchange) -> str:
    return "".join(parts_of(shown).values())


def part(name: str, shown: Exchange) -> str:
    return parts_of(shown)[name].removeprefix(f'<section data-part="{name}">').removesuffix("</section>")


def embedded(shown: Exchange, css: str) -> Any:
    found = re.search(
        rf'<script type="application/json" class="{css}">(.*?)</script>', part("actions", shown), re.DOTALL
    )
    assert found
    return json.loads(found[1])


def test_all_parts_are_there_from_the_start() -> None:
    shown = Exchange("x1", "Why?", progress="Searching 4 papers")
    html = whole(shown)
    assert re.findall(r'data-part="(\w+)"', html) == PARTS
    assert [name for name in PARTS if part(name, shown)] == ["question", "progress"]
    assert '<p class="cd-progress cd-busy" role="status">Searching 4 papers</p>' in html


@pytest.mark.parametrize("kind", ["list", "fact", "compare", "lookup", "metadata"])
def test_html_is_well_formed_and_ids_are_unique(kind: Kind) -> None:
    shown = exchange(kind, near_misses=(Citation(None, DUNE), Citation(None, QUBITS)), missed=EstimatedMissing(0, 2))
    html, balance = whole(shown), Balance()
    balance.feed(re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL))
    assert balance.open == []
    assert len(balance.ids) == len(set(balance.ids))
    assert re.findall(r'data-part="(\w+)"', html) == PARTS
    assert not re.search(r"\son\w+=", html)
    for target in re.findall(r'(?:href="#|aria-describedby=")([^"]+)"', html):
        assert target in balance.ids


def test_what_went_wrong_is_one_line() -> None:
    html = part("progress", Exchange("x1", "Why?", error="No <index>. Run: citedesk index"))
    assert html == '<p class="cd-error" role="alert"><bdi>No &lt;index&gt;. Run: citedesk index</bdi></p>'


def test_evidence_is_on_screen_before_the_answer() -> None:
    shown = Exchange("x1", "Why?", query=Query("Why?", "fact", "x"), hits=HITS, evidence=EVIDENCE)
    html = part("cards", shown)
    assert "2 papers to answer from" in html
    assert re.findall(r'<article class="cd-card" id="([^"]+)"', html) == ["x1-e1", "x1-e2"]
    assert "[1]" not in html


def test_evidence_keeps_its_order_and_gets_its_number_once_cited() -> None:
    shown = Exchange(
        "x1", "Why?", hits=HITS, evidence=EVIDENCE, text="Reef [1] and [2]", citations=(Citation(1, REEF),)
    )
    html = part("cards", shown)
    assert re.findall(r'<article class="cd-card" id="([^"]+)"', html) == ["x1-e1", "x1-p1"]
    answer = part("answer", shown)
    assert answer.count('href="#x1-p1"') == 1 and "and [2]" in answer
    assert "It halves the memory of long prompts." in answer  # in the tip, before Done brings the quotes


def test_cited_cards_say_why_they_were_found() -> None:
    html = part("cards", exchange())
    assert "<dt>Rank in the search</dt><dd><b>2</b>" in html and "<b>40 %</b>" in html
    assert html.index("Reef: Caches on Disk") < html.index("Pebble: Small Caches")


def test_long_lists_fold_what_is_behind_the_first_cards() -> None:
    many = tuple(Citation(n, replace(REEF, paper_id=f"p{n}")) for n in range(1, 9))
    html = part("cards", exchange(citations=many))
    assert "<summary>8 papers cited</summary>" in html
    assert html.index('id="x1-p4"') < html.index("<summary>4 more</summary>") < html.index('id="x1-p5"')


def test_near_misses_are_folded_unless_nothing_answers() -> None:
    near = (Citation(None, DUNE),)
    assert '<details class="cd-fold cd-papers"><summary>Nearest' in part("near", exchange(near_misses=near))
    refused = exchange("fact", "refused", "The collection does not answer this.", citations=(), near_misses=near)
    assert '<details class="cd-fold cd-papers" open><summary>Nearest' in part("near", refused)


def test_understanding_has_a_control_for_each_constraint() -> None:
    filters = Filters(since="2023", author="<b>Ada</b>", least_authors=2, code=True)
    html = part("understanding", exchange(filters=filters))
    assert re.findall(r'data-action="lift" data-name="(\w+)"', html) == ["since", "author", "author_count", "code"]
    assert 'aria-label="Remove: dated 2023 or later"' in html
    assert "by &lt;b&gt;Ada&lt;/b&gt;" in html
    assert '<option value="list" selected>list of papers</option>' in html
    assert 'name="since" value="2023"' in html
    assert "Reset" not in html and 'data-action="code"' not in html


def test_what_the_user_set_can_be_undone() -> None:
    shown = exchange(overrides=Overrides("list", drop=frozenset({"since"})))
    assert 'data-action="reset"' in part("understanding", shown)


def test_follow_up_says_what_it_was_taken_for() -> None:
    query = Query("and in 2023?", "list", "caches", standalone="Which caches in 2023?")
    shown = Exchange("x1", "and in 2023?", query=query)
    assert "Understood as: Which caches in 2023?" in part("understanding", shown)


def test_refusal_offers_what_lifting_gives() -> None:
    filters = Filters(since="2030", author="Ada")
    relaxed = (Relaxation("since", 12), Relaxation("author", 1))
    notice = Notice("constraints_unmet", {"filters": filters, "among_cited": False, "relaxations": relaxed})
    shown = exchange("list", "refused", "The collection does not answer this.", citations=(), filters=filters,
                     relaxations=relaxed, notices=(notice,))  # fmt: skip
    html = part("answer", shown)
    assert "<bdi>No paper in the collection is dated 2030 or later and by Ada.</bdi>" in html
    assert 'data-action="lift" data-name="since">Drop “dated 2030 or later”: 12 papers</button>' in html
    assert 'data-action="lift" data-name="author">Drop “by Ada”: 1 paper</button>' in html
    assert "--drop" not in html


@pytest.mark.parametrize("kind", ["list", "compare"])
def test_number_in_a_table_shows_its_quote_as_one_in_the_text_does(kind: Kind) -> None:
    html = part("answer", exchange(kind, text=""))
    for n in (1, 2):
        assert f'href="#x1-p{n}" data-n="{n}" aria-describedby="x1-tip{n}"' in html
        assert f'id="x1-tip{n}"' in html


def test_list_has_a_table_that_sorts() -> None:
    html = part("answer", exchange(status="answered", missed=EstimatedMissing(1, 3)))
    heads = [re.sub(r"<[^>]+>", "", head) for head in re.findall(r"<th .*?</th>", html)]
    assert heads == ["#Number", "Title", "Date", "Authors", "Venue", "Code", "Probability"]
    assert re.findall(r'aria-sort="(\w+)"', html) == ["ascending", *["none"] * 6]
    assert re.findall(r'<td data-sort="([^"]*)">', html) == [
        "1", "reef: caches on disk", "2024-06", "", "", "", "0.400000",
        "2", "pebble: small caches", "2024-01-05", "quill", "ICML 2024", "with code", "0.900000",
    ]  # fmt: skip
    assert "2 papers; perhaps 1–3 more." in html


def test_what_no_paper_has_gets_no_column() -> None:
    html = part("answer", exchange(citations=(Citation(1, REEF),)))
    assert "Venue" not in html and "Code" not in html and "Date" in html


def test_completeness_is_said_once() -> None:
    html = whole(exchange(text="- Reef [1]\n\n2 papers; likely complete.", missed=EstimatedMissing(0, 0)))
    assert re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL).count("likely complete") == 1


def test_comparison_has_papers_as_columns() -> None:
    html = part("answer", exchange("compare"))
    assert re.findall(r'<th scope="row">(.*?)</th>', html) == ["Date", "Authors", "Venue", "Code", "What it says"]
    assert html.count('<th scope="col">') == 2
    assert "cd-compare" not in part("answer", exchange("compare", citations=(Citation(1, REEF),)))


def test_who_wrote_it_and_what_its_check_came_to() -> None:
    shown = exchange(
        "fact",
        "truncated",
        "Reef is on disk [1].",
        sentences=(Sentence(0, 20, (1,), "not_found", "only half"),),
        model="small-<model>",
        notices=(Notice("nothing_cited"),),
        usage=Usage({"write": TokenUsage(1, 100, 20, 2.0)}),
        timings_ms={"total": 2345.0},
    )
    html = part("answer", shown)
    assert "<b>Cut short.</b>" in html and "<b>Note.</b> <bdi>The model cited no paper" in html
    assert "1 sentence checked: 1 not found in the abstract." in html
    assert "Written by small-&lt;model&gt; · 2.3 s · 1 call · 100 tokens read, 20 written" in html


def test_receipt_says_what_was_asked_of_what() -> None:
    shown = exchange(overrides=Overrides(filters=Filters(code=True)), filters=Filters(code=True))
    assert embedded(shown, "cd-receipt") == {
        "question": "Which caches?",
        "overrides": {"filters": {"code": True}},
        "kind": "list",
        "filters": {"code": True},
        "status": "extractive",
        "model": None,
        "generation": "g7",
        "citations": ["2406.00004", "2401.00001"],
        "turn": {"question": "Which caches?", "answer": "- Reef [1]", "citations": ["2406.00004", "2401.00001"]},
    }
    assert turn_from_json(embedded(shown, "cd-receipt")["turn"]) == Turn(
        "Which caches?", "- Reef [1]", ("2406.00004", "2401.00001")
    )


def test_data_cannot_end_their_element() -> None:
    hostile = replace(REEF, title="</script><script>alert(1)</script><!--")
    shown = replace(exchange(citations=(Citation(1, hostile),)), question="</script><b> & \u2028")
    html = part("actions", shown)
    assert html.count("<script") == html.count("</script>") == 2
    assert embedded(shown, "cd-receipt")["question"] == "</script><b> & \u2028"
    assert "alert(1)" in embedded(shown, "cd-exports")["csv"]


def test_exports_are_there_for_every_cited_answer() -> None:
    assert sorted(embedded(exchange("fact"), "cd-exports")) == ["bibtex", "csv", "markdown", "text"]
    assert re.findall(r'data-format="(\w+)"', part("actions", exchange("fact"))) == ["csv", "bibtex", "markdown"]
    refused = exchange("fact", "refused", "No.", citations=())
    assert re.findall(r'data-format="(\w+)"', part("actions", refused)) == ["markdown"]


def test_hostile_question_is_only_text() -> None:
    shown = replace(exchange(), question='"><script>alert(1)</script></textarea>\u202e')
    html = whole(shown)
    assert (
        "<script>" not in html
        and html.count("</textarea>") == 2
        and "\u202e" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    )


def test_question_that_may_be_asked_may_be_edited_and_rated() -> None:
    asked = replace(exchange(), question="q" * MAX_QUESTION_LENGTH)
    assert parse(AskRequest, {"question": asked.question}).question == asked.question
    assert f'maxlength="{MAX_QUESTION_LENGTH}"' in parts_of(asked)["question"]
    assert parse(FeedbackRequest, {"verdict": "up", "receipt": {"question": asked.question}}).receipt.question


def test_nearest_papers_are_open_where_none_is_cited() -> None:
    near = (Citation(None, DUNE),)
    assert "open><summary>Nearest" in part(
        "near", exchange("fact", "answered", "It is fast.", citations=(), near_misses=near)
    )
    assert "open><summary>Nearest" not in part("near", exchange("fact", near_misses=near))
