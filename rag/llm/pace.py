"""How fast a reply came."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """One reply's times in seconds, its signs of life, and what else was seen of it."""

    first: float | None
    last: float | None
    pieces: int
    completion_tokens: int | None
    thought: bool

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens a second after the first; pieces stand for tokens that were not counted. None for a few at once."""
        count = self.completion_tokens or self.pieces
        if self.first is None or self.last is None or count < 4 or self.last - self.first < 0.01:
            return None
        return (count - 1) / (self.last - self.first)

    def __str__(self) -> str:
        parts = [] if self.first is None else [f"first token after {self.first:.2f} s"]
        if speed := self.tokens_per_second:
            parts.append(f"{speed:.0f} tokens/s" if speed >= 10 else f"{speed:.1f} tokens/s")
        parts.append("tokens are counted" if self.completion_tokens is not None else "tokens are not counted")
        return ", ".join(parts + ["reasons first"] * self.thought)
