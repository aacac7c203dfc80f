from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.settings import Settings
from ui.choice import Choice

SERVED = Settings(
    home=Path("home"), llm_base_url="http://127.0.0.1:1/v1", llm_model="theirs", llm_api_key="server-secret"
)


def test_nothing_chosen_leaves_the_servers_settings() -> None:
    assert Choice().applied_to(SERVED) == SERVED


def test_fast_search_leaves_the_cross_encoder_out() -> None:
    assert Choice(thorough=False).applied_to(SERVED).rerank_depth == 0


def test_another_address_is_never_sent_the_servers_key() -> None:
    settings = Choice(base_url="http://127.0.0.1:2/v1", model="mine").applied_to(SERVED)
    assert (settings.llm_base_url, settings.llm_model) == ("http://127.0.0.1:2/v1", "mine")
    assert settings.llm_api_key is None


def test_another_model_of_the_servers_endpoint_is_asked_with_the_servers_key() -> None:
    settings = Choice(model="mine").applied_to(SERVED)
    assert (settings.llm_base_url, settings.llm_model) == ("http://127.0.0.1:1/v1", "mine")
    assert settings.llm_api_key == "server-secret"


def test_key_of_the_session_goes_before_the_servers() -> None:
    assert Choice(api_key="mine").applied_to(SERVED).llm_api_key == "mine"


def test_key_is_not_shown() -> None:
    assert "secret" not in repr(Choice(api_key="secret"))


def test_address_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="not an http"):
        Choice(base_url="ftp://here", model="m").applied_to(SERVED)
