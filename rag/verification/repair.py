"""Unsupported sentences: corrected by one more request, or struck through."""

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

FAILED = ("not_found", "contradicted", "uncited")
_LINE = re.compile(r"^\s*(?:\W*)(\d{1,3})\s*[:.)]\s*(.+?)\s*$", re.MULTILINE)
_DELETE = re.compile(r"\W*DELETE\b", re.IGNORECASE)


def failed(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Return the sentences that no paper supports."""
    return tuple(sentence for sentence in sentences if sentence.verdict in FAILED)


def corrections(
    text: str, sentences: Sequence[Sentence], cited: Sequence[Evidence], chat: ChatModel
) -> dict[Sentence, str]:
    """Ask once for corrected sentences, without markers; "" is one to remove. Raises LLMFailed.

    A sentence without a citation is removed, since there is no abstract to correct it by. Table rows stay as they are.
    """
    found = {sentence: "" for sentence in sentences if not sentence.citations}
    sent = [each for each in sentences if each.citations and not text.startswith("|", each.start)]
    if not sent:
        return found
    numbers = dict.fromkeys(n for sentence in sent for n in sentence.citations)
    papers = [format_evidence(cited[n - 1], numbered=False) for n in numbers]
    claims = [without_markers(text[sentence.start : sentence.end]) for sentence in sent]
    reply = chat.complete(repair_messages(papers, claims))
    lines = _LINE.findall(reply.text)
    for number, corrected in lines[:-1] if reply.cut else lines:
        if 1 <= int(number) <= len(sent):
            found[sent[int(number) - 1]] = "" if _DELETE.match(corrected) else without_any_markers(corrected)
    return found


def pieces_with(text: str, corrected: Mapping[Sentence, str], cited: Sequence[Evidence]) -> list[tuple[str, bool]]:
    """Split a text into (piece, was corrected) with the corrections in place and markers that number the evidence."""
    pieces: list[tuple[str, bool]] = []
    last = 0
    for sentence in sorted(corrected, key=lambda each: each.start):
        start, end = (sentence.start, sentence.end) if corrected[sentence] else _whole_line(text, sentence)
        pieces.append((text[last:start], False))
        if corrected[sentence]:
            pieces.append((_cited(corrected[sentence], sentence.citations), True))
        last = end
    pieces.append((text[last:], False))
    return [(_with_evidence_numbers(piece, cited), was) for piece, was in pieces if piece]


def struck(text: str, sentences: Sequence[Sentence]) -> tuple[str, tuple[Sentence, ...]]:
    """Strike through unsupported sentences, but no table rows; returns the text and the shifted sentences."""
    shifted: list[Sentence] = []
    out, last = "", 0
    for sentence in sentences:
        said = text[sentence.start : sentence.end]
        out += text[last : sentence.start]
        start = len(out)
        out += f"~~{said}~~" if sentence.verdict in FAILED and not said.startswith("|") else said
        shifted.append(replace(sentence, start=start, end=len(out)))
        last = sentence.end
    return out + text[last:], tuple(shifted)


def _cited(correction: str, citations: Sequence[int]) -> str:
    """End each sentence of a correction with the markers of the sentence that it replaces."""
    markers = "".join(f"[{n}]" for n in citations)
    return " ".join(f"{each.strip().rstrip('.')} {markers}." for each in split_sentences(correction))


def _whole_line(text: str, sentence: Sentence) -> tuple[int, int]:
    """Return the (start, end) of a sentence, or of its whole line where nothing else is in it."""
    start, end = text.rfind("\n", 0, sentence.start) + 1, (text + "\n").find("\n", sentence.end)
    rest = text[start : sentence.start] + text[sentence.end : end]
    return (start, end + 1) if not re.search(r"[^\W\d_]", rest) else (sentence.start, sentence.end)


def _with_evidence_numbers(text: str, cited: Sequence[Evidence]) -> str:
    return MARKER.sub(lambda match: f"[{cited[int(match[1]) - 1].n}]", text)
