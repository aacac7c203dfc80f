from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from eval.training.entailment.__main__ import main
from eval.training.entailment.examples import Example, from_abstract, split
from eval.training.entailment.pack import pack, prune, rows
from eval.training.entailment.published import read_published, read_scifact
from eval.training.entailment.rewrite import merged, rewritten, third_person
from rag.models.entailment import FOLDER
from tests.fakes import CACHE_PAPER, PAPERS, ROBOT_PAPER

SENTENCES = (
    "Key-value caches fill the memory of a server.",
    "We present Pebble, which prunes the KV cache and cuts its memory by 57%.",
    "Pebble outperforms eviction on eight tasks.",
    "Accuracy stays within two points of the full cache on all of them.",
)


class FirstChoice(random.Random):
    """Always takes the first choice, and every chance."""

    def random(self) -> float:
        return 0.0

    def choice(self, seq: Any) -> Any:
        return seq[0]


def test_we_become_the_authors() -> None:
    assert (
        third_person("We show that our model works.", FirstChoice())
        == "the authors show that the authors' model works."
    )


def test_leading_words_are_dropped_and_words_exchanged() -> None:
    text = rewritten("However, the method reduces latency (by half).", random.Random(3), strength=1.0)
    assert not text.startswith("However") and "(by half)" not in text and "latency" in text


def test_two_sentences_become_one_claim() -> None:
    assert merged(["Robots slip.", "They fall."], FirstChoice()) == "Robots slip; they fall."


def test_sentences_are_split_but_not_after_abbreviations() -> None:
    assert split("Robots, e.g. Spot, slip. They fall (often).\nWhy?") == (
        "Robots, e.g. Spot, slip.",
        "They fall (often).",
        "Why?",
    )


def test_examples_hold_to_what_their_label_says() -> None:
    others = [split(paper.abstract) for paper in PAPERS[1:]]
    found = list(from_abstract("Small Caches", SENTENCES, others, random.Random(0), 400))
    assert {each.label for each in found} == {"support", "contradict", "not_enough"}
    assert {"said", "wrong number", "swapped", "left out", "elsewhere", "error repeated"} <= {
        each.source for each in found
    }
    for each in found:
        if each.source in ("said", "two said", "wrong number", "left out", "elsewhere"):
            assert set(each.sentences) <= set(SENTENCES)
        if each.source == "swapped":
            assert each.claim == "Eviction outperforms pebble."


def test_an_abstract_of_two_sentences_gives_no_examples() -> None:
    assert not list(from_abstract("T", SENTENCES[:2], [], random.Random(0), 10))


def test_scifact_pairs_are_held_against_the_abstract_its_rationale_and_the_rest(tmp_path: Path) -> None:
    record = {
        "claim_id": "1",
        "doc_id": "2",
        "claim": "Pebble improves recall.",
        "label": "SUPPORT",
        "rationales": [[1]],
    }
    path = tmp_path / "verify_train.jsonl"
    path.write_text(json.dumps({**record, "sentences": SENTENCES}) + "\n")
    found = {(each.source, each.label, len(each.sentences)) for each in read_scifact(path, random.Random(0))}
    assert {("scifact", "support", 4), ("scifact rationale", "support", 1), ("scifact rest", "not_enough", 2)} <= found
    assert ("scifact planted", "contradict", 1) in found


def test_published_sets_are_read_where_they_are(tmp_path: Path) -> None:
    assert list(read_published(tmp_path, random.Random(0))) == []
    (tmp_path / "conj.tsv").write_text("Premise\tHypothesis\tLabel\nIt rains and snows.\tIt rains.\tentailment\n")
    (tmp_path / "fever.claims").write_text("It rains.\n")
    (tmp_path / "fever.evidence").write_text("It rains -LRB- a lot -RRB- .\n")
    (tmp_path / "fever.labels").write_text("not_entailment\n")
    found = list(read_published(tmp_path, FirstChoice()))
    assert Example("It rains.", ("It rains and snows.",), "support", "conjnli") in found
    assert Example("It rains.", ("It rains (a lot).",), "contradict", "fever") in found


def test_packed_examples_are_laid_out_as_claim_and_evidence() -> None:
    content, kept = prune(FOLDER / "tokenizer.json", [CACHE_PAPER.abstract, ROBOT_PAPER.abstract] * 4)
    vocabulary = content["model"]["vocab"]
    assert len(kept) == len(vocabulary) < 2000 and "robots" in vocabulary
    examples = [
        Example("Robots slip.", ("Robots slip on sand.", "Noise."), "support", "a"),
        Example("Noise.", ("Robots slip on sand.",), "not_enough", "b"),
    ]
    packed = pack(content, examples)
    assert packed["evidence"].tolist() == [0, 1, 0] and packed["label"].tolist() == [0, 2]
    ids, lengths, firsts = rows(packed, vocabulary["[CLS]"], vocabulary["[SEP]"], 64)
    names = {i: piece for piece, i in vocabulary.items()}
    assert [names[i] for i in ids[1, : lengths[1]].tolist()][:1] == ["[CLS]"]
    assert [names[i] for i in ids[0, : firsts[0]].tolist()] == ["[CLS]", "robots", "slip", ".", "[SEP]"]
    assert names[int(ids[0, lengths[0] - 1])] == "[SEP]" and ids[0, lengths[0] :].sum() == 0


def test_the_steps_say_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "collect" in capsys.readouterr().out
