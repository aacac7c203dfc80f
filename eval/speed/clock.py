"""Wall time, CPU time and memory: of a process, and of each question inside one."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter, process_time
from typing import Any

from rag.errors import CitedeskError

_MAX_SHOWN = 300  # characters of a failed process's last line
_PER_MB = 1024 * 1024 if sys.platform == "darwin" else 1024  # of the unit of ru_maxrss


@dataclass(frozen=True, slots=True)
class ProcessRun:
    """A process that has ended: seconds of wall and CPU time, the peak of its memory in MB, and what it printed."""

    wall: float
    cpu: float
    memory: float
    output: str


def run_process(command: Sequence[str], environ: Mapping[str, str]) -> ProcessRun:
    """Run a command to its end; raises CitedeskError where it fails, or the system does not report what it used."""
    if not hasattr(os, "wait4"):
        raise CitedeskError("This system does not report what a process used. Run it on Linux or macOS.")
    with TemporaryFile() as out, TemporaryFile() as err:
        started = perf_counter()
        process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output, errors = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if process.returncode:
        last = (errors.strip().splitlines() or ["it printed nothing"])[-1][:_MAX_SHOWN]
        raise CitedeskError(f"`{' '.join(command[1:5])} …` failed ({last}). Run it alone to see why.")
    return ProcessRun(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _PER_MB, output)


def time_each(file: Path, ask: Callable[[str], Any], further: Callable[[Any], Mapping[str, Any]] | None = None) -> None:
    """Ask the questions of a JSON Lines file, the first once more before, and print the seconds of each as JSON.

    `further` returns what else to print of an answer.
    """
    questions = read_questions(file)
    for question in questions[:1]:
        ask(question)
    for question in questions:
        wall, cpu = perf_counter(), process_time()
        answer = ask(question)
        timed = {"wall": perf_counter() - wall, "cpu": process_time() - cpu}
        sys.stdout.write(json.dumps({**timed, **(further(answer) if further else {})}) + "\n")


def time_clients(file: Path, ask: Callable[[str], Any], clients: int) -> dict[str, float]:
    """Ask the questions of a file from several threads at once, as many as each asks the next as soon as it can.

    Returns the questions answered in a second, and the median seconds of one.
    """
    questions = read_questions(file)
    ask(questions[0])

    def timed(question: str) -> float:
        started = perf_counter()
        ask(question)
        return perf_counter() - started

    started = perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        seconds = list(pool.map(timed, questions))
    return {"per_second": len(questions) / (perf_counter() - started), "wall": statistics.median(seconds)}


def read_questions(file: Path) -> list[str]:
    """Return the questions of a JSON Lines file."""
    return [json.loads(line)["question"] for line in file.read_text(encoding="utf-8").splitlines() if line]
