"""A BERT without its pooler, small enough to read, with one product for query, key and value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_DROPOUT = 0.1
_EPSILON = 1e-12


class Bert(nn.Module):
    """Token states of texts (Devlin et al., NAACL 2019): post-norm layers, learnt positions, two segments."""

    def __init__(self, words: int, width: int = 384, layers: int = 12, heads: int = 12, positions: int = 512) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.positions = nn.Embedding(positions, width)
        self.segments = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, _EPSILON)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Return states of shape (texts, tokens, width)."""
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        state = self.words(input_ids) + self.positions(places)[None] + self.segments(token_type_ids)
        state = functional.dropout(self.norm(state), _DROPOUT, self.training)
        mask = attention_mask[:, None, None, :].bool()
        for layer in self.layers:
            state = layer(state, mask)
        states: Tensor = state
        return states


class Layer(nn.Module):
    """Self-attention and a feed-forward part, each with its residual and norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attend = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.attend_norm = nn.LayerNorm(width, _EPSILON)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.norm = nn.LayerNorm(width, _EPSILON)

    def forward(self, state: Tensor, mask: Tensor) -> Tensor:
        """Return the next states; `mask` is (texts, 1, 1, tokens), true where there is a token."""
        rows, tokens, width = state.shape
        split = self.attend(state).view(rows, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        drop = _DROPOUT if self.training else 0.0
        attention = plain_attention if torch.compiler.is_exporting() else functional.scaled_dot_product_attention
        mixed = attention(split[0], split[1], split[2], mask, drop)
        mixed = self.mix(mixed.transpose(1, 2).reshape(rows, tokens, width))
        state = self.attend_norm(state + functional.dropout(mixed, drop))
        fed = self.down(functional.gelu(self.up(state)))
        states: Tensor = self.norm(state + functional.dropout(fed, drop))
        return states


def plain_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, dropout: float) -> Tensor:
    """Return softmax(q kᵀ / √d) v in the few operators that onnxruntime fuses; torch's own becomes many."""
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    scores = scores + (1.0 - mask.to(scores.dtype)) * -10_000.0
    return functional.dropout(scores.softmax(-1), dropout) @ value


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
            parts = [state[f"{from_}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
            own[f"{to}.attend.{kind}"] = torch.cat(parts)
            for name, old in _NAMES.items():
                own[f"{to}.{name}.{kind}"] = state[f"{from_}.{old}.{kind}"]
    positions, width = own["positions.weight"].shape
    network = Bert(len(table), width, len(layers), width // 32, positions)
    network.load_state_dict(own)
    return network


def layer_count(state: Mapping[str, Tensor]) -> int:
    """Return how many layers some weights have."""
    return 1 + max(int(found[1]) for name in state if (found := re.match(r"encoder\.layer\.(\d+)\.", name)))


_NAMES = {
    "mix": "attention.output.dense",
    "attend_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm": "output.LayerNorm",
}
