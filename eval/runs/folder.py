"""The folder of a run: run.json describes it, rows.jsonl holds one row a question, appended as it is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from eval.gold.questions import Question
from eval.runs.rows import Row, question_digest, row_from_json, row_to_json
from rag.corpus.files import parse_json_lines, write_atomic
from rag.errors import CitedeskError, UsageError

RunMode = Literal["retrieval", "extractive", "llm"]
_INFO, _ROWS = "run.json", "rows.jsonl"
_LAST = "last-evaluation"  # in an index's home: the folder of the run that was reported last
_WRITTEN = (_ROWS, "report.html", "report.json", "report.md")


class RunDamaged(CitedeskError):
    """A run's folder that cannot be read."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What was run: `gold` maps file to SHA-256, `settings` leaves out secrets and paths, `started` is an ISO time."""

    mode: RunMode
    generation: str
    papers: int
    settings: Mapping[str, Any]
    gold: Mapping[str, str]
    questions: int
    version: str
    commit: str | None
    started: str

    def differences(self, other: RunInfo) -> list[str]:
        """Return why another run's rows cannot be mixed with this one's."""
        found = self.set_up_differences(other)
        if self.generation != other.generation:
            found.append(f"index generation {self.generation}, now {other.generation}")
        if (self.version, self.commit) != (other.version, other.commit):
            found.append(f"code {self.version} {self.commit}, now {other.version} {other.commit}")
        return found

    def set_up_differences(self, other: RunInfo) -> list[str]:
        """Return in which mode and settings another run differs."""
        before = {"mode": self.mode, "papers": self.papers, **self.settings}
        now = {"mode": other.mode, "papers": other.papers, **other.settings}
        names = sorted(before.keys() | now.keys())
        return [
            f"{name} {before.get(name)}, now {now.get(name)}" for name in names if before.get(name) != now.get(name)
        ]


@dataclass(frozen=True, slots=True)
class Run:
    """A run's description and its rows, in the order of writing."""

    info: RunInfo
    rows: tuple[Row, ...]

    @property
    def errors(self) -> tuple[Row, ...]:
        """The rows of questions that failed."""
        return tuple(row for row in self.rows if row.error is not None)

    @property
    def partial(self) -> bool:
        """Whether a question is missing or failed, so that no mean stands for the whole run."""
        return len(self.rows) - len(self.errors) < self.info.questions


class RunFolder:
    """Reads and writes the folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Run:
        """Read a run, finished or not; raises UsageError where there is none, RunDamaged where it is damaged.

        An incomplete last line, which a killed run leaves, is skipped.
        """
        info = self._info()
        if info is None:
            raise UsageError(
                f"{self.path} holds no run. Make one with `citedesk eval run --gold FILE --out {self.path}`."
            )
        return Run(info, self._rows())

    def resume(self, info: RunInfo, questions: Sequence[Question]) -> dict[str, Row]:
        """Prepare for writing, and return the rows to keep: of these questions, unchanged, and without an error.

        Raises UsageError where the folder holds a run of another index, mode, code, settings or question.
        """
        kept = self._standing(info, questions)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_atomic(self.path / _INFO, to_json(asdict(info)))
            write_atomic(self.path / _ROWS, "".join(_line(row) for row in kept.values()))
        except OSError as error:
            raise UsageError(f"--out {self.path} cannot be written: {error.strerror}. Name another folder.") from None
        return kept

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock; raises UsageError where another run holds it or the folder cannot be created."""
        from filelock import FileLock, Timeout  # slow to import

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path / ".lock", timeout=0):
                yield
        except Timeout:
            raise UsageError(f"Another run is writing to {self.path}. Wait for it, or name another --out.") from None
        except (FileExistsError, NotADirectoryError):
            raise UsageError(f"--out {self.path} is a file. Name a folder.") from None

    @contextmanager
    def writer(self) -> Iterator[RowWriter]:
        """Open the rows for appending."""
        with (self.path / _ROWS).open("a", encoding="utf-8") as file:
            yield RowWriter(file)

    def _standing(self, info: RunInfo, questions: Sequence[Question]) -> dict[str, Row]:
        before = self._info()
        if before is None:
            if found := [name for name in _WRITTEN if (self.path / name).exists()]:
                raise UsageError(f"{self.path} holds a {found[0]} but no run that wrote it. Name another --out.")
            return {}
        digests = {question.id: question_digest(question) for question in questions}
        rows = self._rows()
        differences = before.differences(info)
        if others := sum(row.question.id not in digests for row in rows):
            differences.append(f"{others} of its questions are not asked now")
        if differences:
            raise UsageError(f"{self.path} holds rows of another run ({'; '.join(differences)}). Name another --out.")
        same = [row for row in rows if digests[row.question.id] == question_digest(row.question)]
        return {row.question.id: row for row in same if row.error is None}

    def _info(self) -> RunInfo | None:
        path = self.path / _INFO
        try:
            return RunInfo(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise RunDamaged(f"{path} does not describe a run ({error}). Name another --out.") from None

    def _rows(self) -> tuple[Row, ...]:
        path = self.path / _ROWS
        try:
            # A line that was cut inside a character is no JSON either, and is passed over like any cut line.
            records = list(parse_json_lines(path.read_bytes().decode(errors="replace")))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            raise RunDamaged(f"{path} cannot be read ({error}). Remove the folder and run again.") from None
        rows = []
        for index, (line, record) in enumerate(records, start=1):
            if isinstance(record, ValueError):
                if index == len(records):
                    break
                raise RunDamaged(f"{path} line {line} is damaged ({record}). Remove the line and run again.")
            try:
                rows.append(row_from_json(record))
            except (ValueError, TypeError, KeyError) as error:
                raise RunDamaged(f"{path} line {line} is not a row ({error}). Remove the line and run again.") from None
        if len({row.question.id for row in rows}) < len(rows):
            raise RunDamaged(f"{path} holds a question twice: two runs wrote to it. Remove the folder and run again.")
        return tuple(rows)


class RowWriter:
    """Appends rows, each flushed before the next question is asked."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: Row) -> None:
        """Append a row."""
        self._file.write(_line(row))
        self._file.flush()


def note_last(home: Path, folder: Path) -> None:
    """Note where the last report is; where that cannot be written, the chat finds no report."""
    with suppress(OSError):
        write_atomic(home / _LAST, f"{folder.resolve()}\n")


def last_folder(home: Path) -> Path | None:
    """Return the folder of the last report; None where there is none, or it was removed."""
    try:
        folder = Path((home / _LAST).read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return None
    return folder if (folder / "report.html").is_file() else None


def to_json(record: Mapping[str, Any]) -> str:
    """Return a JSON file's text: indented, keys sorted."""
    return json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _line(row: Row) -> str:
    return json.dumps(row_to_json(row), ensure_ascii=False) + "\n"
