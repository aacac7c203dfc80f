"""`python -m eval.training WORK --data DIR --start DIR`: train the models, step by step; a finished step is skipped.

`--start` holds the published weights that training begins with: `reranker.onnx` (ms-marco-MiniLM-L-12-v2),
`colbert.onnx` (answerai-colbert-small-v1), `mpnet.safetensors` (all-mpnet-base-v2), and the tokenizers `bert.json` and
`colbert.json`. Each step takes at most ten minutes on one GPU; `--only NAME` runs one. `--epochs 1 --seconds 5` and the
like, after `--`, are added to every step that trains, for a trial.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.training.cross_encoder.__main__ import main as cross_encoder
from eval.training.encoder.__main__ import main as encoder

_log = logging.getLogger(__name__)

_WEIGHTS = Path(__file__).parents[2] / "rag" / "models" / "weights"
_PROJECTION = Path(__file__).parent / "encoder" / "projection.npy"
_TEACHERS = "mpnet verdicts:supports,contradicts"
_TEN_LAYERS = "0 1 2 4 5 6 8 9 10 11"

# name: (model, step and options); {projection} is a file, and what else stands in braces a folder.
STEPS = {
    "examples": ("cross-encoder", "collect {ce} --data {data} {public}"),
    "mpnet": (
        "cross-encoder",
        "teach {ce} --name mpnet --kind mpnet --start {start}/mpnet.safetensors --tokenizer {start}/bert.json"
        " --epochs 8 --rate 4e-5 --seconds 385",
    ),
    "verdicts": (
        "cross-encoder",
        "teach {ce} --name verdicts --kind mpnet --only verdicts --start {start}/mpnet.safetensors"
        " --tokenizer {start}/bert.json --epochs 8 --rate 4e-5 --rows 128 --seconds 290",
    ),
    "twelve-layers": (
        "cross-encoder",
        "teach {ce} --name s12 --start {start}/reranker.onnx --start-tokenizer {start}/bert.json"
        " --tokenizer {weights}/cross_encoder/tokenizer.json"
        f" --soft {_TEACHERS} --epochs 22 --rate 1e-4 --seconds 445 --average 0.999",
    ),
    "cross-encoder-1": (
        "cross-encoder",
        "train {ce} --name s10 --start {ce}/s12.pt --tokenizer {weights}/cross_encoder/tokenizer.json"
        f" --layers {_TEN_LAYERS} --four-bit-words --soft {_TEACHERS} s12 --epochs 26 --rate 1.2e-4 --seconds 455"
        " --average 0.999",
    ),
    "judge": (
        "cross-encoder",
        "teach {ce} --name judge --start {ce}/s10.pt --tokenizer {weights}/cross_encoder/tokenizer.json"
        " --four-bit-words --epochs 0",
    ),
    "cross-encoder": (
        "cross-encoder",
        "train {ce} --name s11 --start {ce}/s10.pt --tokenizer {weights}/cross_encoder/tokenizer.json"
        " --four-bit-words --soft judge:supports,contradicts --softness 0.4 --hard judge --epochs 14 --rate 8e-5"
        " --seconds 400 --average 0.999",
    ),
    "export-cross-encoder": (
        "cross-encoder",
        "export {ce} --name s11 --tokenizer {weights}/cross_encoder/tokenizer.json --out {work}/cross_encoder",
    ),
    "check-cross-encoder": ("cross-encoder", "check {ce} --out {work}/cross_encoder"),
    "last-judge": (
        "cross-encoder",
        "teach {ce} --name last-judge --start {ce}/s11.pt --tokenizer {weights}/cross_encoder/tokenizer.json"
        " --four-bit-words --only questions --epochs 0",
    ),
    "short-examples": ("cross-encoder", "shorten {ce} --out {short} --teachers last-judge"),
    "reranker": (
        "cross-encoder",
        "train {short} --name r4 --start {ce}/s11.pt --tokenizer {weights}/cross_encoder/tokenizer.json"
        " --layers 1 4 6 9 --imitate --four-bit-words --only questions --soft last-judge --hard last-judge"
        " --epochs 60 --rate 2e-4 --longest 320 --seconds 230 --average 0.999",
    ),
    "export-reranker": (
        "cross-encoder",
        "export {short} --name r4 --tokenizer {weights}/cross_encoder/tokenizer.json --out {work}/reranker",
    ),
    "questions": ("encoder", "collect {en} --data {data} {names}"),
    "kinds": (
        "encoder",
        "teach {en} --name k1 --kind mpnet --start {start}/mpnet.safetensors --tokenizer {start}/bert.json"
        " --epochs 40 --rate 4e-5 --seconds 95",
    ),
    "encoder-1": (
        "encoder",
        "train {en} --name e1 --start {start}/colbert.onnx --projection {projection}"
        " --tokenizer {start}/colbert.json --layers 0 1 2 3 4 5 6 7 9 11 --epochs 14 --rate 8e-5 --seconds 380"
        " --questions 80 --cross {ce} --list-teachers mpnet",
    ),
    "encoder-2": (
        "encoder",
        "train {en} --name e2 --start {en}/e1.pt --tokenizer {start}/colbert.json --epochs 18 --rate 1e-4"
        " --seconds 425 --questions 96 --distil 0.8 --cross {ce} --list-teachers mpnet",
    ),
    "encoder-3": (
        "encoder",
        "train {en} --name e3 --start {en}/e2.pt --tokenizer {start}/colbert.json --epochs 30 --rate 8e-5"
        " --seconds 490 --questions 96 --distil 0.8 --cross {ce} --list-teachers mpnet --teachers k1",
    ),
    "readings": (
        "encoder",
        "teach {en} --name readings --start {en}/e3.pt --tokenizer {start}/colbert.json --epochs 0",
    ),
    "encoder": (
        "encoder",
        "train {en} --name e4 --start {en}/e3.pt --tokenizer {start}/colbert.json --epochs 20 --rate 6e-5"
        " --seconds 400 --questions 96 --distil 0.2 --cross {ce} --list-teachers judge --teachers readings",
    ),
    "export-encoder": (
        "encoder",
        "export {en} --name e4 --tokenizer {start}/colbert.json --out {work}/encoder",
    ),
    "check-encoder": ("encoder", "check {en} --cross {ce} --out {work}/encoder"),
}
_TRAINS = ("teach", "train")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps in order; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m eval.training", description=__doc__)
    parser.add_argument("work", type=Path, help="folder for what passes from step to step, and for the models")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the training material")
    parser.add_argument("--start", type=Path, required=True, metavar="DIR", help="folder of the weights to start with")
    parser.add_argument("--scifact", type=Path, metavar="DIR")
    parser.add_argument("--scitldr", type=Path, metavar="DIR")
    parser.add_argument("--abstracts", type=Path, metavar="FILE", help="papers of data/*.jsonl, and their authors")
    parser.add_argument("--only", choices=STEPS, metavar="NAME", help=f"one step: {', '.join(STEPS)}")
    before, trial = _split(sys.argv[1:] if arguments is None else list(arguments))
    given = parser.parse_args(before)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    public = {name: getattr(given, name) for name in ("scifact", "scitldr", "abstracts")}
    filled = {
        "{start}": given.start,
        "{data}": given.data,
        "{work}": given.work,
        "{weights}": _WEIGHTS,
        "{projection}": _PROJECTION,
        "{ce}": given.work / "examples-and-teachers",
        "{short}": given.work / "short-examples",
        "{en}": given.work / "questions-and-encoders",
    }
    for name, (model, step) in STEPS.items():
        if given.only in (None, name):
            _log.info("step=%s", name)
            words = [_filled(word, filled) for word in step.split() if word not in ("{public}", "{names}")]
            words += _options(public) if "{public}" in step else []
            words += _options({"names": given.abstracts}) if "{names}" in step else []
            words += trial if words[0] in _TRAINS else []
            (encoder if model == "encoder" else cross_encoder)(words)
    return 0


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the arguments before and after a lone --."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def _filled(word: str, values: dict[str, Path]) -> str:
    for name, value in values.items():
        word = word.replace(name, str(value))
    return word


def _options(values: dict[str, Path | None]) -> list[str]:
    return [part for name, value in values.items() if value for part in (f"--{name}", str(value))]


if __name__ == "__main__":
    raise SystemExit(main())
