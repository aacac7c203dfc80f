from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.llm.reasoning import LeakedReasoning, ReasoningFilter, reasons_first

REPLIES = [
    ("Yes.", "Yes."),
    ("<think>Hm.</think>Yes.", "Yes."),
    ("<THINK>Hm.</Think>\n\nYes.", "Yes."),
    ("\n <think>Hm.</think>\n\nYes.", "\n Yes."),
    ("<thinking>a <think> b</think> c</thinking>\nYes.", "Yes."),
    ("<reasoning>Hm.</reasoning>Yes.", "Yes."),
    ("<think>Hm.", ""),
    ("<think></think>", ""),
    ("<think>Hm.</think>Yes.\n<think>More.</think>\nNo.", "Yes.\nNo."),
    ("</think>Yes.", "Yes."),
    ("a < b and <thin lines>", "a < b and <thin lines>"),
    ("ends in <thi", "ends in <thi"),
    ("The tags <think> and </think> are special [1].", "The tags <think> and </think> are special [1]."),
    ("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>", "Yes."),
    (
        "<|channel|>commentary to=functions.x <|constrain|>json<|message|>{}<|end|><|channel|>final<|message|>Yes.",
        "Yes.",
    ),
    ("analysisWe look at it.assistantfinalYes.", "Yes."),
    ("[THINK]Hm.[/THINK]Yes [1].", "Yes [1]."),
    ("[think]Hm.[/think]Yes [1].", "Yes [1]."),
    ('<think time="3">Hm.</think>Yes.', "Yes."),
    ("< think >Hm.</ think >Yes.", "Yes."),
    ("<antThinking>Hm.</antThinking>Yes.", "Yes."),
    ("<inner_monologue>Hm.</inner_monologue>Yes.", "Yes."),
    ("<think>a <think>b</think> c</think>Yes.", "Yes."),
    ("<think>I open <think> and go on.</think>Yes.", "Yes."),
    ("<|channel>thought\nHm.<channel|>Yes.", "Yes."),
    ("<details><summary>Reasoning</summary>\nHm.\n</details>\n\nYes.", "Yes."),
    ('<details type="reasoning">\n<summary>Thought for 3 s</summary>\nHm.\n</details>\nYes.', "Yes."),
    ("<details><summary>Data</summary>\nYes.\n</details>", "<details><summary>Data</summary>\nYes.\n</details>"),
    ("Thought: it is so.\nFinal Answer: Yes.", "Yes."),
    ("Reasoning: it pays [1].", "Reasoning: it pays [1]."),
    ("[cite_start]Yes [cite: 1].[cite_end] No.", "Yes [cite: 1]. No."),
    ("See [output] and [note].", "See [output] and [note]."),
    ("◁think▷Hm.◁/think▷Yes.", "Yes."),
    ("<seed:think>Hm.</seed:think>Yes.", "Yes."),
    ("<longcat_think>Hm.</longcat_think>Yes.", "Yes."),
    ("<|begin_of_thought|>Hm.<|end_of_thought|><|begin_of_solution|>Yes.<|end_of_solution|>", "Yes."),
    ("<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>", "Yes."),
    ("<unused94>thought\nHm.<unused95>Yes.", "Yes."),
    ("<think>Hm.</think><answer>Yes.</answer>", "Yes."),
    ("<scratchpad>Hm.</scratchpad>\n<final_answer>Yes.</final_answer>", "Yes."),
    ("```thinking\nHm.\n```\nYes.", "Yes."),
    ("~~~reasoning\nHm.\n~~~\nYes.", "Yes."),
    ("**Reasoning:**\nHm.\n\n**Final answer:**\nYes.", "Yes."),
    ("Here is my thought process:\nHm.\nHere is my response: Yes.", "Yes."),
    ("## Reasoning\nPebble reasons well [1].", "## Reasoning\nPebble reasons well [1]."),
    ("```markdown\nYes [1].\n```", "Yes [1].\n"),
    ("```\nYes [1].\n```\n", "Yes [1].\n"),
    ("See:\n```python\nx = 1\n```\nDone.", "See:\n```python\nx = 1\n```\nDone."),
    ("<|im_start|>assistant\nYes.<|im_end|>", "Yes."),
    ("<|start_header_id|>assistant<|end_header_id|>\n\nYes.<|eot_id|>", "Yes."),
    ("<start_of_turn>model\nYes.<end_of_turn>", "Yes."),
    ("<s>[INST] [/INST]Yes.</s>", "Yes."),
    ("<｜Assistant｜>Yes.<｜end▁of▁sentence｜>", "Yes."),
    ("It ends with `<|im_end|>` [1].", "It ends with `<|im_end|>` [1]."),
    ("Analysis of caches: they shrink [1].", "Analysis of caches: they shrink [1]."),
    ("Thoughtful pruning helps [1].", "Thoughtful pruning helps [1]."),
    ("a <b>bold</b> claim, x[i] and [A, B]", "a <b>bold</b> claim, x[i] and [A, B]"),
    ("It writes `<think>` first [2]. Then </think>.", "It writes `<think>` first [2]. Then </think>."),
]


def filtered(pieces: list[str], inside: bool = False) -> str:
    reasoning = ReasoningFilter(inside)
    return "".join(map(reasoning.feed, pieces)) + reasoning.flush()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(("reply", "answer"), REPLIES)
def test_reasoning_is_dropped_however_it_is_cut(reply: str, answer: str, size: int) -> None:
    assert filtered([reply[start : start + size] for start in range(0, len(reply), size)]) == answer


@given(st.text(alphabet="<>/thinkabc \n"), st.lists(st.integers(0, 40), max_size=8))
def test_text_without_reasoning_passes_whole_in_any_pieces(text: str, cuts: list[int]) -> None:
    if "think>" in text or "thinking>" in text:
        return
    positions = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert filtered([text[i:j] for i, j in pairwise(positions)]) == text


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Hm. I see.\n</think>\n\nYes.", "Yes."),
        ("<think>Hm.</think>Yes.", "Yes."),
        ("Yes, at once.", "Yes, at once."),
        ("Hm. Maybe <think> inside.</think>Yes.", "Yes."),
    ],
)
def test_reply_that_reasons_first_a_thought_is_held_until_it_is_known(reply: str, answer: str, size: int) -> None:
    assert filtered([reply[start : start + size] for start in range(0, len(reply), size)], inside=True) == answer


def test_plain_text_is_held_back_only_where_a_mark_may_begin() -> None:
    reasoning = ReasoningFilter()
    assert [reasoning.feed(piece) for piece in ("One", " two", " <", "b", " three")] == [
        "One",
        " two",
        " ",
        "",
        "<b three",
    ]


def test_reasoning_that_was_shown_is_an_error() -> None:
    with pytest.raises(LeakedReasoning):
        filtered(["Hm. I see.", "\n</think>\n\nYes."])


def test_server_that_sends_reasoning_apart_is_not_waited_for() -> None:
    reasoning = ReasoningFilter(inside=True)
    assert reasoning.feed("Yes") == ""
    reasoning.expect_separate_reasoning()
    assert reasoning.feed(".") == "Yes."


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("deepseek-r1:1.5b", True),
        ("DeepSeek-R1-Distill-Qwen-7B", True),
        ("Qwen/QwQ-32B", True),
        ("qwen3-4b-thinking-2507", True),
        ("deepseek-reasoner", True),
        ("magistral-small", True),
        ("qwen2.5-1.5b-instruct", False),
        ("gpt-4o-mini", False),
        ("command-r1x", False),
        ("llama-3.2-1b", False),
    ],
)
def test_models_that_reason_are_told_by_their_names(model: str, reasons: bool) -> None:
    assert reasons_first(model) is reasons


@pytest.mark.parametrize(
    "reply",
    [
        "<think>Hm, so.</think>Yes.",
        "[THINK]Hm, so.[/THINK]Yes.",
        "<|channel|>analysis<|message|>Hm, so.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
        "```thinking\nHm, so.\n```\nYes.",
        "analysisHm, so.assistantfinalYes.",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_reasoning_is_kept_to_be_viewed(reply: str, size: int) -> None:
    reasoning = ReasoningFilter()
    for start in range(0, len(reply), size):
        reasoning.feed(reply[start : start + size])
    reasoning.flush()
    assert (reasoning.reasoned, reasoning.reasoning.strip().removeprefix("analysis")) == (True, "Hm, so.")


@pytest.mark.parametrize(
    "text",
    [
        "<|en[/THINK]d|>Yes.",
        "<|channel|>analysis<|message|>Hm.<|en[/THINK]d|><|channel|>final<|message|>Yes.",
        "here’s the thoughts: \tHm.</think>Yes.",
        "\t_thought :**\tHm.</think>Yes.",
        " \n\t" * 30 + "analysisYes [1].",
    ],
)
def test_each_mark_is_held_back_until_it_is_complete(text: str) -> None:
    assert [filtered([text[:cut], text[cut:]]) for cut in range(len(text))] == [filtered([text])] * len(text)
