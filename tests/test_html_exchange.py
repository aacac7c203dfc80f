from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from rag.answer import (
    Answer,
    Aspect,
    Cell,
    Citation,
    Comparison,
    EstimatedMissing,
    Group,
    Notice,
    Relaxation,
    Sentence,
    Status,
    Thing,
    Usage,
)
from rag.query.limits import MAX_QUESTION_LENGTH
from rag.query.turns import turn_from_json
from rag.types import Action, Evidence, Filters, Hit, Kind, Overrides, Query, Quote, TokenUsage, Turn
from tests.fakes import DUNE, PEBBLE, QUBITS, REEF
from ui.api.models import AskRequest, FeedbackRequest, parse
from ui.exchange import Exchange
from ui.html.exchange_sections import parts_of

QUOTE = Quote("It halves the memory of long prompts.", 33, 70, "supported")
EVIDENCE = (Evidence(1, PEBBLE, ()), Evidence(2, REEF, (QUOTE,)))
HITS = (Hit(1, PEBBLE, 0.9, 2.0, {"dense": 0.7}), Hit(2, REEF, 0.4, 1.0, {"dense": 0.5}))
PARTS = "question understanding progress answer papers near follow actions".split()


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


def test_question_can_be_asked_again_whether_it_was_answered_or_not() -> None:
    for shown in (Exchange("x1", "Why?", progress="Searching"), Exchange("x1", "Why?", error="No."), exchange()):
        assert whole(shown).count('data-action="retry"') == whole(shown).count('data-action="edit"') == 1


def test_what_went_wrong_is_one_line() -> None:
    html = part("progress", Exchange("x1", "Why?", error="No <index>. Run: citedesk index"))
    assert html == '<p class="cd-error" role="alert"><bdi>No &lt;index&gt;. Run: citedesk index</bdi></p>'


def test_first_hits_are_rows_of_titles_until_the_evidence_replaces_them() -> None:
    shown = Exchange("x1", "Why?", query=Query("Why?", "list", "x"), hits=HITS)
    html = part("papers", shown)
    assert re.findall(r'<li class="cd-row" id="([^"]+)"', html) == ["x1-h1", "x1-h2"]
    assert html.index("Pebble: Small Caches") < html.index("Reef: Caches on Disk")
    assert "cd-says" not in html
    later = part("papers", replace(shown, evidence=EVIDENCE))
    assert re.findall(r'<li class="cd-row" id="([^"]+)"', later) == ["x1-e1", "x1-e2"]
    assert "It halves the memory of long prompts." in later


def test_evidence_keeps_its_order_and_gets_its_number_once_cited() -> None:
    shown = Exchange(
        "x1", "Why?", hits=HITS, evidence=EVIDENCE, text="Reef [1] and [2]", citations=(Citation(1, REEF),)
    )
    html = part("papers", shown)
    assert re.findall(r'<li class="cd-row" id="([^"]+)"', html) == ["x1-e1", "x1-p1"]
    answer = part("answer", shown)
    assert answer.count('href="#x1-p1"') == 1 and "and [2]" in answer
    assert "It halves the memory of long prompts." in answer  # in the tip, before Done brings the quotes


def test_row_has_title_sentence_record_and_how_sure() -> None:
    cited = (Citation(1, PEBBLE, (Quote(PEBBLE.abstract[:48], 0, 48),), score=0.93), Citation(2, REEF, score=0.31))
    html = part("papers", replace(exchange(citations=cited), terms=("prune",)))
    row = html[html.index('id="x1-p1"') : html.index('id="x1-p2"')]
    for held in (
        'data-n="1" data-paper="2401.00001" data-title="Pebble: Small Caches"',
        'data-quotes="0-48"',
        '<span class="cd-n">1</span> <a href="https://arxiv.org/abs/2401.00001" target="_blank"',
        '<time datetime="2024-01-05" title="2024-01-05">2024</time>',
        "<bdi>Ada Quill</bdi>, <bdi>Bo Tanaka</bdi>",
        "<bdi>ICML 2024</bdi>",
        'href="https://example.org/pebble"',
        '<span title="Probability that it belongs: 93 %">surely</span>',
        'aria-label="Details: Pebble: Small Caches"',
        'type="checkbox" class="cd-pick" aria-label="Select: Pebble: Small Caches"',
        "<dt>Rank in the search</dt><dd><b>1</b>",
        "<dt>Meaning</dt><dd><b>0.70</b>",
    ):
        assert held in row
    assert row.index("cd-row-title") < row.index("cd-says") < row.index("cd-meta") < row.index("cd-found")
    assert ">perhaps</span>" in html[html.index('id="x1-p2"') :]


def test_papers_that_a_model_chose_are_not_said_to_belong_perhaps() -> None:
    shown = exchange(citations=(Citation(1, PEBBLE, score=0.31),))
    assert shown.answer and ">perhaps</span>" in part("papers", shown)
    assert ">perhaps</span>" not in part("papers", replace(shown, answer=replace(shown.answer, model="m")))


def test_words_that_answer_are_marked_and_escaped() -> None:
    paper = replace(REEF, abstract="Caches & <b>memory</b> are halved by 2x. Costs stay.")
    quote = Quote("Caches & <b>memory</b> are halved by 2x.", 0, 40)
    shown = replace(exchange(citations=(Citation(1, paper, (quote,)),)), terms=("memori", "halv"))
    html = part("papers", shown)
    assert "Caches &amp; &lt;b&gt;<mark>memory</mark>&lt;/b&gt; are <mark>halved</mark> by 2x." in html
    fact = replace(exchange("fact", citations=(Citation(1, paper, (quote,)),)), terms=("memori",))
    assert "by <mark>2x</mark>." in part("papers", fact)


def test_cut_sentence_has_an_ellipsis() -> None:
    paper = replace(REEF, abstract="Reef is slow, but small. It is old. It wins.")
    first, last = Quote("Reef is slow", 0, 12), Quote("It wins.", 36, 44)
    html = part("papers", exchange(citations=(Citation(1, paper, (first, last)),)))
    assert re.sub(r"<[^>]+>", "", html[html.index("cd-says") : html.index("cd-meta")]).count("…") == 1
    assert "… <q" in html
    alone = part("papers", exchange(citations=(Citation(1, paper, (first,)),)))
    assert "Reef is slow</q> …" in alone


def test_nothing_is_said_twice() -> None:
    point = "**It halves** the memory of long prompts. [1]"
    html = whole(exchange("fact", point=point, text=point))
    shown = re.sub(r"<script.*?</script>|<span class=\"cd-tip.*?</span>", "", html, flags=re.DOTALL)
    assert re.sub(r"<[^>]+>", "", shown).count("the memory of long prompts") == 1
    assert 'class="cd-prose cd-answer-point"' in html and "<strong>It halves</strong>" in html


def test_groups_are_headings_above_their_rows_and_each_row_comes_once() -> None:
    many = tuple(Citation(n, replace(REEF, paper_id=f"p{n}")) for n in range(1, 6))
    groups = (Group("on <disk>", (2, 4)), Group("in memory", (4, 1)))
    html = part("papers", exchange(citations=many, groups=groups))
    order = re.findall(r'<h3><bdi>(.*?)</bdi></h3>|<h3>(Others)</h3>|id="x1-p(\d)"', html)
    assert ["".join(each) for each in order] == ["on &lt;disk&gt;", "2", "4", "in memory", "1", "Others", "3", "5"]


def test_long_lists_page() -> None:
    many = tuple(Citation(n, replace(REEF, paper_id=f"p{n}")) for n in range(1, 48))
    assert ">Show 20 more of 47</button>" in part("papers", exchange(citations=many))
    assert "Show" not in part("papers", exchange(citations=many[:20]))


def test_near_misses_are_folded_below_with_a_reason() -> None:
    near = (Citation(None, DUNE, score=0.12), Citation(None, QUBITS, why="no cache in it"))
    html = part("near", exchange(near_misses=near))
    assert html.startswith('<details class="cd-fold cd-near"><summary>Nearest papers, not cited (2)</summary>')
    assert "probability 12 %" in html and "Not cited: no cache in it" in html
    refused = exchange("fact", "refused", "The collection does not answer this.", citations=(), near_misses=near)
    assert '<details class="cd-fold cd-near" open><summary>Nearest papers</summary>' in part("near", refused)


def test_understanding_has_a_control_for_each_constraint() -> None:
    filters = Filters(since="2023", author="<b>Ada</b>", least_authors=2, code=True)
    html = part("understanding", exchange(filters=filters))
    assert re.findall(r'data-action="lift" data-name="(\w+)"', html) == ["since", "author", "author_count", "code"]
    assert 'aria-label="Remove: dated 2023 or later"' in html
    assert "by &lt;b&gt;Ada&lt;/b&gt;" in html
    assert '<option value="list" selected>list of papers</option>' in html
    assert 'name="since" value="2023"' in html
    assert "Reset" not in html and 'data-action="code"' not in html


def test_scope_and_action_of_a_follow_up_are_chips_that_can_be_removed() -> None:
    query = Query("and it?", "fact", "caches", standalone="Which caches?", papers=("a", "b"))
    html = part("understanding", Exchange("x1", "and it?", query=query))
    assert 'data-name="papers" aria-label="Remove: among 2 papers"' in html
    acted = replace(query, action=Action("compare", 8, (1, 3)))
    html = part("understanding", Exchange("x1", "and it?", query=acted))
    assert 'data-name="action" aria-label="Remove: compare papers 1 and 3 of 8"' in html
    assert "among" not in html and "Understood as" not in html
    kept = replace(query, filters=Filters(code=True), action=Action("filter", 8))
    html = part("understanding", Exchange("x1", "with code", query=kept))
    assert 'data-name="papers" aria-label="Remove: among the 8 papers before"' in html
    assert 'data-name="code" aria-label="Remove: with code"' in html and 'data-name="action"' not in html


def test_what_the_user_set_can_be_undone() -> None:
    shown = exchange(overrides=Overrides("list", drop=frozenset({"since"})))
    assert 'data-action="reset"' in part("understanding", shown)


def test_follow_up_says_what_it_was_taken_for() -> None:
    query = Query("and in 2023?", "list", "caches", standalone="Which caches in 2023?")
    shown = Exchange("x1", "and in 2023?", query=query)
    assert "Understood as: <bdi>Which caches in 2023?</bdi>" in part("understanding", shown)


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


def test_comparison_has_the_things_as_columns_and_says_what_no_paper_tells() -> None:
    things = (Thing("Reef", (1,)), Thing("<Dune>"))
    table = Comparison(things, (Aspect("Cost", ((Cell(1, QUOTE),), ())),))
    html = part("answer", exchange("compare", comparison=table, point="- **Reef**: small [1]"))
    heads = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r'<th scope="col">(.*?)</th>', html)]
    assert heads == ["Reef paper [1]", "&lt;Dune&gt; no paper here"]
    assert '<th scope="row">Cost</th><td data-thing="Reef"><p><q' in html
    assert '<td data-thing="&lt;Dune&gt;"><span class="cd-nothing">not said</span></td>' in html
    assert "cd-says" not in part("papers", exchange("compare", comparison=table))


def test_how_complete_a_written_list_is_stands_above_its_rows() -> None:
    many = tuple(Citation(n, replace(REEF, paper_id=f"p{n}")) for n in range(1, 4))
    assert "perhaps 1–3 more" in part(
        "papers", exchange(status="answered", citations=many, missed=EstimatedMissing(1, 3))
    )
    assert "perhaps" not in part("papers", exchange(citations=many, missed=EstimatedMissing(1, 3)))  # the point says it


def test_titles_alone_and_files_are_shown_as_asked() -> None:
    def acted(name: Any, text: str, form: Any = None) -> Exchange:
        shown = exchange(text=text)
        assert shown.answer
        query = replace(shown.answer.query, action=Action(name, 2, form=form))
        return replace(shown, query=query, answer=replace(shown.answer, query=query))

    assert "cd-says" not in part("papers", acted("titles", "- Reef [1]"))
    file = part("answer", acted("export", "```bibtex\n@misc{<reef>}\n```", "bibtex"))
    assert '<pre class="cd-file" tabindex="0">@misc{&lt;reef&gt;}</pre>' in file and "Save as BibTeX" in file
    assert "data-asked" in part("papers", acted("table", "| a |"))


def test_who_wrote_it_stands_below_and_no_count_of_warnings_above() -> None:
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
    assert "<b>Cut short.</b>" in html and '<p class="cd-note"><bdi>The model cited no paper' in html
    assert 'title="not found in the abstract: only half"' in html
    assert "Written by small-&lt;model&gt; · 2.3 s · 1 call · 100 tokens read, 20 written" in part("actions", shown)


def test_mended_question_can_be_searched_as_typed() -> None:
    shown = exchange(notices=(Notice("mended", {"text": "which caches", "searched": True}),))
    assert shown.answer and "as-is" not in part("answer", shown)
    query = replace(shown.answer.query, mended="which caches")
    mended = replace(shown, answer=replace(shown.answer, query=query))
    assert 'data-action="as-is">Search as typed</button>' in part("answer", mended)


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
        "turn": {
            "question": "Which caches?",
            "answer": "- Reef [1]",
            "citations": ["2406.00004", "2401.00001"],
            "overrides": {"filters": {"code": True}},
        },
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
    assert "alert(1)" in embedded(shown, "cd-exports")["markdown"]


def test_exports_are_there_for_every_cited_answer() -> None:
    assert sorted(embedded(exchange("fact"), "cd-exports")) == ["markdown", "text"]
    formats = re.findall(r'data-format="(\w+)"', part("actions", exchange("fact")))
    assert formats == ["bibtex", "ris", "csl", "csv", "markdown"]
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
