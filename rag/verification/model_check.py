"""The check of a whole answer by the endpoint's model: one request, a verdict and quotes for each sentence.

A quote counts only if it is verbatim in the abstract of a paper that the sentence cites, and the exact checks stay a
floor: what the model calls supported in spite of a missing number or name is not found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rag.answer import Sentence
from rag.errors import LLMFailed
from rag.llm.prompting import FENCED, escape_verbatim
from rag.llm.protocol import ChatModel, Message
from rag.text.citation_markers import without_markers
from rag.types import Evidence, Paper, Quote
from rag.verification.judge import Judgement, lacking

_VERDICTS = ("supported", "not_found", "contradicted", "unsure")
_SYSTEM = f"""You check the sentences of an answer against the abstracts of the papers that each cites, and against
nothing else.
supported: the abstracts say all that the sentence says: every number, condition, direction and subject.
contradicted: an abstract says something that cannot be true together with the sentence.
not_found: the abstracts leave the sentence, or a part of it, open.
unsure: you cannot tell.
For supported and contradicted copy from each abstract that decides it the words that do, exactly as they stand there.
For the others give no quote. Return one entry for each sentence.
{FENCED}"""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sentences": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "sentence": {"type": "integer"},
                    "verdict": {"type": "string", "enum": list(_VERDICTS)},
                    "quotes": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"paper": {"type": "integer"}, "quote": {"type": "string"}},
                            "required": ["paper", "quote"],
                            "additionalProperties": False,
                        },
                    },
                },
                "required": ["sentence", "verdict", "quotes"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["sentences"],
    "additionalProperties": False,
}


def check_sentences(
    text: str, sentences: Sequence[Sentence], cited: Sequence[Evidence], chat: ChatModel
) -> dict[Sentence, Judgement]:
    """Ask once about sentences that cite papers; raises LLMFailed where the reply is not in the form asked for.

    A sentence without an entry, or whose verdict rests on no verbatim quote, is left out. `cited` are the answer's
    papers in the order of their numbers.
    """
    if not sentences:
        return {}
    papers = {n: each.paper for n, each in enumerate(cited, start=1)}
    reply = chat.complete(check_messages(text, sentences, papers), schema=SCHEMA)
    if reply.cut:
        raise LLMFailed(f"{chat.name} did not finish its check: {reply.cut}.")
    found: dict[Sentence, Judgement] = {}
    for number, verdict, quotes in parse_reply(reply.text, chat.name):
        if not 1 <= number <= len(sentences) or sentences[number - 1] in found:
            raise LLMFailed(f"{chat.name} checked a sentence that it was not asked about, or one twice.")
        sentence = sentences[number - 1]
        judgement = _judgement(text[sentence.start : sentence.end], sentence, verdict, quotes, papers)
        if judgement:
            found[sentence] = judgement
    return found


def check_messages(text: str, sentences: Sequence[Sentence], papers: Mapping[int, Paper]) -> tuple[Message, ...]:
    """Return the messages that ask about sentences, numbered from 1."""
    numbers = dict.fromkeys(n for sentence in sentences for n in sentence.citations)
    shown = "\n\n".join(_paper(n, papers[n]) for n in sorted(numbers))
    listed = "\n".join(
        f"{i}: {' '.join(text[sentence.start : sentence.end].split())}" for i, sentence in enumerate(sentences, start=1)
    )
    return Message("system", _SYSTEM), Message("user", f"{shown}\n\nSentences:\n{listed}")


def parse_reply(reply: str, model: str) -> list[tuple[int, str, list[tuple[int, str]]]]:
    """Return the number, verdict and quotes by paper of each entry; raises LLMFailed for any other form than SCHEMA."""
    try:
        content = json.loads(reply)
        entries = [_entry(each) for each in _fields(content, "sentences")[0]]
    except (ValueError, TypeError):
        raise LLMFailed(f"{model} did not return its check in the requested form: {reply[:100]!r}.") from None
    return entries


def _entry(given: object) -> tuple[int, str, list[tuple[int, str]]]:
    number, verdict, quotes = _fields(given, "sentence", "verdict", "quotes")
    pairs = [tuple(_fields(each, "paper", "quote")) for each in quotes]
    if type(number) is not int or verdict not in _VERDICTS or not isinstance(quotes, list):
        raise ValueError(given)
    if not all(type(paper) is int and isinstance(quote, str) for paper, quote in pairs):
        raise ValueError(given)
    return number, verdict, pairs


def _fields(given: object, *names: str) -> list[Any]:
    if not isinstance(given, dict) or given.keys() != set(names):
        raise ValueError(given)
    return [given[name] for name in names]


def _judgement(
    said: str, sentence: Sentence, verdict: str, quotes: Sequence[tuple[int, str]], papers: Mapping[int, Paper]
) -> Judgement | None:
    """Return the judgement that an entry amounts to; None where it does not count."""
    cited = {n: papers[n] for n in sentence.citations}
    if verdict == "unsure":
        return Judgement(None)
    if verdict == "not_found":
        return Judgement("not_found", lacking(without_markers(said), cited))
    spans = {n: span for n, quote in quotes if n in cited and (span := _find(quote, cited[n].abstract))}
    if not spans:
        return None
    reason = lacking(without_markers(said), cited) if verdict == "supported" else None
    final = "not_found" if reason else "supported" if verdict == "supported" else "contradicted"
    return Judgement(
        final,  # type: ignore[arg-type]
        reason,
        {
            n: (Quote(cited[n].abstract[start:end], start, end, final),)  # type: ignore[arg-type]
            for n, (start, end) in spans.items()
        },
    )


def _find(quote: str, abstract: str) -> tuple[int, int] | None:
    """Return where a quote stands in an abstract, verbatim except for white space; None for none."""
    words = quote.split()
    match = re.search(r"\s+".join(map(re.escape, words)), abstract) if words else None
    return match.span() if match else None


def _paper(n: int, paper: Paper) -> str:
    return f"<paper>\n[{n}] {escape_verbatim(paper.title)}\n{escape_verbatim(paper.abstract)}\n</paper>"
