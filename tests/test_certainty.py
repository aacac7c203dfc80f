from __future__ import annotations

import pytest

from rag.render.certainty import certainty


@pytest.mark.parametrize(
    ("score", "word"),
    [(1.0, "surely"), (0.9, "surely"), (0.89, "likely"), (0.5, "likely"), (0.49, "perhaps"), (0.0, "perhaps")],
)
def test_probability_has_a_word(score: float, word: str) -> None:
    assert certainty(score) == word
