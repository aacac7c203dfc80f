"""`python -m eval.training.cross_encoder.held_claims OUT --data DIR`: held-out claims for `citedesk eval claims`.

The model is measured on its logits by `check`; these files measure the judge of answers, which adds exact checks,
clauses and the two cuts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.training.common.records import Claim, Document, read_claims, read_documents, read_groups
from eval.training.common.splits import SPLITS, make_splits


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one file for each source of claims, and one for those over several documents."""
    parser = argparse.ArgumentParser(prog="python -m eval.training.cross_encoder.held_claims", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the training material")
    parser.add_argument("--split", choices=SPLITS, default="held")
    parser.add_argument("--seed", type=int, default=13)
    given = parser.parse_args(arguments)
    documents = read_documents(given.data)
    splits = make_splits(read_groups(given.data), given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    records: dict[str, list[dict[str, Any]]] = {}
    for number, claim in enumerate(read_claims(given.data)):
        if splits.of(claim.documents) == given.split:
            source: str = claim.source if len(claim.documents) == 1 else "several"
            records.setdefault(source, []).append(claim_record(number, claim, documents))
    for name, found in records.items():
        lines = "".join(json.dumps(each, ensure_ascii=False, sort_keys=True) + "\n" for each in found)
        (given.out / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return 0


def claim_record(number: int, claim: Claim, documents: dict[str, Document]) -> dict[str, Any]:
    """Return a claim in the form that `citedesk eval claims` reads."""
    papers = [documents[id] for id in claim.documents]
    return {
        "id": str(number),
        "claim": claim.text,
        "papers": [{"paper_id": each.id, "title": each.title, "abstract": each.abstract} for each in papers],
        "label": "supported" if claim.label == "s" else "not_supported",
        "kind": f"{claim.label} {claim.origin}",
    }


if __name__ == "__main__":
    raise SystemExit(main())
