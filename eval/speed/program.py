"""Run the program as a user does: its commands, and the chat as a separate process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
_PATIENCE = 180.0  # seconds, on a busy machine


def environ(**values: str) -> dict[str, str]:
    """Return the environment of a program with no settings but these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CITEDESK_")}
    return own | {"PYTHONPATH": str(PROJECT), "HF_HUB_OFFLINE": "1", **values}


def citedesk(*arguments: object, cwd: Path) -> str:
    """Run a command, and return what it printed; raises AssertionError where it fails."""
    command = [sys.executable, "-m", "rag", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environ(), capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


@dataclass
class Site:
    """The chat of an index; `settings` are environment variables, `arguments` those of `citedesk ui`."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    port: int = 0
    url: str = ""

    @property
    def log(self) -> Path:
        """The program's output, of all its starts."""
        return self.home.with_suffix(".log")

    def start(self) -> None:
        """Start it; afterwards its address is known, though it may still be loading."""
        command = [sys.executable, "-m", "rag", "ui", "--port", str(self.port), "--home", str(self.home)]
        logged = len(self.log.read_bytes()) if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self.arguments],
                cwd=self.home.parent,
                env=environ(**self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.url = self._until(lambda: self._address(logged))
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def wait(self) -> None:
        """Wait until the chat is open and answers questions."""
        self._until(lambda: self.status().get("open") and self.status().get("ready"))

    @property
    def process(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """Kill it, as a crash does."""
        self._process.kill()
        self._process.wait()

    def status(self) -> dict[str, Any]:
        """Return its state; empty where it does not reply."""
        try:
            with urllib.request.urlopen(f"{self.url}page/status", timeout=5) as reply:
                state: dict[str, Any] = json.load(reply)
                return state
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return {}

    def _address(self, logged: int) -> str:
        found = re.search(r"http://\S+", self.log.read_bytes()[logged:].decode())
        return found[0] if found else ""

    def _until(self, look: Any) -> Any:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise AssertionError(self.log.read_text())
            if found := look():
                return found
            time.sleep(0.05)
        raise AssertionError(f"Nothing happened in {_PATIENCE:.0f} s: {self.log.read_text()}")


@contextmanager
def running(site: Site, wait: bool = True) -> Iterator[Site]:
    """Run the chat while the context lasts."""
    site.start()
    try:
        if wait:
            site.wait()
        yield site
    finally:
        site.kill()
