"""The flag that lets a model help to find papers; light, for `--help` reads it."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError

from rag.settings import RECALL_STEPS, RecallStep, parse_recall


def add_recall(parser: ArgumentParser) -> None:
    """Add --recall to a command."""
    parser.add_argument(
        "--recall",
        type=_steps,
        metavar="STEP,…",
        help=f"let the endpoint's model help to find papers: {', '.join(RECALL_STEPS)}, or none (CITEDESK_RECALL)",
    )


def _steps(text: str) -> tuple[RecallStep, ...]:
    try:
        return parse_recall(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
