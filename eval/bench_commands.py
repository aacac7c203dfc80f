"""What `citedesk eval bench`, `verify`, `ablate` and `judge` do: call the library, print the result."""

from __future__ import annotations

import random
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from eval.claims.judges import JUDGES, ThresholdJudge
from eval.claims.pairs import LABELS, Pair, read_pairs
from eval.claims.verdicts import Claimed, Verdicts, judge_each
from eval.claims.verify import Agreement, Judge, MajorityJudge, agreement
from eval.progress import bar
from eval.stats import Interval, bootstrap_interval
from rag.cli.commands import embedding_bar, note, print_result
from rag.errors import LLMFailed, UsageError
from rag.settings import Configuration, Settings

_SEED = 0
_WHOLE = 100_000  # tokens: more than any abstract has, so that it stays in one piece
_REFERENCE: dict[str, Any] = {
    "embed_model": "all-MiniLM-L6-v2",
    "late_model": "none",
    "chunk_tokens": _WHOLE,
    "k1": 1.2,
    "b": 0.75,
}
_INDEXING = ("embed_model", "late_model", "chunk_tokens", "chunk_overlap", "pool")

Item = TypeVar("Item", bound=Claimed)


def bench(arguments: Namespace, configuration: Configuration) -> int:
    """Score dense, BM25, fused, fast and full ranking on a folder in BEIR's form."""
    from eval.testsets.beir import read_test_set
    from eval.testsets.bench import run_bench
    from eval.testsets.index import BM25, open_indexed, scratch_settings
    from eval.testsets.output import bench_to_json, bench_to_text
    from rag.models.loading import load_models

    given = _given(arguments)
    settings = replace(configuration.settings, **{name: given[name] for name in _INDEXING if name in given})
    bm25 = BM25(**{name: float(given[name]) for name in ("k1", "b") if name in given})
    test_set = read_test_set(arguments.folder, arguments.split)
    for name, count in asdict(test_set.skipped).items():
        if count:
            note(f"left out: {count} {name.replace('_', ' ')}")
    settings = scratch_settings(settings, arguments.cache or settings.home / "bench", test_set.name)
    models = load_models(settings)
    library = open_indexed(
        settings,
        test_set,
        bm25,
        lambda: models,
        lambda: note("another process is building this index: waiting for it"),
        None if arguments.quiet else embedding_bar,
    )
    rows = run_bench(test_set, settings, library, models, None if arguments.quiet else bar)
    print_result(
        arguments,
        lambda: bench_to_json(test_set, settings, bm25, library.manifest, rows),
        lambda width: bench_to_text(test_set, library.manifest, rows),
    )
    return 0


def verify(arguments: Namespace, configuration: Configuration) -> int:
    """Measure a judge of claims on labelled pairs, beside the most frequent label."""
    from eval.claims.output import agreement_to_json, agreements_to_text

    file = read_pairs(arguments.file)
    if file.repeated:
        note(f"left out: {file.repeated} repeated pairs")
    pairs = _sampled(file.pairs, arguments.sample)
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
        lambda width: agreements_to_text((measured, baseline)),
    )
    return 1 if verdicts.partial else 0


def ablate(arguments: Namespace, configuration: Configuration) -> int:
    """Show which part of the ranking buys what on gold questions."""
    from eval.ablation.ablate import measurable, run_ablation
    from eval.ablation.output import ablation_to_json, ablation_to_text
    from eval.ablation.signals import Parts
    from eval.questions import load_gold
    from rag.engine import Engine
    from rag.index.library import open_library
    from rag.models.loading import load_models

    settings = configuration.settings
    if not settings.rerank_depth:
        raise UsageError("CITEDESK_RERANK_DEPTH is 0: there is no cross-encoder to measure. Remove the setting.")
    library = open_library(settings)
    gold = load_gold(arguments.gold, library.papers)
    questions = measurable(gold)
    if not questions:
        raise UsageError("No gold question has a paper that must be found. Name a file with answerable questions.")
    models = load_models(settings)
    fast = Engine(replace(settings, rerank_depth=0), library, models)
    parts = Parts(settings, library, models, fast, Engine(settings, library, models))
    folder = arguments.cache or settings.home / "ablate"
    scores = run_ablation(parts, questions, folder, fresh=arguments.fresh)
    left_out = len(gold) - len(questions)
    print_result(
        arguments,
        lambda: ablation_to_json(scores, library.manifest.generation, len(questions), left_out),
        lambda width: ablation_to_text(scores, len(questions), left_out),
    )
    return 0


def judge(arguments: Namespace, configuration: Configuration) -> int:
    """Judge the cited claims of answers, and the judge itself on labelled pairs."""
    from eval.claims.cited import read_claims
    from eval.claims.output import judged_to_json, judged_to_text

    claims = _sampled(read_claims(arguments.answers), arguments.sample)
    pairs = _sampled(read_pairs(arguments.calibrate).pairs, arguments.sample)
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
        lambda width: judged_to_text(scores, measured),
    )
    return 1 if partial else 0


def _given(arguments: Namespace) -> dict[str, Any]:
    """Collect the flags that were given, over those that --reference stands for."""
    flags = {name: getattr(arguments, name, None) for name in (*_INDEXING, "k1", "b")}
    given = {name: value for name, value in flags.items() if value is not None}
    return {**_REFERENCE, **given} if arguments.reference else given


def _judge(arguments: Namespace, settings: Settings) -> Judge:
    if arguments.judge not in JUDGES:
        raise UsageError(f"There is no judge {arguments.judge}. Name one of {', '.join(JUDGES)}.")
    return JUDGES[arguments.judge](settings)


def _fitted(judge: Judge, train: Sequence[Pair], measured: Sequence[Pair]) -> Judge:
    """Choose a judge's threshold on pairs that are not measured; raises UsageError where there is neither."""
    if not isinstance(judge, ThresholdJudge):
        raise UsageError(f"--train means nothing to the judge {judge.name}. Leave it out.")
    held_out = {(pair.claim, pair.sentences) for pair in measured}
    others = [pair for pair in train if (pair.claim, pair.sentences) not in held_out]
    if not others:
        raise UsageError("--train holds nothing but pairs that are to be measured. Name a file of other pairs.")
    if len(others) < len(train):
        note(f"left out of --train: {len(train) - len(others)} pairs that are to be measured")
    return judge.fitted(others)


def _judged(judge: Judge, items: Sequence[Item], quiet: bool) -> Verdicts[Item]:
    """Judge all items; raises LLMFailed where not one got a verdict, and notes where some did not."""
    verdicts = judge_each(judge, items, None if quiet else bar(items, len(items), "judging"))
    if not verdicts.judged:
        raise LLMFailed(f"Nothing was judged. {verdicts.failures[0]}")
    if verdicts.partial:
        note(f"partial: {len(verdicts.judged)} of {verdicts.total} were judged. First failure: {verdicts.failures[0]}")
    return verdicts


def _agreement(judge: Judge, verdicts: Verdicts[Pair]) -> Agreement:
    labels, given = zip(*((pair.label, verdict) for pair, verdict in verdicts.judged), strict=True)
    return agreement(judge.name, labels, given)


def _sampled(items: Sequence[Item], count: int | None) -> Sequence[Item]:
    """Choose some of the items by a fixed seed, in their order."""
    if count is None or count >= len(items):
        return items
    return [items[i] for i in sorted(random.Random(_SEED).sample(range(len(items)), count))]
