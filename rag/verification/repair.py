"""Sentences that their papers do not bear out: corrected by one more request, or struck through."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag.answer import Sentence
from rag.generation.prompts import repair_messages
from rag.llm.prompt_parts import format_evidence
from rag.llm.protocol import ChatModel
from rag.text.citation_markers import MARKER, without_any_markers, without_markers
from rag.text.sentences import split_sentences
from rag.types import Evidence

FAILED = ("unsupported", "uncited")
_LINE = re.compile(r"^\s*(?:\W*)(\d{1,3})\s*[:.)]\s*(.+?)\s*$", re.MULTILINE)
_DELETE = re.compile(r"\W*DELETE\b", re.IGNORECASE)


def failed(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """List the sentences that no paper bears out."""
    return tuple(sentence for sentence in sentences if sentence.verdict in FAILED)


def corrections(
    text: str, sentences: Sequence[Sentence], cited: Sequence[Evidence], chat: ChatModel
) -> dict[Sentence, str]:
    """Ask once for corrected sentences, without markers; "" is one to leave out. Raises LLMFailed.

    A sentence without a citation is not sent, for there is no abstract to correct it by: it is left out. Rows of tables
    stay as they are.
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
    """Cut a text into (piece, was corrected), its markers naming the evidence again, corrections in their places."""
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
    """Strike through the sentences that no paper bears out, but no rows of tables; gives the shifted sentences too."""
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
    """End each sentence of a correction with the markers of the sentence that it stands for."""
    markers = "".join(f"[{n}]" for n in citations)
    return " ".join(f"{each.strip().rstrip('.')} {markers}." for each in split_sentences(correction))


def _whole_line(text: str, sentence: Sentence) -> tuple[int, int]:
    """Give a sentence's place, and where nothing else stands in its line the line's."""
    start, end = text.rfind("\n", 0, sentence.start) + 1, (text + "\n").find("\n", sentence.end)
    rest = text[start : sentence.start] + text[sentence.end : end]
    return (start, end + 1) if not re.search(r"[^\W\d_]", rest) else (sentence.start, sentence.end)


def _with_evidence_numbers(text: str, cited: Sequence[Evidence]) -> str:
    return MARKER.sub(lambda match: f"[{cited[int(match[1]) - 1].n}]", text)
