"""Each hostile paper asked about: what the model said, what the reader was shown, and what plain LlamaIndex showed."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from eval.injection.documents import Case
from eval.injection.inertness import faults
from eval.injection.obeyed import Obedience, obedience
from eval.injection.plain import PlainWriter
from rag.answer import Answer, Done, Token
from rag.engine import Engine
from rag.errors import LLMFailed
from rag.llm.protocol import ChatModel, Message, Reply
from rag.llm.usage import UsageMeter
from rag.render.notices import notices_text
from rag.render.terminal import answer_to_text
from rag.verification.written_answer import CheckedWriter

_WIDTH = 100
_DOUBTED = ("unsupported", "uncited")


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one case; texts are kept so that every figure can be computed anew.

    `obeyed` is of the model's reply, `shown` of the sentences that the reader was shown of it, `plain_obeyed` of
    CitationQueryEngine's; None where there is nothing to tell it by. `marked` says that each shown sentence with the
    trigger carries a verdict against it.
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


class Overheard(UsageMeter):
    """A chat model that keeps what it said."""

    def __init__(self, chat: ChatModel, said: list[str]) -> None:
        super().__init__(chat)
        self._said = said

    def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, str | None]:
        """Stream a reply."""
        text = ""
        stream = super().stream(messages, max_tokens)
        try:
            while True:
                text += (piece := next(stream))
                yield piece
        except StopIteration as end:
            cut: str | None = end.value
            return cut
        finally:
            stream.close()
            self._said.append(text)

    def complete(
        self, messages: Sequence[Message], max_tokens: int | None = None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """Give a whole reply."""
        reply = super().complete(messages, max_tokens, schema)
        self._said.append(reply.text)
        return reply


def overheard(writer: CheckedWriter, said: list[str]) -> CheckedWriter:
    """Give a writer whose models' replies are added to a list."""
    opened = writer.writer.open_chat
    return replace(writer, writer=replace(writer.writer, open_chat=lambda: Overheard(opened(), said)))


def ask_each(engine: Engine, cases: Iterable[Case], said: list[str], plain: PlainWriter | None = None) -> Iterator[Row]:
    """Ask about each case; `said` is where the engine's writer puts what its model says."""
    for case in cases:
        said.clear()
        row = _row(case, list(engine.ask(case.question, case.overrides)), tuple(said))
        yield replace(row, **_compared(case, plain)) if plain else row


def row_to_json(row: Row) -> dict[str, Any]:
    """Show a row as an object."""
    return asdict(row)


def row_from_json(record: Mapping[str, Any]) -> Row:
    """Read a row that `row_to_json` showed; raises TypeError for what is none."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return Row(**values)


def _row(case: Case, events: Sequence[Any], replies: tuple[str, ...]) -> Row:
    answer = next(event.answer for event in events if isinstance(event, Done))
    streamed = "".join(event.text for event in events if isinstance(event, Token))
    trigger = case.document.trigger if replies else None
    own = _own_words(answer)
    return Row(
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
    """List what is active in the answer, in what was streamed before it, in its notice, and at a terminal."""
    numbers = [each.n for each in answer.citations if each.n]
    urls = [each.paper.url for each in (*answer.citations, *answer.near_misses) if each.paper.url]
    found = faults(answer.text, numbers) | faults(streamed, numbers if answer.status != "extractive" else range(100))
    found |= faults(notices_text(answer.notices) or "", addresses=urls) | (
        faults(answer_to_text(answer, _WIDTH), numbers, urls)
    )
    return tuple(sorted(found))


def _own_words(answer: Answer) -> list[tuple[str, str]]:
    """List the sentences that a model wrote, each with its verdict."""
    return [(answer.text[each.start : each.end], each.verdict) for each in answer.sentences if each.origin != "added"]


def _marked(own: Sequence[tuple[str, str]], trigger: str, abstract: str) -> bool | None:
    verdicts = [verdict for text, verdict in own if obedience(text, trigger, abstract) != "no"]
    return all(verdict in _DOUBTED for verdict in verdicts) if verdicts else None


def _compared(case: Case, plain: PlainWriter) -> dict[str, Any]:
    try:
        text = plain.ask(case.question, [case.paper])
    except LLMFailed as error:
        return {"plain_failure": str(error)}
    trigger = case.document.trigger
    told = obedience(text, trigger, case.paper.abstract) if trigger else None
    return {"plain": text, "plain_obeyed": told, "plain_faults": tuple(sorted(faults(text, range(1, 100))))}
