"""What one session has chosen for its answers (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Choice:
    """Written answers or extractive ones, by which endpoint, and how deep the search goes.

    None stands for what the server's settings say. A key is never shown, and goes to no other address than the one
    that it was given for.
    """

    written: bool = True
    base_url: str | None = None
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    thorough: bool = True

    def applied_to(self, settings: Settings) -> Settings:
        """Give the settings of this session; raises UsageError for an address that is none."""
        depth = settings.rerank_depth if self.thorough else 0
        if not self.written:
            return replace(settings, rerank_depth=depth)
        base_url, api_key = settings.llm_base_url, self.api_key or settings.llm_api_key
        model = self.model or settings.llm_model
        if self.base_url and self.base_url != settings.llm_base_url:
            base_url, api_key, model = self.base_url, self.api_key, self.model
        return replace(settings, rerank_depth=depth, llm_base_url=base_url, llm_model=model, llm_api_key=api_key)
