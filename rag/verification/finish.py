"""What happens to a reply when it is over: completed, repaired, remarked upon, and made an Answer."""

from __future__ import annotations

from collections.abc import Generator

from rag.answer import Answer, Event
from rag.errors import LLMFailed
from rag.generation.draft import Draft, Written
from rag.generation.extractive import item
from rag.generation.per_paper import Outcome
from rag.generation.reply_checks import says_nothing
from rag.llm.usage import Meter
from rag.settings import Unsupported
from rag.verification.checked_text import CheckedText
from rag.verification.judge import SentenceJudge
from rag.verification.repair import corrections, failed, pieces_with, struck

_ADDED = "Not in the model's answer, in the papers' own words:\n\n"


def finish(
    draft: Draft,
    text: CheckedText,
    meter: Meter,
    judge: SentenceJudge,
    unsupported: Unsupported,
    outcome: Outcome,
) -> Generator[Event, None, Answer]:
    """Complete a list, deal with the sentences that no paper bears out, and give the answer."""
    notes = _remarks(text, outcome, draft)
    if says_nothing(text.text):
        return draft.without_answer(notes)
    if not text.cited:
        notes.append("The model cited no paper: nothing here can be checked.")
    unknown = text.unknown_markers
    broken = failed(text.sentences) if unsupported == "repair" else ()
    if broken and outcome.unasked:
        notes.append(f"{len(broken)} sentence(s) were not corrected, for the endpoint had failed.")
    elif broken:
        text = _repaired(text, meter, judge, notes)
        if not text.text.strip():
            return draft.extractive("No sentence that the model wrote was borne out. The extractive answer stands in.")
    if draft.query.kind == "list":
        yield from _complete(draft, text)
    notes += _verdicts(text)
    out, sentences = text.text, tuple(sorted(text.sentences, key=lambda sentence: sentence.start))
    if unsupported == "strike":
        out, sentences = struck(out, sentences)
    left = tuple(each for each in draft.evidence if each not in text.cited)
    return draft.written(Written(out, text.citations, sentences, left, tuple(notes), outcome.cut, unknown))


def _remarks(text: CheckedText, outcome: Outcome, draft: Draft) -> list[str]:
    notes = []
    if outcome.failures:
        more = f", and {outcome.unasked} more were not asked about" if outcome.unasked else ""
        notes.append(f"The endpoint failed for {len(outcome.failures)} paper(s){more}: {outcome.failures[0]}")
    if outcome.shortened:
        notes.append(f"What the model wrote on {outcome.shortened} paper(s) was too long, and ends early (…).")
    if outcome.left_out:
        sent, offered = len(draft.evidence) - outcome.left_out, len(draft.evidence)
        notes.append(f"Only {sent} of {offered} papers fitted into CITEDESK_LLM_CONTEXT.")
    if text.unknown_markers:
        notes.append(f"Removed {text.unknown_markers} citation number(s) that named no evidence.")
    return notes


def _complete(draft: Draft, text: CheckedText) -> Generator[Event, None, None]:
    """Add the papers of a list that the model left out, in their own words."""
    missing = [each for each in draft.evidence if each not in text.cited]
    for i, each in enumerate(missing):
        text.admit(each)
        gap = "\n" if i else _gap(text.text) + _ADDED
        yield from text.feed(gap + item(draft.query, each), "added")
        yield from text.end()


def _gap(text: str) -> str:
    """Give what is missing of an empty line behind a text."""
    return "\n" * max(2 - (len(text) - len(text.rstrip("\n"))), 0)


def _repaired(text: CheckedText, meter: Meter, judge: SentenceJudge, notes: list[str]) -> CheckedText:
    """Have the failing sentences corrected once, and check all anew; where that fails, say so and keep the text."""
    broken = failed(text.sentences)
    try:
        with meter.step("repair"):
            corrected = corrections(text.text, broken, text.cited, meter)
    except LLMFailed as error:
        notes.append(f"{len(broken)} sentence(s) could not be corrected: {error}")
        return text
    new = CheckedText(text.cited, judge)
    for piece, was_corrected in pieces_with(text.text, corrected, text.cited):
        list(new.feed(piece, "repaired" if was_corrected else "written"))
    list(new.end())
    if corrected:
        notes.append(f"Corrected or removed {len(corrected)} sentence(s) that no paper bore out.")
    else:
        notes.append(f"{len(broken)} sentence(s) could not be corrected: the model's reply held no correction.")
    return new


def _verdicts(text: CheckedText) -> list[str]:
    """Say how many of the model's sentences no paper bears out."""
    own = [sentence for sentence in text.sentences if sentence.origin != "added"]
    if not (broken := failed(own)):
        return []
    return [f"{len(broken)} of the model's {len(own)} sentences are not borne out by a paper that they cite."]
