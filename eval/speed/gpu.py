"""`python -m eval.speed.gpu PAPERS [--quick]`: how fast a GPU encodes abstracts, as JSON.

PAPERS are JSON Lines with `title` and `abstract`. Measured are the encoder that comes with Citedesk, and a network of
MiniLM's shape (6 layers of width 384) with random weights: the network alone, and with tokenization and all copies. Its
rates are abstracts of 256 tokens a second. The vectors of 64 abstracts are compared with those of the CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("papers", type=Path)
    parser.add_argument("--texts", type=int, default=60_000, help="abstracts that are read end to end (60,000)")
    parser.add_argument("--quick", action="store_true", help="only the form of the network that `index` uses")
    given = parser.parse_args(arguments)
    from eval.speed.gpu_rates import measure  # the tokenizer's processes import this module again, without torch

    records = [json.loads(line) for line in given.papers.read_text(encoding="utf-8").splitlines() if line]
    abstracts = [(record["title"], record["abstract"]) for record in records if record.get("abstract")]
    sys.stdout.write(json.dumps(measure(abstracts, given.texts, given.quick), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
