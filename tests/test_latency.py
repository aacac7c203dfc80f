from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from eval.latency.endpoint_stub import stub_endpoint
from eval.latency.latency import latency_to_json, latency_to_text, medians_of
from eval.latency.timing import PIECES, TEXT, Streamed, TimedJudge, TimedPair, measure_pairs
from rag.cli.main import main
from rag.verification.judge import SentenceJudge
from tests.eval_fakes import ScriptedAsker
from tests.fakes import PAPERS, HashCrossEncoder
from tests.indexes import index_corpus, write_corpus

PAIR = TimedPair(Streamed(20.0, 9.0, 150.0), Streamed(5.0, 2.0, 10.0), judging=30.0, sentences=10)


def test_stub_streams_its_pieces_and_remembers_what_it_was_asked() -> None:
    with stub_endpoint(("Pebble", " prunes.")) as address, httpx.Client() as client:
        reply = client.post(f"{address}/v1/chat/completions", json={"asked": 1})
        assert client.get(f"{address}/last").json() == {"asked": 1}
        assert client.get(f"{address}/v1/models").json()["data"][0]["id"] == "stub"
    lines = [line[6:] for line in reply.text.split("\n") if line]
    said = [json.loads(line)["choices"][0]["delta"].get("content", "") for line in lines[:-1]]
    assert (said, lines[-1]) == (["", "Pebble", " prunes.", ""], "[DONE]")


def test_differences_are_taken_pair_by_pair() -> None:
    assert PAIR.added_first == 15.0
    assert PAIR.added_first_cpu == 7.0
    assert PAIR.added_per_token == pytest.approx(110.0 / (len(PIECES) - 1))
    medians = medians_of([PAIR, PAIR])
    assert medians["judging_ms"].mean == 3.0
    assert latency_to_json(medians, PAIR)["aim_met"] is True
    assert "first token: met" in latency_to_text(medians, PAIR)


def test_questions_that_are_not_written_up_are_passed_over_until_it_is_too_many() -> None:
    asker = ScriptedAsker()  # says less than the stub does
    judge = TimedJudge(SentenceJudge(HashCrossEncoder()))
    assert list(measure_pairs(asker, judge, "http://127.0.0.1:9", [str(i) for i in range(99)], n=2)) == []
    assert len(asker.asked) == 10


@pytest.mark.usefixtures("easy_ranker")
def test_command_times_real_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "home")
    assert main(["eval", "latency", "--n", "1", "--json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["medians"]["added_first_ms"]["n"] == 1
    assert found["medians"]["ours_first_ms"]["mean"] > 0
    assert TEXT.endswith("[1].")
