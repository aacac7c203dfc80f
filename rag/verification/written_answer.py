"""A written answer: the model's reply as it comes, each sentence checked, failures replaced."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from rag.answer import Answer, Checked, Event, Notice, Sentence, StepTimer
from rag.errors import ContextOverflow, LLMFailed
from rag.generation.draft import Draft
from rag.generation.reply_checks import in_another_language, is_wordless, says_nothing
from rag.generation.writer import Writer, WritingOutcome, load_writer
from rag.llm.reply import is_refusal
from rag.llm.usage import UsageMeter
from rag.models.loading import load_deep_cross_encoder
from rag.settings import Settings
from rag.text.citation_markers import without_markers
from rag.text.sanitize import sanitize_markdown
from rag.verification.checked_text import CheckedText
from rag.verification.judge import VERDICTS, Judgement, SentenceJudge, lacking, plain_claim
from rag.verification.model_check import check_sentences
from rag.verification.repair import cited_as, corrections, failed, pieces_with, struck

_SHARES = (1.0, 0.5)  # of the context: the second where the endpoint says that the first was too much


@dataclass(frozen=True, slots=True)
class CheckedWriter:
    """Writes answers and checks them sentence by sentence."""

    writer: Writer
    judge: SentenceJudge

    def answer(self, draft: Draft, llm: UsageMeter, timer: StepTimer) -> Generator[Event, None, Answer]:
        """Stream a written answer and return it; where the endpoint fails, return the extractive one."""
        for share in _SHARES:
            sent = self.writer.fit(draft, share)
            if not sent:
                return draft.extractive(Notice("context_too_small"))
            papers = [each for each in (*draft.evidence, *draft.candidates) if each.n in sent]
            text = CheckedText(papers, self.judge, draft.query.asked)
            outcome = WritingOutcome()
            try:
                with llm.step("write"):
                    yield from self._stream(draft, text, sent, llm, outcome, timer)
                self.writer.learn(draft, sent, llm)
                answer = complete(draft, text, llm, self.judge, self.writer.settings, outcome)
                return replace(answer, reasoning=sanitize_markdown(llm.reasoning))
            except LLMFailed as error:
                failure = error
                if text.text or not isinstance(error, ContextOverflow):
                    break
        failed_by = Notice("endpoint_failed", {"error": str(failure)})
        return (
            draft.extractive(failed_by)
            if draft.evidence
            else draft.refused((failed_by, Notice("none_belongs", {"papers": len(draft.candidates)})))
        )

    def _stream(
        self,
        draft: Draft,
        text: CheckedText,
        sent: dict[int, str],
        llm: UsageMeter,
        outcome: WritingOutcome,
        timer: StepTimer,
    ) -> Iterator[Event]:
        """Yield the events of a reply; raises LLMFailed where it is no answer."""
        pieces = self.writer.write(draft, sent, llm, outcome)
        timer.lap("prompt")
        with closing(pieces):
            for piece in pieces:
                timer.lap("write" if text.text else "first_token")
                yield from _checked(draft, text, llm, text.feed(piece))
        yield from _checked(draft, text, llm, text.end())
        _raise_unless_answer(draft, text, llm)  # a reply may have no whole sentence
        if text.repeats_instructions and not text.cited:
            raise LLMFailed(f"{llm.name} repeated its instructions in place of an answer.")
        if is_wordless(text.text):
            raise LLMFailed(f"{llm.name} wrote no word.")


def load_checked_writer(settings: Settings) -> CheckedWriter:
    """Load what writes answers, and the cross-encoder that checks them; raises ModelUnavailable."""
    return CheckedWriter(load_writer(settings), SentenceJudge(load_deep_cross_encoder(settings.home)))


def _checked(draft: Draft, text: CheckedText, llm: UsageMeter, events: Iterator[Event]) -> Iterator[Event]:
    """Pass events on, a sentence only once the reply up to it is known to be an answer."""
    for event in events:
        if isinstance(event, Checked):
            _raise_unless_answer(draft, text, llm)
        yield event


def _raise_unless_answer(draft: Draft, text: CheckedText, llm: UsageMeter) -> None:
    if is_refusal(text.text):
        raise LLMFailed(f"{llm.name} declined to answer.")
    if in_another_language(draft.query.asked, text.text):
        raise LLMFailed(f"{llm.name} answered in another language than the question's.")


def complete(
    draft: Draft,
    text: CheckedText,
    llm: UsageMeter,
    judge: SentenceJudge,
    settings: Settings,
    outcome: WritingOutcome,
) -> Answer:
    """Deal with sentences that are not supported, and return the answer; before, let the model check if set."""
    notices = _outcome_notices(text, outcome, draft)
    if says_nothing(text.text):
        return draft.without_answer(notices)
    if not text.cited:
        notices.append(Notice("nothing_cited"))
    unknown, read, considered = text.unknown_markers, text.sent, text.considered
    checks = settings.llm_check == "on" and not outcome.unasked
    if checks:
        _check_by_model(text, llm, notices)
    broken = failed(text.text, text.sentences) if settings.unsupported == "repair" else ()
    if broken and outcome.unasked:
        notices.append(_not_corrected(len(broken), "the endpoint had failed before."))
    elif broken:
        text = _repaired(text, broken, llm, judge, notices, draft.query.asked)
        if checks:
            _check_by_model(text, llm, notices)
        if not text.text.strip():
            return draft.extractive(Notice("all_removed"))
    out, sentences = text.text, tuple(sorted(text.sentences, key=lambda sentence: sentence.start))
    if settings.unsupported == "strike":
        out, sentences = struck(out, sentences)
    return draft.written(out, text.citations, sentences, read, considered, notices, unknown, outcome.truncated)


def _outcome_notices(text: CheckedText, outcome: WritingOutcome, draft: Draft) -> list[Notice]:
    papers = len(draft.evidence)
    noticed: list[tuple[object, str, Mapping[str, object]]] = [
        (
            outcome.failures,
            "endpoint_failed_for",
            {
                "papers": len(outcome.failures),
                "skipped": outcome.unasked,
                "error": str(next(iter(outcome.failures), "")),
            },
        ),
        (outcome.shortened, "parts_truncated", {"papers": outcome.shortened}),
        (outcome.left_out, "papers_left_out", {"sent": papers - outcome.left_out, "papers": papers}),
        (text.repeats_instructions or outcome.repeated, "instructions_removed", {}),
        (text.unknown_markers, "markers_removed", {"markers": text.unknown_markers}),
    ]
    return [Notice(code, data) for happened, code, data in noticed if happened]


def _check_by_model(text: CheckedText, llm: UsageMeter, notices: list[Notice]) -> None:
    """Put the model's verdicts in place of the cross-encoder's; where it gives none that counts, those stay."""
    asked = [each for each in text.sentences if each.citations and each.verdict != "about_answer"]
    try:
        with llm.step("check"):
            found = check_sentences(text.text, asked, text.cited, llm)
    except LLMFailed as error:
        notices.append(Notice("check_failed", {"error": str(error)}))
        return
    text.revise(found)
    if left := len(asked) - len(found):
        notices.append(Notice("check_incomplete", {"left": left, "sentences": len(asked)}))


def _not_corrected(sentences: int, reason: str) -> Notice:
    return Notice("not_corrected", {"sentences": sentences, "reason": reason})


def _repaired(
    text: CheckedText,
    broken: Sequence[Sentence],
    llm: UsageMeter,
    judge: SentenceJudge,
    notices: list[Notice],
    question: str,
) -> CheckedText:
    """Have the `broken` sentences corrected once and check everything again; where that fails, keep the text.

    A correction that the check likes no better than what it replaces is left out. A mere doubt about a sentence that
    the model finds right is dropped.
    """
    try:
        with llm.step("repair"):
            offered = corrections(text.text, broken, text.cited, llm)
    except LLMFailed as error:
        notices.append(_not_corrected(len(broken), str(error)))
        return text
    right = {each for each, said in offered.items() if said == text.text[each.start : each.end]}
    corrected = {
        each: said
        for each, said in offered.items()
        if each not in right and (not said or _is_better(said, each, text, judge))
    }
    new = CheckedText(text.cited, judge, question)
    for piece, was_corrected in pieces_with(text.text, corrected, text.cited):
        list(new.feed(piece, "repaired" if was_corrected else "written"))
    list(new.end())
    confirmed = {without_markers(text.text[each.start : each.end]) for each in right if not each.reason}
    new.revise(
        {
            each: Judgement(None)
            for each in new.sentences
            if without_markers(new.text[each.start : each.end]) in confirmed
        }
    )
    if corrected:
        notices.append(Notice("corrected", {"sentences": len(corrected)}))
    elif not right:
        notices.append(_not_corrected(len(broken), "the model's reply held no correction."))
    return new


def _is_better(said: str, sentence: Sentence, text: CheckedText, judge: SentenceJudge) -> bool:
    """Return whether the check likes a correction better: by its verdict, or by its score under the same verdict."""
    papers = {n: text.cited[n - 1].paper for n in sentence.citations}
    if lacking(plain_claim(said), papers):
        return False
    verdict = judge.judge(cited_as(said, sentence.citations), papers).verdict
    if verdict != sentence.verdict:
        return verdict in VERDICTS and VERDICTS.index(verdict) < VERDICTS.index(sentence.verdict)
    return judge.support(said, papers) > judge.support(text.text[sentence.start : sentence.end], papers)
