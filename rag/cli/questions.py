"""Input of `search` and `ask`: one question with its history and overrides, or a file of questions."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rag.cli.output import note, print_json
from rag.errors import CitedeskError, UsageError
from rag.query.limits import check_question
from rag.text.dates import first_day, last_day
from rag.types import Filters, Overrides, Turn


def check_usage(arguments: Namespace) -> None:
    """Raise UsageError for incompatible options, and for a question that is empty or too long."""
    if (arguments.question is None) == (arguments.questions is None):
        raise UsageError("Give one question, or a file of them with --questions.")
    if arguments.history is not None and arguments.questions is not None:
        raise UsageError('--history goes with one question; each line of --questions has its own "history".')
    if arguments.recall and not getattr(arguments, "llm", True):
        raise UsageError("--recall needs the model that --no-llm turns off: use one of them.")
    if arguments.question is not None:
        check_question(arguments.question)


def read_overrides(arguments: Namespace) -> Overrides:
    """Return the overrides that the options set; raises UsageError for dates that exclude every paper."""
    filters = read_filters(arguments)
    return Overrides(arguments.kind, filters, frozenset(arguments.drop), arguments.as_is)


def read_filters(arguments: Namespace) -> Filters:
    """Return the filters that the options set; raises UsageError for dates that exclude every paper."""
    if None not in (arguments.since, arguments.until) and first_day(arguments.since) > last_day(arguments.until):
        raise UsageError(f"--since {arguments.since} is after --until {arguments.until}: swap them.")
    least, most = arguments.authors or (None, None)
    values = {**vars(arguments), "least_authors": least, "most_authors": most, "coauthors": tuple(arguments.coauthors)}
    return Filters(**{each.name: values[each.name] for each in fields(Filters)})


def read_history(source: str | None) -> tuple[Turn, ...]:
    """Read the earlier turns of a conversation; raises UsageError with the number of the first invalid line."""
    from rag.query.turns import read_turns

    if source is None:
        return ()
    turns = []
    for line, turn in read_turns(read_text(source, "--history")):
        if isinstance(turn, ValueError):
            raise UsageError(f"--history {source} line {line}: {turn}. Correct or remove the line.")
        turns.append(turn)
    return tuple(turns)


def answer_each(source: str, as_json: Callable[[str, Sequence[Turn]], dict[str, Any]]) -> int:
    """Answer a file of questions, printing one JSON object per line, and return the exit code.

    A question that fails is reported on stderr, and the next one is answered.
    """
    from rag.query.turns import turns_from_json

    failed = False
    for line, question in _read_questions(source):
        try:
            if isinstance(question, ValueError):
                raise question
            history = turns_from_json(question.get("history", []))
            print_json({"id": question["id"], **as_json(question["question"], history)})
        except (ValueError, CitedeskError) as error:
            note(f"error: {source} line {line}: {error}")
            failed = True
        except (BrokenPipeError, KeyboardInterrupt):
            raise
        except Exception as error:  # a failure of one question must not stop the others
            note(f"error: {source} line {line}: {type(error).__name__}: {error}. Please report this.")
            failed = True
    return 1 if failed else 0


def _read_questions(source: str) -> Iterator[tuple[int, dict[str, Any] | ValueError]]:
    from rag.corpus.files import parse_json_lines

    for line, record in parse_json_lines(read_text(source, "--questions")):
        if isinstance(record, ValueError):
            yield line, record
        elif not isinstance(record.get("id"), str | int) or not isinstance(record.get("question"), str):
            yield line, ValueError('needs an "id" (a string or number) and a "question" (a string)')
        else:
            yield line, record


def read_text(source: str, option: str) -> str:
    """Read a UTF-8 file, or stdin for "-"; raises UsageError."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{option} {source} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{option} {source} is not UTF-8 text.") from None
    return text.removeprefix("\ufeff")
