"""`citedesk eval compare`: show what changed between two runs, and fail where a measure got worse."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.cli.options import Subparsers, add_command, add_json
from rag.cli.output import print_result
from rag.errors import CitedeskError, UsageError

if TYPE_CHECKING:
    from eval.runs.comparison import Gate
    from rag.settings import Configuration

_LISTED = ("ndcg@10", "cited_f1")  # measures whose changed questions are listed where --measure names none


class GateFailed(CitedeskError):
    """A comparison in which a named measure got worse by more than its margin."""


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "compare",
        "Show what changed from run A to run B; fail where a named measure got worse by more than its margin.",
        "  citedesk eval compare eval/baseline runs/fast\n"
        "  citedesk eval compare eval/baseline runs/fast --measure ndcg@10 --measure recall@20 --margin 0.02",
    )
    add_json(parser)
    parser.add_argument("a", type=Path, metavar="A", help="folder of the run before")
    parser.add_argument("b", type=Path, metavar="B", help="folder of the run after")
    parser.add_argument(
        "--measure", action="append", default=[], metavar="NAME", help="measure that must not get worse (repeatable)"
    )
    parser.add_argument(
        "--margin",
        action="append",
        default=[],
        type=_margin,
        metavar="X",
        help="how much worse it may get (0): one for all measures, or one for each in their order",
    )
    parser.set_defaults(run="eval.runs.compare:compare")


def compare(arguments: Namespace, configuration: Configuration) -> int:
    """Print the comparison; raises GateFailed where a named measure got worse by more than its margin."""
    from eval.runs.comparison import compare_runs, comparison_to_json, comparison_to_text
    from eval.runs.folder import RunFolder
    from rag.text.sanitize import strip_invisible

    gates = _gates(arguments.measure, arguments.margin)
    comparison = compare_runs(RunFolder(arguments.a).read(), RunFolder(arguments.b).read(), gates)
    print_result(
        arguments,
        lambda: comparison_to_json(comparison),
        lambda: strip_invisible(comparison_to_text(comparison, arguments.measure or _LISTED)),
    )
    if comparison.failures:
        raise GateFailed(f"{'; '.join(comparison.failures)}. Fix it, or store a new baseline if it is intended.")
    return 0


def _margin(text: str) -> float:
    try:
        margin = float(text)
    except ValueError:
        margin = -1.0
    if not margin >= 0:
        raise ArgumentTypeError(f"not a margin of 0 or more: {text!r}")
    return margin


def _gates(measures: Sequence[str], margins: Sequence[float]) -> list[Gate]:
    from eval.runs.comparison import Gate

    if margins and not measures:
        raise UsageError("--margin without --measure has no effect: name the measure it is for.")
    if len(margins) > 1 and len(margins) != len(measures):
        raise UsageError(f"{len(margins)} margins for {len(measures)} measures: give one for all, or one for each.")
    if len(margins) < 2:
        margins = [*margins, 0.0][:1] * len(measures)
    return [Gate(measure, margin) for measure, margin in zip(measures, margins, strict=True)]
