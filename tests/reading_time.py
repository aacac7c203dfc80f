"""A fuzzer that looks for the texts that take longest to read: hill climbing on how much more four times as much takes.

A text is a pattern: what begins it, a unit that is repeated up to a length, and what ends it. What it takes is counted
in lines of Python, which are always the same, and in CPU time, which counts what regular expressions do. Run it for
minutes with `python -m tests.reading_time --seconds 600`; the patterns that it finds belong in
`data/slow_patterns.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any, get_args

from rag.answer import Sentence
from rag.corpus.cleaning import clean_abstract, clean_title
from rag.corpus.coercion import Tally, paper_of
from rag.corpus.formats.bibtex import parse_bibtex
from rag.corpus.formats.json_records import parse_json
from rag.corpus.formats.tables import parse_markdown, parse_table
from rag.corpus.formats.tagged import MEDLINE, REFER, RIS, WOS, parse_tagged
from rag.corpus.formats.xml import parse_xml
from rag.corpus.ids import find_ids
from rag.corpus.sources import Source
from rag.corpus.vocabulary import Entry
from rag.errors import CorpusError
from rag.generation.reply_checks import in_another_language, is_wordless, says_nothing
from rag.generation.values import expected_value
from rag.index.chunks import Chunker
from rag.index.derived import derived
from rag.index.papers import PaperStore
from rag.llm.reasoning import LeakedReasoning, ReasoningFilter
from rag.llm.reply import excerpt, find_object, is_refusal
from rag.llm.stream import RepetitionDetector
from rag.models.encoder import EncodedQuestion, Tagged
from rag.query.condense import condense
from rag.query.dates import read_dates
from rag.query.follow_up import has_pronoun
from rag.query.known_names import tag_author_names, tag_paper_names, tag_venue_names
from rag.query.names import LibraryNames, clean_name, clean_place
from rag.query.numbers import read_author_count, read_count
from rag.query.orders import compared_date, read_order, stated_adverb
from rag.query.reader import QueryReader
from rag.query.references import numbers_named, papers_titled
from rag.query.spelling import Spelling
from rag.render.markdown import markdown_to_text, plain
from rag.text.citation_markers import MarkerScanner, substitute_markers, without_any_markers
from rag.text.identifiers import find_identifiers
from rag.text.language import is_non_english_question
from rag.text.latex import latex_to_text
from rag.text.names import matches_author, surname_and_given, surnames_of
from rag.text.normalize import normalize
from rag.text.quantities import extract_dates, extract_quantities
from rag.text.rhetoric import sentence_roles
from rag.text.sanitize import StreamingDecoder, StreamingSanitizer, decode_visible, sanitize_markdown
from rag.text.sentences import sentence_spans
from rag.text.tokens import tokenize
from rag.text.venues import matches_venue, named_venue_kinds, venue_kind
from rag.text.work_types import is_of_type, split_work_types, work_type
from rag.types import ActionName, Evidence, Kind, Quote, Turn
from rag.verification.about_answer import is_about_answer
from rag.verification.checked_text import CheckedText
from rag.verification.clauses import split_cells, split_clauses
from rag.verification.exact import missing_names, missing_numbers
from rag.verification.judge import SentenceJudge, plain_claim
from rag.verification.paper_text import paper_text
from rag.verification.repair import pieces_with, struck
from rag.verification.sentence_stream import SentenceStream
from tests.fakes import PEBBLE, SHELF, HashCrossEncoder, HashEncoder, ScriptedChat
from tests.timing import cpu_seconds

SEEDS = Path(__file__).parent / "data" / "slow_patterns.jsonl"
LENGTH = 2000
"""Characters of the shorter text; the longer one has four times as many."""

_TOO_LONG = 1.0  # seconds
_DAY = date(2025, 6, 1)
_PAPERS = {paper.paper_id: paper for paper in SHELF}
_PAPER_TEXT = paper_text(PEBBLE)
_TAG_NAMES = ("topic", "side", "author", "venue", "date", "exclusion")
PIECES = (
    "in March 2025 ", "how do in 2024 ", "one how do ", "in the last two years ", "is, in 2024 ", "who ", "first ",
    "differences between in 2024 ", "KV-cache ", "Ada Quill", "Quill, A. ", "van der ", "Nature", "ICML 2024 ",
    "and ", "International Conference on ", "at a workshop or ", "papers ", "which ", "the ", "2", "-", "–", " ",
    "  ", "\n", "\t", ",", ".", ";", ":", "(", ")", "[", "]", "{", "}", "<", ">", "/", "\\", "'", "’", "\"", "`",
    "```", "*", "**", "_", "~", "#", "|", "$", "^", "&", "%", "+", "=", "!", "?", "@", "a", "A", "é", "α", "²", "ⅷ",
    "٣", "\u200b", "\u00ad", "\u202e", "【", "】", "〔1〕", "[1]", "[1](", "](", "![", "[[1],", "(Quill et al., 2020; ",
    "Source ", "p. ", "<sup>", "</sup>", "<cite", "<think>", "</think>", "<|channel|>", "<details", "<summary>",
    "Reasoning:\n", "Answer", "thought ", "analysis", "&amp;", "&#", "&lt;", "http://a.b/", "www.", "mailto:",
    "a@b.c", "javascript:", "10.1000/", "2401.00001", "arXiv:", "\\textbf{", "\\cite{", "\\'", "{\\it ", "3.5 ",
    "1,000", "million ", "twenty-", "five ", "percent", "x ", "times", "1/2", "e5", "± ", "GPT-4 ", "we present a ",
    "a survey of ", "not ", "without ", "or later ", "---\n", "- ", "1. ", "> ", "| a ", "|-", "Here is my ",
    "A. ", "K-V-", "<!--", "et al.", "with colleagues ", "of ", "last ", "author ", "paper ", "than ",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text of any length."""

    reader: str
    begins: str
    unit: str
    ends: str = ""

    def text(self, length: int) -> str:
        """Return the text of about so many characters."""
        return self.begins + self.unit * max(1, length // len(self.unit)) + self.ends


class TooLong(Exception):
    """A text that took longer to read than anybody waits."""


def growth(pattern: Pattern, length: int = LENGTH) -> tuple[float, float]:
    """Return how many times as long four times the text takes, and that time; the least of a few runs, CPU time."""
    read = READERS[pattern.reader]
    short, long = pattern.text(length), pattern.text(4 * length)
    least = min(cpu_seconds(lambda: read(short)) for _ in range(3))
    longest = min(cpu_seconds(lambda: read(long)) for _ in range(1 if least > 0.05 else 3))
    return longest / max(least, 1e-4), longest


def lines_growth(pattern: Pattern, length: int = LENGTH) -> tuple[float, int]:
    """Return how many times as many lines of Python are run for four times the text, and how many that are."""
    read = READERS[pattern.reader]
    read(pattern.text(length // 2))  # what is done once, imports among it
    short, long = (
        _lines_run(lambda text=text: read(text)) for text in (pattern.text(length), pattern.text(4 * length))
    )
    return long / max(short, 1), long


def _lines_run(call: Callable[[], object]) -> int:
    run = 0

    def count(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        nonlocal run
        run += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
    return run


def _singly(feed: Callable[[str], object], pieces: Iterable[str]) -> None:
    for piece in pieces:
        feed(piece)


def _marker_scanner() -> MarkerScanner:
    return MarkerScanner(lambda found, before: "[1]")


def _reason(text: str, inside: bool, singly: bool) -> object:
    held = ReasoningFilter(inside)
    with suppress(LeakedReasoning):
        _singly(held.feed, text if singly else [text])
        held.flush()
    return held.reasoning


def _stream(stream: SentenceStream, text: str) -> None:
    _singly(stream.feed, text)
    stream.flush()


def _check(text: str, singly: bool) -> CheckedText:
    evidence = (
        Evidence(n, paper, (Quote(paper.abstract, 0, len(paper.abstract)),)) for n, paper in enumerate(SHELF, 1)
    )
    checked = CheckedText(tuple(evidence), SentenceJudge(HashCrossEncoder()), "Which?")
    for piece in text if singly else (text,):
        list(checked.feed(piece))
    list(checked.end())
    return checked


def _repair(text: str) -> None:
    sentences = [Sentence(start, end, (1,), "contradicted") for start, end in sentence_spans.__wrapped__(text)]
    struck(text, sentences)
    pieces_with(text, dict.fromkeys(sentences, ""), ())


def _read_file(text: str) -> None:
    source = Source("a", lambda: BytesIO(text.encode("utf-8", "replace")))
    with suppress(ValueError, CorpusError):
        for each in (
            parse_bibtex(text),
            parse_markdown(source.lines()),
            parse_json(text),
            parse_xml(source.open_bytes),
        ):
            list(each)
    list(parse_table([f"title,x{line}" for line in ("", *text.splitlines())], ","))
    for dialect in (RIS, MEDLINE, WOS, REFER):
        list(parse_tagged(text.splitlines(), dialect))
    with suppress(ValueError):
        paper_of(Entry(1, {name: [text] for name in ("title", "abstract", "authors", "date", "venue", "url")}), Tally())


def _everywhere(text: str) -> list[Tagged]:
    """Return a tag for each of the words that the encoder reads, of which there are 96 tokens."""
    tags, at = [], 0
    for i, word in enumerate(text.split(" ")[:96]):
        tags += [Tagged(at, at + len(word), _TAG_NAMES[i % 6], 0.9)] if word else []
        at += len(word) + 1
    return tags


class _Tagging(HashEncoder):
    """An encoder that tags each word as something, and takes questions for any kind, by how they begin."""

    def encode_question(self, text: str) -> EncodedQuestion:
        at = zlib.crc32(text[:20].encode("utf-8", "replace"))
        kinds, actions = get_args(Kind), (*get_args(ActionName), "new", "ask", "refine")
        return replace(
            super().encode_question(text[:100]),
            text=text,
            kinds={kinds[at % len(kinds)]: 0.9},
            actions={actions[at % len(actions)]: 0.9},
            tags=tuple(_everywhere(text)),
        )


_STORE = PaperStore.of(SHELF)
_NAMES = LibraryNames(_STORE)
_SPELLING = Spelling(_STORE, lambda word: False)
_READER = QueryReader(_STORE, _Tagging(), lambda: _DAY)
_HISTORY = (Turn("Which papers cut the memory of caches?", "Two [1] [2].", ("2401.00001", "2406.00004")),)


def _ask(text: str) -> None:
    line = " ".join(text.split())
    for history in ((), _HISTORY):
        _READER._in_conversation(line, history, (), None)  # `read` refuses what is longer than anybody asks
    _SPELLING.mend(line)
    _SPELLING.respelt(line)


def _tag(text: str) -> None:
    tags = tag_paper_names(_everywhere(text), text, lambda name: "2" in name, lambda name: "A" in name)
    tags = tag_author_names(tags, text, _NAMES.has_author)
    tag_venue_names(tags, text, _NAMES.venue)


READERS: Mapping[str, Callable[[str], object]] = {
    "question": _ask,
    "dates": lambda text: read_dates(text, _DAY),
    "counts": lambda text: (read_count(text), read_author_count(text)),
    "orders": lambda text: (read_order(text), stated_adverb(text), compared_date(text)),
    "references": lambda text: (
        numbers_named(text, 20, bare=True),
        papers_titled(text, (), list(_PAPERS), _PAPERS),
        has_pronoun(text),
    ),
    "tags": _tag,
    "author": lambda text: (surname_and_given(text), surnames_of(text), matches_author(text, "Ada B Quill")),
    "places": lambda text: (clean_place(text), clean_name(text), _NAMES.organisation(text)),
    "venues": lambda text: (matches_venue(text, "ICML 2024"), named_venue_kinds(text), venue_kind(text)),
    "work types": lambda text: (work_type(text), split_work_types(text), is_of_type(text, "", "survey")),
    "abstract": lambda text: (is_of_type("", text, "survey"), is_of_type("", text, "benchmark")),
    "ids": lambda text: list(find_ids(text)),
    "language": is_non_english_question,
    "latex": latex_to_text,
    "normalize": normalize,
    "tokens": tokenize,
    "sentences": sentence_spans,
    "identifiers": find_identifiers,
    "quantities": lambda text: (extract_dates(text), extract_quantities(text)),
    "condense": lambda text: condense(text, [Turn(text, text)], ScriptedChat([text])),
    "value": expected_value,
    "cleaning": lambda text: (clean_title(text), clean_abstract(text)),
    "visible": decode_visible,
    "sanitize": sanitize_markdown,
    "sanitizer": lambda text: _singly(StreamingSanitizer().feed, text),
    "decoder": lambda text: _singly(StreamingDecoder().feed, text),
    "markers": lambda text: (substitute_markers(text, lambda found, before: "[1]"), without_any_markers(text)),
    "marker stream": lambda text: _singly(_marker_scanner().feed, text),
    "reasoning": lambda text: [_reason(text, inside, singly=False) for inside in (False, True)],
    "reasoning stream": lambda text: [_reason(text, inside, singly=True) for inside in (False, True)],
    "reply": lambda text: (is_refusal(text), excerpt(text), find_object(text, {"type": "object"})),
    "repetition": lambda text: _singly(RepetitionDetector().feed, text),
    "reply checks": lambda text: (is_wordless(text), says_nothing(text), in_another_language("Which?", text)),
    "file": _read_file,
    "names in a paper": lambda text: derived(
        replace(PEBBLE, title=text or "-", abstract=text, authors=(text,), venue=text)
    ),
    "chunks": lambda text: Chunker(30, 8, str.split, 512).chunks(replace(PEBBLE, abstract=text)),
    "roles": lambda text: sentence_roles.__wrapped__(text, sentence_spans.__wrapped__(text)),
    "checked text": lambda text: _check(text, singly=False),
    "checked stream": lambda text: _check(text, singly=True),
    "repair": _repair,
    "clauses": lambda text: (split_clauses(text), split_cells(text), plain_claim(text)),
    "claims": lambda text: (
        missing_numbers(text, [_PAPER_TEXT]),
        missing_names(text, [_PAPER_TEXT]),
        is_about_answer(text, "Which?"),
    ),
    "sentence stream": lambda text: _stream(SentenceStream(), text),
    "markdown": lambda text: (plain(text), markdown_to_text(text, 80)),
}
"""What reads a question, a reply or a paper, by name."""


def worst_patterns(seconds: float, seed: int, readers: Sequence[str]) -> Iterator[tuple[float, float, Pattern]]:
    """Climb from random patterns of each reader in turn, and yield each that grows faster than the one before it."""
    chance = random.Random(seed)
    spent = 0.0
    while spent < seconds:
        for reader in readers:
            best, worst = _random(reader, chance), 0.0
            for _ in range(25):
                tried = _changed(best, chance) if worst else best
                rate, took = _limited(tried)
                spent += took * 2
                if rate > worst:
                    best, worst = tried, rate
                    if rate > 7 and took > 0.004:
                        yield rate, took, tried


def _limited(pattern: Pattern) -> tuple[float, float]:
    try:
        with _time_limit(_TOO_LONG):
            rate, took = growth(pattern)
            return max(rate, lines_growth(pattern, 250)[0]) if 0.001 < took < 0.05 else rate, took
    except TooLong:
        return 1000.0, _TOO_LONG


def _random(reader: str, chance: random.Random) -> Pattern:
    return Pattern(reader, _few(chance, 0), _few(chance, 1), _few(chance, 0))


def _few(chance: random.Random, least: int) -> str:
    return "".join(chance.choices(PIECES, k=chance.choice((least, 1, 1, 2, 3, 4))))


def _changed(pattern: Pattern, chance: random.Random) -> Pattern:
    part = chance.choice(("begins", "unit", "unit", "unit", "ends"))
    text = getattr(pattern, part)
    at = chance.randint(0, len(text))
    kind = chance.random()
    if kind < 0.35:
        text = text[:at] + chance.choice(PIECES) + text[at:]
    elif kind < 0.6 and len(text) > 1:
        text = text[:at] + text[min(len(text), at + chance.randint(1, 4)) :]
    else:
        text = _few(chance, 1 if part == "unit" else 0)
    return replace(pattern, **{part: text or "a" if part == "unit" else text})


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="CPU time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", nargs="+", choices=READERS, default=list(READERS))
    options = parser.parse_args()
    for rate, took, pattern in worst_patterns(options.seconds, options.seed, options.readers):
        sys.stdout.write(f"{rate:.1f} {took:.3f} {json.dumps(asdict(pattern))}\n")
        sys.stdout.flush()
