"""Sentences that their papers do not support: corrected by one more request, or struck through."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag.answer import Sentence
from rag.generation.prompts import repair_messages
from rag.llm.prompting import format_evidence
from rag.llm.protocol import ChatModel
from rag.text.citation_markers import MARKER, without_any_markers, without_markers
from rag.text.sentences import split_sentences
from rag.types import Evidence
from rag.verification.judge import AGAINST

_NOTHING = "–"  # in a cell
_LINE = re.compile(r"^\s*(?:\W*)(\d{1,3})\s*[:.)]\s*(.+?)\s*$", re.MULTILINE)
_LETTER = re.compile(r"[^\W\d_]")
_BAR = re.compile(r"\s*\|")
_DELETE = re.compile(r"\W*DELETE\b", re.IGNORECASE)


def failed(text: str, sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Return the sentences, and the cells of tables, that cite papers which do not support them."""
    units = (unit for each in sentences for unit in (each.parts if _is_row(text, each) else (each,)))
    return tuple(unit for unit in units if unit.verdict in AGAINST and unit.citations)


def is_wrong(sentence: Sentence) -> bool:
    """Return whether a paper contradicts a sentence, or lacks a number or name of it: more than a doubt."""
    return sentence.verdict == "contradicted" or (sentence.verdict == "not_found" and sentence.reason is not None)


def corrections(
    text: str, broken: Sequence[Sentence], cited: Sequence[Evidence], chat: ChatModel
) -> dict[Sentence, str]:
    """Ask once for corrected sentences and cells; "" is one to remove, its own text one that was right.

    Only what is wrong may be removed, since a doubt may be the check's mistake. Raises LLMFailed.
    """
    numbers = dict.fromkeys(n for each in broken for n in each.citations)
    papers = [format_evidence(replace(cited[n - 1], n=n)) for n in numbers]
    claims = [(text[each.start : each.end], _reason(text, each)) for each in broken]
    reply = chat.complete(repair_messages(papers, claims))
    found: dict[Sentence, str] = {}
    lines = _LINE.findall(reply.text)
    for number, said in lines[:-1] if reply.cut else lines:
        sentence = broken[int(number) - 1] if 1 <= int(number) <= len(broken) else None
        if sentence is None or (_DELETE.match(said) and not is_wrong(sentence)):
            continue
        before = text[sentence.start : sentence.end]
        unchanged = without_any_markers(said) == without_markers(before)
        found[sentence] = "" if _DELETE.match(said) else before if unchanged else said
    return found


def _reason(text: str, sentence: Sentence) -> str:
    """Return in words what is wrong with a sentence, and with which part of it, or where a cell stands."""
    said = []
    for each in sentence.units:
        if each.verdict in AGAINST:
            part = f"“{without_markers(text[each.start : each.end]).strip()}”: " if sentence.parts else ""
            doubt = "the abstract says otherwise" if each.verdict == "contradicted" else "the abstract does not say so"
            said.append(f"{part}{each.reason or doubt}")
    row = _row(text, sentence)
    return "; ".join(said) + (f" (a cell of the table row {row})" if row else "")


def pieces_with(text: str, corrected: Mapping[Sentence, str], cited: Sequence[Evidence]) -> list[tuple[str, bool]]:
    """Split a text into (piece, was corrected) with the corrections in place and markers that number the evidence."""
    pieces: list[tuple[str, bool]] = []
    last = 0
    for sentence in sorted(corrected, key=lambda each: each.start):
        start, end = sentence.start, sentence.end
        said = cited_as(corrected[sentence], sentence.citations) if corrected[sentence] else ""
        if _row(text, sentence):
            said = " ".join(said.replace("|", "/").split()).rstrip(".") or _NOTHING
        elif not said:
            start, end = _whole_line(text, sentence)
        pieces.append((text[last:start], False))
        pieces.append((said, True))
        last = end
    pieces.append((text[last:], False))
    return [(_with_evidence_numbers(piece, cited), was) for piece, was in pieces if piece]


def struck(text: str, sentences: Sequence[Sentence]) -> tuple[str, tuple[Sentence, ...]]:
    """Strike through what is wrong, clause by clause and cell by cell; returns the text and the shifted sentences."""
    units = (unit for each in sentences for unit in each.units)
    wrong = sorted((each.start, each.end) for each in units if is_wrong(each) and not _is_row(text, each))
    starts, ends = [start for start, _ in wrong], [end for _, end in wrong]
    out, last = "", 0
    for start, end in wrong:
        out += f"{text[last:start]}~~{text[start:end]}~~"
        last = end

    def shifted(at: int, is_end: bool) -> int:
        closed = bisect_right(ends, at) if is_end else bisect_left(ends, at)
        return at + len("~~") * (bisect_left(starts, at) + closed)

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


def _row(text: str, unit: Sentence) -> str:
    """Return the table row in which a cell stands; "" for what is no cell."""
    start, end = _line(text, unit)
    return text[start:end].strip() if unit.start > start and _BAR.match(text, start) else ""


def _is_row(text: str, sentence: Sentence) -> bool:
    return text.startswith("|", sentence.start)


def _whole_line(text: str, sentence: Sentence) -> tuple[int, int]:
    """Return the (start, end) of a sentence, or of its whole line where nothing else is in it."""
    start, end = _line(text, sentence)
    beside = _LETTER.search(text, start, sentence.start) or _LETTER.search(text, sentence.end, end)
    return (sentence.start, sentence.end) if beside else (start, end + 1)


def _line(text: str, unit: Sentence) -> tuple[int, int]:
    """Return the (start, end) of the lines on which a sentence or a cell stands."""
    end = text.find("\n", unit.end)
    return text.rfind("\n", 0, unit.start) + 1, end if end >= 0 else len(text)


def _with_evidence_numbers(text: str, cited: Sequence[Evidence]) -> str:
    return MARKER.sub(lambda match: f"[{cited[int(match[1]) - 1].n}]", text)
