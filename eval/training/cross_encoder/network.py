"""The cross-encoder: four logits a pair and one logit a token; its body is a BERT, or an MPNet that only teaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from eval.training.common.bert import layer_count, load_bert
from eval.training.cross_encoder.examples import HEADS

OUTPUTS = ("logits", "evidence")
_MPNET_SHIFT = 4  # MPNet's vocabulary is BERT's behind <s>, <pad>, </s> and <unk>
_MPNET_FIRST_POSITION = 2
_BERT_PAD, _BERT_CLS, _BERT_SEP = 0, 101, 102


class CrossEncoder(nn.Module):
    """Reads a pair of texts.

    `logits` (pairs, 4) are of HEADS, each for a sigmoid; `evidence` (pairs, tokens) is of a token's being part of a
    sentence that the answer or verdict rests on.
    """

    def __init__(self, body: nn.Module, width: int) -> None:
        super().__init__()
        self.body = body
        self.pool = nn.Linear(width, width)
        self.out = nn.Linear(width, len(HEADS))
        self.evidence = nn.Linear(width, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and evidence."""
        states = self.body(input_ids, attention_mask, token_type_ids)
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


class MpnetBody(nn.Module):
    """MPNet (Song et al., NeurIPS 2020) behind BERT's ids; it knows no segments."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        from transformers import MPNetConfig, MPNetModel

        super().__init__()
        words, self.width = state["embeddings.word_embeddings.weight"].shape
        layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("encoder.layer."))
        config = MPNetConfig(
            vocab_size=words,
            hidden_size=self.width,
            num_hidden_layers=layers,
            num_attention_heads=self.width // 64,
            intermediate_size=4 * self.width,
            max_position_embeddings=514,
        )
        self.inner = MPNetModel(config, add_pooling_layer=False)
        own = self.inner.state_dict()
        missing = self.inner.load_state_dict({k: v.float() for k, v in state.items() if k in own}, strict=False)
        if any("position_ids" not in name for name in missing.missing_keys):
            raise ValueError(f"the checkpoint lacks {missing.missing_keys}: name an MPNet's")

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Return states of shape (texts, tokens, width)."""
        ids = input_ids + _MPNET_SHIFT
        for bert, mpnet in ((_BERT_CLS, 0), (_BERT_PAD, 1), (_BERT_SEP, 2)):
            ids = torch.where(input_ids == bert, mpnet, ids)
        places = torch.arange(ids.shape[1], device=ids.device) + _MPNET_FIRST_POSITION
        found = self.inner(input_ids=ids, attention_mask=attention_mask, position_ids=places.expand_as(ids))
        states: Tensor = found.last_hidden_state
        return states


def from_mpnet(state: Mapping[str, Tensor]) -> CrossEncoder:
    """Start a teacher from an MPNet's weights."""
    body = MpnetBody(state)
    return CrossEncoder(body, body.width)
