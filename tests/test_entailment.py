from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from eval.claims.judges import EntailmentJudge
from rag.errors import ModelUnavailable
from rag.models import entailment as entail
from rag.models.entailment import EntailmentModel, load_entailment
from tests.fakes import CACHE_PAPER, ROBOT_PAPER, HashEntailment

SUPPORT, CONTRADICT, NOT_ENOUGH = range(3)


@pytest.fixture(scope="module")
def model() -> EntailmentModel:
    return load_entailment()


@pytest.mark.parametrize(
    ("claim", "label"),
    [
        ("Pebble prunes the KV cache and cuts its memory by 2.57 times.", SUPPORT),
        ("Key-value caches do not fill the memory of a server.", CONTRADICT),
        ("Robots slip on sand.", NOT_ENOUGH),
    ],
)
def test_a_claim_is_supported_contradicted_or_left_open(model: EntailmentModel, claim: str, label: int) -> None:
    assert model.probabilities(claim, [CACHE_PAPER.abstract])[0].argmax() == label


def test_each_text_has_its_own_probabilities_which_add_to_one(model: EntailmentModel) -> None:
    texts = [ROBOT_PAPER.abstract, CACHE_PAPER.abstract, "Robots slip on sand."]
    found = model.probabilities("Robots slip on sand.", texts)
    assert found.shape == (3, 3) and found.dtype == np.float32
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert found.argmax(axis=1).tolist() == [SUPPORT, NOT_ENOUGH, SUPPORT]
    assert found[0] == pytest.approx(model.probabilities("Robots slip on sand.", texts[:1])[0], abs=0.05)


def test_no_text_has_no_probabilities(model: EntailmentModel) -> None:
    assert model.probabilities("Robots slip on sand.", []).shape == (0, 3)


@pytest.mark.parametrize("at", [0, 30, 59])
def test_the_sentence_is_found_wherever_it_stands_in_a_long_text(model: EntailmentModel, at: int) -> None:
    sentences = ["The weather on the northern coast was mild and rather windy in that year."] * 60
    sentences[at] = "Robots slip on sand."
    assert model.probabilities("Robots slip on sand.", [" ".join(sentences)])[0].argmax() == SUPPORT


def test_a_claim_and_a_sentence_of_any_length_are_judged(model: EntailmentModel) -> None:
    endless = "sand and water " * 2000
    assert model.probabilities(endless, [endless, ""]).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_missing_weights_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ModelUnavailable, match=r"model\.onnx is missing: no claim can be checked\. Reinstall Citedesk\."
    ):
        load_entailment(tmp_path)


def test_damaged_weights_are_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_bytes(b"half a file")
    monkeypatch.setattr(entail, "FOLDER", tmp_path)
    with pytest.raises(ModelUnavailable, match=r"is damaged \(sha256 .*, expected .*\)\. Reinstall Citedesk\.$"):
        load_entailment()


def test_another_folder_can_be_named(tmp_path: Path) -> None:
    for file in entail.FOLDER.iterdir():
        shutil.copy(file, tmp_path)
    found = load_entailment(tmp_path).probabilities("Robots slip on sand.", ["Robots slip on sand."])
    assert found[0].argmax() == SUPPORT


def test_the_weights_are_small() -> None:
    assert sum(file.stat().st_size for file in entail.FOLDER.iterdir()) < 25_000_000


def test_the_judge_reads_the_sentences_as_one_text() -> None:
    judge = EntailmentJudge("entailment", HashEntailment())
    assert judge.judge("Robots slip on sand.", ("Robots slip.", "It was on sand.")) == "support"
    assert judge.judge("Robots slip on sand.", ("Robots do not slip on sand.",)) == "contradict"
    assert judge.judge("Robots slip on sand.", ("Caches are small.",)) == "not_enough"
