"""What `citedesk eval fit` and `project` do."""

from __future__ import annotations

import hashlib
import json
from argparse import Namespace
from dataclasses import replace

from eval.commands import load_questions
from rag.cli.commands import note
from rag.corpus.files import write_atomic
from rag.errors import UsageError
from rag.index.generations import IndexFolder
from rag.settings import Configuration


def project(arguments: Namespace, configuration: Configuration) -> int:
    """Make the projection of token vectors from a corpus, and write it."""
    import numpy as np

    from eval.training.projection import fit_projection

    if arguments.out.suffix != ".npy":
        raise UsageError(f"--out {arguments.out} does not end in .npy: numpy would add it. Name such a file.")
    projection, digest = fit_projection(arguments.corpus)
    np.save(arguments.out, projection)
    kept = {"out": str(arguments.out), "shape": list(projection.shape), "corpus_sha256": digest}
    print(
        json.dumps(kept) if arguments.json else f"wrote {arguments.out} from {arguments.corpus} (sha256 {digest[:12]}…)"
    )
    return 0


def fit(arguments: Namespace, configuration: Configuration) -> int:
    """Fit the ranker's weights on gold questions, and write them."""
    from eval.training.fit import fit_depth
    from rag.engine import build

    settings = configuration.settings
    if not settings.rerank_depth:
        raise UsageError("CITEDESK_RERANK_DEPTH is 0: there is no cross-encoder to fit. Remove the setting.")
    questions = load_questions(arguments.gold, IndexFolder(settings.home).current())
    gold = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in arguments.gold}
    depths = {}
    for depth, rerank_depth in (("fast", 0), ("full", settings.rerank_depth)):
        note(f"fitting {depth}: {len(questions)} questions")
        engine = build(replace(settings, rerank_depth=rerank_depth))
        depths[depth] = fit_depth(depth, engine, questions)  # type: ignore[arg-type]
    kept = {"gold": gold, "papers": len(engine.library.papers), "depths": depths}
    write_atomic(arguments.out, json.dumps(kept, indent=1, sort_keys=True) + "\n")
    print(json.dumps(kept) if arguments.json else f"wrote {arguments.out}")
    return 0
