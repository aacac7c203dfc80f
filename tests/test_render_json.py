from __future__ import annotations

import json

import pytest

from rag.answer import (
    Answer,
    Aspect,
    Cell,
    Citation,
    Comparison,
    EstimatedMissing,
    Group,
    Notice,
    Relaxation,
    Sentence,
    SentenceVerdict,
    Support,
    Thing,
    Usage,
)
from rag.render.json import answer_to_json, usage_to_json
from rag.types import Filters, Query, Quote, TokenUsage
from tests.fakes import CACHE_PAPER, ROBOT_PAPER

SLIP = Quote("Robots slip on sand.", 0, 20, "supported")
QUERY = Query("Which?", "list", "which", Filters(since="2024"))


def test_written_answer_has_the_contracts_fields() -> None:
    answer = Answer(
        QUERY,
        "answered",
        "Robots slip [1]. So.",
        (Citation(1, ROBOT_PAPER, (SLIP,)),),
        (
            Sentence(0, 16, (1,), "supported", support=(Support(1, 0, 20),)),
            Sentence(17, 20, (), "uncited", None, "repaired"),
        ),
        point="Robots slip [1].",
        groups=(Group("robots", (1,)),),
        comparison=Comparison((Thing("Dune", (1,)), Thing("Reef")), (Aspect("Result", ((Cell(1, SLIP),), ())),)),
        near_misses=(Citation(None, CACHE_PAPER, score=0.12345),),
        missed=EstimatedMissing(1, 2),
        relaxations=(Relaxation("since", 3),),
        model="small-model",
        notices=(Notice("nothing_cited"),),
        usage=Usage({"write": TokenUsage(1, 10, 2, 0.12345)}, 2),
        timings_ms={"total": 12.345},
    )
    shown = answer_to_json(answer)
    assert (
        json.loads(json.dumps(shown))
        == shown
        == {
            "question": "Which?",
            "kind": "list",
            "status": "answered",
            "filters": {"since": 2024},
            "understood": {
                "standalone": None,
                "papers": [],
                "text": "which",
                "further": [],
                "order": None,
                "count": None,
                "subjects": [],
                "excluded": [],
                "follow_up": "none",
                "action": None,
                "unsure": [],
                "unapplied": [],
                "mended": None,
            },
            "answer": "Robots slip [1]. So.",
            "point": "Robots slip [1].",
            "groups": [{"name": "robots", "numbers": [1]}],
            "comparison": {
                "things": [{"name": "Dune", "numbers": [1]}, {"name": "Reef", "numbers": []}],
                "rows": [
                    {
                        "aspect": "Result",
                        "cells": [
                            [
                                {
                                    "n": 1,
                                    "quote": {
                                        "text": "Robots slip on sand.",
                                        "start": 0,
                                        "end": 20,
                                        "verdict": "supported",
                                    },
                                }
                            ],
                            [],
                        ],
                    }
                ],
            },
            "citations": [
                {
                    "n": 1,
                    "paper_id": "2305.00002",
                    "title": "Walking Robots on Sand",
                    "url": "https://arxiv.org/abs/2305.00002",
                    "date": "2023-05",
                    "quotes": [{"text": "Robots slip on sand.", "start": 0, "end": 20, "verdict": "supported"}],
                    "why": None,
                    "score": None,
                }
            ],
            "sentences": [
                {
                    "start": 0,
                    "end": 16,
                    "citations": [1],
                    "verdict": "supported",
                    "reason": None,
                    "origin": "written",
                    "support": [{"n": 1, "start": 0, "end": 20}],
                    "parts": [],
                },
                {
                    "start": 17,
                    "end": 20,
                    "citations": [],
                    "verdict": "uncited",
                    "reason": "it cites no paper",
                    "origin": "repaired",
                    "support": [],
                    "parts": [],
                },
            ],
            "near_misses": [
                {
                    "n": None,
                    "paper_id": "2401.00001",
                    "title": "Small Caches",
                    "url": "https://arxiv.org/abs/2401.00001",
                    "date": "2024-01-05",
                    "quotes": [],
                    "why": None,
                    "score": 0.1235,
                }
            ],
            "missed": {"least": 1, "most": 2},
            "relaxations": [{"drop": "since", "papers": 3}],
            "model": "small-model",
            "reasoning": None,
            "notice": "The model cited no paper, so nothing can be checked.",
            "notices": [{"code": "nothing_cited", "text": "The model cited no paper, so nothing can be checked."}],
            "usage": {
                "calls": 1,
                "prompt_tokens": 10,
                "completion_tokens": 2,
                "seconds": 0.123,
                "unknown_markers": 2,
                "steps": {"write": {"calls": 1, "prompt_tokens": 10, "completion_tokens": 2, "seconds": 0.123}},
            },
            "timings_ms": {"total": 12.3},
        }
    )


def test_usage_shows_all_steps_and_their_sum() -> None:
    usage = Usage({"write": TokenUsage(3, 30, None, 1.0), "repair": TokenUsage(1, 5, 4, 0.25)})
    shown = usage_to_json(usage)
    assert list(shown) == ["calls", "prompt_tokens", "completion_tokens", "seconds", "unknown_markers", "steps"]
    assert [shown[name] for name in ("calls", "prompt_tokens", "completion_tokens", "seconds")] == [4, 35, 4, 1.25]
    assert list(shown["steps"]) == ["write", "repair"]
    assert shown["steps"]["write"]["completion_tokens"] is None


def test_extractive_answer_cost_nothing() -> None:
    shown = answer_to_json(Answer(QUERY, "extractive", ""))
    assert shown["usage"] == {
        "calls": 0,
        "prompt_tokens": None,
        "completion_tokens": None,
        "seconds": 0.0,
        "unknown_markers": 0,
        "steps": {},
    }
    assert (shown["sentences"], shown["model"], shown["missed"]) == ([], None, None)


@pytest.mark.parametrize(
    ("verdict", "reason", "written"),
    [
        ("supported", None, ("supported", None)),
        ("not_found", None, ("unsupported", "not found in the abstract")),
        ("not_found", "“5%” is not in [1]", ("unsupported", "not found in the abstract: “5%” is not in [1]")),
        ("contradicted", None, ("unsupported", "the abstract says otherwise")),
        ("about_answer", None, (None, "it is about the answer itself")),
        (None, None, (None, None)),
    ],
)
def test_verdicts_keep_to_the_contracts_words_and_the_reason_says_which(
    verdict: SentenceVerdict | None, reason: str | None, written: tuple[str | None, str | None]
) -> None:
    answer = Answer(QUERY, "answered", "It is.", sentences=(Sentence(0, 6, (1,), verdict, reason),))
    (sentence,) = answer_to_json(answer)["sentences"]
    assert (sentence["verdict"], sentence["reason"]) == written
