"""`citedesk eval draft`: draft gold questions from one's own papers, to be read and corrected by hand."""

from __future__ import annotations

import os
import shlex
import subprocess
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from rag.cli.options import Subparsers, add_command, add_endpoint, add_no_llm, count
from rag.cli.output import note
from rag.errors import UsageError

if TYPE_CHECKING:
    from eval.gold.drafts import Draft
    from rag.index.library import Library
    from rag.settings import Configuration, Settings

_PAPERS_A_TOPIC = 20


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "draft",
        "Draft gold questions from the papers of the index, to be corrected by hand.",
        "  citedesk eval draft --n 60\n"
        "  citedesk eval draft --out my-questions.jsonl --edit\n  citedesk eval draft --check my-questions.jsonl\n"
        "With an endpoint, its model words the questions, one request each.",
    )
    parser.add_argument("--n", type=count, default=60, metavar="N", help="number of questions (60)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="file to write (HOME/questions.jsonl, which the Measure tab shows)"
    )
    parser.add_argument("--edit", action="store_true", help="open the file in $EDITOR, then check it")
    parser.add_argument("--check", type=Path, metavar="FILE", help="check this file instead of drafting one")
    add_no_llm(parser, "keep the words of the templates")
    add_endpoint(parser)
    parser.set_defaults(run="eval.gold.draft:draft")


def draft(arguments: Namespace, configuration: Configuration) -> int:
    """Write drafted questions, or check a file of them; raises GoldError for a file that cannot be used."""
    from eval.gold.questions import DRAFTS
    from rag.index.generations import IndexFolder

    settings = configuration.settings
    path = arguments.check or arguments.out or settings.home / DRAFTS
    if not arguments.check:
        _write(path, settings, arguments.n, arguments.llm)
    if arguments.edit:
        _edit(path)
    _check(path, IndexFolder(settings.home).current())
    return 0


def _write(path: Path, settings: Settings, number: int, llm: bool) -> None:
    from eval.gold.drafts import draft_questions, to_records
    from rag.corpus.files import to_json_lines, write_atomic
    from rag.index.library import open_library

    if path.exists():
        raise UsageError(f"{path} exists. Name another file with --out, or read this one with --check.")
    with closing(open_library(settings)) as library:
        drafts = draft_questions(list(library.papers.values()), paper_topics(library), number)
    if llm and settings.has_endpoint:
        drafts = _worded(drafts, settings)
    write_atomic(path, to_json_lines(to_records(drafts)))
    if len(drafts) < number:
        note(f"the papers give {len(drafts)} questions, not {number}")


def _worded(drafts: Sequence[Draft], settings: Settings) -> tuple[Draft, ...]:
    from eval.gold.wording import word_questions
    from rag.llm.client import open_chat

    with closing(open_chat(settings)) as chat:
        worded, failure = word_questions(drafts, chat)
    kept = sum(one is other for one, other in zip(drafts, worded, strict=True))
    if kept:
        note(f"{kept} of {len(drafts)} questions keep the words of their template{f': {failure}' if failure else ''}")
    return worded


def paper_topics(library: Library) -> Mapping[str, int]:
    """Cluster papers by their vectors (k-means); returns each paper's cluster."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from rag.index.clustering import k_means

    vectors = dict(sorted(library.vectors.paper_vectors().items()))
    rows = np.stack(list(vectors.values()))
    distinct = len(np.unique(rows, axis=0))
    with threadpool_limits(limits=1):  # with several threads sums are added in a varying order
        labels = k_means(rows.astype(np.float64), min(distinct, 1 + len(rows) // _PAPERS_A_TOPIC), restarts=4)
    return {paper_id: int(label) for paper_id, label in zip(vectors, labels, strict=True)}


def _edit(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError(f"EDITOR is not set. Set it, or open {path} yourself and check it with --check {path}.")
    try:
        subprocess.run([*shlex.split(editor), str(path)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UsageError(f"The editor {editor!r} failed ({error}). Set EDITOR to another one.") from None


def _check(path: Path, generation: Path) -> None:
    from eval.runs.run import load_questions

    questions = load_questions([path], generation)
    kinds = Counter(each.type for each in questions)
    unread = sum(each.drafted for each in questions)
    note(f"{path}: {len(questions)} questions ({', '.join(f'{kind} {n}' for kind, n in kinds.items())})")
    if unread:
        note(f'{unread} are drafts: read each, correct or delete its line, and remove "drafted" from those that stand')
