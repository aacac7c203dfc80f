from __future__ import annotations

import pytest

from rag.text.language import is_non_english_question


@pytest.mark.parametrize(
    "question",
    [
        "Welche Arbeiten behandeln Quantisierung?",
        "Gibt es Arbeiten zu Sprachmodellen, die auf dem Handy laufen und nicht auf der GPU?",
        "Quels articles parlent de la quantification ?",
        "¿Qué artículos tratan de la cuantización?",
        "Como se comparan los métodos de poda con la cuantización",
        "Welke artikelen gaan over kwantisatie?",
        "哪些论文讨论量化？",
        "Какие статьи посвящены квантованию?",
        "量子",
    ],
)
def test_question_in_another_language_is_told(question: str) -> None:
    assert is_non_english_question(question)


@pytest.mark.parametrize(
    "question",
    [
        "Which papers are about quantization?",
        "KV cache pruning",
        "papers by Guido van Rossum",
        "Coetzee et al. 2013",
        "Laurens van der Maaten",
        "van den Oord 2018",
        "von Neumann entropy",
        "papers by de la Torre or Le Guin",
        "Was π computed to O(n²) bits?",
        "Which papers by 李飞飞 are here?",
        "déjà vu: contextual sparsity",
        "[12] 34 %?",
        "",
    ],
)
def test_english_question_and_one_of_names_are_not(question: str) -> None:
    assert not is_non_english_question(question)
