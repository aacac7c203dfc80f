"""The steps: each reads what the one before wrote to the work folder."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.training.common.command import is_done
from eval.training.common.provenance import hashes, write_json
from eval.training.encoder.spans import FOLLOW_UPS, KINDS, LABELS, TAGS
from rag.corpus.files import file_sha256

if TYPE_CHECKING:
    import torch

    from eval.training.common.tokens import Batch, Tokenizer
    from eval.training.encoder.evaluate import Floats, Read
    from eval.training.encoder.material import EncoderMaterial, Taught
    from eval.training.encoder.network import Encoder
    from eval.training.encoder.questions import Questions

_log = logging.getLogger(__name__)
_QUESTIONS = "questions.json.xz"
_EXAMPLES = "examples.json.xz"


def collect(given: Namespace) -> None:
    """Write the questions, with the SHA-256 of what they were made of."""
    from eval.training.encoder.collect import collect as gather
    from eval.training.encoder.collect import save
    from eval.training.encoder.questions import EXTRA

    out = given.work / _QUESTIONS
    if is_done(out, given):
        return
    given.work.mkdir(parents=True, exist_ok=True)
    questions = gather(given.data, given.names, given.titles, given.seed, given.limit)
    save(questions, out)
    files = [*sorted(given.data.glob("*.jsonl*")), EXTRA, *([given.names] if given.names else [])]
    counts = {field.name: len(getattr(questions, field.name)) for field in dataclasses.fields(questions)}
    write_json(given.work / "collect.json", {"data_sha256": hashes(files), "seed": given.seed, "questions": counts})


def teach(given: Namespace) -> None:
    """Train a teacher of kinds and tags, and write its logits for all training and unlabelled questions."""
    from eval.training.common.tokens import Tokenizer
    from eval.training.cross_encoder.examples import Examples
    from eval.training.encoder.collect import load
    from eval.training.encoder.evaluate import encode
    from eval.training.encoder.material import make_material
    from eval.training.encoder.train import question_batch

    out = given.work / f"{given.name}.npz"
    if is_done(out, given):
        return
    questions = load(given.work / _QUESTIONS)
    tokenizer = Tokenizer(given.tokenizer)
    material = make_material(Examples(), None, questions, None, tokenizer, given.share, given.seed)
    given.without = ["lists"]
    network, report = _fit(given, material, questions, tokenizer)
    texts = [*(each.text for each in questions.train), *questions.unlabelled]
    found = encode(
        _torch_reader(network, given.device),
        lambda batch: question_batch(batch, tokenizer),
        tokenizer.pieces(texts),
        256,
    )
    tags = [each.tags[2:-1] for each in found]
    np.savez_compressed(
        out,
        kind=np.stack([each.kind for each in found]).astype(np.float16),
        follow_up=np.stack([each.follow_up for each in found]).astype(np.float16),
        tags=np.concatenate(tags).astype(np.float16),
        counts=np.array([len(each) for each in tags]),
    )
    write_json(given.work / f"{given.name}.json", report)


def train(given: Namespace) -> None:
    """Train the encoder, and write its weights and what it reaches."""
    import torch

    from eval.training.common.tokens import Tokenizer
    from eval.training.cross_encoder.examples import Examples
    from eval.training.cross_encoder.steps import mean_logits
    from eval.training.encoder import evaluate
    from eval.training.encoder.benchmarks import read_beir, read_gold
    from eval.training.encoder.collect import load
    from eval.training.encoder.material import make_material

    out = given.work / f"{given.name}.pt"
    if is_done(out, given):
        return
    questions = load(given.work / _QUESTIONS)
    tokenizer = Tokenizer(given.tokenizer)
    examples = Examples.load(given.cross / _EXAMPLES)
    soft = mean_logits(given.cross, given.list_teachers)
    taught = _taught(given.work, given.teachers, questions)
    material = make_material(examples, soft, questions, taught, tokenizer, given.share, given.seed)
    network, report = _fit(given, material, questions, tokenizer)
    torch.save(
        {
            name: value.cpu().half() if value.is_floating_point() else value.cpu()
            for name, value in network.state_dict().items()
        },
        out,
    )
    weights = np.array(list(report["tag_weights"].values()), np.float32)
    read = _torch_reader(network, given.device)
    for split in ("choose", "held"):
        report[f"lists {split}"] = evaluate.lists(read, material, weights, tokenizer, given.longest, split, 256)
    write_json(given.work / f"{given.name}.json", report)
    collections = [read_gold(given.gold, given.papers, "dev")] if given.gold else []
    collections += [read_beir(folder, folder.name) for folder in given.collections]
    report["collections"] = {}
    for collection in collections:
        report["collections"] |= evaluate.whole_collection(
            read, collection, weights, tokenizer, given.longest, given.device
        )
        write_json(given.work / f"{given.name}.json", report)
    _log_report(report)


def _fit(
    given: Namespace, material: EncoderMaterial, questions: Questions, tokenizer: Tokenizer
) -> tuple[Encoder, dict[str, Any]]:
    from torch.nn.functional import softplus

    from eval.training.encoder import train as training
    from eval.training.encoder.evaluate import understanding
    from eval.training.encoder.network import Scorer

    network, scorer = _start(given), Scorer()
    fields = {field.name for field in dataclasses.fields(training.Settings)}
    settings = training.Settings(
        **{name: value for name, value in vars(given).items() if name in fields and name != "without"},
        without=tuple(given.without),
    )
    parameters = sum(value.numel() for value in network.parameters())
    _log.info(
        "lists=%d pairs=%d questions=%d parameters=%d",
        len(material.lists),
        len(material.pairs),
        len(material.questions),
        parameters,
    )
    training.train(network, scorer, material, tokenizer, settings, given.device)
    read = _torch_reader(network, given.device)
    held, heat = understanding(read, questions.held, questions.choose, tokenizer)
    choose, _ = understanding(read, questions.choose, questions.choose, tokenizer)
    weights = softplus(scorer.tag_weights.detach().float().cpu()).tolist()
    report = {
        "settings": dataclasses.asdict(settings),
        "start": {"file": given.start.name, "sha256": file_sha256(given.start), "layers": given.layers},
        "teachers": given.teachers,
        "list_teachers": given.list_teachers,
        "temperatures": heat,
        "tag_weights": dict(zip(("none", *TAGS.values()), (round(each, 4) for each in weights), strict=True)),
        "questions held": held,
        "questions choose": choose,
    }
    _log_report({"questions held": held})
    return network, report


def export(given: Namespace) -> None:
    """Write model.onnx, tokenizer.json and metadata.json."""
    import torch

    from eval.training.common.export import INPUTS, export_int8
    from eval.training.encoder.network import DOCUMENT_MARK, OUTPUTS, QUESTION_MARK, from_saved

    out = given.out / "model.onnx"
    if is_done(out, given):
        return
    state = torch.load(given.work / f"{given.name}.pt", map_location="cpu", weights_only=True)
    export_int8(from_saved({name: value.float() for name, value in state.items()}), OUTPUTS, out)
    shutil.copyfile(given.tokenizer, given.out / "tokenizer.json")
    report = json.loads((given.work / f"{given.name}.json").read_text("utf-8"))
    collected = json.loads((given.work / "collect.json").read_text("utf-8"))
    shapes = (
        "texts, tokens, 128",
        "texts, 384",
        f"texts, {len(KINDS)}",
        f"texts, {len(FOLLOW_UPS)}",
        f"texts, tokens, {len(LABELS)}",
    )
    write_json(
        given.out / "metadata.json",
        {
            "inputs": {name: "int64 (texts, tokens)" for name in INPUTS},
            "outputs": {name: f"float32 ({shape})" for name, shape in zip(OUTPUTS, shapes, strict=True)},
            "kinds": list(KINDS),
            "follow_ups": list(FOLLOW_UPS),
            "labels": list(LABELS),
            "layout": "[CLS] mark text [SEP]; segments all 0",
            "marks": {"question": QUESTION_MARK, "document": DOCUMENT_MARK},
            "document": "'{title without its last full stop}. {abstract}'",
            "longest": {"document": report["settings"]["longest"], "question": 96},
            "temperatures": report["temperatures"],
            "tag_weights": report["tag_weights"],
            "settings": report["settings"],
            "start": report["start"],
            "teachers": [*report["teachers"], *report["list_teachers"]],
            "data_sha256": collected["data_sha256"],
            "model_sha256": file_sha256(out),
            "model_bytes": out.stat().st_size,
        },
    )


def check(given: Namespace) -> None:
    """Measure the exported file on the held-out questions and groups, on the CPU."""
    from eval.training.common.tokens import Tokenizer
    from eval.training.cross_encoder.examples import Examples
    from eval.training.encoder import evaluate
    from eval.training.encoder.benchmarks import read_gold
    from eval.training.encoder.collect import load
    from eval.training.encoder.material import make_material

    metadata = json.loads((given.out / "metadata.json").read_text("utf-8"))
    questions = load(given.work / _QUESTIONS)
    tokenizer = Tokenizer(given.out / "tokenizer.json")
    read = _onnx_reader(given.out / "model.onnx", given.threads)
    found, _ = evaluate.understanding(read, questions.held, questions.choose, tokenizer)
    report: dict[str, Any] = {"questions held": found}
    weights = np.array(list(metadata["tag_weights"].values()), np.float32)
    material = make_material(Examples.load(given.cross / _EXAMPLES), None, questions, None, tokenizer)
    longest = metadata["longest"]["document"]
    report["lists held"] = evaluate.lists(read, material, weights, tokenizer, longest, "held", 8)
    if given.gold:
        dev = read_gold(given.gold, given.papers, "dev")
        report["collections"] = evaluate.whole_collection(read, dev, weights, tokenizer, longest, "cpu")
    write_json(given.out / "check.json", report)
    _log_report(report)


def read(given: Namespace) -> None:
    """Measure kinds, follow-up types and filters as the product reads them, of a file or of what was kept back."""
    from eval.training.common.splits import place
    from eval.training.encoder.questions import read_questions
    from eval.training.encoder.reading import measure, reading_time
    from rag.models.encoder import FOLDER, load_encoder

    if given.questions:
        name, kept = given.questions.stem, list(read_questions(given.questions))
    else:
        name, questions = given.split, read_questions(given.data / "understanding.jsonl")
        kept = [each for each in questions if place(each.text.lower(), given.seed) == given.split]
    encoder = load_encoder(given.model or FOLDER)
    report = {f"reading {name}": measure(encoder, kept), "milliseconds": reading_time(encoder)}
    given.work.mkdir(parents=True, exist_ok=True)
    write_json(given.work / f"reading-{name}.json", report)
    _log_report(report)


def _taught(work: Path, names: Sequence[str], questions: Questions) -> Mapping[str, Taught] | None:
    """Return the mean of teachers' logits for each question's text."""
    from eval.training.encoder.material import Taught

    if not names:
        return None
    texts = [*(each.text for each in questions.train), *questions.unlabelled]
    read = [dict(np.load(work / f"{name}.npz")) for name in names]
    kind, follow_up, tags = (
        np.mean([each[part].astype(np.float32) for each in read], axis=0) for part in ("kind", "follow_up", "tags")
    )
    ends = np.cumsum(read[0]["counts"])
    starts = ends - read[0]["counts"]
    return {
        text: Taught(kind[i], follow_up[i], tags[starts[i] : ends[i]].astype(np.float32))
        for i, text in enumerate(texts)
    }


def _start(given: Namespace) -> Encoder:
    import torch

    from eval.training.common.bert import layer_count, load_mpnet
    from eval.training.common.published import load_weights
    from eval.training.encoder.network import Encoder, from_published, from_saved

    state = load_weights(given.start)
    if "project.weight" in state:
        return from_saved(state)
    if given.kind == "mpnet":
        body = load_mpnet(state)
        return Encoder(body, body.words.weight.shape[1])
    projection = torch.from_numpy(np.load(given.projection).astype(np.float32)) if given.projection else None
    return from_published(state, projection, given.layers or range(layer_count(state)))


def _torch_reader(network: torch.nn.Module, device: str) -> Read:
    import torch

    from eval.training.common.optimise import autocast

    def read(batch: Batch) -> Sequence[Floats]:
        with torch.inference_mode(), autocast(device):
            found = network(**batch.to(device).inputs)
        return [each.float().cpu().numpy() for each in found]

    network.to(device).eval()
    return read


def _onnx_reader(path: Path, threads: int) -> Read:
    from eval.training.common.export import session

    opened = session(path, threads)

    def read(batch: Batch) -> Sequence[Floats]:
        found: Sequence[Floats] = opened.run(None, {name: value.numpy() for name, value in batch.inputs.items()})
        return found

    return read


def _log_report(report: Mapping[str, Any]) -> None:
    for part, values in report.items():
        if isinstance(values, dict) and all(isinstance(value, list) for value in values.values()):
            for name, value in values.items():
                _log.info("%s | %s %s", part, name, value)
