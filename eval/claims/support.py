"""`citedesk eval claims`: how well the judge of written answers separates supported sentences from others."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.stats import Interval, share_interval
from eval.tables import interval_cell, interval_to_json, intervals_to_json, to_table
from rag.cli.options import Subparsers, add_command, add_json, add_quiet
from rag.cli.output import print_result, progress_bar
from rag.errors import UsageError

if TYPE_CHECKING:
    from eval.claims.claim_file import LabelledClaim
    from rag.answer import SentenceVerdict
    from rag.settings import Configuration
    from rag.verification.judge import Judgement

_TAILS = (2.5, 97.5)
_SAMPLES = 2000


@dataclass(frozen=True, slots=True)
class SupportMeasures:
    """The calls of a judge on supported and other sentences; every share in [0, 1].

    A sentence is called supported if its verdict is. `marked` counts those with a verdict against them, `unjudged`
    those without a verdict. Balanced accuracy has a bootstrap interval over whole papers, the others Wilson's.
    """

    balanced_accuracy: Interval
    false_called_supported: Interval
    true_not_called_supported: Interval
    true_marked: Interval
    true_unjudged: Interval
    false_marked: Interval
    false_unjudged: Interval
    kinds: Mapping[str, Interval]


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "claims",
        "Measure the judge of written answers on labelled sentences.",
        "  citedesk eval claims eval/gold/claims.jsonl\n  citedesk eval claims sentences.jsonl --json",
    )
    add_json(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="labelled sentences, JSON Lines (see eval/gold)")
    add_quiet(parser)
    parser.set_defaults(run="eval.claims.support:claims")


def claims(arguments: Namespace, configuration: Configuration) -> int:
    """Judge labelled sentences as those of an answer are judged, and count right and wrong calls."""
    from eval.claims.claim_file import read_claim_file
    from rag.corpus.reader import read_corpus
    from rag.models.cross_encoder import load_cross_encoder
    from rag.verification.judge import SentenceJudge

    settings = configuration.settings
    corpus = read_corpus([settings.corpus], settings.saved_year).papers if settings.corpus else ()
    found = read_claim_file(arguments.file, {paper.paper_id: paper for paper in corpus})
    judge = SentenceJudge(load_cross_encoder())
    shown = found if arguments.quiet else progress_bar(found, len(found), "judging")
    judged = [judge.judge(each.claim, each.cited) for each in shown]
    measures = measure(found, [each.verdict for each in judged])
    print_result(
        arguments,
        lambda: {"file": str(arguments.file), **_to_json(measures), "wrong": _wrong(found, judged)},
        lambda: _to_text(measures),
    )
    return 0


def measure(
    found: Sequence[LabelledClaim], verdicts: Sequence[SentenceVerdict | None], seed: int = 0
) -> SupportMeasures:
    """Compare verdicts with labels; raises UsageError where all sentences have the same label."""
    import numpy as np

    right = np.array([each.supported for each in found])
    called = np.array([verdict == "supported" for verdict in verdicts])
    silent = np.array([verdict in (None, "about_answer") for verdict in verdicts])
    if right.all() or not right.any():
        raise UsageError("All sentences have the same label. Add sentences with the other one.")

    def balanced(at: Any) -> float:
        of_true, of_false = called[at][right[at]], called[at][~right[at]]
        return float(of_true.mean() + 1 - of_false.mean()) / 2 if len(of_true) and len(of_false) else float("nan")

    by_paper: dict[str, list[int]] = {}
    for i, each in enumerate(found):
        by_paper.setdefault(next(iter(each.cited.values())).paper_id, []).append(i)
    papers = [np.array(each) for each in by_paper.values()]
    chance = np.random.default_rng(seed)
    drawn = [
        balanced(np.concatenate([papers[i] for i in chance.integers(0, len(papers), len(papers))]))
        for _ in range(_SAMPLES)
    ]
    low, high = np.nanpercentile(drawn, _TAILS)

    def share(hits: Any, among: Any) -> Interval:
        return share_interval(int(hits[among].sum()), int(among.sum()))

    kinds = sorted({each.kind for each in found if each.kind})
    of_kind: Callable[[str], Any] = lambda kind: np.array([each.kind == kind for each in found])  # noqa: E731
    return SupportMeasures(
        Interval(balanced(np.arange(len(found))), float(low), float(high), len(found)),
        share(called, ~right),
        share(~called, right),
        share(~called & ~silent, right),
        share(silent, right),
        share(~called & ~silent, ~right),
        share(silent, ~right),
        {kind: share(called, of_kind(kind)) for kind in kinds},
    )


def _to_json(measures: SupportMeasures) -> dict[str, Any]:
    named = {name: getattr(measures, name) for name in SupportMeasures.__slots__ if name != "kinds"}
    kinds = {kind: interval_to_json(each) for kind, each in measures.kinds.items()}
    return {**intervals_to_json(named), "called_supported_by_kind": kinds}


def _to_text(measures: SupportMeasures) -> str:
    rows = [
        [name.replace("_", " "), interval_cell(each := getattr(measures, name)), str(each.n)]
        for name in SupportMeasures.__slots__
        if name != "kinds"
    ]
    text = to_table(["supported or not", "", "n"], rows)
    if measures.kinds:
        kinds = [[kind, interval_cell(each), str(each.n)] for kind, each in measures.kinds.items()]
        text += "\n" + to_table(["kind", "called supported", "n"], kinds)
    return text


def _wrong(found: Sequence[LabelledClaim], judged: Sequence[Judgement]) -> list[dict[str, Any]]:
    return [
        {"id": each.claim_id, "claim": each.claim, "supported": each.supported, "kind": each.kind}
        | {"verdict": judgement.verdict, "reason": judgement.reason}
        for each, judgement in zip(found, judged, strict=True)
        if (judgement.verdict == "supported") != each.supported
    ]
