from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.benchmarks.beir import Skipped, TestSet
from eval.claims.plant import planted_to_json, planted_to_text
from eval.claims.planted_errors import (
    PlantedCase,
    any_other,
    cases,
    cost,
    groups,
    judge_cases,
    nearest_by_vectors,
    nearest_by_words,
)
from eval.claims.true_sentences import TrueSentence, as_reported, own_claims, read_paraphrases, reported, summaries
from rag.cli.main import main
from rag.errors import CorpusError
from rag.verification.judge import SentenceJudge
from tests.fakes import CACHE_PAPER, PAPERS, REEF, ROBOT_PAPER, HashCrossEncoder, HashEncoder, hash_library
from tests.indexes import index_corpus, write_corpus

PEBBLE = "We present Pebble, which prunes the KV cache and cuts its memory by 2.57×."


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("However, we show that our method is twice as fast.", "The authors show that their method is twice as fast."),
        ("In this paper, we prove that noise helps training.", "The authors prove that noise helps training."),
        ("This paper surveys robots (mobile ones) on dunes of sand.", "The paper surveys robots on dunes of sand."),
        ("We train Reef on disks, while others keep all of it in memory.", "The authors train Reef on disks."),
        ("The results of US firms (12 of 40) hold for all tasks.", None),
        ("We won.", None),
    ],
)
def test_sentence_is_reported_by_rule(sentence: str, told: str | None) -> None:
    assert reported(sentence) == told


def test_own_claims_are_of_the_papers_own_work_or_have_numbers() -> None:
    found = own_claims(PAPERS, seed=0)
    controller = "Our controller learns to walk on dunes in simulation."
    assert {each.sentence for each in found} == {PEBBLE, "Accuracy stays within 0.1 points on eight tasks.", controller}
    assert own_claims(PAPERS, seed=0) == found
    told = [each.sentence for each in as_reported(found)]
    assert told == ["Their controller learns to walk on dunes in simulation."]  # too little is left of Pebble's


def test_summary_needs_an_only_document() -> None:
    qrels = {"1": {CACHE_PAPER.paper_id: 1}, "2": {CACHE_PAPER.paper_id: 1, ROBOT_PAPER.paper_id: 1}}
    queries = {"1": "Pebble  prunes.", "2": "Both."}
    test_set = TestSet("small", "test", PAPERS, queries, qrels, Skipped())
    assert summaries(test_set, seed=0) == [TrueSentence("summary", "Pebble prunes.", CACHE_PAPER)]


def test_paraphrases_name_their_papers_by_id_or_title(tmp_path: Path) -> None:
    path = tmp_path / "paraphrases.jsonl"
    path.write_text(
        '{"paper_id": "2401.00001", "sentence": "Pebble prunes."}\n'
        '{"title": "walking robots on sand", "sentence": "They walk."}\n'
    )
    papers = {paper.paper_id: paper for paper in PAPERS}
    found = read_paraphrases(path, papers, seed=0)
    assert {(each.sentence, each.paper.paper_id) for each in found} == {
        ("Pebble prunes.", "2401.00001"),
        ("They walk.", "2305.00002"),
    }
    for line, told in (
        ('{"sentence": "Lost."}', 'line 1: needs a "sentence"'),
        ('{"title": "None", "sentence": "Lost."}', "line 1: the paper 'None' is not in the index"),
        ("", "holds no paraphrase"),
    ):
        path.write_text(line + "\n")
        with pytest.raises(CorpusError, match=told):
            read_paraphrases(path, papers, seed=0)


def test_swapped_paper_is_never_the_right_one(tmp_path: Path) -> None:
    papers = (*PAPERS, REEF)
    library = hash_library(tmp_path / "home", papers)
    assert any_other(papers, seed=0)(PEBBLE, CACHE_PAPER) != CACHE_PAPER
    assert any_other([CACHE_PAPER], seed=0)(PEBBLE, CACHE_PAPER) is None
    assert nearest_by_words(papers)(PEBBLE, CACHE_PAPER) == REEF
    near = nearest_by_vectors(library, HashEncoder())("Reef keeps the KV cache on disk.", CACHE_PAPER)
    assert near is not None
    assert near.paper_id == REEF.paper_id
    library.close()


def test_each_kind_of_error_is_planted_where_it_has_a_place() -> None:
    truths = [
        TrueSentence("verbatim", PEBBLE, CACHE_PAPER),
        TrueSentence("verbatim", "Robots slip on sand.", ROBOT_PAPER),
    ]
    found = list(cases(truths, {"other paper": any_other(PAPERS, 0)}, n=5, seed=0))
    by_kind = {kind: [each for each in found if each.planted == kind] for kind in ("none", "number", "other paper")}
    assert [len(each) for each in by_kind.values()] == [2, 1, 2]
    assert "2.57" not in by_kind["number"][0].sentence
    assert by_kind["other paper"][0].paper != CACHE_PAPER
    assert len(list(cases(truths, {}, n=1, seed=0))) < len(found)


def test_catches_and_false_alarms_are_counted_by_form_and_kind() -> None:
    truth = TrueSentence("verbatim", PEBBLE, CACHE_PAPER)
    found = [
        PlantedCase("none", truth, PEBBLE, CACHE_PAPER),
        PlantedCase("number", truth, PEBBLE.replace("2.57", "9.57"), CACHE_PAPER),
        PlantedCase("number", truth, PEBBLE, CACHE_PAPER),
        PlantedCase("other paper", truth, PEBBLE, ROBOT_PAPER),
    ]
    judged = judge_cases(SentenceJudge(HashCrossEncoder()), found)
    sums = groups(judged)
    shares = {each.planted: (each.not_supported.mean, each.marked.mean, each.not_supported.n) for each in sums}
    assert shares == {"none": (0.0, 0.0, 1), "number": (0.5, 0.5, 2), "other paper": (1.0, 1.0, 1)}
    spent = cost(judged)
    assert spent.n == 4
    shown = planted_to_json(sums, spent, judged, seed=0)
    assert [each["planted"] for each in shown["wrong"]] == ["number"]
    text = planted_to_text(sums, replace(spent, median=1.0))
    assert "wrongly marked" in text
    assert "takes 1.0 ms" in text


def test_command_prints_every_group(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = tmp_path / "summaries"
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "home")
    summary.mkdir()
    documents = [{"id": paper.paper_id, "title": paper.title, "text": paper.abstract} for paper in PAPERS]
    (summary / "corpus.jsonl").write_text("".join(json.dumps(each) + "\n" for each in documents))
    (summary / "queries.jsonl").write_text('{"id": "1", "text": "Pebble cuts the memory of caches by 2.57x."}\n')
    (summary / "qrels.tsv").write_text("1\t2401.00001\t1\n")
    arguments = ["eval", "plant", "--n", "2", "--summaries", str(summary), "--json", "--quiet"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    kinds = {(each["form"], each["planted"]) for each in found["groups"]}
    assert {("verbatim", "none"), ("verbatim", "nearest paper"), ("summary", "number")} <= kinds
    assert found["ms_per_sentence"]["n"] == sum(each["not_supported"]["n"] for each in found["groups"])
