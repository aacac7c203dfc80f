"""The cross-encoder: four logits a pair and one logit a token; its body is a BERT, or an MPNet that only teaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from eval.training.common.bert import Body, layer_count, load_bert, load_mpnet
from eval.training.cross_encoder.examples import HEADS

WORDS = "body.words.weight"
OUTPUTS = ("logits", "evidence")


class CrossEncoder(nn.Module):
    """Reads a pair of texts.

    `logits` (pairs, 4) are of HEADS, each for a sigmoid; `evidence` (pairs, tokens) is of a token's being part of a
    sentence that the answer or verdict rests on.
    """

    def __init__(self, body: Body, width: int) -> None:
        super().__init__()
        self.body = body
        self.pool = nn.Linear(width, width)
        self.out = nn.Linear(width, len(HEADS))
        self.evidence = nn.Linear(width, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and evidence."""
        return self.heads(self.body(input_ids, attention_mask, token_type_ids))

    def heads(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and evidence of the states after the last layer."""
        pooled = torch.tanh(self.pool(states[:, 0]))
        return self.out(self.dropout(pooled)), self.evidence(states)[..., 0]


def from_bert(
    state: Mapping[str, Tensor], layers: Sequence[int] | None = None, words: Sequence[int] | None = None
) -> CrossEncoder:
    """Start from a BERT's weights, or some of its layers and words; pooler and relevance logit are taken over."""
    body = load_bert(state, layers if layers is not None else range(layer_count(state)), words)
    made = CrossEncoder(body, body.words.weight.shape[1])
    with torch.no_grad():
        if "pooler.dense.weight" in state:
            made.pool.weight.copy_(state["pooler.dense.weight"])
            made.pool.bias.copy_(state["pooler.dense.bias"])
        weight = state.get("classifier.weight")
        if weight is not None and weight.shape[0] == 1:
            made.out.weight[:2].copy_(weight.expand(2, -1))
            made.out.bias[:2].copy_(state["classifier.bias"].expand(2))
        if weight is not None and weight.shape[0] == 3:  # the old model's support, contradict, not enough
            made.out.weight[2:].copy_(weight[:2] - weight[2])
            made.out.bias[2:].copy_(state["classifier.bias"][:2] - state["classifier.bias"][2])
    return made


def from_student(state: Mapping[str, Tensor], layers: Sequence[int] | None = None) -> CrossEncoder:
    """Rebuild a cross-encoder from its own saved weights, or make a shallower one of some of its layers."""
    from eval.training.common.bert import Bert

    words, width = state["body.words.weight"].shape
    count = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("body.layers."))
    chosen = list(layers if layers is not None else range(count))
    body = Bert(words, width, len(chosen), width // 32, len(state["body.positions.weight"]))
    made = CrossEncoder(body, width)
    own = {name: value for name, value in state.items() if not name.startswith("body.layers.")}
    for number, layer in enumerate(chosen):
        before = f"body.layers.{layer}."
        own |= {
            f"body.layers.{number}.{name.removeprefix(before)}": value
            for name, value in state.items()
            if name.startswith(before)
        }
    made.load_state_dict(own)
    return made


def round_words(network: CrossEncoder) -> None:
    """Round the table of word pieces to what its 4-bit form can hold, and learn it no further."""
    from eval.training.common.export import rounded

    words = network.get_parameter(WORDS)
    words.data.copy_(rounded(words.data))
    words.requires_grad = False


def from_mpnet(state: Mapping[str, Tensor]) -> CrossEncoder:
    """Start a teacher from an MPNet's weights."""
    body = load_mpnet(state)
    return CrossEncoder(body, body.words.weight.shape[1])
