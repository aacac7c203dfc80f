"""What each subcommand does: call the library, print the result. Heavy modules load inside the functions."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.answer import Checked, Done, Event, Token
from rag.errors import CitedeskError, UsageError
from rag.settings import Configuration, Settings
from rag.text.dates import first_day, last_day
from rag.types import Filters, Overrides, Turn

if TYPE_CHECKING:
    from rag.answer import Answer
    from rag.engine import Engine
    from rag.types import Paper


def index(arguments: Namespace, configuration: Configuration) -> int:
    """Build or update the index."""
    from rag.index.generations import IndexFolder
    from rag.index.plan import plan_build
    from rag.index.update import update_index
    from rag.models.loading import load_index_models
    from rag.render.json import summary_to_json
    from rag.render.terminal import summary_to_text

    settings = configuration.settings
    folder = IndexFolder(settings.home)
    with folder.locked(lambda: note("another process is building this index: waiting for it")):
        request = plan_build(folder, configuration, arguments.paths, datetime.now(UTC), arguments.rebuild)
        progress = None if arguments.quiet else embedding_bar
        summary = update_index(folder, request, lambda: load_index_models(settings), progress)
    if summary.rebuilt:
        note(f"all papers were embedded anew: {summary.rebuilt}")
    for problem in summary.failed:
        note(f"failed: {problem}")
    print_result(arguments, lambda: summary_to_json(summary), lambda width: summary_to_text(summary))
    return 0


def search(arguments: Namespace, configuration: Configuration) -> int:
    """Rank the papers for a question."""
    from rag.render.json import search_to_json
    from rag.render.notices import notices_text
    from rag.render.terminal import hits_to_text, understood, understood_as

    overrides, history = _overrides(arguments), _history(arguments.history)
    settings = configuration.settings
    engine = _engine(replace(settings, pool=max(settings.pool, arguments.k)), use_llm=bool(settings.recall))

    def as_json(question: str, history: Sequence[Turn]) -> dict[str, Any]:
        found = engine.search(question, overrides, history)
        return search_to_json(found.query, found.hits[: arguments.k], found.timings_ms, found.notices, found.usage)

    if arguments.questions is not None:
        return _each_question(arguments.questions, as_json)
    if arguments.json:
        print(json.dumps(as_json(arguments.question, history), ensure_ascii=False))
        return 0
    found = engine.search(arguments.question, overrides, history)
    screening = _not_screened(configuration.settings)
    for line in (understood_as(found.query), understood(found.query), notices_text(found.notices), screening):
        if line:
            note(line)
    sys.stdout.write(hits_to_text(found.hits[: arguments.k], _width()))
    return 0


def ask(arguments: Namespace, configuration: Configuration) -> int:
    """Answer a question with citations."""
    from rag.render.json import answer_to_json

    overrides, history = _overrides(arguments), _history(arguments.history)
    engine = _engine(configuration.settings, arguments.llm)

    def events(question: str, history: Sequence[Turn]) -> Iterator[Event]:
        return engine.ask(question, overrides, arguments.llm, history)

    def as_json(question: str, history: Sequence[Turn]) -> dict[str, Any]:
        return answer_to_json(_answer(events(question, history)))

    if arguments.questions is not None:
        return _each_question(arguments.questions, as_json)
    if arguments.json:
        print(json.dumps(as_json(arguments.question, history), ensure_ascii=False))
        return 0
    as_it_comes = configuration.settings.unsupported == "mark"  # else the text changes when it is over
    _stream(events(arguments.question, history), as_it_comes)
    return 0


def _not_screened(settings: Settings) -> str | None:
    return (
        "Nothing was screened: that decides what an answer cites, not a ranking."
        if "screen" in settings.recall
        else None
    )


def export(arguments: Namespace, configuration: Configuration) -> int:
    """Write the indexed papers as JSON Lines."""
    from rag.corpus.files import to_json_lines
    from rag.corpus.records import paper_to_record
    from rag.index.generations import IndexFolder
    from rag.index.library import load_papers

    papers = load_papers(IndexFolder(configuration.settings.home).current()).values()
    sys.stdout.write(to_json_lines(map(paper_to_record, papers)))
    return 0


def doctor(arguments: Namespace, configuration: Configuration) -> int:
    """Check the installation, and show the settings in force."""
    from rag.cli.doctor import examine, report_to_json, report_to_text

    checks = examine(configuration)
    print_result(
        arguments,
        lambda: report_to_json(checks, configuration),
        lambda width: report_to_text(checks, configuration, width),
    )
    return 0 if all(check.state != "fail" for check in checks) else 1


def note(message: str) -> None:
    """Tell the user something beside the result."""
    from rag.render.terminal import safe

    print(safe(message), file=sys.stderr, flush=True)


def print_result(arguments: Namespace, as_json: Callable[[], dict[str, Any]], as_text: Callable[[int], str]) -> None:
    """Print a result in the form that was asked for."""
    if arguments.json:
        print(json.dumps(as_json(), ensure_ascii=False))
    else:
        sys.stdout.write(as_text(_width()))


def _engine(settings: Settings, use_llm: bool) -> Engine:
    from rag.engine import build  # 3 s of imports

    return build(settings, use_llm=use_llm)


def _overrides(arguments: Namespace) -> Overrides:
    """Read what the flags set against the question; raises UsageError for bounds that exclude every paper."""
    if None not in (arguments.since, arguments.until) and first_day(arguments.since) > last_day(arguments.until):
        raise UsageError(f"--since {arguments.since} is after --until {arguments.until}: swap them.")
    least, most = arguments.authors or (None, None)
    filters = Filters(arguments.since, arguments.until, arguments.author, least, most, arguments.venue, arguments.code)
    return Overrides(arguments.kind, filters, frozenset(arguments.drop), arguments.as_is)


def _history(source: str | None) -> tuple[Turn, ...]:
    """Read the earlier turns of a conversation; raises UsageError, which names the line that is none."""
    from rag.query.conversation.turns import read_turns

    if source is None:
        return ()
    turns = []
    for line, turn in read_turns(_read(source, "--history")):
        if isinstance(turn, ValueError):
            raise UsageError(f"--history {source} line {line}: {turn}. Mend the line or take it out.")
        turns.append(turn)
    return tuple(turns)


def _answer(events: Iterator[Event]) -> Answer:
    return next(event.answer for event in events if isinstance(event, Done))


def _stream(events: Iterator[Event], as_it_comes: bool) -> None:
    """Print an answer sentence by sentence, each with its verdict; where another replaces it, that follows."""
    from rag.render.terminal import SAID, answer_to_text, safe, sources_to_text

    text, shown = "", 0
    for event in events:
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, Checked) and as_it_comes and event.sentence.end > shown:
            sentence = event.sentence
            mark = "" if sentence.verdict == "supported" else f" ({SAID[sentence.verdict]})"
            sys.stdout.write(safe(text[shown : sentence.end]) + mark)
            sys.stdout.flush()
            shown = sentence.end
        elif isinstance(event, Done):
            if shown and text.rstrip() == event.answer.text:
                sys.stdout.write(safe(text[shown:].rstrip()) + "\n" + sources_to_text(event.answer, _width()))
            else:
                void = "\n\n(The text above is void; this replaces it.)\n\n" if shown else ""
                sys.stdout.write(void + answer_to_text(event.answer, _width()))


def _each_question(source: str, as_json: Callable[[str, Sequence[Turn]], dict[str, Any]]) -> int:
    """Print one JSON object a line for a file of questions; a bad line is reported and the rest go on."""
    from rag.query.conversation.turns import turns_from_json

    failed = False
    for line, question in _read_questions(source):
        try:
            if isinstance(question, ValueError):
                raise question
            history = turns_from_json(question.get("history", []))
            result = {"id": question["id"], **as_json(question["question"], history)}
            print(json.dumps(result, ensure_ascii=False), flush=True)
        except (ValueError, CitedeskError) as error:
            note(f"error: {source} line {line}: {error}")
            failed = True
        except (BrokenPipeError, KeyboardInterrupt):
            raise
        except Exception as error:  # whatever went wrong with one question, the rest go on
            note(f"error: {source} line {line}: {type(error).__name__}: {error}. Please report this.")
            failed = True
    return 1 if failed else 0


def _read_questions(source: str) -> Iterator[tuple[int, dict[str, Any] | ValueError]]:
    from rag.corpus.files import parse_json_lines

    for line, record in parse_json_lines(_read(source, "--questions")):
        if isinstance(record, ValueError):
            yield line, record
        elif not isinstance(record.get("id"), str | int) or not isinstance(record.get("question"), str):
            yield line, ValueError('needs an "id" (a text or number) and a "question" (a text)')
        else:
            yield line, record


def _read(source: str, flag: str) -> str:
    """Read a UTF-8 file, or stdin for "-"; raises UsageError."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{flag} {source} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{flag} {source} is not UTF-8 text.") from None
    return text.removeprefix("\ufeff")


def embedding_bar(batches: Iterable[list[Paper]], total: int) -> Iterator[list[Paper]]:
    """Pass batches of papers on while a bar on stderr counts what is in them, with the time left."""
    from tqdm import tqdm

    with tqdm(total=total, unit=" papers", desc="embedding", file=sys.stderr, mininterval=0.5) as bar:
        for batch in batches:
            yield batch
            bar.update(len(batch))


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 100)
