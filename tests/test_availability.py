from __future__ import annotations

import pytest

from rag.query.understanding.availability import code_mentions


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("papers with code", True),
        ("papers on caches with code", True),
        ("papers with code on caches", True),
        ("that release code", True),
        ("which released their code", True),
        ("which optimizers come with code?", True),
        ("papers with open-source code", True),
        ("papers with publicly available code", True),
        ("with code available", True),
        ("caches, code available", True),
        ("whose code is available", True),
        ("papers that have a GitHub repository", True),
        ("with a GitHub link", True),
        ("papers that open-source their code", True),
        ("For which papers is there a link to the code?", True),
        ("Which papers link to their code?", True),
        ("papers with a link to the code", True),
        ("papers without code", False),
        ("papers that have no code", False),
        ("that do not release their code", False),
        ("that don't share code", False),
        ("papers without a GitHub link", False),
    ],
)
def test_asking_for_code_is_recognised(question: str, code: bool) -> None:
    (mention,) = code_mentions(question)
    assert mention.filters.code is code


@pytest.mark.parametrize(
    "question",
    [
        "code generation",
        "Is there code for Pebble?",
        "Is there a link between sparsity and code?",
        "code translation from C to Rust",
        "write code",
        "Which papers teach models to reason with code?",
        "reasoning with code",
        "pretraining with code and text",
        "papers with code generation",
        "LLMs have code understanding",
        "released code models",
        "models of code",
        "without source labels",
        "papers that release code models",
    ],
)
def test_questions_about_code_are_left_alone(question: str) -> None:
    assert code_mentions(question) == []
