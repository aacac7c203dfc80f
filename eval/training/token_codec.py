"""Fit the codebook of token vectors (weights/encoder/token_codec.npz) to abstracts outside the collection.

`python -m eval.training.token_codec CORPUS --cache DIR`, with a corpus.jsonl in BEIR format. The encoder stays
as it is. Takes two minutes on one core, most of them for the encoding of the abstracts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.vectors.quantization import chosen_tokens, embed_sample, fit_codebook
from rag.models.encoder import FOLDER, OnnxEncoder
from rag.models.onnx import read_metadata
from rag.models.token_codec import CODEBOOK, PARTS
from rag.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit the codebook and write it beside the encoder; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m eval.training.token_codec", description=__doc__)
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="corpus.jsonl with title and text")
    parser.add_argument("--encoder", type=Path, default=FOLDER, metavar="DIR", help="folder of the encoder")
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR", help="where the sample's vectors are kept")
    given = parser.parse_args(arguments)
    sample = embed_sample(given.corpus, OnnxEncoder(given.encoder), Settings(), given.cache)
    rotation, parts = fit_codebook(chosen_tokens(sample), PARTS)
    np.savez_compressed(
        given.encoder / CODEBOOK,
        rotation=rotation.astype(np.float16),
        parts=parts.astype(np.float16),
        model_sha256=np.array(read_metadata(given.encoder)["model_sha256"]),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
