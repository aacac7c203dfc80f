from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rag.settings import Settings
from tests.fakes import ScriptedEndpoint
from ui.engine_holder import SessionSettings
from ui.settings_tab import _Chooser

SETTINGS = Settings(home=Path("home"))


def fields(base_url: str = "", key: str = "", model: str | None = "m", answers: str = "written") -> tuple[Any, ...]:
    return answers, "thorough", base_url, key, model


def test_endpoint_and_key_are_chosen_and_the_keys_field_is_emptied() -> None:
    url = "http://127.0.0.1:1/v1"
    choice, said, key = _Chooser(SETTINGS, "any").use(SessionSettings(False), *fields(url, " secret "))
    assert choice == SessionSettings(True, url, "m", "secret", True)
    assert key == ""
    assert "secret" not in said and "with the key you entered" in said


def test_key_stays_with_its_address_and_goes_with_it() -> None:
    chooser, url = _Chooser(SETTINGS, "any"), "http://127.0.0.1:1/v1"
    before = SessionSettings(True, url, "m", "secret")
    assert chooser.use(before, *fields(url))[0].api_key == "secret"
    assert chooser.use(before, *fields("http://127.0.0.1:2/v1"))[0].api_key is None


def test_what_cannot_be_used_leaves_the_choice_as_it_was() -> None:
    before = SessionSettings(False)
    choice, said, _ = _Chooser(SETTINGS, "any").use(before, *fields("ftp://here"))
    assert choice is before and 'role="alert"' in said and "not an http" in said
    choice, said, _ = _Chooser(SETTINGS, "any").use(before, *fields(model=None))
    assert choice is before and "enter both" in said


def test_another_endpoint_needs_a_model_of_its_own() -> None:
    served = replace(SETTINGS, llm_base_url="http://127.0.0.1:1/v1", llm_model="theirs")
    before = SessionSettings(False)
    choice, said, _ = _Chooser(served, "any").use(before, *fields("http://127.0.0.1:2/v1", model=None))
    assert choice is before and "enter both" in said
    assert _Chooser(served, "any").use(before, *fields("http://127.0.0.1:1/v1", model=None))[0].written


def test_server_that_allows_no_other_endpoint_heeds_none_that_a_client_sends() -> None:
    choice, _, _ = _Chooser(SETTINGS, "none").use(
        SessionSettings(), *fields("http://127.0.0.1:1/v1", "k", "m", "extractive")
    )
    assert choice == SessionSettings(False)


def test_models_are_listed_by_the_endpoint(endpoint: ScriptedEndpoint) -> None:
    endpoint.models = ("large", "small")
    update, said = _Chooser(SETTINGS, "any").look(SessionSettings(), *fields(endpoint.url, model=None))
    assert (update["choices"], update["value"]) == (["large", "small"], "large")
    assert "The endpoint lists 2 models" in said


def test_endpoint_that_does_not_answer_is_said_in_one_line() -> None:
    _, said = _Chooser(SETTINGS, "any").look(SessionSettings(), *fields("http://127.0.0.1:9/v1"))
    assert "cannot be reached" in said and 'role="alert"' in said
    _, said = _Chooser(SETTINGS, "any").look(SessionSettings(), *fields())
    assert "No endpoint is set" in said
