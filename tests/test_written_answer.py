from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from rag.answer import Answer, EstimatedMissing, Token
from rag.errors import LLMFailed
from rag.generation.draft import Draft
from rag.generation.reply_checks import says_nothing
from rag.generation.writer import WritingOutcome
from rag.llm.protocol import Reply
from rag.llm.usage import UsageMeter
from rag.render.notices import notices_text
from rag.settings import LLMCheck, Settings, Unsupported
from rag.types import Evidence, Kind, Query, Quote
from rag.verification.checked_text import CheckedText
from rag.verification.judge import SentenceJudge
from rag.verification.written_answer import complete
from tests.fakes import CACHE_PAPER, EVIDENCE, QUANTUM_PAPER, ROBOT_PAPER, HashCrossEncoder, ScriptedChat

JUDGE = SentenceJudge(HashCrossEncoder())


def finished(
    reply: str,
    kind: Kind = "fact",
    replies: Sequence[Any] = (),
    sent: Sequence[Evidence] = EVIDENCE,
    unsupported: Unsupported = "mark",
    outcome: WritingOutcome | None = None,
    check: LLMCheck = "off",
) -> tuple[str, Answer]:
    """Return what was streamed before the end, and the answer."""
    text = CheckedText(sent, JUDGE)
    shown = [*text.feed(reply), *text.end()]
    meter = UsageMeter(ScriptedChat(replies))
    draft = Draft(Query("What do they do?", kind, "what"), EVIDENCE, missed=EstimatedMissing(0, 0))
    settings = Settings(unsupported=unsupported, llm_check=check)
    answer = complete(draft, text, meter, JUDGE, settings, outcome or WritingOutcome())
    return "".join(event.text for event in shown if isinstance(event, Token)), answer


def said(answer: Answer) -> list[tuple[str, str | None, str]]:
    return [(answer.text[each.start : each.end], each.verdict, each.origin) for each in answer.sentences]


@pytest.mark.parametrize("kind", ["list", "fact", "compare", "lookup"])
def test_paper_that_the_model_left_out_is_not_forced_back_in(kind: Kind) -> None:
    _, answer = finished("Robots slip on sand [2].", kind)
    assert (answer.text, len(answer.citations)) == ("Robots slip on sand [1].", 1)
    assert [(near.n, near.paper.paper_id) for near in answer.near_misses] == [
        (None, "2401.00001"),
        (None, "1804.00003"),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        "The collection does not answer this.",
        "The collection does not answer this [2].",
        "The collection does not answer this. [1]",
        "\n The collection does not answer this. Robots slip [2].",
        "",
        " [7]",
    ],
)
def test_reply_that_says_that_it_is_not_answered_is_a_refusal(reply: str) -> None:
    for kind in ("fact", "list"):
        _, answer = finished(reply, kind)
        assert (answer.status, answer.text) == ("refused", "The collection does not answer this.")
        assert (answer.citations, answer.sentences, len(answer.near_misses)) == ((), (), 3)


@pytest.mark.parametrize(
    "reply",
    [
        "**The collection does not answer this.**",
        "The collection does not answer this",
        "“The collection does not answer this.”",
        "the collection does not answer this.",
    ],
)
def test_refusal_in_other_dress_is_a_refusal(reply: str) -> None:
    assert says_nothing(reply)


def test_unknown_markers_are_told() -> None:
    _, answer = finished("Robots slip on sand [2][7][8].")
    assert (answer.text, notices_text(answer.notices)) == (
        "Robots slip on sand [1].",
        "Removed 2 citation numbers without a source.",
    )


def test_unknown_markers_are_counted_in_the_usage() -> None:
    assert finished("Robots slip on sand [2][7][8].")[1].usage.unknown_markers == 2


def test_reply_that_cites_nothing_says_that_it_cannot_be_checked() -> None:
    _, answer = finished("Robots slip.")
    assert (answer.status, answer.citations) == ("answered", ())
    assert notices_text(answer.notices) == ("The model cited no paper, so nothing can be checked.")


def test_cut_reply_is_truncated_and_says_why_first() -> None:
    _, answer = finished(
        "Robots slip on sand [2]. And they",
        outcome=WritingOutcome(truncated="it reached CITEDESK_LLM_MAX_TOKENS (1024)"),
    )
    assert answer.status == "truncated"
    assert notices_text(answer.notices) == ("The endpoint cut the answer: it reached CITEDESK_LLM_MAX_TOKENS (1024).")


def test_remarks_of_the_writer_are_kept() -> None:
    assert notices_text(
        finished("Robots slip on sand [2].", outcome=WritingOutcome(failures=[LLMFailed("x.")]))[1].notices
    ) == ("The endpoint failed for 1 paper: x.")


def test_failing_sentences_are_struck_where_that_is_set() -> None:
    _, answer = finished("Robots fly to Mars [2]. Robots slip on sand [2].", unsupported="strike")
    assert answer.text == "~~Robots fly to Mars [1].~~ Robots slip on sand [1]."
    assert said(answer) == [
        ("~~Robots fly to Mars [1].~~", "not_found", "written"),
        ("Robots slip on sand [1].", "supported", "written"),
    ]


def test_failing_sentences_are_repaired_by_one_more_request_and_others_stay() -> None:
    reply = "Noise limits what they compute [3]. Robots fly to Mars [2]. Caches are nice."
    _, answer = finished(reply, replies=["1: Robots slip on sand."], unsupported="repair")
    assert answer.text == "Noise limits what they compute [1]. Robots slip on sand [2]. Caches are nice."
    assert {each[0]: each[1:] for each in said(answer)} == {
        "Noise limits what they compute [1].": ("supported", "written"),
        "Robots slip on sand [2].": ("supported", "repaired"),
        "Caches are nice.": ("uncited", "written"),
    }
    assert notices_text(answer.notices) == "Corrected or removed 1 unsupported sentence."
    assert [each.paper for each in answer.citations] == [QUANTUM_PAPER, ROBOT_PAPER]


def test_papers_that_were_considered_are_listed_with_the_reason() -> None:
    _, answer = finished("- Robots slip on sand [2].\n\nConsidered, not used:\n[3]: a review\n", "list")
    assert answer.text == "- Robots slip on sand [1]."
    assert [(each.paper, each.why) for each in answer.near_misses] == [(QUANTUM_PAPER, "a review"), (CACHE_PAPER, None)]


def test_repaired_papers_are_numbered_anew() -> None:
    reply = "Jets fly to Mars [1]. Robots slip on sand [2]."
    _, answer = finished(reply, replies=["1: DELETE"], unsupported="repair")
    assert (answer.text.strip(), [each.n for each in answer.citations]) == ("Robots slip on sand [1].", [1])
    assert answer.citations[0].paper == ROBOT_PAPER


def test_correction_that_is_no_better_is_left_out() -> None:
    _, answer = finished("Robots fly to Mars [2].", replies=["1: Robots run to Venus."], unsupported="repair")
    assert said(answer) == [("Robots fly to Mars [1].", "not_found", "written")]
    assert str(notices_text(answer.notices)).startswith("Could not correct 1 unsupported sentence")


def test_doubt_about_a_sentence_that_the_model_finds_right_is_dropped() -> None:
    reply = "Jets fly high [2]. Jets fly to Mars [2]."
    _, answer = finished(reply, replies=["1: Jets fly high [1].\n2: Jets fly to Mars."], unsupported="repair")
    assert said(answer) == [
        ("Jets fly high [1].", None, "written"),
        ("Jets fly to Mars [1].", "not_found", "written"),  # the paper has no Mars
    ]
    assert notices_text(answer.notices) is None


def test_repair_that_fails_keeps_the_text_and_says_so() -> None:
    failure = LLMFailed("The endpoint is down.")
    _, answer = finished("Robots fly to Mars [2].", replies=[failure], unsupported="repair")
    assert answer.text == "Robots fly to Mars [1]."
    assert notices_text(answer.notices) == ("Could not correct 1 unsupported sentence: The endpoint is down.")


def test_endpoint_that_failed_is_not_asked_for_corrections() -> None:
    outcome = WritingOutcome(failures=[LLMFailed("The endpoint broke off.")] * 2, unasked=3)
    _, answer = finished("Robots fly to Mars [2].", unsupported="repair", outcome=outcome)
    assert answer.text == "Robots fly to Mars [1]."
    assert notices_text(answer.notices) == (
        "The endpoint failed for 2 papers, and 3 more were not asked about: The endpoint broke off. "
        "Could not correct 1 unsupported sentence: the endpoint had failed before."
    )


def test_nothing_is_asked_where_nothing_failed() -> None:
    assert notices_text(finished("Robots slip on sand [2].", unsupported="repair")[1].notices) is None


def test_answer_of_which_nothing_is_left_is_replaced_by_the_extractive_one() -> None:
    answer = finished("Jets fly to Mars [2].", replies=["1: DELETE"], unsupported="repair")[1]
    assert (answer.status, notices_text(answer.notices)) == (
        "extractive",
        "No sentence that the model wrote was supported. The extractive answer is shown instead.",
    )


def test_garbage_instead_of_corrections_is_told_as_what_it_is() -> None:
    answer = finished("Jets fly to Mars [2].", replies=[Reply("I cannot.")], unsupported="repair")[1]
    assert "Corrected or removed 0" not in str(notices_text(answer.notices))


def test_each_sentence_of_a_correction_keeps_its_paper() -> None:
    reply = "1: Robots slip on sand. Our controller learns to walk on dunes in simulation."
    _, answer = finished("Jets fly to Mars [2].", replies=[reply], unsupported="repair")
    assert [each.verdict for each in answer.sentences] == ["supported", "supported"]


def test_refusal_with_a_marker_keeps_its_remarks() -> None:
    answer = finished("The collection does not answer this [1].", outcome=WritingOutcome(failures=[LLMFailed("x.")]))[1]
    assert (answer.status, notices_text(answer.notices)) == ("refused", "The endpoint failed for 1 paper: x.")


def check(*entries: dict[str, Any]) -> str:
    return json.dumps({"sentences": entries})


def test_models_own_check_replaces_the_local_verdicts_by_one_more_request() -> None:
    quote = {"paper": 1, "quote": "Robots slip on sand."}
    replies = [check({"sentence": 1, "verdict": "contradicted", "quotes": [quote]})]
    _, answer = finished("Robots slip on sand [2].", replies=replies, check="on")
    assert said(answer) == [("Robots slip on sand [1].", "contradicted", "written")]
    assert answer.citations[0].quotes == (Quote("Robots slip on sand.", 0, 20, "contradicted"),)
    assert notices_text(answer.notices) is None


def test_check_that_fails_leaves_the_local_verdicts_and_says_so() -> None:
    _, answer = finished("Robots slip on sand [2].", replies=[LLMFailed("The endpoint is down.")], check="on")
    assert said(answer) == [("Robots slip on sand [1].", "supported", "written")]
    assert notices_text(answer.notices) == (
        "The model's own check failed: The endpoint is down. The verdicts are the local model's."
    )


def test_check_without_a_verbatim_quote_leaves_the_local_verdict_and_says_so() -> None:
    invented = {"paper": 1, "quote": "Robots never slip."}
    replies = [check({"sentence": 1, "verdict": "contradicted", "quotes": [invented]})]
    _, answer = finished("Robots slip on sand [2].", replies=replies, check="on")
    assert said(answer) == [("Robots slip on sand [1].", "supported", "written")]
    assert notices_text(answer.notices) == (
        "The model's own check gave no verdict with a verbatim quote for 1 of 1 sentence: "
        "the local model's stand there."
    )


def test_corrected_text_is_checked_by_the_model_again() -> None:
    wrong = check({"sentence": 1, "verdict": "not_found", "quotes": []})
    right = check({"sentence": 1, "verdict": "supported", "quotes": [{"paper": 1, "quote": "Robots slip on sand."}]})
    replies = [wrong, "1: Robots slide on sand.", right]
    _, answer = finished("Robots slip on sand [2].", replies=replies, unsupported="repair", check="on")
    assert said(answer) == [("Robots slide on sand [1].", "supported", "repaired")]
