"""Sentences that their papers do not support: corrected by one more request, or struck through."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag.answer import Sentence
from rag.generation.prompts import repair_messages
from rag.llm.prompting import format_evidence
from rag.llm.protocol import ChatModel
from rag.text.citation_markers import MARKER, without_any_markers, without_markers
from rag.text.sentences import split_sentences
from rag.types import Evidence

FAILED = ("not_found", "contradicted")
_LINE = re.compile(r"^\s*(?:\W*)(\d{1,3})\s*[:.)]\s*(.+?)\s*$", re.MULTILINE)
_DELETE = re.compile(r"\W*DELETE\b", re.IGNORECASE)


def failed(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Return the sentences that cite papers which do not support them."""
    return tuple(sentence for sentence in sentences if sentence.verdict in FAILED and sentence.citations)


def is_wrong(sentence: Sentence) -> bool:
    """Return whether a paper contradicts a sentence, or lacks a number or name of it: more than a doubt."""
    return sentence.verdict == "contradicted" or (sentence.verdict == "not_found" and sentence.reason is not None)


def corrections(
    text: str, sentences: Sequence[Sentence], cited: Sequence[Evidence], chat: ChatModel
) -> dict[Sentence, str]:
    """Ask once for corrected sentences; "" is one to remove. Raises LLMFailed.

    Only what is wrong may be removed, since a doubt may be the check's mistake. Table rows stay as they are.
    """
    sent = [each for each in sentences if not text.startswith("|", each.start)]
    if not sent:
        return {}
    numbers = dict.fromkeys(n for sentence in sent for n in sentence.citations)
    papers = [format_evidence(replace(cited[n - 1], n=n)) for n in numbers]
    claims = [(text[sentence.start : sentence.end], _reason(text, sentence)) for sentence in sent]
    reply = chat.complete(repair_messages(papers, claims))
    found: dict[Sentence, str] = {}
    lines = _LINE.findall(reply.text)
    for number, said in lines[:-1] if reply.cut else lines:
        sentence = sent[int(number) - 1] if 1 <= int(number) <= len(sent) else None
        if sentence is None or (_DELETE.match(said) and not is_wrong(sentence)):
            continue
        corrected = "" if _DELETE.match(said) else said
        if without_any_markers(corrected) != without_markers(text[sentence.start : sentence.end]):
            found[sentence] = corrected
    return found


def _reason(text: str, sentence: Sentence) -> str:
    """Return in words what is wrong with a sentence, and with which part of it."""
    said = []
    for each in sentence.units:
        if each.verdict in FAILED:
            part = f"“{without_markers(text[each.start : each.end]).strip()}”: " if sentence.parts else ""
            doubt = "the abstract says otherwise" if each.verdict == "contradicted" else "the abstract does not say so"
            said.append(f"{part}{each.reason or doubt}")
    return "; ".join(said)


def pieces_with(text: str, corrected: Mapping[Sentence, str], cited: Sequence[Evidence]) -> list[tuple[str, bool]]:
    """Split a text into (piece, was corrected) with the corrections in place and markers that number the evidence."""
    pieces: list[tuple[str, bool]] = []
    last = 0
    for sentence in sorted(corrected, key=lambda each: each.start):
        start, end = (sentence.start, sentence.end) if corrected[sentence] else _whole_line(text, sentence)
        pieces.append((text[last:start], False))
        if corrected[sentence]:
            pieces.append((cited_as(corrected[sentence], sentence.citations), True))
        last = end
    pieces.append((text[last:], False))
    return [(_with_evidence_numbers(piece, cited), was) for piece, was in pieces if piece]


def struck(text: str, sentences: Sequence[Sentence]) -> tuple[str, tuple[Sentence, ...]]:
    """Strike through what is wrong, clause by clause and cell by cell; returns the text and the shifted sentences."""
    units = (unit for each in sentences for unit in each.units)
    wrong = sorted((each.start, each.end) for each in units if is_wrong(each) and not text.startswith("|", each.start))
    out, last = "", 0
    for start, end in wrong:
        out += f"{text[last:start]}~~{text[start:end]}~~"
        last = end

    def shifted(at: int, is_end: bool) -> int:
        opened = sum(start < at for start, _ in wrong)
        closed = sum(end < at or (is_end and end == at) for _, end in wrong)
        return at + len("~~") * (opened + closed)

    def moved(sentence: Sentence) -> Sentence:
        start, end = shifted(sentence.start, is_end=False), shifted(sentence.end, is_end=True)
        return replace(sentence, start=start, end=end, parts=tuple(map(moved, sentence.parts)))

    return out + text[last:], tuple(map(moved, sentences))


def cited_as(correction: str, citations: Sequence[int]) -> str:
    """Return a correction with its markers if they are among `citations`, else with all of these in each sentence."""
    own = {int(number) for number in MARKER.findall(correction)}
    if own and own <= set(citations):
        return correction
    markers = "".join(f"[{n}]" for n in citations)
    plain = without_any_markers(correction)
    return " ".join(f"{each.strip().rstrip('.')} {markers}." for each in split_sentences(plain))


def _whole_line(text: str, sentence: Sentence) -> tuple[int, int]:
    """Return the (start, end) of a sentence, or of its whole line where nothing else is in it."""
    start, end = text.rfind("\n", 0, sentence.start) + 1, (text + "\n").find("\n", sentence.end)
    rest = text[start : sentence.start] + text[sentence.end : end]
    return (start, end + 1) if not re.search(r"[^\W\d_]", rest) else (sentence.start, sentence.end)


def _with_evidence_numbers(text: str, cited: Sequence[Evidence]) -> str:
    return MARKER.sub(lambda match: f"[{cited[int(match[1]) - 1].n}]", text)
