"""`citedesk eval`: the commands of the evaluation. Imported by `--help`, so nothing heavy is."""

from __future__ import annotations

from eval.ablation import ablate
from eval.benchmarks import bench
from eval.claims import plant, support, verify
from eval.gold import draft
from eval.injection import inject
from eval.latency import latency
from eval.runs import compare, run
from eval.tuning import tune
from eval.vectors import compare as vectors
from rag.cli.options import Subparsers, add_command_group


def register(subparsers: Subparsers) -> None:
    """Add the commands, `citedesk tune` among them."""
    commands = add_command_group(
        subparsers, "eval", "Measure how good the answers are, on questions whose answers are known."
    )
    run.register(commands)
    draft.register(commands)
    compare.register(commands)
    bench.register(commands)
    support.register(commands)
    verify.register(commands)
    ablate.register(commands)
    inject.register(commands)
    plant.register(commands)
    latency.register(commands)
    vectors.register(commands)
    tune.register(subparsers)
