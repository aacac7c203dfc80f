"""`python -m eval.training.encoder.projection`: compute projection.npy, from which training starts.

It holds the principal components of the token vectors of abstracts outside the collection, by the late-interaction
model that the encoder starts from.
"""

from __future__ import annotations

import hashlib
import random
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.cli.main import run
from rag.cli.options import CommandParser, add_common, add_json
from rag.cli.output import print_result
from rag.corpus.files import parse_json_lines, read_text
from rag.errors import UsageError
from rag.models.onnx import MarkedTokenizer, OnnxModel, l2_normalize, open_tokenizer
from rag.models.token_codec import DIMENSION
from rag.settings import Configuration

_SAMPLE = 600  # abstracts
_SEED = 0
_MAX_TOKENS = 512
_DOCUMENT_MARK = "[unused1]"


def make_parser() -> ArgumentParser:
    """Build the parser of `python -m eval.training.encoder.projection`."""
    parser = CommandParser(
        prog="python -m eval.training.encoder.projection",
        description="Fit the projection of token vectors on a corpus in BEIR format, and write it.",
        epilog="examples:\n"
        "  python -m eval.training.encoder.projection arxiv_ml/corpus.jsonl --model colbert --out projection.npy",
    )
    add_common(parser)
    add_json(parser)
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="corpus.jsonl with title and text")
    parser.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="late-interaction model: model.onnx and tokenizer.json"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file for the projection (.npy)")
    parser.set_defaults(run="eval.training.encoder.projection:project")
    return parser


def project(arguments: Namespace, configuration: Configuration) -> int:
    """Fit the projection, and write it."""
    if arguments.out.suffix != ".npy":
        raise UsageError(f"--out {arguments.out} does not end in .npy: numpy would add it. Name such a file.")
    projection, digest = fit_projection(arguments.corpus, arguments.model)
    np.save(arguments.out, projection)
    print_result(
        arguments,
        lambda: {"out": str(arguments.out), "shape": list(projection.shape), "corpus_sha256": digest},
        lambda: f"wrote {arguments.out} from {arguments.corpus} (sha256 {digest[:12]}…)\n",
    )
    return 0


def fit_projection(corpus: Path, model: Path) -> tuple[NDArray[np.float16], str]:
    """Return the projection (384, 128), and the SHA-256 of the corpus it was fitted on; raises UsageError.

    `corpus` is a test set's corpus.jsonl with `title` and `text`. The vectors are not centred, to preserve cosines.
    """
    lines = (record for _, record in parse_json_lines(read_text(corpus)))
    records = [record for record in lines if not isinstance(record, ValueError) and {"title", "text"} <= record.keys()]
    if len(records) < _SAMPLE:
        raise UsageError(f"{corpus} holds {len(records)} documents: name a corpus with at least {_SAMPLE}.")
    sample = random.Random(_SEED).sample(records, _SAMPLE)
    products = sum_of_products(_token_vectors(model, [f"{each['title']}. {each['text']}" for each in sample]))
    directions = np.linalg.eigh(products)[1][:, ::-1][:, :DIMENSION]
    return directions.astype(np.float16), hashlib.sha256(corpus.read_bytes()).hexdigest()


def _token_vectors(folder: Path, texts: Sequence[str]) -> Iterator[NDArray[np.float32]]:
    """Embed each text's tokens, without a projection: unit vectors (n, 384)."""
    model, tokenizer = OnnxModel(folder), MarkedTokenizer(open_tokenizer(folder), _DOCUMENT_MARK, _MAX_TOKENS)
    for encoding in tokenizer.encode_batch(texts):
        yield l2_normalize(model.outputs(encoding, None)[0])


def sum_of_products(vectors: Iterable[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Sum vᵀv over batches of vectors (n, dimension)."""
    total: NDArray[np.float64] | float = 0.0
    for batch in vectors:
        exact = batch.astype(np.float64)
        total = total + exact.T @ exact
    return np.asarray(total)


if __name__ == "__main__":
    raise SystemExit(run(make_parser))
