from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.cli.main import main
from tests.conftest import PROJECT
from tests.fakes import PAPERS, ScriptedEndpoint
from tests.indexes import index_corpus, write_corpus

pytestmark = pytest.mark.usefixtures("easy_ranker")

GOLD = [
    {
        "id": "Q1",
        "type": "fact",
        "question": "which method prunes the KV cache?",
        "relevant": [{"title": "Small Caches", "grade": 2}],
        "evidence": [{"title": "Small Caches", "quote": "prunes the KV cache"}],
        "answer_facts": ["2.57x"],
    },
    {"id": "Q2", "type": "unanswerable", "question": "who bakes bread?", "relevant": []},
]


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "home")
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in GOLD), encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["eval", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_run_compare_and_report(gold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "run", "--gold", str(gold), "--out", "one")
    assert code == 0
    assert "Mode extractive, 2 of 2 questions answered" in out
    assert "2/2" in err
    html = (tmp_path / "one" / "report.html").read_text()
    assert "which method prunes the KV cache?" in html

    code, out, err = run(capsys, "run", "--gold", str(gold), "--out", "one", "--json")
    assert code == 0
    assert "2 of 2 questions were answered by an earlier run" in err
    assert json.loads(out)["measures"]["overall"]["evidence_recall"]["n"] == 1

    assert run(capsys, "run", "--gold", str(gold), "--out", "two", "--retrieval-only", "--quiet")[0] == 0
    code, out, err = run(capsys, "compare", "one", "two", "--measure", "mrr", "--measure", "recall@5", "--margin", "0")
    assert (code, err) == (0, "")
    assert "the runs differ in mode" in out
    code, out, err = run(capsys, "compare", "one", "two", "--measure", "cited_f1", "--json")
    assert code == 1
    assert json.loads(out)["holds"] is False
    assert err.startswith("error: cited_f1 was not measured in both runs.")

    (tmp_path / "one" / "report.html").unlink()
    assert run(capsys, "report", "one")[0] == 0
    assert (tmp_path / "one" / "report.html").exists()


def test_endpoint_that_fails_leaves_a_partial_run(
    gold: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint.cut_after = 1
    endpoint.pieces = ("Pebble", " prunes [1].")
    named = ("--llm-base-url", endpoint.url, "--llm-model", "small-model", "--recall", "none")
    code, out, err = run(capsys, "run", "--gold", str(gold), "--out", "one", "--quiet", *named)
    assert code == 1
    assert out.startswith("# Evaluation (PARTIAL)\n")
    assert "of 2 questions failed, the first with: The endpoint" in err
    endpoint.cut_after = None
    code, out, err = run(capsys, "run", "--gold", str(gold), "--out", "one", "--quiet", *named)
    assert (code, "PARTIAL" in out) == (0, False)
    assert "| completion_tokens | 7 " in out


def test_everything_wrong_with_the_gold_is_listed_on_stderr(
    gold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gold.write_text(json.dumps({**GOLD[0], "relevant": [{"title": "None", "grade": 5}]}) + "\n{}\n")
    code, out, err = run(capsys, "run", "--gold", str(gold), "--out", "one")
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert f"{gold} line 1: the grade 5 is neither 2 (must be there) nor 1 (may be there)" in lines
    assert any(line.startswith(f"{gold} line 2: id is not a text") for line in lines)
    assert lines[-1].startswith("error: ")
    assert not (tmp_path / "one").exists()
    code, _, err = run(capsys, "run", "--gold", "none.jsonl", "--out", "one")
    assert (code, err.startswith("error: --gold none.jsonl cannot be read: No such file")) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["report", "none"], "error: none holds no run"),
        (["compare", "a", "b", "--margin", "0.1"], "error: --margin without --measure"),
        (
            ["compare", "a", "b", "--measure", "mrr", "--margin", "1", "--margin", "2"],
            "error: 2 margins for 1 measures",
        ),
        (
            ["compare", "a", "b", "--measure", "mrr", "--margin", "-1"],
            "argument --margin: not a margin of 0 or more: '-1'",
        ),
        (["run"], "the following arguments are required"),
        ([], "the following arguments are required"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert error in err


def test_no_index_is_told_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "run", "--gold", str(tmp_path / "gold.jsonl"), "--out", "one")
    assert code == 1
    assert "Run `citedesk index`" in err


@pytest.mark.parametrize("command", ["run", "compare", "report"])
def test_help_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert f"citedesk eval {command}" in out.split("examples:")[1]


def test_stored_baseline_can_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    baseline = str(PROJECT / "eval" / "baseline")
    code, out, _ = run(capsys, "compare", baseline, baseline, "--measure", "ndcg@10", "--json")
    assert code == 0
    found = {each["measure"]: each["change"] for each in json.loads(out)["differences"]}
    assert (found["ndcg@10"]["mean"], found["ndcg@10"]["n"]) == (0.0, 56)
