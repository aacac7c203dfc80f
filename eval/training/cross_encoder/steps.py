"""The steps: each reads what the one before wrote to the work folder."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import warnings
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eval.training.common.command import is_done
from eval.training.common.provenance import hashes, write_json
from eval.training.cross_encoder.examples import HEADS, Examples, short_views
from rag.corpus.files import file_sha256

if TYPE_CHECKING:
    from eval.training.common.tokens import Tokenizer
    from eval.training.cross_encoder.network import CrossEncoder
    from eval.training.cross_encoder.train import Deeper, Material

_log = logging.getLogger(__name__)
_EXAMPLES = "examples.json.xz"


def collect(given: Namespace) -> None:
    """Write the examples, with the SHA-256 of what they were made of."""
    from eval.training.cross_encoder.collect import collect as gather

    out = given.work / _EXAMPLES
    if is_done(out, given):
        return
    given.work.mkdir(parents=True, exist_ok=True)
    examples = gather(given.data, given.scifact, given.scitldr, given.planted, given.seed, given.limit, given.abstracts)
    examples.save(out)
    folders = [folder for folder in (given.data, given.scifact, given.scitldr) if folder]
    write_json(
        given.work / "collect.json",
        {
            "data_sha256": {folder.name: hashes(sorted(folder.glob("*.jsonl*"))) for folder in folders},
            "seed": given.seed,
            "units": dict(Counter(f"{unit.source} {unit.split}" for unit in examples.units)),
        },
    )


def shorten(given: Namespace) -> None:
    """Write the lists with a few sentences of each document, and what teachers said of the whole documents."""
    out = given.out / _EXAMPLES
    if is_done(out, given):
        return
    given.out.mkdir(parents=True, exist_ok=True)
    examples, origins = short_views(Examples.load(given.work / _EXAMPLES), given.seed)
    examples.save(out)
    for name in given.teachers:
        with np.load(given.work / f"{name}.npz") as file:
            np.savez_compressed(given.out / f"{name}.npz", logits=file["logits"][origins])
    shutil.copyfile(given.work / "collect.json", given.out / "collect.json")


def teach(given: Namespace) -> None:
    """Train a teacher, and write its logits for all examples."""
    if not is_done(given.work / f"{given.name}.npz", given):
        _fit(given, score_all=True)


def train(given: Namespace) -> None:
    """Train the model that is kept, and write its weights and what it reaches."""
    if not is_done(given.work / f"{given.name}.pt", given):
        _fit(given, score_all=False)


def _fit(given: Namespace, score_all: bool) -> None:
    import torch

    from eval.training.common.tokens import Tokenizer
    from eval.training.cross_encoder import train as training
    from eval.training.cross_encoder.network import round_words

    examples = Examples.load(given.work / _EXAMPLES)
    tokenizer = Tokenizer(given.tokenizer)
    hard = mean_logits(given.work, given.hard)
    material = training.Material.of(
        examples, tokenizer, mean_logits(given.work, given.soft), None if hard is None else np.nan_to_num(hard[:, 0])
    )
    network = _start(given)
    if given.four_bit_words:
        round_words(network)
    _log.info("rows=%d parameters=%d", len(material.rows), training.count(network))
    fields = {field.name for field in dataclasses.fields(training.Settings)}
    settings = training.Settings(
        **{name: value for name, value in vars(given).items() if name in fields and name != "soft"},
        soft=given.softness,
    )
    training.train(network, material, tokenizer, settings, given.device, _deeper(given))
    torch.save(
        {
            name: value.cpu().half() if value.is_floating_point() else value.cpu()
            for name, value in network.state_dict().items()
        },
        given.work / f"{given.name}.pt",
    )
    splits = np.repeat([unit.split for unit in material.units], np.diff(material.starts))
    wanted = training.wanted_units(material, settings.only)
    chosen = np.flatnonzero((splits != "train") | (np.repeat(wanted, np.diff(material.starts)) & score_all))
    logits, evidence = training.predict(network, material, chosen, tokenizer, settings.longest, given.device)
    if score_all:
        every = np.full((len(material.rows), len(HEADS)), np.nan, np.float16)
        every[chosen] = logits
        np.savez_compressed(given.work / f"{given.name}.npz", logits=every)
    measured = _measure(examples, material, chosen, logits, evidence)
    write_json(
        given.work / f"{given.name}.json",
        {
            "settings": dataclasses.asdict(settings),
            "start": {"file": given.start.name, "sha256": file_sha256(given.start), "layers": given.layers},
            "teachers": given.soft,
            "four_bit_words": given.four_bit_words,
            "examples_sha256": file_sha256(given.work / _EXAMPLES),
            **measured,
        },
    )


def _measure(
    examples: Examples,
    material: Material,
    chosen: NDArray[np.int64],
    logits: NDArray[np.float32],
    evidence: list[NDArray[np.float32]],
) -> dict[str, Any]:
    """Measure predictions for some rows on the split for choosing and on the held-out split."""
    from eval.training.cross_encoder.evaluate import by_origin, report, thresholds

    at = {int(row): i for i, row in enumerate(chosen)}
    by_unit = {
        number: np.stack([logits[at[row]] for row in range(int(first), int(last))])
        for number, (first, last) in enumerate(zip(material.starts[:-1], material.starts[1:], strict=True))
        if material.units[number].split != "train" and int(first) in at
    }
    marks = {row: evidence[i] for row, i in at.items()}
    kept = dataclasses.replace(
        material,
        units=tuple(
            unit if number in by_unit else dataclasses.replace(unit, split="train")
            for number, unit in enumerate(material.units)
        ),
    )
    cuts = thresholds(kept, by_unit)
    found = {split: report(examples, kept, by_unit, marks, cuts, split) for split in ("choose", "held")}
    for name, value in found["held"].items():
        _log.info("%s %s", name, value)
    return {
        "thresholds": cuts,
        **found,
        "held by origin": by_origin(kept, by_unit, float(np.asarray(cuts["supports_cut"]))),
    }


def export(given: Namespace) -> None:
    """Write model.onnx, tokenizer.json and metadata.json."""
    import torch

    from eval.training.common.export import export_int8, fuse
    from eval.training.cross_encoder.network import OUTPUTS, WORDS, from_student

    out = given.out / "model.onnx"
    if is_done(out, given):
        return
    state = torch.load(given.work / f"{given.name}.pt", map_location="cpu", weights_only=True)
    network = from_student({name: value.float() for name, value in state.items()})
    report = json.loads((given.work / f"{given.name}.json").read_text("utf-8"))
    words = network.get_parameter(WORDS) if report["four_bit_words"] else None
    claims = report["settings"]["only"] != "questions"
    export_int8(network, OUTPUTS, out, words=words)
    fuse(out)
    shutil.copyfile(given.tokenizer, given.out / "tokenizer.json")
    collected = json.loads((given.work / "collect.json").read_text("utf-8"))
    write_json(
        given.out / "metadata.json",
        {
            "inputs": {name: "int64 (pairs, tokens)" for name in ("input_ids", "token_type_ids")},
            "outputs": {"logits": "float32 (pairs, 4)", "evidence": "float32 (pairs, tokens)"},
            "heads": list(HEADS),
            "layout": "[CLS] first [SEP] second [SEP]; segments 0 and 1; first cut at a quarter of longest",
            "second": "'{title without its last full stop}. {abstract, or one or more sentences of it}'",
            "longest": report["settings"]["longest"],
            "thresholds": {name: cut for name, cut in report["thresholds"].items() if claims or "supports" not in name},
            "settings": report["settings"],
            "start": report["start"],
            "teachers": report["teachers"],
            "data_sha256": collected["data_sha256"],
            "model_sha256": file_sha256(out),
            "model_bytes": out.stat().st_size,
        },
    )


def check(given: Namespace) -> None:
    """Measure the exported file on the held-out part, on the CPU, and put the cuts for its own logits in metadata.json.

    With few lists only the cuts of claims are replaced: the other calibrations are those of the float model.
    """
    from eval.training.common.tokens import Tokenizer
    from eval.training.cross_encoder.train import Material

    examples = Examples.load(given.work / _EXAMPLES)
    tokenizer = Tokenizer(given.out / "tokenizer.json")
    material = Material.of(examples, tokenizer)
    taken: Counter[tuple[str, str]] = Counter()
    rows: list[int] = []
    for number, unit in enumerate(material.units):
        taken[unit.source, unit.split] += 1
        few = given.units is not None and unit.source.startswith(("list", "sentences"))
        if unit.split != "train" and not (few and taken[unit.source, unit.split] > given.units):
            rows += range(int(material.starts[number]), int(material.starts[number + 1]))
    chosen = np.array(rows)
    logits, evidence = _read_onnx(given, material, chosen, tokenizer)
    found = _measure(examples, material, chosen, logits, evidence)
    write_json(given.out / "check.json", found)
    metadata = json.loads((given.out / "metadata.json").read_text("utf-8"))
    cuts = {name: value for name, value in found["thresholds"].items() if given.units is None or "supports" in name}
    write_json(given.out / "metadata.json", {**metadata, "thresholds": {**metadata["thresholds"], **cuts}})


def _read_onnx(
    given: Namespace, material: Material, chosen: NDArray[np.int64], tokenizer: Tokenizer
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    from eval.training.common.export import session

    longest = json.loads((given.out / "metadata.json").read_text("utf-8"))["longest"]
    opened = session(given.out / "model.onnx", given.threads)
    names = [each.name for each in opened.get_inputs()]
    logits = np.zeros((len(chosen), len(HEADS)), np.float32)
    evidence: list[NDArray[np.float32]] = []
    for i in range(len(chosen)):
        batch = material.batch(chosen[i : i + 1], tokenizer, longest)
        tokens = int(batch.attention_mask.sum())
        logits[i], marks = opened.run(None, {name: batch.inputs[name].numpy()[:, :tokens] for name in names})
        evidence.append(marks[0][batch.token_type_ids.numpy()[0, :tokens] == 1][:-1])
    return logits, evidence


def _start(given: Namespace) -> CrossEncoder:

    from eval.training.common.published import load_weights
    from eval.training.common.tokens import places
    from eval.training.cross_encoder.network import from_bert, from_mpnet, from_student

    state = load_weights(given.start)
    if "evidence.weight" in state:
        return from_student(state, given.layers)
    if given.kind == "mpnet":
        return from_mpnet(state)
    words = places(given.tokenizer, given.start_tokenizer) if given.start_tokenizer else None
    return from_bert(state, given.layers, words)


def _deeper(given: Namespace) -> Deeper | None:
    """Return the network that a student with some of its layers imitates: the one that it starts from."""
    if not given.imitate:
        return None
    from eval.training.common.published import load_weights
    from eval.training.cross_encoder.network import from_student
    from eval.training.cross_encoder.train import Deeper

    return Deeper(from_student(load_weights(given.start)), tuple(given.layers))


def mean_logits(work: Path, names: Sequence[str]) -> NDArray[np.float32] | None:
    """Return the mean of teachers' logits for all rows; `name:head,head` takes only some heads of one (others: nan)."""
    if not names:
        return None
    read = []
    for name in names:
        name, _, heads = name.partition(":")
        with np.load(work / f"{name}.npz") as file:
            logits = file["logits"].astype(np.float32)
        if heads:
            logits[:, [head not in heads.split(",") for head in HEADS]] = np.nan
        read.append(logits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a row that no teacher read stays nan
        return np.asarray(np.nanmean(read, axis=0), np.float32)
