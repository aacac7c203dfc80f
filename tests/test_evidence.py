from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.answer import EstimatedMissing
from rag.generation.extractive import completeness, write_extractive
from rag.generation.quotation import quoted as quotation
from rag.index.library import Library
from rag.models.loading import Models
from rag.retrieval.encoded_query import QueryEncoder
from rag.retrieval.reranking import Reranker
from rag.selection.evidence import EvidenceSelector
from rag.types import Evidence, Kind, Paper, Query, Quote
from tests.fakes import CACHE_PAPER, PAPERS, ROBOT_PAPER, HashCrossEncoder, HashEncoder, hash_library


def evidence(
    library: Library,
    question: str,
    papers: Sequence[Paper],
    kind: Kind = "list",
    scorer: HashCrossEncoder | None = None,
) -> tuple[Evidence, ...]:
    reading = QueryEncoder(Models(HashEncoder())).encode(question)
    reranker = Reranker(scorer, library, reading) if scorer else None
    return EvidenceSelector(library).select(Query(question, kind, question), reading, papers, reranker)


def quoted(library: Library, question: str, paper: Paper, kind: Kind = "list") -> list[str]:
    (found,) = evidence(library, question, [paper], kind)
    return [quote.text for quote in found.quotes]


def test_best_sentence_is_quoted_verbatim_at_its_offsets(library: Library) -> None:
    (found,) = evidence(library, "Which method prunes the KV cache?", [CACHE_PAPER])
    (quote,) = found.quotes
    assert quote.text == "We present Pebble, which prunes the KV cache and cuts its memory by 2.57times."
    assert CACHE_PAPER.abstract[quote.start : quote.end] == quote.text
    assert quote.verdict is None


def test_papers_are_numbered_in_the_order_given(library: Library) -> None:
    found = evidence(library, "dunes", [ROBOT_PAPER, CACHE_PAPER])
    assert [(each.n, each.paper.paper_id) for each in found] == [(1, "2305.00002"), (2, "2401.00001")]


def test_no_papers_give_no_evidence(library: Library) -> None:
    assert evidence(library, "dunes", []) == ()


def test_sentences_are_in_reading_order_and_no_more_than_three(library: Library) -> None:
    for kind in ("list", "fact", "compare", "lookup"):
        for paper in PAPERS:
            (found,) = evidence(library, "memory of noise on sand", [paper], kind)  # type: ignore[arg-type]
            assert 1 <= len(found.quotes) <= 3
            assert [quote.start for quote in found.quotes] == sorted(quote.start for quote in found.quotes)


def test_cross_encoder_reads_a_paper_once_and_its_sentences_with_it(library: Library) -> None:
    scorer = HashCrossEncoder()
    question = "Which method prunes the KV cache?"
    (found,) = evidence(library, question, [CACHE_PAPER], "fact", scorer)
    assert scorer.asked == [(question, [f"{CACHE_PAPER.title}. {CACHE_PAPER.abstract}"])]
    assert "We present Pebble, which prunes the KV cache and cuts its memory by 2.57times." in [
        quote.text for quote in found.quotes
    ]


def test_fact_of_two_parts_gets_the_sentence_that_answers_the_second(tmp_path: Path) -> None:
    paper = replace(CACHE_PAPER, abstract="Pebble halves memory. Loading takes twelve seconds.")
    opened = hash_library(tmp_path, (paper,))

    def quotes(question: str) -> list[str]:
        (found,) = evidence(opened, question, [paper], "fact", HashCrossEncoder())
        return [quote.text for quote in found.quotes]

    assert quotes("Pebble halves memory?") == ["Pebble halves memory."]
    assert quotes("Pebble halves memory? And loading?") == ["Pebble halves memory.", "Loading takes twelve seconds."]
    opened.close()


def test_without_a_cross_encoder_one_sentence_is_quoted(library: Library) -> None:
    assert len(quoted(library, "memory of a cache", CACHE_PAPER, "fact")) == 1


def test_question_without_a_known_word_still_gets_a_sentence(library: Library) -> None:
    assert len(quoted(library, "zebra", CACHE_PAPER)) >= 1


def test_statement_of_the_problem_is_not_quoted_for_a_finding(tmp_path: Path) -> None:
    problem = "The memory of a cache, of all caches, limits every server."
    paper = replace(CACHE_PAPER, abstract=f"{problem} We present Pebble. It halves cache memory.")
    opened = hash_library(tmp_path, (paper,))
    question = "the memory of a cache that limits every server"
    assert quoted(opened, question, paper) == ["It halves cache memory."]
    assert quoted(opened, question, paper, "fact") == [problem]
    opened.close()


def test_paper_that_is_called_by_its_name_gets_more_sentences(library: Library) -> None:
    encoded = QueryEncoder(Models(HashEncoder())).encode("Pebble")
    query = Query("what is Pebble?", "summary", "Pebble")
    (found,) = EvidenceSelector(library).select(query, encoded, [CACHE_PAPER], called=[CACHE_PAPER.paper_id, None])
    assert len(found.quotes) == 3


def test_where_code_is_is_not_quoted_for_a_finding(tmp_path: Path) -> None:
    abstract = "We present Pebble, which halves cache memory. Code for KV cache memory: https://example.org/kv-cache ."
    opened = hash_library(tmp_path, (replace(CACHE_PAPER, abstract=abstract),))
    paper = opened.papers[CACHE_PAPER.paper_id]
    assert quoted(opened, "Pebble code for KV cache memory", paper) == ["We present Pebble, which halves cache memory."]
    opened.close()


def test_clause_that_does_not_answer_is_cut_off_a_long_sentence(tmp_path: Path) -> None:
    sentence = (
        "We present Pebble, which prunes the cache of a server by the age of its keys and by the length of prompts, "
        "as {}, suggesting that gardeners, sailors and bakers might one day enjoy longer evenings in warmer harbours."
    )
    plain = replace(CACHE_PAPER, paper_id="1", abstract=sentence.format("we show"))
    number = replace(plain, paper_id="2", abstract=plain.abstract.replace("longer evenings", "9 more evenings"))
    opened = hash_library(tmp_path, (plain, number))
    (cut,), (whole,) = (each.quotes for each in evidence(opened, "prunes the cache of a server", [plain, number]))
    assert cut.text == plain.abstract[: cut.end] and cut.text.endswith("prompts, as we show")
    assert quotation(plain, [cut]).endswith("as we show …")
    assert whole.text == number.abstract
    opened.close()


@given(words=st.lists(st.sampled_from("memory dunes noise cache falls how many 8 it Pebble".split()), min_size=1))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_quote_is_verbatim_whatever_is_asked(library: Library, words: list[str]) -> None:
    for kind in ("list", "fact"):
        for each in evidence(library, " ".join(words), PAPERS, kind):  # type: ignore[arg-type]
            for quote in each.quotes:
                assert quote.text
                assert each.paper.abstract[quote.start : quote.end] == quote.text


def test_quotes_of_a_paper_with_odd_white_space_are_verbatim(tmp_path: Path) -> None:
    odd = replace(
        CACHE_PAPER, abstract="  Caches\n fill\u00a0memory .  We prune\tthem, e.g. by 2.5x!  \u2028 It helps  "
    )
    library = hash_library(tmp_path, (odd,))
    (found,) = evidence(library, "prune caches", [odd], "fact")
    library.close()
    assert [odd.abstract[quote.start : quote.end] for quote in found.quotes] == [quote.text for quote in found.quotes]


def test_quote_that_is_not_verbatim_is_refused() -> None:
    with pytest.raises(ValueError, match="not verbatim"):
        Evidence(1, CACHE_PAPER, (Quote("Key-value caches empty the memory", 0, 33),))


SENTENCES = (
    "Key-value caches fill the memory of a server.",
    "We present Pebble, which prunes the KV cache and cuts its memory by 2.57times.",
    "Accuracy stays within 0.1 points on eight tasks.",
)


def cited(*texts: str) -> Evidence:
    starts = [CACHE_PAPER.abstract.index(text) for text in texts]
    quotes = tuple(Quote(text, start, start + len(text)) for text, start in zip(texts, starts, strict=True))
    return Evidence(4, CACHE_PAPER, quotes)


def test_extractive_answer_is_readable_and_marks_gaps() -> None:
    fact = Query("Why?", "fact", "why")
    assert write_extractive(fact, [cited(*SENTENCES[1:])]) == (
        "- We present Pebble, which prunes the KV cache and cuts its memory by 2.57×. "
        "Accuracy stays within 0.1 points on eight tasks. [4]"
    )
    assert write_extractive(fact, [cited(SENTENCES[0], SENTENCES[2])]) == (
        "- Key-value caches fill the memory of a server. … Accuracy stays within 0.1 points on eight tasks. [4]"
    )


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (
            Query("Why?", "compare", "x"),
            "- **Small Caches** (2024-01-05): Key-value caches fill the memory of a server. [4]",
        ),
        (
            Query("Why?", "lookup", "x"),
            "- **Small Caches** (2024-01-05): Key-value caches fill the memory of a server. [4]",
        ),
        (
            Query("Why?", "list", "x", order="newest"),
            "- **Small Caches** (2024-01-05): Key-value caches fill the memory of a server. [4]",
        ),
        (Query("Why?", "list", "x"), "- Key-value caches fill the memory of a server. [4]"),
    ],
)
def test_kind_decides_the_form_of_an_extractive_answer(query: Query, text: str) -> None:
    assert write_extractive(query, [cited(SENTENCES[0])]) == text


def test_what_the_point_says_is_not_said_again() -> None:
    point = f"{SENTENCES[0]} [4]"
    assert write_extractive(Query("Why?", "fact", "x"), [cited(SENTENCES[0])], point) == point
    assert write_extractive(Query("Why?", "fact", "x"), [cited(SENTENCES[0], SENTENCES[2])], point) == (
        f"{point}\n\n- {SENTENCES[2]} [4]"
    )


@pytest.mark.parametrize(
    ("scores", "missed", "text"),
    [
        ([0.9], EstimatedMissing(0, 0), "1 paper; likely complete."),
        ([0.3], EstimatedMissing(0, 0), "1 paper; likely complete."),
        ([0.9] * 12, EstimatedMissing(0, 0), "12 papers; likely complete."),
        ([0.9] * 12, EstimatedMissing(0, 1), "12 papers; perhaps up to 1 more."),
        ([None, 0.6, 0.1], EstimatedMissing(2, 5), "3 papers; perhaps 2–5 more."),
        ([0.5, 0.3, 0.3], EstimatedMissing(4, 4), "3 papers, of which about 1 belong; perhaps 4 more."),
    ],
)
def test_completeness_is_said_in_words(scores: list[float | None], missed: EstimatedMissing, text: str) -> None:
    assert completeness(scores, missed) == text
