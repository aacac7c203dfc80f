"""What an index run read: a table of its files, what was merged, and papers as they were read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.corpus.ids import asked_ids, ids_of
from rag.corpus.records import paper_to_record
from rag.errors import UsageError
from rag.text.sanitize import strip_invisible

if TYPE_CHECKING:
    from rag.corpus.reader import Corpus, FileSummary

_SHOWN = 3  # papers of a dry run
_MAX_NAMES = 12  # of unknown keys in the table


def corpus_to_text(corpus: Corpus) -> str:
    """Return the table of the files that were read, and below it what was not read, not known, or merged."""
    read = [each for each in corpus.files if each.reason is None]
    lines = list(_table(read))
    unknown = tuple(dict.fromkeys(name for each in read for name in each.unknown))
    if unknown:
        more = f" and {len(unknown) - _MAX_NAMES} more" if len(unknown) > _MAX_NAMES else ""
        lines.append(f"fields not used: {', '.join(unknown[:_MAX_NAMES])}{more}")
    lines += [f"not read: {each.reason}" for each in corpus.files if each.reason]
    lines += [f"kept apart: {each}" for each in corpus.conflicts]
    if corpus.merges:
        lines.append(f"{corpus.entries} records of {len(corpus.read)} papers (--explain ID says why they are one)")
    return "".join(f"{strip_invisible(line)}\n" for line in lines)


def corpus_to_json(corpus: Corpus) -> dict[str, Any]:
    """Return the object of what was read: files, merged records, and records that were kept apart."""
    return {
        "files": [{**asdict(each), "unknown": list(each.unknown)} for each in corpus.files],
        "merged": [asdict(each) for each in corpus.merges],
        "kept_apart": [asdict(each) for each in corpus.conflicts],
        "entries": corpus.entries,
        "papers": len(corpus.read),
    }


def dry_run_to_json(corpus: Corpus) -> dict[str, Any]:
    """Return what was read, what could not be read, and the first papers."""
    problems = [asdict(each) for each in corpus.problems]
    first = [paper_to_record(paper.load()) for paper in corpus.read[:_SHOWN]]
    return {**corpus_to_json(corpus), "failed": problems, "first": first}


def dry_run_to_text(corpus: Corpus) -> str:
    """Return the first papers as they were read, field by field, and the table of the files."""
    papers = "\n".join(_fields(paper_to_record(paper.load())) for paper in corpus.read[:_SHOWN])
    return f"{papers}\n{corpus_to_text(corpus)}{len(corpus.read)} papers; nothing was built\n"


def explain_to_json(corpus: Corpus, wanted: str) -> dict[str, Any]:
    """Return the records that were merged into a paper, by its id, DOI, PMID or key; raises UsageError for none."""
    paper_id = _paper_id(corpus, wanted)
    merged = [each for each in corpus.merges if each.paper_id == paper_id]
    return {"paper_id": paper_id, "merged": [asdict(each) for each in merged]}


def explain_to_text(corpus: Corpus, wanted: str) -> str:
    """Return why records were merged into a paper, in a line for each record."""
    explained = explain_to_json(corpus, wanted)
    lines = [f"{each['joined']} was merged into {each['first']}: {each['reason']}" for each in explained["merged"]]
    lines = lines or ["it was read from one record, and nothing was merged into it"]
    return "".join(f"{strip_invisible(line)}\n" for line in (explained["paper_id"], *lines))


def _table(files: Sequence[FileSummary]) -> Iterator[str]:
    """Yield the lines of the table, in columns as wide as their widest cell."""
    rows = [("file", "format", "papers", "no abstract", "coerced")]
    for each in files:
        coerced = ", ".join(f"{name} {count}" for name, count in each.coerced.items())
        name = Path(each.source).name
        rows.append((name, each.format or "", str(each.papers), str(each.without_abstract), coerced or "–"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        name, kind, *counts = (cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False))
        counts = [cell.rjust(width) for cell, width in zip(row[2:4], widths[2:], strict=True)]
        yield "  ".join([name, kind, *counts, row[4]]).rstrip()


def _fields(record: Mapping[str, Any]) -> str:
    lines = []
    for name, value in record.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"{name}: {strip_invisible(text)}\n")
    return "".join(lines)


def _paper_id(corpus: Corpus, wanted: str) -> str:
    asked, papers = asked_ids(wanted), corpus.papers
    named = (paper.paper_id for paper in papers if not asked.isdisjoint(ids_of(paper)))
    keyed = (paper.paper_id for paper in papers if paper.key == wanted)
    merged = (each.paper_id for each in corpus.merges if wanted in (each.first, each.joined))
    found = next(iter((*named, *keyed, *merged)), None)
    if found is None:
        raise UsageError(
            f"No paper has the id, DOI, PMID or key {wanted}. `citedesk index --dry-run` shows the papers."
        )
    return found
