"""Chunking of abstracts into overlapping windows of whole sentences, with character offsets."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rag.text.sentences import split_sentences
from rag.types import Chunk, Paper

_NO_PARAGRAPHS = "\x00"  # an abstract is one paragraph, whatever line breaks it contains


class Chunker:
    """Splits abstracts with LlamaIndex's SentenceSplitter, using our sentences and the encoder's tokens."""

    def __init__(self, chunk_tokens: int, overlap_tokens: int, tokenize: Callable[[str], list[int]]) -> None:
        from llama_index.core.node_parser import SentenceSplitter  # 2 s of imports

        self._splitter = SentenceSplitter(
            chunk_size=chunk_tokens,
            chunk_overlap=overlap_tokens,
            tokenizer=tokenize,
            chunking_tokenizer_fn=split_sentences,
            paragraph_separator=_NO_PARAGRAPHS,
        )

    def chunks(self, papers: Iterable[Paper]) -> list[Chunk]:
        """Split the abstracts of papers; chunk ids are `<paper_id>#<i>`."""
        return [chunk for paper in papers for chunk in self._split(paper)]

    def _split(self, paper: Paper) -> list[Chunk]:
        chunks: list[Chunk] = []
        for text in self._splitter.split_text(paper.abstract):
            after = chunks[-1].start + 1 if chunks else 0
            start = paper.abstract.index(text, after)
            chunks.append(Chunk(f"{paper.paper_id}#{len(chunks)}", paper.paper_id, text, start, start + len(text)))
        return chunks


def embedded_text(paper: Paper, chunk: Chunk) -> str:
    """Return the text that is encoded for a chunk: the title, for context, and the chunk."""
    return f"{paper.title}. {chunk.text}"
