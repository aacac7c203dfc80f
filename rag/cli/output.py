"""Where a command's output goes: results to stdout, notes and progress bars to stderr."""

from __future__ import annotations

import json
import re
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rag.types import Paper

Item = TypeVar("Item")

_COMMAND = re.compile(r"(?<=`)citedesk [^`]+(?=`)")


def with_home(message: str, home: Path | None) -> str:
    """Add the --home that the user gave to the commands in a message, so that they do the same when pasted."""
    return message if home is None else _COMMAND.sub(lambda said: f"{said[0]} --home {quote(str(home))}", message)


def note(message: str) -> None:
    """Print a message to stderr."""
    from rag.text.sanitize import strip_invisible

    print(strip_invisible(message), file=sys.stderr, flush=True)


def note_lock_wait() -> None:
    """Print that an index command waits for another process."""
    note("another process is building this index: waiting for it")


def print_json(result: dict[str, Any]) -> None:
    """Print a JSON object on one line."""
    print(json.dumps(result, ensure_ascii=False), flush=True)


def print_result(arguments: Namespace, as_json: Callable[[], dict[str, Any]], as_text: Callable[[], str]) -> None:
    """Print a result, as JSON if --json is given, else as text."""
    if arguments.json:
        print_json(as_json())
    else:
        sys.stdout.write(as_text())


def terminal_width() -> int:
    """Return the terminal's width in columns, at most 100."""
    return min(shutil.get_terminal_size((100, 24)).columns, 100)


def progress_bar(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yield items, and show a progress bar of their number."""
    from tqdm import tqdm

    yield from tqdm(items, total=total, desc=description, file=sys.stderr, mininterval=0.5)


def embedding_bar(batches: Iterable[list[Paper]], total: int) -> Iterator[list[Paper]]:
    """Yield batches of papers, and show a progress bar of the number of papers."""
    from tqdm import tqdm

    with tqdm(total=total, unit=" papers", desc="embedding", file=sys.stderr, mininterval=0.5) as bar:
        for batch in batches:
            yield batch
            bar.update(len(batch))
