"""Agreement with labelled pairs, and an LLM judge's scores beside it, as JSON and as text (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from eval.claims.pairs import LABELS
from eval.claims.verify import Agreement
from eval.stats import Interval
from eval.tables import interval_cell, interval_to_json, intervals_to_json, to_table

_DIGITS = 4


def agreement_to_json(each: Agreement) -> dict[str, Any]:
    """Show one judge's agreement; the rows of `confusion` are labels, its columns verdicts."""
    confusion = {
        label: dict(zip(LABELS, counts, strict=True)) for label, counts in zip(LABELS, each.confusion, strict=True)
    }
    classes = [
        {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in asdict(known).items()}
        for known in each.classes
    ]
    means = {"accuracy": each.accuracy, "macro_f1": each.macro_f1, "kappa": each.kappa}
    return {"judge": each.judge, **intervals_to_json(means), "classes": classes, "confusion": confusion}


def agreements_to_text(agreements: Sequence[Agreement]) -> str:
    """Lay judges out side by side, then the first one's classes and confusion table."""
    rows = [
        [each.judge, *map(interval_cell, (each.accuracy, each.macro_f1, each.kappa)), str(each.accuracy.n)]
        for each in agreements
    ]
    first = agreements[0]
    classes = [
        [known.label, f"{known.precision:.3f}", f"{known.recall:.3f}", f"{known.f1:.3f}", str(known.n)]
        for known in first.classes
    ]
    confusion = [[label, *map(str, counts)] for label, counts in zip(LABELS, first.confusion, strict=True)]
    return "\n".join(
        (
            to_table(["judge", "accuracy", "macro-F1", "Cohen's kappa", "n"], rows),
            to_table([f"{first.judge}: class", "precision", "recall", "F1", "n"], classes),
            to_table(["labelled \\ judged", *LABELS], confusion),
        )
    )


def judged_to_json(
    scores: Mapping[str, Interval], calibration: Agreement, partial: bool, failures: Sequence[str]
) -> dict[str, Any]:
    """Show what share of claims got each verdict, with the judge's own agreement beside it."""
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
    """Lay the same out as text."""
    rows = [[label, interval_cell(share), str(share.n)] for label, share in scores.items()]
    trust = (
        f"{calibration.judge} agrees with people on {interval_cell(calibration.accuracy)} of "
        f"{calibration.accuracy.n} labelled pairs, Cohen's kappa {interval_cell(calibration.kappa)}."
    )
    return f"{to_table(['cited claims', 'share', 'n'], rows)}\n{trust}\n"
