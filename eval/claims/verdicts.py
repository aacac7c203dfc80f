"""A judge's verdicts on many claims; where it fails, what was judged is kept and marked as partial."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from eval.claims.pairs import Label
from eval.claims.verify import Judge
from rag.errors import LLMFailed

_PATIENCE = 3  # failures in a row after which an endpoint is taken to be gone


class Claimed(Protocol):
    """A claim and the sentences that it is held against."""

    @property
    def claim(self) -> str:
        """The claim."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences."""


Item = TypeVar("Item", bound=Claimed)


@dataclass(frozen=True, slots=True)
class Verdicts(Generic[Item]):
    """What was judged, what each failure said, and how many there were to judge."""

    judged: tuple[tuple[Item, Label], ...]
    failures: tuple[str, ...]
    total: int

    @property
    def partial(self) -> bool:
        """Tell whether some have no verdict: then no figure stands for the whole."""
        return len(self.judged) < self.total


def judge_each(judge: Judge, items: Sequence[Item], shown: Iterable[Item] | None = None) -> Verdicts[Item]:
    """Judge each item; stops when three in a row fail. `shown` are the same items, passed through a progress bar."""
    judged: list[tuple[Item, Label]] = []
    failures: list[str] = []
    in_a_row = 0
    for item in items if shown is None else shown:
        try:
            judged.append((item, judge.judge(item.claim, item.sentences)))
            in_a_row = 0
        except LLMFailed as error:
            failures.append(str(error))
            in_a_row += 1
        if in_a_row == _PATIENCE:
            break
    return Verdicts(tuple(judged), tuple(failures), len(items))
