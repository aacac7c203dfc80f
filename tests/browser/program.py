"""The real program, run as a user runs it: commands, and the chat as a process of its own."""

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
_PATIENCE = 60.0  # seconds, on a busy machine


def environ(**values: str) -> dict[str, str]:
    """Give the environment of a program that has no settings but these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CITEDESK_")}
    return own | {"PYTHONPATH": str(PROJECT), "HF_HUB_OFFLINE": "1", **values}


def citedesk(*arguments: object, cwd: Path) -> str:
    """Run a command to its end, and give what it printed."""
    command = [sys.executable, "-m", "rag", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environ(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
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
        """What the program has said, over all its starts."""
        return self.home.with_suffix(".log")

    def start(self) -> None:
        """Start it; afterwards its address is known, and it may still be loading."""
        command = [sys.executable, "-m", "rag", "ui", "--port", str(self.port), "--home", str(self.home)]
        said = len(self.log.read_bytes()) if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self.arguments],
                cwd=self.home.parent,
                env=environ(**self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.url = self._until(lambda: self._address(said))
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def wait(self) -> None:
        """Wait until the chat is there and questions are answered."""
        self._until(lambda: self.status().get("open") and self.status().get("ready"))

    def kill(self) -> None:
        """End it without a word, as a crash does."""
        self._process.kill()
        self._process.wait()

    def status(self) -> dict[str, Any]:
        """Ask for its state; empty where it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}page/status", timeout=5) as reply:
                state: dict[str, Any] = json.load(reply)
                return state
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return {}

    def _address(self, said: int) -> str:
        found = re.search(r"http://\S+", self.log.read_bytes()[said:].decode())
        return found[0] if found else ""

    def _until(self, look: Any) -> Any:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            assert self._process.poll() is None, self.log.read_text()
            if found := look():
                return found
            time.sleep(0.05)
        raise AssertionError(f"Nothing came of it in {_PATIENCE:.0f} s: {self.log.read_text()}")


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
