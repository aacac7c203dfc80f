"""The encoder's reading of documents on a GPU, in bfloat16: for indexing large collections.

Documents are packed end to end into batches of a fixed number of tokens, with attention over each on its own
(FlashAttention's variable lengths; Dao, FlashAttention-2, ICLR 2024), so no token is padding, and a batch is replayed
as one CUDA graph of compiled code. The weights are those of model.onnx, dequantized. It needs torch and onnx, the extra
`citedesk[gpu]`.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn

from rag.errors import ModelFailed, ModelUnavailable
from rag.models.encoder import EncodedDocument, EncodedQuestion, Encoder, TokenVectors, are_words, load_encoder
from rag.models.onnx import Array, open_tokenizer, verified_metadata
from rag.models.token_codec import SCALE_STEPS, Codes, TokenCodec, load_token_codec
from rag.models.tokenization import DocumentTokenizer, TokenizedDocuments, pack

BATCH_TOKENS = 32_768
DOCUMENTS = 8192  # in one call: enough to keep tokenizers and GPU busy at the same time
_HEAD = 32  # width of an attention head
_SHORTEST = 32  # tokens of a document on average, below which a batch has free tokens left
_EPSILON = 1e-12


class PackedBert(nn.Module):
    """A BERT (Devlin et al., NAACL 2019) over documents packed end to end, and its heads: token vectors and a vector.

    Without a codec it has the vector alone, the mean of the states, as sentence-transformers' MiniLM does.
    """

    def __init__(
        self, words: int, width: int, layers: int, positions: int = 512, codec: TokenCodec | None = None
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.positions = nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width, _EPSILON)
        self.layers = nn.ModuleList(PackedLayer(width) for _ in range(layers))
        self.project = nn.Linear(width, len(codec.rotation), bias=False) if codec else None
        self.dense = nn.Linear(width, width) if codec else None
        self.codec = PackedCodec(codec) if codec else None

    def forward(self, ids: Tensor, starts: Tensor, longest: int) -> tuple[Tensor, Tensor]:
        """Return the codes of token vectors (tokens, row bytes), and vectors (documents, width) as float32.

        `ids` are (tokens,). `starts` (documents + 1,), int32, has each document's first token and then their number,
        as often as there are documents missing. No document is longer than `longest`.
        """
        places = torch.arange(len(ids), device=ids.device, dtype=torch.int32)
        own = torch.searchsorted(starts, places, right=True, out_int32=True) - 1
        state = self.norm(self.words(ids) + self.positions(places - starts[own]))
        for layer in self.layers:
            state = layer(state, starts, longest)
        lengths = (starts[1:] - starts[:-1]).clamp(min=1)
        inside = (places >= starts[:-1, None]) & (places < starts[1:, None])
        vectors = (inside / lengths[:, None]).to(state.dtype) @ state
        if self.project is None or self.dense is None or self.codec is None:
            return state.new_empty((len(ids), 0), dtype=torch.uint8), functional.normalize(vectors.float(), dim=-1)
        tokens = functional.normalize(self.project(state).float(), dim=-1)
        return self.codec(tokens), functional.normalize(self.dense(vectors).float(), dim=-1)


class PackedCodec(nn.Module):
    """What `TokenCodec.encode` does, in torch."""

    rotation: Tensor
    parts: Tensor

    def __init__(self, codec: TokenCodec) -> None:
        super().__init__()
        self.register_buffer("rotation", torch.from_numpy(codec.rotation), persistent=False)
        self.register_buffer("parts", torch.from_numpy(codec.parts), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the rows of unit vectors (tokens, 128)."""
        parts = self.parts.float()
        pieces = (tokens @ self.rotation.float()).unflatten(1, (len(parts), -1))
        codes = (torch.einsum("npw,plw->npl", pieces, parts) - parts.square().sum(-1) / 2).argmax(-1)
        restored = parts[torch.arange(len(parts), device=codes.device), codes]
        products = (pieces * restored).sum((1, 2)).clamp(min=0.1)
        scales = (SCALE_STEPS * (1 / products - 1)).round().clamp(0, 255)
        return torch.cat([codes, scales[:, None].to(codes.dtype)], 1).to(torch.uint8)


class PackedLayer(nn.Module):
    """Self-attention within each document and a feed-forward part, each with its residual and norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.attend_norm = nn.LayerNorm(width, _EPSILON)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.norm = nn.LayerNorm(width, _EPSILON)

    def forward(self, state: Tensor, starts: Tensor, longest: int) -> Tensor:
        """Return the next states (tokens, width)."""
        mixed = attention(self.query_key_value(state), starts, longest)
        state = self.attend_norm(state + self.mix(mixed))
        states: Tensor = self.norm(state + self.down(self.feed(state)))
        return states

    def feed(self, state: Tensor) -> Tensor:
        """Return the widest states, GELU of a product; GELU by tanh on a GPU, where it is a part of the product."""
        return torch._addmm_activation(self.up.bias, state, self.up.weight.T, use_gelu=True)


def attention(query_key_value: Tensor, starts: Tensor, longest: int) -> Tensor:
    """Return each token's attention over its own document; (tokens, 3 · width) to (tokens, width)."""
    tokens, width = len(query_key_value), query_key_value.shape[1] // 3
    query, key, value = query_key_value.view(tokens, 3, width // _HEAD, _HEAD).unbind(1)
    if query.is_cuda:
        found = varlen_attn(query, key, value, starts, starts, longest, longest)
        return found.reshape(tokens, width)  # type: ignore[union-attr]
    mixed = torch.empty_like(query)
    bounds = starts.tolist()
    for own in (slice(first, last) for first, last in itertools.pairwise(bounds) if first < last):
        here = query[own].transpose(0, 1), key[own].transpose(0, 1), value[own].transpose(0, 1)
        mixed[own] = functional.scaled_dot_product_attention(*here).transpose(0, 1)
    return mixed.reshape(tokens, width)


def load_bert(weights: Mapping[str, Array], codec: TokenCodec) -> PackedBert:
    """Build the network from the encoder's weights by name, as `read_weights` returns them."""
    words, width = weights["body.words.weight"].shape
    layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("body.layers."))
    own = {name.removeprefix("body."): each for name, each in weights.items()}
    for layer in range(layers):
        for kind in ("weight", "bias"):
            parts = [own[f"layers.{layer}.{part}.{kind}"] for part in ("query", "key", "value")]
            own[f"layers.{layer}.query_key_value.{kind}"] = np.concatenate(parts)
    own["positions.weight"] = own["positions.weight"] + own["segments.weight"][0]  # all segments of documents are 0
    made = PackedBert(words, width, layers, len(own["positions.weight"]), codec)
    made.load_state_dict({name: torch.from_numpy(own[name]) for name in made.state_dict()})
    return made


def read_weights(path: Path) -> dict[str, Array]:
    """Read the encoder's weights from its model.onnx, dequantized, under the names that they had in training.

    An 8-bit matrix is named after the bias that is added to its product; the one without a bias is `project.weight`.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    readers = {name: node for node in graph.node for name in node.input}
    weights = {name: each.astype(np.float32) for name, each in stored.items() if each.dtype == np.float32}
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            name = node.input[1].removesuffix("_scale")
            weights[name] = _dequantized(stored, name)
        elif node.op_type == "MatMulInteger":
            after = node
            while after.op_type in ("MatMulInteger", "Cast", "Mul"):
                after = readers[after.output[0]]
            biases = [name for name in after.input if name.endswith(".bias")]
            name = biases[0].removesuffix("bias") + "weight" if biases else "project.weight"
            weights[name] = np.ascontiguousarray(_dequantized(stored, node.input[1].removesuffix("_quantized")).T)
    return weights


def _dequantized(stored: Mapping[str, NDArray[Any]], name: str) -> Array:
    shifted = stored[f"{name}_quantized"].astype(np.float32) - stored[f"{name}_zero_point"].astype(np.float32)
    return np.asarray(shifted * stored[f"{name}_scale"], np.float32)


class TorchEncoder:
    """The encoder on a device of torch; it reads questions as ever, on the CPU."""

    batch_size = DOCUMENTS

    def __init__(self, folder: Path, device: str = "cuda", processes: int | None = None) -> None:
        metadata = verified_metadata(folder)
        self.max_tokens = int(metadata["longest"]["document"])
        self._folder = folder
        self._tokenizer = DocumentTokenizer(folder, processes)
        self._are_words = are_words(open_tokenizer(folder))
        network = load_bert(read_weights(folder / "model.onnx"), load_token_codec(folder))
        self._runner = GraphRunner(compiled(network), self.max_tokens) if device == "cuda" else PlainRunner(network)

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[EncodedDocument]:
        """Encode texts; as many as 8192 in a call keep the GPU busy."""
        return list(encode(self._runner, self._tokenizer.stream(texts), self._are_words))

    def encode_question(self, text: str) -> EncodedQuestion:
        """Encode a question."""
        return self._on_cpu.encode_question(text)

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids."""
        ids: list[int] = self._tokenizer.reader.tokenizer.tokenize([text]).ids.tolist()
        return ids

    @cached_property
    def _on_cpu(self) -> Encoder:
        return load_encoder(self._folder)


class Runner(Protocol):
    """Runs a network on batches; up to `in_flight` are launched before the first is collected."""

    in_flight: int
    budget: int
    most: int

    def launch(self, batch: TokenizedDocuments) -> int:
        """Start with a batch of at most `budget` tokens and `most` documents; returns the number to collect it by."""

    def collect(self, number: int) -> tuple[Codes, Array]:
        """Return a batch's token vectors and vectors; what is after them in their arrays means nothing."""


def encode(runner: Runner, stream: Iterable[TokenizedDocuments], kept: NDArray[np.bool_]) -> Iterator[EncodedDocument]:
    """Encode tokenized documents in their order, the next batch beside the last; raises ModelFailed.

    Only tokens are returned whose id is `kept`.
    """
    launched: deque[tuple[int, TokenizedDocuments]] = deque()
    for batch in pack(stream, runner.budget, runner.most):
        if len(launched) == runner.in_flight:
            yield from _collected(runner, *launched.popleft(), kept)
        launched.append((runner.launch(batch), batch))
    for number, batch in launched:
        yield from _collected(runner, number, batch, kept)


def _collected(
    runner: Runner, number: int, batch: TokenizedDocuments, kept: NDArray[np.bool_]
) -> Iterator[EncodedDocument]:
    tokens, vectors = runner.collect(number)
    if not np.isfinite(vectors[: len(batch.lengths)]).all():
        raise ModelFailed("the model returned a vector that is not finite")
    ends = np.cumsum(batch.lengths).tolist()
    for vector, start, end in zip(vectors, [0, *ends], ends, strict=False):
        rows = start + np.flatnonzero(kept[batch.ids[start:end]])
        yield EncodedDocument(vector, TokenVectors(tokens[rows], batch.spans[rows]))


class PlainRunner:
    """Runs the network at once and on the CPU."""

    in_flight = 1
    budget, most = BATCH_TOKENS, BATCH_TOKENS // _SHORTEST

    def __init__(self, network: PackedBert) -> None:
        self._network = network.eval()
        self._found: tuple[Codes, Array]

    @torch.inference_mode()
    def launch(self, batch: TokenizedDocuments) -> int:
        """Run the network."""
        starts = torch.from_numpy(np.concatenate([[0], np.cumsum(batch.lengths)]).astype(np.int32))
        tokens, vectors = self._network(torch.from_numpy(batch.ids), starts, int(batch.lengths.max()))
        self._found = tokens.numpy(), vectors.numpy()
        return 0

    def collect(self, number: int) -> tuple[Codes, Array]:
        """Return what it found."""
        return self._found


class GraphRunner:
    """Runs the network in bfloat16 on a GPU, as one CUDA graph over batches of always `budget` tokens.

    What a batch leaves free is filled with documents of zeros. Batches are copied through pinned memory, so that the
    GPU works on one while the results of the one before are taken up.
    """

    in_flight = 3

    def __init__(self, network: nn.Module, longest: int, budget: int = BATCH_TOKENS) -> None:
        self.budget = budget
        self._longest = longest
        self._slots = budget // _SHORTEST
        self.most = self._slots - -(-budget // longest)  # the others are for the fill
        self._network = network.eval().to("cuda", torch.bfloat16)
        self._ids = torch.zeros(budget, dtype=torch.int32, device="cuda")
        self._starts = torch.from_numpy(self._all_starts(np.empty(0, np.int32))).cuda()
        self._graph, (self._tokens, self._vectors) = self._captured()
        self._host = [
            tuple(torch.empty_like(each, device="cpu", pin_memory=True) for each in self._tensors())
            for _ in range(self.in_flight)
        ]
        self._done = [torch.cuda.Event() for _ in range(self.in_flight)]
        self._launched = 0

    def launch(self, batch: TokenizedDocuments) -> int:
        """Copy a batch to the GPU, replay the graph, and copy the results back, without waiting."""
        number = self._launched % self.in_flight
        self._launched += 1
        ids, starts, tokens, vectors = self._host[number]
        ids.numpy()[: len(batch.ids)] = batch.ids
        ids.numpy()[len(batch.ids) :] = 0
        starts.numpy()[:] = self._all_starts(batch.lengths)
        try:
            self._ids.copy_(ids, non_blocking=True)
            self._starts.copy_(starts, non_blocking=True)
            self._graph.replay()
            tokens.copy_(self._tokens, non_blocking=True)
            vectors.copy_(self._vectors, non_blocking=True)
            self._done[number].record()
        except RuntimeError as error:
            raise ModelFailed(f"torch: {error}") from error
        return number

    def collect(self, number: int) -> tuple[Codes, Array]:
        """Wait for a batch, and return copies of its results."""
        self._done[number].synchronize()
        _, _, tokens, vectors = self._host[number]
        return tokens.numpy().copy(), vectors.numpy().copy()

    def _tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self._ids, self._starts, self._tokens, self._vectors

    def _all_starts(self, lengths: NDArray[np.int32]) -> NDArray[np.int32]:
        starts = np.full(self._slots + 1, self.budget, np.int32)
        ends = np.cumsum(lengths)
        end = int(ends[-1]) if len(ends) else 0
        known = np.concatenate([[0], ends, np.arange(end + self._longest, self.budget, self._longest)])
        starts[: len(known)] = known
        return starts

    @torch.inference_mode()
    def _captured(self) -> tuple[torch.cuda.CUDAGraph, tuple[Tensor, Tensor]]:
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):  # as CUDA graphs ask for: what a first run sets up is not captured
            try:
                for _ in range(3):
                    self._network(self._ids, self._starts, self._longest)
            except RuntimeError as error:
                reason = str(error).strip().split("\n")[0]
                raise ModelUnavailable(
                    f"torch cannot run the encoder on this GPU ({reason}). It needs Triton and a C compiler; "
                    "--device cpu does without."
                ) from error
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            found = self._network(self._ids, self._starts, self._longest)
        return graph, found


def compiled(network: PackedBert) -> nn.Module:
    """Compile a network, which takes some seconds: elementwise steps, a third of the time, become a few kernels."""
    made: Any = torch.compile(network)
    return made  # type: ignore[no-any-return]


def load_torch_encoder(folder: Path) -> TorchEncoder:
    """Load the encoder onto a GPU; raises ModelUnavailable."""
    if not torch.cuda.is_available():
        raise ModelUnavailable(
            "The device is cuda, but torch finds no GPU to use. Install torch for your GPU, or use --device cpu."
        )
    return TorchEncoder(folder)
