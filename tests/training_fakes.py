"""Tiny training material, a tokenizer of its words, and a small random BERT, as the training steps read them."""

from __future__ import annotations

import json
import lzma
import re
from pathlib import Path
from typing import Any

TOPICS = ("cache", "robot", "protein", "weather", "speech", "traffic")
_GROUPS = 24
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]")


def write_material(folder: Path) -> None:
    """Write documents, groups, questions, claims, pairs, answers and marked questions."""
    folder.mkdir(parents=True)
    documents, groups, questions, claims, pairs, answers = [], [], [], [], [], []
    for group in range(_GROUPS):
        ids = []
        for number in range(3):
            topic = TOPICS[(group + number) % len(TOPICS)]
            id = f"{group}.{number}"
            ids.append(id)
            abstract = f"We study the {topic} problem. Our model cuts {topic} cost by {number + 2} percent. It is fast."
            documents.append({"id": id, "title": f"A {topic} model", "abstract": abstract, "date": "2024-01"})
            fast = {"id": id, "c": "The model is fast.", "l": "s", "k": "plain", "e": ["It is fast"]}
            slow = {"id": id, "c": "The model is slow.", "l": "c", "k": "negation", "e": ["It is fast"]}
            claims += [fast, slow]
            twin = {"t": f"The {topic} cost falls.", "f": f"The {topic} cost grows.", "l": "c", "k": "direction"}
            pairs.append({"id": id, **twin, "e": ["Our model cuts"]})
        groups.append({"g": group, "ids": ids})
        topic = TOPICS[group % len(TOPICS)]
        asked = {"g": group, "t": "set", "s": "tech", "q": f"papers on the {topic} problem"}
        questions.append({**asked, "y": {"1": "We study the"}, "m": [2]})
        questions.append(
            {"g": group, "t": "fact", "q": f"how fast is the {topic} model", "y": {"1": "It is fast"}, "a": ""}
        )
        questions.append({"g": group, "t": "none", "q": f"what does the {topic} model weigh", "n": [1]})
        shown = {"i": group, "q": "", "shown": ids, "k": "plain"}
        answers.append({**shown, "c": f"One cuts {topic} cost, one is fast.", "ids": ids[:2], "l": "s"})
        answers.append({**shown, "c": f"It cuts {topic} cost.", "ids": ids[2:], "l": "n"})
    with lzma.open(folder / "documents.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(each) + "\n" for each in documents)
    named = {"groups": groups, "questions": questions, "claims": claims, "pairs": pairs, "answers": answers}
    for name, rows in {**named, "understanding": _marked()}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")


def _marked() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number in range(40):
        topic = TOPICS[number % len(TOPICS)]
        rows.append({"k": "list", "m": f"papers on <t>{topic}</t> <d>since {1990 + number}</d>"})
        rows.append({"k": "fact", "f": "ask", "m": f"does the <t>{topic}</t> model cost {number} more"})
    return rows


def write_tokenizer(path: Path, folder: Path) -> int:
    """Write a WordPiece tokenizer of the material's words and single characters; return the number of its pieces."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    read = "".join(file.read_text("utf-8") for file in sorted(folder.glob("*.jsonl")))
    words = sorted(set(re.findall(r"[a-z]{2,}", read.lower())))
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    pieces = [*_SPECIAL, *letters, *(f"##{each}" for each in letters), *words]
    made = Tokenizer(models.WordPiece({each: i for i, each in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    made.save(str(path))
    return len(pieces)


def write_smaller(full: Path, path: Path, pieces: int) -> None:
    """Write a tokenizer with the first pieces of another."""
    content = json.loads(full.read_text("utf-8"))
    vocabulary: dict[str, int] = content["model"]["vocab"]
    content["model"]["vocab"] = {piece: number for piece, number in vocabulary.items() if number < pieces}
    path.write_text(json.dumps(content), "utf-8")


def write_bert(path: Path, words: int, layers: int = 2, width: int = 32) -> None:
    """Write a random BERT under the usual names."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    shapes = {
        "embeddings.word_embeddings.weight": (words, width),
        "embeddings.position_embeddings.weight": (128, width),
        "embeddings.token_type_embeddings.weight": (2, width),
    }
    linear = {"pooler.dense": (width, width)}
    norms = ["embeddings.LayerNorm"]
    for layer in range(layers):
        at = f"encoder.layer.{layer}"
        linear |= {f"{at}.attention.self.{name}": (width, width) for name in ("query", "key", "value")}
        linear |= {f"{at}.attention.output.dense": (width, width), f"{at}.intermediate.dense": (4 * width, width)}
        linear |= {f"{at}.output.dense": (width, 4 * width)}
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    state = {name: 0.1 * torch.randn(shape) for name, shape in shapes.items()}
    for name, shape in linear.items():
        state |= {f"{name}.weight": 0.1 * torch.randn(shape), f"{name}.bias": torch.zeros(shape[0])}
    for name in norms:
        state |= {f"{name}.weight": torch.ones(width), f"{name}.bias": torch.zeros(width)}
    save_file(state, path)
