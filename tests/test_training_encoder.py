from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from eval.training.encoder.questions import EXTRA, read_questions, vary
from eval.training.encoder.spans import LABELS, MarkedQuestion, TaggedSpan, parse_marks, piece_labels
from tests.training_fakes import write_bert, write_material, write_tokenizer


def test_marks_become_spans_and_labels() -> None:
    text, spans = parse_marks("<t>sparse routing</t> <d>since 2024</d>")
    assert text == "sparse routing since 2024"
    assert spans == (TaggedSpan(0, 14, "topic"), TaggedSpan(15, 25, "date"))
    labels = piece_labels(spans, [0, 7, 15, 21])
    assert [LABELS[each] for each in labels] == ["B-topic", "I-topic", "B-date", "I-date"]


def test_two_spans_of_one_tag_side_by_side_stay_two() -> None:
    spans = (TaggedSpan(0, 4, "topic"), TaggedSpan(5, 9, "topic"))
    labels = piece_labels(spans, [0, 5])
    assert [LABELS[each] for each in labels] == ["B-topic", "B-topic"]


@pytest.mark.parametrize("marked", ["<t>open", "closed</t>", "<t>a<d>b</d></t>"])
def test_crooked_marks_are_refused(marked: str) -> None:
    with pytest.raises(ValueError, match=r"<"):
        parse_marks(marked)


def test_a_varied_question_keeps_its_tags_in_place() -> None:
    question = MarkedQuestion("papers on caches", "list", "none", (TaggedSpan(10, 16, "topic"),))
    made = {vary(question, {"topic": ["robot arms"]}, random.Random(seed)).text for seed in range(9)}
    assert made == {"papers on caches", "papers on robot arms"}


def test_the_questions_written_by_hand_can_be_read() -> None:
    assert len(read_questions(EXTRA)) > 380


@pytest.mark.slow
def test_all_steps_run_on_tiny_data(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from eval.training.cross_encoder.__main__ import main as cross
    from eval.training.encoder.__main__ import main

    data, start, tokenizer = tmp_path / "data", tmp_path / "bert.safetensors", tmp_path / "tokenizer.json"
    write_material(data)
    write_bert(start, write_tokenizer(tokenizer, data))
    work, examples = str(tmp_path / "work"), str(tmp_path / "cross")
    named = ["--start", str(start), "--tokenizer", str(tokenizer), "--device", "cpu", "--longest", "48"]
    cross(["collect", examples, "--data", str(data), "--planted", "4"])
    main(["collect", work, "--data", str(data), "--titles", "5"])
    main(["teach", work, "--name", "teacher", "--epochs", "1", "--questions", "200", *named])
    main(["train", work, "--cross", examples, "--teachers", "teacher", "--epochs", "1", *named])
    report = json.loads((tmp_path / "work" / "train.json").read_text("utf-8"))
    assert 0 <= report["questions held"]["kind"][0] <= 1
    assert report["lists held"]["late weighted: nDCG@10 all lists"][3] == 2
    pytest.importorskip("onnxscript")
    out = tmp_path / "out"
    main(["export", work, "--tokenizer", str(tokenizer), "--out", str(out)])
    main(["check", work, "--cross", examples, "--out", str(out)])
    metadata = json.loads((out / "metadata.json").read_text("utf-8"))
    assert set(metadata["outputs"]) == {"tokens", "vector", "kind", "follow_up", "tags"}
    assert "documents.jsonl.xz" in metadata["data_sha256"]
