"""The training steps; each reads and writes the work folder."""

from __future__ import annotations

import json
import logging
import random
import shutil
from argparse import Namespace
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from eval.training.entailment.collect import Folders, summaries
from eval.training.entailment.collect import collect as gather
from eval.training.entailment.pack import pack, prune

_log = logging.getLogger(__name__)

_HELD = 12_000
_LESS_OPEN = 1.0  # subtracted from the logit of not_enough; chosen on the held-out examples
_CHECK_SEED = 5


def collect(given: Namespace) -> None:
    """Collect the examples, choose the vocabulary, and write both."""
    train, held = gather(Folders(given.arxiv, given.scifact, given.scitldr, given.published), given.abstracts)
    texts = {text for each in train for text in each.sentences} | {each.claim for each in train[::3]}
    tokenizer, kept = prune(given.tokenizer, sorted(texts))
    given.work.mkdir(parents=True, exist_ok=True)
    (given.work / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    np.save(given.work / "kept.npy", np.array(kept, np.int32))
    for name, examples in (("train", train), ("held", held[:_HELD])):
        np.savez_compressed(given.work / f"{name}.npz", allow_pickle=False, **pack(tokenizer, examples))
        _log.info("%s: %d examples", name, len(examples))


def teach(given: Namespace) -> None:
    """Train the teacher on the examples, and save its label probabilities."""
    import torch
    from safetensors.torch import load_file

    from eval.training.entailment.network import Teacher, mpnet_words
    from eval.training.entailment.train import TrainingSettings, probabilities, train

    state = load_file(given.checkpoint)
    words = "embeddings.word_embeddings.weight"
    cls, sep, pad = _special(given.work)
    state[words] = mpnet_words(state[words], _kept(given.work), cls, sep, pad)
    network = Teacher(state).to(given.device)
    data = _rows(given, "train")
    train(network, data, TrainingSettings(given.seconds, rate=6e-5, batch=128))
    _report(network, given)
    torch.save(probabilities(network, data).cpu(), given.work / "soft.pt")


def train(given: Namespace) -> None:
    """Train the student on the teacher's probabilities, and save its weights."""
    import torch
    from safetensors.torch import load_file

    from eval.training.entailment.network import student
    from eval.training.entailment.train import TrainingSettings
    from eval.training.entailment.train import train as run

    network = student(load_file(given.checkpoint), _kept(given.work)).to(given.device)
    soft = torch.load(given.work / "soft.pt").to(given.device)
    run(network, _rows(given, "train"), TrainingSettings(given.seconds, rate=4e-4), soft)
    _report(network, given)
    torch.save({name: value.half().cpu() for name, value in network.state_dict().items()}, given.work / "student.pt")


def export(given: Namespace) -> None:
    """Write model.onnx and tokenizer.json; the model's SHA-256 goes into rag/models/entailment.py."""
    import torch

    from eval.training.entailment.export import export as write
    from eval.training.entailment.network import student
    from rag.corpus.files import file_sha256

    state = torch.load(given.work / "student.pt")
    state["classifier.bias"][-1] -= _LESS_OPEN
    given.out.mkdir(parents=True, exist_ok=True)
    write(student(state, _kept(given.work)), given.out)
    shutil.copy(given.work / "tokenizer.json", given.out)
    _log.info("sha256 %s", file_sha256(given.out / "model.onnx"))


def check(given: Namespace) -> None:
    """Log the verdicts on held-out summaries: true ones, with an error, and of another paper."""
    from rag.models.entailment import LABELS, load_entailment

    model = load_entailment()
    verdicts: dict[str, list[int]] = defaultdict(list)
    for _, example in summaries(given.scitldr, "dev", random.Random(_CHECK_SEED)):
        found = model.probabilities(example.claim, [" ".join(example.sentences)])[0]
        verdicts[f"{example.source} ({example.label})"].append(int(found.argmax()))
    for kind, given_labels in sorted(verdicts.items()):
        shares = [f"{label} {np.mean(np.array(given_labels) == i):.3f}" for i, label in enumerate(LABELS)]
        _log.info("%s: %s, n=%d", kind, ", ".join(shares), len(given_labels))


def _rows(given: Namespace, name: str) -> Any:
    from eval.training.entailment.train import TrainingSettings, load_rows

    cls, sep, _ = _special(given.work)
    return load_rows(given.work / f"{name}.npz", cls, sep, TrainingSettings(0).longest, given.device)


def _report(network: Any, given: Namespace) -> None:
    from eval.training.entailment.train import probabilities, report

    held = _rows(given, "held")
    for line in report(probabilities(network, held), held):
        _log.info(line)


def _special(work: Path) -> tuple[int, int, int]:
    vocabulary = json.loads((work / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    return vocabulary["[CLS]"], vocabulary["[SEP]"], vocabulary["[PAD]"]


def _kept(work: Path) -> list[int]:
    return [int(old) for old in np.load(work / "kept.npy")]
