"""The arguments of `citedesk eval bench`, `verify`, `ablate`, `judge`, `fit`, `project` and `inject`.

Light, for `--help` reads it. Each is run by the function of its name in the module that its default `commands` names.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from eval.counts import count

Add = Callable[[str, str, str], ArgumentParser]


def add_parsers(add: Add) -> None:
    """Add the subcommands; `add` makes a parser of a name, a meaning and examples."""
    for parser in (_add_bench(add), _add_verify(add), _add_ablate(add), _add_judge(add)):
        parser.set_defaults(commands="eval.bench_commands")
    for parser in (_add_fit(add), _add_project(add)):
        parser.set_defaults(commands="eval.training.command")
    _add_inject(add).set_defaults(commands="eval.injection.command")


def _add_bench(add: Add) -> ArgumentParser:
    parser = add(
        "bench",
        "Score the ways of ranking on a public test set in BEIR's form.",
        "  citedesk eval bench scifact\n  citedesk eval bench scifact --reference --json\n"
        "A run that was stopped goes on when the same command is given again.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with corpus.jsonl, queries.jsonl, qrels.tsv")
    parser.add_argument("--split", default="test", metavar="NAME", help="which qrels to use: qrels_NAME.tsv (test)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the test set's index is kept (HOME/bench)")
    parser.add_argument(
        "--reference",
        action="store_true",
        help="the set-up of published figures: all-MiniLM-L6-v2, whole documents, k1 1.2, b 0.75",
    )
    parser.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")
    parser.add_argument("--chunk-tokens", type=int, metavar="N", help="tokens of a chunk (CITEDESK_CHUNK_TOKENS)")
    parser.add_argument("--chunk-overlap", type=int, metavar="N", help="their overlap (CITEDESK_CHUNK_OVERLAP)")
    parser.add_argument("--pool", type=int, metavar="N", help="papers each signal proposes (CITEDESK_POOL)")
    parser.add_argument("--k1", type=float, metavar="X", help="BM25: weight of a term's repetitions (1.5)")
    parser.add_argument("--b", type=float, metavar="X", help="BM25: discount of long papers, 0 to 1 (0.75)")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    return parser


def _add_verify(add: Add) -> ArgumentParser:
    parser = add(
        "verify",
        "Measure a judge of claims on labelled claim–abstract pairs.",
        "  citedesk eval verify verify_dev.jsonl\n"
        "  citedesk eval verify verify_dev.jsonl --judge dense --train verify_train.jsonl",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="claim–abstract pairs with labels, JSON Lines")
    parser.add_argument("--train", type=Path, metavar="FILE", help="pairs on which the judge's threshold is chosen")
    _add_judging(parser, "entailment")
    return parser


def _add_ablate(add: Add) -> ArgumentParser:
    parser = add(
        "ablate",
        "Show which part of the ranking buys what.",
        "  citedesk eval ablate --gold eval/gold/dev.jsonl",
    )
    parser.add_argument("--gold", type=Path, nargs="+", required=True, metavar="FILE", help="files of gold questions")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where rankings are kept (HOME/ablate)")
    parser.add_argument("--fresh", action="store_true", help="rank anew instead of using what was kept")
    parser.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")
    return parser


def _add_fit(add: Add) -> ArgumentParser:
    parser = add(
        "fit",
        "Fit the ranker's weights, probabilities and refusal threshold on gold questions, and write them.",
        "  citedesk eval fit --gold eval/gold/tuning.jsonl --out rag/models/weights/ranker.json",
    )
    parser.add_argument("--gold", type=Path, nargs="+", required=True, metavar="FILE", help="files of gold questions")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the weights go")
    return parser


def _add_project(add: Add) -> ArgumentParser:
    parser = add(
        "project",
        "Make the projection of token vectors from a corpus in BEIR's form, and write it.",
        "  citedesk eval project arxiv_ml/corpus.jsonl --out rag/models/weights/late-projection.npy",
    )
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="corpus.jsonl with title and text")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the projection goes (.npy)")
    return parser


def _add_judge(add: Add) -> ArgumentParser:
    parser = add(
        "judge",
        "Let the endpoint judge the cited claims of answers, and show how far it can be trusted.",
        "  citedesk ask --questions questions.jsonl > answers.jsonl\n"
        "  citedesk eval judge answers.jsonl --calibrate verify_dev.jsonl --sample 100",
    )
    parser.add_argument("answers", type=Path, metavar="ANSWERS", help="what `ask --questions FILE` printed")
    parser.add_argument(
        "--calibrate", type=Path, required=True, metavar="FILE", help="labelled pairs that the judge is measured on"
    )
    _add_judging(parser, "llm")
    return parser


def _add_inject(add: Add) -> ArgumentParser:
    parser = add(
        "inject",
        "Hide instructions in abstracts, ask about them, and show what reaches the reader and what is obeyed.",
        "  citedesk eval inject latent_documents.jsonl --echo\n"
        "  citedesk eval inject latent_documents.jsonl --n 40 --compare --out rows.jsonl\n"
        "A run that was stopped goes on when the same command is given again with the same --out.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="hostile documents, JSON Lines")
    parser.add_argument("--n", type=count, default=300, metavar="N", help="how many documents, chosen by seed (300)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which documents, and where they stand (0)")
    parser.add_argument("--echo", action="store_true", help="a model on loopback that repeats the worst it can")
    parser.add_argument("--compare", action="store_true", help="ask plain LlamaIndex's CitationQueryEngine the same")
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to which each case's texts are added")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    return parser


def _add_judging(parser: ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--judge", default=default, metavar="NAME", help=f"who judges: entailment, lexical, dense or llm ({default})"
    )
    parser.add_argument("--sample", type=count, metavar="N", help="judge only N, chosen by a fixed seed")
    parser.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")
    parser.add_argument("--llm-base-url", metavar="URL", help="OpenAI-compatible endpoint (CITEDESK_LLM_BASE_URL)")
    parser.add_argument("--llm-model", metavar="NAME", help="model to ask it for (CITEDESK_LLM_MODEL)")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
