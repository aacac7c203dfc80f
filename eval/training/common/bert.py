"""A BERT without its pooler, and an MPNet that only teaches, both small enough to read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_DROPOUT = 0.1
_EPSILON = 1e-12
_MPNET_SHIFT = 4  # MPNet's vocabulary is BERT's after <s>, <pad>, </s> and <unk>
_MPNET_FIRST_POSITION = 2
_MPNET_HEAD = 64  # width of one attention head
_BUCKETS = 32  # of distances between tokens
_BERT_PAD, _BERT_CLS, _BERT_SEP = 0, 101, 102


class Body(nn.Module):
    """The part of a network below its heads: layers of token states."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Return states of shape (texts, tokens, width)."""
        return self.all_states(input_ids, attention_mask, token_type_ids)[-1]

    def all_states(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> list[Tensor]:
        """Return the states after each layer."""
        raise NotImplementedError


class Bert(Body):
    """Token states of texts (Devlin et al., NAACL 2019): post-norm layers, learnt positions, two segments."""

    def __init__(self, words: int, width: int = 384, layers: int = 12, heads: int = 12, positions: int = 512) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.positions = nn.Embedding(positions, width)
        self.segments = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, _EPSILON)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))

    def all_states(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> list[Tensor]:
        """Return the states after each layer."""
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        state = self.words(input_ids) + self.positions(places)[None] + self.segments(token_type_ids)
        state = functional.dropout(self.norm(state), _DROPOUT, self.training)
        bias = as_multiplied(padding_bias(attention_mask, state))
        states = []
        for layer in self.layers:
            state = layer(state, bias)
            states.append(state)
        return states


class Mpnet(Body):
    """Token states by MPNet (Song et al., NeurIPS 2020) from BERT's ids; attention is biased by distance."""

    def __init__(self, words: int, width: int, layers: int, positions: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.positions = nn.Embedding(positions, width)
        self.distances = nn.Embedding(_BUCKETS, width // _MPNET_HEAD)
        self.norm = nn.LayerNorm(width, 1e-5)
        self.layers = nn.ModuleList(Layer(width, width // _MPNET_HEAD, 1e-5) for _ in range(layers))

    def all_states(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> list[Tensor]:
        """Return the states after each layer; segments are not known to this model."""
        ids = input_ids + _MPNET_SHIFT
        for bert, mpnet in ((_BERT_CLS, 0), (_BERT_PAD, 1), (_BERT_SEP, 2)):
            ids = torch.where(input_ids == bert, mpnet, ids)
        places = torch.arange(ids.shape[1], device=ids.device)
        state = self.words(ids) + self.positions(places + _MPNET_FIRST_POSITION)[None]
        state = functional.dropout(self.norm(state), _DROPOUT, self.training)
        # The biases are not trained on: their gradient would cost more than all else.
        by_distance = self.distances(_distance_bucket(places[None] - places[:, None])).detach().permute(2, 0, 1)
        bias = as_multiplied(by_distance[None] + padding_bias(attention_mask, by_distance))
        states = []
        for layer in self.layers:
            state = layer(state, bias)
            states.append(state)
        return states


def padding_bias(attention_mask: Tensor, like: Tensor) -> Tensor:
    """Return what is added to attention scores, (texts, 1, 1, tokens): 0 for tokens and -10,000 for padding."""
    return (1.0 - attention_mask[:, None, None, :].to(like.dtype)) * -10_000.0


def as_multiplied(values: Tensor) -> Tensor:
    """Return values in the precision in which matrices are multiplied."""
    kind = values.device.type
    if torch.is_autocast_enabled(kind):
        lower: torch.dtype = torch.get_autocast_dtype(kind)
        return values.to(lower)
    return values


def _distance_bucket(distance: Tensor) -> Tensor:
    """Return the bucket of each signed distance: half of them for each sign, exact when near, logarithmic when far."""
    half, exact, farthest = _BUCKETS // 2, _BUCKETS // 4, 128
    far = distance.abs()
    log = exact + (far.clamp(min=1).float() / exact).log() / math.log(farthest / exact) * (half - exact)
    return torch.where(far < exact, far, log.long().clamp(max=half - 1)) + half * (distance > 0)


class Layer(nn.Module):
    """Self-attention and a feed-forward part, each with its residual and norm."""

    def __init__(self, width: int, heads: int, epsilon: float = _EPSILON) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.mix = (nn.Linear(width, width) for _ in range(4))
        self.attend_norm = nn.LayerNorm(width, epsilon)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.norm = nn.LayerNorm(width, epsilon)

    def forward(self, state: Tensor, bias: Tensor) -> Tensor:
        """Return the next states; `bias` (texts, heads or 1, tokens or 1, tokens) is added to attention scores."""
        rows, tokens, width = state.shape
        query, key, value = (
            part(state).view(rows, tokens, self.heads, width // self.heads).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        drop = _DROPOUT if self.training else 0.0
        if torch.compiler.is_exporting():
            mixed = plain_attention(query, key, value, bias)
        else:
            bias = bias.expand(rows, -1, tokens, -1)
            mixed = functional.scaled_dot_product_attention(query, key, value, bias, drop)
        mixed = self.mix(mixed.transpose(1, 2).reshape(rows, tokens, width))
        state = self.attend_norm(state + functional.dropout(mixed, drop))
        fed = self.down(functional.gelu(self.up(state)))
        states: Tensor = self.norm(state + functional.dropout(fed, drop))
        return states


def plain_attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Return softmax(q kᵀ / √d + bias) v in the few operators that onnxruntime fuses; torch's own becomes many."""
    scale = float(query.shape[-1]) ** -0.5
    mixed: Tensor = (query @ key.transpose(-1, -2) * scale + bias).softmax(-1) @ value
    return mixed


def load_bert(state: Mapping[str, Tensor], layers: Sequence[int], words: Sequence[int] | None = None) -> Bert:
    """Build a Bert from weights under the usual names, with some of their layers and, if named, some of their words."""
    table = state["embeddings.word_embeddings.weight"]
    table = table if words is None else table[torch.as_tensor(words)]
    own = {
        "words.weight": table,
        "positions.weight": state["embeddings.position_embeddings.weight"],
        "segments.weight": state["embeddings.token_type_embeddings.weight"],
        "norm.weight": state["embeddings.LayerNorm.weight"],
        "norm.bias": state["embeddings.LayerNorm.bias"],
    }
    for number, layer in enumerate(layers):
        from_, to = f"encoder.layer.{layer}", f"layers.{number}"
        for kind in ("weight", "bias"):
            for name, old in _NAMES.items():
                own[f"{to}.{name}.{kind}"] = state[f"{from_}.{old}.{kind}"]
    positions, width = own["positions.weight"].shape
    network = Bert(len(table), width, len(layers), width // 32, positions)
    network.load_state_dict(own)
    return network


def layer_count(state: Mapping[str, Tensor]) -> int:
    """Return how many layers some weights have."""
    return 1 + max(int(found[1]) for name in state if (found := re.match(r"encoder\.layer\.(\d+)\.", name)))


def load_mpnet(state: Mapping[str, Tensor]) -> Mpnet:
    """Build an Mpnet from weights under the usual names."""
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("encoder.layer."))
    own = {
        "words.weight": state["embeddings.word_embeddings.weight"],
        "positions.weight": state["embeddings.position_embeddings.weight"],
        "distances.weight": state["encoder.relative_attention_bias.weight"],
        "norm.weight": state["embeddings.LayerNorm.weight"],
        "norm.bias": state["embeddings.LayerNorm.bias"],
    }
    for layer in range(layers):
        for name, old in _MPNET_NAMES.items():
            for kind in ("weight", "bias"):
                own[f"layers.{layer}.{name}.{kind}"] = state[f"encoder.layer.{layer}.{old}.{kind}"]
    words, width = own["words.weight"].shape
    network = Mpnet(words, width, layers, len(own["positions.weight"]))
    network.load_state_dict({name: value.float() for name, value in own.items()})
    return network


_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "mix": "attention.output.dense",
    "attend_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm": "output.LayerNorm",
}
_MPNET_NAMES = {
    "query": "attention.attn.q",
    "key": "attention.attn.k",
    "value": "attention.attn.v",
    "mix": "attention.attn.o",
    "attend_norm": "attention.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm": "output.LayerNorm",
}
