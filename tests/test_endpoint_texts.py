from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.reader import read_corpus
from rag.llm.loops import LoopWatcher
from rag.llm.plain import Joiner, printable, quoted
from rag.llm.structured import first_object, obeys
from rag.llm.thoughts import ThoughtFilter, ThoughtShown, may_start_inside
from tests.conftest import PROJECT

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
    ("It writes `<think>` first [2]. Then </think>.", "It writes `<think>` first [2]. Then </think>."),
]


def filtered(pieces: list[str], inside: bool = False) -> str:
    thoughts = ThoughtFilter(inside)
    return "".join(map(thoughts.feed, pieces)) + thoughts.flush()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(("reply", "answer"), REPLIES)
def test_thought_is_dropped_however_it_is_cut(reply: str, answer: str, size: int) -> None:
    assert filtered([reply[start : start + size] for start in range(0, len(reply), size)]) == answer


@given(st.text(alphabet="<>/thinkabc \n"), st.lists(st.integers(0, 40), max_size=8))
def test_text_without_thoughts_passes_whole_in_any_pieces(text: str, cuts: list[int]) -> None:
    if "think>" in text or "thinking>" in text:
        return
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert filtered([text[i:j] for i, j in pairwise(places)]) == text


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
def test_reply_that_may_start_inside_a_thought_is_held_until_it_is_known(reply: str, answer: str, size: int) -> None:
    assert filtered([reply[start : start + size] for start in range(0, len(reply), size)], inside=True) == answer


def test_plain_text_is_never_held_back() -> None:
    thoughts = ThoughtFilter()
    assert [thoughts.feed(piece) for piece in ("One", " two", " <", "b", " three")] == [
        "One",
        " two",
        " ",
        "<b",
        " three",
    ]


def test_thought_that_was_shown_is_noticed() -> None:
    with pytest.raises(ThoughtShown):
        filtered(["Hm. I see.", "\n</think>\n\nYes."])


def test_server_that_sends_reasoning_apart_is_not_waited_for() -> None:
    thoughts = ThoughtFilter(inside=True)
    assert thoughts.feed("Yes") == ""
    thoughts.trust()
    assert thoughts.feed(".") == "Yes."


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
    assert may_start_inside(model) is reasons


def loops(text: str, size: int = 5) -> bool:
    watcher = LoopWatcher()
    return any(watcher.feed(text[start : start + size]) for start in range(0, len(text), size))


SENTENCE = "Pebble prunes the cache of large models and keeps their accuracy [1]. "
LONG = "".join(f"This is sentence {word}, which says something of its own about caches. " for word in "abcdefgh")


@pytest.mark.parametrize("size", [1, 5, 4000])
@pytest.mark.parametrize(
    "text",
    [
        "the " * 60,
        "ha" * 600,
        "a" * 1200,
        "哈" * 60,
        "缓存被修剪了。" * 12,
        "\n" * 2000,
        "-" * 2000,
        "Intro. " + SENTENCE * 5,
        "- [1] Pebble\n- [2] Dune\n" * 12,
        LONG * 4,
    ],
)
def test_loop_is_noticed(text: str, size: int) -> None:
    assert loops(text, size)


TABLE = "| paper | GPU | memory | speed | code |\n|" + "-" * 30 + "|" + ("-" * 60 + "|") * 4 + "\n"
LIKE = "\n".join(
    f"- {name} prunes the key-value cache of large language models and cuts their memory by {n}× [{n}]"
    for n, name in enumerate(["Pebble", "Dune", "Reef", "Qubit", "Sand", "Moss", "Quill", "Lind", "Tanaka", "Osei"], 1)
)


@pytest.mark.parametrize(
    "text",
    [
        TABLE + "".join(f"| Paper{n} | yes | yes | n/a | n/a |\n" for n in range(60)),
        "|" + " yes |" * 25,
        LIKE,
        " ".join(f"The paper [{n}] does not say so." for n in range(1, 40)),
        " ".join(f"[{n}]" for n in range(1, 60)),
        SENTENCE * 3,
        "no, no, no, no, no",
        "Very " * 20 + "small.",
        "1.0 0.5 " * 10,
        "\n\n".join([LIKE, TABLE, SENTENCE]) * 2,
    ],
)
def test_repetition_of_an_honest_answer_is_no_loop(text: str) -> None:
    assert not loops(text) and not loops(text, 4000)


def test_no_abstract_of_the_collection_is_taken_for_a_loop() -> None:
    papers = read_corpus([PROJECT / "corpus"], 2025).papers
    assert len(papers) == 372
    assert not [paper.title for paper in papers if loops(f"{paper.title}\n{paper.abstract}", 40)]


def test_watching_a_token_takes_little_time() -> None:
    watcher = LoopWatcher()
    words = [f"word{n % 997} of the " for n in range(5000)]
    started = time.perf_counter()
    assert not any(map(watcher.feed, words))
    assert (time.perf_counter() - started) / len(words) < 0.002


def test_halves_of_characters_are_joined_and_lone_ones_replaced() -> None:
    joiner = Joiner()
    assert [joiner.feed(piece) for piece in ("a\ud83d", "\ude00b", "\ude00", "\ud83dx")] == ["a", "😀b", "�", "�x"]
    assert printable("tab\tline\nbell\a\x9b0m\r") == "tab\tline\nbell0m"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\n lines", "two lines"),
        ("<html><body>Oops</body></html>", "a web page"),
        ("<HTML><HEAD><TITLE>502 Bad\nGateway</TITLE>", "a web page, “502 Bad Gateway”"),
        ("key my-secret, Bearer abcdef123, sk-proj-1234", "key …, …, …"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_words_of_a_server_are_one_short_line_without_keys(text: str, shown: str) -> None:
    assert quoted(text, "my-secret") == shown


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["n"],
}


@pytest.mark.parametrize(
    ("value", "fine"),
    [
        ({"n": 1}, True),
        ({"n": 1, "tags": ["a"], "more": None}, True),
        ({"n": True}, False),
        ({"n": 1.5}, False),
        ({"n": 1, "tags": [1]}, False),
        ({"tags": []}, False),
        ([], False),
        (None, False),
    ],
)
def test_schema_is_held_against_a_value(value: object, fine: bool) -> None:
    assert obeys(value, SCHEMA) is fine


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"n": 1}', '{"n": 1}'),
        ('so {"m": 1} or {"n": 2} {"n": 3}', '{"n": 2}'),
        ('{"n": {"n": 4}}', '{"n": 4}'),
        ("{" * 5000, None),
        ("none", None),
    ],
)
def test_first_object_that_obeys_is_found(text: str, found: str | None) -> None:
    assert first_object(text, SCHEMA) == found
