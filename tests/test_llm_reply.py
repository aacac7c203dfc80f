from __future__ import annotations

from time import process_time

import pytest

from rag.llm.reply import PrintableStream, excerpt, find_object, is_refusal, matches_schema, printable


def test_halves_of_characters_are_joined_and_lone_ones_replaced() -> None:
    stream = PrintableStream()
    assert [stream.feed(piece) for piece in ("a\ud83d", "\ude00b", "\ude00", "\ud83dx")] == ["a", "😀b", "�", "�x"]
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
def test_excerpt_is_one_short_line_without_keys(text: str, shown: str) -> None:
    assert excerpt(text, "my-secret") == shown


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
def test_value_is_compared_with_a_schema(value: object, fine: bool) -> None:
    assert matches_schema(value, SCHEMA) is fine


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
def test_find_object_that_obeys_is_found(text: str, found: str | None) -> None:
    assert find_object(text, SCHEMA) == found


@pytest.mark.parametrize("piece", ['{"a":', '{"b":[', '[{"b":{', '{"b":1,'])
def test_objects_in_objects_take_linear_time(piece: str) -> None:
    began = process_time()
    assert find_object(piece * (400_000 // len(piece)), SCHEMA) is None
    assert process_time() - began < 2


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m very sorry, no.",
        "I am sorry, I cannot do that.",
        "Sorry, no.",
        "**Sorry**, I can't.",
        "I cannot answer this request.",
        "I can’t assist with that.",
        "I won't do that.",
        "I'm unable to help.",
        "I am not able to help.",
        "As an AI language model, I have no view.",
        "I must decline.",
        "I refuse.",
    ],
)
def test_refusal_is_told_by_its_first_words(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "Sorry states of robots are studied [1].",
        "“Sorry, I cannot” is what half of the models say [2].",
        "Pebble prunes it. I cannot say more.",
        "It is sorry.",
        "In cancer cells it works.",
        "As an aim, it prunes.",
        "",
    ],
)
def test_answer_that_sounds_like_a_refusal_is_none(text: str) -> None:
    assert not is_refusal(text)


def test_quoted_apology_is_no_refusal_even_before_its_marker() -> None:
    assert not is_refusal("“Sorry, I cannot.” is what half of the models say.")


@pytest.mark.parametrize(
    "text",
    [
        "Unfortunately, I cannot help with that.",
        "I apologize, but I cannot help with that.",
        "I'm afraid I can't help with that.",
        "My apologies, but this is not something that I can do.",
        "I do not feel comfortable answering this.",
        "As a language model, I cannot do this.",
    ],
)
def test_other_wordings_of_a_refusal_are_told(text: str) -> None:
    assert is_refusal(text)
