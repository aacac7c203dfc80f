"""Papers as the index stores them: split into chunks, with a vector for each chunk and their token vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rag.errors import ModelFailed
from rag.index.chunks import Chunker
from rag.index.generations import Recipe
from rag.index.staging import EmbeddedPaper
from rag.models.encoder import EncodedDocument, TokenVectors, document_text
from rag.models.loading import Models
from rag.types import Chunk, Paper, Problem


def make_chunker(recipe: Recipe, models: Models) -> Chunker:
    """Return what splits papers into chunks that all models can read."""
    limits = [each.max_tokens for each in (models.encoder, models.embedder) if each]
    return Chunker(recipe.chunk_tokens, recipe.chunk_overlap, models.encoder.tokenize, min(limits))


def embed(
    papers: Sequence[Paper], digests: Mapping[str, str], chunker: Chunker, models: Models, failed: list[Problem]
) -> Iterator[EmbeddedPaper]:
    """Encode papers; if that fails, each on its own, so that only failing papers are left out and added to `failed`."""
    chunks = {paper.paper_id: chunker.chunks(paper) for paper in papers}
    texts = [(paper.title, chunk.text) for paper in papers for chunk in chunks[paper.paper_id]]
    try:
        encoded = models.encoder.encode_documents(texts)
        vectors = (
            models.embedder.encode_documents([document_text(title, text) for title, text in texts])
            if models.embedder
            else np.stack([each.vector for each in encoded])
        )
    except ModelFailed as error:
        if len(papers) == 1:
            failed.append(Problem(papers[0].paper_id, None, str(error)))
            return
        for paper in papers:
            yield from embed([paper], digests, chunker, models, failed)
        return
    first = 0
    for paper in papers:
        own = chunks[paper.paper_id]
        rows = slice(first, first + len(own))
        yield EmbeddedPaper(paper, digests[paper.paper_id], own, vectors[rows], _joined(own, encoded[rows]))
        first = rows.stop


def _joined(chunks: Sequence[Chunk], encoded: Sequence[EncodedDocument]) -> TokenVectors:
    """Join the token vectors of a paper's chunks, with their spans in the whole abstract."""
    spans = [
        np.where(each.tokens.spans < 0, each.tokens.spans, each.tokens.spans + chunk.start)
        for chunk, each in zip(chunks, encoded, strict=True)
    ]
    return TokenVectors(np.concatenate([each.tokens.vectors for each in encoded]), np.concatenate(spans))
