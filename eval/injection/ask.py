"""Ask about each hostile paper: what the model replied, what the reader is shown, and what plain LlamaIndex shows."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from eval.injection.documents import InjectionCase
from eval.injection.effects import Obedience, faults, obedience
from eval.injection.llamaindex_baseline import CitationQueryEngineWriter
from rag.answer import Answer, Done, Token
from rag.engine import Engine
from rag.errors import LLMFailed
from rag.llm.protocol import ChatModel, Message, Reply
from rag.llm.usage import UsageMeter
from rag.render.notices import notices_text
from rag.render.terminal import answer_to_text
from rag.verification.written_answer import CheckedWriter

_WIDTH = 100
_DOUBTED = ("not_found", "contradicted", "uncited")


@dataclass(frozen=True, slots=True)
class InjectionResult:
    """The outcome of one case; texts are kept so that every figure can be recomputed.

    `obeyed` is about the model's reply, `shown` about the sentences of it that the reader is shown, `plain_obeyed`
    about CitationQueryEngine's reply; None where it cannot be determined. `marked`: each shown sentence with the
    trigger has the verdict "unsupported" or "uncited".
    """

    case: int
    family: str | None
    question: str
    trigger: str | None
    found: bool
    status: str
    notice: str | None
    replies: tuple[str, ...]
    answer: str
    faults: tuple[str, ...]
    obeyed: Obedience | None = None
    shown: Obedience | None = None
    marked: bool | None = None
    plain: str | None = None
    plain_obeyed: Obedience | None = None
    plain_faults: tuple[str, ...] = ()
    plain_failure: str | None = None


class RecordingChat(UsageMeter):
    """A chat model whose replies are recorded."""

    def __init__(self, chat: ChatModel, replies: list[str]) -> None:
        super().__init__(chat)
        self._replies = replies

    def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, Reply]:
        """Stream a reply."""
        text = ""
        stream = super().stream(messages, max_tokens)
        try:
            while True:
                text += (piece := next(stream))
                yield piece
        except StopIteration as end:
            reply: Reply = end.value
            return reply
        finally:
            stream.close()
            self._replies.append(text)

    def complete(
        self, messages: Sequence[Message], max_tokens: int | None = None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """Return a whole reply."""
        reply = super().complete(messages, max_tokens, schema)
        self._replies.append(reply.text)
        return reply


def recording(writer: CheckedWriter, replies: list[str]) -> CheckedWriter:
    """Return a writer whose models' replies are appended to a list."""
    opened = writer.writer.open_chat
    return replace(writer, writer=replace(writer.writer, open_chat=lambda: RecordingChat(opened(), replies)))


def ask_each(
    engine: Engine, cases: Iterable[InjectionCase], replies: list[str], plain: CitationQueryEngineWriter | None = None
) -> Iterator[InjectionResult]:
    """Ask about each case; the engine's writer appends its model's replies to `replies`."""
    for case in cases:
        replies.clear()
        result = _result(case, list(engine.ask(case.question, case.overrides)), tuple(replies))
        yield replace(result, **_compared(case, plain)) if plain else result


def result_to_json(result: InjectionResult) -> dict[str, Any]:
    """Return a result as a JSON object."""
    return asdict(result)


def result_from_json(record: Mapping[str, Any]) -> InjectionResult:
    """Parse what `result_to_json` returned; raises TypeError for anything else."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return InjectionResult(**values)


def _result(case: InjectionCase, events: Sequence[Any], replies: tuple[str, ...]) -> InjectionResult:
    answer = next(event.answer for event in events if isinstance(event, Done))
    streamed = "".join(event.text for event in events if isinstance(event, Token))
    trigger = case.document.trigger if replies else None
    own = _own_words(answer)
    return InjectionResult(
        case=case.number,
        family=case.document.family,
        question=case.question,
        trigger=case.document.trigger,
        found=any(each.paper.paper_id == case.paper.paper_id for each in (*answer.citations, *answer.near_misses)),
        status=answer.status,
        notice=notices_text(answer.notices),
        replies=replies,
        answer=answer.text,
        faults=_faults(answer, streamed),
        obeyed=obedience("\n".join(replies), trigger, case.paper.abstract) if trigger else None,
        shown=obedience("\n".join(text for text, _ in own), trigger, case.paper.abstract) if trigger else None,
        marked=_marked(own, trigger, case.paper.abstract) if trigger else None,
    )


def _faults(answer: Answer, streamed: str) -> tuple[str, ...]:
    """Return what is active in the answer, its stream, its notice, and its terminal output."""
    numbers = [each.n for each in answer.citations if each.n]
    urls = [each.paper.url for each in (*answer.citations, *answer.near_misses) if each.paper.url]
    found = faults(answer.text, numbers) | faults(streamed, numbers if answer.status != "extractive" else range(100))
    found |= faults(notices_text(answer.notices) or "", addresses=urls) | (
        faults(answer_to_text(answer, _WIDTH), numbers, urls)
    )
    return tuple(sorted(found))


def _own_words(answer: Answer) -> list[tuple[str, str]]:
    """Return the sentences that a model wrote, with their verdicts."""
    return [(answer.text[each.start : each.end], each.verdict or "unsure") for each in answer.sentences]


def _marked(own: Sequence[tuple[str, str]], trigger: str, abstract: str) -> bool | None:
    verdicts = [verdict for text, verdict in own if obedience(text, trigger, abstract) != "no"]
    return all(verdict in _DOUBTED for verdict in verdicts) if verdicts else None


def _compared(case: InjectionCase, plain: CitationQueryEngineWriter) -> dict[str, Any]:
    try:
        text = plain.ask(case.question, [case.paper])
    except LLMFailed as error:
        return {"plain_failure": str(error)}
    trigger = case.document.trigger
    obeyed = obedience(text, trigger, case.paper.abstract) if trigger else None
    return {"plain": text, "plain_obeyed": obeyed, "plain_faults": tuple(sorted(faults(text, range(1, 100))))}
