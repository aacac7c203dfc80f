"""Time an answer's stream beside the identical request sent directly, question by question."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time

import httpx

from eval.latency.endpoint_stub import LAST
from eval.runs.asking import Asker
from rag.answer import Event, Retrieved, Token
from rag.types import Overrides, Paper
from rag.verification.judge import Judgement, SentenceJudge

_SENTENCES = """The first paper describes how a method was built and tested on several tasks
Its authors compare the cost of their approach with that of earlier systems
Memory use falls because fewer intermediate values are stored between two steps
On long inputs quality stays close to what the full model reaches
A second experiment varies the size of the network while data remain fixed
Larger settings benefit more than smaller ones from this kind of training
They also report where it breaks down and which assumptions matter most
Code and trained weights have been released for others to build upon
An appendix explains hyperparameters together with hardware that was available then
Future work could extend these ideas to speech or video""".split("\n")  # varied: a model that repeats itself is stopped
PIECES = tuple(
    piece
    for sentence in _SENTENCES
    for piece in (*(f"{word} " for word in sentence.split()[:-1]), sentence.split()[-1], " [1]", ". ")
)
TEXT = "".join(PIECES).rstrip()
_GIVE_UP = 10  # questions in a row
_AS_LIST = Overrides(kind="list", as_is=True)  # so that several papers are sent


class TimedJudge(SentenceJudge):
    """A judge that records the time of each sentence, in milliseconds."""

    def __init__(self, judge: SentenceJudge) -> None:
        self.times: list[float] = []
        self._judge = judge

    def judge(self, sentence: str, cited: Mapping[int, Paper], question: str = "", before: str = "") -> Judgement:
        """Judge a sentence with the timed judge."""
        started = perf_counter()
        judgement = self._judge.judge(sentence, cited, question, before)
        self.times.append(1000 * (perf_counter() - started))
        return judgement


@dataclass(frozen=True, slots=True)
class Streamed:
    """Milliseconds until the first piece of text, the CPU time of these in this process, and from there to the last."""

    first: float
    first_cpu: float
    rest: float


@dataclass(frozen=True, slots=True)
class TimedPair:
    """One question: our stream from the end of retrieval, the direct one, and the time that judging took of ours."""

    ours: Streamed
    bare: Streamed
    judging: float
    sentences: int

    @property
    def added_first(self) -> float:
        """Milliseconds added until the first token."""
        return self.ours.first - self.bare.first

    @property
    def added_first_cpu(self) -> float:
        """Milliseconds of CPU time, independent of the machine's load, added until the first token."""
        return self.ours.first_cpu - self.bare.first_cpu

    @property
    def added_per_token(self) -> float:
        """Milliseconds added for each further token, without judging."""
        return (self.ours.rest - self.judging - self.bare.rest) / (len(PIECES) - 1)


def questions(papers: Sequence[Paper]) -> list[str]:
    """Return a question about every paper, so that any index has questions."""
    return [f"which papers are about {paper.title}?" for paper in papers]


def measure_pairs(asker: Asker, judge: TimedJudge, address: str, asked: Iterable[str], n: int) -> Iterator[TimedPair]:
    """Time the first n questions that get a written answer; the first pair includes loading, and is not representative.

    Our request comes first in a pair, since the direct one repeats its body over an equally new connection. Stops after
    ten questions in a row without a written answer.
    """
    missing = 0
    with httpx.Client(limits=httpx.Limits(max_keepalive_connections=0)) as client:
        for question in asked:
            if n < 1 or missing == _GIVE_UP:
                return
            judge.times.clear()
            if ours := _time_ours(asker.ask(question, _AS_LIST, use_llm=True)):
                yield TimedPair(ours, _time_bare(client, address), sum(judge.times), len(judge.times))
                n, missing = n - 1, 0
            else:
                missing += 1


class _Watch:
    """Records when the pieces of a stream arrive, from its own creation on."""

    def __init__(self) -> None:
        self._started = (perf_counter(), process_time())
        self._laps: list[tuple[float, float]] = []

    def lap(self) -> None:
        self._laps.append((perf_counter(), process_time()))

    def streamed(self) -> Streamed:
        """Return the times; there is at least one piece."""
        (started, started_cpu), (first, first_cpu), (last, _) = self._started, self._laps[0], self._laps[-1]
        return Streamed(1000 * (first - started), 1000 * (first_cpu - started_cpu), 1000 * (last - first))


def _time_ours(events: Iterator[Event]) -> Streamed | None:
    """Time an answer's events; None where no model wrote the answer."""
    watch = _Watch()
    shown = 0
    for event in events:
        if isinstance(event, Retrieved):
            watch = _Watch()
        elif isinstance(event, Token) and shown < len(TEXT):
            watch.lap()
            shown += len(event.text)
    return watch.streamed() if shown >= len(TEXT) else None


def _time_bare(client: httpx.Client, address: str) -> Streamed:
    body = client.get(address + LAST).content
    headers = {"Content-Type": "application/json"}
    watch = _Watch()
    with client.stream("POST", f"{address}/v1/chat/completions", content=body, headers=headers) as response:
        for line in response.iter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                watch.lap()
    return watch.streamed()
