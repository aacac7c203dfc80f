"""Settings, their defaults, and the source of each value in force.

Precedence, lowest first: defaults, what `citedesk tune` has kept in the home folder, a `.env` file in the working
directory, environment variables, flags.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from rag.errors import OTHER_HOME, UsageError

PREFIX = "CITEDESK_"
Group = Literal["index", "retrieval", "endpoint", "writing", "expansion", "serving"]
GROUPS: tuple[Group, ...] = get_args(Group)
Device = Literal["cpu", "cuda"]
Mode = Literal["whole", "per-paper"]
Unsupported = Literal["mark", "strike", "repair"]
LLMCheck = Literal["off", "on"]
Addresses = Literal["any", "public"]
RecallStep = Literal["rewrite", "hyde", "iterate", "screen"]
RECALL_STEPS: tuple[RecallStep, ...] = get_args(RecallStep)
_DEFAULT_STEPS: tuple[RecallStep, ...] = ("rewrite",)
OWN_ENCODER = "citedesk-encoder"
"""The encoder that comes with Citedesk, as `embed_model` names it."""

TUNING = "tuning.json"
"""The file of a home folder with the settings and weights that `citedesk tune` has kept."""

_PROJECT = Path(__file__).resolve().parent.parent
_MIN_PROMPT = 260  # tokens of the instructions, the question and some evidence
_CHECKOUT = (_PROJECT / "pyproject.toml").exists()


def _setting(
    group: Group,
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    secret: bool = False,
    shown_default: str | None = None,
) -> Any:
    """Declare a setting; `shown_default` describes a default that depends on the machine."""
    metadata = {"group": group, "meaning": meaning, "unit": unit, "minimum": minimum, "secret": secret}
    return field(default=default, repr=not secret, metadata={**metadata, "shown_default": shown_default})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, in groups; the defaults work offline and without a key."""

    home: Path = _setting(
        "index",
        _PROJECT / ".citedesk" if _CHECKOUT else Path.home() / ".citedesk",
        "folder of the index and of downloaded models",
        shown_default=".citedesk in a checkout, else ~/.citedesk",
    )
    corpus: Path | None = _setting(
        "index",
        _PROJECT / "corpus" if _CHECKOUT else None,
        "file or folder of papers that `citedesk index` reads if given none",
        shown_default="corpus in a checkout, else none",
    )
    saved_year: int = _setting(
        "index", 2025, "year in which the listing pages were saved, used for dates without a year", minimum=1990
    )
    embed_model: str = _setting(
        "index",
        OWN_ENCODER,
        "model of the papers' vectors: the included encoder, a folder of model files, or a model hub id",
    )
    embed_url: str | None = _setting(
        "index",
        None,
        "URL of an OpenAI-compatible endpoint that serves embed_model, such as http://127.0.0.1:8080/v1",
    )
    embed_api_key: str | None = _setting(
        "index", None, "API key sent to the endpoint of embed_url, if it needs one", secret=True
    )
    chroma_url: str | None = _setting(
        "index",
        None,
        "URL of a Chroma server for the vectors, such as http://127.0.0.1:8000, instead of the home folder",
    )
    qdrant_url: str | None = _setting(
        "index", None, "URL of Qdrant for the vectors, such as http://127.0.0.1:6333; needs `citedesk[qdrant]`"
    )
    qdrant_api_key: str | None = _setting("index", None, "API key sent to Qdrant, if it needs one", secret=True)
    device: Device = _setting(
        "index", "cpu", "where `citedesk index` runs the included encoder; cuda needs `citedesk[gpu]` and a GPU"
    )
    chunk_tokens: int = _setting(
        "index",
        384,
        "maximum length of a chunk; with its title it is at most what the encoder reads, 384",
        unit="tokens",
        minimum=16,
    )
    chunk_overlap: int = _setting(
        "index", 32, "maximum overlap of adjacent chunks, in whole sentences", unit="tokens", minimum=0
    )
    pool: int = _setting(
        "retrieval", 100, "candidates that dense retrieval and BM25 each contribute", unit="papers", minimum=1
    )
    rerank_depth: int = _setting(
        "retrieval",
        7,
        "best candidates that the cross-encoder reads at most; 0 disables it, as --fast does",
        unit="papers",
        minimum=0,
    )
    llm_base_url: str | None = _setting(
        "endpoint", None, "URL of an OpenAI-compatible endpoint, such as http://127.0.0.1:8080/v1"
    )
    llm_model: str | None = _setting("endpoint", None, "model requested from the endpoint")
    llm_api_key: str | None = _setting("endpoint", None, "API key sent to the endpoint, if it needs one", secret=True)
    llm_connect_timeout: float = _setting("endpoint", 5.0, "timeout for connecting", unit="seconds", minimum=0.1)
    llm_first_token_timeout: float = _setting(
        "endpoint", 60.0, "timeout for the first token of an answer or of reasoning", unit="seconds", minimum=0.1
    )
    llm_timeout: float = _setting("endpoint", 30.0, "timeout between two tokens", unit="seconds", minimum=0.1)
    llm_total_timeout: float = _setting("endpoint", 300.0, "timeout for a whole request", unit="seconds", minimum=0.1)
    llm_addresses: Addresses = _setting(
        "endpoint",
        "any",
        "public: connect to public addresses only, not to those of this machine or its network, and by no proxy",
    )
    llm_context: int = _setting("endpoint", 8192, "context window of the model", unit="tokens", minimum=512)
    llm_parallel: int = _setting(
        "endpoint",
        2,
        "concurrent requests where each paper has its own; no more than the endpoint serves at once",
        unit="requests",
        minimum=1,
    )
    llm_max_tokens: int = _setting(
        "writing", 2048, "maximum length of a written answer, without reasoning", unit="tokens", minimum=16
    )
    llm_reasoning_tokens: int = _setting(
        "writing",
        8192,
        "additional length of each reply of a model that reasons, as far as its context has room",
        unit="tokens",
        minimum=0,
    )
    llm_mode: Mode = _setting(
        "writing", "whole", "whole: one request with all papers; per-paper: a short request for each paper"
    )
    unsupported: Unsupported = _setting(
        "writing",
        "mark",
        "treatment of sentences that no paper supports: mark them, strike them through, or repair them with one more "
        "request",
    )
    llm_check: LLMCheck = _setting(
        "writing",
        "off",
        "on: the endpoint's model checks all sentences once more, with one request, and has to quote the abstracts",
    )
    recall: tuple[RecallStep, ...] | None = _setting(
        "expansion",
        None,
        "steps in which a model helps to find papers, each at the cost of requests: none, or any of "
        f"{','.join(RECALL_STEPS)}",
        shown_default="rewrite for written answers",
    )
    rewrite_timeout: float = _setting(
        "expansion", 4.0, "time that an answer waits for rewrite at most", unit="seconds", minimum=0.0
    )
    recall_rounds: int = _setting(
        "expansion", 2, "rounds in which iterate asks for missing papers", unit="rounds", minimum=1
    )
    screen_depth: int = _setting(
        "expansion",
        30,
        "papers of a list that screen asks about, in as few requests as the context allows",
        unit="papers",
        minimum=1,
    )
    screen_odds: float | None = _setting(
        "expansion",
        None,
        "factor by which a yes of screen raises a paper's odds and a no lowers them; if not set, screen decides alone",
        minimum=1,
    )
    ui_searches: int | None = _setting(
        "serving",
        None,
        "searches that `citedesk ui` runs side by side",
        minimum=1,
        shown_default="half of the processor's cores",
    )
    ui_waiting: int = _setting(
        "serving", 32, "questions that wait for a search at most; further ones are refused as busy", minimum=0
    )
    ui_questions: int = _setting(
        "serving", 128, "questions under way at most, those included that a model is writing", minimum=1
    )
    ui_deadline: float = _setting(
        "serving", 600.0, "time that a question may take, waiting included", unit="seconds", minimum=1
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            minimum, value = each.metadata["minimum"], getattr(self, each.name)
            if None not in (minimum, value) and not minimum <= value:
                raise UsageError(f"{environment_variable(each.name)} is {value}: it must be at least {minimum:g}.")
        if self.chunk_overlap >= self.chunk_tokens:
            raise UsageError(
                f"CITEDESK_CHUNK_OVERLAP is {self.chunk_overlap}: it must be less than CITEDESK_CHUNK_TOKENS, "
                f"{self.chunk_tokens}."
            )
        if self.llm_max_tokens + _MIN_PROMPT > self.llm_context:
            raise UsageError(
                f"CITEDESK_LLM_MAX_TOKENS is {self.llm_max_tokens}: it must leave {_MIN_PROMPT} tokens of "
                f"CITEDESK_LLM_CONTEXT, {self.llm_context}, for the question and the papers."
            )
        if self.screen_odds == inf:
            raise UsageError("CITEDESK_SCREEN_ODDS is infinite. Remove it to let screen decide alone.")
        self._check_request_values()
        if self.embed_url and self.embed_model == OWN_ENCODER:
            raise UsageError("CITEDESK_EMBED_URL is set: name the model that it serves in CITEDESK_EMBED_MODEL.")
        if self.chroma_url and self.qdrant_url:
            raise UsageError("CITEDESK_CHROMA_URL and CITEDESK_QDRANT_URL are set. Remove one of them.")
        if self.recall and not self.llm_base_url:
            raise UsageError(
                f"CITEDESK_RECALL or --recall is {','.join(self.recall)}, which needs a model: set "
                "CITEDESK_LLM_BASE_URL and CITEDESK_LLM_MODEL, or use none."
            )

    def _check_request_values(self) -> None:
        """Raise UsageError for values that cannot be part of an HTTP request."""
        for name in ("llm_base_url", "embed_url", "chroma_url", "qdrant_url"):
            url = getattr(self, name)
            if url and not _is_http_url(url):
                raise UsageError(
                    f"{environment_variable(name)} is not an http(s) URL, such as http://127.0.0.1:8080/v1."
                )
        for name in ("llm_api_key", "embed_api_key", "qdrant_api_key"):
            key = getattr(self, name)
            if key and not (key.isascii() and _is_plain(key)):
                raise UsageError(
                    f"{environment_variable(name)} contains a blank or a character that no key has. Copy the key again."
                )

    def check_endpoint(self) -> None:
        """Raise UsageError if only one of the endpoint's URL and its model is set."""
        if self.llm_base_url and not self.llm_model:
            raise UsageError(
                "CITEDESK_LLM_MODEL is not set, though CITEDESK_LLM_BASE_URL is: set both or neither. "
                "`citedesk doctor` lists the endpoint's models."
            )
        if self.llm_model and not self.llm_base_url:
            raise UsageError("CITEDESK_LLM_BASE_URL is not set, though CITEDESK_LLM_MODEL is: set both or neither.")

    @property
    def recall_steps(self) -> tuple[RecallStep, ...]:
        """The steps in force for written answers."""
        return _DEFAULT_STEPS if self.recall is None and self.llm_base_url else self.recall or ()

    @property
    def has_endpoint(self) -> bool:
        """Whether an endpoint is configured; raises UsageError if only its URL or its model is."""
        self.check_endpoint()
        return self.llm_base_url is not None


def _is_plain(text: str) -> bool:
    """Return whether a text has neither blanks nor unprintable characters."""
    return text.isprintable() and " " not in text


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return _is_plain(text) and parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings in force, and the source of each by name."""

    settings: Settings
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """A setting as documentation shows it; `default` is "" if there is none, `unit` is "" for values without one."""

    name: str
    variable: str
    group: Group
    default: str
    meaning: str
    unit: str
    secret: bool


def describe_settings() -> tuple[SettingDescription, ...]:
    """Describe all settings, ordered by group."""
    described = [
        SettingDescription(
            each.name,
            environment_variable(each.name),
            each.metadata["group"],
            each.metadata["shown_default"] or to_text(each.default) or "",
            each.metadata["meaning"],
            each.metadata["unit"],
            each.metadata["secret"],
        )
        for each in fields(Settings)
    ]
    return tuple(sorted(described, key=lambda each: GROUPS.index(each.group)))


def to_text(value: Any) -> str | None:
    """Return a setting's value as its variable would be set; None if it is not set."""
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def environment_variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def load_settings(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Configuration:
    """Load the settings in force; raises UsageError for an invalid value or an unknown CITEDESK_ variable.

    `flags` has values by setting name, None for a flag that was not given; `.env` is read from `folder`. An empty
    value counts as not set.
    """
    values: dict[str, Any] = {}
    sources = {each.name: "default" for each in fields(Settings)}
    dotenv = (folder or Path.cwd()) / ".env"
    for source, texts in (
        (str(dotenv), _read_dotenv(dotenv)),
        ("environment", os.environ if environ is None else environ),
    ):
        for each in _set_by(texts, source):
            values[each.name] = _convert(each, texts[environment_variable(each.name)])
            sources[each.name] = source
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = value
            sources[name] = "flag"
    home = values.get("home", Settings.__dataclass_fields__["home"].default)
    for name, value in read_tuning(home).get("settings", {}).items():
        if name not in values:
            values[name] = value
            sources[name] = "tuned"
    return Configuration(Settings(**values), sources)


def read_tuning(home: Path) -> Mapping[str, Any]:
    """Return what `citedesk tune` has kept in a home folder, {} if nothing; raises UsageError for a damaged file."""
    path = home / TUNING
    try:
        kept: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        Settings(**kept["settings"])
        if missing := {"depths", "fitted_with", "models_sha256", "gain", "created"} - kept.keys():
            raise ValueError(f"without {min(missing)}")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. {OTHER_HOME}") from None
    except (OSError, ValueError, LookupError, TypeError, UsageError) as error:
        raise UsageError(f"{path} is damaged ({error}). Remove it, or run `citedesk tune` again.") from None
    return kept


def _read_dotenv(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values  # only where there is a file to read

    try:
        return {name: value or "" for name, value in dotenv_values(path).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}. Correct or remove it.") from None


def _set_by(texts: Mapping[str, str], source: str) -> list[Field[Any]]:
    """Return the settings that a source sets; raises UsageError for an unknown CITEDESK_ name, a likely typo."""
    known = {environment_variable(each.name): each for each in fields(Settings)}
    for name in texts:
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else "Remove it; `citedesk doctor` lists all settings."
            raise UsageError(f"{name} ({source}) is not a setting. {hint}")
    return [each for name, each in known.items() if texts.get(name, "").strip()]


def _convert(setting: Field[Any], text: str) -> Any:
    hint = get_type_hints(Settings)[setting.name]
    if get_origin(hint) is Literal:
        return _choice(setting, text.strip(), get_args(hint))
    if setting.name == "recall":
        try:
            return parse_recall(text)
        except ValueError as error:
            raise UsageError(f"{environment_variable(setting.name)}: {error}.") from None
    kind = next((kind for kind in get_args(hint) if kind is not type(None)), hint)
    try:
        return Path(text.strip()).expanduser() if kind is Path else kind(text.strip())
    except RuntimeError as error:  # "~name/" without such a user
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
    """Parse a comma-separated list of steps into their order of execution; "none" is none of them.

    Raises ValueError for an unknown step.
    """
    names = {name.strip().lower() for name in text.split(",")} - {"", "none"}
    if unknown := sorted(names.difference(RECALL_STEPS)):
        raise ValueError(f"not a step: {', '.join(unknown)}. Use {', '.join(RECALL_STEPS)}, or none")
    return tuple(step for step in RECALL_STEPS if step in names)
