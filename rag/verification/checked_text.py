"""A streamed reply: sanitized, its citation markers checked, each sentence judged as soon as it is complete."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from rag.answer import Checked, Citation, Cited, Event, Origin, Sentence, Support, Token
from rag.errors import ModelFailed
from rag.generation.instruction_filter import InstructionFilter
from rag.text.citation_markers import MARKER
from rag.text.sanitize import StreamingDecoder, StreamingSanitizer
from rag.types import Evidence, Paper, Quote
from rag.verification.closing_lists import ClosingLists
from rag.verification.judge import VERDICTS, Judgement, SentenceJudge
from rag.verification.marker_filter import MarkerFilter
from rag.verification.sentence_stream import ReplySentence, SentenceStream

_SECTION_PAPERS = 16  # against which a sentence without a marker is judged
_HEADING = re.compile(r"^[ \t]*(?:#{1,6}[ \t]|\*\*[^*\n]+\*\*[ \t]*$)", re.MULTILINE)


class CheckedText:
    """Takes a reply in pieces and yields the events that show it.

    In the reply a marker is the number of an evidence; in `text`, `sentences` and `citations` papers are numbered in
    the order in which the text cites them.
    """

    def __init__(self, evidence: Sequence[Evidence], judge: SentenceJudge, question: str = "") -> None:
        """Start an empty text; `question` is what the answer is to."""
        self.text = ""
        self.sentences: list[Sentence] = []
        self._evidence = {each.n: each for each in evidence}
        self._judge = judge
        self._question = question
        self._visible = StreamingDecoder()
        self._repeated = InstructionFilter()
        self._lists = ClosingLists(evidence)
        self._markers = MarkerFilter(evidence)
        self._inert = StreamingSanitizer()  # last, for taking out a marker joins what stood around it
        self._stream = SentenceStream()
        self._origins: list[tuple[int, Origin]] = [(0, "written")]
        self._waiting: list[ReplySentence] = []  # sentences of a list item without a marker of their own
        self._uncited: list[ReplySentence] = []  # sentences outside of lists without a marker
        self._judgements: list[Judgement] = []  # of `sentences`
        self._announced = 0

    @property
    def unknown_markers(self) -> int:
        """The number of markers that named no evidence."""
        return self._markers.unknown

    @property
    def repeats_instructions(self) -> bool:
        """Whether sentences that repeat the prompt's instructions were removed."""
        return self._repeated.removed

    @property
    def sent(self) -> Collection[int]:
        """The numbers of the evidence that the model was sent."""
        return self._evidence.keys()

    @property
    def considered(self) -> Mapping[int, str]:
        """Why the model did not use papers, by the numbers of the evidence."""
        return self._lists.considered

    @property
    def cited(self) -> tuple[Evidence, ...]:
        """The evidence that the text cites, in the order of its numbers there."""
        return tuple(self._evidence[n] for n in self._markers.cited)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The cited papers, each with the sentences of its abstract that support the answer's sentences."""
        return tuple(
            Citation(n, each.paper, self._quoted(n, each), score=each.score)
            for n, each in enumerate(self.cited, start=1)
        )

    def feed(self, piece: str, origin: Origin = "written") -> Iterator[Event]:
        """Take a piece of the reply and yield what can be shown; a change of origin flushes what was held back."""
        if origin != self._origins[-1][1]:
            yield from self._flush()
            self._origins.append((len(self.text), origin))
        said = self._repeated.feed(self._visible.feed(piece))
        yield from self._show(self._inert.feed(self._markers.feed(self._lists.feed(said))))

    def end(self) -> Iterator[Event]:
        """Yield what was held back, at the end of the reply."""
        yield from self._flush()
        for span in self._uncited:
            yield self._judged(span, ())
        self._uncited.clear()

    def _flush(self) -> Iterator[Event]:
        """Yield what was held back of text of one origin."""
        said = self._repeated.feed(self._visible.flush()) + self._repeated.flush()
        last = self._lists.feed(said) + self._lists.flush()
        rest = self._markers.feed(last) + self._markers.flush()
        yield from self._show(self._inert.feed(rest) + self._inert.flush())
        yield from self._check(self._stream.flush())
        yield from self._judge_waiting()

    def revise(self, judgements: Mapping[Sentence, Judgement]) -> None:
        """Put other judgements in place of those of some sentences."""
        for i, sentence in enumerate(self.sentences):
            if judgement := judgements.get(sentence):
                self.sentences[i] = _sentence(
                    sentence.start, sentence.end, sentence.citations, judgement, sentence.origin
                )
                self._judgements[i] = judgement

    def _show(self, text: str) -> Iterator[Event]:
        text = text if self.text else text.lstrip()
        if not text:
            return
        self.text += text
        for each in self.cited[self._announced :]:
            self._announced += 1
            yield Cited(Citation(self._announced, each.paper, score=each.score))
        yield Token(text)
        yield from self._check(self._stream.feed(text))

    def _check(self, spans: Sequence[ReplySentence]) -> Iterator[Event]:
        for span in spans:
            if self._waiting and span.line != self._waiting[0].line:
                yield from self._judge_waiting()
            cited = self._numbers(self.text[span.start : span.end])
            if cited or span.columns is not None:
                yield self._judged(span, cited)
            else:
                (self._waiting if span.item else self._uncited).append(span)

    def _judge_waiting(self) -> Iterator[Event]:
        """Judge a list item's sentences without a marker against the item's paper, if it cites exactly one."""
        for span in self._waiting:
            start = self.text.rfind("\n", 0, span.start) + 1
            cited = self._numbers(self.text[start:].partition("\n")[0])
            if len(cited) == 1:
                yield self._judged(span, cited)
            else:
                self._uncited.append(span)
        self._waiting.clear()

    def _judged(self, span: ReplySentence, cited: tuple[int, ...]) -> Checked:
        origin = next(origin for start, origin in reversed(self._origins) if start <= span.start)
        judgement = self._judgement(span, cited)
        sentence = _sentence(span.start, span.end, cited, judgement, origin)
        self._judgements.append(judgement)
        self.sentences.append(sentence)
        return Checked(sentence)

    def _judgement(self, span: ReplySentence, cited: tuple[int, ...]) -> Judgement:
        said = self.text[span.start : span.end]
        try:
            if span.columns is not None:
                return self._judge.judge_row(said, span.columns, self._papers(range(1, len(self.cited) + 1)))
            if not cited:
                return self._by_section(span)
            before = self.text[self.text.rfind("\n", 0, span.start) + 1 : span.start]
            return self._judge.judge(said, self._papers(cited), self._question, before)
        except ModelFailed as error:
            return Judgement(None, f"it could not be checked: {error}")

    def _by_section(self, span: ReplySentence) -> Judgement:
        """Judge a sentence without a marker by the papers that its section cites, else by all."""
        numbers = self._numbers(_section(self.text, span.start)) or self._numbers(self.text)
        said = self.text[span.start : span.end]
        return self._judge.judge_uncited(said, self._papers(numbers[:_SECTION_PAPERS]), self._question)

    def _papers(self, numbers: Iterable[int]) -> dict[int, Paper]:
        cited = self.cited
        return {n: cited[n - 1].paper for n in numbers}

    def _quoted(self, n: int, evidence: Evidence) -> tuple[Quote, ...]:
        """Return the quotes of a paper, each once, with its best verdict."""
        kept: dict[tuple[int, int], Quote] = {}
        for quote in (quote for each in self._judgements for quote in each.quotes.get(n, ())):
            span = (quote.start, quote.end)
            if span not in kept or VERDICTS.index(quote.verdict) < VERDICTS.index(kept[span].verdict):
                kept[span] = quote
        return tuple(kept[span] for span in sorted(kept)) or evidence.quotes

    def _numbers(self, text: str) -> tuple[int, ...]:
        known = {str(n): n for n in range(1, len(self._markers.cited) + 1)}
        return tuple(dict.fromkeys(known[number] for number in MARKER.findall(text) if number in known))


def _sentence(start: int, end: int, cited: tuple[int, ...], judgement: Judgement, origin: Origin) -> Sentence:
    """Return a sentence of the text with its judgement, and that of its parts where they cite or are cells."""
    support = tuple(Support(n, quote.start, quote.end) for n, quotes in judgement.quotes.items() for quote in quotes)
    parts = tuple(
        _sentence(start + part.start, start + part.end, part.cited, part.judgement, origin) for part in judgement.parts
    )
    return Sentence(start, end, cited, judgement.verdict, judgement.reason, origin, support, parts)


def _section(text: str, at: int) -> str:
    """Return the part of a text between the headings around a position."""
    before = [match.start() for match in _HEADING.finditer(text, 0, at)]
    after = _HEADING.search(text, at)
    return text[before[-1] if before else 0 : after.start() if after else len(text)]
