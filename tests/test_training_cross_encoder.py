from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from eval.training.common.records import Claim, Document, Question
from eval.training.common.splits import make_splits
from eval.training.cross_encoder.examples import Examples, add_claims, add_questions, shortened
from tests.training_fakes import write_bert, write_material, write_smaller, write_tokenizer

GROUPS = {number: (f"{number}.a", f"{number}.b") for number in range(20)}
DOCUMENTS = {
    id: Document(id, f"Paper {id}", "We prune caches. It halves memory. It keeps accuracy. Code is out.")
    for ids in GROUPS.values()
    for id in ids
}


def test_nothing_held_out_is_in_a_training_unit() -> None:
    splits = make_splits(GROUPS, seed=3, held=0.2, choose=0.1)
    questions = [
        Question(group, "set", "tech", "caches?", ids, {ids[0]: "We prune"}, frozenset(), frozenset())
        for group, ids in GROUPS.items()
    ]
    found = Examples()
    add_questions(found, questions, DOCUMENTS, splits, seed=3)
    allowed = {DOCUMENTS[id].text for id, split in splits.documents.items() if split == "train"}
    read = {
        found.texts[row.second]
        for unit in found.units
        if unit.split == "train" and unit.source.startswith("list")
        for row in unit.rows
    }
    assert read <= allowed


def test_a_claim_without_its_evidence_is_not_stated() -> None:
    splits = make_splits(GROUPS, seed=3)
    id = next(id for id, split in splits.documents.items() if split == "train")
    found = Examples()
    claim = Claim((id,), "Memory is halved.", "s", "plain", "claims", ("It halves",))
    add_claims(found, [claim], DOCUMENTS, GROUPS, splits, seed=3)
    by_source = {unit.source: unit.rows[0] for unit in found.units}
    assert by_source["claims"].targets[2:] == (1.0, 0.0)
    assert by_source["without"].targets[2:] == (0.0, 0.0)
    assert "halves memory" not in found.texts[by_source["without"].second]
    assert "halves memory" in found.texts[by_source["little"].second]
    assert by_source["elsewhere"].targets[2:] == (0.0, 0.0)


def test_evidence_is_where_the_sentence_stands_in_the_whole_text() -> None:
    splits = make_splits(GROUPS, seed=3)
    found = Examples()
    claim = Claim(("0.a",), "Memory is halved.", "s", "plain", "claims", ("It halves",))
    add_claims(found, [claim], DOCUMENTS, GROUPS, splits, seed=3)
    row = found.units[0].rows[0]
    assert row.evidence is not None
    start, end = row.evidence[0]
    assert found.texts[row.second][start:end] == "It halves memory."


def test_a_shortened_document_keeps_the_sentences_that_share_words() -> None:
    assert shortened("memory is halved", DOCUMENTS["0.a"], 30) == "Paper 0.a. It halves memory."


def test_examples_are_read_as_they_were_written(tmp_path: Path) -> None:
    splits = make_splits(GROUPS, seed=3)
    found = Examples()
    add_claims(found, [Claim(("0.a",), "It holds.", "p", "half", "claims")], DOCUMENTS, GROUPS, splits, seed=3)
    found.save(tmp_path / "examples.json.xz")
    read = Examples.load(tmp_path / "examples.json.xz")
    assert read.texts == found.texts and len(read.units) == len(found.units)
    assert math.isnan(read.units[0].rows[0].targets[3])


@pytest.mark.slow
def test_all_steps_run_on_tiny_data(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from eval.training.cross_encoder.__main__ import main

    data, start, full = tmp_path / "data", tmp_path / "bert.safetensors", tmp_path / "full.json"
    write_material(data)
    count = write_tokenizer(full, data)
    write_bert(start, count)
    work, small = str(tmp_path / "work"), str(tmp_path / "small.json")
    common = ["--start", str(start), "--device", "cpu", "--longest", "48", "--epochs", "1", "--rows", "64"]
    main(["collect", work, "--data", str(data), "--planted", "4"])
    write_smaller(full, tmp_path / "small.json", count - 3)
    main(["teach", work, "--name", "teacher", "--tokenizer", str(full), "--only", "verdicts", *common])
    soft = ["--soft", "teacher:supports,contradicts"]
    kept = ["--four-bit-words", "--tokenizer", small, "--start-tokenizer", str(full), "--layers", "1"]
    main(["train", work, *kept, *soft, *common])
    report = json.loads((tmp_path / "work" / "train.json").read_text("utf-8"))
    assert 0 <= report["held"]["claims: balanced accuracy"][0] <= 1
    assert report["examples_sha256"]
    pytest.importorskip("onnxscript")
    out = tmp_path / "out"
    main(["export", work, "--tokenizer", small, "--out", str(out)])
    main(["check", work, "--out", str(out)])
    metadata = json.loads((out / "metadata.json").read_text("utf-8"))
    assert metadata["heads"] == ["belongs", "answers", "supports", "contradicts"]
    assert "supports_even_cut" in metadata["thresholds"]
