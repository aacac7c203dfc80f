"""What `citedesk eval latency` does: answer questions by a server that needs no time, and ask it the same bare."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from eval.endpoint_stub import MODEL, stub_endpoint
from eval.latency.output import latency_to_json, latency_to_text, medians_of
from eval.latency.pairs import PIECES, TimedJudge, measure_pairs, questions
from eval.progress import bar
from rag.cli.commands import print_result
from rag.engine import Engine
from rag.errors import CorpusError
from rag.index.library import open_library
from rag.models.loading import load_models
from rag.settings import Configuration
from rag.verification.written_answer import load_checked_writer


def latency(arguments: Namespace, configuration: Configuration) -> int:
    """Time the first token and the ones after it against a bare request, pair by pair."""
    with stub_endpoint(PIECES) as address:
        settings = replace(
            configuration.settings,
            llm_base_url=f"{address}/v1",
            llm_model=MODEL,
            llm_api_key=None,
            llm_mode="whole",
            unsupported="mark",
            rerank_depth=0,  # nothing before the end of retrieval is timed
        )
        library = open_library(settings)
        writer = load_checked_writer(settings)
        judge = TimedJudge(writer.judge)
        engine = Engine(settings, library, load_models(settings), writer=replace(writer, judge=judge))
        asked = questions(list(library.papers.values()))
        pairs = measure_pairs(engine, judge, address, asked, arguments.n + 1)
        cold, *warm = pairs if arguments.quiet else bar(pairs, arguments.n + 1, "asking")
        library.close()
    if not warm:
        raise CorpusError("Too few papers of the index lead to an answer. Index more papers.")
    medians = medians_of(warm)
    print_result(arguments, lambda: latency_to_json(medians, cold), lambda width: latency_to_text(medians, cold))
    return 0
