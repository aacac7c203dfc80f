from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eval.training.common.measures import auc, balanced_accuracy, balanced_threshold, mean, ndcg
from eval.training.common.records import read_claims, read_own_questions, read_questions
from eval.training.common.sentences import locate, sentence_spans
from eval.training.common.splits import make_splits, place
from eval.training.common.tokens import places
from rag.models.encoder import document_text
from tests.training_fakes import write_material, write_smaller, write_tokenizer


def test_a_document_of_two_groups_takes_the_stricter_split() -> None:
    groups = {number: (f"own{number}", "shared") for number in range(40)}
    splits = make_splits(groups, seed=1, held=0.1, choose=0.1)
    assert list(splits.groups.values()).count("held") == 4
    assert splits.documents["shared"] == "held"
    assert splits.of(["own0", "shared"]) == "held"


def test_a_document_outside_all_groups_is_placed_by_its_hash() -> None:
    splits = make_splits({0: ("a",)}, seed=1)
    assert splits.of(["elsewhere"]) == place("elsewhere", 1, splits.held, splits.choose)
    shares = [place(str(number), 1, 0.2, 0.1) for number in range(1000)]
    assert 150 < shares.count("held") < 250 and 60 < shares.count("choose") < 140


def test_sentences_end_at_full_stops_but_not_after_abbreviations() -> None:
    text = "We use e.g. Adam. It gains 3.5 points (on ImageNet). See Smith et al. Next."
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "We use e.g. Adam.",
        "It gains 3.5 points (on ImageNet).",
        "See Smith et al. Next.",
    ]


def test_first_words_name_a_sentence() -> None:
    text = "We study caches. Our model is fast. Code is out."
    assert locate(text, "Our model") == (17, 35)
    assert locate(text, "Another") is None


def test_a_title_ends_in_one_full_stop() -> None:
    assert document_text("Small caches.", "We prune.") == "Small caches. We prune."


def test_ndcg_of_a_known_ranking() -> None:
    assert ndcg([2, 0, 1], [3.0, 2.0, 1.0]) == pytest.approx((3 + 1 / 2) / (3 + 1 / np.log2(3)))
    assert np.isnan(ndcg([0, 0], [1.0, 2.0]))


def test_area_and_balanced_accuracy_of_known_scores() -> None:
    right, scores = np.array([True, True, False, False]), np.array([3.0, 1.0, 2.0, 0.0])
    assert auc(right, scores) == 0.75
    assert balanced_accuracy(right, scores > 1.5) == 0.5
    assert (scores[~right] > balanced_threshold(right, scores, 0.0)).sum() == 0


def test_an_interval_holds_its_mean() -> None:
    measured = mean([0.0, 1.0] * 50)
    assert measured.low < measured.value == 0.5 < measured.high and measured.n == 100


def test_questions_name_documents_and_pairs_become_two_claims(tmp_path: Path) -> None:
    write_material(tmp_path / "data")
    question = read_questions(tmp_path / "data")[0]
    assert question.relevant == {"0.0": "We study the"} and question.arguable == {"0.1"}
    twins = [claim for claim in read_claims(tmp_path / "data") if claim.twin == 0]
    assert [claim.label for claim in twins] == ["s", "c"]


def test_the_pieces_of_a_smaller_vocabulary_are_found_in_the_full_one(tmp_path: Path) -> None:
    full, small = tmp_path / "full.json", tmp_path / "small.json"
    write_material(tmp_path / "data")
    write_tokenizer(full, tmp_path / "data")
    write_smaller(full, small, 40)
    assert places(small, full) == list(range(40))


def test_four_bit_words_keep_what_they_hold() -> None:
    torch = pytest.importorskip("torch")
    from eval.training.common.export import rounded

    table = torch.randn(40, 64, generator=torch.Generator().manual_seed(0))
    once = rounded(table)
    assert 0.02 < float((once - table).norm() / table.norm()) < 0.15
    assert torch.allclose(rounded(once), once, atol=0.02)


def test_own_questions_train_only_if_their_collection_does(tmp_path: Path) -> None:
    (tmp_path / "collections.json").write_text(
        '{"A": {"split": "train", "ids": ["1", "2"]}, "B": {"split": "choose", "ids": ["3"]}}'
    )
    line = {"t": "set", "s": None, "y": {"1": "We prune"}, "m": [], "n": [], "o": ["2", "gone"]}
    lines = [{"c": "A", "q": "who prunes?", **line}, {"c": "B", "q": "who else?", **line}]
    (tmp_path / "lists.jsonl").write_text("\n".join(map(json.dumps, lines)))
    papers = [{"paper_id": id, "title": f"T{id}", "abstract": "We prune."} for id in "123"]
    (tmp_path / "papers.jsonl").write_text("\n".join(map(json.dumps, papers)))
    questions, documents = read_own_questions(tmp_path / "lists.jsonl", tmp_path / "papers.jsonl")
    assert [(each.text, each.documents) for each in questions] == [("who prunes?", ("1", "2"))]
    assert set(documents) == {"1", "2"}


def test_the_shipped_encoder_starts_a_training_again() -> None:
    pytest.importorskip("onnx")
    torch = pytest.importorskip("torch")
    from eval.training.common.export import session
    from eval.training.common.published import load_weights
    from eval.training.encoder.network import from_saved
    from rag.models.encoder import FOLDER

    ids = torch.tensor([[101, 5, 2054, 2003, 12850, 1029, 102]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    with torch.inference_mode():
        found = from_saved(load_weights(FOLDER / "model.onnx")).eval()(**inputs)
    wanted = session(FOLDER / "model.onnx").run(None, {name: value.numpy() for name, value in inputs.items()})
    for one, other in zip(found, wanted, strict=True):
        assert np.corrcoef(one.numpy().ravel(), other.ravel())[0, 1] > 0.95
