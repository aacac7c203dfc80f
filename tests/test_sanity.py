from __future__ import annotations

import pytest

from rag.generation.reply_checks import in_another_language

QUESTION = "Which method prunes the KV cache?"
GERMAN = (
    "Das Verfahren Pebble verkleinert den Cache und ist dabei nicht langsam, denn es wird auf einem Server mit wenig "
    "Speicher eingesetzt [1]."
)


@pytest.mark.parametrize(
    "text",
    [
        GERMAN,
        "La méthode réduit la mémoire du serveur et elle est rapide pour les longs textes qui sont dans le cache [1].",
        "El método reduce la memoria del servidor y es rápido para los textos que se guardan en el caché [1].",
        "O método reduz a memória do servidor e a precisão não cai, sem que o tempo aumente por isso [1].",
        "Il metodo riduce la memoria del server ed è rapido per i testi lunghi che sono nel cache della macchina [1].",
        "这种方法可以修剪缓存并减少内存使用量，同时保持准确性[1]。",
        "この手法はキャッシュを刈り込み、メモリを削減します [1]。",
        "Этот метод сокращает кэш и уменьшает память сервера [1].",
        "تقلل هذه الطريقة من ذاكرة الخادم [1].",
        "이 방법은 캐시를 줄이고 메모리를 절약합니다 [1].",
    ],
)
def test_english_question_is_not_answered_in_another_language(text: str) -> None:
    assert in_another_language(QUESTION, text)


def test_dutch_is_told() -> None:
    text = "De methode verkleint het geheugen van de server zonder dat de nauwkeurigheid daalt en dat is goed [1]."
    assert in_another_language(QUESTION, text)


def test_question_in_bare_names_is_not_answered_in_another_script() -> None:
    assert in_another_language("KV cache pruning", "这种方法可以修剪缓存并减少内存使用量，同时保持准确性[1]。")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (QUESTION, "Pebble prunes the KV cache, and cuts its memory by 2.57×, with accuracy within 0.1 points [1]."),
        ("Welche Verfahren sind nicht langsam und auch klein?", GERMAN),
        ("Welches Verfahren ist klein?", GERMAN),
        ("哪种方法修剪缓存?", "这种方法可以修剪缓存并减少内存使用量，同时保持准确性[1]。"),
        (QUESTION, "- **Pebble: Small Caches** [1]\n- **Reef: Caches on Disk** [2]\n- **Dune: Walking on Sand** [3]"),
        (QUESTION, "- **Le Petit Cache: Memory for Servers** [1]\n- **Das Boot: Sub-Word Models of German** [2]"),
        (
            QUESTION,
            "| Paper | Memory | Time |\n|---|---|---|\n| Pebble [1] | 2.57× | 3 ms |\n| Reef [2] | 2× | 12 ms |",
        ),
        (QUESTION, "They study 汉字 and 拼音 in texts of Chinese poems such as 中文 [1]."),
        (QUESTION, "α, β, γ, δ, ε and ζ weigh the terms of the loss [1]."),
        (QUESTION, "Pebble [1]."),
        (QUESTION, "[1][2][3]"),
        (QUESTION, ""),
    ],
)
def test_answer_in_the_questions_language_is_fine(question: str, text: str) -> None:
    assert not in_another_language(question, text)


def test_question_in_another_language_may_be_answered_in_it() -> None:
    answer = "Pebble und Reef sind die Arbeiten, mit denen der Speicher für den Cache auf ein Zehntel verkleinert wird."
    assert in_another_language("Which papers shrink the cache?", answer)
    assert not in_another_language("Welche Arbeiten reduzieren Speicher?", answer)
