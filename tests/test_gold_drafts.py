from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from eval.gold.drafts import SHARES, Draft, draft_questions, spread, to_records
from eval.gold.questions import load_gold
from eval.gold.wording import word_questions
from rag.cli.main import main
from rag.errors import LLMFailed
from rag.types import Paper
from tests.fakes import PAPERS, ScriptedChat, ScriptedEndpoint
from tests.indexes import index_corpus, write_corpus

SHELF = (
    Paper(
        "a", "Cache Pruning: Small Servers", "Pruning the cache cuts its memory by 40% on a server.", date="2024-01-05"
    ),
    Paper(
        "b", "Cache Pruning for Phones", "Phones have little memory. Pruning saves 12 ms a token.", date="2024-01-09"
    ),
    Paper("c", "Walking Robots on Wet Sand", "Robots slip on sand. Ours falls in 25% fewer trials.", date="2023-05"),
    Paper("d", "Walking Robots in Deep Snow", "Snow is soft. The robot walks 3 times as far.", date="2022-02"),
    Paper("e", "Shallow Quantum Circuits", "We review cache pruning of circuits.", date="2018", authors=("Ada Quill",)),
    Paper("f", "Noise of Quantum Circuits", "Noise limits what they compute.", date="2019", authors=("Ada Quill",)),
)
TOPICS = {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2, "f": 2}


def drafted(kind: str, count: int = 60) -> dict[str, dict[str, int]]:
    return {
        draft.record["question"]: {each["paper_id"]: each["grade"] for each in draft.record["relevant"]}
        for draft in draft_questions(SHELF, TOPICS, count)
        if draft.record["type"] == kind
    }


def test_each_kind_of_question_is_drafted_with_the_papers_that_answer_it() -> None:
    assert drafted("fact")["Which value is missing here: “Pruning the cache cuts its memory by ___ on a server.”?"] == {
        "a": 2
    }
    assert drafted("set")["Which papers are about cache pruning?"] == {"a": 2, "b": 2, "e": 1}
    assert drafted("known-item")["I am looking for the paper “Noise of Quantum …”"] == {"f": 2}
    assert drafted("metadata") == {
        "Papers by Ada Quill": {"e": 2, "f": 2},
        "Which papers are from January 2024?": {"a": 2, "b": 2},
        "Which papers are from May 2023?": {"c": 2},
        "Which papers are from February 2022?": {"d": 2},
    }


def test_question_that_nothing_answers_joins_what_no_paper_has_together() -> None:
    joined = [question for question in drafted("unanswerable") if "combine" in question]
    assert joined
    assert not [question for question in joined if "cache pruning" in question and "quantum circuits" in question]


def test_question_that_nothing_answers_asks_of_a_paper_what_another_of_its_topic_states() -> None:
    asked = [each for each in draft_questions(SHELF, TOPICS, 60) if each.record.get("near_miss")]
    abstracts = {paper.title: paper for paper in SHELF}
    assert asked
    for each in asked:
        (near,) = each.record["near_miss"]
        (stating,) = [paper for paper in SHELF if each.passage in paper.abstract]
        assert each.passage not in abstracts[near].abstract
        assert TOPICS[stating.paper_id] == TOPICS[abstracts[near].paper_id]
        assert near in each.record["question"]


def test_sample_is_spread_over_topics_and_years_and_is_the_same_each_time() -> None:
    order = spread(SHELF, TOPICS, seed=0)
    assert {TOPICS[paper.paper_id] for paper in order[:3]} == {0, 1, 2}
    assert order == spread(SHELF[::-1], TOPICS, seed=0)
    assert draft_questions(SHELF, TOPICS, 20) == draft_questions(SHELF, TOPICS, 20)


def test_shares_add_up_to_the_number_asked_for() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)
    assert len(draft_questions(SHELF, TOPICS, 4)) == 4


def test_draft_is_a_gold_file_that_nobody_has_reviewed(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in to_records(draft_questions(SHELF, TOPICS, 20))))
    questions = load_gold([path], {paper.paper_id: paper for paper in SHELF})
    assert all(each.drafted for each in questions)
    assert [each.id for each in questions][:2] == ["D001", "D002"]


def test_model_words_questions_and_its_bad_replies_leave_the_template() -> None:
    facts = [draft for draft in draft_questions(SHELF, TOPICS, 60) if draft.record["type"] == "fact"][:4]
    answer = facts[2].record["answer_facts"][0]
    chat = ScriptedChat(
        [
            "How much memory does pruning a server's cache or a walking robot save?",
            "<b>What?</b>",
            f"Is it {answer}?",
            LLMFailed("down"),
        ]
    )
    worded, failure = word_questions(facts, chat)
    assert [each.record["question"] for each in worded[1:]] == [each.record["question"] for each in facts[1:]]
    assert worded[0].record["question"].startswith("How much memory")
    assert failure == "down"
    assert facts[0].passage in chat.asked[0][1].content


def test_question_that_states_its_value_in_another_form_keeps_the_template() -> None:
    draft = Draft({"type": "fact", "question": "Which value: “walks ___ as far”?", "answer_facts": ["2.5times"]})
    assert word_questions([draft], ScriptedChat(["Does it walk 2.5x as far?"])) == ((draft,), None)
    assert word_questions([draft], ScriptedChat(["How far does it walk?"]))[0] != (draft,)


def test_endpoint_that_fails_is_not_asked_again_and_again() -> None:
    drafts = draft_questions(SHELF, TOPICS, 30)
    chat = ScriptedChat(lambda messages: LLMFailed("down"))
    assert word_questions(drafts, chat) == (drafts, "down")
    assert len(chat.asked) == 3


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["eval", "draft", *arguments])
    return code, capsys.readouterr().err


def test_draft_edit_and_check_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "home")
    code, err = run(capsys, "--n", "3", "--out", "mine.jsonl")
    assert code == 0
    assert "are drafts: read each" in err
    assert run(capsys, "--out", "mine.jsonl")[0] == 2
    assert run(capsys, "--check", "mine.jsonl", "--edit") == (
        2, "error: EDITOR is not set. Set it, or open mine.jsonl yourself and check it with --check mine.jsonl.\n"
    )  # fmt: skip
    script = tmp_path / "edit.py"
    script.write_text("import sys; open(sys.argv[1], 'a').write('{\"id\": 1}\\n')")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    code, err = run(capsys, "--check", "mine.jsonl", "--edit")
    lines = len(Path("mine.jsonl").read_text().splitlines())
    assert code == 1
    assert f"mine.jsonl line {lines}: id is not a text: 1" in err


def test_endpoint_words_the_drafts_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], endpoint: ScriptedEndpoint
) -> None:
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "home")
    endpoint.pieces = ("Which small cache saves memory on robots and quantum circuits?",)
    code, err = run(capsys, "--n", "6", "--llm-base-url", endpoint.url, "--llm-model", "small-model")
    assert code == 0
    assert "Which small cache saves memory" in (tmp_path / "home" / "questions.jsonl").read_text()
    assert "questions keep the words of their template" in err
    asked = len(endpoint.requests)
    assert run(capsys, "--n", "6", "--no-llm", "--out", "own.jsonl")[0] == 0
    assert len(endpoint.requests) == asked
