"""What was caught and what was wrongly marked, as JSON and as text (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from eval.planted.measure import Cost, Group, Judged
from eval.tables import interval_cell, interval_to_json, to_table

_MS_DIGITS = 2


def planted_to_json(found: Sequence[Group], cost: Cost, judged: Sequence[Judged], seed: int) -> dict[str, Any]:
    """Show every group, the cost, and each case that was judged wrongly."""
    return {
        "seed": seed,
        "groups": [_group(each) for each in found],
        "ms_per_sentence": {name: round(value, _MS_DIGITS) for name, value in asdict(cost).items()},
        "wrong": [_wrong(each) for each in judged if each.wrong],
    }


def planted_to_text(found: Sequence[Group], cost: Cost) -> str:
    """Lay out a table of true sentences, and one of planted errors."""
    true = [_cells(each) for each in found if each.planted == "none"]
    errors = [_cells(each) for each in found if each.planted != "none"]
    marked = to_table(["true sentences", "", "wrongly marked", "verdict unsupported", "n"], true, texts=2)
    caught = to_table(["errors planted in", "", "caught", "verdict unsupported", "n"], errors, texts=2)
    return (
        f"{marked}\n{caught}\n95 % Wilson intervals. A nearest paper may say the same as the right one, so not all of "
        f"those can be caught.\nJudging a sentence takes {cost.median:.1f} ms (median; p95 {cost.p95:.1f} ms, "
        f"n = {cost.n}).\n"
    )


def _cells(group: Group) -> list[str]:
    planted = "" if group.planted == "none" else group.planted
    shares = map(interval_cell, (group.not_supported, group.unsupported))
    return [group.form, planted, *shares, str(group.not_supported.n)]


def _group(group: Group) -> dict[str, Any]:
    return {
        "form": group.form,
        "planted": group.planted,
        "not_supported": interval_to_json(group.not_supported),
        "unsupported": interval_to_json(group.unsupported),
    }


def _wrong(judged: Judged) -> dict[str, Any]:
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
