"""Paper → Chunks: overlapping windows of whole sentences, with offsets into the abstract."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rag.text.sentences import split_sentences
from rag.types import Chunk, Paper

_NO_PARAGRAPHS = "\x00"  # an abstract is one paragraph, whatever line breaks it holds


@dataclass(frozen=True, slots=True)
class Chunking:
    """How abstracts are cut: sizes are in tokens of the embedding model."""

    tokens: int
    overlap: int


class Chunker:
    """Cuts abstracts with LlamaIndex's SentenceSplitter, which sees sentences as ours and tokens as the embedder's."""

    def __init__(self, chunking: Chunking, tokenize: Callable[[str], list[int]]) -> None:
        from llama_index.core.node_parser import SentenceSplitter  # 2 s of imports

        self._splitter = SentenceSplitter(
            chunk_size=chunking.tokens,
            chunk_overlap=chunking.overlap,
            tokenizer=tokenize,
            chunking_tokenizer_fn=split_sentences,
            paragraph_separator=_NO_PARAGRAPHS,
        )

    def chunks(self, papers: Iterable[Paper]) -> list[Chunk]:
        """Cut each paper's abstract; ids are `<paper_id>#<i>`, the same in every run."""
        return [chunk for paper in papers for chunk in self._cut(paper)]

    def _cut(self, paper: Paper) -> list[Chunk]:
        chunks: list[Chunk] = []
        for text in self._splitter.split_text(paper.abstract):
            after = chunks[-1].start + 1 if chunks else 0
            start = paper.abstract.index(text, after)
            chunks.append(Chunk(f"{paper.paper_id}#{len(chunks)}", paper.paper_id, text, start, start + len(text)))
        return chunks


def embedded_text(paper: Paper, chunk: Chunk) -> str:
    """Give the text that is embedded for a chunk: the title tells the model what the sentences are about."""
    return f"{paper.title}. {chunk.text}"
