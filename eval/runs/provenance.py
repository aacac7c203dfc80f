"""What a run depends on: the index, the settings, the gold questions, and the code."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.runs.folder import RunInfo, RunMode
from rag import __version__
from rag.corpus.files import file_sha256
from rag.index.generations import Manifest
from rag.retrieval.scoring import is_in_force
from rag.settings import Settings, read_tuning

_CHECKOUT = Path(__file__).resolve().parents[2]
_TIMEOUTS = {"llm_connect_timeout", "llm_first_token_timeout", "llm_timeout", "llm_total_timeout"}
_WRITING = ("llm_", "unsupported")  # what a setting that only written answers depend on begins with
_RECALL = {"recall", "recall_rounds", "screen_depth", "screen_odds"}  # kept where they are used
_NOT_KEPT = {
    "home",
    "corpus",
    "saved_year",
    "llm_api_key",
    *_TIMEOUTS,
    *_RECALL,
}  # places, secrets, and what answers ignore


def run_info(
    mode: RunMode,
    manifest: Manifest,
    settings: Settings,
    gold: Sequence[Path],
    questions: int,
    chosen: Mapping[str, int] | None = None,
) -> RunInfo:
    """Describe a run that starts now; `chosen` holds --limit or --sample where not all questions are asked."""
    return RunInfo(
        mode=mode,
        generation=manifest.generation,
        papers=manifest.papers,
        settings={**measured_settings(settings, mode), **_tuned_weights(settings), **(chosen or {})},
        gold={path.as_posix(): file_sha256(path) for path in gold},
        questions=questions,
        version=__version__,
        commit=code_version(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def measured_settings(settings: Settings, mode: RunMode) -> dict[str, Any]:
    """Return the settings that a run of this mode depends on."""
    values = {name: value for name, value in asdict(settings).items() if name not in _NOT_KEPT}
    if values["llm_base_url"]:
        values["llm_base_url"] = re.sub(r"//[^/@]*@|[?#].*", _bare, values["llm_base_url"])
    asks = mode == "llm" or (mode == "retrieval" and settings.recall)
    kept = {name: value for name, value in values.items() if asks or not name.startswith(_WRITING)}
    return (_recall(settings) if asks else {}) | kept


def _tuned_weights(settings: Settings) -> dict[str, Any]:
    """Name the weights that `citedesk tune` has kept, if there are any."""
    kept = read_tuning(settings.home)
    used = settings.rerank_depth and kept.get("depths") and is_in_force(kept, settings)
    return {"weights": f"tuned {kept['created']}"} if used else {}


def _recall(settings: Settings) -> dict[str, Any]:
    """Return the settings of the recall steps that are on; the others have no effect."""
    steps = settings.recall_steps
    return (
        ({"recall": ",".join(steps)} if steps else {})
        | ({"recall_rounds": settings.recall_rounds} if "iterate" in steps else {})
        | ({"screen_depth": settings.screen_depth, "screen_odds": settings.screen_odds} if "screen" in steps else {})
    )


def _bare(secret: re.Match[str]) -> str:
    """Remove a user name, password or query, which may be secrets, from an address."""
    return "//" if secret[0].startswith("//") else ""


def code_version(checkout: Path = _CHECKOUT) -> str | None:
    """Return the commit of the checkout that this code runs from, with a hash of uncommitted changes.

    None outside a checkout, or where git fails.
    """
    if not (checkout / ".git").exists():
        return None
    try:
        commit = _git(checkout, "rev-parse", "HEAD").strip()
        changed = _git(checkout, "diff", "HEAD", "--", "rag", "eval")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit if not changed else f"{commit}+{hashlib.sha256(changed.encode()).hexdigest()[:8]}"


def _git(checkout: Path, *arguments: str) -> str:
    asked = subprocess.run(
        ["git", "-C", str(checkout), *arguments], capture_output=True, text=True, timeout=10, check=True
    )
    return asked.stdout
