"""Reads the chunks of one reply: its answer's text, its reasoning, why it ended, and what was counted (pure)."""

from __future__ import annotations

from typing import Any

from rag.llm.loops import LoopWatcher
from rag.llm.pace import Pace
from rag.llm.thoughts import ThoughtFilter

SETTING = "CITEDESK_LLM_MAX_TOKENS"
"""What bounds the length of a reply, unless a step allows less."""

_CUTS = {
    **dict.fromkeys(("length", "max_tokens", "model_length"), "it reached {}"),
    **dict.fromkeys(("content_filter", "safety", "recitation"), "its content filter stopped it"),
}
_FAILURES = ("error", "abort", "insufficient_system_resource")


class Reading:
    """What is known of one reply so far; `limit` names what bounds its length."""

    def __init__(self, inside: bool, limit: str = SETTING) -> None:
        self.limit = limit
        self._thoughts = ThoughtFilter(inside)
        self._loops = LoopWatcher()
        self._musings = LoopWatcher()
        self.finish: str | None = None
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self.alive = False
        self.looping = False
        self.shown = False
        self._pieces = 0
        self._first: float | None = None
        self._last: float | None = None

    @property
    def thought(self) -> bool:
        """Tell whether the reply held reasoning."""
        return self._thoughts.thought

    @property
    def cut(self) -> str | None:
        """Why the endpoint ended the reply early, in words; None where it did not."""
        cut = _CUTS.get((self.finish or "").casefold())
        return cut.format(self.limit) if cut else None

    @property
    def failure(self) -> str | None:
        """The endpoint's reason for giving up, where it ended the reply with one."""
        return self.finish if (self.finish or "").casefold() in _FAILURES else None

    def note(self, at: float) -> None:
        """Note when a chunk came that was read, in seconds of a monotonic clock."""
        if self.alive:
            self._pieces += 1
            self._first, self._last = at if self._first is None else self._first, at

    def pace(self, began: float) -> Pace:
        """Give how fast it came, after the time at which it was asked for."""
        first, last = (None if at is None else at - began for at in (self._first, self._last))
        return Pace(first, last, self._pieces, self.completion_tokens, self.thought)

    def read(self, chunk: Any) -> str:
        """Give the answer's text that a chunk completes, and set `alive` if it held any sign; raises ThoughtShown."""
        if usage := chunk.usage:
            self.prompt_tokens, self.completion_tokens = usage.prompt_tokens, usage.completion_tokens
        self.alive = False
        text = ""
        for choice in chunk.choices:
            text += choice.delta.content or ""
            self.finish = choice.finish_reason or self.finish
            if thought := getattr(choice.delta, "reasoning_content", None):
                self._thoughts.trust()
                self.alive = True
                self.looping = self._musings.feed(thought) or self.looping
        if not text:
            return ""
        self.alive = True
        self.looping = self._loops.feed(text) or self.looping
        return self._shown(self._thoughts.feed(text))

    def rest(self) -> str:
        """Give the text that was held back, at the reply's end; raises ThoughtShown."""
        return self._shown(self._thoughts.flush())

    def _shown(self, text: str) -> str:
        self.shown = self.shown or bool(text.strip())
        return text
