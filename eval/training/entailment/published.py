"""Examples from published data sets; a file that is missing in the folder is skipped.

rag/models/weights/README.md names where each comes from, and its licence.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from eval.claims.corruptions import plant
from eval.claims.pairs import Label, read_pairs
from eval.training.entailment.examples import Example, split
from eval.training.entailment.rewrite import rewritten

_LABELS: dict[str, Label] = {
    "entailment": "support",
    "supported": "support",
    "Complete": "support",
    "contradiction": "contradict",
    "neutral": "not_enough",
    "partially_supported": "not_enough",
    "not_supported": "not_enough",
    "Incomplete": "not_enough",
    "Partial": "not_enough",
}
_EFFECTS = {
    "significantly increased": ("increased", "raised", "improved or increased", "led to higher"),
    "significantly decreased": ("decreased", "reduced", "lowered", "led to lower"),
    "no significant difference": ("did not significantly change", "had no significant effect on", "did not affect"),
}
_NEAR = 12  # sentences of a web page that are kept as evidence


def read_published(folder: Path, chance: random.Random) -> Iterator[Example]:
    """Yield the examples of each data set in the folder."""
    for name, read in _READERS.items():
        if (folder / name).exists():
            yield from read(folder / name, chance)


def read_scifact(path: Path, chance: random.Random) -> Iterator[Example]:
    """Yield SciFact's claims with whole abstracts, their rationales and the rest, and with planted errors."""
    rationales = {f"{each['claim_id']}/{each['doc_id']}": each["rationales"] for each in _lines(path)}
    pairs = read_pairs(path).pairs
    for pair in pairs:
        yield Example(pair.claim, pair.sentences, pair.label, "scifact")
        for rationale in rationales[pair.pair_id]:
            some = sorted({*rationale, *chance.sample(range(len(pair.sentences)), min(2, len(pair.sentences)))})
            for chosen in (rationale, some):
                yield Example(pair.claim, _at(pair.sentences, chosen), pair.label, "scifact rationale")
        told = {i for rationale in rationales[pair.pair_id] for i in rationale}
        rest = [i for i in range(len(pair.sentences)) if i not in told and i + 1 < len(pair.sentences)]
        if told and rest:
            yield Example(pair.claim, _at(pair.sentences, rest), "not_enough", "scifact rest")
        yield Example(pair.claim, chance.choice(pairs).sentences, "not_enough", "scifact other")
        for kind in ("antonym", "negation", "number") if pair.label == "support" else ():
            if planted := plant(pair.claim, kind, chance.randrange(99)):
                yield Example(planted, pair.sentences, "contradict", "scifact planted")
                yield Example(
                    planted, _at(pair.sentences, rationales[pair.pair_id][0]), "contradict", "scifact planted"
                )


def _read_fever(path: Path, chance: random.Random) -> Iterator[Example]:
    """Yield FEVER's development pairs, from three parallel files of claims, evidence and labels."""
    columns = [path.with_suffix(end).read_text("utf-8").splitlines() for end in (".claims", ".evidence", ".labels")]
    rows = [(claim, split(_plain(text)), label) for claim, text, label in zip(*columns, strict=True)]
    for i, (claim, sentences, label) in enumerate(rows):
        yield Example(claim, sentences, "support" if label == "entailment" else "contradict", "fever")
        if chance.random() < 0.3:
            extra = rows[chance.randrange(len(rows))][1]
            mixed = (*sentences, *extra) if chance.random() < 0.5 else (*extra, *sentences)
            yield Example(claim, mixed, "support" if label == "entailment" else "contradict", "fever mixed")
        if chance.random() < 0.4:
            yield Example(claim, rows[i - chance.randrange(1, 50)][1], "not_enough", "fever other")


def _read_evidence_inference(path: Path, chance: random.Random) -> Iterator[Example]:
    """Yield three claims for each outcome of a clinical trial, of which one is supported and two are contradicted."""
    prompts = {row["PromptID"]: row for row in _table(path.with_name("ei_prompts.csv"), ",")}
    for row in _table(path, ","):
        prompt, label = prompts.get(row["PromptID"]), row["Label"].replace("increase", "increased").replace("edd", "ed")
        if not prompt or label not in _EFFECTS or len(row["Annotations"].split()) < 8:
            continue
        for effect, verbs in _EFFECTS.items():
            claim = _finding(prompt, chance.choice(verbs), chance)
            yield Example(
                claim, split(row["Annotations"]), "support" if effect == label else "contradict", "evidence inference"
            )


def _finding(prompt: dict[str, str], verb: str, chance: random.Random) -> str:
    does, outcome, control = (prompt[name].strip() for name in ("Intervention", "Outcome", "Comparator"))
    form = chance.choice(("{0} {1} {2} compared with {3}.", "Compared with {3}, {0} {1} {2}.", "{0} {1} {2}."))
    claim = form.format(does, verb, outcome, control)
    return claim[:1].upper() + claim[1:]


def _read_pubmedqa(path: Path, chance: random.Random) -> Iterator[Example]:
    """Yield conclusions of abstracts, with the preceding sentences as evidence."""
    records = list(json.loads(path.read_text("utf-8")).values())
    for record in records:
        sentences = split(" ".join(record["CONTEXTS"]))
        conclusions = split(record["LONG_ANSWER"])
        claim = rewritten(conclusions[0], chance, 0.3)
        yield Example(claim, sentences, "support", "pubmedqa")
        yield Example(claim, split(" ".join(chance.choice(records)["CONTEXTS"])), "not_enough", "pubmedqa other")
        for kind in ("antonym", "negation"):
            if planted := plant(claim, "antonym" if kind == "antonym" else "negation", chance.randrange(99)):
                yield Example(planted, sentences, "contradict", "pubmedqa planted")


def _read_wice(path: Path, chance: random.Random) -> Iterator[Example]:
    """Yield claims from Wikipedia, with sentences of the pages that they cite as evidence."""
    for record in _lines(path):
        supporting = {i for chosen in record["supporting_sentences"] for i in chosen}
        near = sorted(supporting or chance.sample(range(len(record["evidence"])), min(_NEAR, len(record["evidence"]))))
        yield Example(record["claim"], _at(record["evidence"], near[:_NEAR]), _LABELS[record["label"]], "wice")


def _read_expertqa(path: Path, chance: random.Random) -> Iterator[Example]:
    """Yield sentences written by language models with citations, labelled by experts against the cited passages."""
    for record in _lines(path):
        for answer in record["answers"].values():
            for claim in answer["claims"]:
                if claim["support"] not in _LABELS or not claim["evidence"]:
                    continue
                text = re.sub(r"\s*\[\d+\]", "", claim["claim_string"])
                passages = [re.sub(r"^\[\d+\]\s*\S*\s*", "", each) for each in claim["evidence"]]
                sentences = split(" ".join(passages))
                if len(text.split()) >= 4 and sentences:
                    yield Example(text, sentences[:_NEAR], _LABELS[claim["support"]], "expertqa")


def _read_negated(path: Path, chance: random.Random) -> Iterator[Example]:
    """Yield pairs of a sentence and its negation, in either direction."""
    for row in _table(path):
        first, second = row["sentence"], row["negated"]
        first, second = (first, second) if chance.random() < 0.5 else (second, first)
        yield Example(first, (second,), "contradict", "cannot")
        if chance.random() < 0.6:
            yield Example(rewritten(first, chance, 0.8), (first,), "support", "cannot same")


def _read_nli(
    premise: str, hypothesis: str, label: str, name: str
) -> Callable[[Path, random.Random], Iterator[Example]]:
    """Return a reader of a table or JSON Lines with the given columns."""

    def read(path: Path, chance: random.Random) -> Iterator[Example]:
        for row in _lines(path) if path.suffix == ".jsonl" else _table(path):
            if row[label] in _LABELS:
                yield Example(row[hypothesis], split(row[premise]), _LABELS[row[label]], name)

    return read


_negation_nli = _read_nli("Text", "Hypothesis", "gold_label", "negation nli")
_READERS: dict[str, Callable[[Path, random.Random], Iterator[Example]]] = {
    "fever.claims": _read_fever,
    "ei_annotations.csv": _read_evidence_inference,
    "pubmedqa.json": _read_pubmedqa,
    **dict.fromkeys(("wice_dev.jsonl", "wice_test.jsonl"), _read_wice),
    **dict.fromkeys(
        (f"expertqa_{how}_{part}.jsonl" for how in ("rand", "domain") for part in ("val", "test")), _read_expertqa
    ),
    **dict.fromkeys((f"cannot_{i}.tsv" for i in range(5)), _read_negated),
    **dict.fromkeys(("neg_MNLI.txt", "neg_SNLI.txt"), _negation_nli),
    "conj.tsv": _read_nli("Premise", "Hypothesis", "Label", "conjnli"),
    "help.tsv": _read_nli("ori_sentence", "new_sentence", "gold_label", "help"),
    "breaking_nli.jsonl": _read_nli("sentence1", "sentence2", "gold_label", "breaking nli"),
}


def _plain(text: str) -> str:
    """Undo the bracket tokens and spacing of FEVER's Wikipedia text."""
    for token, sign in (("-LRB-", "("), ("-RRB-", ")"), ("-LSB-", "["), ("-RSB-", "]"), ("``", '"'), ("''", '"')):
        text = text.replace(token, sign)
    return re.sub(r" ([.,;:)\]])", r"\1", re.sub(r"([(\[]) ", r"\1", text))


def _at(sentences: Sequence[str], chosen: Sequence[int]) -> tuple[str, ...]:
    return tuple(sentences[i] for i in chosen if i < len(sentences))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _table(path: Path, delimiter: str = "\t") -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        yield from csv.DictReader(
            file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
        )
