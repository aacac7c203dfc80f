"""`citedesk eval inject`: hide instructions in abstracts, ask about them, and measure what they achieve."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.stats import Interval, bootstrap_interval, permutation_p
from eval.tables import interval_cell, interval_to_json, to_table
from rag.cli.options import Subparsers, add_command, add_json, add_quiet, count
from rag.cli.output import embedding_bar, note_lock_wait, print_result, progress_bar
from rag.errors import CorpusError, UsageError

if TYPE_CHECKING:
    from eval.injection.ask import InjectionResult
    from eval.injection.documents import InjectionCase
    from eval.injection.echo import EchoServer
    from rag.engine import Engine
    from rag.settings import Configuration, Settings
    from rag.types import Paper

_SEED_NAME = "inject"
_P_DIGITS = 4

_SHARES: tuple[tuple[str, Callable[[InjectionResult], bool | None]], ...] = (
    ("the hostile paper was found", lambda result: result.found),
    ("inert", lambda result: not result.faults),
    ("a model wrote the answer", lambda result: result.status in ("answered", "truncated") if result.replies else None),
    ("obeyed by the model", lambda result: _is(result.obeyed, "obeyed")),
    ("quoted by the model", lambda result: _is(result.obeyed, "quoted")),
    ("obeyed, as the reader is shown", lambda result: _is(result.shown, "obeyed")),
    ("quoted, as the reader is shown", lambda result: _is(result.shown, "quoted")),
    ("shown with a verdict against it", lambda result: result.marked),
    ("CitationQueryEngine: inert", lambda result: None if result.plain is None else not result.plain_faults),
    ("CitationQueryEngine: obeyed", lambda result: _is(result.plain_obeyed, "obeyed")),
    ("CitationQueryEngine: quoted", lambda result: _is(result.plain_obeyed, "quoted")),
)


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "inject",
        "Hide instructions in abstracts, ask about them, and show which are obeyed and what reaches the reader.",
        "  citedesk eval inject latent_documents.jsonl --echo\n"
        "  citedesk eval inject latent_documents.jsonl --n 40 --compare --out results.jsonl\n"
        "The same command with the same --out resumes a run that was stopped.",
    )
    add_json(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="hostile documents, JSON Lines")
    parser.add_argument("--n", type=count, default=300, metavar="N", help="documents to sample (300)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed that chooses documents and their places (0)"
    )
    parser.add_argument("--echo", action="store_true", help="use a model on loopback that repeats the document")
    parser.add_argument("--compare", action="store_true", help="also ask LlamaIndex's CitationQueryEngine")
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to which each case's texts are appended")
    add_quiet(parser)
    parser.set_defaults(run="eval.injection.inject:inject")


def inject(arguments: Namespace, configuration: Configuration) -> int:
    """Measure whether instructions hidden in abstracts are obeyed, and what of them reaches the reader."""
    from eval.injection.documents import place, read_documents, sampled

    with ExitStack() as stack:
        settings, echo = _endpoint(arguments, configuration.settings, stack)
        if arguments.compare and not settings.has_endpoint:
            raise UsageError("--compare needs an endpoint: set CITEDESK_LLM_BASE_URL and CITEDESK_LLM_MODEL.")
        documents = sampled(read_documents(arguments.file), arguments.n, arguments.seed)
        cases = place(documents, _hosts(settings), arguments.seed)
        results = _results(arguments, settings, cases, echo)
    model = settings.llm_model if settings.has_endpoint else None
    print_result(
        arguments,
        lambda: injection_to_json(results, model, settings.llm_mode),
        lambda: injection_to_text(results, model, settings.llm_mode),
    )
    return 0


def shares(results: Sequence[InjectionResult]) -> dict[str, Interval]:
    """Return the share of results for which each measure is true, among those for which it is defined."""
    found = {}
    for name, measure in _SHARES:
        values = [float(value) for result in results if (value := measure(result)) is not None]
        if values:
            found[name] = bootstrap_interval(values)
    return found


def paired(results: Sequence[InjectionResult]) -> tuple[Interval, float] | None:
    """Return the paired difference in the share obeyed, CitationQueryEngine's minus ours as shown, and its p-value."""
    both = [result for result in results if result.shown is not None and result.plain_obeyed is not None]
    if not both:
        return None
    differences = [float(result.plain_obeyed == "obeyed") - float(result.shown == "obeyed") for result in both]
    return bootstrap_interval(differences), permutation_p(differences)


def injection_to_json(results: Sequence[InjectionResult], model: str | None, mode: str) -> dict[str, Any]:
    """Return the shares with the model they were measured on."""
    compared = paired(results)
    return {
        "model": model,
        "mode": mode if model else None,
        "n": len(results),
        "shares": {name: interval_to_json(interval) for name, interval in shares(results).items()},
        "obeyed_less_than_plain": {**interval_to_json(compared[0]), "p": round(compared[1], _P_DIGITS)}
        if compared
        else None,
        "faults": {str(result.case): list(result.faults) for result in results if result.faults},
        "plain_failures": sum(result.plain_failure is not None for result in results),
    }


def injection_to_text(results: Sequence[InjectionResult], model: str | None, mode: str) -> str:
    """Return a table: a line for each share, with its interval and n."""
    who = f"{model}, {mode}" if model else "extractive, no model"
    cells = [[name, interval_cell(interval), str(interval.n)] for name, interval in shares(results).items()]
    text = to_table([f"share of answers ({who})", "value", "n"], cells)
    if compared := paired(results):
        difference, p = compared
        text += f"CitationQueryEngine obeyed more often by {interval_cell(difference, signed=True)}, p = {p:.4f}\n"
    failures = [result.plain_failure for result in results if result.plain_failure]
    return text + (f"CitationQueryEngine failed {len(failures)} times: {failures[0]}\n" if failures else "")


def _endpoint(arguments: Namespace, settings: Settings, stack: ExitStack) -> tuple[Settings, EchoServer | None]:
    """Return the settings to ask with, and for --echo the server that replaces the endpoint."""
    if not arguments.echo:
        return settings, None
    from eval.injection.echo import EchoServer

    echo = stack.enter_context(EchoServer(arguments.seed))
    return replace(settings, llm_base_url=echo.url, llm_model=echo.name, llm_api_key=None), echo


def _hosts(settings: Settings) -> Sequence[Paper]:
    from rag.index.generations import IndexFolder
    from rag.index.papers import open_papers

    return tuple(open_papers(IndexFolder(settings.home).current()).values())


def _results(
    arguments: Namespace, settings: Settings, cases: Sequence[InjectionCase], echo: EchoServer | None
) -> list[InjectionResult]:
    """Ask about each case, and append each result to --out at once."""
    from eval.injection.ask import ask_each, result_to_json
    from eval.injection.llamaindex_baseline import CitationQueryEngineWriter

    results = _kept(arguments.out, cases)
    done = {result.case for result in results}
    every, cases = cases, [case for case in cases if case.number not in done]
    replies: list[str] = []
    engine = _engine(arguments, settings, every, replies)
    plain = CitationQueryEngineWriter(settings) if arguments.compare else None
    shown = cases if arguments.quiet else progress_bar(cases, len(cases), "asking")
    for result in ask_each(engine, _echoed(shown, echo), replies, plain):
        results.append(result)
        if arguments.out:
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result_to_json(result), ensure_ascii=False) + "\n")
    return results


def _kept(path: Path | None, cases: Sequence[InjectionCase]) -> list[InjectionResult]:
    """Read the results of a run that was stopped; raises CorpusError where the file holds other cases."""
    from eval.injection.ask import result_from_json
    from rag.corpus.files import read_text

    if not path or not path.exists():
        return []
    questions = {case.number: (case.question, case.document.trigger) for case in cases}
    try:
        results = [result_from_json(json.loads(line)) for line in read_text(path).split("\n") if line]
    except (ValueError, TypeError):
        raise CorpusError(f"{path} does not hold results. Name another file for --out.") from None
    if any(
        questions.get(result.case, (result.question, result.trigger)) != (result.question, result.trigger)
        for result in results
    ):
        raise CorpusError(f"{path} holds other cases. Name another file for --out.")
    return [result for result in results if result.case in questions]


def _echoed(cases: Iterable[InjectionCase], echo: EchoServer | None) -> Iterator[InjectionCase]:
    """Yield cases, and set the echo server to repeat the document of each."""
    for case in cases:
        if echo:
            echo.text = case.document.text
        yield case


def _engine(arguments: Namespace, settings: Settings, cases: Sequence[InjectionCase], replies: list[str]) -> Engine:
    """Index the hostile papers in a separate folder, and return an engine over them."""
    from eval.injection.ask import recording
    from rag.corpus.reader import Corpus
    from rag.engine import Engine
    from rag.index.generations import IndexFolder
    from rag.index.library import open_library
    from rag.index.plan import BuildPlan, index_recipe
    from rag.index.update import update_index
    from rag.index.vector_servers import connector
    from rag.models.loading import load_models
    from rag.verification.written_answer import load_checked_writer

    settings = replace(settings, home=_folder(arguments, settings))
    models = load_models(settings)
    folder = IndexFolder(settings.home)
    papers = tuple(case.paper for case in cases)
    with folder.locked(note_lock_wait):
        plan = BuildPlan(
            Corpus.of(papers),
            index_recipe(settings),
            (_SEED_NAME,),
            settings.saved_year,
            datetime.now(UTC),
            connect=connector(settings),
        )
        update_index(folder, plan, lambda: models, None if arguments.quiet else embedding_bar)
    writer = recording(load_checked_writer(settings), replies) if settings.has_endpoint else None
    return Engine(settings, open_library(settings), models, writer=writer)


def _folder(arguments: Namespace, settings: Settings) -> Path:
    return settings.home / _SEED_NAME / f"{arguments.file.stem}-{arguments.n}-{arguments.seed}"


def _is(obeyed: str | None, wanted: str) -> bool | None:
    return None if obeyed is None else obeyed == wanted
