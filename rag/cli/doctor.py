"""Checks of an installation, each with the remedy for what it finds, and the settings in force."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

from rag.corpus.files import write_atomic
from rag.corpus.records import paper_digest
from rag.errors import CitedeskError
from rag.index.generations import IndexFolder, damaged_files
from rag.index.library import open_library
from rag.index.plan import index_recipe, plan_build
from rag.local_llm.registry import EXTRA, SMALL_MODELS, is_intact, model_folder
from rag.models.encoder import encoder_fingerprint
from rag.models.entailment import SHA256, load_entailment
from rag.models.registry import bundled_models, find_bundled, open_bundled
from rag.models.token_encoder import token_encoder_fingerprint
from rag.settings import Configuration, Settings, environment_variable

_PACKAGES = (
    "llama-index",
    "llama-index-llms-openai-like",
    "chromadb",
    "sentence-transformers",
    "openai",
    "bm25s",
    "PyStemmer",
    "syntok",
    "onnxruntime",
    "tokenizers",
    "filelock",
)
_OF_A_MODEL = ("modules.json", "config.json")  # of a sentence-transformers model, and of one of transformers


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `detail` says what was found and, unless it is fine, what to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str


def examine(configuration: Configuration) -> tuple[Check, ...]:
    """Look at Python, the packages, the model, the index and the endpoint."""
    settings = configuration.settings
    checks = [Check("python", "ok", platform.python_version()), _packages()]
    checks += [_model(settings), _late_model(settings), *_small_models(settings), _home(settings)]
    checks += _index(configuration)
    checks += [_judge()]
    checks += _endpoint(settings)
    return tuple(checks)


def report_to_json(checks: Sequence[Check], configuration: Configuration) -> dict[str, Any]:
    """Show checks and settings as a JSON object."""
    return {
        "checks": [{"name": check.name, "state": check.state, "detail": check.detail} for check in checks],
        "settings": {
            name: {"value": value, "source": configuration.sources[name]} for name, value, _ in _shown(configuration)
        },
    }


def report_to_text(checks: Sequence[Check], configuration: Configuration, width: int) -> str:
    """Show checks and settings to a person."""
    lines = [
        fill(f"{check.state:<5}{check.name}: {check.detail}", width, subsequent_indent=" " * 5) for check in checks
    ]
    lines += ["", "Settings in force (environment, .env file or flag; the later wins)"]
    for name, value, meaning in _shown(configuration):
        shown = "(not set)" if value is None else value
        lines.append(f"  {environment_variable(name)} = {shown}  [{configuration.sources[name]}]")
        lines.append(f"      {meaning}")
    return "\n".join(lines) + "\n"


def _shown(configuration: Configuration) -> Iterator[tuple[str, Any, str]]:
    for each in fields(Settings):
        value = getattr(configuration.settings, each.name)
        if value is not None and each.metadata["secret"]:
            value = "set, not shown"
        value = ",".join(value) or "none" if isinstance(value, tuple) else value
        yield each.name, str(value) if isinstance(value, Path) else value, each.metadata["meaning"]


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


def _model(settings: Settings) -> Check:
    name = settings.embed_model
    if model := bundled_models("embed").get(name):
        try:
            open_bundled(model)
        except CitedeskError as error:
            return Check("model", "fail", str(error))
        return Check("model", "ok", f"{name}, weights as recorded (sha256 {model.sha256[:12]}…)")
    if Path(name).is_dir():
        if not any((Path(name) / file).is_file() for file in _OF_A_MODEL):
            return Check("model", "fail", f"folder {name} holds no model. Set CITEDESK_EMBED_MODEL to one that does.")
        return Check("model", "ok", f"folder {name} ({encoder_fingerprint(name)})")
    return Check("model", "warn", f"{name} is taken from a model hub when it is first used: that needs a network.")


def _late_model(settings: Settings) -> Check:
    if not token_encoder_fingerprint(settings.late_model):
        return Check("late model", "ok", "none, as set")
    try:
        _, model = find_bundled(settings.late_model, "late")
    except CitedeskError as error:
        return Check("late model", "fail", str(error))
    return Check("late model", "ok", f"{settings.late_model}, weights as recorded (sha256 {model.sha256[:12]}…)")


def _small_models(settings: Settings) -> Iterator[Check]:
    """Look at the language models that were fetched, if any were."""
    for model in SMALL_MODELS.values():
        path = model_folder(settings.home) / model.file
        if not path.exists():
            continue
        if not is_intact(model, path):
            yield Check("small model", "warn", f"{path} is damaged. Run `citedesk llm get {model.name}`.")
        elif find_spec("xllamacpp") is None:
            yield Check("small model", "warn", f"{model.name} is here, llama.cpp is not. Run `{EXTRA}`.")
        else:
            yield Check("small model", "ok", f"{model.name}; `citedesk llm serve {model.name}` serves it")


def _judge() -> Check:
    """Look at the weights that written answers are checked by."""
    try:
        load_entailment()
    except CitedeskError as error:
        return Check("judge", "fail", str(error))
    return Check("judge", "ok", f"entailment model, weights as recorded (sha256 {SHA256[:12]}…)")


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


def _index(configuration: Configuration) -> list[Check]:
    folder = IndexFolder(configuration.settings.home)
    try:
        manifest = folder.manifest()
    except CitedeskError as error:
        return [Check("index", "fail", str(error))]
    size = f"generation {manifest.generation}: {len(manifest.papers)} papers, {manifest.chunks} chunks"
    if manifest.recipe != index_recipe(configuration.settings):
        return [Check("index", "fail", f"{size}; built with another model or chunking. Run `citedesk index`.")]
    if damaged := damaged_files(folder.current(), manifest):
        return [Check("index", "fail", f"{size}; damaged: {', '.join(damaged)}. Run `citedesk index`.")]
    try:
        open_library(configuration.settings).close()
    except CitedeskError as error:
        return [Check("index", "fail", str(error))]
    checks = [Check("index", "ok", f"{size}, built {manifest.created}")]
    if manifest.failed:
        remedy = "mend them and run `citedesk index`"
        checks.append(
            Check("failed", "warn", f"{len(manifest.failed)} item(s): {'; '.join(manifest.failed)}; {remedy}.")
        )
    try:
        corpus = plan_build(folder, configuration, (), datetime.now(UTC)).corpus
    except CitedeskError as error:
        return [*checks, Check("corpus", "warn", f"the index can be used, but not updated: {error}")]
    if {paper.paper_id: paper_digest(paper) for paper in corpus.papers} != manifest.papers:
        return [*checks, Check("corpus", "warn", "changed since the index was built. Run `citedesk index`.")]
    return [*checks, Check("corpus", "ok", f"as indexed, from {', '.join(manifest.sources)}")]


def _endpoint(settings: Settings) -> list[Check]:
    """Ask the endpoint for its models and, where one of them is set, for a few tokens."""
    if not settings.llm_base_url:
        try:
            settings.check_endpoint()
        except CitedeskError as error:
            return [Check("endpoint", "fail", str(error))]
        return [Check("endpoint", "ok", "none set: answers are extractive")]
    from rag.llm.probe import probe  # only needed where there is an endpoint

    return [Check(finding.name, finding.state, finding.detail) for finding in probe(settings)]
