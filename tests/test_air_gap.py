"""What works where there is no network at all but loopback; `make airgap` runs it in a namespace of its own."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.fakes import SHELF
from tests.indexes import write_corpus
from tests.timing import PATIENCE, wait_until

pytestmark = pytest.mark.airgap
QUESTION = "which papers prune the KV cache"
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


@pytest.fixture(scope="module", autouse=True)
def _no_route() -> None:
    """Bring loopback up, and make sure that there is nothing else."""
    assert [name for _, name in socket.if_nameindex()] == ["lo"], "run this by `make airgap`"
    with socket.socket() as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    with socket.socket() as outside:
        assert outside.connect_ex(("192.0.2.1", 443)) == errno.ENETUNREACH


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A user's environment, without what tells the libraries to stay offline, and with an index of `SHELF`."""
    folder = tmp_path_factory.mktemp("gap")
    unset = re.compile(r"(?i)CITEDESK_|HF_|TRANSFORMERS_|GRADIO_|.*_proxy$")
    environment = {name: value for name, value in os.environ.items() if not unset.match(name)}
    environment |= {"HOME": str(folder), "CITEDESK_HOME": str(folder / "home")}
    citedesk(environment, "index", "--quiet", str(write_corpus(folder / "papers.jsonl", SHELF)))
    return environment


@pytest.fixture(scope="module")
def chat(environment: dict[str, str]) -> Iterator[httpx.Client]:
    """The running server, its index and its chat loaded."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "rag", "ui", "--port", str(port)]
    with (
        subprocess.Popen(
            command, env=environment, cwd=environment["HOME"], stderr=subprocess.PIPE, text=True
        ) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False) as client,
    ):
        assert server.stderr
        try:
            assert "Citedesk is at" in server.stderr.readline()
            wait_until(lambda: {"open": True, "ready": True}.items() <= client.get("/page/status").json().items())
            yield client
        finally:
            server.terminate()
            server.wait(PATIENCE)


def citedesk(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "rag", *arguments]
    done = subprocess.run(command, env=environment, cwd=environment["HOME"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_question_is_answered_on_the_command_line(environment: dict[str, str]) -> None:
    answer = json.loads(citedesk(environment, "ask", QUESTION, "--json"))
    assert answer["citations"][0]["title"] == SHELF[0].title
    assert json.loads(citedesk(environment, "doctor", "--json"))["checks"]


def test_page_and_all_that_it_loads_come_from_the_server(chat: httpx.Client) -> None:
    page = chat.get("/").text
    loaded = re.findall(r"<(?:script|link)\b[^>]*?\b(?:src|href)=[\"']([^\"']+)", page)
    urls = {urljoin(str(chat.base_url), each) for each in loaded}
    assert len(urls) > 5
    assert {urlsplit(url).hostname for url in urls} == {"127.0.0.1"}
    assert {chat.get(url).status_code for url in urls} == {200}


def test_question_is_answered_in_the_chat_and_by_the_api(chat: httpx.Client) -> None:
    _, _, config = chat.get("/").text.partition("window.gradio_config = ")
    dependencies: list[dict[str, Any]] = json.JSONDecoder().raw_decode(config)[0]["dependencies"]
    (ask,) = [each["id"] for each in dependencies if [target[1] for target in each["targets"]] == ["ask"]]
    asked = {"exchange_id": "x1", "question": QUESTION}
    joined = {"fn_index": ask, "data": [None], "event_data": asked, "session_hash": "gap"}
    assert chat.post("/gradio_api/queue/join", json=joined).status_code == 200
    with chat.stream("GET", "/gradio_api/queue/data", params={"session_hash": "gap"}) as stream:
        messages = [json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line]
    assert SHELF[0].title in json.dumps([each for each in messages if each["msg"].startswith("process_")])
    answer = chat.post("/api/ask", json={"question": QUESTION}).json()
    assert answer["citations"][0]["title"] == SHELF[0].title


def test_files_are_read_without_a_network(environment: dict[str, str], tmp_path: Path) -> None:
    citedesk(environment, "backup", str(tmp_path / "b.tar.gz"))
    assert citedesk(environment, "export", "--format", "bibtex").count("@") == len(SHELF)
