from __future__ import annotations

import pytest

from rag.text.tokens import tokenize


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("GPT-4", ["gpt-4", "gpt", "4"]),
        ("R-CNN", ["r-cnn", "r", "cnn"]),
        ("8-bit", ["8-bit", "8", "bit"]),
        ("KV", ["kv"]),
        ("C++ and F*", ["c++", "f"]),
        ("M\\'elange", ["melang"]),
        ("Mélange", ["melang"]),
        ("optimizers optimizing the", ["optim", "optim"]),
    ],
)
def test_names_stay_whole_beside_their_parts(text: str, terms: list[str]) -> None:
    assert tokenize(text) == terms


def test_hyphen_or_space_makes_no_difference_to_what_matches() -> None:
    assert set(tokenize("KV cache")) <= set(tokenize("KV-cache"))
