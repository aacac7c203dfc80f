from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rag.index.chunks import Chunker, embedded_text
from tests.fakes import CACHE_PAPER, HashEncoder

TOKENIZE = HashEncoder().tokenize


def test_chunks_are_windows_of_whole_sentences_that_overlap() -> None:
    paper = replace(CACHE_PAPER, abstract="One two three. Four five six. Seven eight nine. Ten eleven twelve.")
    chunks = Chunker(6, 3, TOKENIZE).chunks([paper])
    assert [(chunk.chunk_id, chunk.text) for chunk in chunks] == [
        ("2401.00001#0", "One two three. Four five six."),
        ("2401.00001#1", "Four five six. Seven eight nine."),
        ("2401.00001#2", "Seven eight nine. Ten eleven twelve."),
    ]


def test_title_goes_before_what_is_embedded() -> None:
    (chunk,) = Chunker(96, 32, TOKENIZE).chunks([replace(CACHE_PAPER, abstract="One two.")])
    assert embedded_text(CACHE_PAPER, chunk) == "Small Caches. One two."


@given(
    st.lists(st.sampled_from(["Same words here.", "Same words here.", "word " * 70, "A b.\n\nC d.", "é ü.", "x" * 300]))
)
def test_chunks_are_verbatim_at_their_offsets(sentences: list[str]) -> None:
    paper = replace(CACHE_PAPER, abstract=" ".join(sentences) + "End.")
    chunks = Chunker(20, 8, TOKENIZE).chunks([paper])
    assert chunks
    for chunk in chunks:
        assert paper.abstract[chunk.start : chunk.end] == chunk.text
    starts = [chunk.start for chunk in chunks]
    assert starts == sorted(set(starts))
