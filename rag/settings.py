"""What can be set, its default, and where each value in force came from.

Sources in rising order of strength: the environment, a `.env` file in the working directory, flags.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from rag.errors import UsageError

PREFIX = "CITEDESK_"
Mode = Literal["whole", "per-paper"]
Unsupported = Literal["mark", "strike", "repair"]
RecallStep = Literal["rewrite", "hyde", "iterate", "screen"]
RECALL_STEPS: tuple[RecallStep, ...] = get_args(RecallStep)
_PROJECT = Path(__file__).resolve().parent.parent
_LEAST_EVIDENCE = 260  # tokens, the instructions among them
_CHECKOUT = (_PROJECT / "pyproject.toml").exists()


def _setting(default: Any, meaning: str, least: float | None = None, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"meaning": meaning, "least": least, "secret": secret})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; the defaults work offline, with no key."""

    home: Path = _setting(
        _PROJECT / ".citedesk" if _CHECKOUT else Path.home() / ".citedesk", "folder that holds the index"
    )
    corpus: Path | None = _setting(
        _PROJECT / "corpus" if _CHECKOUT else None, "file or folder indexed when `index` names none"
    )
    saved_year: int = _setting(2025, "year the listing pages were saved in: that of a date without a year", 1990)
    embed_model: str = _setting("bge-small-en-v1.5", "bundled model, folder of model files, or model hub id")
    late_model: str = _setting(
        "answerai-colbert-small-v1", "bundled model that gives a vector for each token, folder of its files, or none"
    )
    chunk_tokens: int = _setting(96, "tokens of the abstract that one chunk may hold", 16)
    chunk_overlap: int = _setting(32, "tokens of whole sentences that neighbouring chunks share", 0)
    pool: int = _setting(100, "papers that dense search and BM25 each propose", 1)
    rerank_depth: int = _setting(30, "papers that the cross-encoder reads; 0 leaves it out, as --fast does", 0)
    llm_base_url: str | None = _setting(None, "OpenAI-compatible endpoint, as in http://127.0.0.1:8080/v1")
    llm_model: str | None = _setting(None, "model that the endpoint is asked for")
    llm_api_key: str | None = _setting(None, "key sent to the endpoint, if it wants one", secret=True)
    llm_connect_timeout: float = _setting(5.0, "seconds in which the endpoint must accept a connection", 0.1)
    llm_first_token_timeout: float = _setting(60.0, "seconds in which the first token, or reasoning, must come", 0.1)
    llm_timeout: float = _setting(30.0, "seconds of silence between tokens after which the endpoint has failed", 0.1)
    llm_total_timeout: float = _setting(300.0, "seconds in which one call must be done", 0.1)
    llm_context: int = _setting(8192, "tokens that the model's context window holds", 512)
    llm_max_tokens: int = _setting(1024, "tokens that a written answer may have", 16)
    llm_mode: Mode = _setting("whole", "whole: one request with all papers; per-paper: a short one for each")
    llm_parallel: int = _setting(
        2, "requests side by side where each paper has one; at most what the endpoint serves", 1
    )
    unsupported: Unsupported = _setting(
        "mark", "sentences that no paper bears out: mark them, strike them through, or repair them by one more request"
    )
    recall: tuple[RecallStep, ...] = _setting(
        (), f"how a model helps to find papers, at a cost in calls: none, or of {','.join(RECALL_STEPS)}"
    )
    recall_rounds: int = _setting(2, "times that iterate asks for what is missing", 1)
    screen_depth: int = _setting(30, "papers of a list that screen asks about, a call each", 1)
    screen_odds: float | None = _setting(
        None, "factor by which a screening's yes raises a paper's odds and its no lowers them; not set, it decides", 1
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            least, value = each.metadata["least"], getattr(self, each.name)
            if None not in (least, value) and not least <= value:
                raise UsageError(f"{environment_variable(each.name)} is {value}: it must be at least {least:g}.")
        if self.chunk_overlap >= self.chunk_tokens:
            raise UsageError(
                f"CITEDESK_CHUNK_OVERLAP is {self.chunk_overlap}: it must be below the "
                f"{self.chunk_tokens} of CITEDESK_CHUNK_TOKENS."
            )
        if self.llm_max_tokens + _LEAST_EVIDENCE > self.llm_context:
            raise UsageError(
                f"CITEDESK_LLM_MAX_TOKENS is {self.llm_max_tokens}: it must leave {_LEAST_EVIDENCE} tokens for the "
                f"question and papers of the {self.llm_context} of CITEDESK_LLM_CONTEXT."
            )
        if self.screen_odds == inf:
            raise UsageError("CITEDESK_SCREEN_ODDS is infinite: remove it, for a screening to decide by itself.")
        self._check_form()
        if self.recall and not self.llm_base_url:
            raise UsageError(
                f"CITEDESK_RECALL or --recall is {','.join(self.recall)}, which asks a model: set "
                "CITEDESK_LLM_BASE_URL and CITEDESK_LLM_MODEL, or leave it at none."
            )

    def _check_form(self) -> None:
        """Look at what would be put into a request."""
        if self.llm_base_url and not _is_address(self.llm_base_url):
            raise UsageError("CITEDESK_LLM_BASE_URL is not an http(s) address. Set one, as in http://127.0.0.1:8080/v1")
        if self.llm_api_key and not (self.llm_api_key.isascii() and _is_plain(self.llm_api_key)):
            raise UsageError("CITEDESK_LLM_API_KEY holds a blank, or a character that no key has. Copy the key again.")

    def check_endpoint(self) -> None:
        """Raise UsageError where only one of an endpoint's address and its model is set."""
        if self.llm_base_url and not self.llm_model:
            raise UsageError(
                "CITEDESK_LLM_MODEL is not set, though CITEDESK_LLM_BASE_URL is: set both or neither. "
                "`citedesk doctor` lists the endpoint's models."
            )
        if self.llm_model and not self.llm_base_url:
            raise UsageError("CITEDESK_LLM_BASE_URL is not set, though CITEDESK_LLM_MODEL is: set both or neither.")

    @property
    def has_endpoint(self) -> bool:
        """Tell whether an endpoint is configured to write the answers; raises UsageError where half of one is."""
        self.check_endpoint()
        return self.llm_base_url is not None


def _is_plain(text: str) -> bool:
    """Tell whether a text has neither blanks nor characters that do not show."""
    return text.isprintable() and " " not in text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return _is_plain(text) and parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings in force, and for each name the source that set it."""

    settings: Settings
    sources: Mapping[str, str]


def environment_variable(name: str) -> str:
    """Name the environment variable of a setting."""
    return PREFIX + name.upper()


def load_settings(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Configuration:
    """Read the settings in force; raises UsageError for a value or a CITEDESK_ variable that means nothing.

    `flags` holds values by setting name, None where a flag was not given; `.env` is looked for in `folder`.
    """
    values: dict[str, Any] = {}
    sources = {each.name: "default" for each in fields(Settings)}
    dotenv = (folder or Path.cwd()) / ".env"
    for source, texts in (
        ("environment", os.environ if environ is None else environ),
        (str(dotenv), _read_dotenv(dotenv)),
    ):
        for each in _named(texts, source):
            values[each.name] = _convert(each, texts[environment_variable(each.name)])
            sources[each.name] = source
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = value
            sources[name] = "flag"
    return Configuration(Settings(**values), sources)


def _read_dotenv(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values  # only where there is a file to read

    try:
        return {name: value or "" for name, value in dotenv_values(path).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}. Mend or remove it.") from None


def _named(texts: Mapping[str, str], source: str) -> list[Field[Any]]:
    """List the settings that a source names; an unknown CITEDESK_ name is an error, for it would be ignored."""
    known = {environment_variable(each.name): each for each in fields(Settings)}
    for name in texts:
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else "Remove it; the README says how to list what can be set."
            raise UsageError(f"{name} ({source}) is not a setting. {hint}")
    return [each for name, each in known.items() if texts.get(name, "").strip()]


def _convert(setting: Field[Any], text: str) -> Any:
    hint = get_type_hints(Settings)[setting.name]
    if get_origin(hint) is Literal:
        return _choice(setting, text.strip(), get_args(hint))
    if get_origin(hint) is tuple:
        try:
            return parse_recall(text)
        except ValueError as error:
            raise UsageError(f"{environment_variable(setting.name)}: {error}") from None
    kind = next((kind for kind in get_args(hint) if kind is not type(None)), hint)
    try:
        return Path(text.strip()).expanduser() if kind is Path else kind(text.strip())
    except RuntimeError as error:  # "~name/" of nobody
        raise UsageError(f"{environment_variable(setting.name)}: {error} Set it to another folder.") from None
    except ValueError:
        wanted = {int: "a whole number", float: "a number"}[kind]
        raise UsageError(
            f"{environment_variable(setting.name)} is not {wanted}: {text!r}. Set it to one, or remove it."
        ) from None


def _choice(setting: Field[Any], text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise UsageError(
            f"{environment_variable(setting.name)} is {text!r}. Set it to {' or '.join(choices)}, or remove it."
        )
    return text


def parse_recall(text: str) -> tuple[RecallStep, ...]:
    """Read the steps that a text names, with commas between, in the order in which they are taken; "none" is none.

    Raises ValueError for a name that is no step.
    """
    names = {name.strip().lower() for name in text.split(",")} - {"", "none"}
    if unknown := sorted(names.difference(RECALL_STEPS)):
        raise ValueError(f"not a step: {', '.join(unknown)}. There are {', '.join(RECALL_STEPS)}, and none.")
    return tuple(step for step in RECALL_STEPS if step in names)
