"""Checks of an installation, each with its remedy, and the settings in force."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

from rag.corpus.files import write_atomic
from rag.errors import CitedeskError
from rag.index.generations import IndexFolder, content_hash, damaged_files
from rag.index.library import open_library
from rag.index.plan import index_recipe, plan_build
from rag.local_llm.registry import EXTRA, SMALL_MODELS, is_intact, model_folder
from rag.models import cross_encoder, encoder
from rag.models.embedder import EXTRA as EMBEDDERS
from rag.models.embedder import embedder_fingerprint
from rag.models.embedding_endpoint import EndpointEmbedder
from rag.models.loading import encoder_folder
from rag.models.onnx import verified_metadata
from rag.retrieval.scoring import is_in_force
from rag.settings import (
    Configuration,
    SettingDescription,
    Settings,
    describe_settings,
    environment_variable,
    read_tuning,
    to_text,
)

_PACKAGES = (
    "llama-index",
    "llama-index-llms-openai-like",
    "chromadb",
    "httpx",
    "PyStemmer",
    "syntok",
    "onnxruntime",
    "tokenizers",
    "filelock",
)
_SCREENING_SECONDS = 20.0
_MODEL_FILES = ("modules.json", "config.json")  # of sentence-transformers and of transformers models


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `detail` describes the finding and, unless the state is ok, the remedy."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str


def examine(configuration: Configuration) -> tuple[Check, ...]:
    """Check Python, the packages, the models, the index and the endpoint."""
    settings = configuration.settings
    checks = [Check("python", "ok", platform.python_version()), _packages()]
    checks += [
        _weights("encoder", encoder_folder(settings.embed_model) or encoder.FOLDER),
        _weights("reranker", cross_encoder.RERANKER),
        _weights("cross-encoder", cross_encoder.FOLDER),
        *_embedder(settings),
        *_small_models(settings),
        _home(settings),
    ]
    checks += _tuning(settings)
    checks += _index(configuration)
    checks += _endpoint(settings)
    return tuple(checks)


def report_to_json(checks: Sequence[Check], configuration: Configuration) -> dict[str, Any]:
    """Return checks and settings as a JSON object."""
    return {
        "checks": [{"name": check.name, "state": check.state, "detail": check.detail} for check in checks],
        "settings": {
            each.name: {"value": _value(each, configuration), "source": configuration.sources[each.name]}
            for each in describe_settings()
        },
    }


def report_to_text(checks: Sequence[Check], configuration: Configuration, width: int) -> str:
    """Return checks and settings as text, checks wrapped at `width`."""
    lines = [
        fill(f"{check.state:<5}{check.name}: {check.detail}", width, subsequent_indent=" " * 5) for check in checks
    ]
    lines += ["", "Settings in force (precedence, lowest first: default, tuned, .env file, environment, flag)"]
    group = None
    for each in describe_settings():
        if each.group != group:
            group = each.group
            lines += ["", f"  {group}"]
        value = _value(each, configuration)
        shown = "(not set)" if value is None else value
        unit = f" ({each.unit})" if each.unit else ""
        lines.append(f"    {each.variable} = {shown}  [{configuration.sources[each.name]}]")
        lines.append(f"        {each.meaning}{unit}")
    return "\n".join(lines) + "\n"


def _value(setting: SettingDescription, configuration: Configuration) -> Any:
    """Return a setting's value for JSON, without a secret."""
    value = getattr(configuration.settings, setting.name)
    if value is not None and setting.secret:
        return "set, not shown"
    return to_text(value) if isinstance(value, tuple | Path) else value


def _packages() -> Check:
    found, missing = [], []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return Check("packages", "fail", f"not installed: {', '.join(missing)}. Run `make install`.")
    return Check("packages", "ok", ", ".join(found))


def _weights(name: str, folder: Path) -> Check:
    """Check the weights of a model that comes with Citedesk, or of one trained like it."""
    try:
        metadata = verified_metadata(folder)
    except CitedeskError as error:
        return Check(name, "fail", str(error))
    return Check(name, "ok", f"weights as recorded (sha256 {metadata['model_sha256'][:12]}…)")


def _embedder(settings: Settings) -> Iterator[Check]:
    """Check another model whose vectors replace the encoder's, if one is set."""
    name = settings.embed_model
    if encoder_folder(name):
        return
    if settings.embed_url:
        yield _embedding_endpoint(settings)
    elif find_spec("sentence_transformers") is None:
        yield Check(
            "embedder", "fail", f"{name} needs sentence-transformers, which is not installed. Run `{EMBEDDERS}`."
        )
    elif not Path(name).is_dir():
        yield Check("embedder", "warn", f"{name} is downloaded from a model hub on first use, which needs a network.")
    elif not any((Path(name) / file).is_file() for file in _MODEL_FILES):
        remedy = "Set CITEDESK_EMBED_MODEL to a model folder, or remove it."
        yield Check("embedder", "fail", f"folder {name} contains no model. {remedy}")
    else:
        yield Check("embedder", "ok", f"folder {name} ({embedder_fingerprint(name)})")


def _embedding_endpoint(settings: Settings) -> Check:
    try:
        found = EndpointEmbedder(settings).encode_query("test")
    except CitedeskError as error:
        return Check("embedder", "fail", str(error))
    return Check("embedder", "ok", f"{settings.embed_model} at {settings.embed_url}, {len(found)} dimensions")


def _small_models(settings: Settings) -> Iterator[Check]:
    """Check the language models that were downloaded, if any."""
    for model in SMALL_MODELS.values():
        path = model_folder(settings.home) / model.file
        if not path.exists():
            continue
        if not is_intact(model, path):
            yield Check("small model", "warn", f"{path} is damaged. Run `citedesk llm get {model.name}`.")
        elif find_spec("xllamacpp") is None:
            yield Check("small model", "warn", f"{model.name} is installed, but llama.cpp is not. Run `{EXTRA}`.")
        else:
            yield Check("small model", "ok", f"{model.name}; `citedesk llm serve {model.name}` serves it")


def _home(settings: Settings) -> Check:
    probe = settings.home / ".probe"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        write_atomic(probe, "")
        probe.unlink()
    except OSError as error:
        return Check(
            "home", "fail", f"{settings.home}: {error.strerror}. Set CITEDESK_HOME to a folder you can write to."
        )
    return Check("home", "ok", str(settings.home))


def _tuning(settings: Settings) -> Iterator[Check]:
    """Check what `citedesk tune` has kept, if anything."""
    if not (kept := read_tuning(settings.home)):
        return
    changed = [f"{environment_variable(name)}={value}" for name, value in kept["settings"].items()]
    changed += [f"weights of the {depth} ranking" for depth in kept["depths"]]
    gain = kept["gain"]
    detail = (
        f"in force since {kept['created'][:10]}: {', '.join(changed)}; gain {gain['mean']:+.3f} "
        f"[{gain['low']:+.3f}, {gain['high']:+.3f}] on {gain['n']} questions. `citedesk tune --undo` removes it"
    )
    if kept["depths"] and not is_in_force(kept, settings):
        detail = "its weights were fitted to other models or settings and are not used. Run `citedesk tune` again."
        yield Check("tuning", "warn", detail)
    else:
        yield Check("tuning", "ok", detail)


def _index(configuration: Configuration) -> list[Check]:
    folder = IndexFolder(configuration.settings.home)
    try:
        manifest = folder.manifest()
    except CitedeskError as error:
        return [Check("index", "fail", str(error))]
    size = f"generation {manifest.generation}: {manifest.papers} papers, {manifest.chunks} chunks"
    if manifest.recipe != index_recipe(configuration.settings):
        return [Check("index", "fail", f"{size}; built with another model or chunking. Run `citedesk index`.")]
    if damaged := damaged_files(folder.current(), manifest, thorough=True):
        return [Check("index", "fail", f"{size}; damaged: {', '.join(damaged)}. Run `citedesk index`.")]
    try:
        open_library(configuration.settings).close()
    except CitedeskError as error:
        return [Check("index", "fail", str(error))]
    checks = [Check("index", "ok", f"{size}, built {manifest.created}")]
    if manifest.failed:
        remedy = "correct them and run `citedesk index`"
        checks.append(
            Check("failed", "warn", f"{len(manifest.failed)} item(s): {'; '.join(manifest.failed)}; {remedy}.")
        )
    try:
        corpus = plan_build(folder, configuration, (), datetime.now(UTC)).corpus
    except CitedeskError as error:
        return [*checks, Check("corpus", "warn", f"the index can be used, but not updated: {error}")]
    if content_hash(corpus.digests()) != manifest.content:
        return [*checks, Check("corpus", "warn", "changed since the index was built. Run `citedesk index`.")]
    return [*checks, Check("corpus", "ok", f"as indexed, from {', '.join(manifest.sources)}")]


def _endpoint(settings: Settings) -> list[Check]:
    """Request the endpoint's list of models and, if a model is set, a few tokens."""
    if not settings.llm_base_url:
        try:
            settings.check_endpoint()
        except CitedeskError as error:
            return [Check("endpoint", "fail", str(error))]
        return [Check("endpoint", "ok", "none set: answers are extractive")]
    from rag.llm.probe import probe  # heavy, and only needed with an endpoint

    checks = [Check(finding.name, finding.state, finding.detail) for finding in probe(settings)]
    return checks if any(check.state == "fail" for check in checks) else [*checks, *_screening(settings)]


def _screening(settings: Settings) -> list[Check]:
    """Try whether the model can screen lists, which not every one can."""
    from rag.llm.client import open_chat
    from rag.selection.screening import can_screen

    limited = replace(settings, llm_total_timeout=min(settings.llm_total_timeout, _SCREENING_SECONDS))
    with closing(open_chat(limited)) as chat:
        try:
            able = can_screen(chat)
        except CitedeskError as error:
            return [Check("screening", "warn", f"not tried to the end: {error}")]
    on = "screen" in settings.recall_steps
    if able:
        return [Check("screening", "ok", "on" if on else "the model is able: set CITEDESK_RECALL=rewrite,screen")]
    advice = "Set CITEDESK_RECALL=rewrite." if on else "Leave screen off."
    return [Check("screening", "warn" if on else "ok", f"the model took papers that do not belong, or none. {advice}")]
