"""The encoder: one pass over a text gives all that the index and the reading of a question need.

Of a paper: token vectors for late interaction (Khattab and Zaharia, ColBERT, SIGIR 2020) and one vector. Of a question:
these, its kind, its follow-up type, and a tag for each token. eval/training/encoder trains it; CARD.md there has its
figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelUnavailable
from rag.models.onnx import REMEDY, Array, MarkedTokenizer, OnnxModel, open_tokenizer, verified_metadata
from rag.models.token_codec import Codes, load_token_codec

HEAD_LAYERS = ("hidden", "hidden_bias", "weights", "bias")  # in actions.npz
FOLDER = Path(__file__).parent / "weights" / "encoder"

_REMEMBERED = 64  # questions: each is read once to understand it, and once to search

Spans = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class TokenVectors:
    """The tokens of a paper: `vectors` (n, ROW_BYTES) are their codes.

    `spans` (n, 2) are character offsets in the abstract; (-1, -1) for tokens of the title and special tokens.
    """

    vectors: Codes
    spans: Spans

    def __post_init__(self) -> None:
        if len(self.vectors) != len(self.spans):
            raise ValueError(f"{len(self.vectors)} vectors and {len(self.spans)} spans do not match")


@dataclass(frozen=True, slots=True, eq=False)
class EncodedDocument:
    """A paper's `vector` (384,), of length 1, and its token vectors."""

    vector: Array
    tokens: TokenVectors


@dataclass(frozen=True, slots=True, eq=False)
class ExactDocument:
    """A text's `vector` (384,), and before compression its tokens: unit vectors (n, 128), ids (n,) and spans (n, 2)."""

    vector: Array
    tokens: Array
    ids: NDArray[np.int32]
    spans: Spans


@dataclass(frozen=True, slots=True)
class Tagged:
    """A stretch of a question, `text[start:end]`, its tag, and the probability of the tag, the mean of its tokens."""

    start: int
    end: int
    tag: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class EncodedQuestion:
    """A question as the encoder reads it.

    `vector` (384,) and `tokens` (m, 128) have length 1; `weights` (m,) say how much each token counts in late
    interaction, and `offsets` (m, 2) where it stands, (-1, -1) for special tokens. `kinds`, `follow_ups` and `actions`
    are probabilities by name, in no order: `actions`, of what a follow-up does, only make sense after an answer.
    `tags` are the tagged stretches in order.
    """

    text: str
    vector: Array
    tokens: Array
    weights: Array
    offsets: Spans
    kinds: Mapping[str, float]
    follow_ups: Mapping[str, float]
    actions: Mapping[str, float]
    tags: tuple[Tagged, ...]
    truncated: bool = False


class Encoder(Protocol):
    """Encodes papers and questions; raises ModelFailed."""

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[EncodedDocument]:
        """Encode texts, each a title and an abstract or a part of one."""

    def encode_question(self, text: str) -> EncodedQuestion:
        """Encode a question; of a long one its first tokens."""

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text, without truncation and special tokens."""

    @property
    def max_tokens(self) -> int:
        """Tokens of a document that the encoder reads, the title and special tokens among them."""

    @property
    def batch_size(self) -> int:
        """How many papers are worth encoding in one call."""


@dataclass(frozen=True, slots=True, eq=False)
class ActionHead:
    """A network of one hidden layer over a question's vector: what the question does as a follow-up.

    `layers` are the weights and biases of both: (hidden, 384), (hidden,), (names, hidden) and (names,).
    """

    names: tuple[str, ...] = ()
    layers: tuple[Array, ...] = ()

    def probabilities(self, vector: Array) -> dict[str, float]:
        """Return the probability of each name."""
        if not self.names:
            return {}
        hidden, hidden_bias, weights, bias = self.layers
        logits = weights @ np.maximum(hidden @ vector + hidden_bias, 0) + bias
        return dict(zip(self.names, softmax(logits).tolist(), strict=True))


def load_action_head(folder: Path, model_sha256: str) -> ActionHead:
    """Load actions.npz, which `python -m eval.training.follow_ups` fits; raises ModelUnavailable.

    Without the file the head is empty: a newly trained encoder has none yet.
    """
    path = folder / "actions.npz"
    if not path.exists():
        return ActionHead()
    try:
        with np.load(path, allow_pickle=False) as found:
            names = tuple(map(str, found["names"]))
            layers = tuple(found[name].astype(np.float32) for name in HEAD_LAYERS)
            fitted_to = str(found["model_sha256"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(f"{path} cannot be read ({error}). {REMEDY}") from None
    if fitted_to != model_sha256:
        raise ModelUnavailable(f"{path} was fitted to another encoder. {REMEDY}")
    return ActionHead(names, layers)


def load_encoder(folder: Path = FOLDER, verified: Path | None = None) -> Encoder:
    """Load the encoder that comes with Citedesk, or one of the same form from a folder; raises ModelUnavailable.

    `verified` is where weights that were checked are remembered.
    """
    return OnnxEncoder(folder, verified)


def document_text(title: str, text: str) -> str:
    """Join a title with its abstract, or a part of it, as the models have learnt to read them."""
    return _head(title) + text


class OnnxEncoder:
    """The encoder under onnxruntime; thread-safe."""

    batch_size = 16

    def __init__(self, folder: Path, verified: Path | None = None) -> None:
        metadata = verified_metadata(folder, verified)
        self._folder = folder
        self._model = OnnxModel(folder)
        marks, longest = metadata["marks"], metadata["longest"]
        self.max_tokens = int(longest["document"])
        self._tokenizer = open_tokenizer(folder)
        self._question_tokenizer = MarkedTokenizer(self._tokenizer, marks["question"], int(longest["question"]))
        self._document_tokenizer = MarkedTokenizer(self._tokenizer, marks["document"], self.max_tokens)
        self._kinds: list[str] = metadata["kinds"]
        self._follow_ups: list[str] = metadata["follow_ups"]
        self._labels: list[str] = metadata["labels"]
        self._temperatures: dict[str, float] = metadata["temperatures"]
        self._tag_weights = np.array(list(metadata["tag_weights"].values()), np.float32)
        self._actions = load_action_head(folder, metadata["model_sha256"])
        self.encode_question = lru_cache(_REMEMBERED)(self._encode_question)

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[EncodedDocument]:
        """Encode texts; tokens without a letter or digit, a seventh of all, are left out: they hardly ever match."""
        codec = load_token_codec(self._folder)
        found = []
        for each in self.exact_documents(texts):
            kept = self.are_words[each.ids]
            tokens = TokenVectors(codec.encode(each.tokens[kept]), each.spans[kept])
            found.append(EncodedDocument(each.vector, tokens))
        return found

    def exact_documents(self, texts: Sequence[tuple[str, str]]) -> list[ExactDocument]:
        """Encode texts, without compressing the token vectors."""
        heads = [_head(title) for title, _ in texts]
        encodings = self._document_tokenizer.encode_batch(
            [head + abstract for head, (_, abstract) in zip(heads, texts, strict=True)]
        )
        found = self._model.outputs_of_all(encodings, ("tokens", "vector"))
        return [
            ExactDocument(vector, tokens, np.array(encoding.ids, np.int32), _offsets(encoding, len(head)))
            for (tokens, vector), encoding, head in zip(found, encodings, heads, strict=True)
        ]

    @cached_property
    def are_words(self) -> NDArray[np.bool_]:
        """Whether each id of the vocabulary is kept."""
        return are_words(self._tokenizer)

    def _encode_question(self, text: str) -> EncodedQuestion:
        encoding = self._question_tokenizer.encode(text)
        names = ("tokens", "vector", "kind", "follow_up", "tags")
        tokens, vector, kind, follow_up, tags = self._model.outputs(encoding, names)
        chances = softmax(tags / self._temperatures["tags"])
        offsets = _offsets(encoding, 0)
        return EncodedQuestion(
            text,
            vector,
            tokens,
            self._weights(softmax(tags)),
            offsets,
            dict(zip(self._kinds, softmax(kind / self._temperatures["kind"]).tolist(), strict=True)),
            dict(zip(self._follow_ups, softmax(follow_up / self._temperatures["follow_up"]).tolist(), strict=True)),
            self._actions.probabilities(vector),
            tuple(self._decode(text, chances, offsets)),
            bool(encoding.overflowing),
        )

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _weights(self, chances: Array) -> Array:
        """Return each token's weight: those of its tags by their probabilities."""
        by_tag = np.concatenate([chances[:, :1], chances[:, 1::2] + chances[:, 2::2]], axis=1)
        weights: Array = by_tag @ self._tag_weights
        return weights

    def _decode(self, text: str, chances: Array, offsets: Spans) -> list[Tagged]:
        """Join tokens of one tag; a tag that begins or ends inside a word takes the whole word."""
        found: list[Tagged] = []
        run: list[float] = []
        previous = ""
        names = [label[2:] for label in self._labels[1::2]]
        by_tag = chances[:, 1::2] + chances[:, 2::2]  # that a token begins a stretch, or goes on with it
        for row, tags, (start, end) in zip(chances, by_tag, offsets.tolist(), strict=True):
            if start < 0:
                continue
            label = self._labels[int(row.argmax())]
            prefix, _, tag = label.partition("-")
            inside_word = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
            if inside_word and found and found[-1].end == start:
                tag, prefix = found[-1].tag, "I"  # a word has one tag, that of its first piece
            elif inside_word and tag:
                tag = ""
            chance = float(tags[names.index(tag)]) if tag else 0.0
            if tag and (prefix == "I" and previous == tag):
                run.append(chance)
                found[-1] = Tagged(found[-1].start, end, tag, float(np.mean(run)))
            elif tag:
                run = [chance]
                found.append(Tagged(start, end, tag, chance))
            previous = tag
        return found


def are_words(tokenizer: Any) -> NDArray[np.bool_]:
    """Return whether each id of a vocabulary has a letter or a digit, as special tokens do."""
    pieces = map(tokenizer.id_to_token, range(tokenizer.get_vocab_size()))
    return np.array([any(map(str.isalnum, piece)) for piece in pieces])


def _head(title: str) -> str:
    return f"{title.rstrip('. ')}. "


def softmax(logits: Array) -> Array:
    """Return the softmax over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)


def _offsets(encoding: Any, first: int) -> Spans:
    """Return the offsets of tokens relative to `first`; (-1, -1) for those before it and special tokens."""
    spans = np.array(encoding.offsets, np.int32).reshape(-1, 2) - first
    special = np.array(encoding.special_tokens_mask, bool)
    spans[special | (spans[:, 0] < 0)] = -1
    return spans
