from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from eval.claims.agreement import ClassScore, agreement
from eval.claims.judges import MajorityJudge, ThresholdJudge, cosines, judge_each, shared_terms
from eval.claims.pairs import Label, LabelledPair, read_pairs
from rag.cli.main import main
from rag.errors import CorpusError, LLMFailed
from tests.fakes import HashEncoder


def pair(number: int, claim: str, sentence: str, label: Label) -> LabelledPair:
    return LabelledPair(f"{number}/d", claim, "", (sentence, "Nothing else is said."), label)


PAIRS = (
    pair(1, "Caches shrink memory.", "Small caches shrink memory use.", "support"),
    pair(2, "Robots walk on sand.", "Robots do not walk on sand.", "contradict"),
    pair(3, "Qubits love noise.", "Dogs bark at night.", "not_enough"),
    pair(4, "Trees grow in spring.", "Trees grow fast in spring.", "support"),
)


def record(label: str, claim_id: str = "1") -> str:
    values = {"claim_id": claim_id, "claim": "C.", "doc_id": "d", "label": label, "sentences": ["S."], "rationales": []}
    return json.dumps(values) + "\n"


def test_agreement_has_its_known_values() -> None:
    labels: list[Label] = ["support", "support", "contradict", "not_enough"]
    verdicts: list[Label] = ["support", "contradict", "contradict", "support"]
    result = agreement("a judge", labels, verdicts)
    assert result.confusion == ((1, 1, 0), (0, 1, 0), (1, 0, 0))
    assert (result.accuracy.mean, result.accuracy.n) == (0.5, 4)
    assert result.macro_f1.mean == pytest.approx((0.5 + 2 / 3 + 0) / 3)
    assert result.kappa.mean == pytest.approx((0.5 - 0.375) / (1 - 0.375))
    assert result.classes[0] == ClassScore("support", 0.5, 0.5, 0.5, 2)
    assert result.classes[2] == ClassScore("not_enough", 0.0, 0.0, 0.0, 1)
    assert result.accuracy.low <= 0.5 <= result.accuracy.high


def test_perfect_judge_agrees_wholly_and_repeats_its_interval() -> None:
    labels: list[Label] = ["support", "contradict", "not_enough"] * 5
    result = agreement("a judge", labels, labels)
    assert result.accuracy.mean == result.macro_f1.mean == result.kappa.mean == 1.0
    assert result == agreement("a judge", labels, labels)


def test_label_that_never_occurs_does_not_lower_macro_f1() -> None:
    assert agreement("a judge", ["support", "contradict"], ["support", "contradict"]).macro_f1.mean == 1.0


def test_chance_agreement_has_kappa_zero() -> None:
    assert agreement("a judge", ["support"] * 3, ["support"] * 3).kappa.mean == 0.0


@pytest.mark.parametrize(("labels", "verdicts"), [([], []), (["support"], [])])
def test_agreement_needs_a_verdict_for_each_label(labels: Sequence[Label], verdicts: Sequence[Label]) -> None:
    with pytest.raises(ValueError, match="do not go with"):
        agreement("a judge", labels, verdicts)


def test_majority_judge_gives_the_most_frequent_label() -> None:
    assert MajorityJudge(PAIRS).judge("anything", ("at all",)) == "support"


@pytest.mark.parametrize("spelling", ["NOT_ENOUGH_INFO", "not_enough", "Not enough"])
def test_spellings_of_a_label_are_one(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "pairs.jsonl").write_text(record(spelling))
    assert read_pairs(tmp_path / "pairs.jsonl").pairs == (LabelledPair("1/d", "C.", "", ("S.",), "not_enough"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (record("maybe"), "line 1: the label maybe is none of support, contradict, not_enough"),
        (record("SUPPORT") + record("CONTRADICT"), "line 2: the pair 1/d is there already, with another label or text"),
        (record("SUPPORT") + "{", "line 2: not JSON"),
        (record("SUPPORT").replace('["S."]', "[]"), 'line 1: no "sentences"'),
        (record("SUPPORT").replace('"C."', "null"), 'line 1: no "claim"'),
        ("\n", "is empty"),
    ],
)
def test_bad_pairs_are_an_error_that_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pairs.jsonl").write_text(text)
    with pytest.raises(CorpusError) as raised:
        read_pairs(tmp_path / "pairs.jsonl")
    assert message in str(raised.value)


def test_line_that_repeats_a_pair_is_counted_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text(record("SUPPORT") * 3)
    file = read_pairs(tmp_path / "pairs.jsonl")
    assert (len(file.pairs), file.repeated) == (1, 2)


def test_threshold_judge_tells_support_contradiction_and_neither() -> None:
    judge = ThresholdJudge("lexical", shared_terms, 0.5)
    assert [judge.judge(each.claim, each.sentences) for each in PAIRS] == [each.label for each in PAIRS]


def test_fitting_chooses_a_threshold_that_parts_the_pairs() -> None:
    judge = ThresholdJudge("lexical", shared_terms, 5.0)
    assert judge.judge(PAIRS[0].claim, PAIRS[0].sentences) == "not_enough"
    fitted = judge.fitted(PAIRS)
    assert [fitted.judge(each.claim, each.sentences) for each in PAIRS] == [each.label for each in PAIRS]


def test_shared_terms_are_the_share_of_the_claims_stems() -> None:
    assert shared_terms("Caches shrink memory", ["a cache shrinks", "memories", "dogs"]) == [
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
        0.0,
    ]


def test_cosines_put_the_same_words_nearest() -> None:
    near, far = cosines(HashEncoder())("robots walk", ["robots walk", "qubits"])
    assert near == pytest.approx(1.0)
    assert far < 0.5


class FailingJudge:
    """Fails on the claims that it is told to fail on."""

    name = "failing"

    def __init__(self, *bad: str) -> None:
        self.asked: list[str] = []
        self._bad = bad

    def judge(self, claim: str, sentences: Sequence[str], title: str = "") -> Label:
        self.asked.append(claim)
        if claim in self._bad:
            raise LLMFailed("The endpoint broke off.")
        return "support"


def test_claims_without_a_verdict_make_the_result_partial() -> None:
    verdicts = judge_each(FailingJudge(PAIRS[1].claim), PAIRS)
    assert [each.pair_id for each, _ in verdicts.judged] == ["1/d", "3/d", "4/d"]
    assert (verdicts.partial, verdicts.failures, verdicts.total) == (True, ("The endpoint broke off.",), 4)


def test_judging_stops_after_three_failures_in_a_row() -> None:
    judge = FailingJudge(*(each.claim for each in PAIRS))
    assert len(judge_each(judge, PAIRS).failures) == 3
    assert len(judge.asked) == 3


def written(path: Path) -> Path:
    path.write_text(
        "".join(
            json.dumps(
                {
                    "claim_id": each.pair_id,
                    "claim": each.claim,
                    "doc_id": "d",
                    "label": each.label,
                    "sentences": each.sentences,
                }
            )
            + "\n"
            for each in PAIRS
        )
    )
    return path


def test_verify_prints_agreement_beside_the_majority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = written(tmp_path / "pairs.jsonl")
    train = tmp_path / "train.jsonl"
    train.write_text(record("SUPPORT").replace('"C."', '"S."') + record("NOT_ENOUGH_INFO", "2"))
    assert main(["eval", "verify", str(pairs), "--judge", "lexical", "--train", str(train), "--json", "--quiet"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["judge"], result["accuracy"]["mean"], result["accuracy"]["n"]) == ("lexical", 1.0, 4)
    assert result["confusion"]["contradict"] == {"support": 0, "contradict": 1, "not_enough": 0}
    assert result["baseline"]["accuracy"]["mean"] == 0.5
    assert result["partial"] is False


def test_threshold_is_chosen_on_no_pair_that_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = written(tmp_path / "pairs.jsonl")
    train = tmp_path / "train.jsonl"
    train.write_text(pairs.read_text() + record("SUPPORT"))
    assert main(["eval", "verify", str(pairs), "--judge", "lexical", "--train", str(train), "--quiet"]) == 0
    assert capsys.readouterr().err == "left out of --train: 4 pairs that are measured\n"


def test_verify_shows_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            ["eval", "verify", str(written(tmp_path / "pairs.jsonl")), "--judge", "lexical", "--quiet", "--sample", "3"]
        )
        == 0
    )
    text = capsys.readouterr().out
    assert "majority class" in text and "labelled \\ judged" in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--judge", "lexical", "--train", "pairs.jsonl"], "--train holds only pairs that are measured."),
        (["--judge", "oracle"], "There is no judge oracle. Name one of citedesk, lexical, dense, llm."),
        (["--train", "pairs.jsonl"], "--train has no effect on the judge citedesk."),
        (["--judge", "llm"], "No endpoint is configured."),
    ],
)
def test_judge_that_cannot_be_used_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    assert main(["eval", "verify", str(written(tmp_path / "pairs.jsonl")), *flags]) == 2
    assert message in capsys.readouterr().err
