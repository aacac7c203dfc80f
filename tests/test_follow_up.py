"""Follow-ups read with the encoder that comes with Citedesk."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from rag.index.papers import PaperStore
from rag.models.encoder import Encoder, load_encoder
from rag.query.follow_up import cited_in
from rag.query.reader import QueryReader
from rag.types import Filters, Overrides, Paper, Query, Turn

PAPERS = {
    paper.paper_id: paper
    for paper in (
        Paper(
            "a",
            "Pebble: Small Caches",
            "Pebble prunes.",
            authors=("Ada Quill", "Bo Tanaka"),
            authors_complete=True,
            venue="ICML 2024",
            code="https://example.org/pebble",
            date="2024",
        ),
        Paper("b", "Reef: Caches on Disk", "Reef keeps.", authors=("Ana López",), authors_complete=True, date="2022"),
        Paper("c", "Walking Robots on Sand", "Dune walks.", authors=("Cem Osei",), date="2023-05"),
        Paper("d", "LoRA: Low-Rank Adaptation", "We propose LoRA.", date="2021"),
        Paper("e", "Slate and Chalk", "Slate writes.", date="2020"),
        Paper("f", "Pens: A Survey", "We survey pens.", date="2019"),
        Paper("g", "Ink and Paper", "Ink dries.", authors=("Bo K. Tanaka", "A. Quill"), date="2018"),
    )
}
LIST = Turn(
    "Which papers reduce the memory of language models?", "- Pebble. [1]\n- Reef. [2]\n- Sand. [3]", tuple("abc")
)
ONE = Turn("How much memory does Pebble save?", "It saves half. [1]", ("a",))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


@pytest.fixture(scope="module")
def reader(encoder: Encoder) -> QueryReader:
    return QueryReader(PaperStore.of(PAPERS.values()), encoder, lambda: date(2026, 11, 28))


def read(reader: QueryReader, question: str, *history: Turn, **overrides: Any) -> Query:
    return reader.read(question, Overrides(**overrides), history, None)


def done(query: Query) -> tuple[str | None, str]:
    """Return the name of what a follow-up does, and the papers that its answer is to cite."""
    admitted = [paper_id for paper_id in query.papers if query.admits(PAPERS[paper_id])]
    return (query.action.name if query.action else None), "".join(admitted)


@pytest.mark.parametrize(
    ("question", "name", "papers"),
    [
        ("compare 1 and 3", "compare", "ac"),
        ("put 2 next to 1", "compare", "ba"),
        ("compare the first two", "compare", "ab"),
        ("summarise these", "summarise", "abc"),
        ("tell me more about the second one", "expand", "b"),
        ("what about the last one?", "expand", "c"),
        ("expand on #3", "expand", "c"),
        ("sort by date", "sort", "bca"),
        ("newest on top", "sort", "acb"),
        ("list the papers chronologically", "sort", "bca"),
        ("merge 1 and 2", "compare", "ab"),
        ("summarise in 2 lines", "summarise", "abc"),
        ("is either newer?", "records", "a"),
        ("only since 2023", "filter", "ac"),
        ("which of those have code?", "filter", "a"),
        ("show me only the ones with code", "filter", "a"),
        ("the top two only", "filter", "ab"),
        ("keep 1 and 3", "filter", "ac"),
        ("only the ones by Ada Quill", "filter", "a"),
        ("remove number 2", "drop", "ac"),
        ("remove the papers before 2023", "drop", "ac"),
        ("how many of them are from 2024", "count", "a"),
        ("make it a table", "table", "abc"),
        ("only the titles", "titles", "abc"),
        ("bibtex please", "export", "abc"),
        ("shorter", "shorten", "abc"),
        ("group them by topic", "group", "abc"),
        ("who wrote the third", "records", "c"),
    ],
)
def test_follow_up_acts_on_the_papers_of_the_answer(reader: QueryReader, question: str, name: str, papers: str) -> None:
    query = read(reader, question, LIST)
    assert done(query) == (name, papers)
    assert (query.fixed, query.question, query.unapplied) == (True, question, ())


@pytest.mark.parametrize(
    ("question", "form"),
    [("export as csv", "csv"), ("bibtex", "bibtex"), ("ris file", "ris"), ("export as csl", "csl")],
)
def test_export_has_the_form_that_is_named(reader: QueryReader, question: str, form: str) -> None:
    action = read(reader, question, LIST).action
    assert action and (action.name, action.form, action.total) == ("export", form, 3)


def test_numbers_of_an_action_are_those_that_it_names(reader: QueryReader) -> None:
    action = read(reader, "compare 1 and 3", LIST).action
    assert action and (action.numbers, action.total) == ((1, 3), 3)


def test_comparison_brings_in_what_the_answer_has_not(reader: QueryReader) -> None:
    query = read(reader, "how does it compare to LoRA", ONE)
    assert query.action and query.action.brought == ("LoRA",)
    assert (query.kind, query.papers, query.subjects) == ("compare", ("a",), ("Pebble", "LoRA"))


def test_topic_is_left_out_of_the_papers(reader: QueryReader) -> None:
    query = read(reader, "drop the surveys", LIST)
    assert done(query) == ("drop", "abc")
    assert query.excluded == ("surveys",)


def test_topic_selects_among_the_papers(reader: QueryReader) -> None:
    query = read(reader, "which of these deal with privacy", LIST)
    assert done(query) == ("filter", "abc")
    assert not query.fixed


def test_filters_of_one_follow_up_hold_in_the_next(reader: QueryReader) -> None:
    since = Turn("only since 2023", "- Pebble. [1]\n- Sand. [2]", tuple("ac"))
    query = read(reader, "which of those have code?", LIST, since)
    assert query.filters == Filters(since="2023", code=True)
    assert done(query) == ("filter", "a")


def test_filter_that_no_paper_of_the_answer_meets_is_searched_for_in_the_collection(reader: QueryReader) -> None:
    query = read(reader, "only since 2025", LIST)
    assert (query.papers, query.filters) == ((), Filters(since="2025"))
    assert query.action and query.action.name == "filter"


def test_constraint_replaces_the_one_of_its_sort(reader: QueryReader) -> None:
    first = Turn("Which papers by Bo Tanaka since 2020 reduce the memory of models?", "None.")
    assert read(reader, "only since 2024", first).filters == Filters(since="2024", author="Bo Tanaka")
    assert read(reader, "only before 2019", first).filters == Filters(until="2018", author="Bo Tanaka")


def test_another_year_is_searched_for_in_the_collection(reader: QueryReader) -> None:
    first = Turn("Which papers from 2024 reduce the memory of models?", "- Pebble. [1]", ("a",))
    query = read(reader, "and in 2022?", first)
    assert (query.papers, query.filters, query.follow_up) == ((), Filters("2022", "2022"), "refine")


def test_more_are_those_that_were_not_shown(reader: QueryReader) -> None:
    query = read(reader, "show more", LIST)
    assert (query.papers, query.known, query.text) == ((), tuple("abc"), LIST.question)
    second = Turn("show more", "- Slate. [1]", ("e",))
    assert read(reader, "show more", LIST, second).known == tuple("abce")


def test_papers_like_one_are_searched_for(reader: QueryReader) -> None:
    query = read(reader, "more like the second one", LIST)
    assert (query.papers, query.known, query.text) == ((), ("b",), PAPERS["b"].title)


def test_lifted_filter_is_gone_from_the_search(reader: QueryReader) -> None:
    since = Turn("only since 2023", "- Pebble. [1]\n- Sand. [2]", tuple("ac"))
    query = read(reader, "forget the date limit", LIST, since)
    assert query.action and (query.action.name, query.action.lifted) == ("lift", ("since",))
    assert (query.papers, query.filters, query.text) == ((), Filters(), LIST.question)


def test_undo_shows_the_answer_before_and_again_the_one_before_that(reader: QueryReader) -> None:
    since = Turn("only since 2023", "- Pebble. [1]\n- Sand. [2]", tuple("ac"))
    code = Turn("only with code", "- Pebble. [1]", ("a",))
    query = read(reader, "undo", LIST, since, code)
    assert (done(query), query.filters) == (("undo", "ac"), Filters(since="2023"))
    undone = Turn("undo", "- Pebble. [1]\n- Sand. [2]", tuple("ac"))
    query = read(reader, "go back", LIST, since, code, undone)
    assert (done(query), query.filters) == (("undo", "abc"), Filters())


@pytest.mark.parametrize(
    ("question", "papers"), [("compare 1 and 3", "ac"), ("sort by date", "bca"), ("bibtex please", "b")]
)
def test_numbers_and_several_papers_are_those_of_the_list_before_one_paper(
    reader: QueryReader, question: str, papers: str
) -> None:
    one = Turn("tell me more about the second one", "Reef keeps. [1]", ("b",))
    assert done(read(reader, question, LIST, one))[1] == papers


def test_papers_that_came_next_are_filtered_like_the_first(reader: QueryReader) -> None:
    more = Turn("show more", "- LoRA. [1]\n- Slate. [2]", ("d", "e"))
    assert done(read(reader, "only since 2021", LIST, more)) == ("filter", "d")


def test_undo_restores_what_the_user_had_set(reader: QueryReader) -> None:
    first = Turn(LIST.question, "- Pebble. [1]", ("a",), Overrides(filters=Filters(code=True)))
    shorter = Turn("shorter", "- Pebble. [1]", ("a",), Overrides(filters=Filters(code=True)))
    assert read(reader, "undo", first, shorter).filters == Filters(code=True)
    lifted = Turn("only since 2023", "- Pebble. [1]", ("a",), Overrides(drop=frozenset({"since"})))
    assert read(reader, "undo", LIST, lifted, Turn("shorter", "- Pebble. [1]", ("a",))).filters == Filters()


def test_full_list_is_shown_again_behind_several_actions(reader: QueryReader) -> None:
    since = Turn("only since 2023", "- Pebble. [1]\n- Sand. [2]", tuple("ac"))
    code = Turn("only with code", "- Pebble. [1]", ("a",))
    assert done(read(reader, "go back to the full list", LIST, since, code)) == ("undo", "abc")


def test_kind_of_work_is_kept_or_left_out_by_what_papers_say_they_are(reader: QueryReader) -> None:
    listed = Turn(LIST.question, "- Pebble. [1]\n- Pens. [2]", ("a", "f"))
    query = read(reader, "only surveys", listed)
    assert (done(query), query.fixed, query.action and query.action.by) == (("filter", "f"), True, "survey")
    assert read(reader, "drop the surveys", listed).excluded == ("surveys",)
    assert read(reader, "drop the benchmarks", LIST).filters == Filters()
    none = read(reader, "only surveys", LIST)
    assert (none.papers, none.fixed) == ((), True)


@pytest.mark.parametrize(("question", "by", "papers"), [("group by year", "year", "acb"), ("by venue", "venue", "abc")])
def test_papers_are_grouped_by_a_field_of_their_records(
    reader: QueryReader, question: str, by: str, papers: str
) -> None:
    query = read(reader, f"group {question.removeprefix('group ')}", LIST)
    assert (done(query), query.action and query.action.by) == (("group", papers), by)


def test_paper_that_came_first_is_the_oldest(reader: QueryReader) -> None:
    assert done(read(reader, "which came first?", LIST)) == ("records", "b")
    assert done(read(reader, "which was published last?", LIST)) == ("records", "a")


def test_newer_papers_like_one_are_no_older_than_it(reader: QueryReader) -> None:
    query = read(reader, "papers like the second but newer", LIST)
    assert (query.action and query.action.name, query.filters) == ("similar", Filters(since="2022"))


def test_other_papers_of_the_authors_are_looked_up(reader: QueryReader) -> None:
    query = read(reader, "more by the same author", ONE)
    assert (query.kind, done(query), query.fixed) == ("metadata", ("same-author", "g"), True)
    assert query.action and query.action.brought == ("Bo Tanaka",)
    assert done(read(reader, "what else did they write?", LIST)) == ("same-author", "g")
    assert done(read(reader, "what else did the first author write?", ONE)) == ("same-author", "")


def test_filter_on_the_rest_searches_for_no_others(reader: QueryReader) -> None:
    assert read(reader, "which of those came out before 2010?", LIST).papers == tuple("abc")
    assert read(reader, "only before 2010", LIST).papers == ()


def test_follow_up_behind_a_refusal_is_about_the_papers_before(reader: QueryReader) -> None:
    refused = Turn("only surveys", "None.", ())
    query = read(reader, "tell me more about the first", LIST, refused)
    assert done(query) == ("expand", "a")


def test_lift_is_no_part_of_the_next_refinement(reader: QueryReader) -> None:
    since = Turn("only since 2023", "- Pebble. [1]\n- Sand. [2]", tuple("ac"))
    lifted = Turn("forget the date limit", "- Pebble. [1]", ("a",))
    assert read(reader, "what about phones?", LIST, since, lifted).action is None


def test_kind_of_work_alone_filters_the_papers(reader: QueryReader) -> None:
    assert done(read(reader, "only benchmarks", LIST))[0] == "filter"


def test_newer_papers_are_others_but_which_is_newer_is_a_question(reader: QueryReader) -> None:
    assert done(read(reader, "is there anything newer?", ONE))[0] == "similar"
    assert done(read(reader, "which is newer?", LIST))[0] != "similar"
    assert done(read(reader, "is 1 newer than 3?", LIST)) == ("records", "ac")


def test_plural_is_the_list_before_one_paper(reader: QueryReader) -> None:
    one = Turn("tell me more about the second one", "Reef keeps. [1]", ("b",))
    assert done(read(reader, "bibtex for these", LIST, one)) == ("export", "abc")


def test_turn_that_a_follow_up_is_about_goes_to_the_writer(reader: QueryReader) -> None:
    one = Turn("tell me more about the second one", "Reef keeps. [1]", ("b",))
    assert read(reader, "compare 1 and 3", LIST, one).about == LIST
    assert read(reader, "how fast is it?", LIST, one).about == one
    assert read(reader, "which papers study protein folding?", LIST, one).about is None


def test_code_of_one_paper_is_looked_up(reader: QueryReader) -> None:
    assert done(read(reader, "code?", ONE)) == ("records", "a")


def test_code_of_papers_that_are_compared_is_looked_up(reader: QueryReader) -> None:
    both = Turn("compare Pebble and Reef", "- Pebble. [1]\n- Reef. [2]", tuple("ab"))
    query = read(reader, "code?", both)
    assert (done(query), query.filters) == (("records", "ab"), Filters())


def test_paper_that_is_named_behind_a_comparison_joins_it(reader: QueryReader) -> None:
    both = Turn("compare Pebble and Reef", "- Pebble. [1]\n- Reef. [2]", tuple("ab"))
    query = read(reader, "and LoRA?", both)
    assert (done(query)[0], query.subjects) == ("compare", ("Pebble", "Reef", "LoRA"))


def test_papers_that_meet_a_constraint_are_put_first(reader: QueryReader) -> None:
    order = Turn("oldest first", "- Reef. [1]\n- Sand. [2]\n- Pebble. [3]", tuple("bca"))
    query = read(reader, "put the ones with code first", LIST, order)
    assert (done(query), query.filters) == (("sort", "abc"), Filters())
    assert query.action and query.action.by == "with code first"


@pytest.mark.parametrize("question", ["only the prettiest", "sort them by beauty"])
def test_what_is_not_understood_is_said(reader: QueryReader, question: str) -> None:
    query = read(reader, question, LIST)
    assert query.unapplied or (query.action and query.action.name == "pick")


def test_word_that_leaves_papers_out_is_no_constraint_that_is_not_applied(reader: QueryReader) -> None:
    query = read(reader, "hide the ones on robots", LIST)
    assert (done(query)[0], query.excluded, query.unapplied) == ("drop", ("robots",), ())
    named = read(reader, "without Pebble", LIST)
    assert (done(named), named.unapplied) == (("drop", "bc"), ())


def test_kinds_of_work_are_left_out_one_by_one(reader: QueryReader) -> None:
    assert read(reader, "without the benchmarks and surveys", LIST).excluded == ("benchmarks", "surveys")


def test_period_is_made_longer_by_a_year_that_is_fine_too(reader: QueryReader) -> None:
    since = Turn("only since 2024", "- Pebble. [1]", ("a",))
    query = read(reader, "actually 2023 is fine too", LIST, since)
    assert (query.action and query.action.name, query.filters) == ("lift", Filters(since="2023"))


def test_these_are_what_a_filter_left(reader: QueryReader) -> None:
    since = Turn("only since 2024", "- Pebble. [1]", ("a",))
    assert done(read(reader, "export these as csv", LIST, since)) == ("export", "a")


def test_undo_passes_over_an_export(reader: QueryReader) -> None:
    export = Turn("bibtex please", "@misc", tuple("abc"))
    order = Turn("oldest first", "- Reef. [1]\n- Sand. [2]\n- Pebble. [3]", tuple("bca"))
    query = read(reader, "undo", LIST, export, order)
    assert (done(query), query.kind) == (("undo", "abc"), "list")


def test_question_that_names_another_paper_stands_alone(reader: QueryReader) -> None:
    assert read(reader, "how much memory does LoRA save?", ONE).papers == ()
    assert read(reader, "how much memory does Pebble save?", ONE).papers in ((), ("a",))
    assert read(reader, "how much faster is it than LoRA?", ONE).papers == ("a",)


def test_newest_alone_is_kept(reader: QueryReader) -> None:
    query = read(reader, "only the most recent one", LIST)
    assert (done(query), query.action and query.action.numbers) == (("filter", "a"), (1,))


def test_that_behind_a_fact_is_its_first_paper(reader: QueryReader) -> None:
    two = Turn("How much memory does Pebble save?", "It saves half. [1][2]", ("a", "b"))
    assert done(read(reader, "who wrote that?", two)) == ("records", "a")


def test_question_in_another_language_stands_alone(reader: QueryReader) -> None:
    query = read(reader, "welche Paper behandeln Quantisierung?", LIST)
    assert (query.action, query.papers) == (None, ())


def test_papers_are_filtered_by_the_kind_of_their_venue(reader: QueryReader) -> None:
    query = read(reader, "which appeared at a conference?", LIST)
    assert (done(query), query.filters) == (("filter", "a"), Filters(venue="conference"))
    none = read(reader, "which appeared at a workshop?", LIST)
    assert (done(none), none.filters) == (("filter", ""), Filters(venue="workshop"))
    either = read(reader, "which appeared at a workshop or conference?", LIST)
    assert (done(either), either.filters) == (("filter", "a"), Filters(venue="workshop or conference"))


def test_numbers_behind_of_name_papers(reader: QueryReader) -> None:
    assert done(read(reader, "give me the bibtex of 1 and 2", LIST)) == ("export", "ab")


def test_misspelt_order_is_mended(reader: QueryReader) -> None:
    query = read(reader, "newst first", LIST)
    assert (done(query), query.order, query.mended) == (("sort", "acb"), "newest", "newest first")


def test_nothing_is_undone_at_the_beginning(reader: QueryReader) -> None:
    query = read(reader, "undo", LIST)
    assert query.kind == "help" and query.action and query.action.name == "undo"


def test_question_about_the_paper_before_is_restricted_to_it(reader: QueryReader) -> None:
    query = read(reader, "which datasets was it tested on?", ONE)
    assert (query.follow_up, query.papers) == ("ask", ("a",))
    assert query.standalone == query.text == "Pebble: which datasets was it tested on?"


@pytest.mark.parametrize(
    "question",
    [
        "Which papers study protein folding?",
        "what is speculative decoding",
        "papers on sorting algorithms since 2020",
        "which papers compare optimizers",
        "papers with code about table question answering",
    ],
)
def test_question_that_stands_alone_is_read_alone(reader: QueryReader, question: str) -> None:
    query = read(reader, question, LIST)
    assert (query.standalone, query.papers, query.action, query.kind) == (None, (), None, read(reader, question).kind)


def test_without_a_history_nothing_is_a_follow_up(reader: QueryReader) -> None:
    for question in ("the second one", "sort by date", "undo"):
        query = read(reader, question)
        assert (query.standalone, query.papers, query.action, query.follow_up) == (None, (), None, "none")


def test_greeting_between_turns_is_passed_over(reader: QueryReader) -> None:
    assert read(reader, "tell me more about the second one", LIST, Turn("thanks!")).papers == ("b",)
    assert read(reader, "thanks!", LIST).kind == "help"


def test_papers_that_are_gone_restrict_nothing(reader: QueryReader) -> None:
    gone = Turn("Which papers reduce memory?", "- Gone. [1]", ("x",))
    assert read(reader, "tell me more about the second one", gone).papers == ()


def test_titles_in_an_answer_stand_for_citations() -> None:
    assert cited_in("“Walking Robots on Sand”, then Reef: caches on disk.", PaperStore.of(PAPERS.values())) == (
        "c",
        "b",
    )


def test_lifted_scope_joins_the_follow_up_to_the_question_before(reader: QueryReader) -> None:
    query = read(reader, "only since 2023", LIST, drop=frozenset({"papers"}))
    assert (query.papers, query.filters, query.action) == ((), Filters(since="2023"), None)
    assert query.standalone == "Which papers reduce the memory of language models, only since 2023"


def test_lifted_action_leaves_a_question_that_stands_alone(reader: QueryReader) -> None:
    query = read(reader, "compare 1 and 3", LIST, drop=frozenset({"action"}))
    assert (query.papers, query.action, query.standalone) == ((), None, None)


def test_question_about_chosen_papers_stands_alone(reader: QueryReader) -> None:
    chosen = tuple(sorted(reader._papers))[:2]
    query = read(reader, "compare 1 and 3", LIST, papers=chosen)
    assert (query.papers, query.action, query.standalone) == (chosen, None, None)


def test_overrides_stand_against_what_is_read(reader: QueryReader) -> None:
    assert read(reader, "tell me more about the second one", LIST, kind="list").kind == "list"
    literal = read(reader, "only since 2024", LIST, as_is=True)
    assert (literal.text, literal.filters, literal.standalone) == ("only since 2024", Filters(), None)
    assert not read(reader, "papers on caches by Ada Quill", drop=frozenset({"author"})).filters
    ordered = read(reader, "newest papers on caches except surveys", drop=frozenset({"order", "excluded", "count"}))
    assert (ordered.order, ordered.excluded, ordered.count) == (None, (), None)


@pytest.mark.parametrize("answer", ["x" * 20_000, "A-" * 10_000, "* ** " * 4_000, "\ud800\x00\u202e" * 100])
@pytest.mark.parametrize("question", ["how fast is it?", "and in 2024?", "the second?", "undo", "\ud800"])
def test_hostile_history_is_read(reader: QueryReader, question: str, answer: str) -> None:
    query = read(reader, question, Turn(answer, answer), Turn("What does Reef do?", answer))
    assert query.papers == ()
    query.asked.encode()


def test_question_about_an_answer_that_is_not_at_hand_keeps_its_own_kind(reader: QueryReader) -> None:
    query = read(reader, "What does it lose in accuracy?", Turn("Which papers quantize Mamba models?"))
    assert (query.kind, query.follow_up) == ("fact", "refine")
    assert query.standalone == "Which papers quantize Mamba models, What does it lose in accuracy?"
