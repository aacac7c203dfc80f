"""The encoder: one pass, and from it token vectors, one vector, kind, follow-up type and a tag for each token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from eval.training.common.bert import Bert, load_bert
from eval.training.encoder.spans import FOLLOW_UPS, KINDS, LABELS, TAGS

OUTPUTS = ("tokens", "vector", "kind", "follow_up", "tags")
QUESTION_MARK, DOCUMENT_MARK = "[unused0]", "[unused1]"
TOKEN_DIMENSIONS = 128


class Encoder(nn.Module):
    """Reads [CLS] mark text [SEP]; the mark says whether the text is a question or a document.

    `tokens` (texts, tokens, 128) and `vector` (texts, 384) have length 1; `kind` (texts, 8), `follow_up` (texts, 5)
    and `tags` (texts, tokens, 23) are logits and mean something for questions only.
    """

    def __init__(self, body: nn.Module, width: int, dimensions: int = TOKEN_DIMENSIONS) -> None:
        super().__init__()
        self.body = body
        self.project = nn.Linear(width, dimensions, bias=False)
        self.dense = nn.Linear(width, width)
        self.pool = nn.Linear(width, width)
        self.kind = nn.Linear(width, len(KINDS))
        self.follow_up = nn.Linear(width, len(FOLLOW_UPS))
        self.tags = nn.Linear(width, len(LABELS))
        self.dropout = nn.Dropout(0.1)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return the outputs in the order of OUTPUTS."""
        states = self.body(input_ids, attention_mask, token_type_ids)
        tokens = functional.normalize(self.project(states), dim=-1)
        real = attention_mask[..., None].to(states.dtype)
        vector = functional.normalize(self.dense((states * real).sum(1) / real.sum(1)), dim=-1)
        pooled = self.dropout(torch.tanh(self.pool(states[:, 0])))
        return tokens, vector, self.kind(pooled), self.follow_up(pooled), self.tags(self.dropout(states))


class Scorer(nn.Module):
    """Scores of questions against documents in training: two scales, and how much a token of each tag counts."""

    def __init__(self) -> None:
        super().__init__()
        self.late_scale = nn.Parameter(torch.tensor(3.0))
        self.dense_scale = nn.Parameter(torch.tensor(3.0))
        self.tag_weights = nn.Parameter(torch.zeros(len(TAGS) + 1))

    def weights(self, tags: Tensor, mask: Tensor) -> Tensor:
        """Return each question token's weight (questions, tokens): that of its tags by their probabilities."""
        chances = tags.float().softmax(-1)
        by_tag = torch.cat([chances[..., :1], chances[..., 1::2] + chances[..., 2::2]], -1)
        return (by_tag @ functional.softplus(self.tag_weights)) * mask

    def late(self, weights: Tensor, question: Tensor, document: Tensor, mask: Tensor) -> Tensor:
        """Return the weighted mean of each question token's best match, scaled: (questions, documents)."""
        found = maxsim(question, document, mask)
        weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-6)
        return torch.einsum("qdt,qt->qd", found, weights) * self.late_scale.exp()

    def dense(self, question: Tensor, document: Tensor) -> Tensor:
        """Return scaled cosines: (questions, documents)."""
        return question @ document.T * self.dense_scale.exp()


def maxsim(question: Tensor, document: Tensor, mask: Tensor) -> Tensor:
    """Return the cosine of each question token's nearest document token: (questions, documents, tokens)."""
    rows = []
    for first in range(0, len(document), 64):
        part, real = document[first : first + 64], mask[first : first + 64].bool()
        cosines = torch.einsum("qth,dsh->qdts", question, part)
        rows.append(cosines.masked_fill(~real[None, :, None], -1.0).amax(-1))
    return torch.cat(rows, 1)


def from_published(state: Mapping[str, Tensor], projection: Tensor | None, layers: Sequence[int]) -> Encoder:
    """Start from a late-interaction BERT's weights, and from its projection (width, 128) of unit-length states."""
    body = load_bert(state, layers)
    made = Encoder(body, body.words.weight.shape[1])
    with torch.no_grad():
        nn.init.eye_(made.dense.weight)
        nn.init.zeros_(made.dense.bias)
        if projection is not None:
            made.project.weight.copy_(projection.T)
        if "pooler.dense.weight" in state:
            made.pool.weight.copy_(state["pooler.dense.weight"])
            made.pool.bias.copy_(state["pooler.dense.bias"])
    return made


def from_saved(state: Mapping[str, Tensor]) -> Encoder:
    """Rebuild an encoder from its own saved weights."""
    words, width = state["body.words.weight"].shape
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("body.layers."))
    made = Encoder(Bert(words, width, layers, width // 32, len(state["body.positions.weight"])), width)
    made.load_state_dict(state)
    return made
