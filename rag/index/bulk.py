"""`python -m rag.index.bulk PATH… --out DIR`: encode papers as a Ray Data job, on the machines of a Ray cluster.

Each worker is a process with the models loaded once; it takes a block of papers at a time and writes it to DIR, which
all machines have to share. A job that is run again leaves out the blocks that are there. `citedesk index --embedded
DIR` then takes the papers from them. Needs Ray, `citedesk[ray]`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rag.corpus.records import paper_digest, paper_from_record, paper_to_record
from rag.errors import CitedeskError
from rag.index.blocks import block_path, write_block
from rag.index.embedding import embed, make_chunker
from rag.index.generations import IndexFolder
from rag.index.plan import index_recipe, plan_build
from rag.models.loading import load_index_models
from rag.settings import Settings, load_settings
from rag.types import Paper, Problem


class BlockEncoder:
    """Encodes blocks of papers in a worker of Ray; `settings` are those of the job."""

    def __init__(self, settings: Settings, out: Path) -> None:
        self._out = out
        self._recipe = index_recipe(settings)
        self._models = load_index_models(settings)
        self._chunker = make_chunker(self._recipe, self._models)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Encode the blocks of a batch, each a JSON list of records, and return what was done with each."""
        done = [self._encode([paper_from_record(record) for record in json.loads(block)]) for block in batch["block"]]
        return {"papers": np.array([papers for papers, _ in done]), "failed": np.array([failed for _, failed in done])}

    def _encode(self, papers: Sequence[Paper]) -> tuple[int, str]:
        digests = {paper.paper_id: paper_digest(paper) for paper in papers}
        failed: list[Problem] = []
        embedded = list(embed(papers, digests, self._chunker, self._models, failed))
        write_block(self._out, self._recipe, list(digests.values()), embedded)
        return len(embedded), "\n".join(map(str, failed))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job, and print how many papers were encoded."""
    parser = argparse.ArgumentParser(prog="python -m rag.index.bulk", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders of papers")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the encoded papers")
    parser.add_argument("--workers", type=int, default=2, help="processes, each with a core or a GPU (2)")
    parser.add_argument("--block", type=int, default=1000, help="papers in a block (1000)")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="where the encoder runs (CITEDESK_DEVICE)")
    given = parser.parse_args(arguments)
    try:
        configuration = load_settings({"device": given.device})
        settings = configuration.settings
        plan = plan_build(IndexFolder(settings.home), configuration, given.paths, datetime.now(UTC))
        found = run(plan.corpus.papers, settings, given.out, given.workers, given.block)
    except CitedeskError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def run(papers: Sequence[Paper], settings: Settings, out: Path, workers: int, block: int) -> dict[str, Any]:
    """Encode the blocks of papers that are not in a folder yet; returns counts, and the papers that failed."""
    out.mkdir(parents=True, exist_ok=True)
    recipe = index_recipe(settings)
    blocks = [papers[first : first + block] for first in range(0, len(papers), block)]
    missing = [own for own in blocks if not block_path(out, recipe, list(map(paper_digest, own))).exists()]
    counts = {"blocks": len(blocks), "there": len(blocks) - len(missing)}
    if not missing:
        return {**counts, "papers": 0, "failed": []}
    try:
        import ray  # a large package that only this job needs
    except ImportError:
        raise CitedeskError("Ray is not installed. Run `pip install 'citedesk[ray]'`.") from None
    items = [{"block": json.dumps([paper_to_record(paper) for paper in own])} for own in missing]
    resources = {"num_gpus": 1} if settings.device == "cuda" else {"num_cpus": 1}
    done = (
        # As many blocks as there are items, made here: a task that divides them would wait for a core of a worker.
        ray.data.from_items(items, override_num_blocks=len(items))
        .map_batches(
            BlockEncoder,
            fn_constructor_args=(settings, out.resolve()),
            batch_size=1,
            concurrency=min(workers, len(items)),
            **resources,
        )
        .take_all()
    )
    failed = [line for row in done for line in row["failed"].split("\n") if line]
    return {**counts, "papers": int(sum(row["papers"] for row in done)), "failed": failed}


if __name__ == "__main__":
    raise SystemExit(main())
