from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore

from rag.answer import (
    Answer,
    Checked,
    Done,
    EstimatedMissing,
    Event,
    FirstHits,
    Relaxation,
    Retrieved,
    Thing,
    Token,
)
from rag.engine import Engine
from rag.errors import UsageError
from rag.generation.llama_index import paper_to_node
from rag.generation.writer import TokenCounter, Writer
from rag.index.library import Library
from rag.llm.protocol import Message
from rag.models.loading import Models
from rag.render.notices import notices_text
from rag.retrieval.candidates import dense_search
from rag.retrieval.scoring import Logistic, load_ranker
from rag.types import Filters, Hit, Overrides, TokenUsage
from rag.verification.judge import SentenceJudge
from rag.verification.written_answer import CheckedWriter
from tests.fakes import (
    CACHE_PAPER,
    EASY_RANKER,
    PAPERS,
    PEBBLE,
    REEF,
    SHELF,
    HashCrossEncoder,
    HashEncoder,
    ReadingEncoder,
    ScriptedChat,
    ScriptedEndpoint,
    hash_library,
    hash_settings,
    ids,
    reading_models,
    word_writer,
)
from tests.timing import PATIENCE

QUESTION = "How does Pebble prune the KV cache?"
GENEROUS = replace(EASY_RANKER, relevance=Logistic({}, 20.0))
STRICT = replace(EASY_RANKER, answerable=Logistic({}, -30.0))


def make(library: Library, models: Models | None = None, ranker: Any = EASY_RANKER, **values: Any) -> Engine:
    settings = hash_settings(Path("home"), **values)
    writer = word_writer(settings) if settings.has_endpoint else None
    return Engine(
        settings, library, models or reading_models(), ranker=ranker, today=lambda: date(2026, 1, 2), writer=writer
    )


def asked(engine: Engine, question: str, overrides: Overrides = Overrides()) -> Answer:
    *_, done = engine.ask(question, overrides)
    assert isinstance(done, Done)
    return done.answer


def written(library: Library, endpoint: ScriptedEndpoint, **more: Any) -> tuple[list[Event], Answer]:
    engine = make(library, ranker=GENEROUS, llm_base_url=endpoint.url, llm_model="small-model", recall=(), **more)
    events = list(engine.ask(QUESTION))
    assert isinstance(events[-1], Done)
    return events, events[-1].answer


def usage_of(answer: Answer) -> list[tuple[str, TokenUsage]]:
    return list(answer.usage.steps.items())


def streamed(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def test_search_ranks_papers_with_what_each_signal_gave_them(library: Library) -> None:
    hits = make(library).search(QUESTION).hits
    assert (hits[0].paper, hits[0].rank) == (CACHE_PAPER, 1)
    assert [hit.rank for hit in hits] == [1, 2, 3]
    for hit in hits:
        assert list(hit.signals) == ["dense", "lexical", "maxsim", "belongs", "answers"]
        assert 0 < hit.score < 1
    assert [hit.strength for hit in hits] == sorted((hit.strength for hit in hits), reverse=True)


def test_question_for_papers_on_one_name_is_answered_by_those_that_mention_it(library: Library) -> None:
    as_list = Overrides(kind="list")
    assert len(ids(asked(make(library, ranker=GENEROUS), "papers on caches", as_list).citations)) > 1
    assert ids(asked(make(library, ranker=GENEROUS), "papers on Pebble", as_list).citations) == [CACHE_PAPER.paper_id]


def test_question_for_papers_on_a_name_that_none_mentions_is_refused_unless_some_probably_belong(
    library: Library,
) -> None:
    as_list, told = Overrides(kind="list"), "No paper here mentions “Zorvex”."
    refused = asked(make(library), "papers on Zorvex", as_list)
    assert (refused.status, notices_text(refused.notices)) == ("refused", told)
    answered = asked(make(library, ranker=GENEROUS), "papers on Zorvex", as_list)
    assert (answered.status, notices_text(answered.notices)) == ("extractive", told)


def test_first_hits_come_before_the_cross_encoder_reads_and_are_replaced(library: Library) -> None:
    engine = make(library)
    events = engine.ask(QUESTION)
    first = next(events)
    assert isinstance(first, FirstHits)
    assert [list(hit.signals) for hit in first.hits] == [["dense", "lexical", "maxsim"]] * len(first.hits)
    assert CACHE_PAPER in [hit.paper for hit in first.hits]
    later = next(events)
    assert isinstance(later, Retrieved) and "belongs" in later.hits[0].signals
    events.close()


def test_without_a_cross_encoder_there_is_nothing_to_wait_for_and_no_first_hits(library: Library) -> None:
    events = list(make(library, rerank_depth=0).ask(QUESTION))
    assert [type(event) for event in events] == [Retrieved, Done]


def test_pool_bounds_what_each_signal_proposes(library: Library) -> None:
    assert len(make(library, pool=1).search(QUESTION).hits) == 1


def test_answer_without_endpoint_is_extractive_and_cites_verbatim(library: Library) -> None:
    events = list(make(library).ask(QUESTION))
    assert [type(event) for event in events] == [FirstHits, Retrieved, Done]
    answer = events[-1].answer  # type: ignore[union-attr]
    assert (answer.status, answer.model, notices_text(answer.notices)) == ("extractive", None, None)
    assert (
        answer.text == answer.point == "We present Pebble, which prunes the KV cache and cuts its memory by 2.57×. [1]"
    )
    (citation,) = answer.citations
    (quote,) = citation.quotes
    assert (citation.n, citation.paper.paper_id, quote.verdict) == (1, "2401.00001", "supported")
    assert CACHE_PAPER.abstract[quote.start : quote.end] == quote.text
    assert [near.n for near in answer.near_misses] == [None, None]
    assert set(answer.timings_ms) == {"read", "retrieve", "score", "evidence", "total"}


def test_filters_exclude_papers(library: Library) -> None:
    found = make(library).search(QUESTION, Overrides(filters=Filters(until="2023")))
    assert {hit.paper.year for hit in found.hits} == {2018, 2023}


def test_zero_matches_say_zero_and_what_lifting_the_constraint_would_give(library: Library) -> None:
    answer = asked(make(library), QUESTION, Overrides(filters=Filters(since="2030")))
    assert (answer.status, answer.text) == ("refused", "The collection does not answer this.")
    assert notices_text(answer.notices) == (
        "No paper in the collection is dated 2030 or later. Lift it with --drop since, or leave its flag out."
    )
    assert (answer.citations, answer.near_misses) == ((), ())
    assert answer.relaxations == (Relaxation("since", 3),)


def test_search_says_that_no_paper_meets_the_constraint(library: Library) -> None:
    found = make(library).search(QUESTION, Overrides(filters=Filters(since="2030")))
    assert (found.hits, found.relaxations) == ((), (Relaxation("since", 3),))
    assert str(notices_text(found.notices)).startswith("No paper in the collection is dated 2030 or later.")


def test_zero_matches_show_what_dropping_each_constraint_would_leave(shelf: Library) -> None:
    answer = asked(make(shelf), "papers by Ada Quill on caches since 2025")
    assert (answer.status, answer.citations, answer.near_misses) == ("refused", (), ())
    assert answer.query.filters == Filters(since="2025", author="Ada Quill")
    assert answer.relaxations == (Relaxation("since", 2), Relaxation("author", 0))
    assert notices_text(answer.notices) == (
        "No paper in the collection is dated 2025 or later and by Ada Quill. Papers that meet the rest: 2 if not "
        "“dated 2025 or later”, 0 if not “by Ada Quill”. Lift one with "
        "--drop since or --drop author, or leave its flag out."
    )


def test_dropped_constraint_is_lifted_and_the_other_stays(shelf: Library) -> None:
    question = "papers by Ada Quill on caches since 2025"
    answer = asked(make(shelf), question, Overrides(drop=frozenset({"since"})))
    assert (answer.query.filters, ids(answer.citations)) == (Filters(author="Ada Quill"), ["2401.00001"])
    assert ids(answer.near_misses) == ["1804.00003"]


def test_kind_that_is_set_stands_against_the_understood_one(shelf: Library) -> None:
    assert asked(make(shelf), QUESTION).query.kind == "fact"
    answer = asked(make(shelf), QUESTION, Overrides(kind="list"))
    assert answer.query.kind == "list" and answer.missed is not None


def test_question_taken_as_it_is_has_nothing_read_out_of_it(shelf: Library) -> None:
    question = "papers by Ada Quill on caches since 2025"
    query = make(shelf).understand(question, Overrides(as_is=True))
    assert (query.kind, query.text, query.filters) == ("fact", question, Filters())
    assert len(make(shelf).search(question, Overrides(as_is=True)).hits) == 4


def test_title_in_other_words_is_a_lookup_of_one_paper(shelf: Library) -> None:
    answer = asked(make(shelf), "small cahces peble")
    assert (answer.query.kind, ids(answer.citations)) == ("lookup", ["2401.00001"])


def test_metadata_are_answered_from_the_records_without_a_model(shelf: Library) -> None:
    encoder, scorer = ReadingEncoder(), HashCrossEncoder()
    engine = make(shelf, Models(encoder, scorer), STRICT)
    answer = asked(engine, "papers by Ada Quill")
    assert (answer.query.kind, answer.status) == ("metadata", "extractive")
    assert answer.text == (
        "2 papers by Ada Quill.\n\n"
        "- Qubits for Everyone (2018-04-30, 3 authors) [1]\n"
        "- Pebble: Small Caches (2024-01-05, 2 authors, ICML 2024, with code) [2]"
    )
    assert asked(engine, "the newest paper").text == (
        "**Reef: Caches on Disk**: published 2024-06; authors not recorded; no code recorded [1]."
    )
    assert (encoder.embedded, scorer.asked) == ([], [])


def test_metadata_are_never_written_by_the_endpoint(shelf: Library, endpoint: ScriptedEndpoint) -> None:
    engine = make(shelf, llm_base_url=endpoint.url, llm_model="small-model", recall=())
    assert asked(engine, "papers by Cem Osei").text == (
        "**Dune: Walking Robots on Sand**: 1 author: Cem Osei; published 2023-05; no code recorded [1]."
    )
    assert endpoint.requests == []


def test_metadata_that_no_paper_meets_are_refused_with_what_would_meet_the_rest(shelf: Library) -> None:
    answer = asked(make(shelf), "papers by Ada Quill since 2025")
    assert (answer.query.kind, answer.status, answer.citations) == ("metadata", "refused", ())
    assert answer.relaxations == (Relaxation("since", 2), Relaxation("author", 0))


def test_name_that_no_paper_has_is_told(shelf: Library) -> None:
    answer = asked(make(shelf), "Which came first, Pebble or Quarry?", Overrides(kind="metadata"))
    assert notices_text(answer.notices) == "No paper here is called “Quarry”."


def test_question_about_something_else_is_refused_calmly(shelf: Library) -> None:
    answer = asked(make(shelf, ranker=STRICT), "What is the weather today?")
    assert (answer.query.kind, answer.status, answer.citations, answer.near_misses) == ("off-topic", "refused", (), ())
    assert notices_text(answer.notices) == (
        "This does not ask about papers. Ask about what they do, or for papers by topic, date or author."
    )


def test_question_that_is_not_answered_is_refused_with_the_nearest_papers(shelf: Library) -> None:
    answer = asked(make(shelf, ranker=STRICT), QUESTION)
    assert (answer.status, answer.citations, answer.near_misses[0].paper) == ("refused", (), PEBBLE)
    assert notices_text(answer.notices) == "The papers listed are the nearest, but none of them seems to answer it."


def test_question_that_may_not_be_answered_is_decided_by_a_second_reading(shelf: Library) -> None:
    read: list[HashCrossEncoder] = []

    def reader() -> HashCrossEncoder:
        read.append(HashCrossEncoder())
        return read[-1]

    models = replace(reading_models(), second_reader=reader)
    for first, second, status, readings in (
        (-30, 30, "extractive", [1]),  # the best paper is enough
        (30, -30, "extractive", []),
        (1, -30, "refused", [1, 2]),
    ):
        read.clear()
        ranker = replace(EASY_RANKER, answerable=Logistic({}, first), reread=Logistic({}, second))
        assert asked(make(shelf, models, ranker), QUESTION).status == status
        assert [len(texts) for each in read for _, texts in each.asked] == readings
    assert asked(make(shelf, reading_models(), ranker), QUESTION).status == "extractive"  # no second reader: the first


def test_fact_question_tells_which_designation_no_cited_paper_mentions(shelf: Library) -> None:
    answer = asked(make(shelf), "How fast is Pebble on the H100?", Overrides(kind="fact"))
    assert ids(answer.citations)[0] == PEBBLE.paper_id
    assert notices_text(answer.notices) == "No paper cited here mentions “H100”."


def test_comparison_is_refused_unless_it_names_papers_that_are_here(shelf: Library) -> None:
    answer = asked(make(shelf, ranker=STRICT), "Compare transformers and convolutional networks on vision")
    assert (answer.query.kind, answer.status, answer.citations) == ("compare", "refused", ())
    assert asked(make(shelf, ranker=STRICT), "How does Pebble compare with Reef?").status == "extractive"


def test_refusal_does_not_reach_the_endpoint(shelf: Library, endpoint: ScriptedEndpoint) -> None:
    engine = make(shelf, ranker=STRICT, llm_base_url=endpoint.url, llm_model="small-model", recall=())
    events = list(engine.ask(QUESTION))
    assert [type(event) for event in events] == [FirstHits, Retrieved, Done]
    assert endpoint.requests == []


def test_list_says_how_whole_it_is(shelf: Library) -> None:
    answer = asked(make(shelf), "Which papers prune the KV cache?")
    assert (answer.query.kind, ids(answer.citations), answer.missed) == (
        "list",
        ["2401.00001", "2406.00004"],
        EstimatedMissing(0, 0),
    )
    assert answer.point == "2 papers; likely complete."
    assert answer.text.startswith("2 papers; likely complete.\n\n- ") and answer.text.endswith("[2]")
    doubtful = replace(EASY_RANKER, relevance=Logistic({"behind": -5.0}, 0.5), reranked=None)
    answer = asked(make(shelf, ranker=doubtful), "Which one paper prunes the KV cache?", Overrides(kind="list"))
    assert answer.missed is not None and answer.missed.most > 0
    assert " more." in answer.text.split("\n")[0]


def test_order_that_is_asked_for_is_that_of_the_citations(shelf: Library) -> None:
    answer = asked(make(shelf), "the newest papers on caches")
    assert ids(answer.citations) == ["2406.00004", "2401.00001"]
    assert ids(asked(make(shelf), "the oldest paper on caches").citations) == ["2401.00001"]
    assert ids(make(shelf).search("the newest papers on caches").hits)[:2] == ["2406.00004", "2401.00001"]


@pytest.mark.parametrize(
    ("question", "papers"),
    [
        ("How does Pebble compare with Reef?", ["2401.00001", "2406.00004"]),
        ("How does Reef compare with Pebble?", ["2406.00004", "2401.00001"]),
        ("Compare Dune and Reef", ["2305.00002", "2406.00004"]),
    ],
)
def test_comparison_puts_the_papers_that_it_names_first(shelf: Library, question: str, papers: list[str]) -> None:
    answer = asked(make(shelf), question)
    assert (answer.query.kind, ids(answer.citations), notices_text(answer.notices)) == ("compare", papers, None)


def test_comparison_has_a_column_for_each_thing_and_tells_which_no_paper_has(shelf: Library) -> None:
    answer = asked(make(shelf), "Compare Dune and Zorblax")
    assert ids(answer.citations) == ["2305.00002"]
    assert answer.comparison is not None
    assert answer.comparison.things == (Thing("Dune", (1,)), Thing("Zorblax"))
    assert answer.point.endswith("\n- **Zorblax**: no paper here introduces or tests it.")
    assert answer.notices == ()


def test_cross_encoder_reads_as_many_papers_as_are_set(library: Library) -> None:
    scorer = HashCrossEncoder()
    make(library, Models(HashEncoder(), scorer), rerank_depth=2).search(QUESTION)
    ((question, texts),) = scorer.asked
    assert (question, len(texts)) == (QUESTION, 2)
    assert texts[0].startswith("Small Caches. Key-value caches fill the memory of a server. We present Pebble")


def test_fast_search_uses_no_cross_encoder(library: Library) -> None:
    scorer = HashCrossEncoder()
    engine = make(library, Models(HashEncoder(), scorer), rerank_depth=0)
    answer = asked(engine, QUESTION)
    assert (ids(answer.citations), scorer.asked) == (["2401.00001"], [])
    assert list(engine.search(QUESTION).hits[0].signals) == ["dense", "lexical", "maxsim"]


def test_exclusion_of_an_author_is_a_filter_and_that_of_a_topic_says_what_was_left_out(shelf: Library) -> None:
    answer = asked(make(shelf), "papers on caches but not by Ada Quill")
    assert answer.query.filters == Filters(not_author="Ada Quill")
    assert "2401.00001" not in ids((*answer.citations, *answer.near_misses))
    answer = asked(make(shelf), "papers on caches, excluding surveys")
    assert not answer.query.filters
    assert answer.query.excluded == ("surveys",)
    assert str(notices_text(answer.notices)).startswith("Left out as “surveys”: 1 paper (Qubits for Everyone)")


def test_paper_with_an_excluded_topic_in_its_title_is_left_out_whatever_its_probability(shelf: Library) -> None:
    strict = replace(EASY_RANKER, relevance=Logistic({}, -20.0))
    answer = asked(make(shelf, ranker=strict), "papers on caches, except those about walking robots")
    assert answer.query.excluded == ("walking robots",)
    assert "1 paper (Dune: Walking Robots on Sand)" in str(notices_text(answer.notices))


def test_fact_of_what_a_paper_is_called_is_cited_from_papers_that_mention_it(tmp_path: Path) -> None:
    named = replace(PEBBLE, title="PebbleKV: Small Caches", abstract=PEBBLE.abstract.replace("Pebble", "PebbleKV"))
    fact = Overrides(kind="fact")
    with closing(hash_library(tmp_path, (named, REEF))) as library:
        engine = make(library, ranker=GENEROUS)
        answer = asked(engine, "how much memory of the KV cache does PebbleKV save?", fact)
        assert (ids(answer.citations), ids(answer.near_misses)) == ([PEBBLE.paper_id], [REEF.paper_id])
        assert len(asked(engine, "how much memory of the KV cache is saved?", fact).citations) == 2


def test_question_of_which_nothing_can_be_applied_is_refused(shelf: Library) -> None:
    answer = asked(make(shelf), "what is the most cited paper?")
    assert (answer.status, answer.near_misses) == ("refused", ())
    assert str(notices_text(answer.notices)).startswith("Not applied: “")


def test_help_says_what_can_be_asked(shelf: Library) -> None:
    answer = asked(make(shelf), "what can you do?")
    assert (answer.query.kind, answer.status, answer.citations) == ("help", "extractive", ())
    assert answer.text.count("\n- ") == 3
    assert "these 4 papers" in answer.text
    assert "- What does Reef do?" in answer.text and "- Papers by Ada Quill" in answer.text


def test_names_that_no_paper_has_do_not_blame_the_filter(shelf: Library) -> None:
    answer = asked(make(shelf), "Which came first, Marble or Granite, since 2020?", Overrides(kind="metadata"))
    assert answer.status == "refused"
    assert "No paper here is called “Marble” or “Granite”." in str(notices_text(answer.notices))
    assert "dated" not in str(notices_text(answer.notices))


def test_question_about_the_record_of_a_paper_that_is_not_here_offers_those_that_mention_it(shelf: Library) -> None:
    answer = asked(make(shelf), "when was KV published?")
    assert (answer.status, sorted(ids(answer.near_misses))) == ("refused", ["2401.00001", "2406.00004"])
    assert notices_text(answer.notices) == "No paper here is called “KV”; those listed mention it."


def test_papers_that_belong_are_counted_and_those_that_only_mention_a_name_apart(shelf: Library) -> None:
    answer = asked(make(shelf), "how many papers use Pebble?")
    assert answer.point == "1 paper, of the 4 here, probably belongs by the abstracts; likely complete."
    assert ids(answer.citations) == ["2401.00001"]
    strict = replace(EASY_RANKER, relevance=Logistic({}, -20.0))
    answer = asked(make(shelf, ranker=strict), "how many papers use Pebble?")
    assert answer.point.endswith("of the 4 here, probably belong by the abstracts; 1 more mention “Pebble”.")
    none = asked(make(shelf, ranker=strict), "how many papers are about volcanoes?")
    assert (none.status, notices_text(none.notices)) == ("refused", "Of the 4 papers here, none probably belongs.")


def test_papers_counted_by_year_are_not_all_listed(shelf: Library) -> None:
    answer = asked(make(shelf), "how many papers are there per year?")
    assert (answer.status, answer.citations, answer.near_misses) == ("extractive", (), ())
    assert answer.text == answer.point == "4 papers, by year: 2018 (1), 2023 (1), 2024 (2)."
    most = asked(make(shelf), "which year has the most papers?")
    assert [each.paper.year for each in most.citations] == [2024, 2024]


def test_comparison_shows_what_there_is_on_one_name_and_says_that_no_paper_has_the_other(shelf: Library) -> None:
    answer = asked(make(shelf, ranker=STRICT), "compare Pebble and Zorblax")
    assert answer.status == "extractive"
    assert answer.point.startswith("- **Pebble**: ")
    assert answer.point.endswith("- **Zorblax**: no paper here introduces or tests it.")
    neither = asked(make(shelf), "compare Quarrel and Zorblax")
    assert (neither.status, neither.citations) == ("refused", ())
    assert "No paper here mentions “Quarrel” or “Zorblax”." in str(notices_text(neither.notices))


def test_question_that_is_taken_for_off_topic_is_answered_where_papers_belong(shelf: Library) -> None:
    question = "how can I get my phone to keep its cache on disk?"
    query = make(shelf).understand(question)
    engine = make(shelf)
    off_topic = replace(query, kind="off-topic")
    found = engine.find(off_topic)
    assert (found.query.kind, found.query.unsure, found.hits[0].paper) == ("list", ("kind",), SHELF[-1])
    doubtful = make(shelf, ranker=STRICT).find(off_topic)
    assert (doubtful.query.kind, doubtful.hits) == ("off-topic", ())


def test_author_with_the_most_papers_is_told_with_the_papers(shelf: Library) -> None:
    answer = asked(make(shelf), "which author has the most papers?")
    assert answer.point.startswith("Ada Quill has the most papers, 2 of 4 papers. Next: ")
    assert sorted(ids(answer.citations)) == ["1804.00003", "2401.00001"]


def test_paper_that_a_postprocessor_adds_is_answered_with(shelf: Library) -> None:
    class Adder(BaseNodePostprocessor):
        def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: Any = None) -> list[NodeWithScore]:
            return [*nodes[:1], NodeWithScore(node=paper_to_node(SHELF[-1]), score=0.1)]

    engine = Engine(hash_settings(Path("home")), shelf, reading_models(), [Adder()], ranker=GENEROUS)
    assert len(asked(engine, QUESTION).citations) == 2


def test_ranker_is_the_trained_one_of_the_depth_unless_another_is_given(library: Library) -> None:
    assert make(library, ranker=None).scorer.ranker == load_ranker("full")
    assert make(library, ranker=None, rerank_depth=0).scorer.ranker == load_ranker("fast")
    assert make(library).scorer.ranker is EASY_RANKER


def test_empty_question_is_a_clear_error(library: Library) -> None:
    with pytest.raises(UsageError, match="The question is empty"):
        list(make(library).ask(" \n"))


def test_half_a_surrogate_in_a_question_is_replaced(library: Library) -> None:
    assert make(library).understand("caches \ud83d for prompts").question == "caches ? for prompts"


def test_question_in_another_language_is_searched_and_said_to_be_read_badly(library: Library) -> None:
    answer = asked(make(library), "Welche Arbeiten verkleinern den KV-Cache?")
    assert str(notices_text(answer.notices)).startswith(
        "The question does not look English. It was searched for as it stands"
    )


def test_very_long_question_is_answered_with_a_notice(library: Library) -> None:
    assert "only its first 96 tokens" in str(notices_text(asked(make(library), "cache " * 600).notices))


def test_endpoint_writes_an_answer_whose_markers_are_checked(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Pebble prunes the cache ", "[", "1", "]. It is fast [7", "]. Also [1, 2].")
    events, answer = written(library, endpoint)
    assert answer.text == streamed(events) == "Pebble prunes the cache [1]. It is fast. Also [1][2]."
    assert (answer.status, answer.model) == ("answered", "small-model")
    assert [citation.n for citation in answer.citations] == [1, 2]
    assert [(answer.text[each.start : each.end], each.citations, each.verdict) for each in answer.sentences] == [
        ("Pebble prunes the cache [1].", (1,), "supported"),
        ("It is fast.", (), None),
        ("Also [1][2].", (1, 2), None),
    ]
    assert answer.citations[0].quotes[-1].verdict == "supported"
    assert {name: (spent.calls, spent.prompt_tokens, spent.completion_tokens) for name, spent in usage_of(answer)} == {
        "write": (1, 70, 7)
    }
    assert notices_text(answer.notices) == ("Removed 1 citation number without a source.")
    assert {"prompt", "first_token", "write"} <= set(answer.timings_ms)


def test_endpoint_gets_the_evidence_once_with_explicit_sampling(library: Library, endpoint: ScriptedEndpoint) -> None:
    written(library, endpoint, llm_api_key="sesame")
    (request,) = endpoint.requests
    assert endpoint.keys == ["Bearer sesame"]
    assert (request["model"], request["temperature"], request["stream"]) == ("small-model", 0.0, True)
    system, user = (message["content"] for message in request["messages"])
    assert "The collection does not answer this." in system
    assert "[1] Small Caches (2024-01-05)\nKey-value caches fill" in user
    assert user.endswith(
        f"Question: {QUESTION}\nBegin with the fact, its value in bold, and its condition.\n"
        "Then add what qualifies it, if anything does.\nAnswer:"
    )


def test_use_llm_false_does_not_reach_the_endpoint(library: Library, endpoint: ScriptedEndpoint) -> None:
    *_, done = make(library, llm_base_url=endpoint.url, llm_model="small-model", recall=()).ask(QUESTION, use_llm=False)
    assert (done.answer.status, endpoint.requests) == ("extractive", [])  # type: ignore[union-attr]


def test_model_that_says_it_is_not_answered_refuses(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("The collection does not ", "answer this.")
    _, answer = written(library, endpoint)
    assert (answer.status, answer.citations) == ("refused", ())
    assert next(citation.paper for citation in answer.near_misses) == CACHE_PAPER


def test_answer_without_a_citation_says_that_it_cannot_be_checked(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Caches are nice.",)
    _, answer = written(library, endpoint)
    assert str(notices_text(answer.notices)).startswith("The model cited no paper, so nothing can be checked.")


def test_answer_that_reached_its_limit_is_truncated(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.finish_reason = "length"
    _, answer = written(library, endpoint)
    assert answer.status == "truncated"
    assert "CITEDESK_LLM_MAX_TOKENS" in str(notices_text(answer.notices))


@pytest.mark.parametrize(
    ("fault", "notice"),
    [
        ({"status": 401, "body": b'{"error": "no"}'}, r"rejected the API key \(HTTP 401\): set CITEDESK_LLM_API_KEY"),
        ({"status": 500, "body": b"<html>oops</html>"}, r"failed \(HTTP 500: a web page\)"),
        ({"pieces": ("Half an", " answer"), "cut_after": 1}, "broke off before the end of the answer"),
        ({"silent_after": 0}, r"sent no token within 0.3 s \(CITEDESK_LLM_FIRST_TOKEN_TIMEOUT\)"),
    ],
)
def test_failing_endpoint_gives_the_extractive_answer_and_says_why(
    library: Library, endpoint: ScriptedEndpoint, fault: dict[str, object], notice: str
) -> None:
    for name, value in fault.items():
        setattr(endpoint, name, value)
    _, answer = written(library, endpoint, llm_first_token_timeout=0.3 if "silent_after" in fault else 30)
    assert answer.status == "extractive"
    assert answer.text.startswith("We present Pebble")
    assert re.search(notice, str(notices_text(answer.notices)))
    assert "The extractive answer is shown instead." in str(notices_text(answer.notices))
    assert len(endpoint.requests) == 1


def test_redirect_to_another_server_is_not_followed(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.status, endpoint.redirect = 307, "/v1/elsewhere"
    _, answer = written(library, endpoint)
    assert "redirects (HTTP 307), which is not followed" in str(notices_text(answer.notices))
    assert len(endpoint.requests) == 1


def test_endpoint_that_is_not_there_is_named(library: Library) -> None:
    answer = asked(make(library, llm_base_url="http://127.0.0.1:9/v1", llm_model="m", recall=()), QUESTION)
    assert "http://127.0.0.1:9/v1 cannot be reached" in str(notices_text(answer.notices))


def test_caller_that_stops_ends_the_endpoints_work(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = tuple("word " for _ in range(100_000))
    events = make(library, llm_base_url=endpoint.url, llm_model="small-model", recall=()).ask(QUESTION)
    next(event for event in events if isinstance(event, Token))
    events.close()
    assert endpoint.closed_early.wait(30)


def test_paper_that_was_not_sent_cannot_be_cited(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("One [1], two [2].",)
    _, answer = written(library, endpoint, llm_context=512, llm_max_tokens=230)
    assert (answer.text, [citation.n for citation in answer.citations]) == ("One [1], two.", [1])
    assert len(answer.near_misses) == 2


def test_papers_are_numbered_in_the_order_in_which_the_text_cites_them(
    library: Library, endpoint: ScriptedEndpoint
) -> None:
    endpoint.pieces = ("So is this [3]. ", "And this [1, 3].")
    events, answer = written(library, endpoint)
    assert answer.text == streamed(events) == "So is this [1]. And this [2][1]."
    sent = next(event for event in events if isinstance(event, Retrieved)).evidence
    assert [citation.paper for citation in answer.citations] == [sent[2].paper, sent[0].paper]
    assert [near.paper for near in answer.near_misses] == [sent[1].paper]


def test_events_of_a_written_answer_come_in_order(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Pebble prunes the cache [1].",)
    events, answer = written(library, endpoint)
    names = [name for name, _ in groupby(type(event).__name__ for event in events)]
    assert names == ["FirstHits", "Retrieved", "Cited", "Token", "Checked", "Done"]
    assert [event.sentence for event in events if isinstance(event, Checked)] == list(answer.sentences)


def test_paper_that_the_model_left_out_of_a_list_is_near_and_not_forced_in(
    library: Library, endpoint: ScriptedEndpoint
) -> None:
    endpoint.pieces = ("- Pebble prunes the cache [1].\n\nConsidered, not used:\n", "[2]: on robots\n")
    engine = make(library, ranker=GENEROUS, llm_base_url=endpoint.url, llm_model="small-model", recall=())
    events = list(engine.ask(QUESTION, Overrides(kind="list")))
    answer = events[-1].answer  # type: ignore[union-attr]
    assert answer.text == streamed(events).rstrip() == "- Pebble prunes the cache [1]."
    assert [citation.n for citation in answer.citations] == [1]
    assert [each.why for each in answer.near_misses] == ["on robots", None]


def test_model_is_sent_papers_beyond_those_that_surely_belong(shelf: Library, endpoint: ScriptedEndpoint) -> None:
    engine = make(shelf, llm_base_url=endpoint.url, llm_model="small-model", recall=())
    events = list(engine.ask("Which papers keep the KV cache on disk?", Overrides(kind="list")))
    (retrieved,) = [event for event in events if isinstance(event, Retrieved)]
    (request,) = endpoint.requests
    assert len(retrieved.evidence) < request["messages"][-1]["content"].count("<paper>") == 4


def test_papers_are_asked_about_one_by_one_where_that_is_set(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("It is small [5].",)
    _, answer = written(library, endpoint, llm_mode="per-paper")
    assert answer.text == "- It is small. [1]\n- It is small. [2]\n- It is small. [3]"
    assert (len(endpoint.requests), answer.usage.steps["write"].calls) == (3, 3)


def test_two_questions_at_once_do_not_mix(shelf: Library) -> None:
    both = threading.Barrier(2, timeout=PATIENCE)
    names = {"Pebble": "Reef", "Reef": "Pebble"}

    def reply(messages: Sequence[Message]) -> str:
        both.wait()
        question = messages[-1].content.rpartition("Question: ")[2]
        (name,) = [name for name in names if name in question]
        return f"{name} is it [1]. " * 20

    settings = hash_settings(Path("home"), llm_base_url="http://127.0.0.1:9/v1", llm_model="m", recall=())
    chats: list[ScriptedChat] = []

    def open_chat() -> ScriptedChat:
        chats.append(ScriptedChat(reply))
        return chats[-1]

    writer = CheckedWriter(Writer(settings, TokenCounter(str.split), open_chat), SentenceJudge(HashCrossEncoder()))
    engine = Engine(settings, shelf, reading_models(), ranker=GENEROUS, today=lambda: date(2026, 1, 2), writer=writer)
    questions = [f"Which method is {name} about?" for name in names]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda question: asked(engine, question), questions))
    assert [answer.query.question for answer in answers] == questions
    for answer, (name, other) in zip(answers, names.items(), strict=True):
        assert answer.status == "answered"
        assert answer.text == " ".join([f"{name} is it [1]."] * 20)
        assert other not in answer.text
        assert answer.usage.steps["write"].calls == 1
    assert [len(chat.asked) for chat in chats] == [1, 1]
    assert all(chat.closed.is_set() for chat in chats)


def test_question_that_leaves_no_room_is_answered_extractively(library: Library, endpoint: ScriptedEndpoint) -> None:
    small = {"llm_context": 512, "llm_max_tokens": 250}
    engine = make(library, llm_base_url=endpoint.url, llm_model="small-model", recall=(), **small)
    answer = asked(engine, "KV cache " * 100)
    assert (answer.status, endpoint.requests) == ("extractive", [])
    assert "No paper fits into CITEDESK_LLM_CONTEXT" in str(notices_text(answer.notices))


def test_refusal_with_a_marker_is_a_refusal(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("The collection does not answer this [1].",)
    _, answer = written(library, endpoint)
    assert (answer.status, answer.text) == ("refused", "The collection does not answer this.")


def test_marker_that_ends_the_text_is_shown(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Pebble prunes it [1", "]")
    events, answer = written(library, endpoint)
    assert answer.text == streamed(events) == "Pebble prunes it [1]"


def test_postprocessor_of_llamaindex_reorders_what_is_answered_from(library: Library) -> None:
    forwards = make(library).search(QUESTION).hits
    assert len(forwards) == 3

    class Backwards(BaseNodePostprocessor):
        def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: object = None) -> list[NodeWithScore]:
            assert [node.node.metadata["paper_id"] for node in nodes] == ids(forwards)
            assert nodes[0].score is not None and nodes[0].score > (nodes[-1].score or 0)
            return [*reversed(nodes), nodes[-1]]

    settings = hash_settings(Path("home"))
    turned: tuple[Hit, ...] = (
        Engine(settings, library, reading_models(), [Backwards()], EASY_RANKER).search(QUESTION).hits
    )
    assert ids(turned) == ids(forwards)[::-1]
    assert [hit.rank for hit in turned] == [1, 2, 3]


def test_paper_of_many_chunks_does_not_crowd_out_the_pool(tmp_path: Path) -> None:
    abstract = " ".join(f"The KV cache is pruned by method number {i}." for i in range(200))
    long = replace(CACHE_PAPER, paper_id="long", title="KV", abstract=abstract)
    library = hash_library(tmp_path, (long, *PAPERS))
    found = dense_search(library, HashEncoder().encode_question(QUESTION).vector, None, 3)
    library.close()
    assert len(dict(found)) == 3


def test_library_is_read_back_in_corpus_order(library: Library) -> None:
    assert tuple(library.papers.values()) == PAPERS


def test_author_whom_no_record_names_is_said_with_the_nearest(tmp_path: Path) -> None:
    library = hash_library(tmp_path / "home", SHELF)
    answer = asked(make(library), QUESTION, Overrides(filters=Filters(author="Zoe Quill", coauthors=("Xqzv Wjkh",))))
    library.close()
    (notice,) = [each for each in answer.notices if each.code == "unknown_people"]
    assert notice.data == {"nearest": {"Zoe Quill": ("Ada Quill",), "Xqzv Wjkh": ()}}
    assert (
        notices_text([notice])
        == "No author here is called “Zoe Quill”; the nearest: Ada Quill. No author here is called “Xqzv Wjkh”."
    )


@pytest.mark.parametrize(("code", "status"), [(True, "refused"), (False, "extractive")])
def test_code_that_no_record_tells_of_is_not_known(tmp_path: Path, code: bool, status: str) -> None:
    library = hash_library(tmp_path / "home", [replace(paper, code=None) for paper in PAPERS])
    answer = asked(make(library), QUESTION, Overrides(kind="metadata", filters=Filters(code=code)))
    library.close()
    assert answer.status == status
    assert str(notices_text(answer.notices, flags=False)) == (
        "No record in this collection says whether a paper has code: it is not known."
    )
