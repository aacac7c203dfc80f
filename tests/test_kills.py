"""Kills at every step that changes what is on disk, and at random moments, of all that changes an index."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rag.corpus.records import paper_digest
from rag.index.backup import restore_backup, write_backup
from rag.index.papers import open_papers
from tests.conftest import PROJECT
from tests.index_runner import Order
from tests.test_update import Indexer, robots
from tests.timing import PATIENCE

pytestmark = pytest.mark.slow

KILLS = 200
_SEED = 16
_MOST_STEPS = 1000
_HELD = tuple(range(12))
ORDERS: Mapping[str, Order] = {
    "add": Order("", papers=tuple(range(30))),
    "replace": Order("", papers=_HELD, edition=" They learn."),
    "remove": Order("", papers=_HELD[:5]),
    "rebuild": Order("", papers=_HELD, rebuild=True),
    "backup": Order("", command="backup"),
    "restore": Order("", command="restore"),
}
Content = Mapping[str, str]


class Runner:
    """A process that obeys orders, each in a child that may be killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self, order: Order) -> int:
        """Begin with an order, and return the child's process id."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return int(self._line())

    def end(self) -> int:
        """Wait for the child, and return its exit code."""
        while (line := self._line()) in ("waiting", "locked"):
            pass
        return int(line)

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


@contextmanager
def running() -> Iterator[Runner]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.index_runner"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Runner(process)
        process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def runners() -> Iterator[tuple[Runner, Runner]]:
    with ExitStack() as stack:
        yield stack.enter_context(running()), stack.enter_context(running())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of two generations with feedback, beside a backup of an earlier state of it."""
    folder = tmp_path_factory.mktemp("kills")
    home = folder / "home"
    home.mkdir()
    indexer = Indexer(home)
    indexer.run(robots(3))
    (home / "feedback.jsonl").write_text("early\n")
    write_backup(home, folder / "early.tar.gz", datetime.now(UTC), lambda: None)
    indexer.run(robots(9))
    indexer.run(robots(_HELD))
    (home / "feedback.jsonl").write_text("late\n")
    return folder


class Trial:
    """A copy of the prepared home, in which something is killed."""

    def __init__(self, prepared: Path, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prepared, folder)
        self._folder = folder
        self.home = folder / "home"
        self._now = datetime.now(UTC) + timedelta(days=1)

    def order(self, name: str, moment: str | int = "") -> Order:
        file = {"backup": "late.tar.gz", "restore": "early.tar.gz"}.get(name, "")
        return replace(ORDERS[name], home=str(self.home), file=str(self._folder / file), moment=moment)

    def content(self) -> Content:
        """Return the digests of the papers of the current generation, all parts of which have to agree."""
        indexer = Indexer(self.home)
        indexer.paper_ids()
        papers = open_papers(indexer.folder.current())
        try:
            return papers.digests()
        finally:
            papers.close()

    def may_hold(self, *names: str) -> list[Content]:
        """Return the states that are allowed once some orders have been begun."""
        return [digests(_HELD), *(goal(name) for name in names)]

    def assert_sound(self, *names: str) -> None:
        """Assert that the index has one of the states allowed, and that each order can be obeyed now."""
        assert self.content() in self.may_hold(*names)
        kept = [path.read_text() for path in self.home.glob("feedback.jsonl*")]
        assert "late\n" in kept
        for name in names:
            order, indexer = self.order(name), Indexer(self.home)
            self._now += timedelta(hours=1)
            if name == "backup":
                write_backup(self.home, Path(order.file), self._now, lambda: None)
                restored = Path(order.file).parent / "restored"
                restore_backup(Path(order.file), restored, self._now, lambda: None)
                assert Indexer(restored).paper_ids() == Indexer(self.home).paper_ids()
            elif name == "restore":
                restore_backup(Path(order.file), self.home, self._now, lambda: None)
            else:
                indexer.runs = 24 * 365
                indexer.run(robots(order.papers, order.edition), rebuild=order.rebuild)
            if name != "backup":
                assert self.content() == goal(name)
        assert not {"staging", "restoring"} & {path.name for path in (self.home / "index").iterdir()}
        assert not list(self._folder.glob(".late*"))


def digests(numbers: tuple[int, ...], edition: str = "") -> Content:
    return {paper.paper_id: paper_digest(paper) for paper in robots(numbers, edition)}


def goal(name: str) -> Content:
    """Return what the index holds once an order has been obeyed."""
    if name == "restore":
        return digests((0, 1, 2))
    return digests(ORDERS[name].papers or _HELD, ORDERS[name].edition)


@pytest.mark.parametrize("name", ORDERS)
def test_kill_before_any_step_loses_nothing(
    name: str, prepared: Path, runners: tuple[Runner, Runner], tmp_path: Path
) -> None:
    for step in range(_MOST_STEPS):
        trial = Trial(prepared, tmp_path / "trial")
        runners[0].begin(trial.order(name, step))
        code = runners[0].end()
        trial.assert_sound(name)
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert code == 0 and step > 5


@pytest.mark.parametrize("share", range(4))
def test_kills_at_random_moments_lose_nothing(
    share: int, prepared: Path, runners: tuple[Runner, Runner], tmp_path: Path
) -> None:
    choose = random.Random(_SEED + share)
    seconds = {name: _seconds(name, prepared, runners[0], tmp_path) for name in ORDERS}
    killed = Counter[str]()
    for _ in range(KILLS):
        if killed.total() >= KILLS // 4:
            break
        trial = Trial(prepared, tmp_path / "trial")
        names = choose.sample(sorted(ORDERS), choose.choice((1, 2)))
        children = [(runner, runner.begin(trial.order(name))) for runner, name in zip(runners, names, strict=False)]
        time.sleep(choose.uniform(0, 0.9) * sum(seconds[name] for name in names))
        for _, child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        killed[" and ".join(sorted(names))] += sum(runner.end() != 0 for runner, _ in children)
        trial.assert_sound(*names)
    assert killed.total() >= KILLS // 4, killed


def _seconds(name: str, prepared: Path, runner: Runner, tmp_path: Path) -> float:
    """Return how long an order takes that nobody kills."""
    trial = Trial(prepared, tmp_path / "trial")
    started = time.monotonic()
    runner.begin(trial.order(name))
    assert runner.end() == 0
    return time.monotonic() - started
