"""`python -m eval.training.ranker`: fit the ranker on gold questions, and write rag/models/weights/ranker.json."""

from eval.training.ranker.fit import make_parser
from rag.cli.main import run

raise SystemExit(run(make_parser))
