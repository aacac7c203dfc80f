from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.measures.catalogue import MEASURES, scores
from eval.measures.written import needed_citations, needed_share, sentence_scores
from eval.report.html_report import report_to_html
from eval.report.markdown_report import report_to_markdown
from eval.runs.asking import ask_one
from eval.runs.provenance import measured_settings
from eval.runs.run import select_questions
from eval.runs.summary import summarize
from eval.stats import bootstrap_interval, share_interval
from rag.answer import Answer, Citation, Sentence
from rag.cli.main import main
from rag.settings import Settings
from rag.types import Query
from rag.verification.judge import SentenceJudge
from tests.eval_fakes import ScriptedAsker, answer, question, row, run_of
from tests.fakes import CACHE_PAPER, PAPERS, ROBOT_PAPER, HashCrossEncoder, ScriptedEndpoint
from tests.indexes import index_corpus, write_corpus

JUDGE = SentenceJudge(HashCrossEncoder())


def sentence(verdict: str, citations: tuple[int, ...] = (1,), origin: str = "written") -> dict[str, Any]:
    return {"start": 0, "end": 6, "citations": citations, "verdict": verdict, "reason": "<no>", "origin": origin}


def test_shares_of_verdicts_are_those_of_all_sentences() -> None:
    said = {"sentences": [sentence("supported"), sentence("uncited", ())]}
    assert sentence_scores(said["sentences"]) == {
        "sentences_supported": 0.5,
        "sentences_unsupported": 0.0,
        "sentences_unjudged": 0.0,
        "sentences_uncited": 0.5,
        "all_supported": 0.0,
    }
    assert sentence_scores([sentence("supported", origin="repaired")])["all_supported"] == 1.0
    assert sentence_scores([]) == {}


def test_share_of_needed_citations() -> None:
    assert needed_share([sentence("supported", (1, 2)), sentence("unsupported")], 1) == {"citations_needed": 1 / 3}
    assert needed_share([sentence("uncited", ())], 0) == {"citations_needed": 0.0}
    assert needed_share([sentence("supported")], None) == {}
    assert needed_share([], 0) == {}


def written(text: str, *sentences: Sentence) -> Answer:
    citations = (Citation(1, CACHE_PAPER), Citation(2, ROBOT_PAPER))
    return Answer(Query("?", "fact", "?"), "answered", text, citations, sentences)


def test_citation_that_bears_nothing_out_beside_one_that_does_is_not_needed() -> None:
    text = "Pebble prunes the KV cache [1][2]. Robots slip on sand [2]."
    first, second = Sentence(0, 34, (1, 2), "supported"), Sentence(35, len(text), (2,), "supported")
    assert needed_citations(written(text, first, second), JUDGE) == 2
    assert needed_citations(written(text, replace(first, verdict="not_found"), second), JUDGE) == 1


def test_costs_are_measured_where_the_endpoint_was_asked() -> None:
    said = answer()
    said["usage"] = {"calls": 3, "prompt_tokens": 70, "completion_tokens": 7, "seconds": 1.5, "steps": {}}
    found = scores(row("A", (), answer=said))
    assert (found["calls"], found["endpoint_ms"], found["prompt_tokens"]) == (3.0, 1500.0, 70.0)
    said["usage"] = {"calls": 0, "prompt_tokens": None, "completion_tokens": None, "seconds": 0.0, "steps": {}}
    assert not {"calls", "endpoint_ms", "prompt_tokens"} & scores(row("A", (), answer=said)).keys()


def test_report_shows_sentences_only_where_they_were_written() -> None:
    said = answer()
    said["sentences"] = [sentence("supported"), sentence("unsupported")]
    rows = (row("A", (), answer=said, needed=1),)
    summary = summarize(run_of(*rows))
    html, markdown = report_to_html(summary, rows), report_to_markdown(summary, rows)
    assert "written sentences supported" in html
    assert "○ unsupported: &lt;no&gt;" in html
    assert "| sentences_supported | 0.500 |" in markdown
    assert "## By question type: written" in markdown
    rows = (row("A", (), answer=answer("extractive")),)
    summary = summarize(run_of(*rows))
    assert "sentences_supported" not in report_to_html(summary, rows) + report_to_markdown(summary, rows)


def test_question_about_the_records_is_no_failure_of_the_endpoint() -> None:
    asked = question("A")
    asker = ScriptedAsker(falls_back=frozenset({asked.question}), kind="metadata")
    assert ask_one(asker, asked, "llm").error is None


def test_questions_are_limited_or_sampled_evenly() -> None:
    questions = [question(name) for name in "ABCDEFGH"]
    assert [each.id for each in select_questions(questions, 2, None)] == ["A", "B"]
    assert [each.id for each in select_questions(questions, None, 3)] == ["A", "C", "F"]
    assert select_questions(questions, None, 9) == questions
    assert select_questions(questions, None, None) == questions


def test_how_answers_are_written_is_kept_only_where_they_are() -> None:
    settings = Settings(llm_base_url="http://127.0.0.1/v1", llm_model="m", llm_mode="per-paper", unsupported="strike")
    kept = measured_settings(settings, "llm")
    assert (kept["llm_mode"], kept["unsupported"]) == ("per-paper", "strike")
    assert not {"llm_mode", "unsupported"} & measured_settings(settings, "extractive").keys()


def test_intervals_by_hand() -> None:
    assert bootstrap_interval([1.0, 9.0, 2.0], statistic="median").mean == 2.0
    found = share_interval(10, 10)
    assert (found.mean, round(found.low, 4), round(found.high, 4)) == (1.0, 0.7225, 1.0)  # n / (n + z²)
    assert round(share_interval(5, 10).low, 4) == 0.2366
    for bad in (lambda: bootstrap_interval([], statistic="median"), lambda: share_interval(0, 0)):
        with pytest.raises(ValueError, match="no "):
            bad()


@pytest.mark.usefixtures("easy_ranker")
def test_run_records_mode_and_sample_and_measures_sentences(
    tmp_path: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    gold = tmp_path / "gold.jsonl"
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "home")
    asked = {"type": "fact", "question": "which method prunes the KV cache?", "answer_facts": []}
    relevant = [{"title": "Small Caches", "grade": 2}]
    gold.write_text("".join(json.dumps({"id": name, **asked, "relevant": relevant}) + "\n" for name in "AB"))
    how = ["--llm-base-url", endpoint.url, "--llm-model", "small-model", "--llm-mode", "per-paper", "--sample", "1"]
    code = main(
        ["eval", "run", "--gold", str(gold), "--out", "one", "--quiet", "--json", "--unsupported", "strike", *how]
    )
    assert code == 0
    found = json.loads(capsys.readouterr().out)
    kept = found["run"]["settings"]
    assert (kept["llm_mode"], kept["unsupported"], kept["sample"]) == ("per-paper", "strike", 1)
    assert found["run"]["questions"] == 1
    measured = found["measures"]["overall"]
    assert {"sentences_supported", "citations_needed", "calls", "endpoint_ms"} <= measured.keys() <= MEASURES.keys()
    assert main(["eval", "run", "--gold", str(gold), "--out", "two", "--limit", "1", "--sample", "1"]) == 2
