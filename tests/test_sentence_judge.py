from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from rag.models.cross_encoder import PairScores
from rag.text.tokens import tokenize
from rag.types import Paper, Quote
from rag.verification.clauses import Clause, split_clauses
from rag.verification.judge import SentenceJudge, plain_claim
from tests.fakes import CACHE_PAPER, PEBBLE, QUANTUM_PAPER, REEF, ROBOT_PAPER, HashCrossEncoder

JUDGE = SentenceJudge(HashCrossEncoder())
MOE = Paper("p1", "D$^2$MoE", "We train on eight H100 GPUs. It takes $O(\\epsilon^{-3})$ steps.")


class Saying:
    """Gives a function's logits for a claim and the first `most` characters of a text, and keeps what it was shown.

    The evidence of a word is 1 if the claim has it, else 0.
    """

    cuts: Mapping[str, float | Sequence[float]] = {"supports_cut": 1.0}

    def __init__(self, logits: Callable[[str, str], tuple[float, float]], most: int = 10_000) -> None:
        self.shown: list[tuple[str, str]] = []
        self._logits = logits
        self._most = most

    def score(self, question: str, texts: Sequence[str]) -> PairScores:
        self.shown += [(question, text) for text in texts]
        rows = np.array([self._logits(question, text[: self._most]) for text in texts], np.float32)
        starts = [_starts(text[: self._most]) for text in texts]
        wanted = set(tokenize(question))
        evidence = [
            np.array([float(bool(wanted & set(tokenize(text[a:b])))) for a, b in words], np.float32)
            for text, words in zip(texts, starts, strict=True)
        ]
        offsets = tuple(np.array(words, np.int32).reshape(-1, 2) for words in starts)
        return PairScores(rows[:, 0], rows[:, 0], rows[:, 0], rows[:, 1], tuple(evidence), offsets)


def _starts(text: str) -> list[tuple[int, int]]:
    spans, at = [], 0
    for word in text.split(" "):
        spans.append((at, at + len(word)))
        at += len(word) + 1
    return spans


def constant(supports: float, contradicts: float = -9.0) -> Saying:
    return Saying(lambda claim, text: (supports, contradicts))


@pytest.mark.parametrize(
    ("supports", "contradicts", "verdict"),
    [
        (1.0, 5.0, "supported"),
        (0.9, 5.0, None),
        (-4.9, 5.0, None),
        (-5.1, -0.1, "not_found"),
        (-5.1, 0.1, "contradicted"),
        (-9.0, -2.0, "not_found"),
    ],
)
def test_verdict_follows_the_cuts_of_the_model(supports: float, contradicts: float, verdict: str | None) -> None:
    judgement = SentenceJudge(constant(supports, contradicts)).judge("It works well [1].", {1: ROBOT_PAPER})
    assert (judgement.verdict, judgement.reason) == (verdict, None)


def test_doubt_counts_only_if_it_remains_behind_what_stands_before() -> None:
    model = Saying(lambda claim, text: (-2.0, -3.0) if "Pebble" in claim else (-9.0, 5.0))
    judge = SentenceJudge(model)
    sentence, cited = "It halves memory [1].", {1: CACHE_PAPER}
    assert judge.judge(sentence, cited).verdict == "contradicted"
    assert judge.judge(sentence, cited, before="Robots walk. ").verdict == "contradicted"
    judgement = judge.judge(sentence, cited, before="**Pebble** prunes caches [1]. ")
    assert (judgement.verdict, judgement.quotes[1][0].verdict) == (None, None)
    assert model.shown[-1][0] == "Pebble prunes caches. It halves memory."


def test_clause_is_read_behind_those_before_it() -> None:
    model = Saying(lambda claim, text: (-2.0, -3.0) if "Pebble" in claim else (-9.0, 5.0))
    judgement = SentenceJudge(model).judge("Pebble prunes [1], but it slips [2].", {1: CACHE_PAPER, 2: ROBOT_PAPER})
    assert [part.judgement.verdict for part in judgement.parts] == [None, None]


@pytest.mark.parametrize(
    ("supports", "sentence", "verdict"),
    [
        (2.0, "Both help.", "supported"),
        (-4.0, "Two papers prune caches: one halves memory.", None),
        (-4.0, "Pebble halves memory on an H200.", "uncited"),
        (-4.0, "Seven of them prune.", "uncited"),
        (-6.0, "Robots slip on sand.", "uncited"),
    ],
)
def test_sentence_without_a_marker_needs_one_where_its_papers_leave_doubt(
    supports: float, sentence: str, verdict: str | None
) -> None:
    judge = SentenceJudge(constant(supports))
    assert judge.judge_uncited(sentence, {1: CACHE_PAPER, 2: ROBOT_PAPER}).verdict == verdict
    assert judge.judge_uncited(sentence, {}).verdict == "uncited"


def test_whole_paper_is_shown_once_with_its_title() -> None:
    model = constant(9.0)
    SentenceJudge(model).judge("Robots slip on sand [1].", {1: ROBOT_PAPER})
    ((claim, text),) = model.shown
    assert claim == "Robots slip on sand."
    assert text.startswith("Walking Robots on Sand. Robots slip on sand.") and text.endswith("25–40 % fewer trials.")


def test_claim_paper_and_exact_check_have_one_form() -> None:
    model = constant(9.0)
    judge = SentenceJudge(model)
    assert judge.judge("D²MoE trains on 8×H100 in O(ε⁻³) steps [1].", {1: MOE}).verdict == "supported"
    assert model.shown == [
        ("D2MoE trains on 8×H100 in O(ε-3) steps.", "D2MoE. We train on eight H100 GPUs. It takes O(ε-3) steps.")
    ]
    assert judge.judge("D²MoE trains on 8×A100 [1].", {1: MOE}).reason == "“A100” is not in [1]"


def test_long_abstract_is_read_in_windows_of_whole_sentences() -> None:
    abstract = " ".join(f"Sentence {word} says it." for word in ("one", "two", "three", "four", "five"))
    model = Saying(lambda claim, text: (9.0 if "five" in text else -9.0, -9.0), most=60)
    judgement = SentenceJudge(model).judge("Sentence five is it [1].", {1: Paper("p", "T", abstract)})
    assert judgement.verdict == "supported"
    assert [text[:24] for _, text in model.shown] == [
        "T. Sentence one says it.",
        "T. Sentence two says it.",
        "T. Sentence three says i",
        "T. Sentence four says it",
    ]
    assert [quote.text for quote in judgement.quotes[1]] == ["Sentence five says it."]


def test_sentence_without_a_paper_is_uncited_unless_it_is_about_the_answer() -> None:
    assert JUDGE.judge("Robots slip on sand.", {}).verdict == "uncited"
    assert JUDGE.judge("Three of the papers address this.", {}).verdict == "about_answer"


@pytest.mark.parametrize(
    "sentence",
    [
        "Five of the papers address this question.",
        "The collection has no paper on sparse attention.",
        "These three papers are listed above.",
        "**Summary of the 3 papers**",
        "No paper here compares sparse attention with others.",
    ],
)
def test_remark_about_the_answer_needs_no_citation(sentence: str) -> None:
    assert JUDGE.judge(sentence, {}, "Which papers use sparse attention?").verdict == "about_answer"


@pytest.mark.parametrize(
    "sentence",
    [
        "Five of the papers quantize weights.",
        "The papers were written in Paris.",
        "These papers report 40% less memory.",
        "Sparse attention is used.",
        "The papers cover sparse attention by GPT-4.",
    ],
)
def test_remark_that_states_something_needs_a_citation(sentence: str) -> None:
    assert JUDGE.judge(sentence, {}, "Which papers use sparse attention?").verdict == "uncited"


@pytest.mark.parametrize("sentence", [f"**{ROBOT_PAPER.title}** [1]", "Walking Robots [1]"])
def test_heading_with_nothing_but_a_title_has_no_verdict(sentence: str) -> None:
    assert JUDGE.judge(sentence, {1: ROBOT_PAPER}).verdict == "about_answer"


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Pebble cuts its memory by 2.57× [1].", None),
        ("Pebble cuts its memory by 2.6x [1].", None),
        ("Pebble cuts its memory by 3.57× [1].", "“3.57x” is not in [1]"),
        ("Pebble cuts 4 GB by 5% [1].", "“4 GB”, “5%” are not in [1]"),
        ("Pebble of Marble prunes the KV cache [1].", "“Marble” is not in [1]"),
        ("This one paper is about Pebble [1].", None),
        ("Twenty-five tasks lose accuracy [1].", "“25” is not in [1]"),
        ("Three quarters of the memory is left [1].", None),
    ],
)
def test_number_or_name_that_the_paper_lacks_is_not_supported(sentence: str, reason: str | None) -> None:
    judgement = SentenceJudge(constant(9.0)).judge(sentence, {1: CACHE_PAPER})
    assert (judgement.verdict, judgement.reason) == ("not_found" if reason else "supported", reason)


def test_exact_check_is_a_floor_only() -> None:
    judgement = SentenceJudge(constant(-9.0, 9.0)).judge("Pebble cuts 4 GB [1].", {1: CACHE_PAPER})
    assert judgement.verdict == "contradicted"


@pytest.mark.parametrize(
    "sentence", ["Two papers slip [1][2].", "The two of them slip [1][2].", "Seven papers slip [1][2]."]
)
def test_count_of_papers_is_the_answers_own(sentence: str) -> None:
    cited = {1: QUANTUM_PAPER, 2: ROBOT_PAPER}
    assert SentenceJudge(constant(9.0)).judge(sentence, cited).verdict == "supported"


def test_several_papers_are_asked_for_names_and_numbers_together() -> None:
    judge = SentenceJudge(constant(9.0))
    cited = {1: PEBBLE, 2: REEF}
    assert judge.judge("Pebble takes 2.57×, Reef 12 ms [1][2].", cited).verdict == "supported"
    assert judge.judge("Pebble takes 13 ms [1][2].", cited).reason == "“13 ms” is not in [1] or [2]"


def test_one_paper_that_supports_a_sentence_is_enough() -> None:
    judgement = JUDGE.judge("Robots slip on sand [1][2].", {1: QUANTUM_PAPER, 2: ROBOT_PAPER})
    assert judgement.verdict == "supported"
    assert judgement.quotes[2] == (Quote("Robots slip on sand.", 0, 20, "supported"),)
    assert judgement.quotes[1][0].verdict == "not_found"


def test_papers_that_only_together_support_a_sentence_are_read_as_one_text() -> None:
    model = Saying(lambda claim, text: (9.0 if "Robots slip" in text and "quantum" in text else -9.0, -9.0))
    judgement = SentenceJudge(model).judge(
        "Robots slip, and circuits are shallow [1][2].", {1: QUANTUM_PAPER, 2: ROBOT_PAPER}
    )
    assert judgement.verdict == "supported"
    assert {quote.verdict for quotes in judgement.quotes.values() for quote in quotes} == {"supported"}
    assert len(model.shown) == 3


def test_each_clause_is_judged_against_its_own_papers() -> None:
    cited = {1: ROBOT_PAPER, 2: CACHE_PAPER}
    right = "Robots slip on sand [1], while Pebble prunes the KV cache [2]."
    assert JUDGE.judge(right, cited).verdict == "supported"
    assert JUDGE.judge(right, {1: CACHE_PAPER, 2: ROBOT_PAPER}).verdict != "supported"
    wrong = "Robots slip on sand [1], while Pebble sings loud songs [2]."
    judgement = JUDGE.judge(wrong, cited)
    assert judgement.verdict == "not_found"
    assert [(wrong[each.start : each.end], each.cited, each.judgement.verdict) for each in judgement.parts] == [
        ("Robots slip on sand [1]", (1,), "supported"),
        (", while Pebble sings loud songs [2].", (2,), "not_found"),
    ]


@pytest.mark.parametrize(
    ("sentence", "clauses"),
    [
        ("A does x [1], while B does y [2].", [("A does x", (1,)), ("B does y.", (2,))]),
        ("A does x [1]; B and C do y [2][3].", [("A does x", (1,)), ("B and C do y.", (2, 3))]),
        ("A [1] does x and B [2] does y.", [("A does x", (1,)), ("B does y.", (2,))]),
        ("A [1] and B [2] do x.", [("A", (1,)), ("B do x.", (2,))]),
        ("Both do x [1][2].", [("Both do x.", (1, 2))]),
        ("As [1] shows B [2].", [("As shows B.", (1, 2))]),
        ("A does x [1], [2].", [("A does x", (1, 2))]),
        ("Nothing is cited.", [("Nothing is cited.", ())]),
    ],
)
def test_sentence_is_split_between_its_markers(sentence: str, clauses: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(each.text, each.cited) for each in split_clauses(sentence)] == clauses


def test_quote_is_the_sentence_with_the_most_evidence_verbatim() -> None:
    judgement = JUDGE.judge("It **prunes** the KV cache, and cuts its memory by 2.57x [3].", {3: CACHE_PAPER})
    (quote,) = judgement.quotes[3]
    assert quote.text == "We present Pebble, which prunes the KV cache and cuts its memory by 2.57times."
    assert CACHE_PAPER.abstract[quote.start : quote.end] == quote.text
    assert quote.verdict == judgement.verdict == "supported"


COLUMNS = ("Paper", "Loading", "Effect")


def cells(row: str, model: Saying, columns: Sequence[str] = COLUMNS) -> list[tuple[str, tuple[int, ...], str | None]]:
    parts = SentenceJudge(model).judge_row(row, columns, {1: REEF, 2: ROBOT_PAPER}).parts
    return [(row[part.start : part.end], part.cited, part.judgement.verdict) for part in parts]


def test_each_cell_of_a_row_rests_on_the_paper_of_its_label() -> None:
    row = "| **Reef** [1] | 12 ms | halves the memory |"
    model = constant(9.0)
    assert cells(row, model) == [("12 ms", (1,), "supported"), ("halves the memory", (1,), "supported")]
    assert [claim for claim, _ in model.shown] == ["Reef: Loading: 12 ms", "Reef: Effect: halves the memory"]


def test_cell_is_only_doubted_for_a_number_or_name_it_lacks() -> None:
    row = "| **Reef** [1] | 13 ms | halves the memory |"
    assert cells(row, constant(-9.0)) == [("13 ms", (1,), "not_found"), ("halves the memory", (1,), None)]
    judgement = SentenceJudge(constant(-9.0)).judge_row(row, COLUMNS, {1: REEF})
    assert (judgement.verdict, judgement.reason) == ("not_found", "“13 ms” is not in [1]")


def test_cell_rests_on_its_own_marker_before_its_columns() -> None:
    columns = ("Criterion", "Reef [1]", "Robots [2]")
    row = "| Result | loading takes 12 ms | fewer trials [2] |"
    assert [(said, cited) for said, cited, _ in cells(row, constant(9.0), columns)] == [
        ("loading takes 12 ms", (1,)),
        ("fewer trials [2]", (2,)),
    ]


def test_empty_cells_and_labels_are_not_checked() -> None:
    assert cells("| Cost | – | | not stated |", constant(9.0), ("", "Reef [1]", "Robots [2]", "Other")) == []


@pytest.mark.parametrize(
    ("sentence", "claim"),
    [
        ("**Pebble** prunes `it` [1][2].", "Pebble prunes it."),
        ("~~It prunes~~ [1].", "It prunes."),
        ("| a [1] | b |", "a ; b"),
        ("It  prunes\n it [12].", "It prunes it."),
    ],
)
def test_claim_is_the_sentence_without_markers_and_markup(sentence: str, claim: str) -> None:
    assert plain_claim(sentence) == claim


def test_heading_of_title_and_date_is_no_claim() -> None:
    heading = f"**{ROBOT_PAPER.title}** (2023-05): robots slip on sand [1]."
    assert JUDGE.judge(heading, {1: ROBOT_PAPER}).verdict == "supported"
    assert JUDGE.judge(heading.replace("2023-05", "2019-05"), {1: ROBOT_PAPER}).verdict == "not_found"


def test_clause_says_what_it_cites() -> None:
    assert split_clauses("Robots slip [1].") == (Clause("Robots slip.", (1,), 0, 16),)
