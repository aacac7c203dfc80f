"""Follow-ups read with the encoder that comes with Citedesk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from rag.models.encoder import Encoder, load_encoder
from rag.query.follow_up import EarlierTurn, cited_in, referred_papers
from rag.query.reader import QueryReader
from rag.types import Filters, Overrides, Paper, Query, Turn

PAPERS = {
    paper.paper_id: paper
    for paper in (
        Paper("a", "Pebble: Small Caches", "Pebble prunes.", authors=("Ada Quill", "Bo Tanaka"), venue="ICML 2024"),
        Paper("b", "Reef: Caches on Disk", "Reef keeps.", authors=("Ana López",), date="2022"),
        Paper("c", "Walking Robots on Sand", "Dune walks.", authors=("Cem Osei",), date="2023-05"),
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
    return QueryReader(PAPERS, encoder, lambda: date(2026, 11, 28))


def read(reader: QueryReader, question: str, *history: Turn) -> Query:
    return reader.read(question, Overrides(), history, None)


@pytest.mark.parametrize(
    ("question", "filters"),
    [
        ("only since 2024", Filters(since="2024")),
        ("and by Ada Quill?", Filters(author="Ada Quill")),
        ("only those with code", Filters(code=True)),
    ],
)
def test_refinement_joins_its_filters_to_the_question_before(
    reader: QueryReader, question: str, filters: Filters
) -> None:
    query = read(reader, question, LIST)
    if query.follow_up == "refine":
        assert (query.kind, query.filters, query.papers) == ("list", filters, ())
        assert query.standalone == f"Which papers reduce the memory of language models, {question}"
    else:
        assert (query.follow_up, query.filters, query.papers) == ("act", filters, ("a", "b", "c"))


def test_constraint_replaces_the_one_of_its_sort(reader: QueryReader) -> None:
    first = Turn("Which papers by Bo Tanaka since 2020 reduce the memory of models?", "None.")
    assert read(reader, "only since 2024", first).filters == Filters(since="2024", author="Bo Tanaka")
    assert read(reader, "only before 2019", first).filters == Filters(until="2018", author="Bo Tanaka")


@pytest.mark.parametrize(
    ("question", "papers"),
    [
        ("tell me more about the second one", "b"),
        ("compare the first two", "ab"),
        ("what does the last one conclude?", "c"),
        ("how fast is the third?", "c"),
        ("what does [2] say about speed?", "b"),
        ("summarise these", "abc"),
        ("sort them by date", "abc"),
    ],
)
def test_follow_up_is_about_the_papers_that_it_names(reader: QueryReader, question: str, papers: str) -> None:
    assert read(reader, question, LIST).papers == tuple(papers)


def test_order_of_the_cited_papers_is_answered_by_the_records(reader: QueryReader) -> None:
    query = read(reader, "sort them by date, newest first", LIST)
    assert (query.kind, query.order, query.papers) == ("metadata", "newest", ("a", "b", "c"))


def test_question_about_the_paper_before_is_restricted_to_it(reader: QueryReader) -> None:
    query = read(reader, "which datasets was it tested on?", ONE)
    assert (query.follow_up, query.papers) == ("ask", ("a",))
    assert query.standalone == query.text == "Pebble: which datasets was it tested on?"


def test_question_that_stands_alone_is_read_alone(reader: QueryReader) -> None:
    question = "Which papers study protein folding?"
    query = read(reader, question, LIST)
    assert (query.standalone, query.papers, query.text) == (None, (), question)
    assert query.kind == read(reader, question).kind


def test_without_a_history_nothing_is_a_follow_up(reader: QueryReader) -> None:
    query = read(reader, "the second one")
    assert (query.standalone, query.papers) == (None, ())


def test_greeting_between_turns_is_passed_over(reader: QueryReader) -> None:
    assert read(reader, "tell me more about the second one", LIST, Turn("thanks!")).papers == ("b",)
    assert read(reader, "thanks!", LIST).kind == "help"


def test_papers_that_are_gone_restrict_nothing(reader: QueryReader) -> None:
    gone = Turn("Which papers reduce memory?", "- Gone. [1]", ("x",))
    assert read(reader, "tell me more about the second one", gone).papers == ()


def test_titles_in_an_answer_stand_for_citations() -> None:
    assert cited_in("“Walking Robots on Sand”, then Reef: caches on disk.", PAPERS) == ("c", "b")


@pytest.mark.parametrize(
    ("question", "papers"),
    [
        ("the second", "b"),
        ("the first two", "ab"),
        ("the last two", "bc"),
        ("the 3rd", "c"),
        ("[1] and [3]", "ac"),
        ("#2", "b"),
        ("the former", "a"),
        ("the ninth", ""),
        ("the 20 papers of 2024", ""),
        ("Walking robots on sand please", "c"),
    ],
)
def test_papers_are_referred_to_by_position_or_title(question: str, papers: Sequence[str]) -> None:
    earlier = EarlierTurn(Query("q", "list", "q"), ("a", "b", "c"))
    assert referred_papers(Query(question, "list", question), earlier, PAPERS) == tuple(papers)


def test_overrides_stand_against_what_is_read(reader: QueryReader) -> None:
    query = reader.read("tell me more about the second one", Overrides(kind="list"), [LIST], None)
    assert query.kind == "list"
    literal = reader.read("only since 2024", Overrides(as_is=True), [LIST], None)
    assert (literal.text, literal.filters, literal.standalone) == ("only since 2024", Filters(), None)
    dropped = reader.read("papers on caches by Ada Quill", Overrides(drop=frozenset({"author"})), [], None)
    assert not dropped.filters


@pytest.mark.parametrize("answer", ["x" * 20_000, "A-" * 10_000, "* ** " * 4_000, "\ud800\x00\u202e" * 100])
@pytest.mark.parametrize("question", ["how fast is it?", "and in 2024?", "the second?", "\ud800"])
def test_hostile_history_is_read(reader: QueryReader, question: str, answer: str) -> None:
    query = read(reader, question, Turn(answer, answer), Turn("What does Reef do?", answer))
    assert query.papers == ()
    query.asked.encode()
