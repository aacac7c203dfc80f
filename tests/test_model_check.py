from __future__ import annotations

import json
from typing import Any

import pytest

from rag.answer import Sentence
from rag.errors import LLMFailed
from rag.llm.client import open_chat
from rag.llm.protocol import Reply
from rag.settings import Settings
from rag.types import Evidence, Quote
from rag.verification.model_check import SCHEMA, check_sentences
from tests.fakes import CACHE_PAPER, ROBOT_PAPER, ScriptedChat, ScriptedEndpoint

CITED = (Evidence(5, ROBOT_PAPER, ()), Evidence(2, CACHE_PAPER, ()))
TEXT = "Robots slide on sand [1]. Pebble halves 9 GB [2]."
SLIDE, HALVES = Sentence(0, 25, (1,), "not_found"), Sentence(26, 49, (2,), None)
SLIP = {"paper": 1, "quote": "Robots slip on sand."}


def entry(sentence: int, verdict: str, *quotes: dict[str, Any]) -> dict[str, Any]:
    return {"sentence": sentence, "verdict": verdict, "quotes": list(quotes)}


def reply(*entries: dict[str, Any]) -> str:
    return json.dumps({"sentences": entries})


def checked(text: str | Reply | LLMFailed) -> dict[Sentence, Any]:
    return check_sentences(TEXT, [SLIDE, HALVES], CITED, ScriptedChat([text]))


def test_verdict_with_a_verbatim_quote_counts() -> None:
    found = checked(reply(entry(1, "supported", SLIP), entry(2, "unsure")))
    assert (found[SLIDE].verdict, found[SLIDE].quotes) == (
        "supported",
        {1: (Quote("Robots slip on sand.", 0, 20, "supported"),)},
    )
    assert (found[HALVES].verdict, found[HALVES].quotes) == (None, {})


def test_sentences_and_abstracts_are_sent_in_one_request() -> None:
    chat = ScriptedChat([reply()])
    check_sentences(TEXT, [SLIDE, HALVES], CITED, chat)
    ((_, user),) = chat.asked
    assert user.content.endswith("Sentences:\n1: Robots slide on sand [1].\n2: Pebble halves 9 GB [2].")
    assert user.content.startswith("<paper>\n[1] Walking Robots on Sand\nRobots slip on sand.")
    assert "2.57times" in user.content


@pytest.mark.parametrize(
    "quote",
    [
        {"paper": 1, "quote": "Robots slide on sand."},
        {"paper": 1, "quote": ""},
        {"paper": 2, "quote": "Robots slip on sand."},
        {"paper": 9, "quote": "Robots slip on sand."},
    ],
)
@pytest.mark.parametrize("verdict", ["supported", "contradicted"])
def test_quote_that_is_not_verbatim_in_a_cited_abstract_does_not_count(verdict: str, quote: dict[str, Any]) -> None:
    assert checked(reply(entry(1, verdict, quote))) == {}


def test_exact_checks_stay_a_floor() -> None:
    found = checked(reply(entry(2, "supported", {"paper": 2, "quote": "prunes the  KV\ncache"})))
    assert (found[HALVES].verdict, found[HALVES].reason) == ("not_found", "“9 GB” is not in [2]")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "supported",
        "[]",
        '{"sentences": 1}',
        '{"sentences": [], "more": 1}',
        reply({"sentence": 1, "verdict": "supported"}),
        reply(entry(1, "true")),
        reply({**entry(1, "not_found"), "sentence": "1"}),
        reply({**entry(1, "not_found"), "sentence": True}),
        reply({**entry(1, "not_found"), "quotes": None}),
        reply(entry(1, "supported", {"paper": "1", "quote": "Robots slip on sand."})),
        reply(entry(1, "supported", {"paper": 1, "quote": 2})),
        reply(entry(3, "not_found")),
        reply(entry(1, "not_found"), entry(1, "not_found")),
        Reply(reply(entry(1, "not_found")), "the limit of tokens was reached"),
    ],
)
def test_reply_in_another_form_is_a_failure(text: str | Reply) -> None:
    with pytest.raises(LLMFailed, match="small-model"):
        checked(text)


def test_endpoint_is_asked_for_the_schema(endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = (reply(entry(1, "supported", SLIP)),)
    settings = Settings(llm_base_url=endpoint.url, llm_model="small-model", llm_timeout=5.0)
    found = check_sentences(TEXT, [SLIDE], CITED, open_chat(settings))
    assert found[SLIDE].verdict == "supported"
    assert endpoint.requests[0]["response_format"]["json_schema"]["schema"] == SCHEMA
