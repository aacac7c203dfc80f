from __future__ import annotations

import pytest

from rag.query.understanding.authors import author_mentions

AUTHORS = frozenset({"Ada Quill", "Bo Tanaka", "José Ñandú", "Mei-Lin Zhao", "C. K. Long", "Adam Stone", "Jun You"})


@pytest.mark.parametrize(
    ("question", "author", "stretch"),
    [
        ("papers by Ada Quill", "Ada Quill", "by Ada Quill"),
        ("Anything by Ada Quill?", "Ada Quill", "by Ada Quill"),
        ("What did Quill write about attention?", "Quill", "did Quill write"),
        ("Ada Quill's papers on pruning", "Ada Quill", "Ada Quill's"),
        ("Quill’s work on caches", "Quill", "Quill’s"),
        ("papers by Jose Nandu", "Jose Nandu", "by Jose Nandu"),
        ("papers by A. Quill on caches", "A. Quill", "by A. Quill"),
        ("papers from Ada Quill", "Ada Quill", "from Ada Quill"),
        ("papers by ada quill on caches", "ada quill", "by ada quill"),
        ("papers by quill", "quill", "by quill"),
        ("with author Bo Tanaka", "Bo Tanaka", "with author Bo Tanaka"),
        ("papers by Zhao and Tanaka", "Zhao", "by Zhao"),
        ("caches pruned by Mei-Lin Zhao", "Mei-Lin Zhao", "by Mei-Lin Zhao"),
        ("which were written by Yuri Nestor", "Yuri Nestor", "which were written by Yuri Nestor"),
        ("papers by Hinterland", "Hinterland", "by Hinterland"),
        ("papers by Jane Q. Doe", "Jane Q. Doe", "by Jane Q. Doe"),
        ("papers by Jan van der Berg on dunes", "Jan van der Berg", "by Jan van der Berg"),
        ("papers by Jean McRow", "Jean McRow", "by Jean McRow"),
        ("papers by Siobhan O'Row", "Siobhan O'Row", "by Siobhan O'Row"),
        ("papers about dunes by Jane Doe", "Jane Doe", "by Jane Doe"),
    ],
)
def test_authors_are_recognised(question: str, author: str, stretch: str) -> None:
    (mention,) = author_mentions(question, AUTHORS)
    assert (mention.filters.author, question[mention.start : mention.end]) == (author, stretch)


@pytest.mark.parametrize(
    "question",
    [
        "papers by gradient descent",
        "search by gradient descent",
        "beaten by Muon",
        "by how much",
        "tuned by Adam",
        "outperformed by Long",
        "papers by Google",
        "papers from Google DeepMind",
        "papers by Microsoft Research",
        "papers written by you",
        "text written by Large Language Models",
        "code written by Copilot",
        "text written by ChatGPT",
        "papers by date",
        "sampling by Monte Carlo",
        "Learning To Prune By Gradient Descent",
        "papers about sampling by Importance Estimation",
        "the Adam optimizer",
        "you can do so",
    ],
)
def test_what_is_no_author_is_left_alone(question: str) -> None:
    assert author_mentions(question, AUTHORS) == []
