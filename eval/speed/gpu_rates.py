"""The measures of `python -m eval.speed.gpu`."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rag.models.encoder import FOLDER, EncodedDocument, are_words, load_encoder
from rag.models.onnx import open_tokenizer, read_metadata
from rag.models.token_codec import load_token_codec
from rag.models.tokenization import DocumentTokenizer, TokenizedDocuments
from rag.models.torch_encoder import (
    BATCH_TOKENS,
    GraphRunner,
    PackedBert,
    PackedLayer,
    TorchEncoder,
    compiled,
    encode,
    load_bert,
    read_weights,
)

PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}
"""Dense bf16 operations a second that the makers name."""

_TOKENS = 256
_COMPARED = 64
_SEED = 7
_WORDS = 30_522  # BERT's vocabulary

Texts = Sequence[tuple[str, str]]


def measure(abstracts: Texts, count: int, quick: bool) -> dict[str, Any]:
    """Measure everything; end to end, `count` texts are read. With `quick` only what `citedesk index` runs."""
    found: dict[str, Any] = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "cores": os.cpu_count()}
    found["agreement"] = agreement(abstracts[:_COMPARED])
    _say("agreement", found["agreement"])
    networks: dict[str, Callable[[], PackedBert]] = {
        "minilm": _minilm,
        "encoder": lambda: load_bert(read_weights(FOLDER / "model.onnx"), load_token_codec(FOLDER)),
    }
    for name, make in networks.items():
        found[name] = {"model": model_rates(make, quick), "kernels": kernels(make())}
        _say(name, found[name]["kernels"])
    texts, tokenizer = _of_length(abstracts, count), DocumentTokenizer(FOLDER)
    found["tokenizer"] = tokenizer_rate(tokenizer, texts)
    _say("tokenizer", found["tokenizer"])
    for name, make in networks.items():
        found[name]["end_to_end"] = end_to_end(make(), tokenizer, texts)
        _say(name, found[name]["end_to_end"])
    whole = [abstracts[i % len(abstracts)] for i in range(count)]
    found["encoder"]["whole_abstracts"] = end_to_end(networks["encoder"](), tokenizer, whole)
    tokenizer.close()
    found["gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 2**20)
    return found


def agreement(texts: Texts) -> dict[str, float]:
    """Return the cosines between the GPU's and the CPU's vectors and token vectors."""
    on_gpu, on_cpu = TorchEncoder(FOLDER, processes=1).encode_documents(texts), load_encoder().encode_documents(texts)
    vectors = np.array([own.vector @ other.vector for own, other in zip(on_gpu, on_cpu, strict=True)])
    tokens = np.concatenate([_token_cosines(own, other) for own, other in zip(on_gpu, on_cpu, strict=True)])
    return {
        "n": len(texts),
        "vector_mean": round(float(vectors.mean()), 5),
        "vector_least": round(float(vectors.min()), 5),
        "token_mean": round(float(tokens.mean()), 5),
        "token_1_percent": round(float(np.quantile(tokens, 0.01)), 5),
    }


def _token_cosines(own: EncodedDocument, other: EncodedDocument) -> Any:
    left, right = (load_token_codec(FOLDER).decode(each.tokens.vectors) for each in (own, other))
    return (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)


def model_rates(make: Callable[[], PackedBert], quick: bool) -> list[dict[str, Any]]:
    """Return the rate of the network alone, in several forms and for several batch sizes."""
    forms: dict[str, Callable[[], nn.Module]] = {
        "graph": make,
        "graph, exact gelu": lambda: _exact_gelu(make()),
        "compiled": lambda: compiled(make()),
        "compiled, exact gelu": lambda: compiled(_exact_gelu(make())),
    }
    tried = [("compiled", BATCH_TOKENS)]
    if not quick:
        tried += [("compiled", budget) for budget in (8_192, 16_384, 65_536, 131_072)]
        tried += [(form, BATCH_TOKENS) for form in forms if form != "compiled"]
    found = []
    for form, budget in tried:
        torch._dynamo.reset()
        started = perf_counter()
        runner = GraphRunner(forms[form](), _TOKENS, budget)
        ready = perf_counter() - started
        seconds = _time_of_replay(runner, budget)
        rate = budget / _TOKENS / seconds
        share = rate * flops(make()) / _peak()
        each = {"form": form, "batch_tokens": budget, "rate": round(rate), "share_of_peak": round(share, 3)}
        found.append({**each, "ready_s": round(ready, 1)})
        _say(form, found[-1])
        del runner
        torch.cuda.empty_cache()
    return found


def _time_of_replay(runner: GraphRunner, budget: int) -> float:
    rng = np.random.default_rng(_SEED)
    rows = budget // _TOKENS
    ids = rng.integers(1000, 30_000, budget).astype(np.int32)
    batch = TokenizedDocuments(ids, np.full(rows, _TOKENS, np.int32), np.zeros((budget, 2), np.int32))
    runner.collect(runner.launch(batch))
    repeats = max(20, 4_000_000 // budget)
    for _ in range(repeats // 4):
        runner._graph.replay()
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    for _ in range(repeats):
        runner._graph.replay()
    last.record()
    last.synchronize()
    return float(first.elapsed_time(last)) / 1000 / repeats


def end_to_end(network: PackedBert, tokenizer: DocumentTokenizer, texts: Texts) -> dict[str, Any]:
    """Return the rate from texts to vectors in memory, after the processes have started."""
    runner = GraphRunner(compiled(network), int(read_metadata(FOLDER)["longest"]["document"]))
    kept, tokens = are_words(open_tokenizer(FOLDER)), 0

    def counted(stream: Iterator[TokenizedDocuments]) -> Iterator[TokenizedDocuments]:
        nonlocal tokens
        for each in stream:
            tokens += len(each.ids)
            yield each

    for _ in encode(runner, tokenizer.stream(texts[:8192]), kept):
        pass
    started = perf_counter()
    found = sum(len(each.vector) > 0 for each in encode(runner, counted(tokenizer.stream(texts)), kept))
    seconds = perf_counter() - started
    return {"n": found, "rate": round(found / seconds), "tokens_each": round(tokens / found, 1)}


def tokenizer_rate(tokenizer: DocumentTokenizer, texts: Texts) -> dict[str, Any]:
    """Return the texts a second of all tokenizer processes, with nothing else at work, and of one."""
    alone = DocumentTokenizer(FOLDER, processes=1)
    rates = {}
    for name, each, some in (("processes", tokenizer, texts), ("one", alone, texts[:4096])):
        for _ in each.stream(some):  # until all processes have started
            pass
        started = perf_counter()
        for _ in each.stream(some):
            pass
        rates[name] = round(len(some) / (perf_counter() - started))
    return rates


def kernels(network: PackedBert) -> list[dict[str, Any]]:
    """Return the kernels that take most of the time of a batch, with microseconds and calls."""
    from torch.profiler import ProfilerActivity, profile

    runner = GraphRunner(compiled(network), _TOKENS)
    _time_of_replay(runner, runner.budget)
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        for _ in range(10):
            runner._graph.replay()
        torch.cuda.synchronize()
    events = sorted(profiled.key_averages(), key=lambda each: -each.device_time_total)[:12]
    return [
        {"kernel": each.key[:90], "us": round(each.device_time_total / 10, 1), "calls": each.count // 10}
        for each in events
    ]


def flops(network: PackedBert) -> float:
    """Return the operations that an abstract of 256 tokens takes: two for each weight, and those of attention."""
    width = network.words.weight.shape[1]
    layer = sum(each.numel() for name, each in network.layers.named_parameters() if name.endswith("weight"))
    heads = network.project.weight.numel() if network.project else 0
    return _TOKENS * (2.0 * (layer + heads) + 4.0 * _TOKENS * width * len(network.layers))


def _minilm() -> PackedBert:
    torch.manual_seed(_SEED)
    return PackedBert(_WORDS, 384, 6)


class _ExactLayer(PackedLayer):
    def feed(self, state: Tensor) -> Tensor:
        return functional.gelu(self.up(state))


def _exact_gelu(network: PackedBert) -> PackedBert:
    for layer in network.layers:
        layer.__class__ = _ExactLayer
    return network


def _of_length(abstracts: Texts, count: int) -> list[tuple[str, str]]:
    """Return texts of 256 tokens each, cut from the abstracts in a random order."""
    tokenizer = open_tokenizer(FOLDER)
    rng = random.Random(_SEED)
    pool = [text for _, text in abstracts]
    room = _TOKENS - 3 - len(tokenizer.encode(". ", add_special_tokens=False).ids)
    cut = []
    for _ in range(2000):
        text = " ".join(rng.sample(pool, 4))
        cut.append(("", text[: tokenizer.encode(text, add_special_tokens=False).offsets[room - 1][1]]))
    return [cut[i % len(cut)] for i in range(count)]


def _peak() -> float:
    name = torch.cuda.get_device_name()
    return next((peak for known, peak in PEAK.items() if known in name), float("nan"))


def _say(name: str, value: Any) -> None:
    sys.stderr.write(f"{name}: {json.dumps(value)}\n")
