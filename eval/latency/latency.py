"""`citedesk eval latency`: what a written answer adds to an endpoint's own time, measured on a stub that needs none."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eval.stats import Interval, bootstrap_interval
from eval.tables import intervals_to_json, to_table
from rag.cli.options import Subparsers, add_command, add_embed_model, add_json, add_quiet, count
from rag.cli.output import print_result, progress_bar
from rag.errors import CorpusError

if TYPE_CHECKING:
    from eval.latency.timing import TimedPair
    from rag.settings import Configuration

AIM_MS = 30.0
_MEANINGS = {
    "ours_first_ms": "from the end of retrieval to the first token",
    "bare_first_ms": "the same request sent directly",
    "added_first_ms": "added until the first token (paired)",
    "added_first_cpu_ms": "added CPU time until the first token (paired)",
    "added_per_token_ms": "added for each further token, without judging",
    "judging_ms": "judging a sentence during the stream",
}


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "latency",
        "Show what writing an answer adds to the endpoint's own time: until the first token, and for each token.",
        "  citedesk eval latency\n  citedesk eval latency --n 100 --json",
    )
    add_json(parser)
    parser.add_argument("--n", type=count, default=30, metavar="N", help="questions, about papers of the index (30)")
    add_embed_model(parser)
    add_quiet(parser)
    parser.set_defaults(run="eval.latency.latency:latency")


def latency(arguments: Namespace, configuration: Configuration) -> int:
    """Time the first token and those after it against a direct request, pair by pair."""
    from eval.latency.endpoint_stub import MODEL, stub_endpoint
    from eval.latency.timing import PIECES, TimedJudge, measure_pairs, questions
    from rag.engine import Engine
    from rag.index.library import open_library
    from rag.models.loading import load_models
    from rag.verification.written_answer import load_checked_writer

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
        cold, *warm = pairs if arguments.quiet else progress_bar(pairs, arguments.n + 1, "asking")
        library.close()
    if not warm:
        raise CorpusError("Too few papers of the index lead to a written answer. Index more papers.")
    medians = medians_of(warm)
    print_result(arguments, lambda: latency_to_json(medians, cold), lambda: latency_to_text(medians, cold))
    return 0


def medians_of(pairs: Sequence[TimedPair]) -> dict[str, Interval]:
    """Return the median of each time, in milliseconds; there is at least one pair, each with a judged sentence."""
    values = {
        "ours_first_ms": [pair.ours.first for pair in pairs],
        "bare_first_ms": [pair.bare.first for pair in pairs],
        "added_first_ms": [pair.added_first for pair in pairs],
        "added_first_cpu_ms": [pair.added_first_cpu for pair in pairs],
        "added_per_token_ms": [pair.added_per_token for pair in pairs],
        "judging_ms": [pair.judging / pair.sentences for pair in pairs],
    }
    return {name: bootstrap_interval(found, statistic="median") for name, found in values.items()}


def latency_to_json(medians: Mapping[str, Interval], cold: TimedPair) -> dict[str, Any]:
    """Return the medians, and what the process's first question added."""
    return {
        "medians": intervals_to_json(medians),
        "aim_ms": AIM_MS,
        "aim_met": medians["added_first_ms"].mean <= AIM_MS,
        "first_question_added_ms": round(cold.added_first, 1),
    }


def latency_to_text(medians: Mapping[str, Interval], cold: TimedPair) -> str:
    """Return the same as text."""
    rows = [
        [_MEANINGS[name], f"{each.mean:.2f}", f"[{each.low:.2f}, {each.high:.2f}]", str(each.n)]
        for name, each in medians.items()
    ]
    met = "met" if medians["added_first_ms"].mean <= AIM_MS else "missed"
    return (
        f"{to_table(['milliseconds', 'median', '95 % interval', 'n'], rows)}\n"
        f"Target: at most {AIM_MS:g} ms until the first token: {met}. The first question, which also loads models, is "
        f"left out: {cold.added_first:.0f} ms.\n"
    )
