from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.claims.claim_file import read_claim_file
from eval.claims.support import measure
from eval.training.cross_encoder.held_claims import main as write_held_claims
from rag.cli.main import main
from rag.errors import CorpusError, UsageError
from tests.fakes import PEBBLE, REEF, HashCrossEncoder
from tests.training_fakes import write_material

PAPERS = {each.paper_id: each for each in (PEBBLE, REEF)}


def line(**values: Any) -> str:
    given = {"id": "c1", "claim": "It is small [1].", "papers": [REEF.paper_id], "label": "supported"}
    return json.dumps({**given, **values}) + "\n"


def file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "claims.jsonl"
    path.write_text("".join(lines))
    return path


def test_claims_cite_papers_of_the_corpus_or_their_own(tmp_path: Path) -> None:
    own = {"title": "One", "abstract": "It is one."}
    first, second = read_claim_file(
        file(tmp_path, line(kind="number"), line(papers=[own, REEF.paper_id], claim="Two.", label="not_supported")),
        PAPERS,
    )
    assert (first.cited, first.supported, first.kind) == ({1: REEF}, True, "number")
    assert (second.claim, second.cited[1].title, second.cited[2], second.supported) == (
        "Two. [1][2]",
        "One",
        REEF,
        False,
    )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"label": "true"}, "the label true is none of supported, not_supported"),
        ({"papers": []}, 'no "papers" that are a list'),
        ({"papers": ["x"]}, "there is no paper x in the corpus"),
        ({"claim": "It is [2]."}, "the claim cites paper 2 of 1"),
        ({"claim": " "}, 'no "claim" that is a string'),
    ],
)
def test_bad_line_is_named(tmp_path: Path, bad: dict[str, Any], message: str) -> None:
    with pytest.raises(CorpusError, match=f"line 1: {message}"):
        read_claim_file(file(tmp_path, line(**bad)), PAPERS)


def test_calls_are_counted_by_label(tmp_path: Path) -> None:
    labels = ["supported"] * 4 + ["not_supported"] * 4
    found = read_claim_file(file(tmp_path, *(line(label=label) for label in labels)), PAPERS)
    verdicts = ("supported", "supported", "not_found", None, "supported", "contradicted", "about_answer", "not_found")
    measures = measure(found, verdicts)
    assert measures.balanced_accuracy.mean == (0.5 + 0.75) / 2
    assert measures.false_called_supported.mean == 0.25
    assert measures.true_not_called_supported.mean == 0.5
    assert (measures.true_marked.mean, measures.true_unjudged.mean) == (0.25, 0.25)
    assert (measures.false_marked.mean, measures.false_unjudged.mean) == (0.5, 0.25)


def test_one_label_alone_is_no_measure(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="same label"):
        measure(read_claim_file(file(tmp_path, line()), PAPERS), ("supported",))


def test_command_judges_by_the_judge_of_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.models.cross_encoder.load_cross_encoder", HashCrossEncoder)
    own = {"title": "Sand", "abstract": "Robots slip on sand."}
    path = file(
        tmp_path,
        line(claim="Robots slip on sand [1].", papers=[own]),
        line(claim="Whales sing long songs [1].", papers=[own], label="not_supported", kind="other_paper"),
    )
    assert main(["eval", "claims", str(path), "--json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["balanced_accuracy"]["mean"], found["wrong"]) == (1.0, [])
    assert found["called_supported_by_kind"]["other_paper"]["mean"] == 0.0
    assert main(["eval", "claims", str(path), "--quiet"]) == 0
    assert "false called supported" in capsys.readouterr().out


def test_held_out_claims_of_the_training_material_are_written_in_this_form(tmp_path: Path) -> None:
    write_material(tmp_path / "data")
    assert write_held_claims([str(tmp_path / "out"), "--data", str(tmp_path / "data"), "--split", "train"]) == 0
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert {"claims.jsonl", "pairs.jsonl"} <= set(files)
    for name in files:
        assert read_claim_file(tmp_path / "out" / name, {})
