"""`python -m eval.runs.conversations`: hold conversations with the index in use, and report which follow-ups act right.

A line of the file is one conversation: `turns`, each with what is said (`say`) and, for a follow-up, what `must` hold
of its answer. eval/gold/README.md lists the conditions.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.stats import share_interval
from rag.answer import Answer, Done
from rag.engine import Engine, build
from rag.render.notices import notices_text
from rag.settings import load_settings
from rag.types import Paper, Turn

FILE = Path(__file__).parents[1] / "gold" / "conversations_heldout.jsonl"


def hold(engine: Engine, conversation: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Hold a conversation; return (what was said, what is wrong or None) for each follow-up."""
    history: list[Turn] = []
    answers: list[Answer] = []
    found: list[tuple[str, str | None]] = []
    for turn in conversation["turns"]:
        *_, done = engine.ask(turn["say"], history=history, use_llm=False)
        assert isinstance(done, Done)
        if "must" in turn:
            found.append((turn["say"], fault(done.answer, answers, turn["must"])))
        answers.append(done.answer)
        history.append(Turn(turn["say"], done.answer.text, tuple(paper.paper_id for paper in _papers(done.answer))))
    return found


def fault(answer: Answer, before: Sequence[Answer], must: Mapping[str, Any]) -> str | None:
    """Return which condition an answer does not meet; None if it meets all."""
    query, papers = answer.query, _papers(answer)
    does = query.action.name if query.action else query.follow_up
    if does not in must["does"]:
        return f"does {does}, not {' or '.join(must['does'])}"
    if query.kind not in must.get("kind", [query.kind]):
        return f"is a {query.kind}"
    for name, value in must.get("filters", {}).items():
        if getattr(query.filters, name) != value:
            return f"{name} is {getattr(query.filters, name)}"
    if query.order != must.get("order", query.order):
        return f"order is {query.order}"
    if "papers" in must:
        earlier = _papers(before[must["of"]])
        named = [paper for n, paper in enumerate(earlier, start=1) if n in must.get("numbers", ())]
        if not _are_meant(must["papers"], papers, earlier, named):
            return f"cites {[paper.paper_id for paper in papers]} of {[paper.paper_id for paper in earlier]}"
    titles = [paper.title for paper in papers]
    if lacking := [part for part in must.get("cites", ()) if not _has(titles, [part])]:
        return f"does not cite {lacking[0]}"
    if "cites_one" in must and not _has(titles, must["cites_one"]):
        return f"cites none of {must['cites_one']}"
    if _has(titles, must.get("cites_no", ())):
        return f"cites one of {must['cites_no']}"
    if not re.search(must.get("text", ""), answer.text):
        return f"has no {must['text']!r}"
    if must.get("text_or_notice", "") not in f"{answer.text} {notices_text(answer.notices)}":
        return f"has no {must['text_or_notice']!r}, and no notice of it"
    if "groups" in must and not _is_grouped(answer, must["groups"]):
        return f"is grouped as {[group.name for group in answer.groups]}"
    return None


def _are_meant(which: str, papers: Sequence[Paper], earlier: Sequence[Paper], named: Sequence[Paper]) -> bool:
    """Return whether the papers cited are those meant of the ones cited before."""
    ids, earlier_ids, named_ids = ([paper.paper_id for paper in each] for each in (papers, earlier, named))
    dates = sorted(paper.date or "" for paper in earlier)
    return {
        "all": lambda: set(ids) == set(earlier_ids),
        "same order": lambda: ids == earlier_ids,
        "within": lambda: bool(ids) and set(ids) <= set(earlier_ids),
        "fewer": lambda: bool(ids) and set(ids) < set(earlier_ids),
        "more": lambda: set(ids) > set(earlier_ids),
        "others": lambda: bool(ids) and not set(ids) & set(earlier_ids),
        "numbers": lambda: set(ids) == set(named_ids),
        "without": lambda: bool(ids) and not set(ids) & set(named_ids),
        "newest": lambda: bool(papers) and papers[0].date == dates[-1] and set(ids) <= set(earlier_ids),
        "oldest": lambda: bool(papers) and papers[0].date == dates[0] and set(ids) <= set(earlier_ids),
        "none": lambda: not ids,
    }[which]()


def _is_grouped(answer: Answer, by: str) -> bool:
    """Return whether the groups are those of a value of the records, the papers without it last."""
    papers = {citation.n: citation.paper for citation in answer.citations}
    values = [
        {str(getattr(papers[n], by)) if getattr(papers[n], by) else "" for n in group.numbers}
        for group in answer.groups
    ]
    return bool(values) and all(len(each) == 1 for each in values)


def _has(titles: Iterable[str], parts: Iterable[str]) -> bool:
    return any(part in title for title in titles for part in parts)


def _papers(answer: Answer) -> list[Paper]:
    return [citation.paper for citation in answer.citations]


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold all conversations and print the share of follow-ups done right, and what is wrong with the others."""
    parser = argparse.ArgumentParser(prog="python -m eval.runs.conversations", description=__doc__)
    parser.add_argument("--home", type=Path, default=None, help="index to ask")
    parser.add_argument("--file", type=Path, default=FILE)
    given = parser.parse_args(arguments)
    engine = build(load_settings({"home": given.home} if given.home else {}).settings, use_llm=False)
    right: list[bool] = []
    for line in given.file.read_text(encoding="utf-8").splitlines():
        conversation = json.loads(line)
        for question, wrong in hold(engine, conversation):
            right.append(wrong is None)
            if wrong:
                sys.stdout.write(f"{conversation['id']} {question!r}: {wrong}\n")
    share = share_interval(sum(right), len(right))
    sys.stdout.write(f"done right: {share.mean:.3f} [{share.low:.3f}, {share.high:.3f}] (n = {share.n})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
