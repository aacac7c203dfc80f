"""`citedesk eval plant`: plant errors in true sentences, and count which the judge of written answers catches."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.tables import interval_cell, interval_to_json, to_table
from rag.cli.options import Subparsers, add_command, add_embed_model, add_json, add_quiet, count
from rag.cli.output import print_result, progress_bar
from rag.errors import CorpusError

if TYPE_CHECKING:
    from eval.claims.planted_errors import ErrorGroup, JudgedCase, JudgingCost, PlantedCase, PlantedError, Swap
    from rag.index.library import Library
    from rag.settings import Configuration, Settings

_MS_DIGITS = 2


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "plant",
        "Plant errors in true sentences; show which of them the judge of written answers catches, and what it costs.",
        "  citedesk eval plant\n  citedesk eval plant --n 300 --seed 1 --json\n"
        "  citedesk eval plant --summaries scitldr --paraphrases paraphrases.jsonl",
    )
    add_json(parser)
    parser.add_argument("--n", type=count, default=100, metavar="N", help="sentences of each form and error (100)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed that chooses sentences and errors (0)")
    parser.add_argument(
        "--paraphrases", type=Path, metavar="FILE", help='JSON Lines with "paper_id" or "title", and a true "sentence"'
    )
    parser.add_argument(
        "--summaries", type=Path, metavar="DIR", help="BEIR folder whose queries are true of their only document"
    )
    parser.add_argument("--split", default="test", metavar="NAME", help="qrels of that folder to use (test)")
    add_embed_model(parser)
    add_quiet(parser)
    parser.set_defaults(run="eval.claims.plant:plant")


def plant(arguments: Namespace, configuration: Configuration) -> int:
    """Judge true sentences and the same with planted errors by the judge of written answers."""
    from eval.claims.planted_errors import cost, groups, judge_cases
    from rag.index.library import open_library
    from rag.models.cross_encoder import load_cross_encoder
    from rag.verification.judge import SentenceJudge

    library = open_library(configuration.settings)
    found = _of_index(arguments, configuration.settings, library)
    if arguments.summaries:
        found += _of_summaries(arguments)
    library.close()
    if not found:
        raise CorpusError("The index holds no sentence about a paper's own work. Index other papers.")
    judge = SentenceJudge(load_cross_encoder())
    judged = judge_cases(judge, found, None if arguments.quiet else progress_bar(found, len(found), "judging"))
    sums, spent = groups(judged), cost(judged)
    print_result(
        arguments,
        lambda: planted_to_json(sums, spent, judged, arguments.seed),
        lambda: planted_to_text(sums, spent),
    )
    return 0


def planted_to_json(
    found: Sequence[ErrorGroup], cost: JudgingCost, judged: Sequence[JudgedCase], seed: int
) -> dict[str, Any]:
    """Return every group, the cost, and each case that was judged wrongly."""
    return {
        "seed": seed,
        "groups": [_group(each) for each in found],
        "ms_per_sentence": {name: round(value, _MS_DIGITS) for name, value in asdict(cost).items()},
        "wrong": [_wrong(each) for each in judged if each.wrong],
    }


def planted_to_text(found: Sequence[ErrorGroup], cost: JudgingCost) -> str:
    """Return a table of true sentences, and one of planted errors."""
    true = [_cells(each) for each in found if each.planted == "none"]
    errors = [_cells(each) for each in found if each.planted != "none"]
    marked = to_table(["true sentences", "", "not called supported", "wrongly marked", "n"], true, texts=2)
    caught = to_table(["errors planted in", "", "caught", "marked", "n"], errors, texts=2)
    return (
        f"{marked}\n{caught}\n95 % Wilson intervals. A nearest paper may say the same as the right one, so not all of "
        f"those can be caught.\nJudging a sentence takes {cost.median:.1f} ms (median; p95 {cost.p95:.1f} ms, "
        f"n = {cost.n}).\n"
    )


def _of_index(arguments: Namespace, settings: Settings, library: Library) -> list[PlantedCase]:
    from eval.claims.planted_errors import any_other, cases, nearest_by_vectors
    from eval.claims.true_sentences import as_reported, own_claims, read_paraphrases
    from rag.models.encoder import load_encoder

    n, seed, papers = arguments.n, arguments.seed, library.papers
    own = own_claims(papers.values(), seed)
    truths = [own, as_reported(own)]
    if arguments.paraphrases:
        truths.append(read_paraphrases(arguments.paraphrases, papers, seed))
    near = nearest_by_vectors(library, load_encoder())
    swaps: dict[PlantedError, Swap] = {"other paper": any_other(list(papers.values()), seed), "nearest paper": near}
    return [case for each in truths for case in cases(each, swaps, n, seed)]


def _of_summaries(arguments: Namespace) -> list[PlantedCase]:
    from eval.benchmarks.beir import read_test_set
    from eval.claims.planted_errors import any_other, cases, nearest_by_words
    from eval.claims.true_sentences import summaries

    test_set = read_test_set(arguments.summaries, arguments.split)
    papers = test_set.papers
    swaps: dict[PlantedError, Swap] = {
        "other paper": any_other(papers, arguments.seed),
        "nearest paper": nearest_by_words(papers),
    }
    return list(cases(summaries(test_set, arguments.seed), swaps, arguments.n, arguments.seed))


def _cells(group: ErrorGroup) -> list[str]:
    planted = "" if group.planted == "none" else group.planted
    shares = map(interval_cell, (group.not_supported, group.marked))
    return [group.form, planted, *shares, str(group.not_supported.n)]


def _group(group: ErrorGroup) -> dict[str, Any]:
    return {
        "form": group.form,
        "planted": group.planted,
        "not_supported": interval_to_json(group.not_supported),
        "marked": interval_to_json(group.marked),
    }


def _wrong(judged: JudgedCase) -> dict[str, Any]:
    case = judged.case
    return {
        "form": case.truth.form,
        "planted": case.planted,
        "sentence": case.sentence,
        "true": case.truth.sentence,
        "paper_id": case.truth.paper.paper_id,
        "judged_by": case.paper.paper_id,
        "verdict": judged.verdict,
        "reason": judged.reason,
    }
