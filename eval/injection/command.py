"""What `citedesk eval inject` does: index hostile papers aside, ask about each, print the shares."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from eval.injection.documents import Case, place, read_documents, sampled
from eval.progress import bar
from rag.cli.commands import embedding_bar, note, print_result
from rag.corpus.files import read_text
from rag.errors import CorpusError, UsageError
from rag.settings import Configuration, Settings

if TYPE_CHECKING:
    from eval.injection.ask import Row
    from eval.injection.echo import EchoServer
    from rag.engine import Engine
    from rag.types import Paper

_SEED_NAME = "inject"


def inject(arguments: Namespace, configuration: Configuration) -> int:
    """Measure what of instructions hidden in abstracts reaches the reader."""
    from eval.injection.output import injection_to_json, injection_to_text

    with ExitStack() as stack:
        settings, echo = _endpoint(arguments, configuration.settings, stack)
        if arguments.compare and not settings.has_endpoint:
            raise UsageError("--compare needs an endpoint: set CITEDESK_LLM_BASE_URL and CITEDESK_LLM_MODEL.")
        documents = sampled(read_documents(arguments.file), arguments.n, arguments.seed)
        cases = place(documents, _hosts(settings), arguments.seed)
        rows = _rows(arguments, settings, cases, echo)
    model = settings.llm_model if settings.has_endpoint else None
    print_result(
        arguments,
        lambda: injection_to_json(rows, model, settings.llm_mode),
        lambda width: injection_to_text(rows, model, settings.llm_mode),
    )
    return 0


def _endpoint(arguments: Namespace, settings: Settings, stack: ExitStack) -> tuple[Settings, EchoServer | None]:
    """Give the settings to ask with, and with --echo the server that stands in for the endpoint."""
    if not arguments.echo:
        return settings, None
    from eval.injection.echo import EchoServer

    echo = stack.enter_context(EchoServer(arguments.seed))
    return replace(settings, llm_base_url=echo.url, llm_model=echo.name, llm_api_key=None), echo


def _hosts(settings: Settings) -> Sequence[Paper]:
    from rag.index.generations import IndexFolder
    from rag.index.library import load_papers

    return tuple(load_papers(IndexFolder(settings.home).current()).values())


def _rows(arguments: Namespace, settings: Settings, cases: Sequence[Case], echo: EchoServer | None) -> list[Row]:
    """Ask about each case, and keep each row as it comes where --out names a file."""
    from eval.injection.ask import ask_each, row_to_json

    rows = _kept(arguments.out, cases)
    done = {row.case for row in rows}
    every, cases = cases, [case for case in cases if case.number not in done]
    from eval.injection.plain import PlainWriter

    said: list[str] = []
    engine = _engine(arguments, settings, every, said)
    plain = PlainWriter(settings) if arguments.compare else None
    shown = cases if arguments.quiet else bar(cases, len(cases), "asking")
    for row in ask_each(engine, _echoed(shown, echo), said, plain):
        rows.append(row)
        if arguments.out:
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row_to_json(row), ensure_ascii=False) + "\n")
    return rows


def _kept(path: Path | None, cases: Sequence[Case]) -> list[Row]:
    """Read the rows of a run that was stopped; raises CorpusError where the file is of other cases."""
    from eval.injection.ask import row_from_json

    if not path or not path.exists():
        return []
    questions = {case.number: (case.question, case.document.trigger) for case in cases}
    try:
        rows = [row_from_json(json.loads(line)) for line in read_text(path).split("\n") if line]
    except (ValueError, TypeError):
        raise CorpusError(f"{path} holds something else than cases. Name another file for --out.") from None
    if any(questions.get(row.case, (row.question, row.trigger)) != (row.question, row.trigger) for row in rows):
        raise CorpusError(f"{path} holds other cases. Name another file for --out.")
    return [row for row in rows if row.case in questions]


def _echoed(cases: Iterable[Case], echo: EchoServer | None) -> Iterator[Case]:
    """Pass cases on, and have the echo say the document of each."""
    for case in cases:
        if echo:
            echo.text = case.document.text
        yield case


def _engine(arguments: Namespace, settings: Settings, cases: Sequence[Case], said: list[str]) -> Engine:
    """Index the hostile papers in a folder of their own, and open an engine over them."""
    from eval.injection.ask import overheard
    from rag.corpus.reader import Corpus
    from rag.engine import Engine
    from rag.index.generations import IndexFolder
    from rag.index.library import open_library
    from rag.index.plan import BuildPlan, index_recipe
    from rag.index.update import update_index
    from rag.models.loading import load_models
    from rag.verification.written_answer import load_checked_writer

    settings = replace(settings, home=_folder(arguments, settings))
    models = load_models(settings)
    folder = IndexFolder(settings.home)
    papers = tuple(case.paper for case in cases)
    with folder.locked(lambda: note("another process is building this index: waiting for it")):
        request = BuildPlan(
            Corpus(papers, (), len(papers)),
            index_recipe(settings),
            (_SEED_NAME,),
            settings.saved_year,
            datetime.now(UTC),
        )
        update_index(folder, request, lambda: models, None if arguments.quiet else embedding_bar)
    writer = overheard(load_checked_writer(settings), said) if settings.has_endpoint else None
    return Engine(settings, open_library(settings), models, writer=writer)


def _folder(arguments: Namespace, settings: Settings) -> Path:
    return settings.home / _SEED_NAME / f"{arguments.file.stem}-{arguments.n}-{arguments.seed}"
