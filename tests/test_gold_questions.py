from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.gold.questions import EvidenceSpan, GoldError, find_quote, load_gold
from rag.corpus.reader import read_corpus
from rag.errors import UsageError
from rag.types import Turn
from tests.conftest import PROJECT
from tests.fakes import CACHE_PAPER, PAPERS
from tests.indexes import write_lines

BY_ID = {paper.paper_id: paper for paper in PAPERS}
GOOD: dict[str, Any] = {
    "id": "Q1",
    "type": "fact",
    "question": "How much memory does pruning save?",
    "relevant": [{"title": "Small Caches", "grade": 2}, {"paper_id": "2305.00002", "grade": 1}],
    "evidence": [{"title": "Small Caches", "quote": "cuts its memory by 2.57times"}],
    "answer_facts": ["2.57x"],
}


def problems(path: Path, *records: dict[str, Any]) -> list[str]:
    with pytest.raises(GoldError) as caught:
        load_gold([write_lines(path, *records)], BY_ID)
    return [f"{problem.line}: {problem.reason}" for problem in caught.value.problems]


def test_question_is_read_with_papers_and_quotes_found(tmp_path: Path) -> None:
    (found,) = load_gold([write_lines(tmp_path / "gold.jsonl", GOOD)], BY_ID)
    start = CACHE_PAPER.abstract.index("cuts its")
    assert found.relevant == {"2401.00001": 2, "2305.00002": 1}
    assert found.wanted == {"2401.00001"}
    assert found.evidence == (EvidenceSpan("2401.00001", "cuts its memory by 2.57times", start, start + 28),)
    assert found.titles == {"2401.00001": "Small Caches", "2305.00002": "Walking Robots on Sand"}
    assert found.answerable


def test_title_is_found_without_regard_to_case_and_punctuation(tmp_path: Path) -> None:
    record = {**GOOD, "relevant": [{"title": "small caches.", "grade": 2}]}
    assert load_gold([write_lines(tmp_path / "gold.jsonl", record)], BY_ID)[0].relevant == {"2401.00001": 2}


def test_history_is_kept(tmp_path: Path) -> None:
    record = {**GOOD, "history": [{"question": "Who prunes?", "answer": "Pebble does."}]}
    assert load_gold([write_lines(tmp_path / "gold.jsonl", record)], BY_ID)[0].history == (
        Turn("Who prunes?", "Pebble does."),
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"relevant": [{"title": "Large Caches", "grade": 2}]}, "the paper 'Large Caches' is not in the index"),
        ({"relevant": [{"paper_id": "9999.1", "grade": 2}]}, "the paper '9999.1' is not in the index"),
        ({"relevant": [{"title": "Small Caches", "grade": 3}]}, "the grade 3 is neither 2"),
        ({"relevant": [{"title": "Small Caches", "grade": True}]}, "the grade True is neither 2"),
        ({"relevant": [{"title": "Small Caches"}]}, "the grade None is neither 2"),
        ({"relevant": [{"title": "Small Caches", "grade": 2}] * 2}, "“Small Caches” is listed twice"),
        ({"relevant": [{"grade": 2}]}, "named by neither title nor paper_id"),
        ({"relevant": "Small Caches"}, "relevant is not a list of objects"),
        ({"relevant": []}, "type 'fact' with 0 relevant papers"),
        ({"type": "unanswerable"}, "type 'unanswerable' with 2 relevant papers"),
        ({"evidence": [{"title": "Small Caches", "quote": "cuts memory"}]}, "'cuts memory' is not verbatim"),
        ({"evidence": [{"title": "Small Caches"}]}, "quote is not a text: None"),
        ({"answer_facts": [1]}, "answer_facts is not a list of texts: [1]"),
        ({"near_miss": ["Large Caches"]}, "the paper 'Large Caches' is not in the index"),
        ({"history": [{"question": "Who?"}]}, "answer is not a text: None"),
        ({"question": " "}, "question is not a text: ' '"),
        ({"id": 7}, "id is not a text: 7"),
        ({"split": "test"}, "split is 'test': it is fit or held, or left out"),
        ({"drafted": "yes"}, "drafted is neither true nor false: 'yes'"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    (found,) = problems(tmp_path / "gold.jsonl", {**GOOD, **change})
    assert found.startswith("1: ")
    assert reason in found


def test_everything_wrong_is_listed_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\nnot json\n{json.dumps(GOOD)}\n[]\n")
    with pytest.raises(GoldError) as caught:
        load_gold([path], BY_ID)
    assert [problem.line for problem in caught.value.problems] == [3, 4, 5]
    assert "the id Q1 is already that of" in caught.value.problems[1].reason
    assert str(caught.value).startswith("3 problems in the gold questions, the first in ")
    assert str(caught.value).endswith("Correct the lines.")


def test_id_is_distinct_over_all_files(tmp_path: Path) -> None:
    paths = [write_lines(tmp_path / "a.jsonl", GOOD), write_lines(tmp_path / "b.jsonl", GOOD)]
    with pytest.raises(GoldError, match=r"a\.jsonl line 1"):
        load_gold(paths, BY_ID)


def test_file_that_is_named_twice_is_not_counted_twice(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", GOOD)
    with pytest.raises(GoldError, match=r"a\.jsonl line 1"):
        load_gold([path, path], BY_ID)


def test_misspelt_field_is_told(tmp_path: Path) -> None:
    with pytest.raises(GoldError, match="unknown field 'answer_fact'"):
        load_gold([write_lines(tmp_path / "a.jsonl", {**GOOD, "answer_fact": []})], BY_ID)


def test_empty_file_is_an_error(tmp_path: Path) -> None:
    assert problems(tmp_path / "gold.jsonl") == ["1: the file holds no question"]


def test_index_without_the_papers_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(GoldError, match="index the papers that they name with `citedesk index`"):
        load_gold([write_lines(tmp_path / "gold.jsonl", GOOD)], {})


def test_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_gold([tmp_path / "none.jsonl"], BY_ID)


def test_white_space_in_a_quote_may_differ() -> None:
    assert find_quote("two\n  words", "so two words here") == (3, 12)
    assert find_quote("Two words", "so two words here") is None
    assert find_quote("  ", "so two words here") is None


def test_the_gold_questions_fit_the_corpus() -> None:
    papers = {paper.paper_id: paper for paper in read_corpus([PROJECT / "corpus"], 2025).papers}
    folder = PROJECT / "eval" / "gold"
    questions = load_gold([folder / "dev.jsonl", folder / "conversations.jsonl"], papers)
    assert len(questions) == 80
    assert sum(bool(question.history) for question in questions) == 16
