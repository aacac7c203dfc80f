"""`citedesk eval verify` and `eval judge`: measure a judge on labelled pairs, and let it judge answers' claims."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from eval.tables import interval_cell, interval_to_json, intervals_to_json, to_table
from rag.cli.options import (
    Subparsers,
    add_command,
    add_embed_model,
    add_endpoint,
    add_json,
    add_quiet,
    count,
)
from rag.cli.output import note, print_result, progress_bar
from rag.errors import LLMFailed, UsageError

if TYPE_CHECKING:
    from eval.claims.agreement import Agreement
    from eval.claims.judges import Claimed, Judge, Verdicts
    from eval.claims.pairs import LabelledPair
    from eval.stats import Interval
    from rag.settings import Configuration, Settings

_SEED = 0

Item = TypeVar("Item", bound="Claimed")


def register(subparsers: Subparsers) -> None:
    """Add the commands."""
    parser = add_command(
        subparsers,
        "verify",
        "Measure a judge of claims on labelled claim–abstract pairs.",
        "  citedesk eval verify verify_dev.jsonl\n"
        "  citedesk eval verify verify_dev.jsonl --judge dense --train verify_train.jsonl",
    )
    add_json(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="claim–abstract pairs with labels, JSON Lines")
    parser.add_argument("--train", type=Path, metavar="FILE", help="pairs on which the judge's threshold is fitted")
    _add_judge(parser, "citedesk")
    parser.set_defaults(run="eval.claims.verify:verify")

    parser = add_command(
        subparsers,
        "judge",
        "Let the endpoint's model judge the cited claims of answers, and show how far it can be trusted.",
        "  citedesk ask --questions questions.jsonl > answers.jsonl\n"
        "  citedesk eval judge answers.jsonl --calibrate verify_dev.jsonl --sample 100",
    )
    add_json(parser)
    parser.add_argument("answers", type=Path, metavar="ANSWERS", help="output of `ask --questions FILE`")
    parser.add_argument(
        "--calibrate", type=Path, required=True, metavar="FILE", help="labelled pairs on which the judge is measured"
    )
    _add_judge(parser, "llm")
    parser.set_defaults(run="eval.claims.verify:judge")


def _add_judge(parser: ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--judge", default=default, metavar="NAME", help=f"judge: citedesk, lexical, dense or llm ({default})"
    )
    parser.add_argument("--sample", type=count, metavar="N", help="judge only N, chosen by a fixed seed")
    add_embed_model(parser)
    add_endpoint(parser)
    add_quiet(parser)


def verify(arguments: Namespace, configuration: Configuration) -> int:
    """Measure a judge of claims on labelled pairs, beside the most frequent label."""
    from eval.claims.agreement import agreement_to_json, agreements_to_text
    from eval.claims.judges import MajorityJudge, ThresholdJudge, judge_each
    from eval.claims.pairs import read_pairs

    file = read_pairs(arguments.file)
    if file.repeated:
        note(f"left out: {file.repeated} repeated pairs")
    pairs = _sample(file.pairs, arguments.sample)
    judge = _judge(arguments, configuration.settings)
    if arguments.train:
        judge = _fitted(judge, read_pairs(arguments.train).pairs, pairs)
    verdicts = _judged(judge, pairs, arguments.quiet)
    measured = _agreement(judge, verdicts)
    judged = [pair for pair, _ in verdicts.judged]
    baseline = _agreement(majority := MajorityJudge(judged), judge_each(majority, judged))
    threshold = judge.threshold if isinstance(judge, ThresholdJudge) else None
    print_result(
        arguments,
        lambda: {
            "file": str(arguments.file),
            "pairs": verdicts.total,
            "repeated": file.repeated,
            "partial": verdicts.partial,
            "failures": list(verdicts.failures),
            "threshold": threshold,
            **agreement_to_json(measured),
            "baseline": agreement_to_json(baseline),
        },
        lambda: agreements_to_text((measured, baseline)),
    )
    return 1 if verdicts.partial else 0


def judge(arguments: Namespace, configuration: Configuration) -> int:
    """Judge the cited claims of answers, and the judge itself on labelled pairs."""
    from eval.claims.cited_claims import read_claims
    from eval.claims.pairs import LABELS, read_pairs
    from eval.stats import bootstrap_interval

    claims = _sample(read_claims(arguments.answers), arguments.sample)
    pairs = _sample(read_pairs(arguments.calibrate).pairs, arguments.sample)
    chosen = _judge(arguments, configuration.settings)
    calibration = _judged(chosen, pairs, arguments.quiet)
    verdicts = _judged(chosen, claims, arguments.quiet)
    measured = _agreement(chosen, calibration)
    scores: dict[str, Interval] = {
        label: bootstrap_interval([float(verdict == label) for _, verdict in verdicts.judged]) for label in LABELS
    }
    partial = verdicts.partial or calibration.partial
    failures = (*calibration.failures, *verdicts.failures)
    print_result(
        arguments,
        lambda: judged_to_json(scores, measured, partial, failures),
        lambda: judged_to_text(scores, measured),
    )
    return 1 if partial else 0


def judged_to_json(
    scores: Mapping[str, Interval], calibration: Agreement, partial: bool, failures: Sequence[str]
) -> dict[str, Any]:
    """Return the share of claims with each verdict, and the judge's own agreement with labelled pairs."""
    return {
        "claims": intervals_to_json(scores),
        "calibration": {
            "agreement": interval_to_json(calibration.accuracy),
            "kappa": interval_to_json(calibration.kappa),
            "n": calibration.accuracy.n,
        },
        "judge": calibration.judge,
        "partial": partial,
        "failures": list(failures),
    }


def judged_to_text(scores: Mapping[str, Interval], calibration: Agreement) -> str:
    """Return the same as text."""
    rows = [[label, interval_cell(share), str(share.n)] for label, share in scores.items()]
    trust = (
        f"{calibration.judge} agrees with people on {interval_cell(calibration.accuracy)} of "
        f"{calibration.accuracy.n} labelled pairs, Cohen's kappa {interval_cell(calibration.kappa)}."
    )
    return f"{to_table(['cited claims', 'share', 'n'], rows)}\n{trust}\n"


def _judge(arguments: Namespace, settings: Settings) -> Judge:
    from eval.claims.judges import JUDGES

    if arguments.judge not in JUDGES:
        raise UsageError(f"There is no judge {arguments.judge}. Name one of {', '.join(JUDGES)}.")
    return JUDGES[arguments.judge](settings)


def _fitted(judge: Judge, train: Sequence[LabelledPair], measured: Sequence[LabelledPair]) -> Judge:
    """Fit a judge's threshold on pairs that are not measured; raises UsageError where that is impossible."""
    from eval.claims.judges import ThresholdJudge

    if not isinstance(judge, ThresholdJudge):
        raise UsageError(f"--train has no effect on the judge {judge.name}. Leave it out.")
    held_out = {(pair.claim, pair.sentences) for pair in measured}
    others = [pair for pair in train if (pair.claim, pair.sentences) not in held_out]
    if not others:
        raise UsageError("--train holds only pairs that are measured. Name a file of other pairs.")
    if len(others) < len(train):
        note(f"left out of --train: {len(train) - len(others)} pairs that are measured")
    return judge.fitted(others)


def _judged(judge: Judge, items: Sequence[Item], quiet: bool) -> Verdicts[Item]:
    """Judge all items and note failures; raises LLMFailed where no item got a verdict."""
    from eval.claims.judges import judge_each

    verdicts = judge_each(judge, items, None if quiet else progress_bar(items, len(items), "judging"))
    if not verdicts.judged:
        raise LLMFailed(f"Nothing was judged. {verdicts.failures[0]}")
    if verdicts.partial:
        note(f"partial: {len(verdicts.judged)} of {verdicts.total} were judged. First failure: {verdicts.failures[0]}")
    return verdicts


def _agreement(judge: Judge, verdicts: Verdicts[LabelledPair]) -> Agreement:
    from eval.claims.agreement import agreement

    labels, given = zip(*((pair.label, verdict) for pair, verdict in verdicts.judged), strict=True)
    return agreement(judge.name, labels, given)


def _sample(items: Sequence[Item], count: int | None) -> Sequence[Item]:
    """Return `count` items chosen by a fixed seed, in their order; all where it is None."""
    if count is None or count >= len(items):
        return items
    import random  # slow to import, for `--help`

    return [items[i] for i in sorted(random.Random(_SEED).sample(range(len(items)), count))]
