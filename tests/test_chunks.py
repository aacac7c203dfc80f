from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rag.index.chunks import Chunker
from tests.fakes import CACHE_PAPER, HashEncoder

TOKENIZE = HashEncoder().tokenize


def test_chunks_are_windows_of_whole_sentences_that_overlap() -> None:
    paper = replace(CACHE_PAPER, abstract="One two three. Four five six. Seven eight nine. Ten eleven twelve.")
    chunks = Chunker(6, 3, TOKENIZE, 512).chunks(paper)
    assert [(chunk.chunk_id, chunk.text) for chunk in chunks] == [
        ("2401.00001#0", "One two three. Four five six."),
        ("2401.00001#1", "Four five six. Seven eight nine."),
        ("2401.00001#2", "Seven eight nine. Ten eleven twelve."),
    ]


def test_abstract_that_the_encoder_reads_in_one_pass_is_one_chunk() -> None:
    (chunk,) = Chunker(96, 32, TOKENIZE, 96).chunks(replace(CACHE_PAPER, abstract=" One two.  Three. "))
    assert (chunk.text, chunk.start, chunk.end) == (" One two.  Three. ", 0, 18)


def test_chunk_leaves_room_for_the_title() -> None:
    paper = replace(CACHE_PAPER, abstract="One two three four five six. " * 6)
    by_title = {
        title: max(
            len(TOKENIZE(chunk.text)) for chunk in Chunker(96, 0, TOKENIZE, 40).chunks(replace(paper, title=title))
        )
        for title in ("Short", "Word " * 15, "Word " * 60)
    }
    assert list(by_title.values()) == [30, 18, 12]


def test_overlap_gives_way_to_a_sentence_that_would_not_fit_with_it() -> None:
    paper = replace(CACHE_PAPER, abstract="One two three. Four five six seven eight nine. Ten.")
    assert [chunk.text for chunk in Chunker(7, 3, TOKENIZE, 512).chunks(paper)] == [
        "One two three.",
        "Four five six seven eight nine. Ten.",
    ]


def test_sentence_that_is_too_long_is_split_at_its_words() -> None:
    paper = replace(CACHE_PAPER, abstract="one two three four five six seven.")
    assert [chunk.text for chunk in Chunker(3, 1, TOKENIZE, 512).chunks(paper)] == [
        "one two three",
        "three four five",
        "five six seven.",
    ]


@given(
    st.lists(st.sampled_from(["Same words here.", "Same words here.", "word " * 70, "A b.\n\nC d.", "é ü.", "x" * 300]))
)
def test_chunks_are_verbatim_at_their_offsets(sentences: list[str]) -> None:
    paper = replace(CACHE_PAPER, abstract=" ".join(sentences) + "End.")
    chunks = Chunker(20, 8, TOKENIZE, 512).chunks(paper)
    assert chunks
    for chunk in chunks:
        assert paper.abstract[chunk.start : chunk.end] == chunk.text
    starts = [chunk.start for chunk in chunks]
    assert starts == sorted(set(starts))
