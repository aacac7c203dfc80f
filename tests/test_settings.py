from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.settings import GROUPS, PREFIX, Settings, describe_settings, load_settings
from tests.conftest import PROJECT


def test_flag_beats_environment_beats_dotenv_beats_default(tmp_path: Path) -> None:
    environ = {"CITEDESK_RERANK_DEPTH": "2", "CITEDESK_POOL": "20"}
    (tmp_path / ".env").write_text("CITEDESK_RERANK_DEPTH=3\nCITEDESK_POOL=30\nCITEDESK_CHUNK_TOKENS=90\nOTHER=1\n")
    configuration = load_settings({"rerank_depth": 0, "pool": None}, environ, tmp_path)
    settings = configuration.settings
    assert (settings.rerank_depth, settings.pool, settings.chunk_tokens, settings.chunk_overlap) == (0, 20, 90, 32)
    assert [configuration.sources[name] for name in ("rerank_depth", "pool", "chunk_tokens", "chunk_overlap")] == [
        "flag",
        "environment",
        str(tmp_path / ".env"),
        "default",
    ]


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"CITEDESK_LLM_URL": "x"}, r"CITEDESK_LLM_URL \(environment\) is not a setting. Did you mean CITEDESK_LLM_"),
        ({"CITEDESK_POOL": "many"}, "CITEDESK_POOL is not a whole number: 'many'"),
        ({"CITEDESK_LLM_TIMEOUT": "soon"}, "CITEDESK_LLM_TIMEOUT is not a number: 'soon'"),
        ({"CITEDESK_LLM_TOTAL_TIMEOUT": "0"}, "CITEDESK_LLM_TOTAL_TIMEOUT is 0.0: it must be at least 0.1"),
        ({"CITEDESK_LLM_CONNECT_TIMEOUT": "nan"}, "CITEDESK_LLM_CONNECT_TIMEOUT is nan: it must be at least 0.1"),
        ({"CITEDESK_POOL": "0"}, "CITEDESK_POOL is 0: it must be at least 1"),
        (
            {"CITEDESK_CHUNK_OVERLAP": "384"},
            "CITEDESK_CHUNK_OVERLAP is 384: it must be less than CITEDESK_CHUNK_TOKENS, 384",
        ),
        ({"CITEDESK_RERANK_DEPTH": "-1"}, "CITEDESK_RERANK_DEPTH is -1: it must be at least 0"),
        ({"CITEDESK_RRF_K": "60"}, r"CITEDESK_RRF_K \(environment\) is not a setting"),
        ({"CITEDESK_LATE_MODEL": "none"}, r"CITEDESK_LATE_MODEL \(environment\) is not a setting"),
        ({"CITEDESK_LLM_BASE_URL": "x/v1", "CITEDESK_LLM_MODEL": "m"}, "is not an http"),
        ({"CITEDESK_LLM_BASE_URL": "http://exa\u200bmple.org/v1", "CITEDESK_LLM_MODEL": "m"}, "is not an http"),
        (
            {"CITEDESK_LLM_API_KEY": "abc\x0bdef"},
            "CITEDESK_LLM_API_KEY contains a blank or a char",
        ),
        ({"CITEDESK_LLM_API_KEY": "sk-abc…"}, "CITEDESK_LLM_API_KEY contains a blank or a char"),
        ({"CITEDESK_HOME": "~nobody-of-this-name/x"}, "CITEDESK_HOME: .* Set it to another folder"),
        ({"CITEDESK_LLM_MODE": "both"}, "CITEDESK_LLM_MODE is 'both'. Set it to whole or per-paper, or remove it"),
        (
            {"CITEDESK_UNSUPPORTED": "Mark"},
            "CITEDESK_UNSUPPORTED is 'Mark'. Set it to mark or strike or repair, or rem",
        ),
        ({"CITEDESK_LLM_PARALLEL": "0"}, "CITEDESK_LLM_PARALLEL is 0: it must be at least 1"),
        ({"CITEDESK_LLM_TOTAL_TIMEOUT": "0"}, "CITEDESK_LLM_TOTAL_TIMEOUT is 0.0: it must be at least 0.1"),
        ({"CITEDESK_LLM_TIMEOUT": "nan"}, "CITEDESK_LLM_TIMEOUT is nan: it must be at least 0.1"),
        ({"CITEDESK_LLM_CONTEXT": "1024"}, "CITEDESK_LLM_MAX_TOKENS is 2048: it must leave 260 tokens"),
    ],
)
def test_value_that_means_nothing_is_a_clear_error(tmp_path: Path, environ: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_settings({}, environ, tmp_path)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"CITEDESK_LLM_BASE_URL": "http://x/v1"}, "CITEDESK_LLM_MODEL is not set"),
        ({"CITEDESK_LLM_MODEL": "m"}, "CITEDESK_LLM_BASE_URL is not set"),
    ],
)
def test_half_an_endpoint_is_an_error_where_one_is_to_write(
    tmp_path: Path, environ: dict[str, str], message: str
) -> None:
    settings = load_settings({}, environ, tmp_path).settings
    with pytest.raises(UsageError, match=message):
        _ = settings.has_endpoint


def test_choices_are_taken_from_each_source(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CITEDESK_UNSUPPORTED=strike\n")
    environ = {"CITEDESK_LLM_MODE": " per-paper "}
    settings = load_settings({}, environ, tmp_path).settings
    assert (settings.llm_mode, settings.unsupported) == ("per-paper", "strike")
    environ = {"CITEDESK_UNSUPPORTED": "repair"}
    assert load_settings({}, environ, tmp_path).settings.unsupported == "repair"
    assert load_settings({"unsupported": "mark"}, environ, tmp_path).settings.unsupported == "mark"
    assert (Settings().llm_mode, Settings().unsupported, Settings().llm_parallel) == ("whole", "mark", 2)


def test_empty_value_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CITEDESK_POOL=30\n")
    assert load_settings({}, {"CITEDESK_POOL": " "}, tmp_path).settings.pool == 30
    (tmp_path / ".env").unlink()
    assert load_settings({}, {"CITEDESK_LLM_BASE_URL": ""}, tmp_path).settings == Settings()


def test_key_is_not_in_the_repr() -> None:
    assert "sesame" not in repr(Settings(llm_api_key="sesame"))


def test_each_setting_is_described_in_its_group() -> None:
    described = describe_settings()
    assert {each.name for each in described} == {each.name for each in fields(Settings)}
    assert list(dict.fromkeys(each.group for each in described)) == list(GROUPS)
    assert all(each.variable.startswith(PREFIX) and each.meaning for each in described)
    (timeout,) = [each for each in described if each.name == "llm_timeout"]
    assert (timeout.group, timeout.default, timeout.unit) == ("endpoint", "30", "seconds")


def test_description_does_not_depend_on_the_machine() -> None:
    assert not [each.name for each in describe_settings() if str(PROJECT) in each.default]
