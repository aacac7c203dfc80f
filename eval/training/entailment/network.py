"""The networks: the student, a small BERT, and its teacher, an MPNet; both use one vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from eval.claims.pairs import LABELS

_MPNET_SHIFT = 4  # MPNet's vocabulary is BERT's behind <s>, <pad>, </s> and <unk>
_MPNET_FIRST_POSITION = 2


def student(state: Mapping[str, Tensor], kept: Sequence[int], layers: int = 6) -> nn.Module:
    """Build a BERT of MiniLM's width with three logits from a checkpoint, with the kept word pieces only."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=384,
        intermediate_size=1536,
        num_hidden_layers=layers,
        num_attention_heads=12,
    )
    config.num_labels = len(LABELS)
    network = BertForSequenceClassification(config)
    own = {
        name if name.startswith(("bert.", "classifier.")) else f"bert.{name}": value.float()
        for name, value in state.items()
    }
    words = "bert.embeddings.word_embeddings.weight"
    if own[words].shape[0] != len(kept):
        own[words] = own[words][torch.as_tensor(kept)]
    network.load_state_dict({name: value for name, value in own.items() if name in network.state_dict()}, strict=False)
    return network


class Teacher(nn.Module):
    """MPNet with the mean of its token vectors and three logits."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        from transformers import MPNetConfig, MPNetModel

        super().__init__()
        words = state["embeddings.word_embeddings.weight"]
        config = MPNetConfig(vocab_size=len(words), hidden_size=words.shape[1], max_position_embeddings=514)
        self.body = MPNetModel(config, add_pooling_layer=False)
        self.body.load_state_dict({k: v.float() for k, v in state.items() if k in self.body.state_dict()}, strict=False)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(words.shape[1], len(LABELS)))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Any:
        """Return an object with the logits, as the student does; token types are not used."""
        places = torch.arange(input_ids.shape[1], device=input_ids.device) + _MPNET_FIRST_POSITION
        vectors = self.body(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=places.expand_as(input_ids)
        ).last_hidden_state
        real = attention_mask[..., None].to(vectors.dtype)
        return _Output(self.head((vectors * real).sum(1) / real.sum(1)))


class _Output:
    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


def mpnet_words(words: Tensor, kept: Sequence[int], cls: int, sep: int, pad: int) -> Tensor:
    """Return MPNet's word vectors in the order of the kept pieces of BERT's vocabulary."""
    chosen = torch.as_tensor(kept) + _MPNET_SHIFT
    chosen[cls], chosen[pad], chosen[sep] = 0, 1, 2
    return words[chosen]
